"""The binary-to-text encodings of credentials: base64url (RFC 4648 §5) and base58btc, and the
Multikeys made of them (W3C Controlled Identifiers v1.0 §2.2.2, §2.4).

Each value has one spelling: padding, stray bits, other alphabets and foreign characters are
refused. base58btc takes more than linear time, so its texts are short by limit.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode

from ..errors import Malformed
from ..keys import EDDSA, PublicKey, UnknownKeyType, ed25519_key
from ..limits import MULTIKEY_CHARACTERS

BASE58BTC = "z"
BASE64URL = "u"
"""The multibase prefixes of the two encodings."""

DID_KEY = "did:key:"

_ED25519 = b"\xed\x01"
"""The multicodec of an Ed25519 public key, as a varint."""


class MalformedBase64Url(Malformed):
    """Not the canonical base64url without padding."""


class MalformedBase58(Malformed):
    """Not base58btc, or longer than the limit."""


class MalformedMultikey(Malformed):
    """Not a Multikey, or not the did:key URL of one."""


_BASE64URL = re.compile(r"[A-Za-z0-9_-]*")


def parse_base64url(text: str) -> bytes:
    """Read base64url without padding, of any length; raises MalformedBase64Url."""
    if _BASE64URL.fullmatch(text) and len(text) % 4 != 1:
        data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        if format_base64url(data) == text:
            return data
    raise MalformedBase64Url("base64url has no padding, no stray bits, and A-Z a-z 0-9 - _ alone")


def format_base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_DIGITS = {character: value for value, character in enumerate(_ALPHABET)}


def parse_base58(text: str, most: int) -> bytes:
    """Read at most ``most`` digits of base58btc; leading 1s are zero bytes. MalformedBase58."""
    if len(text) > most:
        raise MalformedBase58(f"base58btc of more than {most} characters")
    number = 0
    for character in text:
        if character not in _DIGITS:
            raise MalformedBase58(f"{character!r} is not a digit of base58btc")
        number = number * 58 + _DIGITS[character]
    zeros = len(text) - len(text.lstrip("1"))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")


def format_base58(data: bytes) -> str:
    number = int.from_bytes(data, "big")
    digits = []
    while number:
        number, digit = divmod(number, 58)
        digits.append(_ALPHABET[digit])
    zeros = len(data) - len(data.lstrip(b"\0"))
    return "1" * zeros + "".join(reversed(digits))


def format_multikey(key: PublicKey) -> str:
    """``z6Mk…``; raises UnknownKeyType for a key other than Ed25519."""
    if key.alg != EDDSA:
        raise UnknownKeyType("a Multikey here is of an Ed25519 key")
    return BASE58BTC + format_base58(_ED25519 + key.x)


def parse_multikey(text: str) -> PublicKey:
    """The Ed25519 key of a ``publicKeyMultibase``; raises Malformed."""
    if not text.startswith(BASE58BTC):
        raise MalformedMultikey("a Multikey is multibase in base58btc: it begins with z")
    data = parse_base58(text[1:], MULTIKEY_CHARACTERS)
    if not data.startswith(_ED25519):
        raise UnknownKeyType("a Multikey here is of an Ed25519 key: it begins with z6Mk")
    return ed25519_key(data[len(_ED25519) :])


def did_key_method(key: PublicKey) -> str:
    """The verification method of a did:key: the DID, and the key again as the fragment."""
    multikey = format_multikey(key)
    return f"{DID_KEY}{multikey}#{multikey}"


def parse_did_key_method(text: str) -> PublicKey:
    """The key that a did:key verification method itself holds; raises Malformed.

    Whoever has a key has its did:key: this says which key, and never whose.
    """
    multikey, separator, fragment = text.removeprefix(DID_KEY).partition("#")
    if not text.startswith(DID_KEY) or not separator or fragment != multikey:
        raise MalformedMultikey("a did:key names its key twice: did:key:z6Mk…#z6Mk…")
    return parse_multikey(multikey)
