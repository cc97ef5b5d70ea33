"""The tree stored as tiles and entry bundles (C2SP tlog-tiles).

A tile holds up to 256 hashes of one level, level 0 being the leaf hashes and each hash of a higher
level the root of a full tile below. Nothing here reads storage: a ``plan_…`` says which tiles to
read, the caller reads them in one batch, and a pure function computes. Plans name tiles as wide as
the head has them, since the narrower ones of earlier sizes may be gone; a wider tile always stands
in for a narrower one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple

from .errors import CannotTell, Malformed
from .hashes import EMPTY_ROOT, Hash
from .limits import HASH_BYTES, TILE_HEIGHT, TILE_WIDTH, TREE_SIZE
from .merkle import Ranges, consistency_ranges, inclusion_ranges, next_row, parents

_NODE = b"\x01"
_TILE_BYTES = TILE_WIDTH * HASH_BYTES
_LENGTH_BYTES = 2
_LARGEST_LEVEL = 63
_PATH = re.compile(r"tile/(entries|[0-9]{1,2})/((?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/([0-9]{1,3}))?")


class MalformedTilePath(Malformed):
    """Not the path of a tile or a bundle."""


class MalformedTile(Malformed):
    """Not whole hashes, or more of them than a tile holds."""


class MalformedBundle(Malformed):
    """Not exactly the expected number of length-prefixed entries."""


class MissingTile(CannotTell):
    """A planned tile was not given, or is narrower than planned."""


@dataclass(frozen=True, slots=True)
class Tile:
    """The place of one tile; ``width`` is the number of its hashes, 1 to 256."""

    level: int
    index: int
    width: int

    @property
    def path(self) -> str:
        """Where it is served, under the log's prefix."""
        return f"tile/{self.level}/{_format_place(self.index, self.width)}"


@dataclass(frozen=True, slots=True)
class Bundle:
    """The place of one entry bundle; ``width`` is the number of its entries, 1 to 256."""

    index: int
    width: int

    @property
    def path(self) -> str:
        """Where it is served, under the log's prefix."""
        return f"tile/entries/{_format_place(self.index, self.width)}"


Tiles = Mapping[tuple[int, int], bytes]
"""Tiles that were read, by (level, index)."""

Edge = list[bytes]
"""The partial tiles on the right edge of a tree, level 0 first; ``b""`` where the width is zero."""


class Growth(NamedTuple):
    """A tree after growing: its new tiles, full ones and the partial one of each changed level."""

    size: int
    root: Hash
    tiles: list[tuple[Tile, bytes]]
    edge: Edge


def _format_place(index: int, width: int) -> str:
    groups = [f"{index % 1000:03}"]
    while index := index // 1000:
        groups.append(f"x{index % 1000:03}")
    partial = "" if width == TILE_WIDTH else f".p/{width}"
    return "/".join(reversed(groups)) + partial


def parse_tile_path(path: str) -> Tile | Bundle:
    """Read a path such as ``tile/0/x001/067.p/8``; raises MalformedTilePath."""
    match = _PATH.fullmatch(path)
    if match is None:
        raise MalformedTilePath("a tile path is tile/<level or entries>/<index>[.p/<width>]")
    level, groups, width = match.groups()
    index = int(groups.replace("x", "").replace("/", ""))
    place: Tile | Bundle = Bundle(index, int(width or TILE_WIDTH))
    if level != "entries":
        place = Tile(int(level), place.index, place.width)
    if place.path != path or place.width not in range(1, TILE_WIDTH + 1):
        raise MalformedTilePath("numbers in a tile path have one spelling, and widths 1 to 255")
    _check_place(place)
    return place


def _check_place(place: Tile | Bundle) -> None:
    level = place.level if isinstance(place, Tile) else 0
    if level > _LARGEST_LEVEL or place.index << TILE_HEIGHT * (level + 1) > TREE_SIZE:
        raise MalformedTilePath("no tree has a tile at this place")


def format_bundle(entries: Iterable[bytes]) -> bytes:
    """Concatenate entries, each after its length as u16 big-endian."""
    return b"".join(
        part for entry in entries for part in (len(entry).to_bytes(_LENGTH_BYTES, "big"), entry)
    )


def parse_bundle(data: bytes, width: int) -> tuple[bytes, ...]:
    """Read the bundle of exactly ``width`` entries; raises MalformedBundle."""
    entries: list[bytes] = []
    start = 0
    for _ in range(width):
        entry_start = start + _LENGTH_BYTES
        start = entry_start + int.from_bytes(data[start:entry_start], "big")
        if start > len(data):
            raise MalformedBundle(f"the bundle ends within entry {len(entries)} of {width}")
        entries.append(data[entry_start:start])
    if start != len(data):
        raise MalformedBundle(f"the bundle goes on after its {width} entries")
    return tuple(entries)


def plan_inclusion(index: int, size: int, head_size: int) -> tuple[Tile, ...]:
    """The tiles to read for the path of one leaf in the tree of ``size``."""
    return _plan(inclusion_ranges(index, size), head_size)


def plan_consistency(old_size: int, size: int, head_size: int) -> tuple[Tile, ...]:
    """The tiles to read for the path from the tree of ``old_size`` to that of ``size``."""
    return _plan(consistency_ranges(old_size, size), head_size)


def plan_root(size: int, head_size: int) -> tuple[Tile, ...]:
    """The tiles to read for the root of the tree of ``size``."""
    return _plan(((0, size),), head_size)


def prove_inclusion_from_tiles(index: int, size: int, tiles: Tiles) -> tuple[Hash, ...]:
    """The path of one leaf in the tree of ``size``; raises MissingTile, MalformedTile."""
    return prove_inclusions_from_tiles((index,), size, tiles)[0]


def prove_inclusions_from_tiles(
    indices: Iterable[int], size: int, tiles: Tiles
) -> list[tuple[Hash, ...]]:
    """The paths of many leaves in one tree, hashing each tile once."""
    nodes = _Nodes(tiles)
    return [nodes.resolve(inclusion_ranges(index, size)) for index in indices]


def prove_consistency_from_tiles(old_size: int, size: int, tiles: Tiles) -> tuple[Hash, ...]:
    """The path between two trees; raises MissingTile, MalformedTile."""
    return _Nodes(tiles).resolve(consistency_ranges(old_size, size))


def root_from_tiles(size: int, tiles: Tiles) -> Hash:
    """The root of the tree of ``size``; raises MissingTile, MalformedTile."""
    return _Nodes(tiles).resolve(((0, size),))[0] if size else EMPTY_ROOT


def _plan(ranges: Ranges, head_size: int) -> tuple[Tile, ...]:
    assert all(end <= head_size for _, end in ranges), "the head holds the tree"
    places = {_place_of(*node)[:2] for start, end in ranges for node in _cover(start, end)}
    return tuple(
        Tile(level, index, min(TILE_WIDTH, (head_size >> TILE_HEIGHT * level) - index * TILE_WIDTH))
        for level, index in sorted(places)
    )


def _cover(start: int, end: int) -> list[tuple[int, int]]:
    """The complete subtrees, as (height, index), that make up a range of a proof."""
    subtrees = []
    while start < end:
        height = (end - start).bit_length() - 1
        subtrees.append((height, start >> height))
        start += 1 << height
    return subtrees


def _place_of(height: int, index: int) -> tuple[int, int, int, int]:
    """Where a complete subtree's root is: (tile level, tile index, height in tile, offset)."""
    level, inside = divmod(height, TILE_HEIGHT)
    tile, offset = divmod(index, TILE_WIDTH >> inside)
    return level, tile, inside, offset


class _Nodes:
    """Roots of subtrees out of tiles, each tile being hashed at most once."""

    def __init__(self, tiles: Tiles) -> None:
        self._tiles = tiles
        self._rows: dict[tuple[int, int], list[list[bytes]]] = {}

    def resolve(self, ranges: Ranges) -> tuple[Hash, ...]:
        """The root of each range."""
        return tuple(Hash(self._root_of_range(start, end)) for start, end in ranges)

    def _root_of_range(self, start: int, end: int) -> bytes:
        *left, root = [self._root_of_subtree(*subtree) for subtree in _cover(start, end)]
        for sibling in reversed(left):
            root = sha256(_NODE + sibling + root).digest()
        return root

    def _root_of_subtree(self, height: int, index: int) -> bytes:
        level, tile, inside, offset = _place_of(height, index)
        row = self._rows_of(level, tile)[inside]
        if offset >= len(row):
            raise MissingTile(f"tile {tile} of level {level} is narrower than planned")
        return row[offset]

    def _rows_of(self, level: int, index: int) -> list[list[bytes]]:
        rows = self._rows.get((level, index))
        if rows is None:
            rows = [_hashes_of(_read(self._tiles, level, index))]
            for _ in range(TILE_HEIGHT - 1):
                rows.append(parents(rows[-1]))
            self._rows[level, index] = rows
        return rows


def _read(tiles: Tiles, level: int, index: int) -> bytes:
    data = tiles.get((level, index))
    if data is None:
        raise MissingTile(f"tile {index} of level {level} was not given")
    if len(data) % HASH_BYTES or len(data) > _TILE_BYTES:
        raise MalformedTile(f"tile {index} of level {level} is not up to 256 whole hashes")
    return data


def _hashes_of(tile: bytes) -> list[bytes]:
    return [tile[start : start + HASH_BYTES] for start in range(0, len(tile), HASH_BYTES)]


def edge_tiles(size: int) -> tuple[Tile | Bundle, ...]:
    """What to read to go on growing a tree of ``size``: its partial tiles and partial bundle."""
    tiles: list[Tile | Bundle] = [
        Tile(level, size >> TILE_HEIGHT * (level + 1), width)
        for level, width in enumerate(_edge_widths(size))
        if width
    ]
    if size % TILE_WIDTH:
        tiles.append(Bundle(size // TILE_WIDTH, size % TILE_WIDTH))
    return tuple(tiles)


def _edge_widths(size: int) -> list[int]:
    """The width of the partial tile of each level, zero included; the last is that of the top."""
    widths = []
    while size:
        widths.append(size % TILE_WIDTH)
        size //= TILE_WIDTH
    return widths


def edge_from_tiles(size: int, tiles: Tiles) -> Edge:
    """The edge of the tree of ``size``; raises MissingTile, MalformedTile."""
    edge = []
    for level, width in enumerate(_edge_widths(size)):
        index = size >> TILE_HEIGHT * (level + 1)
        data = _read(tiles, level, index)[: width * HASH_BYTES] if width else b""
        if len(data) != width * HASH_BYTES:
            raise MissingTile(f"tile {index} of level {level} is narrower than planned")
        edge.append(data)
    return edge


def root_of_edge(edge: Edge) -> Hash:
    """The root of the tree that has this edge."""
    row: list[bytes] = []
    for partial in edge:
        # What came from below is the incomplete subtree right of this level's complete ones.
        row = _hashes_of(partial) + row
        while len(row) > 1:
            row = next_row(row)
    return Hash(row[0]) if row else EMPTY_ROOT


def grow(size: int, edge: Edge, leaf_hashes: Sequence[bytes]) -> Growth:
    """Append leaf hashes to the tree of ``size`` that has this edge.

    One node hash a leaf, and the right edge once: nothing of the tree but its edge is needed.
    """
    assert [len(partial) for partial in edge] == [
        width * HASH_BYTES for width in _edge_widths(size)
    ], "the edge is that of this size"
    tiles: list[tuple[Tile, bytes]] = []
    new_edge = list(edge)
    rising = b"".join(leaf_hashes)
    level = 0
    while rising:
        if level == len(new_edge):
            new_edge.append(b"")
        index = size >> TILE_HEIGHT * (level + 1)
        grown, rising, new_edge[level] = _grow_level(level, index, new_edge[level] + rising)
        tiles += grown
        level += 1
    return Growth(size + len(leaf_hashes), root_of_edge(new_edge), tiles, new_edge)


def _grow_level(
    level: int, index: int, data: bytes
) -> tuple[list[tuple[Tile, bytes]], bytes, bytes]:
    """Cut a level's new end into tiles: (tiles, roots of the full ones, the partial one)."""
    tiles: list[tuple[Tile, bytes]] = []
    roots: list[bytes] = []
    whole = len(data) - len(data) % _TILE_BYTES
    for start in range(0, whole, _TILE_BYTES):
        tile = data[start : start + _TILE_BYTES]
        tiles.append((Tile(level, index + len(tiles), TILE_WIDTH), tile))
        roots.append(_root_of_full(tile))
    partial = data[whole:]
    if partial:
        tiles.append((Tile(level, index + len(tiles), len(partial) // HASH_BYTES), partial))
    return tiles, b"".join(roots), partial


def _root_of_full(tile: bytes) -> bytes:
    row = [
        sha256(_NODE + tile[start : start + 2 * HASH_BYTES]).digest()
        for start in range(0, _TILE_BYTES, 2 * HASH_BYTES)
    ]
    while len(row) > 1:
        row = parents(row)
    return row[0]
