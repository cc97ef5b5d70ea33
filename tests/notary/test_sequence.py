"""Sequencing without faults: batches of every size, duplicates, heartbeats, an audit after each."""

from __future__ import annotations

from functools import cache

import pytest

from chalicelib.notary import take
from chalicelib.notary.accepted import Item, accepted_key, format_accepted
from chalicelib.notary.apply import merge
from chalicelib.notary.audit import AuditFailure, audit_store
from chalicelib.notary.index import MissingRun, lineage_key
from chalicelib.notary.limits import HEARTBEAT_MS
from chalicelib.notary.ports import Bulk, Job
from chalicelib.notary.receipts import index_of
from chalicelib.notary.sequence import drain, sequence
from chalicelib.proof.hashes import Hash
from chalicelib.proof.payload import Register
from chalicelib.proof.statement import entry_id, parse_statement
from tests.notary.desk import Desk, registered, revoked, sub_of, superseded


def integrate(desk: Desk, entries: list[bytes]) -> Job:
    """As one admitted job, without checking every signature again."""
    items = [Item(number, each, lineage_of(each)) for number, each in enumerate(entries)]
    desk.log.work.create(accepted_key("job"), format_accepted(len(items), items, []))
    desk.log.jobs.create(Job("job", "cambrian", "admitting"))
    desk.log.jobs.admit("job", len(items), len(items))
    desk.log.pending.add(Bulk("job"))
    desk.drain()
    return desk.job(Job("job", "cambrian", "admitting"))


@cache
def lineage_of(entry: bytes) -> Hash | None:
    statement = parse_statement(entry).statement
    return lineage_key(statement.sub) if isinstance(statement.payload, Register) else None


@pytest.mark.parametrize("count", [1, 255, 256, 257, 65_535, 65_536, 65_537])
def test_a_batch_of_any_size_is_one_block(count: int) -> None:
    desk = Desk()
    entries = [registered(number) for number in range(count)]
    job = integrate(desk, entries)
    assert [(each.first, each.last, each.height) for each in job.placements] == [(0, count, 1)]
    assert (desk.head().block.height, desk.head().block.size) == (1, count + 1)
    report = audit_store(desk.log)
    assert (report.blocks, report.statements) == (1, count)
    for number in {0, count // 2, count - 1}:
        assert desk.receipt(entries[number]).registered.proof.index == number + 1


def test_a_damaged_run_of_65536_leaves_is_found() -> None:
    desk = Desk()
    integrate(desk, [registered(number) for number in range(65_535)])
    work: dict[str, bytes] = desk.log.work.data  # type: ignore[attr-defined]
    run = work["index/16/0"]
    work["index/16/0"] = run[:-1] + bytes([run[-1] ^ 1])
    with pytest.raises(AuditFailure, match="index/16/0"):
        audit_store(desk.log)


def test_a_missing_run_stops_the_sequencer_before_it_makes_a_larger_one() -> None:
    desk = Desk()
    integrate(desk, [registered(number) for number in range(5_000)])
    work: dict[str, bytes] = desk.log.work.data  # type: ignore[attr-defined]
    del work["index/12/0"]
    with pytest.raises(MissingRun, match="index/12/0 is not there"):
        merge(desk.log, 60_000, 65_536)
    assert "index/16/0" not in work


@pytest.mark.parametrize("count", [1, 3, 254, 255, 256, 257])
def test_a_log_grows_by_batches_of_any_size(count: int) -> None:
    desk = Desk()
    for start in (0, count, 2 * count):
        desk.submit(*(registered(start + i) for i in range(count)))
        assert desk.step() is not None
    report = audit_store(desk.log)
    assert (report.blocks, report.entries) == (3, 3 * count + 3)
    for number in (0, 3 * count - 1):
        desk.receipt(registered(number))


def test_draining_goes_on_until_nothing_is_pending(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(take, "TAKE", 2)
    desk = Desk()
    desk.submit(*(registered(number) for number in range(5)))
    assert [block.size for block in desk.drain()] == [3, 6, 8]
    assert audit_store(desk.log).statements == 5


def test_draining_ends_with_its_time_and_leaves_the_rest_to_the_next_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = Desk()
    monkeypatch.setattr(take, "TAKE", 1)
    desk.submit(*(registered(number) for number in range(4)))
    # The clock is read at the start, and before and after each block.
    blocks = drain(desk.log, desk.clock.tick, for_ms=4_000)
    assert [block.height for block in blocks] == [1, 2]
    assert len(desk.log.pending.take(10)) == 2
    assert [block.height for block in desk.drain()] == [3, 4]
    audit_store(desk.log)


def test_a_job_larger_than_a_batch_spans_blocks() -> None:
    desk = Desk()
    job = desk.submit_bulk([registered(number) for number in range(10)])
    for _ in range(3):
        assert desk.step(4) is not None
    placements = [(each.first, each.last, each.height) for each in desk.job(job).placements]
    assert placements == [(0, 4, 1), (4, 8, 2), (8, 10, 3)]
    assert desk.log.pending.take(1) == []
    assert audit_store(desk.log).statements == 10


def test_the_same_bytes_are_one_entry_however_often_they_come() -> None:
    desk = Desk()
    one, two = registered(1), registered(2)
    assert desk.submit(one) == desk.submit(one)
    desk.submit_bulk([one, two, two])
    desk.submit(two)
    desk.drain()
    desk.submit(one)
    desk.submit_bulk([two, one])
    desk.drain()
    assert audit_store(desk.log).statements == 2


def test_the_same_bulk_is_one_job() -> None:
    desk = Desk()
    body = [registered(number) for number in range(3)]
    first = desk.submit_bulk(body)
    assert desk.submit_bulk(body).id == first.id
    desk.drain()
    assert desk.submit_bulk(body) == desk.job(first)
    assert desk.log.pending.take(1) == []
    assert desk.drain() == []


def test_an_entry_that_is_pending_again_after_it_was_integrated_is_dropped() -> None:
    """As when a client repeats a request just while its first one is integrated."""
    desk = Desk()
    desk.submit(registered(1))
    submission = desk.log.pending.take(1)[0]
    desk.drain()
    desk.log.pending.add(submission)
    assert desk.drain() == []
    assert desk.log.pending.take(1) == []
    assert audit_store(desk.log).statements == 1


def test_a_job_of_duplicates_alone_is_placed_by_a_block_of_its_link() -> None:
    desk = Desk()
    desk.submit(registered(1))
    desk.drain()
    job = desk.submit_bulk([registered(1)])
    [block] = desk.drain()
    assert block.size == 3
    assert desk.job(job).integrated == 1
    audit_store(desk.log)


def test_later_statements_of_a_lineage_follow_the_first() -> None:
    desk = Desk()
    first = registered(1)
    desk.submit(first)
    desk.drain()
    second = superseded(first, 1)
    desk.submit(second)
    desk.drain()
    desk.submit(revoked(second, 1))
    desk.drain()
    assert audit_store(desk.log).statements == 3


def test_a_heartbeat_comes_at_most_once_an_hour() -> None:
    desk = Desk()
    first = sequence(desk.log, desk.clock())
    assert first is not None
    assert first.size == 1
    assert sequence(desk.log, desk.clock.tick(HEARTBEAT_MS - 1)) is None
    second = sequence(desk.log, desk.clock.tick(1))
    assert second is not None
    assert (second.height, second.size) == (2, 2)
    assert audit_store(desk.log).statements == 0


def test_the_index_of_an_entry_is_found_by_its_id() -> None:
    desk = Desk()
    assert index_of(desk.log, entry_id(registered(1))) is None
    desk.submit(registered(1))
    desk.drain()
    assert index_of(desk.log, entry_id(registered(1))) == 1


def test_subs_are_random_uuids() -> None:
    """So that the other tests test what admission would let in."""
    assert parse_statement(registered(1)).statement.sub == sub_of(1)
