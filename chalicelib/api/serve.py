"""From an event of API Gateway to its answer: what every operation needs of HTTP, once.

One JSON line is logged per request. It holds no token, body, salt or name, so a log may be shown.
"""

from __future__ import annotations

import json
import sys
import traceback
import uuid
from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any

from chalice.app import CaseInsensitiveMapping, Response
from chalice.app import Request as Event

from ..notary.admit import Refused
from ..notary.log import NotCreated
from ..notary.ports import Busy, OutcomeUnknown
from ..proof.hashes import sha256
from . import wiring
from .auth import authenticate
from .media import choose
from .operation import Call, Operation
from .problems import (
    CONCISE_MEDIA_TYPE,
    MEDIA_TYPE,
    Problem,
    format_concise_problem,
    format_problem,
)
from .request import NOT_STORED, Reply, Request

ANY_MEDIA = "*/*"
"""API Gateway decodes a binary answer only if the first type in Accept is a binary type of the
API. Tile readers send ``*/*`` or nothing and would get base64: so every type is binary to it."""


class Answer(Response):
    """A response that goes out as text where it is UTF-8, else as base64, whatever its type."""

    def to_dict(self, binary_types: list[str] | None = None) -> dict[str, Any]:  # noqa: ARG002
        try:
            text = self.body.decode()
        except UnicodeDecodeError:
            return super().to_dict([ANY_MEDIA])
        return Response(text, self.headers, self.status_code).to_dict()


def guard(event: Event, get_response: Callable[[Event], Response]) -> Response:
    """The outermost layer: what Chalice refuses by itself becomes a problem, too.

    No Accept header means any type (RFC 9110 §12.5.1), which Chalice takes for none."""
    headers = dict(event.headers)
    event.headers = CaseInsensitiveMapping({"accept": ANY_MEDIA, **headers})
    response = get_response(event)
    if isinstance(response, Answer):
        return response
    name = "method-not-allowed" if response.status_code == 405 else "internal-error"
    allow = {name: str(value) for name, value in response.headers.items() if name == "Allow"}
    request_id = _request_id(event)
    return _respond(_refuse(Problem(name, headers=allow), headers, request_id), request_id)


def answer(operation: Operation, event: Event) -> Response:
    started = perf_counter()
    request = _read_request(operation, event)
    reply, facts = _serve(operation, request)
    log_line(
        request=request.id,
        method=operation.method,
        route=operation.path,
        status=reply.status,
        ms=round((perf_counter() - started) * 1000, 1),
        **facts,
    )
    return _respond(reply, request.id)


def _read_request(operation: Operation, event: Event) -> Request:
    raw, raw_body = event.to_original_event(), event.raw_body
    lines: Mapping[str, list[str]] = raw.get("multiValueHeaders") or {}
    headers = {name.lower(): str(value) for name, value in dict(event.headers).items()}
    headers |= {name.lower(): ", ".join(values) for name, values in lines.items()}
    return Request(
        id=_request_id(event),
        method=operation.method,
        route=operation.path,
        headers=headers,
        query=raw.get("multiValueQueryStringParameters") or {},
        params=event.uri_params or {},
        body=raw_body if isinstance(raw_body, bytes) else raw_body.encode(),
    )


def _request_id(event: Event) -> str:
    """API Gateway's, so that one id leads to every log of a request."""
    return str(event.context.get("requestId") or uuid.uuid4())


def _serve(operation: Operation, request: Request) -> tuple[Reply, dict[str, str]]:
    """The reply, and what the log line may say about it."""
    facts: dict[str, str] = {}
    try:
        call = Call(request, wiring.service())
        _check(operation, call, facts)
        return operation.view(call), facts
    except Problem as error:
        problem = error
    except Refused as error:
        problem = Problem(error.name, error.detail)
    except OutcomeUnknown as error:
        facts["error"] = describe_error(error)
        problem = Problem("outcome-unknown", headers={"Retry-After": "1"})
    except Busy as error:
        facts["error"] = describe_error(error)
        problem = Problem("busy", headers={"Retry-After": "2"})
    except NotCreated as error:
        problem = Problem("not-ready", str(error))
    except Exception as error:  # noqa: BLE001 - the boundary: told to the log, not to the client
        facts["error"] = describe_error(error)
        problem = Problem("internal-error")
    facts["problem"] = problem.name
    return _refuse(problem, request.headers, request.id), facts


def _check(operation: Operation, call: Call, facts: dict[str, str]) -> None:
    """What can be refused before the view is asked."""
    request = call.request
    unknown = sorted(request.query.keys() - operation.query.keys())
    if unknown:
        raise Problem("bad-query", f"there is no query parameter {unknown[0]!r} here")
    if operation.takes:
        _check_media_type(operation, request)
    if operation.scope:
        call.signed_in = authenticate(request, call.service, operation.scope)
        facts["tenant"] = sha256(call.signed_in.tenant.encode()).hex()[:12]


def _check_media_type(operation: Operation, request: Request) -> None:
    accepted = {"Accept-Post": ", ".join(operation.takes)}
    if request.media_type not in operation.takes:
        detail = f"send one of {', '.join(operation.takes)} in Content-Type"
        raise Problem("unsupported-media-type", detail, accepted)
    if request.headers.get("content-encoding", "identity") != "identity":
        raise Problem("unsupported-media-type", "send the body without Content-Encoding", accepted)


def _refuse(problem: Problem, headers: Mapping[str, str], request_id: str) -> Reply:
    """SCRAPI §2 wants concise problem details; whoever names them in Accept gets them."""
    accept = headers.get("accept", "")
    concise = CONCISE_MEDIA_TYPE in accept
    if concise and choose(accept, (MEDIA_TYPE, CONCISE_MEDIA_TYPE)) == CONCISE_MEDIA_TYPE:
        media, body = CONCISE_MEDIA_TYPE, format_concise_problem(problem, request_id)
    else:
        media, body = MEDIA_TYPE, format_problem(problem, request_id)
    return Reply(problem.kind.status, media, body, {**NOT_STORED, **problem.headers})


def _respond(reply: Reply, request_id: str) -> Answer:
    headers: dict[str, str | list[str]] = {**reply.headers, "X-Request-Id": request_id}
    # API Gateway adds its own application/json where a content type is missing.
    headers["Content-Type"] = reply.media or "application/octet-stream"
    headers["X-Content-Type-Options"] = "nosniff"
    return Answer(reply.body, headers, reply.status)


def describe_error(error: BaseException) -> str:
    """Its class and where it was raised; its message may hold what must not be logged."""
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    where = " < ".join(f"{f.filename.rsplit('/', 2)[-1]}:{f.lineno} {f.name}" for f in frames[::-1])
    return f"{type(error).__name__} at {where}"


def log_line(**facts: object) -> None:
    """One JSON line to standard error, which Lambda sends to the log group."""
    sys.stderr.write(json.dumps(facts, separators=(",", ":")) + "\n")
    sys.stderr.flush()
