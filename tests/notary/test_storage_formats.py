"""Staging objects and accepted items: exact round trips, and no byte of them changed unseen."""

from __future__ import annotations

import pytest

from chalicelib.notary.accepted import (
    Head,
    Item,
    MalformedAccepted,
    Rejected,
    accepted_key,
    format_accepted,
    parse_accepted,
    parse_head,
    read_head,
    read_numbers,
    read_rejected,
)
from chalicelib.notary.batch import Plan, StoredObject
from chalicelib.notary.limits import REJECTED_LISTED
from chalicelib.notary.staging import WrongStaging, format_staging, parse_staging, staging_key
from chalicelib.proof.block import GENESIS
from chalicelib.proof.hashes import sha256
from tests.fakes import MemoryObjects

OBJECTS = [StoredObject("tiles", "tile/0/000.p/1", b"leaf"), StoredObject("work", "index/x", b"")]
PLAN = Plan(GENESIS("a"), 1, OBJECTS, [], ["id"], [("poison", "reason é")])
STAGED = format_staging(PLAN)


def test_a_staging_object_holds_all_that_applying_needs() -> None:
    staged = parse_staging(staging_key(3, STAGED), STAGED)
    assert list(staged.objects()) == OBJECTS
    assert staged.header == PLAN.block.header
    assert (staged.done, staged.poison) == (PLAN.done, PLAN.poison)


def test_the_key_of_a_staging_object_names_height_and_hash() -> None:
    assert staging_key(3, b"x") == f"staging/3-{sha256(b'x').hex()}"


@pytest.mark.parametrize("at", [0, 18, 40, len(STAGED) - 1])
def test_a_staging_object_with_a_changed_byte_is_not_read(at: int) -> None:
    changed = STAGED[:at] + bytes([STAGED[at] ^ 1]) + STAGED[at + 1 :]
    with pytest.raises(WrongStaging):
        parse_staging(staging_key(3, STAGED), changed)


ITEMS = [
    Item(0, b"first", sha256(b"lineage")),
    Item(2, b"second entry", None),
    Item(5, b"third", None),
]
REJECTED = [Rejected(1, "wrong-signature", "sign it again"), Rejected(3, "unknown-kind", "é")]
DATA = format_accepted(6, ITEMS, REJECTED)


@pytest.mark.parametrize("first", range(4))
@pytest.mark.parametrize("limit", range(4))
def test_any_slice_of_the_accepted_items_is_read_alone(first: int, limit: int) -> None:
    accepted = parse_accepted(DATA, first, limit)
    part = ITEMS[first : first + limit]
    assert accepted.entries == [item.entry for item in part]
    assert accepted.lineages == [item.lineage for item in part]
    assert (accepted.head.items, accepted.head.accepted) == (6, 3)


def test_a_job_without_accepted_items() -> None:
    data = format_accepted(1, [], REJECTED[:1])
    assert parse_accepted(data, 0, 10).entries == []
    assert parse_head(data) == Head(1, 0, len('[[1, "wrong-signature", "sign it again"]]'))


def stored(data: bytes) -> MemoryObjects:
    work = MemoryObjects()
    work.data[accepted_key("j")] = data
    return work


def test_head_numbers_and_rejections_are_read_by_their_slices() -> None:
    work = stored(DATA)
    head = read_head(work, "j")
    assert head is not None
    assert (head.items, head.accepted) == (6, 3)
    assert read_numbers(work, "j") == (0, 2, 5)
    assert read_rejected(work, "j") == REJECTED


def test_only_the_first_rejections_are_kept() -> None:
    many = [Rejected(number, "unknown-kind", "") for number in range(REJECTED_LISTED + 5)]
    work = stored(format_accepted(len(many), [], many))
    assert read_rejected(work, "j") == many[:REJECTED_LISTED]


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (DATA[:19], "within its head"),
        (b"TALLYJOB" + DATA[8:], "does not begin"),
        (DATA[:150], "hash at its end"),
        (DATA[:-1], "hash at its end"),
        (DATA + b"x", "hash at its end"),
        (DATA.replace(b"second", b"sechnd"), "hash at its end"),
    ],
    ids=["cut-head", "other-magic", "cut-columns", "cut-hash", "trailing-byte", "changed-entry"],
)
def test_accepted_items_that_are_damaged_are_not_read(data: bytes, match: str) -> None:
    with pytest.raises(MalformedAccepted, match=match):
        parse_accepted(data, 0, 10)


def test_slices_of_an_object_that_is_not_there_or_cut() -> None:
    empty = MemoryObjects()
    assert read_head(empty, "j") is None
    for read in (read_numbers, read_rejected):
        with pytest.raises(MalformedAccepted, match="is not there"):
            read(empty, "j")
    with pytest.raises(MalformedAccepted, match="within its numbers"):
        read_numbers(stored(DATA[: parse_head(DATA).numbers_at + 3]), "j")
    with pytest.raises(MalformedAccepted, match="within its rejections"):
        read_rejected(stored(DATA[:25]), "j")
