"""Issuing a credential of W3C's model for an issuer whose key this service keeps.

The credential is signed with eddsa-jcs-2022 and registered in one step: its canonical bytes (RFC
8785) with its proof are the document. It gets a place in this service's status lists, unless it
has a status of its own. Whoever keeps the keys does both behind ``Custodian``.
"""

from __future__ import annotations

from functools import partial

from ..proof.credentials.data_integrity import sign_credential
from ..proof.credentials.vcdm import read_credential
from ..proof.credentials.vcdm_ids import MalformedCredential
from ..proof.hashes import Hash
from ..proof.jcs import JsonValue, format_jcs, parse_ijson
from ..proof.times import format_time
from .checks import Caller
from .issue import BADGE_PROFILE, StatusPlace, bitstring_entries, key_url
from .ports import Signer
from .refused import Refused
from .vc_ports import Custodian, Issued, Order
from .vc_views import KNOWN_CONTEXTS

BADGES = frozenset(("AchievementCredential", "OpenBadgeCredential"))
"""The types of a credential of Open Badges 3.0."""

OTHER_PROFILE = "generic/file"


def issue_credential(
    value: JsonValue,
    once: str,
    request: Hash,
    caller: Caller,
    custodian: Custodian,
    now_ms: int,
) -> Issued:
    """Sign and register a credential; without ``issuer`` it is of the tenant's only one.

    Raises Malformed, and what the custodian raises."""
    if not isinstance(value, dict):
        raise MalformedCredential("a credential is an object")
    if "proof" in value:
        raise MalformedCredential("a credential that is to be issued has no proof yet")
    kept = custodian.issuers(caller.tenant)
    whole = value if "issuer" in value or len(kept) != 1 else {**value, "issuer": next(iter(kept))}
    credential = read_credential(whole, KNOWN_CONTEXTS)
    if credential.issuer not in kept:
        raise Refused(
            "issuer-not-kept", "its issuer is none of yours whose Ed25519 key is kept here"
        )
    parse_ijson(format_jcs(whole))  # what would not be read again is not registered
    profile = BADGE_PROFILE if BADGES.intersection(credential.types) else OTHER_PROFILE
    placed = "credentialStatus" not in whole
    order = Order(credential.issuer, profile, "jcs", placed, once, request)
    make = partial(_sign, whole, credential.issuer, format_time(now_ms))
    return custodian.issue(caller, order, make)


def _sign(
    value: dict[str, JsonValue], issuer: str, created: str, key: Signer, place: StatusPlace | None
) -> bytes:
    if place is not None:
        value = {**value, "credentialStatus": bitstring_entries(place)}
    method = key_url(issuer, key.public)
    signed = sign_credential(value, key, method, created=created, contexts=KNOWN_CONTEXTS)
    return format_jcs(signed)
