"""OpenTimestamps proofs: a message, operations on it, attestations of what they lead to.

A proof is the serialization of python-opentimestamps ``core/timestamp.py`` without magic and
digest: the message is known. It is a tree. Every node has attestations and operations, and every
operation leads to the node of its result. A node is written as its items, each but the last after
``ff``: attestations in order (``00``, tag of 8 bytes, payload after its length), then operations in
order (tag, operand after its length if it has one, the node it leads to). Lengths and heights are
unsigned LEB128.

Only append, prepend and sha256 are operations here, because other clients fail on the rest. Depth
and sizes are limited and nothing recurses, so hostile proofs cost no more than their length.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ..limits import OTS_BYTES, OTS_DEPTH, OTS_NODES
from ..receipt import OPENTIMESTAMPS, Attestation
from ..text import format_base64
from .ots_codec import (
    MalformedTimestamp,
    Operation,
    Reader,
    TimeAttestation,
    apply,
    checked,
    format_attestation,
    format_operation,
    order,
    read_attestation,
    read_operation,
)

_ATTESTATION = 0x00
_MORE = 0xFF


class TimestampTooLarge(MalformedTimestamp):
    """More than ``OTS_BYTES``; not even read."""


class TimestampTooDeep(MalformedTimestamp):
    """``OTS_DEPTH`` operations or more, one below the other."""


class NonCanonicalTimestamp(MalformedTimestamp):
    """Readable, but not as the reference writes it: out of order, repeated, or a padded number."""


@dataclass(slots=True)
class Timestamp:
    """A node of a proof. It does not hold the message that it is about."""

    attestations: set[TimeAttestation] = field(default_factory=set)
    operations: dict[Operation, Timestamp] = field(default_factory=dict)


def parse_timestamp(data: bytes, message: bytes) -> Timestamp:
    """Read a proof about ``message`` in its one spelling; raises MalformedTimestamp."""
    timestamp = read_timestamp(data, message)
    if format_timestamp(timestamp) != data:
        raise NonCanonicalTimestamp("attestations and operations are in order, numbers are short")
    return timestamp


def read_timestamp(data: bytes, message: bytes) -> Timestamp:
    """Read a proof about ``message`` in any order; raises MalformedTimestamp."""
    if len(data) > OTS_BYTES:
        raise TimestampTooLarge(f"a proof has at most {OTS_BYTES} bytes, not {len(data)}")
    reader = Reader(data)
    root = Timestamp()
    unfinished = [(root, checked(message), 1)]
    nodes = 0
    while unfinished:
        node, message, depth = unfinished[-1]
        tag = reader.byte()
        if tag == _MORE:
            tag = reader.byte()
        else:
            unfinished.pop()
        if tag == _ATTESTATION:
            node.attestations.add(read_attestation(reader))
            continue
        operation = read_operation(reader, tag)
        nodes += 1
        if depth == OTS_DEPTH:
            raise TimestampTooDeep(f"a proof is less than {OTS_DEPTH} operations deep")
        if nodes > OTS_NODES:
            raise TimestampTooLarge(f"a proof has at most {OTS_NODES} operations")
        child = node.operations.setdefault(operation, Timestamp())
        unfinished.append((child, apply(operation, message), depth + 1))
    reader.end()
    return root


def format_timestamp(timestamp: Timestamp) -> bytes:
    """Write a proof as the reference does. Raises TimestampTooDeep or TimestampTooLarge."""
    written = bytearray()
    waiting = [(b"", timestamp, 1)]
    nodes = 0
    while waiting:
        head, node, depth = waiting.pop()
        written += head
        nodes += len(node.operations)
        if depth > OTS_DEPTH:
            raise TimestampTooDeep(f"a proof is less than {OTS_DEPTH} operations deep")
        leaves = [b"\x00" + format_attestation(a) for a in sorted(node.attestations, key=order)]
        steps = [
            (format_operation(step), node.operations[step]) for step in sorted(node.operations)
        ]
        assert leaves or steps, "a node without attestations and operations says nothing"
        more = [b"\xff"] * (len(leaves) + len(steps) - 1) + [b""]
        written += b"".join(map(bytes.__add__, more, leaves))
        waiting += [
            (before + step, child, depth + 1)
            for before, (step, child) in zip(more[len(leaves) :], steps, strict=True)
        ][::-1]
    if len(written) > OTS_BYTES or nodes > OTS_NODES:
        raise TimestampTooLarge(
            f"a proof has at most {OTS_BYTES} bytes and {OTS_NODES} operations,"
            f" not {len(written)} and {nodes}"
        )
    return bytes(written)


def merge_timestamps(proofs: Sequence[bytes], message: bytes) -> bytes:
    """One proof about ``message`` with all that one or more say; raises MalformedTimestamp."""
    assert proofs, "there is something to merge"
    merged = Timestamp()
    for proof in proofs:
        _merge(merged, read_timestamp(proof, message))
    return format_timestamp(merged)


def upgrade_timestamp(proof: bytes, message: bytes, commitment: bytes, upgrade: bytes) -> bytes:
    """The proof about ``message`` with what ``upgrade`` says about ``commitment``, to which it
    leads; raises MalformedTimestamp."""
    timestamp = read_timestamp(proof, message)
    more = read_timestamp(upgrade, commitment)
    for node in [node for reached, node in walk(timestamp, message) if reached == commitment]:
        _merge(node, more)
    return format_timestamp(timestamp)


def _merge(into: Timestamp, other: Timestamp) -> None:
    pairs = [(into, other)]
    while pairs:
        into, other = pairs.pop()
        into.attestations |= other.attestations
        for step, child in other.operations.items():
            pairs.append((into.operations.setdefault(step, Timestamp()), child))


def lead(steps: Sequence[Operation], to: Timestamp) -> Timestamp:
    """The node from which these operations, one after the other, lead to the node ``to``."""
    for step in reversed(steps):
        to = Timestamp(operations={step: to})
    return to


def walk(timestamp: Timestamp, message: bytes) -> Iterator[tuple[bytes, Timestamp]]:
    """Every node, with the message that it is about."""
    waiting: list[tuple[Operation | None, bytes, Timestamp]] = [(None, message, timestamp)]
    while waiting:
        step, message, node = waiting.pop()
        reached = message if step is None else apply(step, message)
        yield reached, node
        waiting += [(step, reached, child) for step, child in node.operations.items()]


def opentimestamps_attestation(proof: bytes) -> Attestation:
    """The proof as a receipt holds it."""
    return Attestation(OPENTIMESTAMPS, {"proof": format_base64(proof)})
