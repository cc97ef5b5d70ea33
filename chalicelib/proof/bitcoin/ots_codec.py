"""How operations and attestations are written in OpenTimestamps proofs.

An operation is its tag, and its operand after its length if it has one; an attestation is its tag
of 8 bytes and its payload after its length (python-opentimestamps ``core/op.py``,
``core/notary.py``). Lengths and heights are unsigned LEB128.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple

from ..errors import Malformed
from ..limits import INTEGER, OTS_MESSAGE_BYTES, OTS_PAYLOAD_BYTES, OTS_URI_BYTES

PENDING_TAG = bytes.fromhex("83dfe30d2ef90c8e")
BITCOIN_TAG = bytes.fromhex("0588960d73d71901")
_HEIGHT_TAGS = (
    BITCOIN_TAG,
    bytes.fromhex("06869a0d73d71b45"),  # Litecoin
    bytes.fromhex("30fe8087b5c7ead7"),  # Ethereum
)
_URI = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._/:")

_TAG_BYTES = 8
_SHA256 = 0x08
_APPEND = 0xF0
_PREPEND = 0xF1


class MalformedTimestamp(Malformed):
    """Not an OpenTimestamps proof."""


class TruncatedTimestamp(MalformedTimestamp):
    """It ends too early."""


class TrailingGarbage(MalformedTimestamp):
    """It goes on where it should have ended."""


class UnsupportedOperation(MalformedTimestamp):
    """Another operation than append, prepend and sha256, or none that is known."""


class MalformedNumber(MalformedTimestamp):
    """A length or a height that is too large or goes on too long."""


class MalformedOperand(MalformedTimestamp):
    """An operand that is empty or longer than ``OTS_MESSAGE_BYTES``."""


class MessageTooLong(MalformedTimestamp):
    """A message, or the result of an operation, that is longer than ``OTS_MESSAGE_BYTES``."""


class MalformedAttestation(MalformedTimestamp):
    """An attestation whose payload is too long or not what its tag asks for."""


class Operation(NamedTuple):
    """One step. In the order in which a node's operations are written."""

    tag: int
    operand: bytes = b""


SHA256 = Operation(_SHA256)


def append(operand: bytes) -> Operation:
    return Operation(_APPEND, operand)


def prepend(operand: bytes) -> Operation:
    return Operation(_PREPEND, operand)


@dataclass(frozen=True, slots=True)
class PendingAttestation:
    """The calendar at ``uri`` promises more."""

    uri: str


@dataclass(frozen=True, slots=True)
class HeightAttestation:
    """The message is the Merkle root of the block at ``height``, of Bitcoin if ``tag`` is its."""

    tag: bytes
    height: int


@dataclass(frozen=True, slots=True)
class UnknownAttestation:
    """Some other attestation: kept, and worth nothing here."""

    tag: bytes
    payload: bytes


TimeAttestation = PendingAttestation | HeightAttestation | UnknownAttestation


class Reader:
    """A cursor over bytes."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, size: int) -> bytes:
        start, self._at = self._at, self._at + size
        if self._at > len(self._data):
            raise TruncatedTimestamp("the proof ends too early")
        return self._data[start : self._at]

    def byte(self) -> int:
        return self.take(1)[0]

    def number(self) -> int:
        value = 0
        for shift in range(0, INTEGER.bit_length(), 7):
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80 and value <= INTEGER:
                return value
        raise MalformedNumber(f"a number is at most {INTEGER}, in at most 8 bytes")

    def end(self) -> None:
        if self._at != len(self._data):
            raise TrailingGarbage("the proof goes on after its end")


def apply(operation: Operation, message: bytes) -> bytes:
    """The result of one step; raises MessageTooLong."""
    if operation.tag == _SHA256:
        return sha256(message).digest()
    if operation.tag == _APPEND:
        return checked(message + operation.operand)
    return checked(operation.operand + message)


def checked(message: bytes) -> bytes:
    if len(message) > OTS_MESSAGE_BYTES:
        raise MessageTooLong(f"a message has at most {OTS_MESSAGE_BYTES} bytes")
    return message


def read_operation(reader: Reader, tag: int) -> Operation:
    if tag == _SHA256:
        return SHA256
    if tag not in (_APPEND, _PREPEND):
        raise UnsupportedOperation(f"operation {tag:#04x} is not append, prepend or sha256")
    size = reader.number()
    if not 1 <= size <= OTS_MESSAGE_BYTES:
        raise MalformedOperand(f"an operand has 1 to {OTS_MESSAGE_BYTES} bytes, not {size}")
    return Operation(tag, reader.take(size))


def format_operation(operation: Operation) -> bytes:
    tag, operand = operation
    return bytes([tag]) + (_format_number(len(operand)) + operand if operand else b"")


def read_attestation(reader: Reader) -> TimeAttestation:
    tag = reader.take(_TAG_BYTES)
    size = reader.number()
    if size > OTS_PAYLOAD_BYTES:
        raise MalformedAttestation(f"a payload has at most {OTS_PAYLOAD_BYTES} bytes, not {size}")
    payload = reader.take(size)
    if tag != PENDING_TAG and tag not in _HEIGHT_TAGS:
        return UnknownAttestation(tag, payload)
    inner = Reader(payload)
    try:
        attestation = _read_pending(inner) if tag == PENDING_TAG else _read_height(inner, tag)
        inner.end()
    except (TruncatedTimestamp, TrailingGarbage) as error:
        raise MalformedAttestation(f"the payload of {tag.hex()} has another length") from error
    return attestation


def _read_pending(reader: Reader) -> PendingAttestation:
    size = reader.number()
    if size > OTS_URI_BYTES:
        raise MalformedAttestation(f"a calendar's address has at most {OTS_URI_BYTES} bytes")
    uri = reader.take(size)
    if not _URI.issuperset(uri):
        raise MalformedAttestation("a calendar's address has letters, digits and -._/: only")
    return PendingAttestation(uri.decode("ascii"))


def _read_height(reader: Reader, tag: bytes) -> HeightAttestation:
    return HeightAttestation(tag, reader.number())


def format_attestation(attestation: TimeAttestation) -> bytes:
    if isinstance(attestation, PendingAttestation):
        tag, uri = PENDING_TAG, attestation.uri.encode("ascii")
        payload = _format_number(len(uri)) + uri
    elif isinstance(attestation, HeightAttestation):
        tag, payload = attestation.tag, _format_number(attestation.height)
    else:
        tag, payload = attestation.tag, attestation.payload
    return tag + _format_number(len(payload)) + payload


def order(attestation: TimeAttestation) -> tuple[bytes, int, bytes]:
    """In what order a node's attestations are written: by tag, then by what they say."""
    if isinstance(attestation, PendingAttestation):
        return PENDING_TAG, 0, attestation.uri.encode("ascii")
    if isinstance(attestation, HeightAttestation):
        return attestation.tag, attestation.height, b""
    return attestation.tag, 0, attestation.payload


def _format_number(value: int) -> bytes:
    """Unsigned LEB128, 7 bits a byte, the lowest first."""
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)
