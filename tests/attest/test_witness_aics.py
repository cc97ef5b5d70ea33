"""Both halves against aics-witness, a C2SP witness and client that we did not write."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chalicelib.adapters.http import Http
from chalicelib.adapters.witness import HttpWitness
from chalicelib.api import wiring
from chalicelib.notary.apply import renew_cosignatures
from chalicelib.notary.audit import audit_store
from chalicelib.notary.log import CHECKPOINT, HistoryFork, Log, StaleRestore
from chalicelib.notary.receipts import locate, receipt_of
from chalicelib.notary.witnesses import WITNESSES, OldSizeConflict, Witnesses
from chalicelib.notary.witnessing import know_log
from chalicelib.proof.errors import CannotTell
from chalicelib.proof.hashes import Hash
from chalicelib.proof.heads import check_witnesses
from chalicelib.proof.jcs import JsonValue
from chalicelib.proof.note import (
    VerifierKey,
    format_vkey,
    parse_note,
    parse_signatures,
    parse_vkey,
)
from chalicelib.proof.note import verify_note as verify
from chalicelib.proof.policy import Policy, read_policy
from chalicelib.proof.statement import entry_id
from chalicelib.proof.tiles import plan_consistency, prove_consistency_from_tiles
from chalicelib.proof.tlogpolicy import parse_tlog_policy
from chalicelib.proof.tlogwitness import AddCheckpoint
from infra.peers.witness import BIN, WitnessPeer, is_installed, running_witness
from tests.api.world import World
from tests.cli.front import Front
from tests.fakes import key_named, memory_log, memory_witness
from tests.notary.desk import Desk, registered
from tests.notary.witness_desk import copied


@pytest.fixture(autouse=True)
def _installed() -> None:
    """It wants Python 3.12 or newer, which not every machine has; but CI must have it."""
    if not is_installed():
        if os.environ.get("CI") == "true":
            pytest.fail("aics-witness is not installed: make setup needs Python 3.12 or newer")
        pytest.skip("aics-witness is not installed: Python 3.12 or newer is missing")


@contextmanager
def watched(state: Path, log: Log) -> Iterator[WitnessPeer]:
    with running_witness(state, log.origin, format_vkey(log.vkey)) as peer:
        yield peer


@pytest.fixture
def peer(tmp_path: Path) -> Iterator[WitnessPeer]:
    with watched(tmp_path / "witness", memory_log()) as peer:
        yield peer


def asking(log: Log, peer: WitnessPeer, timeout_s: float = 10) -> Log:
    """The log in a new process that asks this witness."""
    policy = parse_tlog_policy(f"witness w {peer.vkey} {peer.url}\nquorum w\n")
    witness = HttpWitness(Http(policy.urls["w"]), policy.witnesses["w"], "w")
    return replace(log, witnesses=Witnesses((witness,), policy, timeout_s))


@pytest.fixture
def desk(peer: WitnessPeer) -> Desk:
    return Desk(asking(memory_log(), peer))


def grow(desk: Desk, *numbers: int) -> None:
    desk.submit(*(registered(number) for number in numbers))
    assert desk.step() is not None


def lines(log: Log, peer: WitnessPeer) -> int:
    """Cosignatures of the published checkpoint, verified."""
    note = parse_note(log.tiles.get(CHECKPOINT) or b"")
    assert verify(note, [log.vkey, parse_vkey(peer.vkey)])
    return len(note.signatures) - 1


class TestOurClient:
    def test_block_after_block_is_cosigned(self, desk: Desk, peer: WitnessPeer) -> None:
        for numbers in (range(1), range(1, 300), range(300, 301)):
            grow(desk, *numbers)
            assert lines(desk.log, peer) == 1
            assert peer.remembered(desk.log.origin) == desk.head().block.size
        assert audit_store(desk.log).blocks == 3

    def test_the_quorum_holds_for_a_verifier(self, desk: Desk, peer: WitnessPeer) -> None:
        grow(desk, 1)
        receipt = receipt_of(desk.log, locate(desk.log, entry_id(registered(1)).hex()))
        own = f"log {format_vkey(desk.log.vkey)}\nwitness w {peer.vkey}\n"
        for text in (f"{own}quorum w\n", f"{own}{OTHER}group G any w x\nquorum G\n"):
            assert "1 witnesses" in check_witnesses(receipt.registered, policy_of(text))
        with pytest.raises(CannotTell, match="fewer than the policy's quorum"):
            check_witnesses(
                receipt.registered, policy_of(f"{own}{OTHER}group G all w x\nquorum G\n")
            )

    def test_a_log_that_is_watched_from_later_on(self, peer: WitnessPeer) -> None:
        """Its witness knows nothing, and we expect it to know the block before."""
        desk = Desk()
        for number in range(3):
            grow(desk, number)
        desk.log = asking(desk.log, peer)
        grow(desk, 3)
        assert lines(desk.log, peer) == 1

    def test_a_conflict_names_the_size_from_which_the_proof_is_then_made(
        self, desk: Desk, peer: WitnessPeer
    ) -> None:
        grow(desk, 1)
        assert desk.log.witnesses is not None
        [witness] = desk.log.witnesses.all
        note = parse_note(desk.head().checkpoint)
        with pytest.raises(OldSizeConflict) as conflict:
            witness.add_checkpoint(AddCheckpoint(0, (), note))
        assert conflict.value.size == 2
        assert witness.add_checkpoint(AddCheckpoint(2, (), note)).name == witness.key.name

    def test_a_forked_copy_of_the_log_gets_422(self, desk: Desk, peer: WitnessPeer) -> None:
        grow(desk, 1)
        fork = Desk(replace(copied(desk.log), witnesses=desk.log.witnesses))
        grow(desk, 2)
        fork.submit(registered(3), registered(4))
        published = fork.log.tiles.get(CHECKPOINT)
        for _ in range(2):
            with pytest.raises(HistoryFork, match="the witness w remembers a tree"):
                fork.step()
        assert fork.log.readable().block.height == 1
        assert fork.log.tiles.get(CHECKPOINT) == published
        assert peer.remembered(desk.log.origin) == desk.head().block.size
        [request] = peer.evidence(desk.log.origin)[:1]
        assert request.startswith("old 4\n"), "it keeps what our key signed as evidence"

    def test_a_witness_that_has_seen_a_larger_tree_than_ours(
        self, desk: Desk, peer: WitnessPeer
    ) -> None:
        grow(desk, 1)
        backup = copied(desk.log)
        grow(desk, 2)
        grow(desk, 3)
        restored = Desk(asking(backup, peer))
        restored.submit(registered(4))
        published = backup.tiles.get(CHECKPOINT)
        with pytest.raises(StaleRestore, match="the witness w remembers 6 entries"):
            restored.step()
        assert restored.head().block.height == 1, "nothing was committed"
        assert backup.tiles.get(CHECKPOINT) == published

    def test_a_witness_under_another_key_of_the_log_refuses(self, tmp_path: Path) -> None:
        log = memory_log()
        stranger = replace(log, signer=key_named("another key of the log"))
        with watched(tmp_path / "witness", stranger) as peer:
            desk = Desk(asking(log, peer))
            grow(desk, 1)
        assert failures(desk.log) == {"w": "signature-refused"}

    def test_a_witness_of_another_log_refuses(self, tmp_path: Path) -> None:
        with watched(tmp_path / "witness", memory_log("other.test/log")) as peer:
            desk = Desk(asking(memory_log(), peer))
            grow(desk, 1)
        assert failures(desk.log) == {"w": "unknown-log"}

    def test_while_it_is_down_the_log_goes_on_and_catches_up(self, tmp_path: Path) -> None:
        log, state = memory_log(), tmp_path / "witness"
        with watched(state, log) as peer:
            desk = Desk(asking(log, peer))
            grow(desk, 1)
        for number in (2, 3):
            grow(desk, number)
            assert desk.log.tiles.get(CHECKPOINT) == desk.head().checkpoint, "without more lines"
            assert failures(desk.log) == {"w": "unreachable"}
            attempt = desk.log.attempts.get(WITNESSES, desk.head().block.height)
            assert attempt is not None
            assert (attempt.state, attempt.memo["quorum"]) == ("sent", False)
        with watched(state, log) as peer:
            desk.log = asking(desk.log, peer)
            attempt = renew_cosignatures(desk.log)
            assert attempt is not None
            assert (attempt.state, attempt.memo["quorum"]) == ("final", True)
            assert lines(desk.log, peer) == 1
        assert audit_store(desk.log).blocks == 3


OTHER = f"witness x {format_vkey(memory_witness('x.test').vkey)}\n"


def policy_of(tlog: str) -> Policy:
    return read_policy({"v": 1, "tlog": tlog, "issuers": [], "chains": {}, "tsa": []})


def failures(log: Log) -> JsonValue:
    attempt = log.attempts.newest(WITNESSES)
    assert attempt is not None
    return attempt.memo["failures"]


FEED = """
import json, sys
from aics_witness.feeder import FeederError, WitnessClient

url, vkey = sys.argv[1:]
for line in sys.stdin:
    asked = json.loads(line)
    proof = (asked["old"], [bytes.fromhex(node) for node in asked["proof"]])
    client = WitnessClient(url, vkey, max_attempts=1)
    try:
        answer = client.submit(asked["note"], proof)
    except FeederError as error:
        status, size = getattr(error, "status", None), getattr(error, "known_size", None)
        answer = [type(error).__name__, status, size]
    print(json.dumps(answer), flush=True)
"""
"""Runs in the environment of aics-witness: its own client, told what to send by JSON lines."""


class TestOurServer:
    """``POST /add-checkpoint`` over HTTP, asked by the client of aics-witness."""

    @pytest.fixture
    def front(self) -> Iterator[Front]:
        with Front(World()) as front:
            yield front
        wiring.use(None)

    def feed(self, front: Front, *requests: dict[str, Any]) -> list[Any]:
        assert front.service.witness is not None
        vkey = format_vkey(front.service.witness.vkey)
        done = subprocess.run(
            [BIN / "python", "-c", FEED, front.url, vkey],
            input="".join(json.dumps(each) + "\n" for each in requests),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return [json.loads(answer) for answer in done.stdout.splitlines()]

    def watch(self, front: Front, log: Log) -> VerifierKey:
        assert front.service.witness is not None
        know_log(front.service.witness.states, format_vkey(log.vkey))
        return front.service.witness.vkey

    def test_its_client_takes_our_cosignatures(self, front: Front) -> None:
        desk = Desk(memory_log("other.test/log"))
        key = self.watch(front, desk.log)
        grow(desk, 1)
        first = request(desk, 0)
        grow(desk, *range(2, 300))
        second = request(desk, 2)
        answers = self.feed(front, first, second, {**second, "old": 301, "proof": []})
        assert all(isinstance(answer, str) for answer in answers), answers
        for asked, answer in zip((first, second, second), answers, strict=True):
            note = parse_note(asked["note"].encode())
            signed = note._replace(signatures=parse_signatures(answer.encode()))
            assert verify(signed, [key]) == (key,)

    def test_its_client_understands_our_refusals(self, front: Front) -> None:
        desk = Desk(memory_log("other.test/log"))
        grow(desk, 1)
        assert self.feed(front, request(desk, 0)) == [["WitnessRejected", 404, None]]
        self.watch(front, desk.log)
        stranger = Desk(replace(memory_log("other.test/log"), signer=key_named("stranger")))
        grow(stranger, 1)
        fork = Desk(memory_log("other.test/log"))
        grow(fork, 7)
        first = request(desk, 0)
        same_size = request(fork, 2)
        grow(fork, 8)
        answers = self.feed(
            front, request(stranger, 0), first, request(fork, 0), request(fork, 2), same_size
        )
        assert answers[0] == ["WitnessRejected", 403, None]
        assert isinstance(answers[1], str)
        assert answers[2] == ["WitnessConflict", None, 2]
        assert answers[3][:2] == ["WitnessRejected", 422]
        assert answers[4][:2] == ["WitnessRejected", 422]


def request(desk: Desk, old_size: int) -> dict[str, Any]:
    """What its client is to send of the newest block, with the proof from an older size."""
    size = desk.head().block.size
    path: Sequence[Hash] = ()
    if 0 < old_size < size:
        places = plan_consistency(old_size, size, size)
        data = {(each.level, each.index): desk.log.tiles.get(each.path) for each in places}
        tiles = {place: tile for place, tile in data.items() if tile is not None}
        path = prove_consistency_from_tiles(old_size, size, tiles)
    return {
        "old": old_size,
        "proof": [node.hex() for node in path],
        "note": desk.head().checkpoint.decode(),
    }
