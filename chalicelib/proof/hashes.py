"""Hashes: SHA-256 for the tree (RFC 6962 §2.1), SM3 (GB/T 32905-2016) beside it for documents."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from itertools import repeat

from cryptography.hazmat.primitives.hashes import SM3
from cryptography.hazmat.primitives.hashes import Hash as Hasher

from .errors import Malformed
from .limits import HASH_BYTES


class MalformedHash(Malformed):
    """Not 32 bytes, or not their 64 lower-case hex digits."""


class Hash(bytes):
    """A hash of exactly 32 bytes."""

    __slots__ = ()

    def __new__(cls, value: bytes) -> Hash:
        if len(value) != HASH_BYTES:
            raise MalformedHash(f"a hash has {HASH_BYTES} bytes, not {len(value)}")
        return bytes.__new__(cls, value)

    @classmethod
    def parse_hex(cls, text: str) -> Hash:
        """Read 64 lower-case hex digits and nothing else; raises MalformedHash."""
        try:
            value = bytes.fromhex(text)
        except ValueError as error:
            raise MalformedHash("a hash is written as 64 lower-case hex digits") from error
        if value.hex() != text:
            raise MalformedHash("a hash is written as 64 lower-case hex digits")
        return cls(value)


# What a hash function returns has its length, and to check it again costs as much as to make it:
# the functions below call bytes.__new__, not Hash.


def sha256(data: bytes) -> Hash:
    return bytes.__new__(Hash, hashlib.sha256(data).digest())


_SM3 = Hasher(SM3())  # to copy one takes half as long as to make one


def sm3(data: bytes) -> Hash:
    hasher = _SM3.copy()
    hasher.update(data)
    return bytes.__new__(Hash, hasher.finalize())


EMPTY_ROOT = sha256(b"")
"""The root hash of the empty tree (RFC 6962 §2.1)."""


def leaf_hash(entry: bytes) -> Hash:
    """The entry id: SHA-256(00 ‖ entry) (RFC 6962 §2.1)."""
    return bytes.__new__(Hash, hashlib.sha256(b"\x00" + entry).digest())


def node_hash(left: bytes, right: bytes) -> Hash:
    """SHA-256(01 ‖ left ‖ right) (RFC 6962 §2.1)."""
    return bytes.__new__(Hash, hashlib.sha256(b"\x01" + left + right).digest())


def hashes_of(values: Iterable[bytes]) -> tuple[Hash, ...]:
    """A Hash of each value; that each has 32 bytes is known already, and not checked again."""
    return tuple(map(bytes.__new__, repeat(Hash), values))
