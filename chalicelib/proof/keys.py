"""Keys: Ed25519 and ECDSA P-256, the two that statements are signed with (the log has Ed25519).

A key's id is its COSE key thumbprint (RFC 9679): SHA-256 over the deterministic COSE_Key with the
required members alone. JWKs are RFC 7517 with exactly kty, crv, x and, for P-256, y.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
)

from .cbor import CborKey, CborValue, encode
from .errors import Invalid, Malformed
from .hashes import Hash, sha256

EDDSA = -8
ES256 = -7
"""COSE algorithms (RFC 9053 §2): EdDSA with Ed25519 alone, and ECDSA with SHA-256 on P-256."""

SIGNATURE_BYTES = 64
COORDINATE_BYTES = 32

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_ED25519_PRIME = 2**255 - 19
_SIGN_BIT = 1 << 255
_ORDER_8 = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
_ED25519_SMALL_ORDER = frozenset((1, _ED25519_PRIME - 1, 0, _ORDER_8, _ED25519_PRIME - _ORDER_8))
"""The y coordinates of the eight points whose order divides 8."""


class MalformedKey(Malformed):
    """Not a key in the form that it should have."""


class UnknownKeyType(MalformedKey):
    """A key of another kind than Ed25519 and P-256."""


class WeakKey(MalformedKey):
    """A key under which strangers can sign, or a second spelling of another key."""


class WrongSignature(Invalid):
    """The signature is not this key's signature of this message."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """An Ed25519 (``y`` empty) or P-256 public key, loaded once and for all."""

    alg: int
    x: bytes
    y: bytes
    kid: Hash
    _verify: Callable[[bytes, bytes], None] = field(repr=False, compare=False)

    def verify(self, signature: bytes, message: bytes) -> None:
        """Raises WrongSignature. ECDSA signatures are r ‖ s (RFC 9053 §2.1) with low s."""
        if len(signature) != SIGNATURE_BYTES:
            raise WrongSignature(f"a signature has {SIGNATURE_BYTES} bytes, not {len(signature)}")
        try:
            self._verify(signature, message)
        except InvalidSignature:
            raise WrongSignature("the signature is not this key's") from None


_P256 = ec.SECP256R1()
_ECDSA = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)


def _verify_p256(key: ec.EllipticCurvePublicKey, signature: bytes, message: bytes) -> None:
    key.verify(_der_of(signature), message, _ECDSA)


def _der_of(signature: bytes) -> bytes:
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    if s > P256_ORDER // 2:
        # (r, n - s) is as good to ECDSA, so anybody could make a second signature, and entry id.
        raise WrongSignature("the signature is malleable: s is not in the lower half of the order")
    return encode_dss_signature(r, s)


def raw_signature(der: bytes) -> bytes:
    """r ‖ s with low s, 64 bytes, of a P-256 signature in DER, as KMS and OpenSSL write it."""
    r, s = decode_dss_signature(der)
    return r.to_bytes(32, "big") + min(s, P256_ORDER - s).to_bytes(32, "big")


def ed25519_key(x: bytes) -> PublicKey:
    """The key of 32 raw bytes (RFC 8032 §5.1.5); raises MalformedKey or WeakKey.

    Points off the curve pass: no signature verifies under them.
    """
    if len(x) != COORDINATE_BYTES:
        raise MalformedKey(f"an Ed25519 key has {COORDINATE_BYTES} bytes, not {len(x)}")
    y = int.from_bytes(x, "little") & ~_SIGN_BIT
    if y >= _ED25519_PRIME:
        raise WeakKey("the Ed25519 key is not canonical: its y is not below 2^255 - 19")
    if y in _ED25519_SMALL_ORDER:
        raise WeakKey("the Ed25519 key has small order: anybody can sign under it")
    return PublicKey(
        EDDSA, x, b"", _thumbprint(x, b""), Ed25519PublicKey.from_public_bytes(x).verify
    )


def p256_key(x: bytes, y: bytes) -> PublicKey:
    """The key with these coordinates, 32 bytes each, big-endian; raises MalformedKey."""
    if len(x) != COORDINATE_BYTES or len(y) != COORDINATE_BYTES:
        raise MalformedKey(f"the coordinates of a P-256 key have {COORDINATE_BYTES} bytes each")
    try:
        key = ec.EllipticCurvePublicKey.from_encoded_point(_P256, b"\x04" + x + y)
    except ValueError as error:
        raise MalformedKey("the coordinates are no point of P-256") from error
    return PublicKey(ES256, x, y, _thumbprint(x, y), partial(_verify_p256, key))


def parse_spki(der: bytes) -> PublicKey:
    """The key in a SubjectPublicKeyInfo (RFC 5280 §4.1), as KMS returns it."""
    try:
        key = load_der_public_key(der)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise MalformedKey("not a SubjectPublicKeyInfo of a known kind") from error
    return _public(key)


def _public(key: object) -> PublicKey:
    if isinstance(key, Ed25519PublicKey):
        return ed25519_key(key.public_bytes_raw())
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        point = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return p256_key(point[1:33], point[33:])
    raise UnknownKeyType("a key is Ed25519 or P-256")


def _cose_members(x: bytes, y: bytes) -> dict[CborKey, CborValue]:
    if y:
        return {1: 2, -1: 1, -2: x, -3: y}
    return {1: 1, -1: 6, -2: x}


def _thumbprint(x: bytes, y: bytes) -> Hash:
    return sha256(encode(_cose_members(x, y)))


def cose_key(key: PublicKey) -> dict[CborKey, CborValue]:
    """The COSE_Key (RFC 9052 §7): the required members, alg and kid."""
    return {**_cose_members(key.x, key.y), 2: key.kid, 3: key.alg}


def parse_jwk(value: object) -> PublicKey:
    """The key in a JWK with exactly kty, crv, x and, for P-256, y; raises MalformedKey."""
    members = _read_members(value)
    return _key_of(members, ())


def format_jwk(key: PublicKey) -> dict[str, str]:
    if key.alg == EDDSA:
        return {"kty": "OKP", "crv": "Ed25519", "x": _format_b64url(key.x)}
    return {"kty": "EC", "crv": "P-256", "x": _format_b64url(key.x), "y": _format_b64url(key.y)}


def _read_members(value: object) -> Mapping[str, str]:
    if not isinstance(value, dict):
        raise MalformedKey("a JWK is an object")
    members: dict[str, str] = {}
    for name, member in value.items():
        if not isinstance(name, str) or not isinstance(member, str):
            raise MalformedKey("the members of a JWK are strings")
        members[name] = member
    return members


def _key_of(members: Mapping[str, str], private: tuple[str, ...]) -> PublicKey:
    match (members.get("kty"), members.get("crv")):
        case ("OKP", "Ed25519"):
            _check_names(members, ("kty", "crv", "x", *private))
            return ed25519_key(_parse_b64url(members["x"]))
        case ("EC", "P-256"):
            _check_names(members, ("kty", "crv", "x", "y", *private))
            return p256_key(_parse_b64url(members["x"]), _parse_b64url(members["y"]))
    raise UnknownKeyType("a JWK has kty OKP and crv Ed25519, or kty EC and crv P-256")


def _check_names(members: Mapping[str, str], names: tuple[str, ...]) -> None:
    if members.keys() != set(names):
        raise MalformedKey(f"this JWK has exactly the members {', '.join(names)}")


_B64URL = re.compile(r"[A-Za-z0-9_-]{43}")


def _parse_b64url(text: str) -> bytes:
    """32 bytes in base64url without padding (RFC 7515 §2), in their one spelling."""
    if _B64URL.fullmatch(text):
        data = urlsafe_b64decode(text + "=")
        if _format_b64url(data) == text:
            return data
    raise MalformedKey("a JWK writes 32 bytes in canonical base64url, 43 characters, no padding")


def _format_b64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


class Signer(Protocol):
    """Whoever can sign with one key: a local SigningKey, or a key that never leaves KMS."""

    @property
    def public(self) -> PublicKey: ...

    def sign(self, message: bytes) -> bytes:
        """64 bytes that ``public.verify`` accepts."""
        ...


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key in memory. Signing is deterministic (RFC 8032, RFC 6979) with low s."""

    public: PublicKey
    _key: Ed25519PrivateKey | ec.EllipticCurvePrivateKey = field(repr=False)

    @classmethod
    def generate(cls, alg: int = EDDSA) -> SigningKey:
        """A new key from the system's random source."""
        if alg == EDDSA:
            return _signing_key(Ed25519PrivateKey.generate())
        if alg == ES256:
            return _signing_key(ec.generate_private_key(_P256))
        raise UnknownKeyType(f"alg is {EDDSA} or {ES256}, not {alg}")

    def sign(self, message: bytes) -> bytes:
        if isinstance(self._key, Ed25519PrivateKey):
            return self._key.sign(message)
        return raw_signature(self._key.sign(message, _ECDSA))


def _signing_key(key: Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> SigningKey:
    return SigningKey(_public(key.public_key()), key)


def parse_private_jwk(value: object) -> SigningKey:
    """The key in a JWK that has ``d`` too; raises MalformedKey if it is not the private half."""
    members = _read_members(value)
    public = _key_of(members, ("d",))
    d = _parse_b64url(members["d"])
    try:
        key = _signing_key(
            Ed25519PrivateKey.from_private_bytes(d)
            if public.alg == EDDSA
            else ec.derive_private_key(int.from_bytes(d, "big"), _P256)
        )
    except ValueError as error:
        raise MalformedKey("d is not a private key of P-256") from error
    if key.public != public:
        raise MalformedKey("d is not the private half of this key")
    return key


def format_private_jwk(key: SigningKey) -> dict[str, str]:
    if isinstance(key._key, Ed25519PrivateKey):
        d = key._key.private_bytes_raw()
    else:
        d = key._key.private_numbers().private_value.to_bytes(COORDINATE_BYTES, "big")
    return {**format_jwk(key.public), "d": _format_b64url(d)}
