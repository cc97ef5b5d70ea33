"""When the sequencer must not go on, and that it then changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.notary.audit import audit_store
from chalicelib.notary.index import MissingRun, RunCache
from chalicelib.notary.limits import CLOCK_SKEW_MS
from chalicelib.notary.log import (
    CHECKPOINT,
    ClockWentBack,
    HistoryFork,
    MissingStaging,
    NotCreated,
    StaleRestore,
)
from chalicelib.notary.ports import Conflict, OutcomeUnknown
from chalicelib.notary.sequence import create_log, drain, sequence
from chalicelib.proof.checkpoint import Checkpoint, format_checkpoint_text
from chalicelib.proof.note import Note, NoteSignature, WrongSignature, format_note
from tests.fakes import Fault, Killed, memory_log, tapped
from tests.notary.desk import Desk, registered


def rows(desk: Desk) -> list[Any]:
    return desk.log.chain.rows  # type: ignore[attr-defined, no-any-return]


def stored(desk: Desk, bucket: str = "tiles") -> dict[str, bytes]:
    return getattr(desk.log, bucket).data  # type: ignore[no-any-return]


def grown(*counts: int) -> Desk:
    """A desk whose log has one block for each count of entries."""
    desk, number = Desk(), 0
    for count in counts:
        desk.submit(*(registered(number + i) for i in range(count)))
        number += count
        desk.step()
    return desk


def unfinished(desk: Desk, kind: str) -> Desk:
    """The desk after a sequencer died right after its commit."""

    def tap(name: str, write: Callable[[], object]) -> object:
        result = write()
        if name.startswith(kind):
            raise Killed(name)
        return result

    with pytest.raises(Killed):
        sequence(tapped(desk.log, tap), desk.clock.tick())
    return desk


def refuses(desk: Desk, kind: type[Exception], match: str) -> None:
    before = deepcopy((rows(desk), stored(desk), stored(desk, "work")))
    with pytest.raises(kind, match=match):
        desk.step()
    assert before == (rows(desk), stored(desk), stored(desk, "work"))


def test_a_log_that_was_never_created() -> None:
    log = memory_log()
    with pytest.raises(NotCreated):
        sequence(log, 1)
    with pytest.raises(NotCreated):
        log.readable()


def test_creating_a_log_twice_changes_nothing() -> None:
    desk = grown(1)
    create_log(desk.log)
    assert desk.head().block.height == 1


def test_a_clock_that_went_back() -> None:
    desk = grown(1)
    desk.submit(registered(50))
    desk.clock.now_ms = desk.head().block.timestamp_ms - 1_000 - CLOCK_SKEW_MS - 1  # a step ticks
    refuses(desk, ClockWentBack, "but the head is of")


def test_a_clock_a_little_behind_another_host_s_does_not_take_time_back() -> None:
    desk = grown(1)
    desk.submit(registered(50))
    newest_ms = desk.head().block.timestamp_ms
    block = sequence(desk.log, newest_ms - CLOCK_SKEW_MS)
    assert block is not None
    assert block.timestamp_ms == newest_ms
    audit_store(desk.log)


def test_a_clock_that_stood_still_is_fine() -> None:
    desk = grown(1)
    desk.submit(registered(50))
    block = sequence(desk.log, desk.head().block.timestamp_ms)
    assert block is not None
    assert block.height == 2
    audit_store(desk.log)


def test_a_chain_restored_from_an_old_state() -> None:
    desk = grown(1, 2)
    del rows(desk)[2]
    desk.submit(registered(50))
    refuses(desk, StaleRestore, "has 5 entries, the head 2")


def test_a_chain_that_is_gone_while_a_checkpoint_is_published() -> None:
    desk = grown(1)
    rows(desk).clear()
    refuses(desk, StaleRestore, "has 2 entries, the head 0")
    with pytest.raises(StaleRestore, match="the hash chain is empty"):
        create_log(desk.log)


def test_a_chain_with_another_history_of_the_same_size() -> None:
    desk, other = grown(1), Desk()
    other.submit(registered(99))
    other.step()
    rows(desk)[1] = rows(other)[1]
    refuses(desk, StaleRestore, "another root hash")


@pytest.mark.parametrize("old", ["nothing", "block 1"])
def test_a_bucket_restored_from_an_old_state(old: str) -> None:
    desk = grown(1, 1)
    if old == "nothing":
        del stored(desk)[CHECKPOINT]
    else:
        stored(desk)[CHECKPOINT] = rows(desk)[1].checkpoint
    refuses(desk, StaleRestore, "but now less is")


def test_a_checkpoint_that_is_just_being_published_is_not_a_restore() -> None:
    """The first look sees the older checkpoint, then another sequencer finishes its block."""
    desk = grown(1, 1)
    get, looks = desk.log.tiles.get, []

    def late(key: str) -> bytes | None:
        looks.append(key)
        return rows(desk)[1].checkpoint if len(looks) == 1 else get(key)

    desk.log.tiles.get = late  # type: ignore[method-assign]
    assert desk.step() is None


@pytest.mark.parametrize(
    "published", [b"garbage", b"tally.test/log\n1\nAAAA\n\n\xe2\x80\x94 tally.test/log AAAAAAA=\n"]
)
def test_a_published_checkpoint_that_is_none(published: bytes) -> None:
    desk = grown(1)
    stored(desk)[CHECKPOINT] = published
    refuses(desk, HistoryFork, "is not one of tally.test/log")


def test_a_published_checkpoint_of_another_origin_under_our_key() -> None:
    desk = grown(1)
    checkpoint = Checkpoint("other.test/log", 2, desk.head().block.root)
    text = format_checkpoint_text(checkpoint)
    key = desk.log.vkey
    line = NoteSignature(key.name, key.key_id, desk.log.signer.sign(text))
    stored(desk)[CHECKPOINT] = format_note(Note(text, (line,)))
    refuses(desk, HistoryFork, "is one of other.test/log")


def test_an_unapplied_block_whose_staging_is_gone() -> None:
    desk = grown(1)
    desk.submit(registered(50))
    unfinished(desk, "chain.commit")
    del stored(desk, "work")[desk.head().staging]
    refuses(desk, MissingStaging, "is gone")


def test_an_unapplied_block_whose_staging_has_a_changed_byte() -> None:
    desk = grown(1)
    desk.submit(registered(50))
    unfinished(desk, "chain.commit")
    data = bytearray(stored(desk, "work")[desk.head().staging])
    data[-1] ^= 1
    stored(desk, "work")[desk.head().staging] = bytes(data)
    refuses(desk, MissingStaging, "of another hash")


def test_a_tile_that_is_there_with_other_bytes() -> None:
    desk = grown(1)
    desk.submit(registered(50))
    unfinished(desk, "chain.commit")
    stored(desk)["tile/0/000.p/4"] = bytes(128)
    with pytest.raises(HistoryFork, match=r"tile/0/000\.p/4 holds other bytes"):
        desk.step()
    assert not desk.head().applied


def test_a_checkpoint_of_another_history_while_publishing() -> None:
    desk, other = grown(1), Desk()
    other.submit(registered(98))
    other.step()
    desk.submit(registered(50))
    unfinished(desk, "chain.commit")
    stored(desk)[CHECKPOINT] = rows(other)[1].checkpoint
    with pytest.raises(HistoryFork, match="is not that of block 1"):
        desk.step()


def test_a_checkpoint_that_vanishes_while_publishing() -> None:
    desk = grown(1)
    desk.submit(registered(50))
    unfinished(desk, "chain.commit")
    del stored(desk)[CHECKPOINT]
    with pytest.raises(HistoryFork, match="is not that of block 1"):
        desk.step()


def test_a_late_sequencer_does_not_take_a_newer_checkpoint_back() -> None:
    """It sleeps before it publishes block 2; meanwhile others finish block 2 and block 3."""
    desk = grown(1)
    desk.submit(registered(50))

    def tap(name: str, write: Callable[[], object]) -> object:
        if name == "tiles.swap checkpoint" and desk.head().block.height == 2:
            desk.step()
            desk.submit(registered(51))
            desk.step()
        return write()

    sequence(tapped(desk.log, tap), desk.clock.tick())
    assert stored(desk)[CHECKPOINT] == rows(desk)[3].checkpoint
    audit_store(desk.log)


@pytest.mark.parametrize("key", ["tile/0/000.p/4", "tile/entries/000.p/4"])
@pytest.mark.parametrize("damage", ["gone", "flipped", "cut"])
def test_a_damaged_right_edge_is_not_built_upon(key: str, damage: str) -> None:
    desk = grown(1, 1)
    data = stored(desk)[key]
    if damage == "gone":
        del stored(desk)[key]
    else:
        flipped = data[:-1] + bytes([data[-1] ^ 1])
        stored(desk)[key] = flipped if damage == "flipped" else data[:-1]
    desk.submit(registered(50))
    refuses(desk, HistoryFork, "is not there" if damage == "gone" else "the right edge of the log")


def test_a_missing_tail_of_the_index() -> None:
    desk = grown(1)
    desk.submit(registered(50))
    del stored(desk, "work")["index/tail/2"]
    with pytest.raises(MissingRun, match="index/tail/2"):
        sequence(replace(desk.log, runs=RunCache()), desk.clock.tick())


def test_an_outcome_that_stays_unknown_is_raised_and_settled_by_the_next_run() -> None:
    desk = grown(1)
    desk.submit(registered(50))
    fault = Fault("unknown-lost", at=1)
    with pytest.raises(OutcomeUnknown):
        sequence(tapped(desk.log, fault), desk.clock.tick())
    assert fault.names[1].startswith("chain.commit")
    assert [block.height for block in drain(desk.log, desk.clock)] == [2]
    audit_store(desk.log)


def test_an_unknown_outcome_that_the_chain_shows_as_done_is_done() -> None:
    desk = grown(1)
    desk.submit(registered(50))
    fault = Fault("unknown-done", at=1)
    block = sequence(tapped(desk.log, fault), desk.clock.tick())
    assert fault.names[1].startswith("chain.commit")
    assert block == desk.head().block
    assert desk.head().applied


def test_a_sealed_block_is_not_signed_again() -> None:
    """Signing costs a request to KMS."""
    desk = grown(1)
    desk.submit(registered(50))
    unfinished(desk, "chain.seal")

    class Gone:
        public = desk.log.signer.public

        def sign(self, message: bytes) -> bytes:
            raise AssertionError("the signatures are there already")

    assert sequence(replace(desk.log, signer=Gone()), desk.clock.tick()) is None
    assert desk.head().applied


def test_a_commit_that_comes_true_late_is_found_by_the_next_run() -> None:
    """The outcome was unknown, the row was not there yet, and then it was."""
    desk = grown(1)
    desk.submit(registered(50))
    late: list[Callable[[], object]] = []

    def tap(name: str, write: Callable[[], object]) -> object:
        if name.startswith("chain.commit"):
            late.append(write)
            raise OutcomeUnknown(name)
        return write()

    with pytest.raises(OutcomeUnknown):
        sequence(tapped(desk.log, tap), desk.clock.tick())
    late[0]()
    assert drain(desk.log, desk.clock) == []
    assert desk.head().block.height == 2
    audit_store(desk.log)


def test_a_late_commit_loses_against_the_next_run() -> None:
    desk = grown(1)
    desk.submit(registered(50))
    late: list[Callable[[], object]] = []

    def tap(name: str, write: Callable[[], object]) -> object:
        if name.startswith("chain.commit"):
            late.append(write)
            raise OutcomeUnknown(name)
        return write()

    with pytest.raises(OutcomeUnknown):
        sequence(tapped(desk.log, tap), desk.clock.tick())
    desk.step()
    with pytest.raises(Conflict):
        late[0]()
    audit_store(desk.log)


def test_a_conflict_without_another_block_is_raised() -> None:
    """Not for ever tried again: nothing that may happen explains it."""
    desk = grown(1)
    desk.submit(registered(50))

    def tap(name: str, write: Callable[[], object]) -> object:
        if name.startswith("chain.commit"):
            raise Conflict(name)
        return write()

    with pytest.raises(Conflict):
        drain(tapped(desk.log, tap), desk.clock)


def test_a_replayed_wake_up_does_nothing() -> None:
    desk = grown(3)
    before = deepcopy((rows(desk), stored(desk), stored(desk, "work")))
    for _ in range(3):
        assert desk.drain() == []
    assert before == (rows(desk), stored(desk), stored(desk, "work"))


def test_a_signature_that_does_not_verify_is_never_stored() -> None:
    class Broken:
        public = Desk().log.signer.public

        def sign(self, message: bytes) -> bytes:
            return bytes(64)

    desk = Desk()
    desk.submit(registered(1))
    with pytest.raises(WrongSignature):
        sequence(replace(desk.log, signer=Broken()), desk.clock.tick())
    assert desk.head().checkpoint == b""
    assert desk.step() is None
    assert desk.head().applied
