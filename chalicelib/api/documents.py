"""``/v1/documents``: custodial issuing, for issuers whose key is in KMS.

The document's salt is in the answer, and nowhere else once the window has ended.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager

from ..notary.custody import documents as use_case
from ..notary.erasures import erase_kept
from ..notary.limits import CUSTODY_BYTES, IDEMPOTENCY_KEY_CHARACTERS, WAIT_S
from ..notary.profiles import BrokenClaims
from ..proof.hashes import Hash
from ..proof.jcs import JsonValue, parse_ijson
from ..proof.receipt import HolderPart, write_holder
from . import media
from .entries import RETRY, STATEMENT_REFUSALS, applied, integrated_index
from .operation import DOCUMENTS_ISSUE, Call
from .problems import Problem
from .receipts import find, receipt_at, splice
from .request import PRIVATE, Reply
from .room import Room

room = Room(__name__)

DOCUMENT = {"document": "the id of the issue"}
GIVEN_KEY_REFUSALS = (
    "malformed-idempotency-key",
    "idempotency-key-reused",
    "idempotency-key-spent",
    "in-progress",
)
KEY_REFUSALS = ("missing-idempotency-key", *GIVEN_KEY_REFUSALS)
REFUSALS = (
    "malformed-json",
    "malformed-document",
    "broken-claims",
    "blind-profile",
    "no-claims",
    "no-custodial-key",
    "cannot-issue",
    "too-long-to-sign",
    *KEY_REFUSALS,
)

_ID = re.compile(r"[0-9a-f]{64}", re.ASCII)
_KEY = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])+)"|([!#-+\x2d-:<-\[\]-~]+)', re.ASCII)


@room.operation(
    "POST",
    "/v1/documents",
    summary="Issue a document, or a credential made of claims, with the issuer's key in KMS",
    scope=DOCUMENTS_ISSUE,
    takes=(media.JSON,),
    sends={
        "Idempotency-Key": "required: a random string of your own, such as a UUID; the same key and"
        " body issue once and are answered alike for 24 hours"
        " (draft-ietf-httpapi-idempotency-key-header)",
        "Prefer": f"wait=N: answer within N seconds, at most {WAIT_S} (RFC 7240)",
    },
    gives={201: (media.JSON,), 303: (media.JSON,)},
    headers={
        "Location": "where the answer can be had again",
        "Retry-After": "seconds, while it is not integrated",
        "Preference-Applied": "the wait that was honoured",
    },
    reads="IssueRequest",
    returns=("Issued",),
    problems=(*STATEMENT_REFUSALS, *REFUSALS, "not-acceptable"),
)
def issue_document(call: Call) -> Reply:
    call.request.negotiate((media.JSON,))
    call.request.limit(CUSTODY_BYTES)
    issued = _issue(call, read_key(call.request.headers.get("idempotency-key")))
    index = integrated_index(call, issued.signed.entry_id)
    headers = {"Location": call.url(f"/v1/documents/{issued.id}"), **applied(call)}
    return _reply(201 if index is not None else 303, call, issued, index, headers)


@room.operation(
    "GET",
    "/v1/documents/{document}",
    summary="What was issued, once more; with its whole receipt once it is integrated",
    scope=DOCUMENTS_ISSUE,
    parameters=DOCUMENT,
    gives={200: (media.JSON,)},
    headers={"Retry-After": "seconds, while it is not integrated"},
    returns=("Issued",),
    problems=("no-such-issue", "document-gone", "set-aside", "not-acceptable"),
)
def show_document(call: Call) -> Reply:
    call.request.negotiate((media.JSON,))
    try:
        issued = use_case.find(desk_of(call), _id(call))
    except use_case.Destroyed as error:
        raise Problem("document-gone", _what_is_left(error.entry_id)) from error
    if issued is None:
        raise Problem("no-such-issue")
    index = find(call.service.log, issued.signed.entry_id.hex())
    return _reply(200, call, issued, index, {})


@room.operation(
    "DELETE",
    "/v1/documents/{document}",
    summary="Destroy at once what is kept of an issue: salt, credential and their key; 200 has an"
    " erasure receipt of the issuer's, 204 says that there is no entry or no key to sign it with",
    scope=DOCUMENTS_ISSUE,
    parameters=DOCUMENT,
    gives={200: (media.ERASURE,), 204: ("",)},
    returns=("ErasureReceipt",),
    problems=("no-such-issue", "outcome-unknown"),
)
def destroy_document(call: Call) -> Reply:
    service = call.service
    receipt = erase_kept(
        service.custody,
        service.registry,
        service.webhooks,
        call.caller.tenant,
        _id(call),
        service.clock_ms,
    )
    if receipt is None:
        raise Problem("no-such-issue")
    return Reply(200 if receipt else 204, media.ERASURE if receipt else "", receipt, PRIVATE)


def read_key(header: str | None) -> str:
    """The value of Idempotency-Key: a string as RFC 9651 §3.3.3 writes it, or the same bare."""
    if header is None:
        raise Problem("missing-idempotency-key")
    match = _KEY.fullmatch(header.strip())
    if match is None:
        raise Problem("malformed-idempotency-key", "it is one string in double quotes")
    key = re.sub(r"\\(.)", r"\1", match[1]) if match[1] else match[2]
    if len(key) > IDEMPOTENCY_KEY_CHARACTERS:
        raise Problem(
            "malformed-idempotency-key", f"it has at most {IDEMPOTENCY_KEY_CHARACTERS} characters"
        )
    return str(key)


def desk_of(call: Call) -> use_case.Desk:
    service = call.service
    return use_case.Desk(service.custody, service.registry, service.log, call.caller, call.now_ms)


def _issue(call: Call, key: str) -> use_case.Issued:
    try:
        with once():
            return use_case.issue(desk_of(call), key, call.request.body)
    except BrokenClaims as error:
        breaches: list[JsonValue] = [
            {"pointer": each.pointer, "sentence": each.sentence} for each in error.breaches
        ]
        members: dict[str, JsonValue] = {"breaches": breaches, "breach_count": error.count}
        raise Problem("broken-claims", str(error), members=members) from error


@contextmanager
def once() -> Iterator[None]:
    """What else an Idempotency-Key may stand for, as problems."""
    try:
        yield
    except use_case.InProgress as error:
        raise Problem("in-progress", headers={"Retry-After": "2"}) from error
    except use_case.Destroyed as error:
        raise Problem("idempotency-key-spent", _what_is_left(error.entry_id)) from error


def _what_is_left(entry_id: Hash | None) -> str:
    if entry_id is None:
        return "nothing was issued with it: use a new Idempotency-Key"
    return (
        f"the entry {entry_id.hex()} was signed with it, and its salt is destroyed; if"
        " GET /v1/receipts has it, revoke it before you issue anew with a new Idempotency-Key"
    )


def _id(call: Call) -> str:
    id_ = call.request.params["document"]
    if not _ID.fullmatch(id_):
        raise Problem("no-such-issue")
    return id_


def _reply(
    status: int, call: Call, issued: use_case.Issued, index: int | None, headers: dict[str, str]
) -> Reply:
    facts = _facts(issued)
    if index is None:
        return Reply(status, media.JSON, facts, {**PRIVATE, **RETRY, **headers})
    body = splice(facts, receipt_at(call, index, issued.document))
    return Reply(status, media.JSON, body, {**PRIVATE, **headers})


def _facts(issued: use_case.Issued) -> bytes:
    statement = issued.signed.statement
    facts: dict[str, JsonValue] = {
        "id": issued.id,
        "entry_id": issued.signed.entry_id.hex(),
        "issuer": statement.iss,
        "profile": issued.profile,
        "canonicalization": issued.document.canonicalization,
        "document": write_holder(issued.document),
    }
    if issued.credential:
        facts["credential"] = credential_of(issued.document, issued.credential)
    return json.dumps(facts, ensure_ascii=False, separators=(",", ":")).encode()


def credential_of(document: HolderPart, credential: bytes) -> JsonValue:
    """An SD-JWT is text; an Open Badge is JSON, and digested by RFC 8785 whatever its layout."""
    return credential.decode() if document.canonicalization == "raw" else parse_ijson(credential)
