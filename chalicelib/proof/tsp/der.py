"""DER (ITU-T X.690 §10, §11), read and written exactly.

Only what our formats use is accepted: definite lengths in their shortest form, tags below 31,
integers without needless bytes, booleans FF (FALSE is only ever a default, and left out), sets in
order. So what is read has one encoding, whatever is read of it; what a reader steps over with
``take_whole`` is not looked into.

A reader of our own, for the reason that CBOR has one: it decides what a signature covers. It never
recurses, so nesting costs nothing, and it believes no length before it has the bytes.
"""

from __future__ import annotations

from ..errors import Malformed
from ..limits import DER_INTEGER_BYTES, DER_OID_BYTES

BOOLEAN, INTEGER, BIT_STRING, OCTET_STRING, NULL, OID = 0x01, 0x02, 0x03, 0x04, 0x05, 0x06
UTF8_STRING, PRINTABLE_STRING, T61_STRING, IA5_STRING, BMP_STRING = 0x0C, 0x13, 0x14, 0x16, 0x1E
UTC_TIME, GENERALIZED_TIME = 0x17, 0x18
SEQUENCE, SET = 0x30, 0x31
"""Identifier octets (X.690 §8.1.2); sequences and sets are constructed."""

PRIMITIVE, CONSTRUCTED = 0x80, 0xA0
"""Those of the context-specific tag 0, ``[0]``; add the tag's number."""

TRUE = b"\xff"

_UNUSED_BITS = tuple(bytes((count,)) for count in range(8))
_HIGH_TAG = 0x1F
_LONG = 0x80


class MalformedDer(Malformed):
    """Not DER, or not the elements that should be here."""


class Truncated(MalformedDer):
    """The bytes end before the element does."""


class TrailingBytes(MalformedDer):
    """Bytes follow the last element."""


class IndefiniteLength(MalformedDer):
    """BER's indefinite length, which DER forbids (X.690 §10.1)."""


class NotShortest(MalformedDer):
    """A length, integer or object identifier in more bytes than it needs."""


class UnexpectedElement(MalformedDer):
    """An element of another type than the one that should be here."""


class UnsortedSet(MalformedDer):
    """The elements of a SET OF that are not in order (X.690 §11.6)."""


class TooLong(MalformedDer):
    """An integer or object identifier beyond the limits."""


class DerReader:
    """Takes the elements of one encoding in turn. All raise MalformedDer."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def done(self) -> bool:
        return self._at == len(self._data)

    def at(self, tag: int) -> bool:
        """Whether the next element has this identifier octet."""
        return self._data[self._at : self._at + 1] == bytes((tag,))

    def take(self, tag: int) -> bytes:
        """The content of the next element, which has this identifier octet."""
        start, end = self._next(tag)
        self._at = end
        return self._data[start:end]

    def take_whole(self, tag: int | None = None) -> bytes:
        """The encoding of the next element, of any type if no tag is given."""
        begin = self._at
        _, self._at = self._next(tag)
        return self._data[begin : self._at]

    def enter(self, tag: int = SEQUENCE) -> DerReader:
        """A reader of the elements inside the next element."""
        return DerReader(self.take(tag))

    def take_integer(self) -> int:
        content = self.take(INTEGER)
        if not content:
            raise MalformedDer("an INTEGER has at least one byte")
        if len(content) > DER_INTEGER_BYTES:
            raise TooLong(f"an INTEGER has at most {DER_INTEGER_BYTES} bytes")
        if len(content) > 1 and content[0] in (0x00, 0xFF) and content[0] >> 7 == content[1] >> 7:
            raise NotShortest("an INTEGER is written in as few bytes as it needs")
        return int.from_bytes(content, "big", signed=True)

    def take_oid(self) -> str:
        return _read_oid(self.take(OID))

    def take_true(self) -> bool:
        """A BOOLEAN that is FALSE by default: if it is there, it is TRUE (X.690 §11.5)."""
        if not self.at(BOOLEAN):
            return False
        if self.take(BOOLEAN) != TRUE:
            raise MalformedDer("a BOOLEAN is FF, or left out where FALSE is the default")
        return True

    def take_bits(self) -> frozenset[int]:
        """The numbers of the bits that are set in a named bit list."""
        content = self.take(BIT_STRING)
        unused, bits = content[:1], content[1:]
        if len(bits) > DER_INTEGER_BYTES:
            raise TooLong(f"a named bit list has at most {DER_INTEGER_BYTES} bytes")
        if unused not in _UNUSED_BITS[: 8 if bits else 1]:
            raise MalformedDer("a BIT STRING says how many bits of its last byte are unused")
        if bits and bits[-1] & (1 << unused[0]) - 1:
            raise MalformedDer("the unused bits of a BIT STRING are zero")
        return frozenset(
            number for number in range(8 * len(bits)) if bits[number // 8] & 0x80 >> number % 8
        )

    def take_octets_of_bits(self) -> bytes:
        """A BIT STRING that holds whole bytes, such as a signature or a key."""
        content = self.take(BIT_STRING)
        if content[:1] != b"\x00":
            raise MalformedDer("a BIT STRING of whole bytes has no unused bits")
        return content[1:]

    def finish(self) -> None:
        if not self.done:
            raise TrailingBytes(f"{len(self._data) - self._at} bytes follow the last element")

    def _next(self, tag: int | None) -> tuple[int, int]:
        """Where the content of the next element starts and ends."""
        data, at = self._data, self._at
        if len(data) < at + 2:
            raise Truncated("the bytes end where an element should be")
        if tag is None:
            if data[at] & _HIGH_TAG == _HIGH_TAG:
                raise MalformedDer("tags from 31 occur in no format of ours")
        elif data[at] != tag:
            raise UnexpectedElement(f"an element {tag:02x} should be here, not {data[at]:02x}")
        length, start = data[at + 1], at + 2
        if length >= _LONG:
            length, start = _long_length(data, start, length - _LONG)
        if length > len(data) - start:
            raise Truncated("the bytes end before the element does")
        return start, start + length


def _long_length(data: bytes, at: int, size: int) -> tuple[int, int]:
    if size == 0:
        raise IndefiniteLength("lengths are definite in DER")
    digits = data[at : at + size]
    if len(digits) < size:
        raise Truncated("the bytes end within a length")
    if digits[0] == 0 or (size == 1 and digits[0] < _LONG):
        raise NotShortest("a length is written in as few bytes as it needs")
    return int.from_bytes(digits, "big"), at + size


def read_content(data: bytes, tag: int) -> bytes:
    """The content of the one element that is all of ``data``."""
    reader = DerReader(data)
    content = reader.take(tag)
    reader.finish()
    return content


def read_der(data: bytes, tag: int = SEQUENCE) -> DerReader:
    """A reader of the elements inside the one element that is all of ``data``."""
    return DerReader(read_content(data, tag))


def read_oid(data: bytes) -> str:
    """The object identifier that is all of ``data``."""
    return _read_oid(read_content(data, OID))


def read_sequence_of(reader: DerReader, tag: int | None = None) -> list[bytes]:
    """The encodings of all elements that are left."""
    elements = []
    while not reader.done:
        elements.append(reader.take_whole(tag))
    return elements


def read_set_of(reader: DerReader, tag: int | None = None) -> list[bytes]:
    """The encodings of all elements that are left, in the order that DER demands."""
    elements = read_sequence_of(reader, tag)
    if elements != sorted(elements):
        raise UnsortedSet("the elements of a SET OF are in order of their encodings")
    return elements


def _read_oid(content: bytes) -> str:
    """Dotted decimals (X.690 §8.19)."""
    if len(content) > DER_OID_BYTES:
        raise TooLong(f"an object identifier has at most {DER_OID_BYTES} bytes")
    if not content or content[-1] & _LONG:
        raise Truncated("the bytes end within an object identifier")
    arcs, arc, fresh = [], 0, True
    for byte in content:
        if fresh and byte == _LONG:
            raise NotShortest("an object identifier is written in as few bytes as it needs")
        arc = arc << 7 | byte & 0x7F
        fresh = not byte & _LONG
        if fresh:
            arcs.append(arc)
            arc = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))


def encode(tag: int, *parts: bytes) -> bytes:
    """An element with this identifier octet; its content is the parts, one after the other."""
    size = sum(map(len, parts))
    if size < _LONG:
        return bytes((tag, size)) + b"".join(parts)
    digits = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, _LONG + len(digits))) + digits + b"".join(parts)


def encode_integer(value: int) -> bytes:
    bits = (value if value >= 0 else ~value).bit_length()
    return encode(INTEGER, value.to_bytes(bits // 8 + 1, "big", signed=True))


def encode_oid(dotted: str) -> bytes:
    first, second, *rest = map(int, dotted.split("."))
    return encode(OID, *map(_encode_arc, (40 * first + second, *rest)))


def _encode_arc(arc: int) -> bytes:
    digits = [arc & 0x7F]
    while arc := arc >> 7:
        digits.append(_LONG | arc & 0x7F)
    return bytes(reversed(digits))
