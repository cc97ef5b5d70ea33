"""The checks that a credential or presentation is judged by, and the verdict of them all.

They are as in ``proof/verdict.py``, and not the same: these are answered with W3C's types of
problems, and beside a receipt's own checks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, TypeVarTuple

from ...proof.errors import CannotTell, Invalid
from ...proof.jcs import JsonValue
from ..limits import DETAIL_CHARACTERS

Ts = TypeVarTuple("Ts")

Result = Literal["pass", "fail", "unknown"]
Outcome = Literal["valid", "invalid", "cannot tell"]


class Check(NamedTuple):
    """One check: pass, fail, or unknown when it could not be made."""

    name: str
    result: Result
    detail: str


class Verdict(NamedTuple):
    """``facts`` say what was verified, and nothing more."""

    outcome: Outcome
    checks: tuple[Check, ...]
    at_ms: int
    facts: dict[str, JsonValue]


def run_check(name: str, check: Callable[[*Ts], str], *args: *Ts) -> Check:
    """Make one check. It returns what it found, or raises Invalid (it is false) or CannotTell; for
    what is Malformed there is no verdict at all."""
    try:
        return Check(name, "pass", check(*args))
    except Invalid as error:
        return Check(name, "fail", brief(str(error)))
    except CannotTell as error:
        return Check(name, "unknown", brief(str(error)))


def brief(text: str) -> str:
    """What is said of something that was sent, and may quote it, is cut."""
    return text if len(text) <= DETAIL_CHARACTERS else f"{text[: DETAIL_CHARACTERS - 1]}…"


def worst(checks: Sequence[Check]) -> Check:
    return min(checks, key=lambda check: ("fail", "unknown", "pass").index(check.result))


def decide(
    checks: Sequence[Check],
    at_ms: int,
    facts: dict[str, JsonValue] | None = None,
    reported: Sequence[Check] = (),
) -> Verdict:
    """Any fail is invalid; else an unknown among ``checks`` is cannot tell; else valid. An unknown
    among ``reported`` decides nothing."""
    every = (*checks, *reported)
    outcome: Outcome = "valid"
    if worst(checks).result == "unknown":
        outcome = "cannot tell"
    if worst(every).result == "fail":
        outcome = "invalid"
    return Verdict(outcome, every, at_ms, facts or {})


def write_verdict(verdict: Verdict) -> dict[str, JsonValue]:
    """The verdict as JSON, in the form of ``POST /v1/verify``."""
    checks: list[JsonValue] = [
        {"check": name, "result": result, "detail": detail}
        for name, result, detail in verdict.checks
    ]
    return {
        "verdict": verdict.outcome,
        "at_ms": verdict.at_ms,
        "checks": checks,
        **verdict.facts,
    }
