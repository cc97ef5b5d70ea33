"""What the notary registered about issuers, for everybody: profiles and status lists.

The documents are public and whole: to look at one tells nobody which document was verified.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from ..notary.limits import LIST_DIGITS, PUBLISHED_MAX_AGE_S
from ..notary.notices import IssuerNotices, Placed, profile_key, status_key
from ..notary.published import find_notices
from ..notary.rows import Rows
from ..proof.entry_status import parse_entry_status
from ..proof.hashes import Hash
from ..proof.issuer_profile import parse_profile
from . import media
from .operation import Call
from .problems import Problem
from .request import Reply
from .room import Room

room = Room(__name__)

ISSUER = {"issuer": "an issuer's id, did:web:…"}
DIGEST = {**ISSUER, "digest": "SHA-256 of the document, 64 lower-case hex digits"}
PART = {**ISSUER, "part": "SHA-256 of a list, or the hex digits that entry ids begin with"}

_NEWEST = {"Cache-Control": f"public, max-age={PUBLISHED_MAX_AGE_S}"}
_IMMUTABLE = {"Cache-Control": "public, max-age=31536000, immutable"}
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)


@room.operation(
    "GET",
    "/v1/issuers/{issuer}/profile",
    summary="The newest registered profile of an issuer",
    parameters=ISSUER,
    gives={200: (media.ISSUER_PROFILE,)},
    returns=("IssuerProfile",),
    problems=("no-such-document",),
)
def show_profile(call: Call) -> Reply:
    notices = _notices(call)
    newest = notices.profiles[-1] if notices.profiles else None
    data = _document(call, profile_key(_digest_of(newest)))
    return Reply(200, media.ISSUER_PROFILE, data, _NEWEST)


@room.operation(
    "GET",
    "/v1/issuers/{issuer}/profile/{digest}",
    summary="A profile of an issuer, by its digest",
    parameters=DIGEST,
    gives={200: (media.ISSUER_PROFILE,)},
    returns=("IssuerProfile",),
    problems=("no-such-document",),
)
def show_old_profile(call: Call) -> Reply:
    data = _document(call, profile_key(_digest(call.request.params["digest"])))
    _check_issuer(call, parse_profile(data).id)
    return Reply(200, media.ISSUER_PROFILE, data, _IMMUTABLE)


@room.operation(
    "GET",
    "/v1/issuers/{issuer}/status",
    summary="The newest registered list of what became of an issuer's entries",
    parameters=ISSUER,
    gives={200: (media.ENTRY_STATUS,)},
    returns=("EntryStatus",),
    problems=("no-such-document",),
)
def show_status(call: Call) -> Reply:
    return _newest_list(call, "")


@room.operation(
    "GET",
    "/v1/issuers/{issuer}/status/{part}",
    summary="A list of what became of an issuer's entries: by its digest, or the newest of a part",
    parameters=PART,
    gives={200: (media.ENTRY_STATUS,)},
    returns=("EntryStatus",),
    problems=("no-such-document",),
)
def show_status_part(call: Call) -> Reply:
    part = call.request.params["part"]
    if len(part) <= LIST_DIGITS:
        return _newest_list(call, part)
    data = _document(call, status_key(_digest(part)))
    _check_issuer(call, parse_entry_status(data).issuer)
    return Reply(200, media.ENTRY_STATUS, data, _IMMUTABLE)


def _newest_list(call: Call, prefix: str) -> Reply:
    found = [each for each in _notices(call).lists if each.prefix == prefix]
    if not found:
        raise Problem("no-such-document", "this issuer's entries are listed in other parts")
    data = _document(call, status_key(_digest_of(found[0].status)))
    return Reply(200, media.ENTRY_STATUS, data, _NEWEST)


def issuer_of(call: Call) -> str:
    """The id in the path; some clients write its colons as %3A, and no id has a percent sign."""
    return unquote(call.request.params["issuer"])


def _notices(call: Call) -> IssuerNotices:
    log = call.service.log
    found = find_notices(log, Rows(log, log.readable()), issuer_of(call))
    if found is None:
        raise Problem("no-such-document", "nothing was registered about an issuer with this id")
    return found


def _digest_of(placed: Placed | None) -> Hash:
    if placed is None:
        raise Problem("no-such-document", "none is registered yet")
    return placed.document


def _digest(text: str) -> Hash:
    if not _DIGEST.fullmatch(text):
        raise Problem("no-such-document", "a digest is written as 64 lower-case hex digits")
    return Hash.parse_hex(text)


def _document(call: Call, key: str) -> bytes:
    data = call.service.log.tiles.get(key)
    if data is None:
        raise Problem("no-such-document", "none has this digest")
    return data


def _check_issuer(call: Call, issuer: str) -> None:
    if issuer != issuer_of(call):
        raise Problem("no-such-document", "the document with this digest is another issuer's")
