"""``Pending``: what was accepted stays until it is in the log, or is set aside with a reason."""

from __future__ import annotations

import random

import pytest

from chalicelib.notary.ports import Bulk, Pending, Single, Submission
from chalicelib.proof.hashes import sha256

from .stores import Stores


@pytest.fixture
def pending(stores: Stores) -> Pending:
    return stores.pending


def single(number: int, *, size: int = 450) -> Single:
    lineage = sha256(b"lineage %d" % number) if number % 2 else None
    return Single(sha256(b"%d" % number).hex(), random.Random(number).randbytes(size), lineage)


def in_order(singles: list[Single]) -> list[Single]:
    return sorted(singles, key=lambda one: one.id)


def test_it_begins_empty(pending: Pending) -> None:
    assert pending.take(10) == []
    assert not pending.contains(single(1).id)
    assert pending.aside(single(1).id) is None


def test_what_is_added_is_taken_as_it_was_and_stays(pending: Pending) -> None:
    submissions: list[Submission] = [single(1), single(2), Bulk(sha256(b"a job").hex())]
    assert [pending.add(submission) for submission in submissions] == [True] * 3
    expected = sorted(submissions, key=lambda submission: submission.id)
    assert pending.take(10) == expected
    assert pending.take(10) == expected
    assert all(pending.contains(submission.id) for submission in submissions)


def test_the_same_id_is_added_once(pending: Pending) -> None:
    assert pending.add(single(1))
    assert not pending.add(single(1))
    assert not pending.add(Single(single(1).id, b"other bytes", None))
    assert pending.take(10) == [single(1)]


def test_entries_of_every_size_come_back(pending: Pending) -> None:
    sizes = [1, 255, 4_000]
    for size in sizes:
        pending.add(single(size, size=size))
    assert pending.take(10) == in_order([single(size, size=size) for size in sizes])


def test_take_gives_the_first_in_order_of_id(pending: Pending) -> None:
    submissions = [single(number) for number in range(30)]
    for submission in submissions:
        pending.add(submission)
    expected = in_order(submissions)
    assert pending.take(7) == expected[:7]
    assert pending.take(30) == expected
    assert pending.take(31) == expected


def test_take_reads_page_after_page(pending: Pending) -> None:
    submissions = [single(number, size=4_000) for number in range(600)]  # DynamoDB pages at 1 MB
    for submission in submissions:
        pending.add(submission)
    assert pending.take(599) == in_order(submissions)[:599]
    assert pending.take(1_000) == in_order(submissions)


def test_remove_takes_away_what_it_names_and_nothing_else(pending: Pending) -> None:
    submissions = in_order([single(number) for number in range(60)])
    for submission in submissions:
        pending.add(submission)
    gone = [submission.id for submission in submissions[:52]]
    pending.remove([*gone, gone[0], "unknown"])
    assert pending.take(100) == submissions[52:]
    pending.remove(gone)
    assert pending.take(100) == submissions[52:]
    assert not pending.contains(gone[0])


def test_remove_of_nothing_does_nothing(pending: Pending) -> None:
    pending.add(single(1))
    pending.remove([])
    assert pending.take(10) == [single(1)]


def test_what_was_removed_can_be_added_again(pending: Pending) -> None:
    pending.add(single(1))
    pending.remove([single(1).id])
    assert pending.add(single(1))
    assert pending.take(10) == [single(1)]


@pytest.mark.parametrize("poison", [single(1), single(2), Bulk(sha256(b"a job").hex())])
def test_what_is_set_aside_leaves_the_queue_with_its_reason(
    pending: Pending, poison: Single | Bulk
) -> None:
    pending.add(poison)
    pending.add(single(3))
    for _ in range(2):
        pending.set_aside(poison.id, "sub-not-new")
    assert pending.take(10) == [single(3)]
    assert not pending.contains(poison.id)
    assert pending.aside(poison.id) == "sub-not-new"
    assert pending.aside(single(3).id) is None


def test_removing_leaves_alone_what_was_set_aside(pending: Pending) -> None:
    pending.add(single(1))
    pending.set_aside(single(1).id, "sub-not-new")
    pending.remove([single(1).id])
    assert pending.aside(single(1).id) == "sub-not-new"


def test_what_is_not_pending_is_not_set_aside(pending: Pending) -> None:
    pending.set_aside(single(1).id, "sub-not-new")
    assert pending.aside(single(1).id) is None


@pytest.mark.parametrize("poison", [single(1), Bulk(sha256(b"a job").hex())])
def test_what_is_added_after_it_was_set_aside_is_pending_and_keeps_the_reason_until_it_is_again(
    pending: Pending, poison: Single | Bulk
) -> None:
    pending.add(poison)
    pending.set_aside(poison.id, "missing-items")
    assert pending.add(poison), "whoever does not want that asks for the reason first"
    assert pending.take(10) == [poison]
    assert pending.aside(poison.id) == "missing-items"
    pending.set_aside(poison.id, "no-such-job")
    assert pending.take(10) == []
    assert pending.aside(poison.id) == "no-such-job"
