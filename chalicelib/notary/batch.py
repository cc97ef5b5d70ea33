"""Planning a batch, without any I/O: from what was taken to the block and every object of it.

The loops over entries work on raw bytes: entries were verified at admission, and what pays per
entry is only their hashing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from struct import pack
from typing import Literal, NamedTuple

from ..proof.block import Block, Link, format_link
from ..proof.hashes import leaf_hash
from ..proof.limits import TILE_WIDTH
from ..proof.tiles import Bundle, Edge, format_bundle, grow
from .index import KEY_BYTES, plan_index, tail_key
from .ports import JobMove

REFUSED = (1 << 64) - 1
"""Stands for the index of an accepted item that was refused when its batch was made."""

SUB_NOT_NEW = (
    "sub-not-new: the log already holds a register with this sub; use supersede, or a new sub"
)


class Singles(NamedTuple):
    """Submissions of one entry each: columns of one length, of their ids in pending, their
    entries, entry ids and lineage keys."""

    submissions: Sequence[str]
    entries: Sequence[bytes]
    ids: Sequence[bytes]
    lineages: Sequence[bytes | None]


class Portion(NamedTuple):
    """What a job gives to a batch: items [first, first + len(entries)) of its ``accepted`` ones."""

    job: str
    entries: Sequence[bytes]
    ids: Sequence[bytes]
    lineages: Sequence[bytes | None]
    first: int
    accepted: int


Part = Singles | Portion


@dataclass(frozen=True, slots=True)
class Taken:
    """What was taken from pending: the parts in their order, the submissions that need nothing
    more, and the poison with its reasons."""

    parts: list[Part] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    poison: list[tuple[str, str]] = field(default_factory=list)


class RightEdge(NamedTuple):
    """What of the log is needed to go on: partial tiles, partial bundle, tail of the index."""

    tiles: Edge
    entries: tuple[bytes, ...]
    tail: bytes


class StoredObject(NamedTuple):
    bucket: Literal["tiles", "work"]
    key: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Plan:
    """A block and everything that becomes true with it. ``entries`` counts the new statements;
    ``done`` may leave pending, ``poison`` is set aside, once the block is applied."""

    block: Block
    entries: int
    objects: list[StoredObject]
    moves: list[JobMove]
    done: list[str]
    poison: list[tuple[str, str]]


def item_ids(entries: Iterable[bytes]) -> list[bytes]:
    """The entry ids of many entries, as bare bytes: this loop is hot."""
    return [sha256(b"\x00" + entry).digest() for entry in entries]


def wanted_keys(parts: Iterable[Part]) -> list[bytes]:
    """The keys to look up in the index before ``plan_batch``."""
    keys: list[bytes] = []
    for part in parts:
        keys += part.ids
        keys += [key for key in part.lineages if key is not None]
    return keys


def plan_batch(
    previous: Block, edge: RightEdge, taken: Taken, known: Mapping[bytes, int], now_ms: int
) -> Plan:
    """The block after ``previous`` that holds what is new in ``taken``.

    ``known`` has the indices of those ``wanted_keys`` that the log already holds, by their first
    16 bytes. An entry that is known, or stands earlier in the batch, is done without being held
    again; a register whose lineage key is known under another entry is refused.
    """
    placed = _place(taken.parts, known, previous.size + 1)
    grown = plan_block(previous, edge, placed.entries, placed.ids, placed.lineages, now_ms)
    plan = Plan(
        block=grown.block,
        entries=len(placed.entries),
        objects=grown.objects,
        moves=[],
        done=list(taken.done),
        poison=list(taken.poison),
    )
    for part, indices in zip(taken.parts, placed.indices, strict=True):
        if isinstance(part, Singles):
            _settle_singles(plan, part, indices)
        else:
            _settle_portion(plan, part, indices)
    return plan


class _Placed(NamedTuple):
    """The columns of the new statements, and for each part the indices of its entries."""

    entries: list[bytes]
    ids: list[bytes]
    lineages: list[bytes | None]
    indices: list[list[int]]


def _place(parts: Iterable[Part], known: Mapping[bytes, int], first: int) -> _Placed:
    seen = dict(known)
    placed = _Placed([], [], [], [])
    entries, ids, lineages, _ = placed
    index = first
    for part in parts:
        indices: list[int] = []
        for entry, entry_id, lineage in zip(part.entries, part.ids, part.lineages, strict=True):
            key = entry_id[:KEY_BYTES]
            at = seen.get(key)
            if at is None:
                if lineage is None or seen.setdefault(lineage[:KEY_BYTES], index) == index:
                    at = seen[key] = index
                    entries.append(entry)
                    ids.append(entry_id)
                    lineages.append(lineage)
                    index += 1
                else:
                    at = REFUSED
            indices.append(at)
        placed.indices.append(indices)
    return placed


def _settle_singles(plan: Plan, part: Singles, indices: list[int]) -> None:
    for submission, index in zip(part.submissions, indices, strict=True):
        if index == REFUSED:
            plan.poison.append((submission, SUB_NOT_NEW))
        else:
            plan.done.append(submission)


def _settle_portion(plan: Plan, part: Portion, indices: list[int]) -> None:
    last = part.first + len(indices)
    data = pack(f">{len(indices)}Q", *indices)
    plan.objects.append(StoredObject("work", placed_key(part.job, part.first), data))
    plan.moves.append(JobMove(part.job, part.first, last, plan.block.height))
    if last == part.accepted:
        plan.done.append(part.job)


def placed_key(job: str, first: int) -> str:
    """Where a batch writes the indices of the job's accepted items from ``first`` on, as u64."""
    return f"jobs/{job}/placed/{first}"


class Grown(NamedTuple):
    """A block, all objects that follow from it, and the right edge after it."""

    block: Block
    objects: list[StoredObject]
    edge: RightEdge


def plan_block(
    previous: Block,
    edge: RightEdge,
    entries: Sequence[bytes],
    ids: Sequence[bytes],
    lineages: Sequence[bytes | None],
    now_ms: int,
) -> Grown:
    """The block that holds its link and these statements, and what follows from it. That follows
    from nothing else, so that an audit plans it again and compares."""
    link = format_link(Link(previous.height + 1, previous.hash, now_ms))
    growth = grow(previous.size, edge.tiles, [leaf_hash(link), *ids])
    block = Block(
        previous.origin, previous.height + 1, previous.hash, growth.size, growth.root, now_ms
    )
    unbundled = [*edge.entries, link, *entries]
    index = plan_index(previous.size, ids, lineages, edge.tail)
    objects = [
        StoredObject("tiles", bundle.path, data)
        for bundle, data in plan_bundles(previous.size, unbundled)
    ]
    objects += [StoredObject("tiles", tile.path, data) for tile, data in growth.tiles]
    objects += [StoredObject("work", key, data) for key, data in index]
    partial = tuple(unbundled[len(unbundled) - growth.size % TILE_WIDTH :])
    tail = index[-1][1] if tail_key(growth.size) else b""
    return Grown(block, objects, RightEdge(growth.edge, partial, tail))


def plan_bundles(previous_size: int, entries: Sequence[bytes]) -> list[tuple[Bundle, bytes]]:
    """The bundles of a growing log; ``entries`` begins with those of its partial bundle."""
    first = previous_size // TILE_WIDTH
    cuts = range(0, len(entries), TILE_WIDTH)
    parts = (entries[at : at + TILE_WIDTH] for at in cuts)
    return [
        (Bundle(first + number, len(part)), format_bundle(part))
        for number, part in enumerate(parts)
    ]
