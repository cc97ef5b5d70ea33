"""What Bitcoin attests: that a block hash is, by way of a transaction, under a block's Merkle root.

The root alone is trusted: any path of hashes that leads to it shows that its start is older than
the block, whether the nodes on it are transactions or not. So the ambiguity of 64-byte
transactions, which forges the *contents* of a block, forges nothing here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..errors import CannotTell, Invalid, Malformed
from ..hashes import Hash, sha256
from ..limits import BITCOIN_CLOCK_S
from ..policy import ChainHeader
from ..sighting import Sighting
from .opentimestamps import Timestamp, format_timestamp, lead, parse_timestamp, walk
from .ots_codec import (
    BITCOIN_TAG,
    SHA256,
    HeightAttestation,
    Operation,
    PendingAttestation,
    TimeAttestation,
    append,
    prepend,
)

HEADER_BYTES = 80

_NAMED = 3
"""So many calendars or heights are named in a sentence."""


class MalformedBitcoinHeader(Malformed):
    """Not the 80 bytes of a Bitcoin block header."""


class FalseBitcoinProof(Invalid):
    """The proof does not lead to the Merkle root of a trusted header."""


class UnreadableProof(FalseBitcoinProof):
    """The proof is not in the format of OpenTimestamps, so it shows nothing."""


class NoBitcoinEvidence(CannotTell):
    """The proof is pending, or about blocks for which no header is trusted."""


class BitcoinHeader(NamedTuple):
    """``hash`` as Bitcoin displays it: reversed, in hex. ``root`` in the order of the header."""

    hash: str
    root: Hash
    time_s: int


def parse_bitcoin_header(data: bytes) -> BitcoinHeader:
    """Read a block header: version, previous, Merkle root (at 36), time (at 68), bits, nonce.

    Its proof of work is not looked at: whoever trusts a header names its hash.
    """
    if len(data) != HEADER_BYTES:
        raise MalformedBitcoinHeader(f"a Bitcoin header has {HEADER_BYTES} bytes, not {len(data)}")
    root, time_s = Hash(data[36:68]), int.from_bytes(data[68:72], "little")
    return BitcoinHeader(display(double_sha256(data)), root, time_s)


def double_sha256(data: bytes) -> Hash:
    return sha256(sha256(data))


def display(hash_: Hash) -> str:
    """A hash of Bitcoin as people see it: its bytes reversed, in hex."""
    return hash_[::-1].hex()


def undisplay(text: str) -> Hash:
    """The hash that is displayed so; raises MalformedHash."""
    return Hash(Hash.parse_hex(text)[::-1])


def merkle_steps(txids: Sequence[Hash], index: int) -> list[Operation]:
    """From a block's transaction at ``index`` to its Merkle root: Bitcoin pairs hashes, hashes
    twice, and pairs the last one of an odd row with itself."""
    assert 0 <= index < len(txids), "the transaction is in the block"
    row, steps = list(txids), []
    while len(row) > 1:
        row += row[-1:] * (len(row) % 2)
        sibling = row[index ^ 1]
        steps += [prepend(sibling) if index & 1 else append(sibling), SHA256, SHA256]
        row = [double_sha256(left + right) for left, right in zip(row[::2], row[1::2], strict=True)]
        index >>= 1
    return steps


def prove_in_bitcoin(
    block_hash: Hash, transaction: bytes, txids: Sequence[Hash], height: int
) -> bytes:
    """The proof that ``transaction``, serialized without witness, holds the block hash and is one
    of the ``txids`` of the Bitcoin block at ``height``."""
    before, found, after = transaction.partition(block_hash)
    assert found, "the transaction holds the block hash"
    index = txids.index(double_sha256(transaction))
    steps = [prepend(before), append(after), SHA256, SHA256, *merkle_steps(txids, index)]
    end = Timestamp({HeightAttestation(BITCOIN_TAG, height)})
    return format_timestamp(lead(steps, end))


def bitcoin_heights(timestamp: Timestamp, message: bytes) -> list[tuple[bytes, int]]:
    """What a proof says about Bitcoin: pairs of a Merkle root and the height of its block."""
    return [
        (reached, attestation.height)
        for reached, attestation in _attested(timestamp, message)
        if isinstance(attestation, HeightAttestation) and attestation.tag == BITCOIN_TAG
    ]


def _attested(timestamp: Timestamp, message: bytes) -> list[tuple[bytes, TimeAttestation]]:
    return [
        (m, attestation)
        for m, node in walk(timestamp, message)
        for attestation in node.attestations
    ]


def verify_opentimestamps(
    proof: bytes, block_hash: Hash, chain: str, headers: Sequence[ChainHeader]
) -> Sighting:
    """When Bitcoin saw the block hash, by the headers that are trusted for ``chain`` (CAIP-2).

    1. The proof is read; what cannot be read shows nothing: UnreadableProof.
    2. Each attestation at a height with a trusted header leads to its Merkle root:
       FalseBitcoinProof for one that does not, whatever the others do.
    3. The earliest is the answer, as wide as Bitcoin's clock is loose (``BITCOIN_CLOCK_S``).
    4. Without one: NoBitcoinEvidence, which says what is missing.
    """
    try:
        timestamp = parse_timestamp(proof, block_hash)
    except Malformed as error:
        raise UnreadableProof(f"the OpenTimestamps proof cannot be read: {error}") from error
    claims = bitcoin_heights(timestamp, block_hash)
    trusted, broken = _trusted(headers, {height for _, height in claims})
    seen = []
    for root, height in claims:
        if height in trusted:
            roots = {header.root: header.time_s for header in trusted[height]}
            if root not in roots:
                raise FalseBitcoinProof(
                    f"the proof does not lead to the Merkle root of block {height} of {chain}"
                )
            seen.append((roots[Hash(root)], height))
    if not seen:
        raise NoBitcoinEvidence(_missing(timestamp, block_hash, chain, broken))
    time_s, height = min(seen)
    return Sighting(
        earliest_ms=max(0, time_s - BITCOIN_CLOCK_S) * 1000,
        latest_ms=(time_s + BITCOIN_CLOCK_S) * 1000,
        by=f"Bitcoin block {height} of {chain}",
        chain=chain,
    )


def _trusted(
    headers: Sequence[ChainHeader], heights: set[int]
) -> tuple[dict[int, list[BitcoinHeader]], list[int]]:
    """The trusted headers at these heights, and the heights of those that are not what they are
    said to be."""
    trusted: dict[int, list[BitcoinHeader]] = {}
    broken = []
    for entry in headers:
        if entry.height not in heights:
            continue
        header = parse_bitcoin_header(entry.header) if len(entry.header) == HEADER_BYTES else None
        if header is None or header.hash != entry.hash.removeprefix("0x"):
            broken.append(entry.height)
        else:
            trusted.setdefault(entry.height, []).append(header)
    return trusted, broken


def _missing(timestamp: Timestamp, block_hash: Hash, chain: str, broken: list[int]) -> str:
    if broken:
        return f"the policy's header of block {broken[0]} of {chain} has not the hash stated there"
    heights = sorted({height for _, height in bitcoin_heights(timestamp, block_hash)})
    if heights:
        return f"no header of {chain} is trusted at height {_some([str(h) for h in heights])}"
    found = [attestation for _, attestation in _attested(timestamp, block_hash)]
    calendars = sorted({a.uri for a in found if isinstance(a, PendingAttestation)})
    if calendars:
        return f"the proof is pending at {_some(calendars)}"
    return "the proof holds no attestation that can be checked"


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
