"""Answers of the W3C VC API (VCALM): results with their ProblemDetails (VCDM §7.2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ...notary.vc.checks import Check, Verdict, write_verdict
from ...notary.vc.present import JudgedPresentation
from ...notary.vc.verify import Judged
from ...proof.credentials.data_integrity import MalformedProof
from ...proof.credentials.secured import Embedded
from ...proof.jcs import JsonValue
from ..problems import BASE

Answer = dict[str, JsonValue]

_DATA_MODEL = "https://www.w3.org/TR/vc-data-model#"
_SECURITY = "https://w3id.org/security#"
_STATUS = "https://www.w3.org/ns/credentials/status-list#"
_VCALM = "https://www.w3.org/TR/vcalm#"

PARSING_ERROR = f"{_DATA_MODEL}PARSING_ERROR"
MALFORMED_VALUE_ERROR = f"{_DATA_MODEL}MALFORMED_VALUE_ERROR"
PROOF_VERIFICATION_ERROR = f"{_SECURITY}PROOF_VERIFICATION_ERROR"
UNKNOWN_OPTION_PROVIDED = f"{_VCALM}UNKNOWN_OPTION_PROVIDED"

_KINDS: Mapping[tuple[str, str], tuple[str, str]] = {
    ("proof", "fail"): (f"{_DATA_MODEL}CRYPTOGRAPHIC_SECURITY_ERROR", "The proof is false"),
    ("proof", "unknown"): (PROOF_VERIFICATION_ERROR, "The proof could not be checked"),
    ("issuer", "fail"): (f"{BASE}issuer-not-good", "The issuer was not good for it then"),
    ("issuer", "unknown"): (f"{BASE}unknown-issuer", "The issuer could not be checked"),
    ("validity", "fail"): (f"{BASE}not-valid-now", "The credential is too early or too late"),
    ("status", "fail"): (f"{BASE}status-set", "The credential is revoked or suspended"),
    ("status", "unknown"): (f"{_STATUS}STATUS_RETRIEVAL_ERROR", "Status could not be checked"),
    ("holder", "fail"): (f"{BASE}wrong-holder", "The holder did not present it"),
    ("holder", "unknown"): (f"{BASE}holder-unknown", "The holder could not be checked"),
    ("domain", "fail"): (f"{_SECURITY}INVALID_DOMAIN_ERROR", "Made for another domain"),
    ("domain", "unknown"): (f"{_SECURITY}INVALID_DOMAIN_ERROR", "No domain to compare"),
    ("challenge", "fail"): (f"{_SECURITY}INVALID_CHALLENGE_ERROR", "Made for another challenge"),
    ("challenge", "unknown"): (f"{_SECURITY}INVALID_CHALLENGE_ERROR", "No challenge to compare"),
    ("credentials", "fail"): (f"{BASE}not-verified", "A credential in it is invalid"),
    ("credentials", "unknown"): (f"{BASE}not-verified", "A credential in it is not verified"),
    ("receipt", "fail"): (f"{BASE}wrong-receipt", "The receipt is not this credential's"),
    ("receipt", "unknown"): (f"{BASE}receipt-unknown", "The receipt could not be checked"),
}
"""Type and title for each check that did not pass: W3C's where they have one."""


class Wanted(NamedTuple):
    """What a caller wants to have in the answer (VCALM, VerifyCredentialOptions)."""

    results: bool = True
    problems: bool = True
    document: bool = False


def detail(type_: str, title: str, text: str) -> Answer:
    """A ProblemDetails object."""
    return {"type": type_, "title": title, "detail": text}


def unread(type_: str, title: str, text: str) -> Answer:
    """The members of an answer about what could not be read."""
    return {"verified": False, "problemDetails": [detail(type_, title, text)]}


def type_of(error: Exception) -> str:
    return PROOF_VERIFICATION_ERROR if isinstance(error, MalformedProof) else MALFORMED_VALUE_ERROR


def first_problem(verdict: Verdict) -> str:
    """Why nothing is verified, for people."""
    bad = [check for check in verdict.checks if (check.name, check.result) in _KINDS]
    return "; ".join(f"{check.name}: {check.detail}" for check in bad[:1])


def write_credential(judged: Judged, wanted: Wanted) -> Answer:
    answer = _write(judged.verdict, wanted)
    if wanted.results:
        answer["results"] = _results(judged)
    if wanted.document:
        answer["credential"] = dict(judged.secured.value)
    return answer


def write_presentation(judged: JudgedPresentation, wanted: Wanted) -> Answer:
    answer = _write(judged.verdict, wanted)
    if wanted.results:
        within = wanted._replace(document=False)
        answer["results"] = {
            "presentation": _presentation_results(judged),
            "credentials": [write_credential(each, within) for each in judged.credentials],
        }
    if wanted.document:
        answer["verifiablePresentation"] = dict(judged.presented.value)
    return answer


def _write(verdict: Verdict, wanted: Wanted) -> Answer:
    answer: Answer = {"verified": verdict.outcome == "valid", **write_verdict(verdict)}
    if wanted.problems:
        answer["problemDetails"] = [
            detail(*_KINDS[check.name, check.result], check.detail)
            for check in verdict.checks
            if (check.name, check.result) in _KINDS
        ]
    return answer


def _results(judged: Judged) -> Answer:
    """W3C's form of the checks: what was checked, and whether it is verified."""
    checks = {check.name: check for check in judged.verdict.checks}
    statuses: list[JsonValue] = [_result(check, value) for value, check in judged.statuses]
    results: Answer = {"proof": [_result(checks["proof"])], "credentialStatus": statuses}
    secured, at_ms = judged.secured, judged.verdict.at_ms
    if not isinstance(secured, Embedded):
        return results
    credential = secured.credential
    results["proof"] = [_result(checks["proof"], secured.value["proof"])]
    begins, ends = credential.valid_from_ms, credential.valid_until_ms
    if begins is not None:
        results["validFrom"] = {
            "verified": begins <= at_ms,
            "input": credential.value["validFrom"],
        }
    if ends is not None:
        results["validUntil"] = {"verified": at_ms <= ends, "input": credential.value["validUntil"]}
    return results


def _presentation_results(judged: JudgedPresentation) -> Answer:
    presented, results = judged.presented, Answer()
    if presented.proof is None:
        return results
    checks = {check.name: check for check in judged.verdict.checks}
    results["proof"] = [_result(checks["proof"], presented.value["proof"])]
    for name in ("domain", "challenge"):
        results[name] = _result(checks[name], presented.proof.options.get(name))
    if presented.presentation.holder is not None:
        results["holder"] = _result(checks["holder"], presented.presentation.holder)
    return results


def _result(check: Check, value: JsonValue = None) -> Answer:
    verified: Answer = {"verified": check.result == "pass"}
    return verified if value is None else {**verified, "input": value}
