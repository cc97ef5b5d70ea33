"""Receipts improve: the first block's evidence completes in place, and a later block that is fully
attested is added."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from chalicelib.notary.evidence import write_attempts
from chalicelib.notary.networks import Attempt, State
from chalicelib.notary.receipts import job_receipts
from chalicelib.proof.attestations import check_attestations
from chalicelib.proof.bitcoin.opentimestamps import parse_timestamp
from chalicelib.proof.bitcoin.ots_codec import PendingAttestation
from chalicelib.proof.hashes import Hash
from chalicelib.proof.inclusion import check_inclusion
from chalicelib.proof.members import read_base64
from chalicelib.proof.receipt import Attestation, Receipt, format_receipt, parse_receipt
from tests.proof import outside
from tests.proof.world import policy

from .desk import Desk, registered

CHAIN, TSA = "eip155:31337", "rfc3161:first"


@dataclass
class Attested:
    """A desk with as many blocks of one statement each, and what is attested of them."""

    blocks: int
    desk: Desk = field(default_factory=Desk)

    def __post_init__(self) -> None:
        for number in range(self.blocks):
            self.desk.submit(registered(number))
            self.desk.step()

    def hash(self, height: int) -> Hash:
        row = self.desk.log.chain.row(height)
        assert row is not None
        return row.block.hash

    def attest(
        self, height: int, network: str, evidence: Attestation | None, state: State = "final"
    ) -> None:
        self.desk.log.attempts.put(Attempt(network, height, state, 0, evidence=evidence))

    def receipt(self, height: int) -> Receipt:
        """The receipt of the block's statement, which survives the round trip."""
        receipt = self.desk.receipt(registered(height - 1))
        assert parse_receipt(format_receipt(receipt)) == receipt
        return receipt


def types(receipt: Receipt) -> list[str]:
    return [attestation.type for attestation in receipt.registered.attestations]


class TestTheFirstBlock:
    def test_has_no_evidence_at_first(self) -> None:
        receipt = Attested(1).receipt(1)
        assert types(receipt) == []
        assert receipt.attested is None

    def test_gains_what_is_final(self) -> None:
        world = Attested(1)
        world.attest(1, CHAIN, outside.evm(world.hash(1)))
        world.attest(1, TSA, outside.tsa(world.hash(1)))
        receipt = world.receipt(1)
        assert types(receipt) == ["evm", "rfc3161"]
        trust = policy(**outside.trust(world.hash(1)))
        found = check_attestations([receipt.registered], trust, {})
        assert {each.check.result for each in found} == {"pass"}

    @pytest.mark.parametrize("state", ["planned", "prepared", "included"])
    def test_does_not_show_what_may_yet_be_undone(self, state: State) -> None:
        world = Attested(1)
        world.attest(1, CHAIN, outside.evm(world.hash(1)), state)
        assert types(world.receipt(1)) == []

    @pytest.mark.parametrize("kind", ["evm", "bitcoin", "tsa"])
    def test_does_not_show_what_is_only_sent_but_for_promises(self, kind: str) -> None:
        """Whatever a network gave too early: it may yet be undone."""
        world = Attested(1)
        block = world.hash(1)
        made = {"evm": outside.evm(block), "bitcoin": outside.bitcoin(), "tsa": outside.tsa(block)}
        world.attest(1, "some:network", made[kind], "sent")
        assert types(world.receipt(1)) == []

    def test_does_not_show_what_is_of_another_block(self) -> None:
        """After a restore another block stands at the same height."""
        world = Attested(2)
        for network, height in ((CHAIN, 1), (TSA, 2)):
            evidence = outside.tsa(world.hash(height))
            attempt = Attempt(network, 1, "final", 0, evidence=evidence, block=world.hash(height))
            world.desk.log.attempts.put(attempt)
        assert len(types(world.receipt(1))) == 1

    def test_shows_what_a_calendar_promises(self) -> None:
        world = Attested(1)
        world.attest(1, "opentimestamps:alice", outside.pending(), "sent")
        assert types(world.receipt(1)) == ["opentimestamps"]

    def test_has_one_time_stamp_of_all_calendars(self) -> None:
        world = Attested(1)
        world.attest(1, "opentimestamps:alice", outside.pending(), "sent")
        world.attest(1, "opentimestamps:bob", outside.pending("https://bob.example"), "sent")
        world.attest(1, "bip122:chain", outside.bitcoin())
        [stamp] = world.receipt(1).registered.attestations
        proof = read_base64(stamp.members["proof"], "proof")
        assert len(parse_timestamp(proof, world.hash(1)).attestations) == 3

    def test_leaves_out_what_would_make_the_time_stamp_too_large(self) -> None:
        world = Attested(1)
        for name in ("alice", "bob"):
            uris = [f"https://{name}{number:04}.example" for number in range(1_000)]
            stamp = outside.stamp(*map(PendingAttestation, uris))
            world.attest(1, f"opentimestamps:{name}", stamp, "sent")
        [stamp] = world.receipt(1).registered.attestations
        proof = read_base64(stamp.members["proof"], "proof")
        assert len(parse_timestamp(proof, world.hash(1)).attestations) == 1_000


class TestALaterBlock:
    def test_is_added_once_it_is_fully_attested(self) -> None:
        world = Attested(3)
        world.attest(2, CHAIN, outside.evm(world.hash(2)))
        assert world.receipt(1).attested is None
        world.desk.log.attempts.mark_full(2, [])
        receipt = world.receipt(1)
        assert receipt.attested is not None
        assert receipt.attested.block.height == 2
        assert [each.type for each in receipt.attested.attestations] == ["evm"]
        assert receipt.registered.block.height == 1
        check_inclusion(receipt)

    def test_is_the_newest_that_is(self) -> None:
        world = Attested(4)
        for height in (2, 3):
            world.desk.log.attempts.mark_full(height, [])
        attested = world.receipt(1).attested
        assert attested is not None
        assert attested.block.height == 3

    def test_is_not_added_to_what_is_newer(self) -> None:
        world = Attested(3)
        world.desk.log.attempts.mark_full(2, [])
        assert world.receipt(2).attested is None
        assert world.receipt(3).attested is None

    def test_is_not_added_where_the_first_is_fully_attested_itself(self) -> None:
        world = Attested(3)
        for height in (1, 3):
            world.desk.log.attempts.mark_full(height, [])
        assert world.receipt(1).attested is None
        assert world.receipt(2).attested is not None

    def test_is_not_one_that_the_chain_does_not_have(self) -> None:
        """The chain was restored from a time before that block."""
        world = Attested(3)
        world.desk.log.attempts.mark_full(7, [])
        assert world.receipt(1).attested is None

    def test_improves_the_receipts_of_a_job_too(self) -> None:
        world = Attested(0)
        desk = world.desk
        job = desk.submit_bulk([registered(number) for number in range(6)])
        desk.drain()
        desk.submit(registered(9))
        desk.step()
        desk.log.attempts.mark_full(2, [])
        receipts = [each.receipt for each in job_receipts(desk.log, desk.job(job), 0, 100)]
        assert len(receipts) == 6
        for receipt in receipts:
            assert receipt.attested is not None
            check_inclusion(receipt)


class TestWhatIsShown:
    def attempts(self) -> Sequence[Attempt]:
        planned = Attempt(CHAIN, 1, "planned", 5, tries=3, problem="unreachable", due_ms=9)
        failures = {"alice": "unreachable"}
        return [
            planned,
            replace(planned, state="final", tries=0, problem="", memo={"raw": "0x02"}),
            Attempt("witnesses", 1, "sent", 5, {"quorum": False, "failures": failures}),
        ]

    def test_state_failure_and_retry_of_each(self) -> None:
        assert write_attempts(self.attempts()) == [
            {
                "network": CHAIN,
                "state": "planned",
                "planned_ms": 5,
                "problem": "unreachable",
                "tries": 3,
                "retry_ms": 9,
            },
            {"network": CHAIN, "state": "final", "planned_ms": 5},
            {
                "network": "witnesses",
                "state": "sent",
                "planned_ms": 5,
                "quorum": False,
                "failures": {"alice": "unreachable"},
            },
        ]
