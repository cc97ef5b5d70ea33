"""A job's accepted items in one object (``jobs/<id>/accepted``), written once at admission.

``tallyjob``; the counts of items, accepted items and rejections, and the length of the rejections,
each u32; the first rejections as JSON; then columns over the accepted items: number in the
submission (u32), length (u16), lineage key (32 bytes, zero for none), entry; and the SHA-256 of all
that, since a flipped bit here would become an entry of the log. The columns let a reader take a
slice without the rest.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256 as hasher
from itertools import accumulate, pairwise
from struct import Struct, unpack
from typing import NamedTuple

from ..proof.hashes import Hash, sha256
from ..proof.limits import HASH_BYTES
from .limits import REJECTED_LISTED
from .ports import Objects

_HEAD = Struct(">8sIII")
_MAGIC = b"tallyjob"
_NONE = bytes(HASH_BYTES)


class MalformedAccepted(Exception):
    """Not the accepted items of a job."""


class Item(NamedTuple):
    """An accepted item: its number in the submission, its entry and, for a register, its key."""

    number: int
    entry: bytes
    lineage: Hash | None


class Rejected(NamedTuple):
    """A rejected item: its number, the name of the problem, and what to do about it."""

    item: int
    type: str
    detail: str


class Head(NamedTuple):
    items: int
    accepted: int
    rejected_bytes: int

    @property
    def numbers_at(self) -> int:
        return _HEAD.size + self.rejected_bytes


class Accepted(NamedTuple):
    """Columns over the accepted items from ``first`` on."""

    head: Head
    entries: list[bytes]
    lineages: list[bytes | None]


def accepted_key(job: str) -> str:
    return f"jobs/{job}/accepted"


def format_accepted(items: int, accepted: Sequence[Item], rejected: Sequence[Rejected]) -> bytes:
    """Only the first rejections are kept; their number follows from the other two."""
    listed = json.dumps(rejected[:REJECTED_LISTED]).encode()
    body = b"".join(
        [
            _HEAD.pack(_MAGIC, items, len(accepted), len(listed)),
            listed,
            *(item.number.to_bytes(4, "big") for item in accepted),
            *(len(item.entry).to_bytes(2, "big") for item in accepted),
            *(item.lineage or _NONE for item in accepted),
            *(item.entry for item in accepted),
        ]
    )
    return body + sha256(body)


def parse_head(data: bytes) -> Head:
    """Read the counts from the beginning of the object; raises MalformedAccepted."""
    if len(data) < _HEAD.size:
        raise MalformedAccepted("the object ends within its head")
    magic, *counts = _HEAD.unpack_from(data)
    if magic != _MAGIC:
        raise MalformedAccepted("the object does not begin as accepted items do")
    return Head(*counts)


def parse_accepted(data: bytes, first: int, limit: int) -> Accepted:
    """Read at most ``limit`` items from the item ``first`` on; raises MalformedAccepted."""
    head = parse_head(data)
    if hasher(memoryview(data)[:-HASH_BYTES]).digest() != data[-HASH_BYTES:]:
        raise MalformedAccepted("the object does not have the hash at its end")
    count = head.accepted
    lengths_at = head.numbers_at + 4 * count
    lineages_at = lengths_at + 2 * count
    entries_at = lineages_at + HASH_BYTES * count
    lengths = unpack(f">{count}H", data[lengths_at:lineages_at])
    last = min(first + limit, count)
    start = entries_at + sum(lengths[:first])
    bounds = pairwise(accumulate(lengths[first:last], initial=start))
    starts = range(lineages_at + HASH_BYTES * first, lineages_at + HASH_BYTES * last, HASH_BYTES)
    keys = (data[at : at + HASH_BYTES] for at in starts)
    return Accepted(
        head,
        [data[start:end] for start, end in bounds],
        [None if key == _NONE else key for key in keys],
    )


def read_head(work: Objects, job: str) -> Head | None:
    """The counts of a job's object; None when it is not there. Raises MalformedAccepted."""
    data = work.get_range(accepted_key(job), 0, _HEAD.size)
    return None if data is None else parse_head(data)


def read_numbers(work: Objects, job: str) -> tuple[int, ...]:
    """The numbers of the accepted items; raises MalformedAccepted."""
    head = _existing_head(work, job)
    data = _slice(work, job, head.numbers_at, 4 * head.accepted, "numbers")
    return unpack(f">{head.accepted}I", data)


def read_rejected(work: Objects, job: str) -> list[Rejected]:
    """The rejections that were kept; raises MalformedAccepted."""
    head = _existing_head(work, job)
    data = _slice(work, job, _HEAD.size, head.rejected_bytes, "rejections")
    return [Rejected(*each) for each in json.loads(data)]


def _existing_head(work: Objects, job: str) -> Head:
    head = read_head(work, job)
    if head is None:
        raise MalformedAccepted(f"{accepted_key(job)} is not there")
    return head


def _slice(work: Objects, job: str, start: int, length: int, what: str) -> bytes:
    data = work.get_range(accepted_key(job), start, length)
    if data is None or len(data) != length:
        raise MalformedAccepted(f"{accepted_key(job)} ends within its {what}")
    return data
