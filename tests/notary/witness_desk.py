"""Witnesses for tests: Tally's own witness half right behind the port of its client half."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from chalicelib.notary.log import Log
from chalicelib.notary.networks import NetworkError, NetworkRefused
from chalicelib.notary.refused import Refused
from chalicelib.notary.witnesses import (
    LogForked,
    OldSizeConflict,
    SignatureRefused,
    UnknownLog,
    Witness,
    Witnesses,
)
from chalicelib.notary.witnessing import SizeConflict, WitnessService, add_checkpoint, know_log
from chalicelib.proof.note import NoteSignature, VerifierKey, format_vkey, parse_signatures
from chalicelib.proof.tlogpolicy import TlogPolicy, parse_tlog_policy
from chalicelib.proof.tlogwitness import AddCheckpoint, format_add_checkpoint
from tests.fakes import Clock, memory_log, memory_witness

_REFUSALS: dict[str, type[NetworkError]] = {
    "inconsistent-checkpoint": LogForked,
    "not-signed-by-log": SignatureRefused,
    "unknown-log": UnknownLog,
}


@dataclass
class DirectWitness:
    """``Witness``. ``asked`` are the old sizes that it was asked from; something else may happen
    ``before`` and ``after`` each request."""

    service: WitnessService
    clock: Callable[[], int]
    asked: list[int] = field(default_factory=list)
    before: Callable[[], object] = lambda: None
    after: Callable[[], object] = lambda: None

    @property
    def name(self) -> str:
        return self.service.name.rpartition("/")[2]

    @property
    def key(self) -> VerifierKey:
        return self.service.vkey

    def add_checkpoint(self, request: AddCheckpoint) -> NoteSignature:
        self.asked.append(request.old_size)
        self.before()
        line = self._answer(format_add_checkpoint(request))
        self.after()
        return line

    def _answer(self, data: bytes) -> NoteSignature:
        service, now_s = self.service, self.clock() // 1000
        try:
            lines = add_checkpoint(data, service.states, service.signer, service.name, now_s)
        except SizeConflict as conflict:
            raise OldSizeConflict(conflict.size) from None
        except Refused as refused:
            raise _REFUSALS.get(refused.name, NetworkRefused)(refused.name) from None
        return parse_signatures(lines)[0]

    def size(self, log: Log) -> int:
        """The size that it remembers of the log."""
        known = self.service.states.get(log.origin)
        assert known is not None
        return known.size


@dataclass
class Failing:
    """``Witness`` that is there and does nothing but raise this."""

    name: str
    error: NetworkError

    @property
    def key(self) -> VerifierKey:
        return memory_witness(f"witness.test/{self.name}").vkey

    def add_checkpoint(self, request: AddCheckpoint) -> NoteSignature:
        raise self.error


def direct_witness(name: str, *logs: Log, clock: Callable[[], int] | None = None) -> DirectWitness:
    """A witness ``witness.test/<name>`` that knows these logs."""
    witness = DirectWitness(memory_witness(f"witness.test/{name}"), clock or Clock())
    for log in logs:
        know_log(witness.service.states, format_vkey(log.vkey))
    return witness


def policy_of(*witnesses: Witness, threshold: str | int = "all") -> TlogPolicy:
    """A policy whose quorum is that many of these witnesses."""
    lines = [f"witness {each.name} {format_vkey(each.key)}\n" for each in witnesses]
    names = " ".join(each.name for each in witnesses)
    return parse_tlog_policy(f"{''.join(lines)}group Q {threshold} {names}\nquorum Q\n")


def witnessed(
    log: Log, *witnesses: Witness, threshold: str | int = "all", timeout_s: float = 10
) -> Log:
    """The same log in a fresh process that asks these witnesses."""
    policy = policy_of(*witnesses, threshold=threshold)
    return replace(log, witnesses=Witnesses(witnesses, policy, timeout_s))


def copied(log: Log) -> Log:
    """The log as a backup has it."""
    made = memory_log(log.origin)
    for name in ("tiles", "work"):
        getattr(made, name).data.update(getattr(log, name).data)
    made.chain.rows[:] = log.chain.rows  # type: ignore[attr-defined]
    made.attempts.rows.update(log.attempts.rows)  # type: ignore[attr-defined]
    return made
