"""Status lists of W3C and IETF: places in them for new credentials, and the lists for everybody.

The lists are public and whole: to look at one tells nobody which credential was verified.
"""

from __future__ import annotations

import json

from ..notary.limits import ALLOT_ENTRIES, LIST_RETRY_S, LIST_TTL_S
from ..notary.status.allot import Allotted, allot_entries
from ..notary.status.bit_lists import PURPOSES, TOKEN, bits_url, parse_name
from ..notary.status.served import NoSuchList, NotFresh, Served, serve_list
from ..proof.errors import Malformed
from ..proof.members import read_integer, read_text
from . import media
from .issuers import ISSUER, issuer_of
from .operation import ENTRIES_WRITE, Call
from .problems import Problem
from .request import NOT_STORED, Reply
from .room import Room

room = Room(__name__)

REQUEST_BYTES = 2_048
LIST = {**ISSUER, "list": "a page, or page-generation"}
PURPOSE = {**LIST, "purpose": "revocation or suspension"}


@room.operation(
    "POST",
    "/v1/status-entries",
    summary="Lineages for new credentials, each with its place in a status list",
    scope=ENTRIES_WRITE,
    takes=(media.JSON,),
    gives={201: (media.JSON,)},
    reads="StatusEntriesRequest",
    returns=("StatusEntries",),
    problems=(
        *("malformed-json", "not-acceptable", "too-many-items"),
        *("unknown-issuer", "not-your-issuer", "issuer-not-active", "no-more-places"),
    ),
)
def create_status_entries(call: Call) -> Reply:
    call.request.negotiate((media.JSON,))
    call.request.limit(REQUEST_BYTES)
    members = call.request.json(("issuer", "count"))
    try:
        issuer, count = read_text(members["issuer"], "issuer"), members["count"]
        count = read_integer(count, "count")
    except Malformed as error:
        raise Problem("malformed-json", str(error)) from error
    if count == 0:
        raise Problem("malformed-json", "count is at least 1")
    if count > ALLOT_ENTRIES:
        raise Problem("too-many-items", f"ask for at most {ALLOT_ENTRIES} entries at once")
    service = call.service
    entries = allot_entries(service.log, service.registry, call.caller, issuer, count)
    body = {"entries": [_write(service.public_url, each) for each in entries]}
    return Reply(201, media.JSON, json.dumps(body).encode(), NOT_STORED)


def _write(public_url: str, entry: Allotted) -> dict[str, object]:
    return {"sub": entry.sub, "list": bits_url(public_url, entry.list), "index": entry.index}


@room.operation(
    "GET",
    "/v1/issuers/{issuer}/lists/{list}",
    summary="The newest registered token status list (IETF)",
    parameters=LIST,
    gives={200: (media.STATUS_TOKEN,)},
    headers={"Retry-After": "seconds, while the list is being made"},
    problems=("no-such-list", "list-not-fresh"),
)
def show_token_status_list(call: Call) -> Reply:
    return _reply(_serve(call, TOKEN), media.STATUS_TOKEN)


@room.operation(
    "GET",
    "/v1/issuers/{issuer}/lists/{list}/{purpose}",
    summary="The newest registered bitstring status list (W3C)",
    parameters=PURPOSE,
    gives={200: (media.CREDENTIAL,)},
    headers={"Retry-After": "seconds, while the list is being made"},
    problems=("no-such-list", "list-not-fresh"),
)
def show_bitstring_status_list(call: Call) -> Reply:
    purpose = call.request.params["purpose"]
    if purpose not in PURPOSES:
        raise Problem("no-such-list", f"a purpose is one of {', '.join(PURPOSES)}")
    return _reply(_serve(call, purpose), media.CREDENTIAL)


def _serve(call: Call, form: str) -> Served:
    id_ = parse_name(issuer_of(call), call.request.params["list"])
    if id_ is None:
        raise Problem("no-such-list", "a list is named by a page, or by page-generation")
    try:
        return serve_list(call.service.log, id_, form, call.now_ms)
    except NoSuchList:
        raise Problem("no-such-list", "no credential has a place on it") from None
    except NotFresh:
        headers = {"Retry-After": str(LIST_RETRY_S), **_ANYWHERE}
        raise Problem("list-not-fresh", headers=headers) from None


_ANYWHERE = {"Access-Control-Allow-Origin": "*"}
"""Verifiers in browsers read lists, too."""


def _reply(served: Served, media_type: str) -> Reply:
    """What caches keep is never older than a list may be."""
    max_age_s = min(served.fresh_s, LIST_TTL_S)
    headers = {"Cache-Control": f"public, max-age={max_age_s}", **_ANYWHERE}
    return Reply(200, media_type, served.document, headers)
