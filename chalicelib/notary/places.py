"""Which place in status lists a lineage has: its ``sub`` tells, to the notary alone.

An issuer's lineages are numbered as they are allotted. A number is a page and, on it, a position
that looks random; the ``sub`` is a random UUID to everybody but the holder of the issuer's secret:
its 122 free bits are the number, encrypted and authenticated as SIV does it (RFC 5297): a tag that
is a MAC of the number, and the number masked by a MAC of the tag. So nothing is kept per lineage,
equal numbers alone have equal subs, and no sub can be altered into another one that has a place.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from uuid import UUID

SECRET_BYTES = 32

POSITION_BITS = 17
PAGE_PLACES = 1 << POSITION_BITS
"""Entries of a list: the least that W3C has for privacy, 16 KiB of one bit."""

NUMBER_BITS = 41
PLACES = 1 << NUMBER_BITS
"""Places of one issuer."""

_TAG_BITS = 122 - NUMBER_BITS
_ROUNDS = 10
"""As many as NIST SP 800-38G has for small domains."""

_URN = "urn:uuid:"


@dataclass(frozen=True, slots=True)
class Place:
    page: int
    position: int


def place_of(secret: bytes, number: int) -> Place:
    page, within = divmod(number, PAGE_PLACES)
    return Place(page, permute(secret, page, within))


def permute(secret: bytes, page: int, within: int) -> int:
    """A permutation of the 17 bits: a Feistel network whose halves have 8 and 9."""
    left, right = within >> 9, within & 0x1FF
    for round_ in range(0, _ROUNDS, 2):
        left ^= _mac(secret, b"left", page, round_, right) & 0xFF
        right ^= _mac(secret, b"right", page, round_, left) & 0x1FF
    return left << 9 | right


def encode_sub(secret: bytes, number: int) -> str:
    """``urn:uuid:`` and a UUID of version 4 (RFC 9562 §5.4)."""
    tag = _tag(secret, number)
    bits = tag << NUMBER_BITS | number ^ _mask(secret, tag)
    # 48 bits, version, 12 bits, variant, 62 bits
    high, middle, low = bits >> 74, bits >> 62 & 0xFFF, bits & (1 << 62) - 1
    return UUID(int=high << 80 | 4 << 76 | middle << 64 | 2 << 62 | low).urn


def decode_sub(secret: bytes, sub: str) -> int | None:
    """The number of a statement's ``sub``; None if it was not allotted with this secret."""
    value = UUID(sub.removeprefix(_URN)).int
    bits = value >> 80 << 74 | (value >> 64 & 0xFFF) << 62 | value & (1 << 62) - 1
    tag = bits >> NUMBER_BITS
    number = bits & PLACES - 1 ^ _mask(secret, tag)
    return number if _tag(secret, number) == tag else None


def _tag(secret: bytes, number: int) -> int:
    return _mac(secret, b"tag", number) >> 256 - _TAG_BITS


def _mask(secret: bytes, tag: int) -> int:
    return _mac(secret, b"mask", tag) >> 256 - NUMBER_BITS


def _mac(secret: bytes, purpose: bytes, *values: int) -> int:
    """HMAC-SHA-256 of the purpose and the values, each below 2^88."""
    message = purpose + b"".join(value.to_bytes(11, "big") for value in values)
    return int.from_bytes(hmac.digest(secret, message, "sha256"), "big")
