"""Who signed an entry, and what the notary registered of the issuer and of the entry since."""

from __future__ import annotations

from .entry_status import EntryStatus, judge_status, parse_entry_status, read_ms_of
from .errors import CannotTell, Invalid, Malformed
from .hashes import sha256
from .heads import Heads
from .inclusion import include
from .issuer_profile import IssuerProfile, check_profile, parse_profile
from .payload import IssuerNotice, StatusListNotice
from .policy import Policy, PolicyIssuer
from .receipt import Evidence, Inclusion, Receipt
from .statement import SignedStatement, verify_statement
from .verdict import Check, Told


def check_issuer(receipt: Receipt, block: Check, heads: Heads) -> Told:
    """``block`` says whether the entry is in the ``registered`` block and that has its time."""
    issuer = _check_signer(receipt.statement, receipt.registered, block, heads.policy)
    told = f"signed by {issuer.id} with a key that was good when it was registered"
    if receipt.issuer is None:
        return told
    at_ms = receipt.registered.block.timestamp_ms
    known_ms = receipt.issuer.registered.block.timestamp_ms
    try:
        profile = _read_own_profile(receipt.issuer, issuer.id, heads)
        named, code = check_profile(profile, issuer.id, at_ms, known_ms)
    except CannotTell as error:
        return f"{told}; its profile proves nothing here: {error}", "issuer/profile-unknown"
    return f"{told}: {named}", code


def _read_own_profile(evidence: Evidence, issuer: str, heads: Heads) -> IssuerProfile:
    """What is false about the evidence says nothing about the issuer's own signature."""
    try:
        return read_profile(evidence, issuer, heads)
    except Invalid as error:
        raise Invalid(str(error), "issuer/profile-false") from error


def _check_signer(
    statement: SignedStatement, registered: Inclusion, block: Check, policy: Policy
) -> PolicyIssuer:
    """The policy's issuer whose key signed, if that key was good at the block's time."""
    claims = statement.statement
    issuer = policy.issuers.get(claims.iss)
    if issuer is None:
        raise CannotTell(f"the policy does not know the issuer {claims.iss}")
    known = issuer.keys.get(claims.kid)
    if known is None:
        raise CannotTell(f"the policy does not know this key of {claims.iss}", "issuer/key-unknown")
    verify_statement(statement, known.key)
    if block.result != "pass":
        raise CannotTell(
            "the key is judged by the time of the block, which is not established",
            "issuer/time-unknown",
        )
    at_ms = registered.block.timestamp_ms
    if not known.good_at(at_ms):
        raise Invalid(
            f"the key of {claims.iss} was not good when this was registered",
            "issuer/key-stolen" if known.stolen_at(at_ms) else "issuer/key-not-good",
        )
    return issuer


def read_profile(evidence: Evidence, issuer: str, heads: Heads) -> IssuerProfile:
    """The profile that the notary registered of this issuer; raises Invalid or CannotTell."""
    notice = _check_evidence(evidence, heads)
    if not isinstance(notice, IssuerNotice) or notice.issuer != issuer:
        raise Invalid(f"the evidence for the issuer is not a notice about {issuer}")
    try:
        return parse_profile(evidence.document)
    except Malformed as error:
        raise CannotTell(f"this version cannot read the registered profile: {error}") from error


def _check_evidence(evidence: Evidence, heads: Heads) -> IssuerNotice | StatusListNotice:
    """A statement of the notary about public bytes, checked like any other receipt."""
    include(evidence.statement, evidence.registered)
    log, block, _ = heads.checks(evidence.registered)
    for check in (log, block):
        if check.result == "fail":
            raise Invalid(f"evidence: {check.detail}")
        if check.result == "unknown":
            raise CannotTell(f"evidence: {check.detail}")
    payload = evidence.statement.statement.payload
    if not isinstance(payload, (IssuerNotice, StatusListNotice)):
        raise Invalid("the evidence is not a statement of the notary")
    if sha256(evidence.document) != payload.sha256:
        raise Invalid("the evidence's document is not the one that the notary registered")
    if not _check_signer(evidence.statement, evidence.registered, block, heads.policy).notary:
        raise Invalid("the evidence is signed by an issuer that the policy does not call a notary")
    return payload


def check_status(receipt: Receipt, evidence: Evidence, at_ms: int, heads: Heads) -> Told:
    status, signed = read_status(evidence, heads), receipt.statement
    origin, read_ms = receipt.registered.block.origin, read_ms_of(evidence)
    return judge_status(status, signed.entry_id, origin, signed.statement.iss, at_ms, read_ms)


def read_status(evidence: Evidence, heads: Heads) -> EntryStatus:
    """The list that the notary registered; raises Invalid or CannotTell."""
    if not isinstance(_check_evidence(evidence, heads), StatusListNotice):
        raise Invalid("the evidence for the status is not a status list")
    try:
        return parse_entry_status(evidence.document)
    except Malformed as error:
        raise CannotTell(f"this version cannot read the registered status list: {error}") from error
