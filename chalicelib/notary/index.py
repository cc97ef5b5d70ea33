"""The index: from a key to the index of a leaf, kept as sorted runs that follow from the log alone.

A record is 16 bytes of key and the index of the leaf as u64, big-endian. Keys are the entry id of
every statement and, for a register, its lineage key; both are hashes, so they share one space, and
16 bytes of them collide only for someone who spends 2^64 work on two entries of his own. A run
holds the sorted records of an aligned range of 2^12, 2^16 or 2^20 leaves (``index/12/<n>``, …) and
never changes. What is left below 2^12 is ``index/tail/<size>``, written with each block.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import isqrt
from struct import Struct
from sys import byteorder
from threading import Lock

from ..proof.hashes import Hash, sha256
from ..proof.limits import HASH_BYTES
from .ports import Objects

KEY_BYTES = 16
RECORD_BYTES = 24
FIRST_LEVEL, MIDDLE_LEVEL, LAST_LEVEL = 12, 16, 20
FAN_IN = 16
"""Runs of one level that make one of the next."""

CACHE_BYTES = 64_000_000
"""Runs kept in a process; those of the last level are larger and never kept."""

_RECORD = Struct(">16sQ")


class MissingRun(Exception):
    """A run that the log has outgrown is not there: the bucket has lost objects."""


def lineage_key(sub: str) -> Hash:
    """The key under which a register's ``sub`` is found: SHA-256(03 ‖ sub)."""
    return sha256(b"\x03" + sub.encode())


def tail_key(size: int) -> str | None:
    """Where the records of the incomplete last range are; None when it is complete."""
    return f"index/tail/{size}" if size % (1 << FIRST_LEVEL) else None


def plan_index(
    previous_size: int, ids: Sequence[bytes], lineages: Sequence[bytes | None], tail: bytes
) -> list[tuple[str, bytes]]:
    """The index objects of a block: its link at ``previous_size``, then the statements with these
    entry ids and lineage keys. ``tail`` is the one that was written with the previous block."""
    first = previous_size + 1
    size = first + len(ids)
    pack = _RECORD.pack
    objects: list[tuple[str, bytes]] = []
    records = [tail[at : at + RECORD_BYTES] for at in range(0, len(tail), RECORD_BYTES)]
    start = previous_size
    while start < size:
        number = start >> FIRST_LEVEL
        end = min(size, (number + 1) << FIRST_LEVEL)
        a, b = max(start - first, 0), end - first
        records += [pack(key, index) for index, key in enumerate(ids[a:b], first + a)]
        records += [
            pack(key, index)
            for index, key in enumerate(lineages[a:b], first + a)
            if key is not None
        ]
        records.sort()
        key = tail_key(end) or f"index/{FIRST_LEVEL}/{number}"
        objects.append((key, b"".join(records)))
        records, start = [], end
    return objects


@dataclass(frozen=True, slots=True)
class Merge:
    """The run at ``key`` is made of those at ``sources``."""

    key: str
    sources: tuple[str, ...]


def plan_merges(previous_size: int, size: int) -> list[Merge]:
    """The runs of the upper levels that become complete when the log grows, lower level first."""
    return [
        Merge(
            f"index/{level}/{number}",
            tuple(f"index/{level - 4}/{FAN_IN * number + i}" for i in range(FAN_IN)),
        )
        for level in (MIDDLE_LEVEL, LAST_LEVEL)
        for number in range(previous_size >> level, size >> level)
    ]


def merge_runs(runs: Sequence[bytes]) -> bytes:
    """One run out of several, by first byte of the key, so that few records are objects at once."""
    merged = bytearray()
    starts = [0] * len(runs)
    for byte in range(256):
        records: list[bytes] = []
        for number, run in enumerate(runs):
            start, end = starts[number], _position(run, bytes([byte]) + b"\xff" * KEY_BYTES)
            records += [run[at : at + RECORD_BYTES] for at in range(start, end, RECORD_BYTES)]
            starts[number] = end
        records.sort()
        merged += b"".join(records)
    return bytes(merged)


def _position(run: bytes, key: bytes) -> int:
    """The offset of the first record whose key is not below ``key``."""
    records = range(0, len(run), RECORD_BYTES)
    found = bisect_left(records, key, key=lambda at: run[at : at + KEY_BYTES])
    return found * RECORD_BYTES


class RunCache:
    """Whole runs and tails that were read, the longest unused thrown out first. None of them ever
    changes, so nothing is ever stale."""

    def __init__(self, limit: int = CACHE_BYTES) -> None:
        self._limit = limit
        self._bytes = 0
        self._runs: OrderedDict[str, bytes] = OrderedDict()
        self._lock = Lock()

    def read(self, work: Objects, keys: Sequence[str]) -> list[bytes]:
        """The objects at ``keys``; raises MissingRun."""
        with self._lock:
            runs = {key: self._runs[key] for key in keys if key in self._runs}
        missing = [key for key in keys if key not in runs]
        for key, data in zip(missing, work.get_many(missing) if missing else (), strict=True):
            if data is None:
                raise MissingRun(f"{key} is not there")
            runs[key] = data
        self._keep(runs)
        return [runs[key] for key in keys]

    def _keep(self, runs: dict[str, bytes]) -> None:
        with self._lock:
            for key, data in runs.items():
                self._bytes += 0 if key in self._runs else len(data)
                self._runs[key] = data
                self._runs.move_to_end(key)
            while self._bytes > self._limit:
                self._bytes -= len(self._runs.popitem(last=False)[1])


def find(work: Objects, cache: RunCache, keys: Iterable[bytes], size: int) -> dict[bytes, int]:
    """The index of each key (a hash) that the log of ``size`` holds, by its first 16 bytes.

    Reads the tail and the smaller runs whole, through the cache. Of a large run it reads, for a few
    keys, slices. Raises MissingRun.
    """
    wanted = Wanted(keys)
    if not wanted:
        return {}
    small, large = _runs_of(size)
    found: dict[bytes, int] = {}
    for run in cache.read(work, small):
        found.update(find_in_run(run, wanted))
    for name in large:
        found.update(_find_in_large(work, name, wanted))
    return found


def _runs_of(size: int) -> tuple[list[str], list[str]]:
    """The objects that together index a log of ``size``: those to read whole, and large ones."""
    small: list[str] = []
    start = 0
    for level in (LAST_LEVEL, MIDDLE_LEVEL, FIRST_LEVEL):
        small += [f"index/{level}/{number}" for number in range(start >> level, size >> level)]
        start = size >> level << level
    large = [key for key in small if key.startswith(f"index/{LAST_LEVEL}/")]
    tail = tail_key(size)
    return small[len(large) :] + ([tail] if tail else []), large


class Wanted:
    """Keys to look for, and their first 64 bits as the numbers that they are in this machine."""

    def __init__(self, keys: Iterable[bytes]) -> None:
        self.keys = list(keys)
        self._words = set(_first_words(b"".join(self.keys), HASH_BYTES))

    def __len__(self) -> int:
        return len(self.keys)

    def candidates(self, run: bytes) -> list[bytes]:
        """The keys that the run holds, and perhaps some others that begin like one of its own."""
        words = self._words.intersection(_first_words(run, RECORD_BYTES))
        if not words:
            return []
        return [key for key in self.keys if int.from_bytes(key[:8], byteorder) in words]


def _first_words(data: bytes, stride: int) -> memoryview:
    """The first 8 bytes of every ``stride``: to compare these as numbers takes no Python code."""
    return memoryview(data).cast("Q")[:: stride // 8]


def find_in_run(run: bytes, wanted: Wanted) -> dict[bytes, int]:
    """The wanted keys that the run holds: one by one, or all at once when they are many."""
    count = len(run) // RECORD_BYTES
    few = len(wanted) * FAN_IN < count
    found: dict[bytes, int] = {}
    for each in wanted.keys if few else wanted.candidates(run):
        key = each[:KEY_BYTES]
        index = search(lambda at, length: run[at : at + length], count, key)
        if index is not None:
            found[key] = index
    return found


def _find_in_large(work: Objects, name: str, wanted: Wanted) -> dict[bytes, int]:
    length = work.size(name)
    if length is None:
        raise MissingRun(f"{name} is not there")
    count = length // RECORD_BYTES

    def read(at: int, length: int) -> bytes:
        data = work.get_range(name, at, length)
        assert data is not None, "a run is never removed"
        return data

    if len(wanted) * FAN_IN * _window(count) > count:
        return find_in_run(read(0, length), wanted)
    keys = {key[:KEY_BYTES] for key in wanted.keys}
    indices = {key: search(read, count, key) for key in keys}
    return {key: index for key, index in indices.items() if index is not None}


def _window(count: int) -> int:
    """Records to read around the place where a key should be: 4 standard deviations either way,
    since the number of random keys below one has a deviation of at most √count / 2."""
    return 4 * isqrt(count) + 8


def search(read: Callable[[int, int], bytes], count: int, key: bytes) -> int | None:
    """The index under ``key`` in a run of ``count`` records that ``read(start, length)`` gives."""
    window = _window(count)
    low, high = 0, count
    start = (int.from_bytes(key, "big") * count >> 8 * KEY_BYTES) - window // 2
    while low < high:
        start = max(low, min(start, high - window))
        end = min(start + window, high)
        data = read(start * RECORD_BYTES, (end - start) * RECORD_BYTES)
        if key < data[:KEY_BYTES]:
            high, start = start, start - window
        elif key > data[-RECORD_BYTES:][:KEY_BYTES]:
            low, start = end, end
        else:
            at = _position(data, key)
            found, index = _RECORD.unpack_from(data, at)
            return index if found == key else None
    return None
