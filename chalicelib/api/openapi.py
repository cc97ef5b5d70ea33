"""The API's description, OpenAPI 3.1.1, made from the table of operations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from . import media
from .operation import SCOPES, Operation
from .problems import BASE, CONCISE_MEDIA_TYPE, KINDS
from .problems import MEDIA_TYPE as PROBLEM_TYPE
from .schemas import credentials, issuing, log, service, verifying, webhooks
from .schemas.parts import ref
from .tokens import TOKEN_PATH

JsonObject = dict[str, Any]

SCHEMAS: JsonObject = {
    **service.SCHEMAS,
    **log.SCHEMAS,
    **issuing.SCHEMAS,
    **verifying.SCHEMAS,
    **credentials.SCHEMAS,
    **webhooks.SCHEMAS,
}

_REASONS = {
    200: "Done",
    201: "Registered",
    202: "Accepted",
    204: "Done",
    302: "Registration is running: ask again",
    303: "Accepted: ask at the location",
    400: "The request is wrong",
    401: "Not authenticated",
    403: "Not allowed",
    404: "Not there",
    405: "Method not allowed",
    406: "No acceptable form",
    409: "In conflict with the log",
    410: "Not there any more",
    413: "Too large",
    415: "Wrong media type",
    422: "In conflict with what is known",
    429: "Too much at once",
    500: "Our fault",
    503: "Not now",
}


def describe(operations: Iterable[Operation], url: str) -> JsonObject:
    paths: dict[str, JsonObject] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "Tally",
            "version": "1",
            "summary": "A notary for credentials and certificates: statements in, receipts out",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": url}],
        "paths": paths,
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {"oauth": _security(url)},
        },
    }


def _security(url: str) -> JsonObject:
    flow = {"tokenUrl": url + TOKEN_PATH, "scopes": SCOPES}
    return {"type": "oauth2", "flows": {"clientCredentials": flow}}


def _operation(operation: Operation) -> JsonObject:
    described: JsonObject = {
        "operationId": operation.id,
        "summary": operation.summary,
        "parameters": _parameters(operation),
        "responses": _responses(operation),
        "security": [{"oauth": [operation.scope]}] if operation.scope else [],
    }
    if operation.takes:
        content = {type_: _media(type_, (operation.reads,)) for type_ in operation.takes}
        described["requestBody"] = {"required": True, "content": content}
    return described


def _parameters(operation: Operation) -> list[JsonObject]:
    places = (
        ("path", operation.parameters),
        ("query", operation.query),
        ("header", operation.sends),
    )
    return [
        {
            "name": name,
            "in": place,
            "required": place == "path",
            "description": text,
            "schema": {"type": "string"},
        }
        for place, named in places
        for name, text in named.items()
    ]


def _responses(operation: Operation) -> JsonObject:
    responses: JsonObject = {}
    for status, types in operation.gives.items():
        content = {type_: _media(type_, operation.returns) for type_ in types if type_}
        responses[str(status)] = _response(status, content, operation.headers)
    by_status: dict[int, list[str]] = {}
    for name in operation.all_problems:
        by_status.setdefault(KINDS[name].status, []).append(name)
    for status, names in sorted(by_status.items()):
        responses[str(status)] = _response(status, _problem_content(names), {})
    return responses


def _response(status: int, content: JsonObject, headers: Mapping[str, str]) -> JsonObject:
    told = {"X-Request-Id": "names this request in our logs", **headers}
    return {
        "description": _REASONS[status],
        "headers": {
            name: {"description": text, "schema": {"type": "string"}} for name, text in told.items()
        },
        **({"content": content} if content else {}),
    }


def _problem_content(names: list[str]) -> JsonObject:
    types = {"type": {"enum": [BASE + name for name in names]}}
    problem = {"allOf": [_ref("Problem"), {"properties": types}]}
    return {
        PROBLEM_TYPE: {"schema": problem},
        CONCISE_MEDIA_TYPE: {"schema": {"contentMediaType": CONCISE_MEDIA_TYPE}},
    }


def _media(type_: str, schemas: Sequence[str]) -> JsonObject:
    if type_ == media.RECEIPT:
        return {"schema": _ref("Receipt")}
    if type_ in (media.JSON, media.FORM):
        refs = [_ref(name) for name in schemas]
        return {"schema": refs[0] if len(refs) == 1 else {"anyOf": refs}}
    if type_.startswith("text/") or type_ == media.NDJSON:
        return {"schema": {"type": "string"}}
    return {"schema": {"contentMediaType": type_}}


def _ref(name: str) -> JsonObject:
    assert name in SCHEMAS, f"there is no schema {name!r}"
    return ref(name)
