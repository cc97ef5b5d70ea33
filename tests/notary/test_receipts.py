"""Finding entries, their receipts, and what became of jobs."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from chalicelib.notary.batch import SUB_NOT_NEW
from chalicelib.notary.entries import MissingObject
from chalicelib.notary.index import lineage_key
from chalicelib.notary.jobs import as_readable, job_status
from chalicelib.notary.limits import REJECTED_LISTED
from chalicelib.notary.ports import Bulk, Job, Row, Single
from chalicelib.notary.receipts import (
    BadLocator,
    NotAStatement,
    NotInLog,
    SetAside,
    StillPending,
    job_receipts,
    locate,
    receipt_of,
)
from chalicelib.proof.block import verify_block_signature
from chalicelib.proof.hashes import leaf_hash
from chalicelib.proof.merkle import verify_inclusion
from chalicelib.proof.receipt import format_receipt, parse_receipt
from chalicelib.proof.statement import entry_id
from tests.fakes import MemoryObjects
from tests.faults.test_refusals import unfinished
from tests.notary.desk import Desk, registered, sub_of


def id_of(number: int) -> str:
    return entry_id(registered(number)).hex()


def late_rival(desk: Desk, number: int, sub: int) -> bytes:
    """A register that was admitted before another of its lineage was integrated."""
    entry = registered(number, sub=sub)
    desk.log.pending.add(Single(entry_id(entry).hex(), entry, lineage_key(sub_of(sub))))
    return entry


class TestLocate:
    def test_by_entry_id_and_by_index(self) -> None:
        desk = Desk()
        desk.submit(registered(1))
        desk.drain()
        assert locate(desk.log, id_of(1)) == 1
        assert locate(desk.log, "1") == 1
        assert locate(desk.log, "0") == 0

    @pytest.mark.parametrize(
        "locator", ["", "-1", "01", "+1", "1_0", "٣", "1.0", "AB" * 32, "ab" * 31, "9" * 17]
    )
    def test_other_spellings_are_no_locators(self, locator: str) -> None:
        with pytest.raises(BadLocator):
            locate(Desk().log, locator)

    def test_an_index_the_log_has_not_reached(self) -> None:
        desk = Desk()
        desk.submit(registered(1))
        desk.drain()
        with pytest.raises(NotInLog, match="the log has 2 entries"):
            locate(desk.log, "2")

    def test_an_entry_that_nobody_submitted(self) -> None:
        with pytest.raises(NotInLog, match="was submitted"):
            locate(Desk().log, id_of(1))

    def test_an_entry_that_is_still_pending(self) -> None:
        desk = Desk()
        desk.submit(registered(1))
        with pytest.raises(StillPending):
            locate(desk.log, id_of(1))

    def test_an_entry_that_was_set_aside(self) -> None:
        desk = Desk()
        desk.submit(registered(1))
        desk.drain()
        rival = late_rival(desk, 2, sub=1)
        desk.drain()
        with pytest.raises(SetAside) as aside:
            locate(desk.log, entry_id(rival).hex())
        assert aside.value.reason == SUB_NOT_NEW

    def test_an_entry_that_is_integrated_between_two_looks(self) -> None:
        desk = Desk()
        desk.submit(registered(1))
        contains = desk.log.pending.contains

        def late(id: str) -> bool:
            desk.drain()
            return contains(id)

        desk.log.pending.contains = late  # type: ignore[method-assign]
        assert locate(desk.log, id_of(1)) == 1

    def test_a_committed_block_is_not_seen_before_all_of_it_is_there(self) -> None:
        desk = Desk()
        desk.submit(registered(1))
        desk.drain()
        desk.submit(registered(2))
        unfinished(desk, "chain.commit")
        assert locate(desk.log, id_of(1)) == 1
        with pytest.raises(StillPending):
            locate(desk.log, id_of(2))
        with pytest.raises(NotInLog):
            locate(desk.log, "3")
        desk.drain()
        assert locate(desk.log, id_of(2)) == 3


class TestReceipt:
    def test_a_receipt_is_of_the_block_that_first_held_the_entry(self) -> None:
        desk = Desk()
        for number in range(6):
            desk.submit(registered(number))
            desk.step()
        for number in range(6):
            receipt = desk.receipt(registered(number))
            assert receipt.registered.block.height == number + 1
            assert parse_receipt(format_receipt(receipt)) == receipt
            key, registered_ = desk.log.signer.public, receipt.registered
            verify_block_signature(registered_.block, key, registered_.signature)

    @pytest.mark.parametrize("blocks", [1, 2, 3, 4, 5, 8, 9, 33])
    def test_the_block_is_found_in_a_chain_of_any_length(self, blocks: int) -> None:
        desk = Desk()
        for number in range(blocks):
            desk.submit(registered(number))
            desk.step()
        reads: list[int] = []
        row = desk.log.chain.row

        def counted(height: int) -> Row | None:
            reads.append(height)
            return row(height)

        desk.log.chain.row = counted  # type: ignore[method-assign]
        for number in range(blocks):
            assert receipt_of(desk.log, 2 * number + 1).registered.block.height == number + 1
        assert len(reads) <= blocks * 2 * blocks.bit_length()

    def test_a_link_has_no_receipt(self) -> None:
        desk = Desk()
        desk.submit(registered(1))
        desk.drain()
        with pytest.raises(NotAStatement, match="opens block 1"):
            receipt_of(desk.log, 0)

    def test_an_index_beyond_the_log(self) -> None:
        with pytest.raises(NotInLog):
            receipt_of(Desk().log, 0)

    def test_a_bundle_that_is_gone_is_named(self) -> None:
        desk = Desk()
        desk.submit(registered(1))
        desk.drain()
        assert isinstance(desk.log.tiles, MemoryObjects)
        del desk.log.tiles.data["tile/entries/000.p/2"]
        with pytest.raises(MissingObject, match=r"tile/entries/000\.p/2"):
            receipt_of(desk.log, 1)


ENTRIES = [registered(number) for number in range(10)]


class TestJob:
    def spanning(self) -> tuple[Desk, Job]:
        """Half of the job's items are integrated, in two blocks."""
        desk = Desk()
        job = desk.submit_bulk([b"\xf5", *ENTRIES])
        desk.step(2)
        desk.step(3)
        return desk, desk.job(job)

    def items(self, desk: Desk, job: Job, first: int, limit: int) -> Sequence[int]:
        receipts = job_receipts(desk.log, job, first, limit)
        for each in receipts:
            assert each.entry_id == entry_id(ENTRIES[each.item - 1])
            part = each.receipt.registered
            path, root = part.proof.path, part.block.root
            assert part.proof.index == each.index
            leaf = leaf_hash(ENTRIES[each.item - 1])
            verify_inclusion(leaf, each.index, part.block.size, path, root)
        return [each.item for each in receipts]

    def test_receipts_of_what_is_integrated_by_item_number(self) -> None:
        desk, job = self.spanning()
        assert self.items(desk, job, 0, 100) == [1, 2, 3, 4, 5]
        assert self.items(desk, job, 2, 2) == [2, 3]
        assert self.items(desk, job, 4, 100) == [4, 5]
        assert self.items(desk, job, 6, 100) == []
        desk.drain()
        assert self.items(desk, desk.job(job), 0, 100) == list(range(1, 11))

    def test_no_receipts_before_anything_is_integrated(self) -> None:
        desk = Desk()
        assert job_receipts(desk.log, desk.submit_bulk(ENTRIES), 0, 100) == []

    def test_each_object_and_row_is_read_once_a_page(self) -> None:
        desk, job = self.spanning()
        desk.drain()
        reads: list[str] = []
        get_many = desk.log.tiles.get_many

        def counted(keys: Sequence[str]) -> list[bytes | None]:
            reads.extend(keys)
            return get_many(keys)

        desk.log.tiles.get_many = counted  # type: ignore[method-assign]
        assert len(self.items(desk, desk.job(job), 0, 100)) == 10
        assert len(reads) == len(set(reads)) == 2

    def test_the_status_counts_what_is_integrated(self) -> None:
        desk, job = self.spanning()
        assert job_status(desk.log, job) == {
            "job": job.id,
            "state": "integrating",
            "items": 11,
            "accepted": 10,
            "integrated": 5,
            "rejected": [
                {
                    "item": 0,
                    "type": "malformed-statement",
                    "detail": "a statement is tag 18 on [protected, {}, payload, signature]",
                }
            ],
            "rejected_count": 1,
        }
        desk.drain()
        status = job_status(desk.log, desk.job(job))
        assert (status["state"], status["integrated"]) == ("done", 10)

    def test_a_job_is_not_done_before_its_last_block_can_be_read(self) -> None:
        desk, job = self.spanning()
        unfinished(desk, "chain.commit")
        assert desk.job(job).integrated == 10
        assert as_readable(desk.log, desk.job(job)).integrated == 5
        status = job_status(desk.log, desk.job(job))
        assert (status["state"], status["integrated"]) == ("integrating", 5)
        assert self.items(desk, desk.job(job), 0, 100) == [1, 2, 3, 4, 5]

    def test_an_item_refused_in_its_batch_is_rejected_too(self) -> None:
        desk = Desk()
        job = desk.submit_bulk([registered(1), registered(2)])
        desk.log.pending.remove([job.id])
        late_rival(desk, 20, sub=1)
        desk.drain()
        desk.log.pending.add(Bulk(job.id))
        desk.drain()
        status = job_status(desk.log, desk.job(job))
        assert (status["state"], status["rejected_count"]) == ("done", 1)
        assert status["accepted"] == status["integrated"] == 1
        [rejected] = status["rejected"]
        assert (rejected["item"], rejected["type"]) == (0, "sub-not-new")
        receipts = job_receipts(desk.log, desk.job(job), 0, 10)
        assert [each.item for each in receipts] == [1]

    def test_no_more_rejections_are_listed_than_the_limit(self) -> None:
        desk = Desk()
        job = desk.submit_bulk([b"\xf5"] * (REJECTED_LISTED + 7))
        status = job_status(desk.log, job)
        assert len(status["rejected"]) == REJECTED_LISTED
        assert status["rejected_count"] == REJECTED_LISTED + 7

    def test_a_job_that_was_set_aside_has_failed_and_says_why(self) -> None:
        desk = Desk()
        job = desk.submit_bulk(ENTRIES)
        assert isinstance(desk.log.work, MemoryObjects)
        del desk.log.work.data[f"jobs/{job.id}/accepted"]
        desk.drain()
        status = job_status(desk.log, job)
        assert status["state"] == "failed"
        assert status["problem"] == "set-aside: missing-items: its accepted items are not there"
