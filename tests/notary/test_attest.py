"""Attesting: what is sent was stored, nothing is lost, and nothing is paid for twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise

import pytest

from chalicelib.notary.attest import Attester, Party, attest, newest_statements
from chalicelib.notary.limits import (
    ATTEST_BLOCKS,
    ATTEST_MS,
    ATTEST_STEPS,
    HEARTBEAT_MS,
    OVERDUE_MS,
    RETRY_MAX_MS,
    RETRY_MS,
)
from chalicelib.notary.networks import Attempt, FalseProof, Unreachable
from chalicelib.notary.ports import Conflict, OutcomeUnknown
from chalicelib.notary.witnesses import WITNESSES, Witness
from chalicelib.proof.hashes import sha256
from tests.fakes import MemoryAttempts, memory_log

from .chain import MemoryNetwork, unreachable
from .desk import Desk, registered
from .witness_desk import Failing, direct_witness, witnessed

HOUR_MS = 3_600_000
MINUTE_MS = 60_000


@dataclass
class World:
    """A desk whose blocks are attested by some networks."""

    parties: list[Party]
    desk: Desk = field(default_factory=Desk)
    told: list[Attempt] = field(default_factory=list)
    checks: tuple[str, ...] = ()
    number: int = 0

    @property
    def attempts(self) -> MemoryAttempts:
        found = self.desk.log.attempts
        assert isinstance(found, MemoryAttempts)
        return found

    def block(self) -> int:
        """A block with one new statement; its height."""
        self.number += 1
        self.desk.submit(registered(self.number))
        block = self.desk.step()
        assert block is not None
        return block.height

    def heartbeat(self) -> int:
        self.desk.clock.tick(HEARTBEAT_MS)
        block = self.desk.step()
        assert block is not None
        return block.height

    def run(self) -> list[Attempt]:
        attester = Attester(
            self.desk.log, self.parties, self.desk.clock, self.checks, self.told.append
        )
        return attest(attester)

    def later(self, ms: int = MINUTE_MS) -> list[Attempt]:
        self.desk.clock.tick(ms)
        return self.run()

    def states(self, network: str = "eip155:1") -> dict[int, str]:
        rows = self.attempts.rows
        return {height: row.state for (name, height), row in rows.items() if name == network}

    def attempt(self, height: int, network: str = "eip155:1") -> Attempt:
        found = self.attempts.get(network, height)
        assert found is not None
        return found

    def hash(self, height: int) -> str:
        row = self.desk.log.chain.row(height)
        assert row is not None
        return row.block.hash.hex()


def chain_world() -> tuple[World, MemoryNetwork]:
    chain = MemoryNetwork()
    return World([Party(chain, HOUR_MS)]), chain


def stamp(name: str = "rfc3161:first") -> MemoryNetwork:
    return MemoryNetwork(name, "attestation:rfc3161", serial=False)


class TestOneBlock:
    def test_goes_from_planned_to_final(self) -> None:
        world, chain = chain_world()
        height = world.block()
        world.run()
        assert world.states() == {height: "sent"}
        chain.mine()
        world.later()
        assert world.states() == {height: "included"}
        chain.finalise()
        world.later()
        assert world.states() == {height: "final"}
        assert chain.blocks() == [world.hash(height)]

    def test_is_stored_before_it_is_sent(self) -> None:
        world, chain = chain_world()
        height = world.block()

        def look(operation: str) -> None:
            if operation == "broadcast":
                held = world.attempt(height)
                assert held.state == "prepared"
                assert held.memo["raws"]

        chain.trouble = look
        world.run()
        assert len(chain.sent) == 1

    def test_has_evidence_once_it_is_included(self) -> None:
        world, chain = chain_world()
        height = world.block()
        world.run()
        assert world.attempt(height).evidence is None
        chain.mine()
        world.later()
        assert world.attempt(height).evidence is not None

    def test_is_looked_at_ever_more_rarely(self) -> None:
        world, chain = chain_world()
        world.block()
        looks: list[int] = []
        chain.trouble = lambda operation: (
            looks.append(world.desk.clock.now_ms) if operation == "status" else None
        )
        for _ in range(12 * 60):
            world.later()
        gaps = [after - before for before, after in pairwise(looks)]
        assert gaps == sorted(gaps)
        assert 15 < len(looks) < 50

    def test_that_is_final_is_left_alone(self) -> None:
        world, chain = chain_world()
        world.block()
        world.run()
        chain.finalise()
        world.later()
        before = dict(world.attempts.rows)
        for _ in range(3):
            assert world.later(HOUR_MS) == []
        assert world.attempts.rows == before


class TestSchedule:
    def test_nothing_is_done_without_networks_or_without_statements(self) -> None:
        world = World([])
        world.block()
        assert world.run() == []
        world, chain = chain_world()
        assert newest_statements(world.desk.log) is None
        assert world.run() == []
        world.heartbeat()
        assert world.run() == []
        assert chain.sent == []

    def test_heartbeats_are_nothing_new(self) -> None:
        world, chain = chain_world()
        height = world.block()
        heartbeats = [world.heartbeat() for _ in range(9)]
        target = newest_statements(world.desk.log)
        assert target is not None
        assert (target.height, heartbeats[-1]) == (height, height + 9)
        world.run()
        chain.finalise()
        world.later(HOUR_MS)
        world.heartbeat()
        world.later(HOUR_MS)
        assert world.states() == {height: "final"}

    def test_a_chain_takes_the_newest_block_once_in_its_period(self) -> None:
        world, chain = chain_world()
        first = world.block()
        world.run()
        chain.finalise()
        world.later()
        world.block()
        newest = world.block()
        world.later()
        assert world.states() == {first: "final"}
        world.later(HOUR_MS)
        assert world.states() == {first: "final", newest: "sent"}

    def test_networks_that_are_due_together_take_the_same_block(self) -> None:
        chain, other = MemoryNetwork(), stamp("opentimestamps:alice")
        world = World([Party(chain, HOUR_MS), Party(other, 10 * MINUTE_MS)])
        world.block()
        world.run()
        for network in (chain, other):
            network.finalise()
        world.later()
        world.block()
        newest = world.block()
        world.later(HOUR_MS)
        assert world.attempt(newest).state == "sent"
        assert world.attempt(newest, "opentimestamps:alice").state == "sent"

    def test_every_block_is_every_block_with_statements(self) -> None:
        tsa = stamp()
        world = World([Party(tsa, 0)])
        first = world.block()
        world.run()
        tsa.finalise()
        world.later()
        heights = [world.block(), world.heartbeat(), world.block()]
        world.run()
        assert sorted(world.states("rfc3161:first")) == [first, heights[0], heights[2]]

    def test_after_an_outage_old_blocks_are_left_to_newer_ones(self) -> None:
        tsa = stamp()
        world = World([Party(tsa, 0)])
        first = world.block()
        world.run()
        for _ in range(ATTEST_BLOCKS + 5):
            newest = world.block()
        world.run()
        assert len(world.states("rfc3161:first")) == 1 + ATTEST_BLOCKS
        assert first + 1 not in world.states("rfc3161:first")
        assert newest in world.states("rfc3161:first")

    def test_a_serial_network_has_one_in_flight(self) -> None:
        world, chain = chain_world()
        first = world.block()
        world.run()
        world.block()
        world.later(HOUR_MS)
        assert world.states() == {first: "sent"}
        chain.mine()
        world.later(HOUR_MS)
        newest = world.block()
        world.later(HOUR_MS)
        assert world.states() == {first: "included", newest: "sent"}

    def test_the_next_is_not_prepared_while_a_reorg_has_undone_the_one_before(self) -> None:
        world, chain = chain_world()
        first = world.block()
        world.run()
        chain.mine()
        world.later()
        second = world.block()
        chain.trouble = unreachable("prepare")
        world.later(HOUR_MS)
        assert world.states() == {first: "included", second: "planned"}
        chain.reorg()
        chain.trouble = lambda _: None
        world.later(HOUR_MS)
        assert world.states() == {first: "sent", second: "planned"}
        chain.finalise()
        world.later(HOUR_MS)
        world.later(HOUR_MS)
        assert world.states() == {first: "final", second: "sent"}


class TestFallback:
    def world(self) -> tuple[World, MemoryNetwork, MemoryNetwork]:
        calendar = MemoryNetwork("opentimestamps:alice", "attestation:opentimestamps:b", False)
        direct = MemoryNetwork("bip122:b", "attestation:opentimestamps:b")
        parties = [
            Party(calendar, 10 * MINUTE_MS),
            Party(direct, 0, fallback=True),
            Party(stamp(), 0),
        ]
        return World(parties), calendar, direct

    def test_is_not_used_while_calendars_keep_their_word(self) -> None:
        world, calendar, direct = self.world()
        world.block()
        world.run()
        calendar.finalise()
        world.later(OVERDUE_MS)
        world.block()
        world.run()
        assert direct.sent == []

    def test_takes_the_newest_block_when_a_calendar_never_upgrades(self) -> None:
        world, _, direct = self.world()
        world.block()
        world.run()
        newest = world.block()
        world.later(OVERDUE_MS)
        assert world.states("bip122:b") == {newest: "sent"}
        direct.finalise()
        world.later()
        assert direct.blocks() == [world.hash(newest)]

    def test_is_not_used_while_another_calendar_keeps_its_word(self) -> None:
        world, _, direct = self.world()
        bob = MemoryNetwork("opentimestamps:bob", "attestation:opentimestamps:b", False)
        world.parties.append(Party(bob, 10 * MINUTE_MS))
        world.block()
        world.run()
        bob.finalise()
        world.later()
        world.later(OVERDUE_MS)
        assert world.states("opentimestamps:bob") == {1: "final"}
        assert direct.sent == []

    def test_is_used_again_only_for_what_it_has_not_covered(self) -> None:
        world, _, direct = self.world()
        world.block()
        world.run()
        first = world.block()
        world.later(OVERDUE_MS)
        direct.finalise()
        world.later()
        world.block()
        world.later(HOUR_MS)
        assert world.states("bip122:b") == {first: "final"}
        newest = world.block()
        world.later(OVERDUE_MS)
        assert world.states("bip122:b") == {first: "final", newest: "sent"}


class TestTrouble:
    def test_a_network_that_is_down_keeps_its_place(self) -> None:
        world, chain = chain_world()
        height = world.block()
        chain.trouble = unreachable()
        world.run()
        world.block()
        for _ in range(5):
            world.later(HOUR_MS)
        assert world.states() == {height: "planned"}
        assert world.attempt(height).problem == "unreachable"
        assert [attempt.tries for attempt in world.told] == [1, 2, 3, 4, 5, 6]
        chain.trouble = lambda _: None
        world.later(HOUR_MS)
        assert world.states() == {height: "sent"}
        assert (world.attempt(height).tries, world.attempt(height).problem) == (0, "")

    def test_it_is_asked_ever_more_rarely(self) -> None:
        world, chain = chain_world()
        height = world.block()
        chain.trouble = unreachable()
        waits = []
        for _ in range(10):
            world.desk.clock.now_ms = max(world.desk.clock.now_ms, _due(world, height))
            world.run()
            waits.append(world.attempt(height).due_ms - world.desk.clock.now_ms)
        assert waits[:3] == [RETRY_MS, 2 * RETRY_MS, 4 * RETRY_MS]
        assert waits[-1] == RETRY_MAX_MS

    def test_a_slow_network_holds_up_no_other(self) -> None:
        chain, tsa = MemoryNetwork(trouble=unreachable()), stamp()
        world = World([Party(chain, HOUR_MS), Party(tsa, 0)])
        height = world.block()
        world.run()
        assert world.attempt(height, tsa.name).state == "sent"

    def calendar(self) -> tuple[World, MemoryNetwork, list[str]]:
        """Three attempts that wait for a calendar, and what it is asked from now on."""
        calendar = MemoryNetwork("opentimestamps:alice", "attestation:opentimestamps:b", False)
        world = World([Party(calendar, MINUTE_MS)])
        for _ in range(3):
            world.block()
            world.later()
        asked: list[str] = []
        calendar.trouble = asked.append
        return world, calendar, asked

    def test_a_network_that_is_down_is_not_tried_for_each_attempt(self) -> None:
        world, calendar, asked = self.calendar()
        world.later(HOUR_MS)
        assert asked.count("status") == 3
        asked.clear()

        def fail(operation: str) -> None:
            asked.append(operation)
            raise Unreachable("no answer")

        calendar.trouble = fail
        world.later(HOUR_MS)
        assert asked == ["status"]

    def test_what_takes_too_long_is_left_to_the_next_run(self) -> None:
        world, calendar, asked = self.calendar()

        def take_long(operation: str) -> None:
            asked.append(operation)
            world.desk.clock.tick(ATTEST_MS)

        calendar.trouble = take_long
        world.later(HOUR_MS)
        assert asked == ["status", "status"]

    def test_an_empty_wallet_keeps_the_queue(self) -> None:
        world, chain = chain_world()
        chain.money = 0
        height = world.block()
        world.run()
        assert world.attempt(height).problem == "empty-wallet"
        chain.money = 10
        world.later(HOUR_MS)
        assert world.states() == {height: "sent"}

    def test_the_answer_to_a_broadcast_is_lost(self) -> None:
        world, chain = chain_world()
        height = world.block()
        chain.after = unreachable("broadcast")
        world.run()
        assert world.states() == {height: "prepared"}
        chain.mine()
        chain.after = lambda _: None
        world.later(HOUR_MS)
        world.later(HOUR_MS)
        assert world.states() == {height: "included"}
        assert len(set(chain.sent)) == 1

    def test_a_dropped_transaction_is_sent_again(self) -> None:
        world, chain = chain_world()
        height = world.block()
        world.run()
        chain.pool.clear()
        world.later(HOUR_MS)
        assert world.states() == {height: "sent"}
        assert len(chain.sent) == 2
        assert len(set(chain.sent)) == 1

    def test_a_stuck_transaction_is_replaced_under_its_nonce(self) -> None:
        world, chain = chain_world()
        height = world.block()
        world.run()
        chain.fee = 5
        world.later(HOUR_MS)
        assert len(set(chain.sent)) == 2
        chain.finalise()
        world.later(HOUR_MS)
        assert world.states() == {height: "final"}
        assert chain.blocks() == [world.hash(height)]

    def test_the_original_is_mined_after_all(self) -> None:
        world, chain = chain_world()
        height = world.block()
        world.run()
        original = dict(chain.pool)
        chain.fee = 5
        world.later(HOUR_MS)
        chain.pool, chain.fee = original, 1
        chain.finalise()
        world.later(HOUR_MS)
        assert world.states() == {height: "final"}

    def test_a_nonce_that_somebody_else_used_is_prepared_again_once_that_is_final(self) -> None:
        world, chain = chain_world()
        height = world.block()
        world.run()
        chain.pool.clear()
        chain.mined["0"] = "foreign/0/1"
        world.later(HOUR_MS)
        assert world.states() == {height: "sent"}
        chain.deep.add("foreign/0/1")
        world.later(HOUR_MS)
        assert world.attempt(height).memo["nonce"] == "1"
        chain.finalise()
        world.later(HOUR_MS)
        assert chain.blocks() == ["foreign", world.hash(height)]

    def test_a_reorg_sends_it_again_and_proves_it_anew(self) -> None:
        world, chain = chain_world()
        height = world.block()
        world.run()
        chain.mine()
        world.later()
        chain.reorg()
        world.later(HOUR_MS)
        assert world.states() == {height: "sent"}
        assert world.attempt(height).evidence is None
        chain.finalise()
        world.later(HOUR_MS)
        assert world.states() == {height: "final"}
        assert world.attempt(height).evidence is not None

    def test_one_that_offers_too_little_again_and_again_is_not_bumped_twice_in_a_run(self) -> None:
        world, chain = chain_world()
        world.block()
        world.run()
        for fee in (5, 9):
            chain.fee = fee
            chain.after = lambda operation: (
                setattr(chain, "fee", chain.fee + 1) if operation == "broadcast" else None
            )
            sent = len(chain.sent)
            world.later(HOUR_MS)
            assert len(chain.sent) == sent + 1

    def test_a_network_that_turns_in_circles_is_left_until_the_next_run(self) -> None:
        tsa = stamp()
        world = World([Party(tsa, 0)])
        world.block()
        tsa.deep.add("foreign/0/1")
        tsa.trouble = lambda operation: (
            tsa.mined.update(dict.fromkeys(tsa.pool, "foreign/0/1"))
            if operation == "status"
            else None
        )
        tsa.after = lambda operation: tsa.mined.clear() if operation == "prepare" else None
        world.run()
        assert 0 < len(tsa.sent) < ATTEST_STEPS

    def test_what_is_final_and_cannot_be_proved_is_asked_for_again(self) -> None:
        """Behind one address there may be nodes that do not know the same yet."""
        world, chain = chain_world()
        height = world.block()
        world.run()
        chain.finalise()
        chain.hidden = True
        world.later(HOUR_MS)
        assert (world.states(), world.attempt(height).problem) == ({height: "sent"}, "unreachable")
        assert world.attempts.newest_full() is None
        chain.hidden = False
        world.later(HOUR_MS)
        assert world.states() == {height: "final"}
        assert world.attempts.newest_full() == height

    def test_a_network_that_fails_in_an_unknown_way_holds_up_no_other(self) -> None:
        chain, tsa = MemoryNetwork(), stamp()
        world = World([Party(chain, HOUR_MS), Party(tsa, 0)])
        height = world.block()
        world.run()
        tsa.finalise()

        def break_down(operation: str) -> None:
            raise RuntimeError(operation)

        chain.trouble = break_down
        with pytest.raises(RuntimeError):
            world.later(HOUR_MS)
        assert world.attempt(height, tsa.name).state == "final"

    def test_an_attempt_for_a_block_that_is_not_there_any_more_begins_anew(self) -> None:
        """The chain was restored, and another block stands at that height."""
        world, chain = chain_world()
        height = world.block()
        chain.trouble = unreachable("broadcast")
        world.run()
        old = world.attempt(height)
        foreign = sha256(b"the block that was there")
        world.attempts.put(replace(old, block=foreign, memo={"nonce": "0", "raws": ["x/0/1"]}))
        chain.trouble = lambda _: None
        world.later(HOUR_MS)
        chain.finalise()
        world.later(HOUR_MS)
        assert chain.blocks() == [world.hash(height)]
        assert world.states() == {height: "final"}

    def test_a_proof_that_does_not_verify_is_not_kept(self) -> None:
        world, chain = chain_world()
        height = world.block()
        world.run()
        chain.finalise()

        def lie(operation: str) -> None:
            if operation == "proof":
                raise FalseProof("it does not verify")

        chain.trouble = lie
        world.later(HOUR_MS)
        assert world.states() == {height: "sent"}
        assert world.attempt(height).problem == "false-proof"
        assert world.attempt(height).evidence is None


def _due(world: World, height: int) -> int:
    held = world.attempts.get("eip155:1", height)
    return held.due_ms if held else 0


class TestWitnessesAreAskedAgain:
    def world(self, *witnesses: Witness, threshold: int) -> World:
        log = memory_log()
        desk = Desk(witnessed(log, *witnesses, threshold=threshold))
        return World([Party(stamp(), 0)], desk, checks=(WITNESSES,))

    def test_and_what_they_do_not_say_is_told(self) -> None:
        world = self.world(Failing("bad", Unreachable("down")), threshold=1)
        world.block()
        world.later()
        world.later()
        assert [(each.network, each.problem, each.tries) for each in world.told] == [
            (WITNESSES, "no-quorum", 2),
            (WITNESSES, "no-quorum", 3),
        ]

    def test_and_their_quorum_makes_a_block_fully_attested(self) -> None:
        log = memory_log()
        witness = direct_witness("late", log)
        down = Failing("late", Unreachable("down"))
        world = self.world(witness, threshold=1)
        witness.before = _raise(down.error)
        height = world.block()
        [tsa] = [party.network for party in world.parties]
        assert isinstance(tsa, MemoryNetwork)
        world.later()
        tsa.finalise()
        world.later(HOUR_MS)
        assert world.attempts.newest_full() is None
        witness.before = lambda: None
        world.later()
        assert world.attempts.newest_full() == height


def _raise(error: Exception) -> Callable[[], object]:
    def fail() -> object:
        raise error

    return fail


class TestSeveralAttesters:
    def test_two_at_once_send_one_transaction(self) -> None:
        world, chain = chain_world()
        height = world.block()
        inside: list[str] = []

        def run_the_other(operation: str) -> None:
            if operation not in inside:
                inside.append(operation)
                world.run()

        chain.trouble = run_the_other
        world.run()
        chain.finalise()
        world.later(HOUR_MS)
        assert inside == ["prepare", "broadcast", "proof", "status"]
        assert world.states() == {height: "final"}
        assert chain.blocks() == [world.hash(height)]
        assert len(set(chain.sent)) == 1

    @pytest.mark.parametrize("kind", ["lost", "unknown-lost", "unknown-done", "conflict"])
    @pytest.mark.parametrize("write", range(5))
    def test_any_write_may_fail(
        self, kind: str, write: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Every write of the table × {lost, nobody knows, somebody else was faster}."""
        world, chain = chain_world()
        height = world.block()
        seen: list[Attempt] = []
        put = world.attempts.put

        def fail_once(attempt: Attempt) -> Attempt:
            seen.append(attempt)
            if len(seen) - 1 != write:
                return put(attempt)
            if kind == "unknown-done":
                put(attempt)
            if kind == "conflict":
                raise Conflict(kind)
            raise OutcomeUnknown(kind) if kind.startswith("unknown") else Died

        monkeypatch.setattr(world.attempts, "put", fail_once)
        steps: list[Callable[[], None]] = [lambda: None, chain.mine, chain.finalise, lambda: None]
        for step in (*steps, *steps):
            step()
            try:
                world.later(HOUR_MS)
            except Died:
                world.later(HOUR_MS)
        assert len(seen) > write
        assert world.states() == {height: "final"}
        assert chain.blocks() == [world.hash(height)]
        assert len(set(chain.sent)) == 1


class Died(BaseException):
    """The attester died here."""


class TestFullyAttested:
    def world(self) -> tuple[World, list[MemoryNetwork]]:
        networks = [MemoryNetwork(), stamp("rfc3161:first"), stamp("rfc3161:second")]
        parties = [Party(networks[0], HOUR_MS), *(Party(each, 0) for each in networks[1:])]
        return World(parties, checks=("witnesses",)), networks

    def cosign(self, world: World, height: int, state: str = "final") -> None:
        attempt = Attempt("witnesses", height, "final" if state == "final" else "sent", 0)
        world.attempts.put(attempt)

    def test_is_a_block_with_final_evidence_for_every_check(self) -> None:
        world, networks = self.world()
        height = world.block()
        self.cosign(world, height)
        world.run()
        networks[0].finalise()
        world.later(HOUR_MS)
        assert world.attempts.newest_full() is None
        networks[2].finalise()
        world.later(HOUR_MS)
        assert world.attempts.full == {
            height: ("attestation:evm:eip155:1", "attestation:rfc3161", "witnesses")
        }

    def test_quorum_of_witnesses_is_needed_too(self) -> None:
        world, networks = self.world()
        height = world.block()
        self.cosign(world, height, "sent")
        world.run()
        for network in networks:
            network.finalise()
        world.later(HOUR_MS)
        assert world.attempts.newest_full() is None

    def test_is_marked_by_the_next_attester_if_one_died_before(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world, networks = self.world()
        height = world.block()
        self.cosign(world, height)
        world.run()
        for network in networks:
            network.finalise()
        with monkeypatch.context() as patch:
            patch.setattr(world.attempts, "mark_full", _die)
            with pytest.raises(Died):
                world.later(HOUR_MS)
        assert world.attempts.newest_full() is None
        world.later(HOUR_MS)
        assert world.attempts.newest_full() == height


def _die(*_: object) -> None:
    raise Died
