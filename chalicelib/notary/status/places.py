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
from functools import lru_cache
from hashlib import shake_256
from struct import Struct
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

_PAGE = Struct(">QB")
_FUNCTION = Struct(">512H")

_URN = "urn:uuid:"


@dataclass(frozen=True, slots=True)
class Place:
    page: int
    position: int


@dataclass(frozen=True, slots=True)
class StatusPlace:
    """Where status lists will tell what became of a credential: ``index`` in the lists at ``list``,
    an https URL."""

    list: str
    index: int


def place_in(first: StatusPlace, generation: int) -> StatusPlace:
    """The place of the credential that superseded one ``generation`` times: each generation has
    lists of its own, and a lineage the same index in all of them."""
    return StatusPlace(f"{first.list}-{generation}", first.index) if generation else first


def place_of(secret: bytes, number: int) -> Place:
    page, within = divmod(number, PAGE_PLACES)
    return Place(page, permute(secret, page, within))


def permute(secret: bytes, page: int, within: int) -> int:
    """A permutation of the 17 bits: a Feistel network whose halves have 8 and 9."""
    left, right = within >> 9, within & 0x1FF
    rounds = _rounds(secret, page)
    for of_right, of_left in zip(rounds[::2], rounds[1::2], strict=True):
        left ^= of_right[right] & 0xFF
        right ^= of_left[left] & 0x1FF
    return left << 9 | right


@lru_cache(maxsize=16)
def _rounds(secret: bytes, page: int) -> list[tuple[int, ...]]:
    """For each round its function of the other half, which is a random one: SHAKE-256 (FIPS 202) of
    secret, page and round, 16 bits for each argument."""
    keys = [secret + _PAGE.pack(page, number) for number in range(_ROUNDS)]
    return [_FUNCTION.unpack(shake_256(key).digest(_FUNCTION.size)) for key in keys]


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
    return _mac(secret, b"tag", number, _TAG_BITS)


def _mask(secret: bytes, tag: int) -> int:
    return _mac(secret, b"mask", tag, NUMBER_BITS)


def _mac(secret: bytes, purpose: bytes, value: int, bits: int) -> int:
    """The first bits of HMAC-SHA-256 of a purpose and a value of at most 81 bits."""
    digest = hmac.digest(secret, purpose + value.to_bytes(11, "big"), "sha256")
    return int.from_bytes(digest[:16], "big") >> 128 - bits
