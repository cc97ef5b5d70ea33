"""The ``.ots`` file: from a document as it is to Bitcoin, for any OpenTimestamps client.

``magic ‖ 01 ‖ 08 ‖ SHA-256(document) ‖ proof`` (python-opentimestamps ``core/timestamp.py``,
DetachedTimestampFile). The proof goes through the salt to the commitment, from there through the
entry, the tree and the block header to the block hash, and on with the evidence.
"""

from __future__ import annotations

from ..block import Block
from ..errors import CannotTell, Invalid
from ..hashes import sha256
from ..members import read_base64
from ..receipt import OPENTIMESTAMPS, HolderPart, Inclusion, Receipt
from .opentimestamps import (
    TimestampTooDeep,
    TimestampTooLarge,
    format_timestamp,
    lead,
    merge_timestamps,
    parse_timestamp,
)
from .ots_codec import SHA256, Operation, append, apply, prepend

OTS_MAGIC = b"\x00OpenTimestamps\x00\x00Proof\x00\xbf\x89\xe2\xe8\x84\xe8\x92\x94"

_VERSION = b"\x01"
_LEAF, _NODE, _BLOCK = b"\x00", b"\x01", b"\x02"


class NoOtsFile(CannotTell):
    """There is no ``.ots`` file for this receipt; the sentence says what to do."""


class BrokenPath(Invalid):
    """The receipt's own path does not lead from the document to the block hash."""


def export_ots(receipt: Receipt) -> bytes:
    """A detached time-stamp file, of ``attested`` if that holds OpenTimestamps evidence, else of
    ``registered``. Raises NoOtsFile, BrokenPath, or Malformed for evidence that cannot be read."""
    holder = receipt.document
    if holder is None:
        raise NoOtsFile("this receipt lacks the holder's part: export from the holder's own copy")
    if holder.canonicalization != "raw":
        raise NoOtsFile(
            "an .ots file is about a document's bytes, and this one was registered in its canonical"
            " form (jcs): verify it with its receipt"
        )
    inclusion, proofs = _attested(receipt)
    steps = [
        *_through_entry(holder, receipt.statement.entry),
        *_through_tree(inclusion),
        *_through_block(inclusion.block),
    ]
    message: bytes = holder.sha256
    for step in steps:
        message = apply(step, message)
    if message != inclusion.block.hash:
        raise BrokenPath("the receipt's path does not lead from the document to the block hash")
    evidence = parse_timestamp(merge_timestamps(proofs, message), message)
    try:
        proof = format_timestamp(lead(steps, evidence))
    except (TimestampTooDeep, TimestampTooLarge) as error:
        raise NoOtsFile(
            f"clients would not read it, verify it with its receipt: {error}"
        ) from error
    return OTS_MAGIC + _VERSION + bytes([SHA256.tag]) + holder.sha256 + proof


def _attested(receipt: Receipt) -> tuple[Inclusion, list[bytes]]:
    """The inclusion to export, and its OpenTimestamps proofs."""
    for inclusion in (receipt.attested, receipt.registered):
        found = (
            []
            if inclusion is None
            else [a for a in inclusion.attestations if a.type == OPENTIMESTAMPS]
        )
        if inclusion is not None and found:
            return inclusion, [read_base64(a.members["proof"], "proof") for a in found]
    raise NoOtsFile(
        "this receipt holds no OpenTimestamps evidence yet: refresh it and export again"
    )


def _through_entry(holder: HolderPart, entry: bytes) -> list[Operation]:
    """From the document's digest to the entry id, SHA-256(00 ‖ entry) (RFC 6962 §2.1)."""
    commitment = sha256(holder.salt + holder.sha256)
    before, found, after = entry.partition(commitment)
    if not found:
        raise BrokenPath("the salted digest is not a commitment in the entry")
    return [prepend(holder.salt), SHA256, prepend(_LEAF + before), append(after), SHA256]


def _through_tree(inclusion: Inclusion) -> list[Operation]:
    """From the entry id to the root hash. Up to where the leaf's way parts from the last leaf's,
    every level has a sibling; above, only complete subtrees to the left are (RFC 9162 §2.1.3.2)."""
    index = inclusion.proof.index
    inner = (index ^ (inclusion.block.size - 1)).bit_length()
    steps = []
    for level, sibling in enumerate(inclusion.proof.path):
        if level >= inner or index >> level & 1:
            steps += [prepend(_NODE + sibling), SHA256]
        else:
            steps += [append(sibling), prepend(_NODE), SHA256]
    return steps


def _through_block(block: Block) -> list[Operation]:
    """From the root hash to the block hash, SHA-256(02 ‖ header)."""
    before, _, after = block.header.rpartition(block.root)
    return [prepend(_BLOCK + before), append(after), SHA256]
