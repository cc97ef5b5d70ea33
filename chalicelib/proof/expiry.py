"""The times that a document sets itself: when it begins to be good, and when it ends."""

from __future__ import annotations

from .credentials.sd_jwt import read_seconds
from .errors import CannotTell, Invalid, Malformed
from .members import read_text
from .shown import Shown
from .times import format_time, parse_time
from .verdict import Check, run_check

_JSON_ENDS = ("validUntil", "expirationDate")
_JSON_BEGINS = ("validFrom",)
"""What JSON credentials call them (VC data model 2.0 §4.9, 1.1 §4.6)."""

_JWT_ENDS, _JWT_BEGINS = ("exp",), ("nbf",)
"""What JWTs call them (RFC 7519 §4.1.4, §4.1.5)."""

# What most receipts get is made once: to raise an error and catch it would cost as much as a check.
_NOT_READ = Check(
    "expiry",
    "unknown",
    "a document kept as raw bytes states no expiry that can be read here",
    "expiry/not-read",
)
_NOT_BOUND = Check(
    "expiry",
    "unknown",
    "the document's own expiry is read only once the document is bound",
    "expiry/not-bound",
)


def expiry_of(shown: Shown, bound: Check, at_ms: int) -> Check:
    """The check ``expiry``; ``bound`` is that of the document."""
    if bound.result != "pass":
        return _NOT_BOUND
    if shown.kind == "file":
        return _NOT_READ
    return run_check("expiry", check_expiry, shown, at_ms)


def check_expiry(shown: Shown, at_ms: int) -> str:
    """A time that cannot be read hides none of the others."""
    in_jwt = shown.kind in ("jwt", "sd-jwt")
    ends, unread_ends = _read(shown, _JWT_ENDS if in_jwt else _JSON_ENDS)
    begins, unread_begins = _read(shown, _JWT_BEGINS if in_jwt else _JSON_BEGINS)
    for end_ms, end in ends:
        if at_ms >= end_ms:
            raise Invalid(f"the document expired at {end}")
    for begin_ms, begin in begins:
        if at_ms < begin_ms:
            raise Invalid(f"the document is good only from {begin} on", "expiry/not-yet")
    for error in (*unread_ends, *unread_begins):
        raise CannotTell(f"the document states a time that cannot be read: {error}") from error
    if not ends:
        raise CannotTell("the document states no expiry", "expiry/none")
    return f"the document is good until {ends[0][1]}"


def _read(shown: Shown, names: tuple[str, ...]) -> tuple[list[tuple[int, str]], list[Malformed]]:
    """Those of the times that there are, in POSIX milliseconds and as text; and why others cannot
    be read."""
    read, unread = [], []
    for name in names:
        if name in shown.members:
            try:
                read.append(_read_one(shown, name))
            except Malformed as error:
                unread.append(error)
    return read, unread


def _read_one(shown: Shown, name: str) -> tuple[int, str]:
    if shown.kind in ("jwt", "sd-jwt"):
        at_ms = int((read_seconds(shown.members, name) or 0) * 1_000)
        return at_ms, format_time(at_ms)
    text = read_text(shown.members[name], name)
    return parse_time(text), text
