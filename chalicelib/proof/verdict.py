"""The verdict: valid, invalid or cannot tell, with each check behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from .errors import CannotTell, Invalid
from .jcs import JsonValue

Result = Literal["pass", "fail", "unknown"]
Outcome = Literal["valid", "invalid", "cannot tell"]

EXIT_CODES: dict[Outcome, int] = {"valid": 0, "invalid": 1, "cannot tell": 2}
EXIT_USAGE = 64


@dataclass(frozen=True, slots=True)
class Check:
    """One check: pass, fail, or unknown when it could not be made or has no evidence."""

    name: str
    result: Result
    detail: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """``facts`` say what was verified: only what the checks established, never more."""

    outcome: Outcome
    checks: tuple[Check, ...]
    at_ms: int
    facts: dict[str, JsonValue]


def run_check(name: str, check: Callable[[], str]) -> Check:
    """Make one check. It returns what it found, or raises Invalid (it is false) or CannotTell."""
    try:
        return Check(name, "pass", check())
    except Invalid as error:
        return Check(name, "fail", str(error))
    except CannotTell as error:
        return Check(name, "unknown", str(error))


def merge_checks(name: str, checks: Sequence[Check]) -> Check:
    """The same check made on several parts: it passes if all pass, and fails if any fails."""
    for result in ("fail", "unknown"):
        for check in checks:
            if check.result == result:
                return Check(name, check.result, check.detail)
    return Check(name, "pass", checks[0].detail)


def decide(
    checks: Iterable[Check], require: Sequence[str], at_ms: int, facts: dict[str, JsonValue]
) -> Verdict:
    """Any fail is invalid; else an unknown among ``require`` is cannot tell; else valid."""
    made = list(checks)
    names = {check.name for check in made}
    made += [
        Check(name, "unknown", "the receipt holds no such evidence")
        for name in require
        if name not in names
    ]
    outcome: Outcome = "valid"
    if any(check.result == "fail" for check in made):
        outcome = "invalid"
    elif any(check.result == "unknown" and check.name in require for check in made):
        outcome = "cannot tell"
    return Verdict(outcome, tuple(made), at_ms, facts)


def refuse_receipt(reason: str, at_ms: int) -> Verdict:
    """The verdict on a receipt that cannot be read: invalid."""
    return Verdict("invalid", (Check("receipt", "fail", reason),), at_ms, {})


def write_verdict(verdict: Verdict) -> dict[str, JsonValue]:
    """The verdict as JSON, for ``--json`` and ``POST /v1/verify``."""
    return {
        "verdict": verdict.outcome,
        "at_ms": verdict.at_ms,
        "checks": [
            {"check": check.name, "result": check.result, "detail": check.detail}
            for check in verdict.checks
        ],
        **verdict.facts,
    }
