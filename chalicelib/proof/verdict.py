"""The verdict: valid, invalid or cannot tell, with each check behind it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, TypeAlias, TypeVarTuple

from .codes import OUTCOMES, Code
from .errors import CannotTell, Invalid, ProofError
from .jcs import JsonValue
from .texts import TEXTS, VERDICTS, Outcome

Ts = TypeVarTuple("Ts")

Result = Literal["pass", "fail", "unknown"]
Told: TypeAlias = str | tuple[str, Code]
"""What a check found that passes: the detail, with a code where there is more to say than good."""

EXIT_CODES: dict[Outcome, int] = {"valid": 0, "invalid": 1, "cannot tell": 2}
EXIT_USAGE = 64


class Check(NamedTuple):
    """One check: pass, fail, or unknown when it could not be made or has no evidence."""

    name: str
    result: Result
    detail: str
    code: Code


class Verdict(NamedTuple):
    """``facts`` say what was verified: only what the checks established, never more."""

    outcome: Outcome
    checks: tuple[Check, ...]
    at_ms: int
    facts: dict[str, JsonValue]


_GOOD = {name: outcomes.good for name, outcomes in OUTCOMES.items()}
"""Looked up once for each check that passes, so it is made once."""


def run_check(name: str, check: Callable[[*Ts], Told], *args: *Ts) -> Check:
    """Make one check. It returns what it found, or raises Invalid (it is false) or CannotTell."""
    try:
        told = check(*args)
    except (Invalid, CannotTell) as error:
        return refuse_check(name, error)
    if isinstance(told, str):
        return Check(name, "pass", told, _GOOD[name])
    return Check(name, "pass", *told)


def refuse_check(name: str, error: ProofError) -> Check:
    """The check that an error decides: Invalid is fail, CannotTell unknown."""
    if isinstance(error, Invalid):
        return Check(name, "fail", str(error), _code_of(error, name, OUTCOMES[name].false))
    return Check(name, "unknown", str(error), _code_of(error, name, OUTCOMES[name].unknown))


def _code_of(error: ProofError, name: str, usual: Code) -> Code:
    """Evidence has a log and a signer of its own: what decides their checks is no more than false
    or unknown in the check of whatever they are evidence for."""
    return error.code if error.code and error.code.startswith(f"{name}/") else usual


def merge_checks(checks: Sequence[Check]) -> Check:
    """The same check made on several parts: it passes if all pass, and fails if any fails."""
    return min(checks, key=_badness)


def _badness(check: Check) -> int:
    return ("fail", "unknown", "pass").index(check.result)


def decide(
    checks: list[Check], require: Sequence[str], at_ms: int, facts: dict[str, JsonValue]
) -> Verdict:
    """Any fail is invalid; else an unknown among ``require`` is cannot tell; else valid."""
    results = {name: result for name, result, _, _ in checks}
    assert len(results) == len(checks), "every check has a name of its own"
    unmet = [name for name in require if results.get(name) != "pass"]
    outcome: Outcome = "cannot tell" if unmet else "valid"
    if "fail" in results.values():
        outcome = "invalid"
    missing = [_missing(name) for name in unmet if name not in results]
    return Verdict(outcome, (*checks, *missing), at_ms, facts)


def _missing(name: str) -> Check:
    return Check(name, "unknown", "the receipt holds no such evidence", "evidence/missing")


def refuse_receipt(reason: str, at_ms: int) -> Verdict:
    """The verdict on a receipt that cannot be read: invalid."""
    check = Check("receipt", "fail", reason, "receipt/unreadable")
    return Verdict("invalid", (check,), at_ms, {})


def write_verdict(verdict: Verdict) -> dict[str, JsonValue]:
    """The verdict as JSON, for ``--json`` and ``POST /v1/verify``."""
    return {
        "verdict": verdict.outcome,
        "code": f"verdict/{verdict.outcome.replace(' ', '-')}",
        "texts": VERDICTS[verdict.outcome]._asdict(),
        "at_ms": verdict.at_ms,
        "checks": [
            {
                "check": check.name,
                "result": check.result,
                "code": check.code,
                "detail": check.detail,
                "texts": TEXTS[check.code]._asdict(),
            }
            for check in verdict.checks
        ],
        **verdict.facts,
    }
