"""Block headers of Ethereum and of chains like it (Yellow Paper §4.3; EIP-1559, EIP-4895, EIP-4844,
EIP-4788, EIP-7685). A block's hash is the Keccak-256 hash of its header."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import Malformed
from ..hashes import Hash
from ..limits import EVM_HEADER_BYTES, EVM_TIME_S, INTEGER
from .keccak import keccak256
from .rlp import Rlp, decode_rlp, read_bytes, read_integer

_LATER_BYTES = 32
"""Fields that later protocols append are hashes and integers."""

_EARLIEST = 16
"""Fields that a header has since EIP-1559; none without them holds a transaction of type 2."""

_SIZES = {0: 32, 1: 32, 2: 20, 3: 32, 4: 32, 5: 32, 6: 256, 13: 32, 14: 8, 16: 32, 19: 32, 20: 32}
"""Bytes of the fields that are hashes, an address, the bloom filter and the nonce."""

_INTEGERS = {7: 32, 8: 8, 9: 8, 10: 8, 11: 8, 15: 32, 17: 8, 18: 8}
"""Greatest width of those that are integers."""

_TRANSACTIONS_ROOT, _NUMBER, _TIMESTAMP, _EXTRA = 4, 8, 11, 12


class MalformedEvmHeader(Malformed):
    """Not a block header of an Ethereum-like chain since EIP-1559."""


@dataclass(frozen=True, slots=True)
class EvmHeader:
    """``hash`` is the block's hash, ``timestamp_s`` its time in POSIX seconds."""

    number: int
    transactions_root: Hash
    timestamp_s: int
    hash: Hash


def parse_evm_header(data: bytes) -> EvmHeader:
    """Read a header; raises Malformed. Fields that later protocols append are tolerated."""
    if len(data) > EVM_HEADER_BYTES:
        raise MalformedEvmHeader(f"a header has at most {EVM_HEADER_BYTES} bytes, not {len(data)}")
    fields = decode_rlp(data)
    if isinstance(fields, bytes) or len(fields) < _EARLIEST:
        raise MalformedEvmHeader(f"a header is a list of {_EARLIEST} fields or more")
    for place, field in enumerate(fields):
        _check_field(place, field)
    number = read_integer(fields[_NUMBER], "number")
    timestamp_s = read_integer(fields[_TIMESTAMP], "timestamp")
    if number > INTEGER or timestamp_s > EVM_TIME_S:
        raise MalformedEvmHeader("number and time of a block are less than 2^53, in milliseconds")
    root = Hash(read_bytes(fields[_TRANSACTIONS_ROOT], "transactions root", 32))
    return EvmHeader(number, root, timestamp_s, keccak256(data))


def _check_field(place: int, field: Rlp) -> None:
    what = f"field {place} of a header"
    if place in _SIZES:
        read_bytes(field, what, _SIZES[place])
    elif place in _INTEGERS:
        read_integer(field, what, _INTEGERS[place])
    elif not isinstance(field, bytes) or (place != _EXTRA and len(field) > _LATER_BYTES):
        raise MalformedEvmHeader(f"{what} is a string of at most {_LATER_BYTES} bytes")
