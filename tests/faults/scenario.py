"""What happens in every fault test: single submissions and a job that spans blocks, with a poison
submission, a refused item and duplicates among them; and what must be true whatever went wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

from chalicelib.notary.admit import Refused, bulk_id
from chalicelib.notary.audit import audit_store
from chalicelib.notary.index import lineage_key
from chalicelib.notary.jobs import job_status
from chalicelib.notary.log import Log
from chalicelib.notary.ports import OutcomeUnknown, Single
from chalicelib.notary.receipts import index_of, job_receipts
from chalicelib.notary.sequence import create_log, sequence
from chalicelib.notary.witnesses import WITNESSES, cosigned
from chalicelib.proof.block import block_to_be_signed
from chalicelib.proof.checkpoint import Checkpoint, format_checkpoint_text
from chalicelib.proof.hashes import Hash
from chalicelib.proof.keys import PublicKey
from chalicelib.proof.note import parse_note, verify_note
from chalicelib.proof.statement import entry_id
from tests.fakes import Clock, Killed, Lost, Tap, memory_log, tapped
from tests.notary.desk import CALLER, Desk, registered, registry, sub_of
from tests.notary.witness_desk import direct_witness, witnessed

BATCH = 4
SINGLES = [registered(number) for number in range(3)]
RIVALS = [registered(100, sub=7), registered(101, sub=7)]
"""Two registers of one lineage: the second to come is set aside."""

ITEMS = [
    *(registered(number) for number in range(10, 16)),
    registered(1),
    registered(10),
    registered(102, sub=7),
    b"\xf5",
    *(registered(number) for number in range(16, 20)),
]
"""A single of before, an item twice, one of the rivals' lineage, and one that is no statement."""

ACCEPTED = {entry_id(entry) for entry in [*SINGLES, *ITEMS] if entry != b"\xf5"}


@dataclass
class Recorder:
    """A log key that remembers what it signed."""

    log: Log
    signed: list[bytes] = field(default_factory=list)

    @property
    def public(self) -> PublicKey:
        return self.log.signer.public

    def sign(self, message: bytes) -> bytes:
        self.signed.append(message)
        return self.log.signer.sign(message)


@dataclass
class Stage:
    """One store, and processes that work on it."""

    store: Log = field(default_factory=memory_log)
    clock: Clock = field(default_factory=Clock)
    published: list[bytes] = field(default_factory=list)
    signed: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.witness = direct_witness("w", self.store, clock=self.clock)
        self.store = witnessed(self.store, self.witness)

    def process(self, tap: Tap | None = None) -> Desk:
        """A fresh process, with no memory but the store, whose writes go through ``tap``."""

        def observe(name: str, write: Callable[[], object]) -> object:
            def observed() -> object:
                result = write()
                checkpoint = self.store.tiles.get("checkpoint")
                if checkpoint is not None and self.published[-1:] != [checkpoint]:
                    self.published.append(checkpoint)
                return result

            return tap(name, observed) if tap else observed()

        tapped_log = tapped(witnessed(self.store, self.witness), observe)
        log = replace(tapped_log, signer=Recorder(self.store, self.signed))
        desk = Desk.__new__(Desk)  # the log may not be created yet
        desk.log, desk.registry, desk.clock = log, registry(), self.clock
        return desk

    def unmet(self) -> list[int]:
        """The heights of blocks that were published without their quorum."""
        return [each.height for each in self.store.attempts.unfinished(WITNESSES)]


def play(desk: Desk, attempt: Callable[[Callable[[Desk], object]], object]) -> None:
    """Every step of the scenario, as clients and the sequencer make it, through ``attempt``."""
    attempt(lambda at: create_log(at.log))
    for entry in SINGLES:
        attempt(partial(_submit, entry=entry))
    attempt(lambda at: at.step(BATCH))
    attempt(lambda at: at.submit(SINGLES[0]))
    attempt(lambda at: at.submit_bulk(ITEMS))
    for entry in RIVALS:
        attempt(partial(_submit_rival, entry=entry))
    attempt(lambda at: run_out(at))


def _submit(desk: Desk, entry: bytes) -> None:
    desk.submit(entry)


def _submit_rival(desk: Desk, entry: bytes) -> None:
    try:
        desk.submit(entry)
    except Refused:
        # Its lineage was found in the log already: as if admission had looked a moment before.
        desk.log.pending.add(Single(entry_id(entry).hex(), entry, lineage_key(sub_of(7))))


def run_out(desk: Desk) -> None:
    """Sequence small batches until nothing is pending."""
    while desk.log.pending.take(1):
        sequence(desk.log, desk.clock.tick(), max_entries=BATCH)


def play_with(stage: Stage, tap: Tap) -> None:
    """The scenario in one process that meets a fault. Who got an error tries again; when the
    process is dead, in a fresh one."""
    desks = [stage.process(tap)]

    def attempt(step: Callable[[Desk], object]) -> None:
        try:
            step(desks[-1])
        except (Lost, OutcomeUnknown, Killed) as failure:
            if isinstance(failure, Killed):
                desks.append(stage.process())
                if stage.store.chain.head() is not None:
                    audit_store(stage.store)  # what it left behind is no damage
            step(desks[-1])

    play(desks[0], attempt)


def check(stage: Stage) -> None:
    """Nothing lost, nothing twice, one history."""
    desk = stage.process()
    report = audit_store(desk.log)
    assert desk.log.pending.take(1) == []
    _check_entries(desk)
    _check_job(desk)
    assert report.timestamp_ms <= stage.clock.now_ms
    _check_history(stage)


def _check_entries(desk: Desk) -> None:
    for entry in [*SINGLES, *(item for item in ITEMS if entry_id(item) in ACCEPTED)]:
        if entry != registered(102, sub=7):
            desk.receipt(entry)
    sub_7 = [*RIVALS, registered(102, sub=7)]
    held = [entry for entry in sub_7 if _is_in_log(desk, entry_id(entry))]
    assert len(held) == 1, "one register of a lineage, and one only"
    for rival in RIVALS:
        reason = desk.log.pending.aside(entry_id(rival).hex())
        assert (rival in held) == (reason is None)


def _is_in_log(desk: Desk, id: Hash) -> bool:
    return index_of(desk.log, id) is not None


def _check_job(desk: Desk) -> None:
    job = desk.log.jobs.get(bulk_id(CALLER.tenant, b"".join(ITEMS)))
    assert job is not None
    status = job_status(desk.log, job)
    assert status["state"] == "done"
    assert status["accepted"] == status["integrated"]
    rejected = [each["item"] for each in status["rejected"]]
    assert rejected in ([9], [8, 9])
    items = [each.item for each in job_receipts(desk.log, job, 0, 100)]
    assert sorted(items + rejected) == list(range(len(ITEMS)))


def _check_history(stage: Stage) -> None:
    rows = stage.store.chain.rows  # type: ignore[attr-defined]
    keys = [stage.store.vkey, stage.witness.key]
    for row, note in zip(rows[1:], stage.published, strict=True):  # each once, in order
        [attempt] = stage.store.attempts.of_block(row.block.height)
        assert note == cosigned(row.checkpoint, [attempt])
        signers = keys[:1] if attempt.memo["failures"] else keys
        assert list(verify_note(parse_note(note), keys)) == signers, "cosigned, then published"
    committed = {
        message
        for row in rows
        for message in (
            format_checkpoint_text(Checkpoint(stage.store.origin, row.block.size, row.block.root)),
            block_to_be_signed(row.block, stage.store.kid),
        )
    }
    assert committed.issuperset(stage.signed), "nothing is signed that is not committed"
