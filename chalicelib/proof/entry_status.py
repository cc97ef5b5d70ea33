"""What became of an issuer's entries: every change of status, read from the log up to a size.

A public document, ``MEDIA_TYPE``: RFC 8785 JSON and a newline, at most ``STATUS_BYTES``, one list
for each issuer. Anybody can make it from the log's entries (``change_of``); a ``status-list``
notice of the notary registers its digest, and it travels in receipts.

    {"v": 1, "origin", "issuer", "prefix", "size", "timestamp_ms": that of the block of this size,
     "changes": [{"entry", "kind", "effective": seconds, "reason"?, "by"}, …]}

``prefix`` is hex digits: the list is about those entries whose id begins with them, and about all
where it is empty. ``changes`` stand in the order of the log. ``entry`` is the id of the target,
``by`` that of the statement, and so of the newer entry where ``kind`` is supersede; that one has no
``reason``, and takes effect with the block that holds it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from .codes import Code
from .errors import CannotTell, Invalid
from .hashes import Hash
from .jcs import JsonValue, format_jcs, parse_ijson
from .limits import STATUS_BYTES, STATUS_FRESH_MS
from .members import (
    MalformedMember,
    read_hash,
    read_integer,
    read_list,
    read_members,
    read_object,
    read_text,
)
from .payload import REASONS, STATUS_KINDS, StatusChange, Supersede, check_did
from .receipt import Evidence
from .statement import SignedStatement
from .times import format_time

MEDIA_TYPE = "application/vnd.tally.status+json"

_PREFIX = re.compile(r"[0-9a-f]{0,64}", re.ASCII)

SUPERSEDE = "supersede"
FINAL = ("revoke", SUPERSEDE)
"""After these nothing changes an entry's status any more."""


class MalformedEntryStatus(MalformedMember):
    """Not an entry status document."""


class EntryStatusTooLarge(MalformedEntryStatus):
    """More than ``STATUS_BYTES``; not even read."""


class NonCanonicalEntryStatus(MalformedEntryStatus):
    """Readable, but not the one spelling (RFC 8785 and a newline) that this document has."""


class Change(NamedTuple):
    """A statement about ``entry``; ``reason`` is empty for supersede, ``effective`` in seconds."""

    entry: Hash
    kind: str
    effective: int
    reason: str
    by: Hash


@dataclass(frozen=True, slots=True)
class EntryStatus:
    """All changes of those of an issuer's entries whose ids begin with ``prefix``, among the first
    ``size`` entries of the log ``origin``."""

    origin: str
    issuer: str
    prefix: str
    size: int
    timestamp_ms: int
    changes: tuple[Change, ...]


def change_of(signed: SignedStatement, timestamp_ms: int) -> Change | None:
    """The change that a statement in a block of that time is; None for one that changes nothing."""
    payload = signed.statement.payload
    match payload:
        case StatusChange():
            return Change(
                payload.target, payload.kind, payload.effective, payload.reason, signed.entry_id
            )
        case Supersede():
            effective = timestamp_ms // 1000
            return Change(payload.target, SUPERSEDE, effective, "", signed.entry_id)
        case _:
            return None


def possible_changes(changes: Iterable[Change], entry: Hash) -> list[Change]:
    """Those of one entry's changes, in order of the log, that count: the first in the log holds.

    Nothing counts after a revoke or a supersede, no second suspend, and no reinstate of what is not
    suspended. Admission refuses such statements; two that raced may both be in the log."""
    possible: list[Change] = []
    for change in changes:
        if change.entry == entry and impossible(possible, change.kind) is None:
            possible.append(change)
    return possible


def impossible(possible: Sequence[Change], kind: str) -> str | None:
    """Why a change of this kind cannot follow those that count so far; None when it can."""
    last = possible[-1].kind if possible else ""
    if last in FINAL:
        return f"{_DONE[last]} by {possible[-1].by.hex()}"
    if kind == "suspend" and last == "suspend":
        return f"{_DONE[last]} by {possible[-1].by.hex()}"
    if kind == "reinstate" and last != "suspend":
        return NOT_SUSPENDED
    return None


NOT_SUSPENDED = "not suspended"

_DONE = {
    "suspend": "suspended",
    "reinstate": "reinstated",
    "revoke": "revoked",
    SUPERSEDE: "superseded",
}


_CODES: dict[str, Code] = {
    "suspend": "status/suspended",
    "revoke": "status/revoked",
    SUPERSEDE: "status/superseded",
}


def judge_status(
    status: EntryStatus, entry: Hash, origin: str, issuer: str, at_ms: int, read_ms: int
) -> tuple[str, Code]:
    """Whether an entry of ``issuer`` in the log ``origin`` was good at ``at_ms``.

    ``read_ms`` is when the list was read from the log (see ``read_ms_of``). Raises Invalid if the
    list is about another issuer, log or part of its entries, or if the entry was revoked,
    superseded or suspended then; CannotTell if the list is too old to know. Bad news holds however
    old the list is; good news only ``STATUS_FRESH_MS``."""
    check_subject(status, entry, origin, issuer)
    possible = possible_changes(status.changes, entry)
    past = [change for change in possible if change.effective * 1000 <= at_ms]
    for change in past:
        if change.kind in FINAL:
            raise Invalid(_tell(change), _CODES[change.kind])
    if past and past[-1].kind == "suspend":
        raise Invalid(_tell(past[-1]), _CODES["suspend"])
    if at_ms > read_ms + STATUS_FRESH_MS:
        raise CannotTell(
            f"it was good at {format_time(read_ms)}, but the list is older than"
            f" {format_time(at_ms)}: tally receipt refresh gets a newer one",
            "status/stale",
        )
    later = [_tell(change) for change in possible if change not in past]
    told = "; ".join([f"it was good at {format_time(at_ms)}", *later])
    return told, "status/changed-later" if later else "status/good"


def check_subject(status: EntryStatus, entry: Hash, origin: str, issuer: str) -> None:
    """Raises Invalid if the list is not about this entry, whatever it says."""
    if (status.origin, status.issuer) != (origin, issuer):
        raise Invalid(f"the status list is of {status.issuer} in {status.origin}")
    if not entry.hex().startswith(status.prefix):
        raise Invalid(f"the status list is of entries whose ids begin with {status.prefix}")


def read_ms_of(evidence: Evidence) -> int:
    """When the list of this evidence was read from the log: the notary's word, as far as it can be
    true."""
    return min(evidence.statement.statement.iat * 1000, evidence.registered.block.timestamp_ms)


def _tell(change: Change) -> str:
    since = format_time(change.effective * 1000)
    if change.kind == SUPERSEDE:
        return f"superseded by the entry {change.by.hex()} since {since}"
    return f"{_DONE[change.kind]} since {since} ({change.reason})"


def parse_entry_status(data: bytes) -> EntryStatus:
    """Read an entry status document exactly; raises Malformed."""
    if len(data) > STATUS_BYTES:
        raise EntryStatusTooLarge(f"an entry status document has at most {STATUS_BYTES} bytes")
    status = _read_status(parse_ijson(data))
    if _write(status) != data:
        raise NonCanonicalEntryStatus("an entry status document is RFC 8785 JSON and a newline")
    return status


def format_entry_status(status: EntryStatus) -> bytes:
    """The document; raises EntryStatusTooLarge."""
    data = _write(status)
    if len(data) > STATUS_BYTES:
        raise EntryStatusTooLarge(
            f"the list of {len(status.changes)} changes has more than {STATUS_BYTES} bytes"
        )
    return data


def _read_status(value: JsonValue) -> EntryStatus:
    names = ("v", "origin", "issuer", "prefix", "size", "timestamp_ms", "changes")
    members = read_members(value, "status", names)
    if type(members["v"]) is not int or members["v"] != 1:
        raise MalformedEntryStatus("status: v is the integer 1")
    prefix = read_text(members["prefix"], "prefix")
    if not _PREFIX.fullmatch(prefix):
        raise MalformedEntryStatus("prefix is at most 64 lower-case hex digits")
    return EntryStatus(
        origin=read_text(members["origin"], "origin"),
        issuer=check_did(read_text(members["issuer"], "issuer")),
        prefix=prefix,
        size=read_integer(members["size"], "size"),
        timestamp_ms=read_integer(members["timestamp_ms"], "timestamp_ms"),
        changes=tuple(_read_change(item) for item in read_list(members["changes"], "changes")),
    )


def _read_change(value: JsonValue) -> Change:
    what = "change"
    names = ("entry", "kind", "effective", "by")
    kind = read_object(value, what).get("kind")
    if kind == SUPERSEDE:
        members, reason = read_members(value, what, names), ""
    elif kind in STATUS_KINDS:
        members = read_members(value, what, (*names, "reason"))
        reason = read_text(members["reason"], "reason")
        if reason not in REASONS:
            raise MalformedEntryStatus(f"a reason is one of {', '.join(REASONS)}")
    else:
        raise MalformedEntryStatus(f"kind is one of {', '.join((*STATUS_KINDS, SUPERSEDE))}")
    return Change(
        entry=read_hash(members["entry"], "entry"),
        kind=read_text(kind, "kind"),
        effective=read_integer(members["effective"], "effective"),
        reason=reason,
        by=read_hash(members["by"], "by"),
    )


def _write(status: EntryStatus) -> bytes:
    return (
        format_jcs(
            {
                "v": 1,
                "origin": status.origin,
                "issuer": status.issuer,
                "prefix": status.prefix,
                "size": status.size,
                "timestamp_ms": status.timestamp_ms,
                "changes": [_write_change(change) for change in status.changes],
            }
        )
        + b"\n"
    )


def _write_change(change: Change) -> dict[str, JsonValue]:
    written: dict[str, JsonValue] = {
        "entry": change.entry.hex(),
        "kind": change.kind,
        "effective": change.effective,
        "by": change.by.hex(),
    }
    if change.reason:
        written["reason"] = change.reason
    return written
