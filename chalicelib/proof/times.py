"""Times: integers of POSIX milliseconds inside, RFC 3339 where people read and write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from .errors import Malformed

_RFC3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)", re.ASCII
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class MalformedTime(Malformed):
    """Not an RFC 3339 date and time with its offset."""


def parse_time(text: str) -> int:
    """POSIX milliseconds of an RFC 3339 §5.6 time, rounded down; raises MalformedTime."""
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise MalformedTime("a time is written like 2026-07-01T09:30:00Z (RFC 3339)")
    fraction = match[1] or ""
    try:
        whole = datetime.fromisoformat(text.upper().replace(fraction, "", 1))
        whole_ms = (whole - _EPOCH) // timedelta(milliseconds=1)
    except (ValueError, OverflowError) as error:
        raise MalformedTime(f"there is no such time as {text}") from error
    return whole_ms + int((fraction[1:4] or "0").ljust(3, "0"))


def format_time(at_ms: int) -> str:
    """RFC 3339 in UTC with milliseconds; a time past the year 9999 is given in milliseconds."""
    try:
        moment = _EPOCH + timedelta(milliseconds=at_ms)
    except OverflowError:
        return f"{at_ms} ms"
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
