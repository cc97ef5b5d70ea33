"""Blocks, the hash chain they make, the link entry that opens a batch, and the block signature.

A block commits one batch: ``header = 01 ‖ SHA-256(origin) ‖ height ‖ previous block hash ‖ size ‖
root hash ‖ timestamp_ms``, with big-endian u64 integers, 121 bytes; ``block hash = SHA-256(02 ‖
header)``. The log key signs the root as a COSE receipt does (RFC 9942), and the protected header
names the block hash, so the signature binds the whole header to the root.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from typing import NamedTuple

from .cbor import decode, encode, encode_bytes, encode_text
from .cose import to_be_signed
from .errors import Invalid, Malformed
from .hashes import EMPTY_ROOT, Hash, sha256
from .keys import EDDSA, PublicKey
from .limits import HASH_BYTES, INTEGER

LINK_TYPE = "tally-block/v1"
HEADER_BYTES = 121

_HEADER = Struct(">B32sQ32sQ32sQ")
_VERSION = 1
_NO_PREVIOUS = Hash(bytes(HASH_BYTES))


class MalformedLink(Malformed):
    """Not a link entry: the array of its type, height, previous block hash and timestamp_ms."""


class MalformedHeader(Malformed):
    """Not the 121 bytes of a block header."""


class WrongOrigin(MalformedHeader):
    """The header of another log's block."""


class WrongLogKey(Invalid):
    """Blocks are signed with Ed25519."""


@dataclass(frozen=True, slots=True)
class Link:
    """The entry that opens the batch of the block ``height``; its fields are the block's."""

    height: int
    previous: Hash
    timestamp_ms: int


def parse_link(entry: bytes) -> Link:
    """Read a link entry; raises MalformedLink, or MalformedCbor when it is not even CBOR."""
    match decode(entry):
        case [str(kind), int(height), bytes(previous), int(timestamp_ms)] if kind == LINK_TYPE:
            pass
        case _:
            raise MalformedLink(f'a link is ["{LINK_TYPE}", height, previous, timestamp_ms]')
    if len(previous) != HASH_BYTES:
        raise MalformedLink(f"previous is a block hash of {HASH_BYTES} bytes")
    if not 1 <= height <= INTEGER or not 0 <= timestamp_ms <= INTEGER:
        raise MalformedLink("height is from 1, timestamp_ms from 0, and both are below 2^53")
    # CBOR's true is an int in Python; as 1 it does not survive the round trip.
    link = Link(int(height), Hash(previous), int(timestamp_ms))
    if format_link(link) != entry:
        raise MalformedLink("height and timestamp_ms are integers")
    return link


def format_link(link: Link) -> bytes:
    return encode((LINK_TYPE, link.height, link.previous, link.timestamp_ms))


class Block(NamedTuple):
    """One row of the hash chain. ``previous`` is the block hash at ``height - 1``."""

    origin: str
    height: int
    previous: Hash
    size: int
    root: Hash
    timestamp_ms: int

    @property
    def header(self) -> bytes:
        origin, *fields = self  # in the order of the header
        return _HEADER.pack(_VERSION, sha256(origin.encode()), *fields)

    @property
    def hash(self) -> Hash:
        """The block hash, SHA-256(02 ‖ header): what attestations are about."""
        return sha256(b"\x02" + self.header)


def parse_header(data: bytes, origin: str) -> Block:
    """Read the header of a block of the log ``origin``; raises MalformedHeader."""
    if len(data) != HEADER_BYTES:
        raise MalformedHeader(f"a block header has {HEADER_BYTES} bytes, not {len(data)}")
    version, log, height, previous, size, root, timestamp_ms = _HEADER.unpack(data)
    if version != _VERSION:
        raise MalformedHeader(f"a block header begins with {_VERSION:#04x}, not {version:#04x}")
    if log != sha256(origin.encode()):
        raise WrongOrigin(f"the header is not of a block of {origin}")
    if max(height, size, timestamp_ms) > INTEGER:
        raise MalformedHeader("height, size and timestamp_ms are below 2^53")
    block = Block(origin, height, Hash(previous), size, Hash(root), timestamp_ms)
    if height == 0 and block != GENESIS(origin):
        raise MalformedHeader("the block of height 0 is the empty tree at time 0")
    return block


def GENESIS(origin: str) -> Block:  # noqa: N802 - a constant of each log
    """Height 0: the empty tree, no previous block, time 0. It is never published."""
    return Block(origin, 0, _NO_PREVIOUS, 0, EMPTY_ROOT, 0)


def block_protected(origin: str, block_hash: Hash, kid: Hash) -> bytes:
    """The protected header of a block signature: alg, kid, CWT claims (RFC 9597) that name the
    log and the block, and the verifiable data structure RFC9162_SHA256 (RFC 9942 §5.2.1)."""
    iss, name = encode_text(origin), block_hash.hex().encode()
    return b"".join((_UNTIL_KID, kid, _BEFORE_ISS, iss, _BEFORE_NAME, name, _VDS))


# As in statement.py, everything that never changes is encoded once.
_UNTIL_KID = b"\xa4" + encode(1) + encode(EDDSA) + encode(4) + b"\x58\x20"
_BEFORE_ISS = encode(15) + b"\xa2" + encode(1)
_BEFORE_NAME = encode(2) + b"\x78\x50urn:tally:block:"
_VDS = encode(395) + encode(1)
_BEFORE_ROOT = b"\x58\x20"


def block_to_be_signed(block: Block, kid: Hash) -> bytes:
    """The Sig_structure that the log key of id ``kid`` signs; the payload is the root hash."""
    protected = block_protected(block.origin, block.hash, kid)
    return to_be_signed(encode_bytes(protected), _BEFORE_ROOT + block.root)


def verify_block_signature(block: Block, key: PublicKey, signature: bytes) -> Block:
    """The block, if the log key ``key`` signed it; raises Invalid. ``signature`` is 64 bytes."""
    if key.alg != EDDSA:
        raise WrongLogKey("a log signs its blocks with an Ed25519 key")
    key.verify(signature, block_to_be_signed(block, key.kid))
    return block
