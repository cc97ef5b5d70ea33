"""JSON Web Signatures in the compact form (RFC 7515 §7.1), as credentials use them.

``base64url(header).base64url(payload).base64url(signature)``, signed with EdDSA over Ed25519
(RFC 8037 §3.1) or ES256 (RFC 7518 §3.4). The key is always the caller's, found by its own policy:
a header that brings or points to a key is refused, so that nobody can come to trust it. Header
parameters that no one here knows are ignored, as RFC 7515 §4 demands; they are signed all the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ..errors import CannotTell, Invalid, Malformed
from ..jcs import JsonValue, MalformedJson, format_jcs, parse_ijson
from ..keys import EDDSA, ES256, P256_ORDER, SIGNATURE_BYTES, PublicKey, Signer
from ..limits import JOSE_HEADER_BYTES, JWS_BYTES
from .multibase import MalformedBase64Url, format_base64url, parse_base64url

ALGORITHMS = {"EdDSA": EDDSA, "ES256": ES256}
"""The names in JOSE of the algorithms of our keys."""

_NAMES = {alg: name for name, alg in ALGORITHMS.items()}

KEY_PARAMETERS = ("jwk", "jku", "x5c", "x5u", "x5t", "x5t#S256")
"""Parameters by which a header would choose the key that it is verified with (RFC 7515 §4.1)."""

FORBIDDEN_PARAMETERS = ("crit", "b64", "zip", "enc")
"""Parameters that change how a JWS is read (RFC 7515 §4.1.11, RFC 7797, RFC 7516 §4.1)."""


class MalformedJws(Malformed):
    """Not a compact JWS."""


class JwsTooLong(MalformedJws):
    """More than ``JWS_BYTES``, or a header of more than ``JOSE_HEADER_BYTES``."""


class NotCompactJws(MalformedJws):
    """Not three parts of canonical base64url with points between them."""


class MalformedJoseHeader(MalformedJws):
    """A header that is not an object of I-JSON, or whose parameters are of the wrong form."""


class ForbiddenParameter(MalformedJoseHeader):
    """A header that brings its own key, or changes how the JWS is read."""


class ForbiddenAlgorithm(MalformedJoseHeader):
    """``none``, or a MAC under a shared secret: anybody could have made it (RFC 8725 §3.1)."""


class MalformedPayload(MalformedJws):
    """A payload that is not an object of I-JSON."""


class WrongAlgorithm(Invalid):
    """The header's algorithm is not the one that the key is for."""


class UnknownAlgorithm(CannotTell):
    """An algorithm that is not checked here."""


class Jws(NamedTuple):
    """A JWS as it was read; its signature is not verified. ``text`` is all of it; ``alg`` the name
    that the header gives; ``kid`` and ``typ`` its parameters, if any: hints, nothing more."""

    text: str
    header: Mapping[str, JsonValue]
    alg: str
    kid: str | None
    typ: str | None
    payload: bytes
    signature: bytes


def sign_jws(payload: bytes, key: Signer, *, typ: str | None = None, kid: str | None = None) -> str:
    """The compact JWS of a payload; the header is alg and what is given."""
    header: dict[str, JsonValue] = {"alg": _NAMES[key.public.alg]}
    for name, value in (("typ", typ), ("kid", kid)):
        if value is not None:
            header[name] = value
    signed = f"{format_base64url(format_jcs(header))}.{format_base64url(payload)}"
    return f"{signed}.{format_base64url(key.sign(signed.encode()))}"


def parse_jws(text: str) -> Jws:
    """Read a compact JWS without verifying it; raises MalformedJws and nothing else."""
    if len(text) > JWS_BYTES:
        raise JwsTooLong(f"a JWS has at most {JWS_BYTES} characters, not {len(text)}")
    if text.count(".") != 2:
        raise NotCompactJws("a compact JWS has three parts, with points between them")
    encoded, _, rest = text.partition(".")
    if len(encoded) > JOSE_HEADER_BYTES:
        raise JwsTooLong(f"a JOSE header has at most {JOSE_HEADER_BYTES} characters")
    try:
        header, payload, signature = map(parse_base64url, (encoded, *rest.split(".")))
    except MalformedBase64Url as error:
        raise NotCompactJws(f"a part of the JWS is not base64url: {error}") from error
    return _read_header(text, header, payload, signature)


def _read_header(text: str, encoded: bytes, payload: bytes, signature: bytes) -> Jws:
    try:
        header = parse_ijson(encoded)
    except MalformedJson as error:
        raise MalformedJoseHeader(f"the JOSE header is not I-JSON: {error}") from error
    if not isinstance(header, dict):
        raise MalformedJoseHeader("a JOSE header is an object")
    for name in (*KEY_PARAMETERS, *FORBIDDEN_PARAMETERS):
        if name in header:
            raise ForbiddenParameter(f"a JOSE header with {name} is not taken")
    alg = _optional_text(header, "alg")
    if alg is None:
        raise MalformedJoseHeader("a JOSE header names its alg")
    if alg.lower() == "none" or alg.upper().startswith("HS"):
        raise ForbiddenAlgorithm(f"alg {alg!r} proves nothing to a third party")
    kid, typ = _optional_text(header, "kid"), _optional_text(header, "typ")
    return Jws(text, header, alg, kid, typ, payload, signature)


def _optional_text(header: Mapping[str, JsonValue], name: str) -> str | None:
    value = header.get(name)
    if name in header and not isinstance(value, str):
        raise MalformedJoseHeader(f"{name} in a JOSE header is a string")
    return value if isinstance(value, str) else None


def verify_jws(jws: Jws, key: PublicKey) -> bytes:
    """The payload, if ``key`` signed it; raises UnknownAlgorithm (CannotTell), WrongAlgorithm or
    keys.WrongSignature."""
    if jws.alg not in ALGORITHMS:
        raise UnknownAlgorithm(f"this version does not check signatures with alg {jws.alg!r}")
    if ALGORITHMS[jws.alg] != key.alg:
        raise WrongAlgorithm(f"alg is {jws.alg}, but the key is for {_NAMES[key.alg]}")
    signature = jws.signature if key.alg == EDDSA else _low_s(jws.signature)
    key.verify(signature, jws.text.rpartition(".")[0].encode())
    return jws.payload


def _low_s(signature: bytes) -> bytes:
    """(r, s) with the lower of s and n - s. Our own formats refuse the higher one, but RFC 7518
    allows both, and most libraries write whichever comes."""
    s = int.from_bytes(signature[32:], "big") if len(signature) == SIGNATURE_BYTES else 0
    if P256_ORDER // 2 < s < P256_ORDER:
        return signature[:32] + (P256_ORDER - s).to_bytes(32, "big")
    return signature


def parse_payload(payload: bytes) -> dict[str, JsonValue]:
    """The claims of a JWT (RFC 7519 §3): an object of I-JSON; raises MalformedPayload."""
    try:
        claims = parse_ijson(payload)
    except MalformedJson as error:
        raise MalformedPayload(f"the payload is not I-JSON: {error}") from error
    if not isinstance(claims, dict):
        raise MalformedPayload("the payload of a JWT is an object")
    return claims
