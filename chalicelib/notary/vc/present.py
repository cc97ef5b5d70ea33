"""Verifying a presentation and all credentials in it.

1. proof: the key that the presentation names signed it, to authenticate (Data Integrity §4.4)
2. holder: that key is the holder's, if the presentation names one
3. domain, challenge: it was made for this request, which the caller states
4. credentials: each is verified as it would be alone, and an SD-JWT with whom it is bound to

Whether the holder is the subject of a credential is for the caller to judge, who knows what for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ...proof.credentials.data_integrity import (
    AUTHENTICATION,
    Proof,
    check_controller,
    check_request,
    read_proof,
    verify_document,
)
from ...proof.credentials.secured import Enveloped, Secured, UnknownEnvelope, read_secured
from ...proof.credentials.vcdm import CredentialTooLong, Presentation, read_presentation
from ...proof.credentials.vcdm_ids import MalformedCredential
from ...proof.errors import CannotTell, Invalid
from ...proof.jcs import JsonValue
from ..limits import PRESENTED_CREDENTIALS
from .checks import Check, Outcome, Result, Verdict, decide, run_check
from .keys import check_key, find_key
from .verify import Desk, Judged, Request, judge_credential
from .views import KNOWN_CONTEXTS

ENVELOPED = "EnvelopedVerifiablePresentation"


class Presented(NamedTuple):
    """A presentation as it was read; ``proof`` is None if it has none."""

    value: Mapping[str, JsonValue]
    presentation: Presentation
    proof: Proof | None
    credentials: tuple[Secured, ...]


class JudgedPresentation(NamedTuple):
    """The verdict on a presentation, and those on the credentials in it."""

    verdict: Verdict
    presented: Presented
    credentials: tuple[Judged, ...]


def read_presented(value: JsonValue, *, proofless: bool) -> Presented:
    """Read a presentation with all that secures it; ``proofless`` says that it may have no proof.
    Raises Malformed, or CannotTell for proofs and envelopes of another kind."""
    if not isinstance(value, dict):
        raise MalformedCredential("a presentation is an object")
    if value.get("type") in (ENVELOPED, [ENVELOPED]):
        raise UnknownEnvelope("this version reads presentations with proofs of their own alone")
    presentation = read_presentation(value, KNOWN_CONTEXTS)
    proof = None if proofless and "proof" not in value else read_proof(value)
    if len(presentation.credentials) > PRESENTED_CREDENTIALS:
        raise CredentialTooLong(f"at most {PRESENTED_CREDENTIALS} credentials are verified at once")
    secured = tuple(read_secured(each, KNOWN_CONTEXTS) for each in presentation.credentials)
    return Presented(value, presentation, proof, secured)


def judge_presentation(presented: Presented, request: Request, desk: Desk) -> JudgedPresentation:
    """Raises Malformed, whichever part it is in."""
    judged = tuple(
        judge_credential(each, desk, presented=request) for each in presented.credentials
    )
    made = (
        _check_proofless(judged, request)
        if presented.proof is None
        else _check_proofs(presented, presented.proof, request, desk)
    )
    verdict = decide([*made, _merge(judged)], desk.now_ms)
    return JudgedPresentation(verdict, presented, judged)


def _check_proofs(presented: Presented, proof: Proof, request: Request, desk: Desk) -> list[Check]:
    return [
        run_check("proof", _check_proof, presented.value, proof, desk),
        run_check("holder", _check_holder, proof, presented.presentation.holder),
        run_check("domain", _check_request, proof, "domain", request.domain),
        run_check("challenge", _check_request, proof, "challenge", request.challenge),
    ]


def _check_proofless(judged: tuple[Judged, ...], request: Request) -> list[Check]:
    """Nobody signed the whole: so it says no more than its credentials, and answers a request only
    if each of them is bound to that by itself."""
    if not judged:
        return [Check("proof", "unknown", "there is nothing to verify in it")]
    names = [name for name, value in request._asdict().items() if value is not None]
    if all(map(_is_bound, judged)):
        return [Check(name, "pass", f"each credential is bound to this {name}") for name in names]
    return [Check(name, "unknown", f"no proof names a {name}") for name in names]


def _is_bound(judged: Judged) -> bool:
    """Whether a key binding was made for the request, and verified."""
    secured = judged.secured
    bound = isinstance(secured, Enveloped) and secured.sd_jwt.key_binding is not None
    return bound and ("holder", "pass") in [
        (name, found) for name, found, _ in judged.verdict.checks
    ]


def _check_proof(value: Mapping[str, JsonValue], proof: Proof, desk: Desk) -> str:
    named = find_key(proof.method.partition("#")[0], proof.method, desk.lookup)
    verify_document(value, check_key(named), AUTHENTICATION, desk.now_ms)
    if named.known is not None and not named.known.good_at(desk.now_ms):
        raise Invalid("the key that it names is not good now")
    return "signed with the key that it names"


def _check_holder(proof: Proof, holder: str | None) -> str:
    if holder is None:
        return "it names no holder"
    check_controller(proof, holder)
    return "the key is named as the holder's"


def _check_request(proof: Proof, name: str, expected: str | None) -> str:
    if expected is None:
        raise CannotTell(f"say in options which {name} was asked for")
    check_request(proof, name, expected)
    return f"made for this {name}"


_RESULTS: dict[Outcome, Result] = {"invalid": "fail", "cannot tell": "unknown"}


def _merge(judged: tuple[Judged, ...]) -> Check:
    outcomes = [each.verdict.outcome for each in judged]
    for outcome, result in _RESULTS.items():
        if outcome in outcomes:
            number = outcomes.index(outcome)
            return Check("credentials", result, f"credential {number}, counted from 0: {outcome}")
    return Check("credentials", "pass", f"{len(judged)} of {len(judged)} are verified")
