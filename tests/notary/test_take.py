"""Taking from pending: in order, within the limits of a batch, and with poison set aside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from chalicelib.notary import take as module
from chalicelib.notary.accepted import Item, accepted_key, format_accepted
from chalicelib.notary.batch import Portion, Singles
from chalicelib.notary.ports import Bulk, Job, Single
from chalicelib.notary.sequence import drain
from chalicelib.notary.take import take
from chalicelib.proof.statement import entry_id
from tests.fakes import MemoryJobs, MemoryObjects, MemoryPending
from tests.notary.desk import Desk, registered

ENTRIES = sorted((registered(number) for number in range(6)), key=entry_id)


def pending(desk: Desk, *entries: bytes) -> None:
    for entry in entries:
        desk.log.pending.add(Single(entry_id(entry).hex(), entry, None))


def job(desk: Desk, name: str, entries: list[bytes], *, accepted: int | None = None) -> None:
    """An admitted job that holds the entries."""
    items = [Item(number, entry, None) for number, entry in enumerate(entries)]
    desk.log.work.create(accepted_key(name), format_accepted(len(items), items, []))
    desk.log.jobs.create(Job(name, "cambrian", "admitting"))
    desk.log.jobs.admit(name, len(items), len(items) if accepted is None else accepted)
    desk.log.pending.add(Bulk(name))


def taken(desk: Desk, max_entries: int = 100) -> list[list[bytes]]:
    return [list(part.entries) for part in take(desk.log, max_entries).parts]


def test_submissions_are_taken_in_order_of_id() -> None:
    desk = Desk()
    pending(desk, *reversed(ENTRIES))
    job(desk, "0", [registered(10)])
    job(desk, "g", [registered(11), registered(12)])
    assert taken(desk) == [[registered(10)], ENTRIES, [registered(11), registered(12)]]


def test_the_columns_of_a_part_belong_together() -> None:
    desk = Desk()
    desk.submit(registered(1))
    [part] = take(desk.log, 10).parts
    assert isinstance(part, Singles)
    assert part.ids == [entry_id(registered(1))]
    assert part.submissions == [entry_id(registered(1)).hex()]
    assert part.lineages[0] is not None


@pytest.mark.parametrize("limit", [1, 2, 5])
def test_no_more_singles_than_the_limit(limit: int) -> None:
    desk = Desk()
    pending(desk, *ENTRIES)
    assert taken(desk, limit) == [ENTRIES[:limit]]


def test_a_job_fills_what_is_left_and_the_next_waits() -> None:
    desk = Desk()
    job(desk, "a", ENTRIES[:2])
    job(desk, "b", ENTRIES[2:])
    job(desk, "c", [registered(20)])
    assert taken(desk, 4) == [ENTRIES[:2], ENTRIES[2:4]]
    [_, portion] = take(desk.log, 4).parts
    assert portion == Portion(
        "b", ENTRIES[2:4], [entry_id(each) for each in ENTRIES[2:4]], [None, None], 0, 4
    )


def test_singles_after_a_full_batch_wait() -> None:
    desk = Desk()
    job(desk, "!", ENTRIES[:2])
    pending(desk, *ENTRIES[2:])
    assert taken(desk, 3) == [ENTRIES[:2], ENTRIES[2:3]]
    assert taken(desk, 2) == [ENTRIES[:2], []]


@pytest.mark.parametrize("submit", ["singles", "job"])
def test_no_more_bytes_than_the_limit(monkeypatch: pytest.MonkeyPatch, submit: str) -> None:
    desk = Desk()
    monkeypatch.setattr(module, "BATCH_BYTES", sum(map(len, ENTRIES[:3])) + 1)
    pending(desk, *ENTRIES) if submit == "singles" else job(desk, "a", ENTRIES)
    assert taken(desk) == [ENTRIES[:3]]


def test_a_job_waits_whose_next_item_has_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()
    monkeypatch.setattr(module, "BATCH_BYTES", len(ENTRIES[0]) + 1)
    for name, entry in zip("ab", ENTRIES, strict=False):
        job(desk, name, [entry])
    assert taken(desk) == [[ENTRIES[0]]]
    assert take(desk.log, 100).poison == []


def test_no_more_jobs_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()
    monkeypatch.setattr(module, "BATCH_JOBS", 2)
    for name, entry in zip("abc", ENTRIES, strict=False):
        job(desk, name, [entry])
    assert taken(desk) == [[ENTRIES[0]], [ENTRIES[1]]]


def test_no_more_submissions_are_in_hand_than_may_be_large(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()
    monkeypatch.setattr(module, "TAKE", 2)
    pending(desk, *ENTRIES)
    assert taken(desk) == [ENTRIES[:2]]


def test_a_job_that_is_all_integrated_is_done() -> None:
    desk = Desk()
    job(desk, "a", ENTRIES)
    desk.step()
    desk.log.pending.add(Bulk("a"))
    result = take(desk.log, 10)
    assert (result.parts, result.done, result.poison) == ([], ["a"], [])


def forge(desk: Desk, entry: bytes) -> None:
    job(desk, "poison", [ENTRIES[0], entry])


def lose_items(desk: Desk) -> None:
    job(desk, "poison", ENTRIES)
    assert isinstance(desk.log.work, MemoryObjects)
    del desk.log.work.data[accepted_key("poison")]


def cut_items(desk: Desk) -> None:
    job(desk, "poison", ENTRIES)
    assert isinstance(desk.log.work, MemoryObjects)
    desk.log.work.data[accepted_key("poison")] = b"cut"


def no_job(desk: Desk) -> None:
    desk.log.pending.add(Bulk("poison"))


def failed_job(desk: Desk) -> None:
    job(desk, "poison", ENTRIES)
    assert isinstance(desk.log.jobs, MemoryJobs)
    desk.log.jobs.rows["poison"] = replace(desk.log.jobs.rows["poison"], state="failed")


def other_id(desk: Desk) -> None:
    assert isinstance(desk.log.pending, MemoryPending)
    desk.log.pending.queue["poison"] = Single("poison", ENTRIES[0], None)


def not_a_statement(desk: Desk) -> None:
    link = b"\x84\x6etally-block/v1"
    desk.log.pending.add(Single(entry_id(link).hex(), link, None))


def too_long(desk: Desk) -> None:
    entry = b"\xd2\x84" + bytes(4000)
    desk.log.pending.add(Single(entry_id(entry).hex(), entry, None))


@pytest.mark.parametrize(
    ("plant", "reason"),
    [
        (lambda desk: forge(desk, b"\x84\x6etally-block/v1"), "not-a-statement: "),
        (lambda desk: forge(desk, b"\xd2\x84" + bytes(4000)), "not-a-statement: "),
        (lose_items, "missing-items: "),
        (cut_items, "malformed-items: "),
        (
            lambda desk: job(desk, "poison", ENTRIES, accepted=9),
            "wrong-count: it has 6 accepted items, not 9",
        ),
        (no_job, "no-such-job: "),
        (failed_job, "no-such-job: "),
        (other_id, "wrong-bytes: "),
        (not_a_statement, "wrong-bytes: "),
        (too_long, "wrong-bytes: "),
    ],
    ids=[
        "item-is-a-link",
        "item-too-long",
        "items-gone",
        "items-cut",
        "items-of-other-count",
        "no-job",
        "failed-job",
        "entry-of-another-id",
        "entry-is-a-link",
        "entry-too-long",
    ],
)
def test_poison_is_set_aside_with_its_reason_and_the_batch_goes_on(
    plant: Callable[[Desk], None], reason: str
) -> None:
    desk = Desk()
    desk.submit(registered(30))
    plant(desk)
    [poison] = {each.id for each in desk.log.pending.take(10)} - {entry_id(registered(30)).hex()}
    told: list[tuple[str, str]] = []
    drain(replace(desk.log, tell_aside=lambda *each: told.append(each)), desk.clock)
    found = desk.log.pending.aside(poison)
    assert found is not None
    assert found.startswith(reason)
    assert told == [(poison, found)]
    assert desk.log.pending.take(10) == []
    desk.receipt(registered(30))


def test_poison_alone_makes_no_block() -> None:
    desk = Desk()
    no_job(desk)
    assert desk.drain() == []
    assert desk.log.pending.aside("poison") is not None
