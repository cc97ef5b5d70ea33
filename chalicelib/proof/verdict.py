"""The verdict: valid, invalid or cannot tell, with each check behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Literal, NamedTuple, TypeVarTuple

from .errors import CannotTell, Invalid
from .jcs import JsonValue

Ts = TypeVarTuple("Ts")

Result = Literal["pass", "fail", "unknown"]
Outcome = Literal["valid", "invalid", "cannot tell"]

EXIT_CODES: dict[Outcome, int] = {"valid": 0, "invalid": 1, "cannot tell": 2}
EXIT_USAGE = 64


class Check(NamedTuple):
    """One check: pass, fail, or unknown when it could not be made or has no evidence."""

    name: str
    result: Result
    detail: str


class Verdict(NamedTuple):
    """``facts`` say what was verified: only what the checks established, never more."""

    outcome: Outcome
    checks: tuple[Check, ...]
    at_ms: int
    facts: dict[str, JsonValue]


def run_check(name: str, check: Callable[[*Ts], str], *args: *Ts) -> Check:
    """Make one check. It returns what it found, or raises Invalid (it is false) or CannotTell."""
    try:
        return Check(name, "pass", check(*args))
    except Invalid as error:
        return Check(name, "fail", str(error))
    except CannotTell as error:
        return Check(name, "unknown", str(error))


def merge_checks(checks: Sequence[Check]) -> Check:
    """The same check made on several parts: it passes if all pass, and fails if any fails."""
    return min(checks, key=_badness)


def _badness(check: Check) -> int:
    return ("fail", "unknown", "pass").index(check.result)


def decide(
    checks: Iterable[Check], require: Sequence[str], at_ms: int, facts: dict[str, JsonValue]
) -> Verdict:
    """Any fail is invalid; else an unknown among ``require`` is cannot tell; else valid."""
    made = list(checks)
    results = {name: result for name, result, _ in made}
    assert len(results) == len(made), "every check has a name of its own"
    unmet = [name for name in require if results.get(name) != "pass"]
    for name in unmet:
        if name not in results:
            made.append(Check(name, "unknown", "the receipt holds no such evidence"))
    outcome: Outcome = "cannot tell" if unmet else "valid"
    if "fail" in results.values():
        outcome = "invalid"
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
