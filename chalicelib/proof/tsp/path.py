"""The path from a token's signer to a certificate that the verifier trusts (RFC 5280 §6.1).

All of it is judged at the time of the token, so that it stays good when certificates expire.
Revocation is not asked for: it would need the network, and a policy that still names a revoked
authority is the verifier's own word. Nobody's signature is checked on what the policy holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from ..errors import CannotTell, Invalid, ProofError
from ..limits import PATH_LINKS
from .certificate import (
    BASIC_CONSTRAINTS,
    CERTIFICATE_POLICIES,
    EXTENDED_KEY_USAGE,
    KEY_USAGE,
    Certificate,
    basic_constraints,
    extended_key_usage,
    key_usage,
)
from .signature import load_key, verify_certified

TIME_STAMPING = "1.3.6.1.5.5.7.3.8"
"""id-kp-timeStamping (RFC 5280 §4.2.1.12)."""

_ANY_PURPOSE = "2.5.29.37.0"
_DIGITAL_SIGNATURE, _NON_REPUDIATION, _KEY_CERT_SIGN = 0, 1, 5

_UNDERSTOOD = frozenset((BASIC_CONSTRAINTS, CERTIFICATE_POLICIES, EXTENDED_KEY_USAGE, KEY_USAGE))
"""Extensions that may be critical. Any certificate policy is good enough here."""


class NotForTimeStamping(Invalid):
    """The signer's certificate is not one of a time-stamp authority, or was not at that time."""


class NotIssued(Invalid):
    """One certificate did not issue the other, or was not allowed to."""


class Untrusted(CannotTell):
    """No path leads from the signer to a certificate of the policy."""


def check_signer(certificate: Certificate, at_us: int) -> Certificate:
    """The signer, if its certificate is for time stamps alone (RFC 3161 §2.3) and was valid."""
    purposes = extended_key_usage(certificate)
    if purposes != [TIME_STAMPING] or not certificate.extensions[EXTENDED_KEY_USAGE].critical:
        raise NotForTimeStamping(f"{certificate.name} is not certified for time stamps alone")
    usage = key_usage(certificate)
    if usage is not None and not usage & {_DIGITAL_SIGNATURE, _NON_REPUDIATION}:
        raise NotForTimeStamping(f"{certificate.name} is not certified for signatures")
    if not certificate.valid_at(at_us):
        raise NotForTimeStamping(f"the certificate of {certificate.name} was not valid then")
    _check_understood(certificate)
    return certificate


def find_path(
    signer: Certificate,
    embedded: Sequence[Certificate],
    anchors: Sequence[Certificate],
    at_us: int,
) -> tuple[Certificate, ...]:
    """From the signer to an anchor, with the fewest links; raises Untrusted.

    The search goes in breadth and comes to each certificate once: where a longer way would be
    allowed, so is the shorter one."""
    trusted = {anchor.der for anchor in anchors}
    if signer.der in trusted:
        return (signer,)
    seen = {signer.der}
    paths: list[tuple[Certificate, ...]] = [(signer,)]
    for below in range(PATH_LINKS):
        longer: list[tuple[Certificate, ...]] = []
        for path in paths:
            unseen = [other for other in (*anchors, *embedded) if other.der not in seen]
            for issuer in _issuers(path[-1], unseen, below, at_us):
                if issuer.der in trusted:
                    return (*path, issuer)
                seen.add(issuer.der)
                longer.append((*path, issuer))
        paths = longer
    raise Untrusted(f"the policy does not lead to the signer {signer.name}")


def _issuers(
    certificate: Certificate, candidates: Sequence[Certificate], below: int, at_us: int
) -> list[Certificate]:
    """Those among the candidates that issued it. One that did not is no fault of the token."""
    found = []
    for candidate in candidates:
        if candidate.subject == certificate.issuer:
            with suppress(ProofError):
                found.append(verify_issued(certificate, candidate, below, at_us))
    return found


def verify_issued(
    certificate: Certificate, issuer: Certificate, below: int, at_us: int
) -> Certificate:
    """The issuer, if it issued the certificate and was allowed to; ``below`` counts authorities
    between it and the signer. Raises NotIssued, or what the signature raises."""
    if certificate.issuer != issuer.subject:
        raise NotIssued("the certificate names another issuer")
    _check_authority(issuer, below)
    if not issuer.valid_at(at_us):
        raise NotIssued(f"the certificate of {issuer.name} was not valid then")
    _check_understood(issuer)
    key = load_key(issuer.spki)
    verify_certified(certificate.algorithm, key, certificate.signed, certificate.signature)
    return issuer


def _check_authority(issuer: Certificate, below: int) -> None:
    constraints, usage = basic_constraints(issuer), key_usage(issuer)
    if not constraints.ca or (usage is not None and _KEY_CERT_SIGN not in usage):
        raise NotIssued(f"{issuer.name} may not issue certificates")
    if constraints.path_length is not None and below > constraints.path_length:
        raise NotIssued(f"there are more authorities below {issuer.name} than it may have")
    purposes = extended_key_usage(issuer)
    if purposes is not None and not {TIME_STAMPING, _ANY_PURPOSE} & set(purposes):
        raise NotIssued(f"{issuer.name} may not issue certificates for time stamps")


def _check_understood(certificate: Certificate) -> None:
    for oid, extension in certificate.extensions.items():
        if extension.critical and oid not in _UNDERSTOOD:
            raise Untrusted(f"the certificate of {certificate.name} has a critical extension {oid}")
