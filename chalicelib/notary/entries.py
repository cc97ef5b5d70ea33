"""Reading entries, and what proves them, back out of the log by index."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..proof.limits import TILE_WIDTH
from ..proof.tiles import Bundle, Tile, parse_bundle, plan_inclusion
from .log import Log
from .ports import Objects, Row


class MissingObject(Exception):
    """An object of the log is not there: the bucket has lost it."""


def read_objects(bucket: Objects, keys: list[str]) -> list[bytes]:
    """The objects at ``keys``, in order; raises MissingObject."""
    found: list[bytes] = []
    for key, data in zip(keys, bucket.get_many(keys), strict=True):
        if data is None:
            raise MissingObject(f"{key} is not there")
        found.append(data)
    return found


def read_entries(log: Log, indices: Iterable[int], size: int) -> dict[int, bytes]:
    """The entries at ``indices`` in the log of ``size``, with one read per bundle. Raises
    MissingObject, MalformedBundle."""
    wanted = sorted(set(indices))
    numbers = sorted({index // TILE_WIDTH for index in wanted})
    places = [Bundle(each, min(TILE_WIDTH, size - each * TILE_WIDTH)) for each in numbers]
    stored = read_objects(log.tiles, [place.path for place in places])
    bundles = {
        place.index: parse_bundle(data, place.width)
        for place, data in zip(places, stored, strict=True)
    }
    return {index: bundles[index // TILE_WIDTH][index % TILE_WIDTH] for index in wanted}


def read_tiles(
    log: Log, groups: Iterable[tuple[Row, Sequence[int]]], head_size: int
) -> dict[tuple[int, int], bytes]:
    """By level and index, the tiles that prove each row's indices to be in its block, in one read.
    Raises MissingObject."""
    places: set[Tile] = set()
    for row, indices in groups:
        for index in indices:
            places.update(plan_inclusion(index, row.block.size, head_size))
    planned = list(places)
    data = read_objects(log.tiles, [tile.path for tile in planned])
    return {(t.level, t.index): each for t, each in zip(planned, data, strict=True)}
