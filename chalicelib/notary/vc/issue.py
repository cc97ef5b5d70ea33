"""Issuing a credential of W3C's model with its issuer's key in KMS, once for each order.

The credential is signed with eddsa-jcs-2022 and registered in one step: its canonical bytes (RFC
8785) with its proof are the document. It gets a place in this service's status lists, unless it
has a status of its own.
"""

from __future__ import annotations

from functools import partial

from ...proof.credentials.data_integrity import sign_credential
from ...proof.credentials.vcdm import read_credential
from ...proof.credentials.vcdm_ids import MalformedCredential
from ...proof.hashes import Hash
from ...proof.jcs import JsonValue, format_jcs, parse_ijson
from ...proof.keys import EDDSA
from ...proof.limits import SALT_BYTES
from ...proof.times import format_time
from ..custody.documents import Desk, Issued, Plan, issue_once
from ..custody.orders import Made, check_length, holder_part, key_for_one
from ..issue import BADGE_PROFILE, bitstring_entries, key_url
from ..ports import Issuer, IssuerKey, Signer
from ..refused import Refused
from ..status.places import StatusPlace
from .views import KNOWN_CONTEXTS

ROUTE = "POST /credentials/issue"
"""Part of what an Idempotency-Key is unique in."""

BADGES = frozenset(("AchievementCredential", "OpenBadgeCredential"))
"""The types of a credential of Open Badges 3.0."""

OTHER_PROFILE = "generic/file"


def issue_credential(desk: Desk, key: str, request: Hash, value: JsonValue) -> Issued:
    """Sign and register a credential, once for this Idempotency-Key, or give the same answer again;
    without ``issuer`` it is of the tenant's only one. ``request`` is the digest of all that was
    asked. Raises Malformed, Refused, InProgress or Destroyed."""
    return issue_once(desk, ROUTE, key, request, partial(_plan, desk, value))


def _plan(desk: Desk, value: JsonValue) -> Plan:
    """All that can be refused before anything is stored or signed."""
    whole = _with_issuer(desk, value)
    credential = read_credential(whole, KNOWN_CONTEXTS)
    parse_ijson(format_jcs(whole))  # what would not be read again is not registered
    iss, placed = credential.issuer, "credentialStatus" not in whole
    key = _key(desk, iss)
    make = partial(_make, whole, iss, format_time(desk.now_ms))
    check_length(
        iss, key, lambda signer, at: make(signer, bytes(SALT_BYTES), at if placed else None)
    )
    return Plan(
        iss=iss,
        key=key,
        profile=BADGE_PROFILE if BADGES.intersection(credential.types) else OTHER_PROFILE,
        make=lambda signer, secret: make(signer, secret.salt, secret.lineage.place),
        placed=placed,
    )


def _with_issuer(desk: Desk, value: JsonValue) -> dict[str, JsonValue]:
    if not isinstance(value, dict):
        raise MalformedCredential("a credential is an object")
    if "proof" in value:
        raise MalformedCredential("a credential that is to be issued has no proof yet")
    if "issuer" in value:
        return value
    kept = [each.id for each in desk.registry.issuers() if _is_kept(each, desk)]
    return {**value, "issuer": kept[0]} if len(kept) == 1 else value


def _is_kept(issuer: Issuer, desk: Desk) -> bool:
    good = (each for each in issuer.keys if each.arn and each.good_at(desk.now_ms))
    own = issuer.tenant == desk.caller.tenant and issuer.status == "active"
    return own and any(each.key.alg == EDDSA for each in good)


def _key(desk: Desk, iss: str) -> IssuerKey:
    key = key_for_one(desk.registry.issuer(iss), desk.caller.tenant, desk.now_ms, EDDSA)
    if key.key.alg != EDDSA:
        raise Refused(
            "cannot-issue", f"{iss} has no Ed25519 key in KMS, which eddsa-jcs-2022 needs"
        )
    return key


def _make(
    value: dict[str, JsonValue],
    iss: str,
    created: str,
    signer: Signer,
    salt: bytes,
    place: StatusPlace | None,
) -> Made:
    if place is not None:
        value = {**value, "credentialStatus": bitstring_entries(place)}
    method = key_url(iss, signer.public)
    signed = sign_credential(value, signer, method, created=created, contexts=KNOWN_CONTEXTS)
    document = format_jcs(signed)
    return Made(holder_part(document, "jcs", salt), document)
