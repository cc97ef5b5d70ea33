"""CBOR, core deterministic encoding only (RFC 8949 §4.2.1), and only the types our formats use.

Those are integers of 64 bits, byte and text strings, arrays, maps with integer or text keys, tag
18, false, true and null. Arguments are in their shortest form, lengths definite, map keys in
bytewise lexicographic order of their encodings, text is UTF-8. So each value has one encoding:
``encode(decode(x)) == x`` whenever ``decode`` returns.

A decoder of our own, because a general one turns tags into dates, bignums and shared or cyclic
references, and believes lengths before it has the bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, Union

from .errors import Malformed
from .limits import CBOR_DEPTH

CborKey: TypeAlias = int | str
CborValue: TypeAlias = Union[
    int,
    bytes,
    str,
    "Sequence[CborValue]",
    "Mapping[CborKey, CborValue]",
    "Tag",
    None,
]
"""Arrays are lists or tuples (``decode`` gives lists), maps are dicts; ``bool`` is an ``int``."""

COSE_SIGN1_TAG = 18
"""The only tag of our formats (RFC 9052 §2)."""

_NEGATIVE, _BYTES, _TEXT, _ARRAY, _MAP, _TAG, _SIMPLE = range(0x20, 0x100, 0x20)
_BREAK = 0xFF
"""The least initial bytes of major types 1 to 7, and the break (RFC 8949 §3.1)."""

_SIMPLES: dict[int, CborValue] = {0xF4: False, 0xF5: True, 0xF6: None}


@dataclass(frozen=True, slots=True)
class Tag:
    """A tagged item (RFC 8949 §3.4)."""

    number: int
    value: CborValue


class MalformedCbor(Malformed):
    """Not deterministic CBOR of the types that our formats use."""


class Truncated(MalformedCbor):
    """The bytes end before the item does."""


class TrailingBytes(MalformedCbor):
    """Bytes follow the item."""


class NotShortest(MalformedCbor):
    """An integer, length or tag is written in more bytes than it needs."""


class IndefiniteLength(MalformedCbor):
    """An item of indefinite length, or a stray break."""


class NotWellFormed(MalformedCbor):
    """A reserved initial byte (RFC 8949 §3)."""


class UnsupportedType(MalformedCbor):
    """Well-formed CBOR of a type that no format of ours has: floats, other simples and tags."""


class UnsortedKeys(MalformedCbor):
    """Map keys that are not in bytewise lexicographic order of their encodings."""


class RepeatedKey(MalformedCbor):
    """A map holds one key twice."""


class MalformedText(MalformedCbor):
    """A text string that is not UTF-8."""


class NestedTooDeep(MalformedCbor):
    """Deeper than ``limits.CBOR_DEPTH``."""


class TooManyItems(MalformedCbor):
    """A CBOR sequence holds more items than its limit."""


def decode(data: bytes) -> CborValue:
    """Read one deterministic CBOR item that is all of ``data``; raises MalformedCbor."""
    try:
        value, end = _item(data, 0, CBOR_DEPTH)
    except IndexError:
        raise Truncated("the bytes end before the CBOR item does") from None
    if end != len(data):
        raise TrailingBytes(f"{len(data) - end} bytes follow the CBOR item")
    return value


# Each reader returns the value and the position after it. A head that is not there is an
# IndexError, caught in ``decode``. The commonest types are read in ``_item`` itself: a call an
# item would cost as much as the reading.


def _item(data: bytes, at: int, depth: int) -> tuple[CborValue, int]:
    initial = data[at]
    at += 1
    argument = initial & 31
    if argument > 23 and initial < _SIMPLE:
        argument, at = _long_argument(data, at, argument)
    if initial < _NEGATIVE:
        return argument, at
    if initial < _BYTES:
        return -1 - argument, at
    if initial < _ARRAY:
        end = at + argument
        if end > len(data):
            raise Truncated(f"a string of {argument} bytes has only {len(data) - at}")
        if initial < _TEXT:
            return data[at:end], end
        try:
            return data[at:end].decode(), end
        except UnicodeDecodeError:
            raise MalformedText("a text string is not UTF-8") from None
    return _rarer(data, at, initial, argument, depth)


def _rarer(data: bytes, at: int, initial: int, argument: int, depth: int) -> tuple[CborValue, int]:
    if initial >= _SIMPLE:
        return _simple(initial), at
    if depth < 1:
        raise NestedTooDeep(f"nested deeper than {CBOR_DEPTH}")
    if initial >= _TAG:
        return _tag(data, at, argument, depth - 1)
    # Each item takes a byte, so a claimed count never costs more than the input.
    if argument > len(data) - at:
        raise Truncated(f"a container of {argument} items has only {len(data) - at} bytes")
    if initial >= _MAP:
        return _map(data, at, argument, depth - 1)
    return _array(data, at, argument, depth - 1)


def _long_argument(data: bytes, at: int, info: int) -> tuple[int, int]:
    """The argument in the 1, 2, 4 or 8 bytes at ``at``, in its shortest form (RFC 8949 §3)."""
    if info == 24:
        value, least, end = data[at], 24, at + 1
    elif info > 27:
        raise _unreadable_head(info)
    else:
        end = at + (1 << (info - 24))
        if end > len(data):
            raise Truncated("the bytes end inside the head of a CBOR item")
        value, least = int.from_bytes(data[at:end], "big"), 1 << (4 << (info - 24))
    if value < least:
        raise NotShortest(f"{value} is not written in its shortest form")
    return value, end


def _unreadable_head(info: int) -> MalformedCbor:
    if info == 31:
        return IndefiniteLength("lengths must be definite")
    return NotWellFormed(f"additional information {info} is reserved")


def _simple(initial: int) -> CborValue:
    if initial in _SIMPLES:
        return _SIMPLES[initial]
    if initial == _BREAK:
        raise IndefiniteLength("a break stands outside any item of indefinite length")
    if initial >= 0xFC:
        raise NotWellFormed(f"the initial byte {initial:#04x} is reserved")
    raise UnsupportedType("only false, true and null are used: no floats, no other simple values")


def _array(data: bytes, at: int, count: int, depth: int) -> tuple[CborValue, int]:
    items: list[CborValue] = []
    for _ in range(count):
        value, at = _item(data, at, depth)
        items.append(value)
    return items, at


def _map(data: bytes, at: int, count: int, depth: int) -> tuple[CborValue, int]:
    members: dict[CborKey, CborValue] = {}
    previous = b""
    for _ in range(count):
        key, value_at = _item(data, at, depth)
        encoded = data[at:value_at]
        if encoded <= previous:
            raise _misplaced(key, encoded == previous)
        # A bool is no key: Python would take it for the integer 0 or 1.
        if type(key) is not str and type(key) is not int:
            raise UnsupportedType("map keys are integers or text")
        members[key], at = _item(data, value_at, depth)
        previous = encoded
    return members, at


def _misplaced(key: CborValue, repeated: bool) -> MalformedCbor:
    """What is text is not repeated: errors are kept, and it may be anything."""
    told = f"the map key {key}" if type(key) is int else "a map key"
    if repeated:
        return RepeatedKey(f"{told} stands twice")
    return UnsortedKeys(f"{told} is not in the order of its encoding")


def _tag(data: bytes, at: int, number: int, depth: int) -> tuple[CborValue, int]:
    if number != COSE_SIGN1_TAG:
        raise UnsupportedType(f"the only tag used is {COSE_SIGN1_TAG}, not {number}")
    value, at = _item(data, at, depth)
    return Tag(number, value), at


def encode(value: CborValue) -> bytes:
    """The one deterministic encoding of ``value``; TypeError for a type that formats do not use."""
    write = _WRITERS.get(type(value))
    if write is not None:
        return write(value)
    if isinstance(value, bytes):  # Hash and its like
        return encode_bytes(value)
    raise TypeError(f"no format of ours holds a {type(value).__name__}")


def _head(major: int, argument: int) -> bytes:
    """The initial byte and shortest argument; ``major`` is the major type in its high bits."""
    if argument < 24:
        return bytes((major | argument,))
    if argument < 0x100:
        return bytes((major | 24, argument))
    info = 1 + (argument > 0xFFFF) + (argument > 0xFFFFFFFF)
    return bytes((major | 24 | info,)) + argument.to_bytes(1 << info, "big")


def text_head(value: bytes) -> bytes:
    """What ``encode`` writes before the UTF-8 of a text string."""
    return _head(_TEXT, len(value))


def encode_bytes(value: bytes) -> bytes:
    """A byte string, as ``encode`` writes it."""
    return _head(_BYTES, len(value)) + value


def _write_int(value: int) -> bytes:
    return _head(0x00, value) if value >= 0 else _head(0x20, -1 - value)


def encode_text(value: str) -> bytes:
    """A text string, as ``encode`` writes it."""
    data = value.encode()
    return _head(_TEXT, len(data)) + data


def _write_map(value: Mapping[CborKey, CborValue]) -> bytes:
    members = sorted((encode(key), encode(member)) for key, member in value.items())
    return _head(0xA0, len(members)) + b"".join(key + member for key, member in members)


_WRITERS: dict[type, Callable[..., bytes]] = {
    int: _write_int,
    bytes: encode_bytes,
    str: encode_text,
    list: lambda value: _head(0x80, len(value)) + b"".join(map(encode, value)),
    tuple: lambda value: _head(0x80, len(value)) + b"".join(map(encode, value)),
    dict: _write_map,
    Tag: lambda value: _head(0xC0, value.number) + encode(value.value),
    bool: {False: b"\xf4", True: b"\xf5"}.__getitem__,
    type(None): {None: b"\xf6"}.__getitem__,
}


def decode_sequence(data: bytes, limit: int) -> Iterator[bytes]:
    """The bytes of each item of a CBOR sequence (RFC 8742), at most ``limit`` items.

    An item need not be deterministic, or of our types: whoever decodes it refuses it alone, and
    the next goes on. Where no boundary can be read, the rest is the last item, and as broken.
    Raises TooManyItems on reaching one item more than ``limit``.
    """
    at = count = 0
    while at < len(data):
        if count == limit:
            raise TooManyItems(f"the sequence holds more than {limit} items")
        try:
            end = _end_of_item(data, at)
        except (IndexError, MalformedCbor):
            end = len(data)
        yield data[at:end]
        at, count = end, count + 1


_INDEFINITE = -1


def _end_of_item(data: bytes, at: int) -> int:
    """Where the item at ``at`` ends, without recursion, building nothing."""
    open_counts = [1]  # items still to come, outermost container first
    while open_counts:
        if open_counts[-1] == 0:
            open_counts.pop()
            continue
        initial = data[at]
        if initial == _BREAK and open_counts[-1] == _INDEFINITE:
            open_counts.pop()
            at += 1
            continue
        if open_counts[-1] != _INDEFINITE:
            open_counts[-1] -= 1
        at, inside = _skip_head(data, at, initial)
        if inside:
            open_counts.append(inside)
    if at > len(data):
        raise Truncated("the bytes end before the CBOR item does")
    return at


def _skip_head(data: bytes, at: int, initial: int) -> tuple[int, int]:
    """The position after this head (for a string, after its bytes), and the items inside it."""
    major, info = initial >> 5, initial & 31
    at += 1
    if info == 31 and 2 <= major <= 5:
        return at, _INDEFINITE
    argument = info
    if info > 27:
        raise _unreadable_head(info)
    if info > 23:
        end = at + (1 << (info - 24))
        argument, at = int.from_bytes(data[at:end], "big"), end
    if major in (2, 3):
        return at + argument, 0
    return at, (0, 0, 0, 0, argument, 2 * argument, 1, 0)[major]
