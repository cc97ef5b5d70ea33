"""What outside parties attested of a block, as receipts carry it and as ``/v1/blocks`` shows it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..proof.bitcoin.opentimestamps import merge_timestamps, opentimestamps_attestation
from ..proof.hashes import Hash
from ..proof.jcs import JsonValue
from ..proof.members import read_base64
from ..proof.receipt import OPENTIMESTAMPS, Attestation
from .networks import Attempt, State

SERVED: tuple[State, ...] = ("sent", "final")
"""The evidence of a sent attempt is what the network promised (a pending time stamp); that of an
included one may yet be undone, and would then be false: receipts wait until it is final."""


def attestations_of(block_hash: Hash, attempts: Iterable[Attempt]) -> tuple[Attestation, ...]:
    """The evidence for receipts, in order of network; time stamps of several calendars are one."""
    found = [each.evidence for each in attempts if each.evidence and each.state in SERVED]
    stamps = [evidence for evidence in found if evidence.type == OPENTIMESTAMPS]
    others = [evidence for evidence in found if evidence.type != OPENTIMESTAMPS]
    return (*([_merge(stamps, block_hash)] if stamps else []), *others)


def _merge(stamps: Sequence[Attestation], block_hash: Hash) -> Attestation:
    proofs = [read_base64(stamp.members["proof"], "proof") for stamp in stamps]
    return opentimestamps_attestation(merge_timestamps(proofs, block_hash))


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
