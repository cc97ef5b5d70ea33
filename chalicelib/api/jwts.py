"""JSON Web Tokens, read strictly before PyJWT checks their signature (RFC 7519, RFC 8725).

The key is always chosen by us: by key id among registered or configured keys. A token that brings
a key of its own, or names where to fetch one, is refused whatever it says.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..proof.errors import Malformed
from ..proof.jcs import JsonValue, format_jcs, parse_ijson

if TYPE_CHECKING:
    from jwt import PyJWK
    from jwt.types import Options

    from ..notary.ports import Signer

TOKEN_BYTES = 8_192
"""Longer tokens are refused unread."""

LEEWAY_S = 30
"""How far another's clock may be ahead of ours."""

ALGORITHMS = ("ES256", "EdDSA", "RS256")
"""Signatures only: a public key can never become the secret of an HMAC."""

_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)
_BRINGS_A_KEY = ("jwk", "jku", "x5c", "x5u", "x5t", "x5t#S256", "crit", "b64", "zip")


class BadToken(Exception):
    """A token that is not good, and why; safe to tell whoever sent it."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token's parts, believed by nobody yet."""

    text: str
    header: Mapping[str, JsonValue]
    claims: Mapping[str, JsonValue]

    def claim(self, name: str) -> str:
        value = self.claims.get(name)
        if not isinstance(value, str) or not value:
            raise BadToken(f"the claim {name} is missing or not a string")
        return value

    @property
    def kid(self) -> str:
        kid = self.header.get("kid")
        if not isinstance(kid, str) or not kid:
            raise BadToken("the header names no key (kid)")
        return kid


def parse_token(text: str) -> Token:
    """Split a compact JWS; raises BadToken."""
    if len(text) > TOKEN_BYTES:
        raise BadToken(f"it has more than {TOKEN_BYTES} bytes")
    if not _COMPACT.fullmatch(text):
        raise BadToken("it is not a signed JSON Web Token")
    header, claims = (_read_part(part) for part in text.split(".")[:2])
    for name in _BRINGS_A_KEY:
        if name in header:
            raise BadToken(f"its header must not have {name}")
    return Token(text, header, claims)


def _read_part(part: str) -> dict[str, JsonValue]:
    try:
        value = parse_ijson(decode_base64url(part))
    except Malformed as error:
        raise BadToken("it is not a signed JSON Web Token") from error
    if not isinstance(value, dict):
        raise BadToken("it is not a signed JSON Web Token")
    return value


class MalformedBase64Url(Malformed):
    """Not the one unpadded spelling (RFC 7515 §2)."""


def decode_base64url(text: str) -> bytes:
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError) as error:
        raise MalformedBase64Url("not base64url") from error
    if encode_base64url(data) != text:
        raise MalformedBase64Url("not the canonical base64url of anything")
    return data


def encode_base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def load_key(jwk: Mapping[str, Any]) -> PyJWK:
    """A key of ours or of the registry, with the one algorithm that its type has."""
    import jwt

    return jwt.PyJWK(dict(jwk))


_OPTIONS: Options = {
    "require": ["iss", "aud", "sub", "exp"],
    "enforce_minimum_key_length": True,
    # Times are checked by us: our clock is an argument, PyJWT's is not.
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
}


def verify_token(
    token: Token, key: PyJWK, issuer: str, audience: Sequence[str], now_s: int
) -> Token:
    """Check signature, issuer, audience and times; raises BadToken."""
    import jwt

    algorithm = key.algorithm_name
    if algorithm not in ALGORITHMS or token.header.get("alg") != algorithm:
        raise BadToken("its alg is not that of the key")
    try:
        jwt.decode(
            token.text,
            key,
            algorithms=[algorithm],
            issuer=issuer,
            audience=list(audience),
            options=_OPTIONS,
        )
    except jwt.PyJWTError as error:
        raise BadToken(_reason(error)) from error
    _check_times(token, now_s)
    return token


def _reason(error: Exception) -> str:
    import jwt

    reasons = (
        (jwt.InvalidAudienceError, "it is for another audience"),
        (jwt.InvalidIssuerError, "it is from another issuer"),
        (jwt.MissingRequiredClaimError, "a claim is missing: it needs iss, aud, sub and exp"),
        (jwt.InvalidSignatureError, "its signature is wrong"),
    )
    matching = [reason for kind, reason in reasons if isinstance(error, kind)]
    return matching[0] if matching else "it is not a good signed JSON Web Token"


def _check_times(token: Token, now_s: int) -> None:
    times = {name: token.claims.get(name) for name in ("exp", "nbf", "iat")}
    for name, value in times.items():
        if value is not None and type(value) is not int:
            raise BadToken(f"{name} is not an integer of seconds")
    exp, nbf, iat = (times[name] for name in ("exp", "nbf", "iat"))
    assert isinstance(exp, int), "exp is required"
    if exp <= now_s:
        raise BadToken("it has expired")
    for begin in (nbf, iat):
        if isinstance(begin, int) and begin > now_s + LEEWAY_S:
            raise BadToken("it is not good yet: check the clock")


def sign_token(
    header: Mapping[str, JsonValue], claims: Mapping[str, JsonValue], signer: Signer
) -> str:
    """A compact JWS by the signer's key (ES256: RFC 7518 §3.4)."""
    message = ".".join(encode_base64url(format_jcs(dict(part))) for part in (header, claims))
    return f"{message}.{encode_base64url(signer.sign(message.encode()))}"
