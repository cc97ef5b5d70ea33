"""Sorted runs: what they hold, that they follow from the log alone, and lookups in them."""

from __future__ import annotations

import random
from collections.abc import Iterable
from hashlib import sha256

import pytest

from chalicelib.notary.index import (
    KEY_BYTES,
    RECORD_BYTES,
    Merge,
    MissingRun,
    RunCache,
    Wanted,
    find,
    find_in_run,
    lineage_key,
    merge_runs,
    plan_index,
    plan_merges,
    search,
    tail_key,
)
from tests.fakes import MemoryObjects


def key(number: int) -> bytes:
    return sha256(number.to_bytes(8, "big")).digest()


def run_of(records: Iterable[tuple[bytes, int]]) -> bytes:
    return b"".join(sorted(k[:KEY_BYTES] + index.to_bytes(8, "big") for k, index in records))


def grown(cuts: list[int]) -> dict[str, bytes]:
    """The index objects of a log whose blocks end at these sizes; even leaves are registers."""
    objects: dict[str, bytes] = {}
    size, tail = 0, b""
    for end in cuts:
        indices = range(size + 1, end)
        lineages = [lineage_key(str(i)) if i % 2 == 0 else None for i in indices]
        planned = plan_index(size, [key(i) for i in indices], lineages, tail)
        objects.update(planned)
        tail = planned[-1][1] if tail_key(end) else b""
        size = end
    return objects


def test_a_lineage_key_is_the_hash_of_03_and_the_sub() -> None:
    assert lineage_key("urn:uuid:é") == sha256(b"\x03urn:uuid:\xc3\xa9").digest()


def test_a_small_block_has_a_tail_of_its_statements_without_its_link() -> None:
    expected = run_of([(key(1), 1), (key(2), 2), (lineage_key("2"), 2)])
    assert grown([3]) == {"index/tail/3": expected}


def test_the_tail_goes_on_where_the_last_one_ended() -> None:
    objects = grown([3, 5])
    assert set(objects) == {"index/tail/3", "index/tail/5"}
    assert len(objects["index/tail/5"]) == len(objects["index/tail/3"]) + 2 * RECORD_BYTES


def test_a_heartbeat_has_the_tail_of_before() -> None:
    objects = grown([3, 4])
    assert objects["index/tail/4"] == objects["index/tail/3"]


def test_a_full_range_is_a_run_and_leaves_no_tail() -> None:
    assert set(grown([4096])) == {"index/12/0"}
    assert set(grown([4095, 4096])) == {"index/tail/4095", "index/12/0"}
    assert set(grown([4096, 4097])) == {"index/12/0", "index/tail/4097"}
    assert grown([4096, 4097])["index/tail/4097"] == b""


def test_a_block_over_several_ranges() -> None:
    objects = grown([4000, 13000])
    assert set(objects) == {
        "index/tail/4000",
        "index/12/0",
        "index/12/1",
        "index/12/2",
        "index/tail/13000",
    }


def test_a_full_run_does_not_depend_on_where_later_blocks_end() -> None:
    a, b = grown([100, 4100, 9000]), grown([100, 4100, 8192, 8193, 9000])
    assert a["index/12/0"] == b["index/12/0"]


@pytest.mark.parametrize(
    ("before", "after", "keys"),
    [
        (0, 65_535, []),
        (0, 65_536, ["index/16/0"]),
        (65_535, 65_536, ["index/16/0"]),
        (65_536, 70_000, []),
        (65_536, 200_000, ["index/16/1", "index/16/2"]),
        ((1 << 20) - 1, 1 << 20, ["index/16/15", "index/20/0"]),
    ],
)
def test_larger_runs_are_made_when_their_range_is_full(
    before: int, after: int, keys: list[str]
) -> None:
    assert [merge.key for merge in plan_merges(before, after)] == keys


def test_a_larger_run_is_made_of_sixteen() -> None:
    [merge] = plan_merges(65_536, 131_072)
    assert merge == Merge("index/16/1", tuple(f"index/12/{n}" for n in range(16, 32)))


def test_merging_keeps_every_record_in_order() -> None:
    records = [(key(i), i) for i in range(3000)]
    runs = [run_of(records[at::16]) for at in range(16)]
    assert merge_runs(runs) == run_of(records)
    assert merge_runs([b""] * 16) == b""


def test_merging_keeps_the_greatest_and_the_least_key() -> None:
    ends = [(b"\x00" * 16, 1), (b"\xff" * 16, 2)]
    assert merge_runs([run_of(ends), b""]) == run_of(ends)


@pytest.mark.parametrize("count", [0, 1, 2, 100, 5000])
def test_every_key_of_a_run_is_found_and_no_other(count: int) -> None:
    run = run_of((key(i), i) for i in range(count))
    for i in range(count + 5):
        found = search(lambda at, n: run[at : at + n], count, key(i)[:KEY_BYTES])
        assert found == (i if i < count else None)


@pytest.mark.parametrize("first_byte", [b"\x00", b"\xff"])
def test_a_run_of_keys_that_are_no_hashes_is_searched_all_the_same(first_byte: bytes) -> None:
    """The estimate is far off then, on either side, and the window moves until it is right."""
    keys = [first_byte + key(i)[1:KEY_BYTES] for i in range(4000)]
    run = run_of((k, i) for i, k in enumerate(keys))
    far = (b"\xff" if first_byte == b"\x00" else b"\x00") + bytes(15)
    for i in (0, 1, 1999, 3999):
        assert search(lambda at, n: run[at : at + n], 4000, keys[i]) == i
    middle = sorted(keys)[2000]
    moved = b"\x80" + middle[1:]
    assert search(lambda at, n: run[at : at + n], 4000, far) is None
    assert search(lambda at, n: run[at : at + n], 4000, moved) is None


def test_a_search_reads_little_of_a_large_run() -> None:
    count, read = 100_000, []
    run = run_of((key(i), i) for i in range(count))

    def slices(at: int, length: int) -> bytes:
        read.append(length)
        return run[at : at + length]

    for i in range(0, count, 997):
        assert search(slices, count, key(i)[:KEY_BYTES]) == i
    assert sum(read) / len(range(0, count, 997)) < len(run) / 50


def store(objects: dict[str, bytes]) -> MemoryObjects:
    work = MemoryObjects()
    work.data.update(objects)
    return work


@pytest.mark.parametrize("size", [1, 2, 4095, 4096, 4097, 20_000])
@pytest.mark.parametrize("wanted", [1, 20_000])
def test_a_lookup_agrees_with_a_dictionary(size: int, wanted: int) -> None:
    work = store(grown([size]))
    known = {key(i): i for i in range(1, size)}
    known |= {lineage_key(str(i)): i for i in range(2, size, 2)}
    sample = random.Random(size).sample(sorted(known), min(wanted, len(known)))
    strangers = [key(-i & 0xFFFFFFFF) for i in range(1, wanted + 1)]
    found = find(work, RunCache(), [*sample, *strangers], size)
    assert found == {k[:KEY_BYTES]: known[k] for k in sample}


def test_a_lookup_of_nothing_reads_nothing() -> None:
    assert find(MemoryObjects(), RunCache(), [], 5000) == {}


def test_a_lookup_in_an_empty_log() -> None:
    assert find(MemoryObjects(), RunCache(), [key(1)], 0) == {}


def test_two_keys_that_begin_with_the_same_64_bits_are_both_found() -> None:
    """To make such a pair takes no more than 2^32 work; it must not hide one of them."""
    pair = [key(1)[:8] + bytes(24), key(1)[:8] + b"\x01" * 24]
    run = run_of([(pair[0], 1), (pair[1], 2), (key(2), 3)])
    assert find_in_run(run, Wanted(pair)) == {pair[0][:KEY_BYTES]: 1, pair[1][:KEY_BYTES]: 2}
    assert find_in_run(run, Wanted([key(1)[:8] + b"\x02" * 24])) == {}


def large_store(count: int) -> MemoryObjects:
    """A log of 2^20 leaves, as if most of them were links."""
    return store({"index/20/0": run_of((key(i), i) for i in range(count))})


@pytest.mark.parametrize("wanted", [3, 4000])
def test_a_large_run_is_read_by_slices_for_few_keys_and_whole_for_many(wanted: int) -> None:
    work, lengths = large_store(200_000), []
    get_range = work.get_range

    def counted(key: str, start: int, length: int) -> bytes | None:
        lengths.append(length)
        return get_range(key, start, length)

    work.get_range = counted  # type: ignore[method-assign]
    keys = [key(7 * i) for i in range(wanted - 1)]
    found = find(work, RunCache(), [*keys, key(200_001)], 1 << 20)
    assert found == {k[:KEY_BYTES]: 7 * i for i, k in enumerate(keys)}
    whole = work.size("index/20/0")
    assert (lengths == [whole]) == (wanted == 4000)
    assert wanted == 4000 or max(lengths) < 60_000


def test_a_run_that_is_gone_is_named() -> None:
    with pytest.raises(MissingRun, match="index/20/0"):
        find(MemoryObjects(), RunCache(), [key(1)], 1 << 20)
    with pytest.raises(MissingRun, match="index/12/0"):
        find(MemoryObjects(), RunCache(), [key(1)], 4096)


def test_runs_are_kept_and_the_longest_unused_thrown_out() -> None:
    work = store({name: name.encode() * 10 for name in "abc"})
    cache = RunCache(limit=25)
    assert cache.read(work, ["a", "b"]) == [b"a" * 10, b"b" * 10]
    cache.read(work, ["a"])
    cache.read(work, ["c"])
    work.data.clear()
    assert cache.read(work, ["c", "a"]) == [b"c" * 10, b"a" * 10]
    with pytest.raises(MissingRun, match="b is not there"):
        cache.read(work, ["b"])
