"""What outside parties attested of a block, as receipts carry it and as ``/v1/blocks`` shows it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress

from ..proof.bitcoin.evidence import bitcoin_heights
from ..proof.bitcoin.opentimestamps import (
    TimestampTooLarge,
    merge_timestamps,
    opentimestamps_attestation,
    parse_timestamp,
)
from ..proof.hashes import Hash
from ..proof.jcs import JsonValue
from ..proof.members import read_base64
from ..proof.receipt import OPENTIMESTAMPS, Attestation
from .networks import Attempt


def attestations_of(block_hash: Hash, attempts: Iterable[Attempt]) -> tuple[Attestation, ...]:
    """The evidence for receipts, in order of network; time stamps of several calendars are one."""
    found = [evidence for each in attempts if (evidence := _served(block_hash, each))]
    stamps = [evidence for evidence in found if evidence.type == OPENTIMESTAMPS]
    others = [evidence for evidence in found if evidence.type != OPENTIMESTAMPS]
    return (*([_merge(stamps, block_hash)] if stamps else []), *others)


def _served(block_hash: Hash, attempt: Attempt) -> Attestation | None:
    """What of an attempt goes into receipts. What may yet be undone would then be false, so it is
    what is final, and what a calendar promised: that says nothing of any chain. After a restore of
    the chain an attempt may be about another block, and then it is not for this one."""
    evidence = attempt.evidence
    if evidence is None or attempt.block not in (None, block_hash):
        return None
    promised = attempt.state == "sent" and evidence.type == OPENTIMESTAMPS
    pending = promised and not _heights(evidence, block_hash)
    return evidence if pending or attempt.state == "final" else None


def _heights(stamp: Attestation, block_hash: Hash) -> list[tuple[bytes, int]]:
    proof = read_base64(stamp.members["proof"], "proof")
    return bitcoin_heights(parse_timestamp(proof, block_hash), block_hash)


def _merge(stamps: Sequence[Attestation], block_hash: Hash) -> Attestation:
    """One time stamp of all, but for those that would make it too large."""
    proofs = [read_base64(stamp.members["proof"], "proof") for stamp in stamps]
    merged = proofs[0]
    for proof in proofs[1:]:
        with suppress(TimestampTooLarge):
            merged = merge_timestamps([merged, proof], block_hash)
    return opentimestamps_attestation(merged)


def write_attempts(attempts: Sequence[Attempt]) -> list[JsonValue]:
    """Every attempt with its state, failures and retries; nothing of it is secret."""
    return [_write_attempt(attempt) for attempt in attempts]


def _write_attempt(attempt: Attempt) -> dict[str, JsonValue]:
    written: dict[str, JsonValue] = {
        "network": attempt.network,
        "state": attempt.state,
        "planned_ms": attempt.planned_ms,
    }
    if attempt.problem:
        written |= {
            "problem": attempt.problem,
            "tries": attempt.tries,
            "retry_ms": attempt.due_ms,
        }
    for name in ("quorum", "failures"):
        if name in attempt.memo:
            written[name] = attempt.memo[name]
    return written
