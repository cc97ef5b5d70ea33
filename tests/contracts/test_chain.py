"""``Chain``: one transaction moves head, row and cursors, or nothing moves."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.notary.ports import Chain, Conflict, Job, JobMove, Placement, Row

from .rows import GENESIS_ROW, following
from .stores import Stores

SIGNATURE = bytes(range(64))


@pytest.fixture
def chain(stores: Stores) -> Chain:
    stores.chain.create(GENESIS_ROW)
    return stores.chain


def extend(chain: Chain, blocks: int) -> Row:
    row = chain.head()
    assert row is not None
    for _ in range(blocks):
        previous, row = row, following(row)
        chain.commit(previous, row, [])
    return row


def test_a_log_that_was_never_created_has_no_head(stores: Stores) -> None:
    assert stores.chain.head() is None
    assert stores.chain.row(0) is None


def test_the_first_row_is_the_head(chain: Chain) -> None:
    assert chain.head() == GENESIS_ROW
    assert chain.row(0) == GENESIS_ROW


def test_a_log_is_created_once(chain: Chain) -> None:
    extend(chain, 1)
    with pytest.raises(Conflict):
        chain.create(GENESIS_ROW)
    assert chain.head() == following(GENESIS_ROW)


def test_a_commit_moves_the_head_and_keeps_every_row(chain: Chain) -> None:
    first = following(GENESIS_ROW)
    second = following(first)
    chain.commit(GENESIS_ROW, first, [])
    chain.commit(first, second, [])
    assert chain.head() == second
    assert [chain.row(height) for height in range(4)] == [GENESIS_ROW, first, second, None]


def test_heights_are_ordered_as_numbers(chain: Chain) -> None:
    assert extend(chain, 11).block.height == 11
    assert chain.head() == chain.row(11)


def test_a_commit_on_an_old_head_conflicts(chain: Chain) -> None:
    first = extend(chain, 1)
    with pytest.raises(Conflict):
        chain.commit(GENESIS_ROW, following(GENESIS_ROW, said="another history"), [])
    assert chain.head() == first
    assert chain.row(1) == first


def test_a_commit_on_another_head_of_the_same_height_conflicts(chain: Chain) -> None:
    first = extend(chain, 1)
    stranger = following(GENESIS_ROW, said="another history")
    with pytest.raises(Conflict):
        chain.commit(stranger, following(stranger), [])
    assert chain.head() == first
    assert chain.row(2) is None


def test_a_row_is_never_replaced(aws_stores: Stores) -> None:
    """A caller that asks for it has a bug, at which the fake stops earlier."""
    chain = aws_stores.chain
    chain.create(GENESIS_ROW)
    first = extend(chain, 1)
    with pytest.raises(Conflict):
        chain.commit(first, following(GENESIS_ROW, said="another block 1"), [])
    assert chain.head() == first
    assert chain.row(1) == first


def test_a_commit_before_creation_conflicts(stores: Stores) -> None:
    with pytest.raises(Conflict):
        stores.chain.commit(GENESIS_ROW, following(GENESIS_ROW), [])
    assert stores.chain.head() is None


def test_sealing_shows_in_head_and_row_and_can_be_repeated(chain: Chain) -> None:
    first = extend(chain, 1)
    for _ in range(2):
        chain.seal(1, b"a signed note\n", SIGNATURE)
    sealed = replace(first, checkpoint=b"a signed note\n", signature=SIGNATURE)
    assert chain.head() == sealed
    assert chain.row(1) == sealed
    assert chain.row(0) == GENESIS_ROW


def test_signatures_are_never_replaced(chain: Chain) -> None:
    extend(chain, 1)
    chain.seal(1, b"a signed note\n", SIGNATURE)
    with pytest.raises(Conflict):
        chain.seal(1, b"another signed note\n", SIGNATURE)
    with pytest.raises(Conflict):
        chain.seal(1, b"a signed note\n", bytes(64))
    row = chain.row(1)
    assert row is not None
    assert (row.checkpoint, row.signature) == (b"a signed note\n", SIGNATURE)


def test_applying_shows_in_head_and_row_and_can_be_repeated(chain: Chain) -> None:
    first = extend(chain, 1)
    chain.seal(1, b"a signed note\n", SIGNATURE)
    for _ in range(2):
        chain.mark_applied(1)
    applied = replace(first, checkpoint=b"a signed note\n", signature=SIGNATURE, applied=True)
    assert chain.head() == applied
    assert chain.row(1) == applied


def test_what_is_not_committed_is_neither_sealed_nor_applied(aws_stores: Stores) -> None:
    """Here, too, the fake stops earlier."""
    chain = aws_stores.chain
    chain.create(GENESIS_ROW)
    with pytest.raises(Conflict):
        chain.seal(1, b"a signed note\n", SIGNATURE)
    with pytest.raises(Conflict):
        chain.mark_applied(1)
    assert chain.row(1) is None


def integrating(stores: Stores, job: str, accepted: int) -> None:
    stores.jobs.create(Job(job, "tenant", "admitting"))
    stores.jobs.admit(job, accepted, accepted)


def test_a_commit_moves_the_cursors_of_its_jobs(stores: Stores, chain: Chain) -> None:
    integrating(stores, "a", 10)
    integrating(stores, "b", 7)
    first = following(GENESIS_ROW)
    second = following(first)
    chain.commit(GENESIS_ROW, first, [JobMove("a", 0, 10, 1), JobMove("b", 0, 4, 1)])
    chain.commit(first, second, [JobMove("b", 4, 7, 2)])
    a, b = stores.jobs.get("a"), stores.jobs.get("b")
    assert a is not None
    assert b is not None
    assert a.placements == (Placement(0, 10, 1),)
    assert b.placements == (Placement(0, 4, 1), Placement(4, 7, 2))
    assert (a.integrated, b.integrated) == (10, 7)


def test_ninety_jobs_move_in_one_commit(stores: Stores, chain: Chain) -> None:
    names = [f"job-{n}" for n in range(90)]
    for name in names:
        integrating(stores, name, 1)
    moves = [JobMove(name, 0, 1, 1) for name in names]
    chain.commit(GENESIS_ROW, following(GENESIS_ROW), moves)
    jobs = [stores.jobs.get(name) for name in names]
    assert [job.placements for job in jobs if job] == [(Placement(0, 1, 1),)] * 90


@pytest.mark.parametrize(
    "move",
    [
        pytest.param(JobMove("a", 0, 5, 2), id="these items are placed already"),
        pytest.param(JobMove("a", 7, 10, 2), id="items before them are not placed"),
        pytest.param(JobMove("unknown", 0, 5, 2), id="there is no such job"),
    ],
)
def test_nothing_moves_when_a_cursor_is_elsewhere(
    stores: Stores, chain: Chain, move: JobMove
) -> None:
    integrating(stores, "a", 10)
    integrating(stores, "b", 10)
    first = following(GENESIS_ROW)
    chain.commit(GENESIS_ROW, first, [JobMove("a", 0, 5, 1)])
    with pytest.raises(Conflict):
        chain.commit(first, following(first), [JobMove("b", 0, 10, 2), move])
    a, b = stores.jobs.get("a"), stores.jobs.get("b")
    assert a is not None
    assert b is not None
    assert (a.placements, b.placements) == ((Placement(0, 5, 1),), ())
    assert chain.head() == first
    assert chain.row(2) is None
