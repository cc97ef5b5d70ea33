"""``Objects``: conditional puts, and reads that see every finished one."""

from __future__ import annotations

import random

import pytest

from chalicelib.notary.ports import Conflict, Objects

from .stores import Stores

KEYS = ["checkpoint", "tile/0/x001/067.p/8", "tile/entries/000", "jobs/a/placed/0", "é ü+%2F"]


@pytest.fixture
def objects(stores: Stores) -> Objects:
    return stores.objects


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("data", [b"", b"\x00\xff\r\n", random.Random(1).randbytes(300_000)])
def test_an_object_comes_back_as_it_was_put(objects: Objects, key: str, data: bytes) -> None:
    objects.create(key, data)
    assert objects.get(key) == data
    assert objects.size(key) == len(data)


def test_what_is_absent_is_none(objects: Objects) -> None:
    objects.create("tile/0/000", b"data")
    assert objects.get("tile/0") is None
    assert objects.size("tile/0") is None
    assert objects.get_range("tile/0", 0, 1) is None


def test_buckets_are_apart(stores: Stores) -> None:
    stores.objects.create("key", b"data")
    assert stores.others.get("key") is None


@pytest.mark.parametrize("data", [b"the same", b"other"])
def test_an_object_is_created_once(objects: Objects, data: bytes) -> None:
    objects.create("key", b"the same")
    with pytest.raises(Conflict):
        objects.create("key", data)
    assert objects.get("key") == b"the same"


def test_many_are_read_in_the_order_asked_for(objects: Objects) -> None:
    for number in range(40):
        objects.create(f"object/{number}", b"%d" % number)
    asked = [f"object/{number}" for number in (39, 7, 7, 100, *range(20))]
    expected = [b"39", b"7", b"7", None, *(b"%d" % number for number in range(20))]
    assert objects.get_many(asked) == expected
    assert objects.get_many([]) == []


@pytest.mark.parametrize(
    ("start", "length", "expected"),
    [(0, 4, b"0123"), (4, 3, b"456"), (8, 2, b"89"), (8, 9, b"89"), (10, 1, b""), (11, 5, b"")],
)
def test_a_range_ends_with_the_object(
    objects: Objects, start: int, length: int, expected: bytes
) -> None:
    objects.create("key", b"0123456789")
    assert objects.get_range("key", start, length) == expected


def test_a_swap_replaces_what_it_names(objects: Objects) -> None:
    objects.swap("checkpoint", None, b"one")
    objects.swap("checkpoint", b"one", b"two")
    objects.swap("checkpoint", b"two", b"one")
    assert objects.get("checkpoint") == b"one"


@pytest.mark.parametrize("old", [None, b"two", b"on", b"one ", b""])
def test_a_swap_of_anything_else_conflicts(objects: Objects, old: bytes | None) -> None:
    objects.create("checkpoint", b"one")
    with pytest.raises(Conflict):
        objects.swap("checkpoint", old, b"three")
    assert objects.get("checkpoint") == b"one"


def test_a_swap_of_what_is_absent_conflicts(objects: Objects) -> None:
    with pytest.raises(Conflict):
        objects.swap("checkpoint", b"one", b"two")
    assert objects.get("checkpoint") is None
