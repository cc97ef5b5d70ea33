"""RLP, the serialisation of Ethereum (Yellow Paper, appendix B): byte strings and lists of them.

Only the one canonical spelling of an item is read: the shortest form of every length, and a single
byte below 0x80 as itself. So what is read is written again as the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias, Union

from ..errors import Malformed
from ..limits import RLP_BYTES, RLP_DEPTH

Rlp: TypeAlias = Union[bytes, "Sequence[Rlp]"]
"""``decode_rlp`` gives bytes and lists."""


class MalformedRlp(Malformed):
    """Not RLP."""


class TruncatedRlp(MalformedRlp):
    """The item, or one in it, is longer than what holds it."""


class TrailingRlp(MalformedRlp):
    """More bytes after the item."""


class NonCanonicalRlp(MalformedRlp):
    """Readable, but there is a shorter spelling."""


class RlpTooLarge(MalformedRlp):
    """More than ``RLP_BYTES``; not even read."""


class RlpTooDeep(MalformedRlp):
    """Lists nested deeper than ``RLP_DEPTH``."""


class MalformedInteger(MalformedRlp):
    """Not an integer: big-endian, without leading zeros, as wide as its field."""


def decode_rlp(data: bytes) -> Rlp:
    """Read one item and nothing after it; raises MalformedRlp."""
    if len(data) > RLP_BYTES:
        raise RlpTooLarge(f"at most {RLP_BYTES} bytes are read as RLP, not {len(data)}")
    item, end = _decode(data, 0, len(data), 0)
    if end != len(data):
        raise TrailingRlp(f"{len(data) - end} bytes after an RLP item")
    return item


def _decode(data: bytes, start: int, limit: int, depth: int) -> tuple[Rlp, int]:
    """The item at ``start``, which ends by ``limit``, and its end."""
    if start >= limit:
        raise TruncatedRlp("an RLP item has at least one byte")
    first = data[start]
    if first < 0x80:
        return data[start : start + 1], start + 1
    start, end = _extent(data, start, limit, first)
    if first < 0xC0:
        if end == start + 1 and data[start] < 0x80:
            raise NonCanonicalRlp("a byte below 0x80 is written as itself")
        return data[start:end], end
    if depth == RLP_DEPTH:
        raise RlpTooDeep(f"RLP lists are nested at most {RLP_DEPTH} deep")
    items = []
    while start < end:
        item, start = _decode(data, start, end, depth + 1)
        items.append(item)
    return items, end


def _extent(data: bytes, start: int, limit: int, first: int) -> tuple[int, int]:
    """Where the content of a string or list begins and ends."""
    size, start = (first - 0x80) & 0x3F, start + 1
    if size > 55:
        width = size - 55
        size = int.from_bytes(data[start : start + width], "big")
        if start + width > limit:
            raise TruncatedRlp("the length of an RLP item is cut off")
        if size < 56 or data[start] == 0:
            raise NonCanonicalRlp("lengths below 56 are written in the first byte, others shortest")
        start += width
    if size > limit - start:
        raise TruncatedRlp("an RLP item is longer than what holds it")
    return start, start + size


def encode_rlp(item: Rlp) -> bytes:
    if isinstance(item, bytes):
        if len(item) == 1 and item[0] < 0x80:
            return item
        return _prefix(0x80, len(item)) + item
    content = b"".join([encode_rlp(inner) for inner in item])
    return _prefix(0xC0, len(content)) + content


def _prefix(base: int, size: int) -> bytes:
    if size < 56:
        return bytes((base + size,))
    length = format_integer(size)
    return bytes((base + 55 + len(length),)) + length


def format_integer(value: int) -> bytes:
    """Big-endian without leading zeros; zero is the empty string."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def read_integer(item: Rlp, what: str, width: int = 8) -> int:
    """An integer of at most ``width`` bytes; raises MalformedInteger."""
    if not isinstance(item, bytes) or len(item) > width or item[:1] == b"\x00":
        raise MalformedInteger(f"{what} is an integer of at most {width} bytes, shortest form")
    return int.from_bytes(item, "big")


def read_bytes(item: Rlp, what: str, size: int) -> bytes:
    """A byte string of exactly ``size`` bytes; raises MalformedRlp."""
    if not isinstance(item, bytes) or len(item) != size:
        raise MalformedRlp(f"{what} is a string of {size} bytes")
    return item
