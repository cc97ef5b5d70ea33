"""Times before the registration: a receipt tells nothing of them, neither good nor bad.

Such a time is a slip of whoever asks, or a verifier's clock that is wrong. What was said of a later
time would look like an answer, so it is unknown, and so is the verdict.
"""

from __future__ import annotations

from collections.abc import Iterable

from .codes import Code
from .limits import CLOCK_SKEW_S
from .receipt import Inclusion
from .times import format_time
from .verdict import Check

_SKEW_MS = CLOCK_SKEW_S * 1_000

TIME = "time"
"""The check that is there, and required, for such times alone."""

_INSTEAD: dict[Code, Code] = {
    "status/good": "status/too-early",
    "status/changed-later": "status/too-early",
    "expiry/good": "expiry/too-early",
    "expiry/not-yet": "expiry/too-early",
    "holder/stale": "holder/unknown",
}
"""What depends on the time that is asked about, and not on that of the registration."""


def is_early(at_ms: int, placed: Check, registered: Inclusion) -> bool:
    """Whether ``at_ms`` lies before the block; ``placed`` says whether that has its time."""
    return at_ms < registered.block.timestamp_ms - _SKEW_MS and placed.result == "pass"


def judge_early(checks: Iterable[Check], at_ms: int, registered: Inclusion) -> list[Check]:
    told = (
        f"{format_time(at_ms)} lies before the registration,"
        f" {format_time(registered.block.timestamp_ms)}"
    )
    judged = [
        check._replace(result="unknown", detail=told, code=_INSTEAD[check.code])
        if check.code in _INSTEAD
        else check
        for check in checks
    ]
    return [*judged, Check(TIME, "unknown", told, "time/at-before-registration")]
