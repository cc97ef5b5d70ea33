"""Reading entries back out of the log, by index."""

from __future__ import annotations

from collections.abc import Iterable

from ..proof.limits import TILE_WIDTH
from ..proof.tiles import Bundle, parse_bundle
from .log import Log
from .ports import Objects


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
