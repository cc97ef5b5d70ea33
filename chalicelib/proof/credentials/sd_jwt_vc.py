"""SD-JWT VC: credentials as SD-JWTs (draft-ietf-oauth-sd-jwt-vc, §2).

The type of the JWT is ``dc+sd-jwt``; ``vct`` names the type of the credential, and what judges it
(issuer, times, holder's key, type, status) is never withheld. ``status`` is handed on as it stands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ..jcs import JsonValue
from ..keys import PublicKey, Signer
from .disclosure import MalformedSdJwt, Path
from .sd_issue import issue_sd_jwt
from .sd_jwt import SdJwt, VerifiedSdJwt, read_seconds, verify_sd_jwt

TYPE = "dc+sd-jwt"

PROTECTED = ("iss", "nbf", "exp", "cnf", "vct", "vct#integrity", "aka_vcts", "status")
"""Claims that are never in disclosures, nor any part of them (§2.2.2.3)."""


class MalformedVcClaims(MalformedSdJwt):
    """``vct`` is missing, or a registered claim is of the wrong form."""


class ProtectedClaimDisclosed(MalformedSdJwt):
    """A protected claim, or a part of it, is in a disclosure or could be."""


class SdJwtVc(NamedTuple):
    """A verified credential. ``issuer`` and ``vct`` are what it says of itself: whose key signed it
    is for the caller to compare. ``status`` is None if the credential has none."""

    verified: VerifiedSdJwt
    issuer: str | None
    vct: str
    status: JsonValue


def issue_sd_jwt_vc(
    claims: Mapping[str, JsonValue],
    concealed: Sequence[Path],
    salts: Sequence[bytes],
    key: Signer,
    *,
    kid: str | None = None,
    decoys: Mapping[Path, Sequence[bytes]] | None = None,
) -> str:
    """As ``issue_sd_jwt``, for a credential; raises Malformed."""
    _read_vct(claims)
    _read_issuer(claims)
    for name in ("exp", "nbf", "iat"):
        read_seconds(claims, name)
    return issue_sd_jwt(
        claims, concealed, salts, key, typ=TYPE, kid=kid, decoys=decoys, never=(*PROTECTED, "aud")
    )


def verify_sd_jwt_vc(sd_jwt: SdJwt, key: PublicKey) -> SdJwtVc:
    """The credential, if ``key`` signed it, at whatever time: that is for ``check_times``.
    Raises Invalid, Malformed or CannotTell."""
    verified = verify_sd_jwt(sd_jwt, key, TYPE)
    claims = verified.claims
    check_protected(claims, sd_jwt.payload)
    return SdJwtVc(verified, _read_issuer(claims), _read_vct(claims), claims.get("status"))


def check_protected(claims: Mapping[str, JsonValue], signed: Mapping[str, JsonValue]) -> None:
    """Raises ProtectedClaimDisclosed unless what judges a credential stands in its JWT itself."""
    for name in PROTECTED:
        # Digests inside count too, though nothing discloses them: they may withhold what judges.
        if name in claims and (name not in signed or claims[name] != signed[name]):
            raise ProtectedClaimDisclosed(f"{name} does not stand in the issuer's JWT as it is")


def _read_vct(claims: Mapping[str, JsonValue]) -> str:
    vct = claims.get("vct")
    if not isinstance(vct, str) or not vct:
        raise MalformedVcClaims("vct names the type of the credential")
    return vct


def _read_issuer(claims: Mapping[str, JsonValue]) -> str | None:
    issuer = claims.get("iss")
    if "iss" in claims and not isinstance(issuer, str):
        raise MalformedVcClaims("iss is a string")
    return issuer if isinstance(issuer, str) else None
