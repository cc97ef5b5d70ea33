"""Blocks are cosigned before they are published. No witness can hold the log up but by saying that
the log has a second history; and then nothing is published."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from threading import Event
from typing import Any

import pytest

from chalicelib.notary.apply import renew_cosignatures
from chalicelib.notary.audit import AuditFailure, audit_store
from chalicelib.notary.log import CHECKPOINT, HistoryFork, Log, StaleRestore
from chalicelib.notary.networks import Attempt, FalseProof, NetworkRefused, Unreachable
from chalicelib.notary.receipts import locate, receipt_of
from chalicelib.notary.sequence import create_log, sequence
from chalicelib.notary.witnesses import (
    WITNESSES,
    OldSizeConflict,
    Witness,
    Witnesses,
    cosignatures,
    cosigned,
)
from chalicelib.proof.note import format_note, parse_note, verify_note
from chalicelib.proof.statement import entry_id
from tests.fakes import Killed, memory_log, tapped
from tests.notary.desk import Desk, registered
from tests.notary.witness_desk import (
    DirectWitness,
    Failing,
    copied,
    direct_witness,
    policy_of,
    witnessed,
)


class Lines:
    """A desk whose log is witnessed, and a look at what is published and recorded."""

    def __init__(self, *names: str, also: tuple[Witness, ...] = (), **quorum: Any) -> None:
        log = memory_log()
        self.witnesses = [direct_witness(name, log) for name in names]
        self.all: tuple[Witness, ...] = (*self.witnesses, *also)
        self.quorum = quorum
        self.desk = Desk(witnessed(log, *self.all, **quorum))
        self._count = 0

    @property
    def log(self) -> Log:
        return self.desk.log

    def restart(self) -> None:
        """A new process, which has asked nobody yet."""
        self.desk.log = witnessed(self.log, *self.all, **self.quorum)

    def grow(self, count: int = 1) -> None:
        self.desk.submit(*(registered(self._count + number) for number in range(count)))
        self._count += count
        assert self.desk.step() is not None

    def attempt(self) -> Attempt:
        found = self.log.attempts.get(WITNESSES, self.desk.head().block.height)
        assert found is not None
        return found

    def published_by(self) -> list[str]:
        """The names of those who cosigned what is published, each line verified."""
        data = self.log.tiles.get(CHECKPOINT)
        assert data is not None
        note = parse_note(data)
        verify_note(note, [self.log.vkey])
        keys = {each.key: each.name for each in self.all}
        if len(note.signatures) == 1:
            return []
        return [keys[key] for key in verify_note(note, list(keys))]


def stored(log: Log) -> Any:
    return deepcopy((log.tiles.data, log.chain.rows, log.attempts.rows))  # type: ignore[attr-defined]


class TestCosigned:
    def test_the_published_checkpoint_has_a_line_of_each_witness(self) -> None:
        lines = Lines("a", "b")
        for count in (1, 255, 3):
            lines.grow(count)
            assert lines.published_by() == ["a", "b"]
        assert [witness.size(lines.log) for witness in lines.witnesses] == [262, 262]

    def test_each_is_asked_once_from_the_size_before(self) -> None:
        lines = Lines("a")
        for _ in range(3):
            lines.grow(2)
        assert lines.witnesses[0].asked == [0, 0, 3, 6], "the empty log is offered first"

    def test_what_they_said_is_recorded(self) -> None:
        lines = Lines("a", "b")
        lines.grow()
        attempt = lines.attempt()
        assert (attempt.network, attempt.state, attempt.evidence) == ("witnesses", "final", None)
        assert (attempt.problem, attempt.tries, attempt.version) == ("", 0, 1)
        assert attempt.memo["failures"] == {}
        assert attempt.memo["quorum"] is True
        assert [line.name for line in cosignatures(attempt)] == ["witness.test/a", "witness.test/b"]

    def test_the_row_keeps_the_checkpoint_without_cosignatures(self) -> None:
        """Ed25519 is deterministic, and cosignatures are not: their time differs."""
        lines = Lines("a")
        lines.grow()
        checkpoint = lines.desk.head().checkpoint
        assert len(parse_note(checkpoint).signatures) == 1
        assert cosigned(checkpoint, [lines.attempt()]) == lines.log.tiles.get(CHECKPOINT)
        assert cosigned(checkpoint, []) == checkpoint
        other = replace(lines.attempt(), network="rfc3161:a")
        assert cosigned(checkpoint, [other]) == checkpoint

    def test_without_witnesses_nothing_is_asked_or_written(self) -> None:
        desk = Desk()
        desk.submit(registered(1))
        desk.step()
        assert desk.log.tiles.get(CHECKPOINT) == desk.head().checkpoint
        assert desk.log.attempts.of_block(1) == []
        assert renew_cosignatures(desk.log) is None

    def test_witnesses_are_those_of_the_policy(self) -> None:
        a, b = direct_witness("a"), direct_witness("b")
        for wrong in ((), (a, a), (b,)):
            with pytest.raises(AssertionError):
                Witnesses(wrong, policy_of(a))

    def test_a_log_that_gets_witnesses_later_proves_all_that_it_was(self) -> None:
        desk = Desk()
        for number in range(3):
            desk.submit(registered(number))
            desk.step()
        witness = direct_witness("late", desk.log)
        desk.log = witnessed(desk.log, witness)
        desk.submit(registered(9))
        desk.step()
        assert witness.asked == [6, 0, 6], "the head is offered, corrected, and then continued"
        assert audit_store(desk.log).blocks == 4


class TestTrouble:
    @pytest.mark.parametrize(
        ("error", "name"),
        [
            (Unreachable("down"), "unreachable"),
            (NetworkRefused("no"), "refused"),
            (FalseProof("a line that does not verify"), "false-proof"),
        ],
    )
    def test_a_witness_that_fails_costs_its_line_and_no_more(self, error: Any, name: str) -> None:
        lines = Lines("a", also=(Failing("bad", error),))
        lines.grow()
        assert lines.published_by() == ["a"]
        attempt = lines.attempt()
        assert (attempt.state, attempt.problem, attempt.tries) == ("sent", "no-quorum", 1)
        assert attempt.memo["failures"] == {"bad": name}
        assert attempt.memo["quorum"] is False
        assert lines.log.readable().block.height == 1
        assert audit_store(lines.log).sealed

    def test_with_a_quorum_of_the_others_the_attempt_is_final(self) -> None:
        lines = Lines("a", "b", also=(Failing("bad", Unreachable("down")),), threshold=2)
        lines.grow()
        attempt = lines.attempt()
        assert (attempt.state, attempt.problem) == ("final", "")
        assert (attempt.memo["failures"], attempt.memo["quorum"]) == ({"bad": "unreachable"}, True)

    def test_all_down_publishes_the_log_s_own_line(self) -> None:
        lines = Lines(also=(Failing("bad", Unreachable("down")),))
        lines.grow()
        assert lines.log.tiles.get(CHECKPOINT) == lines.desk.head().checkpoint
        assert lines.attempt().memo["lines"] == []

    def test_a_witness_that_does_not_know_the_log_is_no_refusal(self) -> None:
        stranger, other = (
            direct_witness("stranger"),
            direct_witness("other", memory_log("other/log")),
        )
        lines = Lines(also=(stranger, other))
        lines.grow()
        assert lines.attempt().memo["failures"] == {
            "stranger": "unknown-log",
            "other": "unknown-log",
        }

    def test_a_slow_witness_is_waited_for_so_long_and_no_longer(self) -> None:
        lines = Lines("a", "slow", timeout_s=0.2)
        answer = Event()
        lines.witnesses[1].before = lambda: answer.wait(30)
        lines.grow()
        answer.set()
        assert lines.published_by() == ["a"]
        assert lines.attempt().memo["failures"] == {"slow": "unreachable"}

    def test_a_witness_that_names_ever_other_sizes_is_left_alone(self) -> None:
        liar = direct_witness("liar")
        lines = Lines(also=(liar,))
        assert lines.log.witnesses is not None
        lines.log.witnesses.offered.set()

        def lie() -> None:
            raise OldSizeConflict((liar.asked[-1] + 1) % 2)

        liar.before = lie
        lines.grow(3)
        assert lines.attempt().memo["failures"] == {"liar": "old-size-conflict"}
        assert liar.asked == [0, 1, 0]

    def test_a_witness_that_names_a_larger_tree_stops_the_log(self) -> None:
        """Whether it lies, only an operator can tell; until then nothing more is signed."""
        lines = Lines("a")
        lines.grow()

        def lie() -> None:
            raise OldSizeConflict(1_000)

        lines.witnesses[0].before = lie
        lines.desk.submit(registered(50))
        for _ in range(2):
            with pytest.raises(StaleRestore, match="the witness a remembers 1000 entries"):
                lines.desk.step()
        assert lines.log.readable().block.height == 1
        lines.desk.log = replace(lines.log, witnesses=None)
        lines.desk.drain()
        assert audit_store(lines.log).blocks == 2, "nothing was lost"

    def test_an_answer_that_was_lost_is_asked_for_again(self) -> None:
        """The witness remembers the tree, and we have no line: it is asked from its own size."""
        lines = Lines("a")
        lines.grow()
        witness = lines.witnesses[0]

        def lose() -> None:
            witness.after = lambda: None
            raise Unreachable("the answer was lost")

        witness.after = lose
        lines.grow()
        assert lines.published_by() == []
        assert renew_cosignatures(lines.log) == lines.attempt()
        assert lines.published_by() == ["a"]
        assert witness.asked[-2:] == [2, 4]
        assert lines.attempt().state == "final"
        assert lines.attempt().version == 2


class TestAgain:
    def down_then_up(self) -> tuple[Lines, DirectWitness]:
        lines = Lines("a", "b")
        late = lines.witnesses[1]

        def fail() -> None:
            raise Unreachable("down")

        late.before = fail
        lines.grow()
        assert lines.published_by() == ["a"]
        late.before = lambda: None
        return lines, late

    def test_only_those_whose_line_is_missing_are_asked_again(self) -> None:
        lines, _ = self.down_then_up()
        before = list(lines.witnesses[0].asked)
        attempt = renew_cosignatures(lines.log)
        assert attempt is not None
        assert attempt.memo["quorum"] is True
        assert attempt == lines.attempt()
        assert lines.published_by() == ["a", "b"]
        assert lines.witnesses[0].asked == before
        assert renew_cosignatures(lines.log) == attempt, "and then nobody"

    def test_failures_in_a_row_are_counted(self) -> None:
        lines = Lines("a", also=(Failing("bad", Unreachable("down")),))
        lines.grow()
        for tries in (2, 3):
            attempt = renew_cosignatures(lines.log)
            assert attempt is not None
            assert (attempt.tries, attempt.version, attempt.problem) == (tries, tries, "no-quorum")
        assert lines.published_by() == ["a"]

    def test_what_was_recorded_and_not_published_is_published(self) -> None:
        """The process died between the two writes."""
        lines, _ = self.down_then_up()

        def tap(name: str, write: Any) -> object:
            if name.startswith("tiles.swap"):
                raise Killed(name)
            return write()

        with pytest.raises(Killed):
            renew_cosignatures(tapped(lines.log, tap))
        assert lines.published_by() == ["a"]
        renew_cosignatures(lines.log)
        assert lines.published_by() == ["a", "b"]

    def test_two_at_once_go_on_with_the_first_one_s_record(self) -> None:
        lines, late = self.down_then_up()

        def another() -> None:
            late.after = lambda: None
            renew_cosignatures(lines.log)

        late.after = another
        first = renew_cosignatures(lines.log)
        assert first == lines.attempt()
        assert lines.attempt().version == 2
        assert lines.published_by() == ["a", "b"]

    def test_while_a_sequencer_is_at_work_nobody_is_asked(self) -> None:
        lines = Lines("a")
        assert renew_cosignatures(lines.log) is None, "there is no block yet"
        lines.grow()
        lines.desk.submit(registered(50))

        def tap(name: str, write: Any) -> object:
            result = write()
            if name.startswith("chain.commit"):
                raise Killed(name)
            return result

        with pytest.raises(Killed):
            sequence(tapped(lines.log, tap), lines.desk.clock.tick())
        assert renew_cosignatures(lines.log) is None

    def test_a_block_of_before_there_were_witnesses_is_left_as_it_is(self) -> None:
        desk = Desk()
        desk.submit(registered(1))
        desk.step()
        assert renew_cosignatures(witnessed(desk.log, direct_witness("a", desk.log))) is None

    def test_an_attempt_that_lacks_only_witnesses_of_before_is_final(self) -> None:
        lines = Lines("a", also=(Failing("gone", Unreachable("down")),))
        lines.grow()
        attempt = renew_cosignatures(witnessed(lines.log, lines.witnesses[0]))
        assert attempt is not None
        assert attempt.state == "final"


class TestTwoAppliers:
    def test_the_first_record_counts_for_both(self) -> None:
        lines = Lines("a")
        lines.grow()
        lines.desk.submit(registered(50))

        def tap(name: str, write: Any) -> object:
            if name.startswith("attempts.put"):
                other = Desk(witnessed(lines.log, *lines.all))
                lines.desk.clock.tick(60_000)  # so that its cosignature is another one
                other.clock.now_ms = lines.desk.clock.now_ms
                other.step()
            return write()

        sequence(tapped(lines.log, tap), lines.desk.clock.tick())
        assert lines.attempt().version == 1
        assert cosigned(lines.desk.head().checkpoint, [lines.attempt()]) == lines.log.tiles.get(
            CHECKPOINT
        )

    def test_a_slow_one_that_finds_the_witness_ahead_refuses_nothing(self) -> None:
        """While it sleeps, others finish its block and the next one."""
        lines = Lines("a")
        lines.grow()
        lines.desk.submit(registered(50))
        witness = lines.witnesses[0]

        def others() -> None:
            witness.before = lambda: None
            desk = Desk(witnessed(lines.log, *lines.all))
            desk.clock.now_ms = lines.desk.clock.now_ms
            desk.step()
            desk.submit(registered(51))
            desk.step()

        witness.before = others
        lines.desk.step()
        assert lines.desk.head().block.height == 3
        assert lines.published_by() == ["a"]
        audit_store(lines.log)


class TestSecondHistory:
    def restored(self) -> tuple[Lines, Desk]:
        """A log whose witness saw three blocks, and its backup of after the first."""
        lines = Lines("a")
        lines.grow()
        backup = copied(lines.log)
        for _ in range(2):
            lines.grow()
        return lines, Desk(witnessed(backup, *lines.all))

    def test_a_stale_restore_is_found_before_anything_is_committed(self) -> None:
        _, desk = self.restored()
        desk.submit(registered(70))
        before = stored(desk.log)
        for _ in range(2):
            with pytest.raises(StaleRestore, match="the witness a remembers 6 entries"):
                desk.step()
        assert stored(desk.log) == before

    def test_a_chain_that_starts_anew_is_found_too(self) -> None:
        lines, _ = self.restored()
        anew = memory_log()
        create_log(anew)
        desk = Desk(witnessed(anew, *lines.all))
        desk.submit(registered(70))
        with pytest.raises(StaleRestore, match="the head has 0"):
            desk.step()
        assert desk.head().block.height == 0

    def test_a_restore_under_a_running_process_is_found_before_publishing(self) -> None:
        """Its next tree is smaller than the one that the witness remembers, as large, or larger."""
        for count, error in ((1, StaleRestore), (3, HistoryFork), (5, HistoryFork)):
            _, desk = self.restored()
            assert desk.log.witnesses is not None
            desk.log.witnesses.offered.set()
            desk.submit(*(registered(70 + number) for number in range(count)))
            published = desk.log.tiles.get(CHECKPOINT)
            for _ in range(2):
                with pytest.raises(error):
                    desk.step()
            assert desk.log.tiles.get(CHECKPOINT) == published
            assert desk.log.readable().block.height == 1
            assert desk.log.attempts.get(WITNESSES, 2) is None
            audit_store(desk.log)

    def test_attempts_ahead_of_the_chain_are_a_stale_restore(self) -> None:
        lines = Lines("a")
        lines.grow()
        backup = copied(lines.log)
        lines.grow()
        backup.attempts.rows.update(lines.log.attempts.rows)  # type: ignore[attr-defined]
        desk = Desk(witnessed(backup, Failing("a", Unreachable("down"))))
        desk.submit(registered(70))
        with pytest.raises(StaleRestore, match="block 2 was cosigned, but the head is 1"):
            desk.step()

    def test_lines_of_another_block_are_never_published(self) -> None:
        lines = Lines("a")
        lines.grow()
        backup = copied(lines.log)
        lines.grow()
        backup.attempts.rows.update(lines.log.attempts.rows)  # type: ignore[attr-defined]
        desk = Desk(witnessed(backup, *lines.all))
        assert desk.log.witnesses is not None
        desk.log.witnesses.offered.set()
        desk.submit(registered(70))
        with pytest.raises(StaleRestore, match="another block of height 2 was cosigned"):
            desk.step()
        assert desk.log.readable().block.height == 1

    def test_a_witness_that_cannot_be_reached_is_passed_over_at_the_start(self) -> None:
        lines = Lines("a", also=(Failing("bad", Unreachable("down")),))
        lines.grow()
        lines.restart()
        lines.grow()
        assert lines.attempt().memo["failures"] == {"bad": "unreachable"}

    def test_the_head_is_offered_once_in_a_process(self) -> None:
        lines = Lines("a")
        lines.grow()
        asked = lines.witnesses[0].asked
        asked.clear()
        lines.restart()
        for _ in range(3):
            lines.grow()
        assert asked == [2, 2, 4, 6]

    def test_own_tiles_that_are_damaged_are_not_the_witness_s_fault(self) -> None:
        lines = Lines("a")
        lines.grow(300)
        lines.restart()
        del lines.log.tiles.data["tile/0/000"]  # type: ignore[attr-defined]
        lines.witnesses[0].service.states.known.clear()  # type: ignore[attr-defined]
        lines.witnesses[0].service.states.put_log(lines.log.origin, lines.log.vkey)
        early = lines.witnesses[0].service.states.known  # type: ignore[attr-defined]
        early[lines.log.origin] = replace(early[lines.log.origin], size=3, version=1)
        lines.desk.submit(registered(900))
        with pytest.raises(HistoryFork, match="the log's own tiles cannot be read"):
            lines.desk.step()


class TestEachOther:
    """Two deployments, each the other's witness."""

    def two(self) -> tuple[Desk, Desk]:
        east, west = memory_log("east.test/log"), memory_log("west.test/log")
        watch_east, watch_west = direct_witness("west", east), direct_witness("east", west)
        return Desk(witnessed(east, watch_east)), Desk(witnessed(west, watch_west))

    def test_they_cosign_each_other(self) -> None:
        desks = self.two()
        for number in range(3):
            for desk in desks:
                desk.submit(registered(number))
                desk.step()
        for desk in desks:
            assert desk.log.witnesses is not None
            [witness] = desk.log.witnesses.all
            note = parse_note(desk.log.tiles.get(CHECKPOINT) or b"")
            assert verify_note(note, [witness.key]) == (witness.key,)
            audit_store(desk.log)

    def test_a_split_view_shown_to_one_is_caught_by_the_other(self) -> None:
        """A log shows the world one history, and a victim another one: but it must have both
        cosigned by the same witness, and that does not cosign the second."""
        east, _ = self.two()
        east.submit(registered(1))
        east.step()
        assert east.log.witnesses is not None
        split = Desk(replace(copied(east.log), witnesses=east.log.witnesses))
        east.submit(registered(2))
        east.step()
        split.submit(registered(3))
        with pytest.raises(HistoryFork, match="the witness west remembers a tree"):
            split.step()
        [witness] = east.log.witnesses.all
        note = parse_note(east.log.tiles.get(CHECKPOINT) or b"")
        assert verify_note(note, [witness.key])
        assert split.log.readable().block.height == 1


class TestAudited:
    def test_a_cosignature_that_does_not_verify_is_found_by_who_knows_the_witness(self) -> None:
        lines = Lines("a")
        lines.grow()
        data = lines.log.tiles.get(CHECKPOINT)
        assert data is not None
        note = parse_note(data)
        own, line = note.signatures
        forged = line._replace(signature=line.signature[:-1] + bytes([line.signature[-1] ^ 1]))
        lines.log.tiles.data[CHECKPOINT] = format_note(  # type: ignore[attr-defined]
            note._replace(signatures=(own, forged))
        )
        with pytest.raises(AuditFailure, match="not a checkpoint of this log"):
            audit_store(lines.log)
        assert audit_store(replace(lines.log, witnesses=None)).sealed

    def test_receipts_are_not_held_up(self) -> None:
        lines = Lines("a", also=(Failing("bad", Unreachable("down")),))
        lines.grow()
        receipt_of(lines.log, locate(lines.log, entry_id(registered(0)).hex()))
