"""Verifying one credential by this service's registry: a verdict with every check behind it.

1. proof: the key that the credential names signed it (Data Integrity §4.4, RFC 9901 §7.1)
2. issuer: that key is a registered issuer's, and good when the log got it, or else now
3. validity: it is neither too early nor too late
4. status: no list of its issuer says that it is revoked or suspended
5. holder: in a presentation, whom an SD-JWT is bound to signed that (RFC 9901 §7.3)
6. receipt: with one, this very credential is registered; each check of it follows

What could not be checked is unknown, and then a credential is not verified. No address in a
credential is fetched.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from ...proof.credentials.key_binding import verify_key_binding
from ...proof.credentials.sd_jwt import VerifiedSdJwt
from ...proof.credentials.secured import Secured
from ...proof.errors import CannotTell, Invalid, Malformed
from ...proof.jcs import JsonValue
from ...proof.policy import Policy
from ...proof.receipt import Receipt
from ...proof.verify import verify
from ..limits import CREDENTIAL_STATUSES
from ..status.bit_lists import bits_root
from .checks import Check, Verdict, brief, decide, run_check, worst
from .keys import Lookup, Named, check_issuer, check_key, find_key
from .ports import StatusLists
from .status import check_status
from .views import View, view


class TooManyStatuses(Malformed):
    """More than ``CREDENTIAL_STATUSES``."""


class Request(NamedTuple):
    """What a presentation was asked for with; None where the caller does not say."""

    domain: str | None = None
    challenge: str | None = None


@dataclass(frozen=True, slots=True)
class Desk:
    """What a verdict is made with: the registry, the status lists that are served under
    ``public_url``, and the time."""

    lookup: Lookup
    lists: StatusLists
    public_url: str
    now_ms: int


class Judged(NamedTuple):
    """A verdict, what it is on, and each status that the credential names with its check."""

    verdict: Verdict
    secured: Secured
    statuses: tuple[tuple[JsonValue, Check], ...] = ()


class Registered(NamedTuple):
    """The receipt that a credential came with, and the policy to judge that by."""

    receipt: Receipt
    policy: Policy


def judge_credential(
    secured: Secured,
    desk: Desk,
    *,
    registered: Registered | None = None,
    presented: Request | None = None,
) -> Judged:
    """``presented`` is the request if the credential stands in a presentation. Raises Malformed."""
    try:
        seen = view(secured, desk.now_ms)
    except (Invalid, CannotTell) as error:
        return _judge_unread(secured, desk, error)
    named = find_key(seen.issuer, seen.method, desk.lookup)
    proof = run_check("proof", _check_proof, seen, named)
    receipts, parts, logged_ms = _check_receipt(seen, registered, desk.now_ms)
    at_ms = desk.now_ms if logged_ms is None else logged_ms
    issuer = run_check("issuer", check_issuer, named, at_ms, logged_ms is not None)
    statuses = _check_statuses(seen, proof, desk)
    checks = [
        proof,
        issuer,
        run_check("validity", _check_validity, seen, desk.now_ms),
        _merge_statuses([check for _, check in statuses]),
        *_check_holder(seen, proof, presented, desk.now_ms),
        *receipts,
    ]
    verdict = decide(checks, desk.now_ms, _facts(named, proof, issuer), parts)
    return Judged(verdict, secured, statuses)


def _judge_unread(secured: Secured, desk: Desk, error: Exception) -> Judged:
    """Its disclosures are not the issuer's, or not read here: nothing else is looked at."""
    result = Check("proof", "fail" if isinstance(error, Invalid) else "unknown", brief(str(error)))
    return Judged(decide([result], desk.now_ms), secured)


def _check_proof(seen: View, named: Named) -> str:
    seen.check_named()
    seen.prove(check_key(named))
    return "signed with the key that it names"


def _check_validity(seen: View, now_ms: int) -> str:
    seen.check_times(now_ms)
    return "now is within its own times, if it states any"


def _check_statuses(seen: View, proof: Check, desk: Desk) -> tuple[tuple[JsonValue, Check], ...]:
    if len(seen.statuses) > CREDENTIAL_STATUSES:
        raise TooManyStatuses(f"a credential has at most {CREDENTIAL_STATUSES} statuses here")
    own = bits_root(desk.public_url, seen.issuer or "")

    def check(value: JsonValue) -> str:
        place = seen.read_status(value)
        if proof.result != "pass":
            raise CannotTell("status is asked for when the signature is good")
        return check_status(place, own, desk.lists, desk.now_ms)

    return tuple((value, run_check("status", check, value)) for value in seen.statuses)


def _merge_statuses(checks: list[Check]) -> Check:
    return worst(checks) if checks else Check("status", "pass", "it names no status list")


def _check_holder(seen: View, proof: Check, presented: Request | None, now_ms: int) -> list[Check]:
    """Nothing where a proof is embedded: then the presentation's own proof is the holder's."""
    if seen.sd_jwt is None or presented is None:
        return []
    if "cnf" not in seen.sd_jwt.claims and seen.sd_jwt.sd_jwt.key_binding is None:
        return [Check("holder", "pass", "the issuer bound it to nobody")]
    return [run_check("holder", _check_binding, seen.sd_jwt, proof, presented, now_ms)]


def _check_binding(sd_jwt: VerifiedSdJwt, proof: Check, presented: Request, now_ms: int) -> str:
    if proof.result != "pass":
        raise CannotTell("whom it is bound to is known when the signature is good")
    if presented.domain is None or presented.challenge is None:
        raise CannotTell("say in options which domain and challenge were asked for")
    verify_key_binding(sd_jwt, presented.domain, presented.challenge, now_ms)
    return "presented with the key that the issuer bound it to"


def _check_receipt(
    seen: View, registered: Registered | None, now_ms: int
) -> tuple[list[Check], list[Check], int | None]:
    """The check of a receipt, those that it is made of, and the time of its block once all of it is
    good."""
    if registered is None:
        return [], [], None
    receipt, policy = registered
    verdict = verify(seen.document, receipt, policy, now_ms)
    parts = [Check(f"receipt:{each.name}", each.result, each.detail) for each in verdict.checks]
    whole = run_check("receipt", _check_registered, seen, receipt, verdict.outcome)
    at_ms = receipt.registered.block.timestamp_ms if whole.result == "pass" else None
    return [whole], parts, at_ms


def _check_registered(seen: View, receipt: Receipt, outcome: str) -> str:
    if outcome == "invalid":
        raise Invalid("the receipt is not good for this credential")
    if outcome == "cannot tell":
        raise CannotTell("nobody can tell whether the receipt is good for this credential")
    if receipt.statement.statement.iss != seen.issuer:
        raise Invalid("somebody else than the issuer registered this credential")
    return "registered by its issuer"


def _facts(named: Named, proof: Check, issuer: Check) -> dict[str, JsonValue]:
    """The registry's names, never the document's."""
    if named.issuer is None or proof.result != "pass" or issuer.result != "pass":
        return {}
    names: dict[str, JsonValue] = dict(named.issuer.names)
    return {"issuer": {"id": named.issuer.id, "names": names}}
