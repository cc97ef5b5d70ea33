"""Asking witnesses to cosign a checkpoint (C2SP tlog-witness), and what follows from their answers.

They are asked side by side, after the commit and before the checkpoint is published. One that is
down, slow or lying costs its line and no more: what came, who failed and whether the quorum was met
is stored as the block's attempt of the network ``witnesses``, and the block is published. But one
that remembers a larger tree than ours, or another tree, says that this log has a second history:
then nothing is published or sealed, and sequencing stops. A witness that says so falsely can stop
it, too, until it is taken out of the configuration: silence would be the greater harm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field, replace
from threading import Event, Lock
from typing import Protocol

from ..proof.block import GENESIS, Block
from ..proof.errors import ProofError
from ..proof.hashes import Hash
from ..proof.jcs import JsonValue
from ..proof.limits import NOTE_SIGNATURES
from ..proof.members import read_list, read_text
from ..proof.note import (
    Note,
    NoteSignature,
    UnknownSigners,
    VerifierKey,
    add_signatures,
    format_note,
    format_signatures,
    parse_note,
    parse_signatures,
    verify_note,
)
from ..proof.tiles import plan_consistency, prove_consistency_from_tiles
from ..proof.tlogpolicy import TlogPolicy
from ..proof.tlogwitness import AddCheckpoint
from .limits import WITNESS_CORRECTIONS, WITNESSES_S
from .log import HistoryFork, Log, StaleRestore
from .networks import Attempt, NetworkError, NetworkRefused, Unreachable
from .ports import Conflict

WITNESSES = "witnesses"
"""The network whose attempts hold what the witnesses said, one for each block."""

NO_QUORUM = "no-quorum"
"""The problem of an attempt whose cosignatures are fewer than the quorum."""


class OldSizeConflict(NetworkError):
    """The witness remembers a tree of ``size`` entries, not of the size that it was asked from."""

    name = "old-size-conflict"

    def __init__(self, size: int) -> None:
        super().__init__(f"it remembers a tree of {size} entries")
        self.size = size


class WitnessAhead(OldSizeConflict):
    """The witness remembers a tree larger than the checkpoint."""

    name = "witness-ahead"


class UnknownLog(NetworkRefused):
    """The witness does not know this log."""

    name = "unknown-log"


class SignatureRefused(NetworkRefused):
    """The witness knows this log under another key."""

    name = "signature-refused"


class LogForked(NetworkRefused):
    """The witness remembers a tree that this checkpoint does not continue."""

    name = "log-forked"


class Witness(Protocol):
    """One witness. Both operations keep no state here, and may be used by several threads."""

    @property
    def name(self) -> str:
        """The policy's name for it."""

    @property
    def key(self) -> VerifierKey:
        """Of type 4."""

    def add_checkpoint(self, request: AddCheckpoint) -> NoteSignature:
        """Its cosignature of the request's checkpoint, verified. Raises OldSizeConflict, or another
        NetworkError, and nothing else."""


@dataclass(frozen=True)
class Witnesses:
    """All that are asked. ``policy`` names each of them and holds the quorum; a block waits
    ``timeout_s`` for them. ``offered`` is set once this process has shown them the head."""

    all: tuple[Witness, ...]
    policy: TlogPolicy
    timeout_s: float = WITNESSES_S
    offered: Event = field(default_factory=Event, repr=False, compare=False)

    def __post_init__(self) -> None:
        assert 0 < len(self.all) < NOTE_SIGNATURES, "each has its line beside the log's own"
        known = self.policy.witnesses
        assert all(known.get(each.name) == each.key for each in self.all), "the policy names them"
        assert len({each.name for each in self.all}) == len(self.all), "each is asked once"

    def cosigners(self, signatures: Sequence[NoteSignature]) -> set[str]:
        """The policy's names for those who made these lines."""
        lines = {(line.name, line.key_id) for line in signatures}
        return {each.name for each in self.all if (each.key.name, each.key.key_id) in lines}


Outcome = NoteSignature | NetworkError


def cosign(log: Log, previous: Block, block: Block, note: bytes) -> Attempt | None:
    """What the witnesses said about a committed block, whose tiles are stored, with its signed
    checkpoint: as it is recorded, or else they are asked now. None where none are configured.

    Raises StaleRestore, HistoryFork.
    """
    if log.witnesses is None:
        return None
    recorded = log.attempts.get(WITNESSES, block.height)
    if recorded is not None:
        _check_recorded(log.witnesses, recorded, note)
        return recorded
    outcomes = _ask_all(log, log.witnesses.all, block, note, previous.size)
    # Failures in a row count on over blocks: a busy log has a new one before any is asked again.
    before = log.attempts.before(WITNESSES, block.height)
    tries = before.tries if before is not None else 0
    planned = Attempt(WITNESSES, block.height, "planned", block.timestamp_ms, tries=tries)
    return _record(log, _sum_up(log.witnesses, planned, outcomes))


def cosign_again(log: Log, previous: Block, block: Block, note: bytes, attempt: Attempt) -> Attempt:
    """Ask those whose line is missing, if the quorum was not met; the attempt as it is recorded.

    Raises StaleRestore, HistoryFork.
    """
    if log.witnesses is None or attempt.state == "final":
        return attempt
    have = log.witnesses.cosigners(cosignatures(attempt))
    missing = [each for each in log.witnesses.all if each.name not in have]
    outcomes = _ask_all(log, missing, block, note, previous.size)
    return _record(log, _sum_up(log.witnesses, attempt, outcomes))


def offer_head(log: Log, head: Block, note: Callable[[], bytes]) -> None:
    """Once per process, before anything is committed: learn that no witness knows more than the
    head, whose signed checkpoint ``note`` gives. Those that do not answer are passed over. Raises
    StaleRestore, HistoryFork."""
    if log.witnesses is None or log.witnesses.offered.is_set():
        return
    newest = log.attempts.newest(WITNESSES)
    if newest is not None and newest.height > max(head.height, _head_of(log).height):
        raise StaleRestore(f"block {newest.height} was cosigned, but the head is {head.height}")
    _ask_all(log, log.witnesses.all, head, note(), head.size)
    log.witnesses.offered.set()


def cosigned(note: bytes, attempts: Iterable[Attempt]) -> bytes:
    """The log's own checkpoint note with the cosignatures among the block's attempts."""
    lines = [line for each in attempts if each.network == WITNESSES for line in cosignatures(each)]
    return format_note(add_signatures(parse_note(note), lines)) if lines else note


def cosignatures(attempt: Attempt) -> tuple[NoteSignature, ...]:
    """The lines that an attempt of the network ``witnesses`` holds."""
    lines = read_list(attempt.memo.get("lines", []), "lines")
    text = "".join(f"{read_text(line, 'line')}\n" for line in lines)
    return parse_signatures(text.encode()) if text else ()


def _check_recorded(witnesses: Witnesses, recorded: Attempt, note: bytes) -> None:
    """What is recorded for a height is about the block that is there now. Raises StaleRestore."""
    keys = [each.key for each in witnesses.all]
    try:
        with suppress(UnknownSigners):
            verify_note(parse_note(cosigned(note, [recorded])), keys)
    except ProofError as error:
        raise StaleRestore(
            f"another block of height {recorded.height} was cosigned: {error}"
        ) from error


def _sum_up(witnesses: Witnesses, attempt: Attempt, outcomes: Mapping[str, Outcome]) -> Attempt:
    """The attempt with what came, and with what failed this time."""
    new = [each for each in outcomes.values() if isinstance(each, NoteSignature)]
    signatures = (*cosignatures(attempt), *new)
    cosigners = witnesses.cosigners(signatures)
    quorum = witnesses.policy.quorum_met(cosigners)
    failures: dict[str, JsonValue] = {
        name: each.name for name, each in outcomes.items() if isinstance(each, NetworkError)
    }
    return replace(
        attempt,
        state="final" if quorum or not failures else "sent",
        memo={
            "lines": [format_signatures([line]).decode().rstrip("\n") for line in signatures],
            "failures": failures,
            "quorum": quorum,
        },
        tries=0 if quorum else attempt.tries + 1,
        problem="" if quorum else NO_QUORUM,
    )


def _record(log: Log, attempt: Attempt) -> Attempt:
    """Store it, unless somebody else was faster: then what they stored counts for all."""
    try:
        return log.attempts.put(attempt)
    except Conflict:
        stored = log.attempts.get(WITNESSES, attempt.height)
        assert stored is not None, "it was in the way"
        return stored


def _ask_all(
    log: Log, witnesses: Sequence[Witness], block: Block, note: bytes, old_size: int
) -> dict[str, Outcome]:
    """The outcome of each, by its name and in order, after ``timeout_s`` at the latest."""
    assert log.witnesses is not None
    paths, parsed = _Paths(log, block.size), parse_note(note)
    pool = ThreadPoolExecutor(max(1, len(witnesses)), thread_name_prefix=WITNESSES)
    try:
        asked = {
            each.name: pool.submit(_ask, each, paths, parsed, old_size, WITNESS_CORRECTIONS)
            for each in witnesses
        }
        wait(asked.values(), log.witnesses.timeout_s)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    outcomes = {name: _outcome(future) for name, future in asked.items()}
    _refuse_second_history(log, outcomes)
    return outcomes


def _ask(
    witness: Witness, paths: _Paths, note: Note, old_size: int, corrections: int
) -> NoteSignature:
    try:
        return witness.add_checkpoint(AddCheckpoint(old_size, paths.from_size(old_size), note))
    except OldSizeConflict as conflict:
        if conflict.size > paths.size:
            raise WitnessAhead(conflict.size) from None
        if not corrections:
            raise
        known_size = conflict.size
    return _ask(witness, paths, note, known_size, corrections - 1)


def _outcome(future: Future[NoteSignature]) -> Outcome:
    if not future.done():
        return Unreachable("no answer in time")
    try:
        return future.result()
    except NetworkError as error:
        return error


def _refuse_second_history(log: Log, outcomes: Mapping[str, Outcome]) -> None:
    for name, outcome in outcomes.items():
        if isinstance(outcome, LogForked):
            raise HistoryFork(
                f"the witness {name} remembers a tree that this log does not continue"
            )
        if isinstance(outcome, WitnessAhead):
            # Only what is committed is ever signed: when this read of the chain does not have it
            # either, the chain has lost it. Else another sequencer is ahead of us, and all is well.
            size = _head_of(log).size
            if outcome.size > size:
                raise StaleRestore(
                    f"the witness {name} remembers {outcome.size} entries, the head has {size}"
                )


def _head_of(log: Log) -> Block:
    head = log.chain.head()
    return head.block if head else GENESIS(log.origin)


class _Paths:
    """The consistency paths to the tree of ``size``, each read and computed once."""

    def __init__(self, log: Log, size: int) -> None:
        self.size = size
        self._log = log
        self._lock = Lock()
        self._paths: dict[int, tuple[Hash, ...]] = {}

    def from_size(self, old_size: int) -> tuple[Hash, ...]:
        with self._lock:
            if old_size not in self._paths:
                self._paths[old_size] = self._prove(old_size)
            return self._paths[old_size]

    def _prove(self, old_size: int) -> tuple[Hash, ...]:
        places = plan_consistency(old_size, self.size, self.size)
        stored = self._log.tiles.get_many([place.path for place in places])
        tiles = {
            (place.level, place.index): data
            for place, data in zip(places, stored, strict=True)
            if data is not None
        }
        try:
            return prove_consistency_from_tiles(old_size, self.size, tiles)
        except ProofError as error:
            raise HistoryFork(f"the log's own tiles cannot be read: {error}") from error
