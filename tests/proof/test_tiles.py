"""Tiles: the paths, the plans, and a tree that grows by its right edge alone."""

from __future__ import annotations

from contextlib import suppress
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.proof.hashes import EMPTY_ROOT, Hash
from chalicelib.proof.merkle import (
    prove_consistency,
    prove_inclusion,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from chalicelib.proof.tiles import (
    Bundle,
    Growth,
    MalformedBundle,
    MalformedTile,
    MalformedTilePath,
    MissingTile,
    Tile,
    edge_from_tiles,
    edge_tiles,
    format_bundle,
    grow,
    parse_bundle,
    parse_tile_path,
    plan_consistency,
    plan_inclusion,
    plan_root,
    prove_consistency_from_tiles,
    prove_inclusion_from_tiles,
    prove_inclusions_from_tiles,
    root_from_tiles,
    root_of_edge,
)

from .trees import REFERENCE_LEAVES, REFERENCE_ROOTS, leaves_of
from .vectors import load_vectors

VECTORS = load_vectors("tiles")
PATHS = [name for name in VECTORS if name.startswith("path-")]
BUNDLES = [name for name in VECTORS if name.startswith("bundle-")]
LEAVES = leaves_of(65_537 + 300)
BIG = len(LEAVES)

Store = dict[tuple[int, int], bytes]


def tiles_of(size: int) -> Store:
    """Every tile of the tree of this size as the format defines it, from the leaves directly."""
    tiles: Store = {}
    row: list[bytes] = list(LEAVES[:size])
    level = 0
    while row:
        for start in range(0, len(row), 256):
            tiles[level, start // 256] = b"".join(row[start : start + 256])
        full = len(row) // 256
        row = [root_of(row[256 * n : 256 * (n + 1)]) for n in range(full)]
        level += 1
    return tiles


BIG_TILES = tiles_of(BIG)


def read(plan: tuple[Tile, ...]) -> Store:
    """The planned tiles out of the big tree, cut to their planned widths."""
    return {
        (tile.level, tile.index): BIG_TILES[tile.level, tile.index][: 32 * tile.width]
        for tile in plan
    }


@pytest.mark.parametrize("name", PATHS)
def test_path_vector(name: str) -> None:
    vector = VECTORS[name]
    if "error" in vector:
        with pytest.raises(MalformedTilePath):
            parse_tile_path(vector["path"])
        return
    place: Tile | Bundle = Bundle(vector["index"], vector["width"])
    if "level" in vector:
        place = Tile(vector["level"], vector["index"], vector["width"])
    assert parse_tile_path(vector["path"]) == place
    assert place.path == vector["path"]


@given(st.integers(0, (1 << 47) - 1), st.integers(1, 256), st.sampled_from([None, 0, 1]))
def test_every_place_has_one_path(index: int, width: int, level: int | None) -> None:
    place = Bundle(index, width) if level is None else Tile(level, index, width)
    assert parse_tile_path(place.path) == place


@given(st.text("tile/xp.entri0123456789\n", max_size=40))
def test_a_text_is_a_path_of_ours_or_refused(text: str) -> None:
    with suppress(MalformedTilePath):
        assert parse_tile_path("tile/" + text).path == "tile/" + text


@pytest.mark.parametrize("name", BUNDLES)
def test_bundle_vector(name: str) -> None:
    vector = VECTORS[name]
    data = bytes.fromhex(vector["bundle"])
    if "error" in vector:
        with pytest.raises(MalformedBundle):
            parse_bundle(data, vector["width"])
        return
    entries = tuple(map(bytes.fromhex, vector["entries"]))
    assert parse_bundle(data, vector["width"]) == entries
    assert format_bundle(entries) == data


@given(st.lists(st.binary(max_size=600), min_size=1, max_size=256))
def test_bundles_give_back_their_entries(entries: list[bytes]) -> None:
    assert parse_bundle(format_bundle(entries), len(entries)) == tuple(entries)


@given(st.binary(max_size=80), st.integers(1, 256))
def test_bytes_are_a_bundle_of_ours_or_refused(data: bytes, width: int) -> None:
    with suppress(MalformedBundle):
        assert format_bundle(parse_bundle(data, width)) == data


def store_of(growth: Growth) -> Store:
    return {(tile.level, tile.index): data for tile, data in growth.tiles}


def test_a_tree_grows_leaf_by_leaf() -> None:
    growth = grow(0, [], [])
    tiles: Store = {}
    assert growth.root == EMPTY_ROOT
    for size in range(600):
        tiles |= store_of(growth)
        assert (growth.size, growth.root) == (size, root_of(LEAVES[:size]))
        assert tiles == tiles_of(size)
        assert growth.edge == edge_from_tiles(size, tiles)
        assert growth.root == root_of_edge(growth.edge)
        growth = grow(size, growth.edge, LEAVES[size : size + 1])


@pytest.mark.parametrize("size", [1, 255, 256, 257, 511, 512, 600, 65_535, 65_536, 65_537, BIG])
@pytest.mark.parametrize("seed", range(3))
def test_a_tree_grows_the_same_in_whatever_steps(size: int, seed: int) -> None:
    random = Random(f"{size} {seed}")
    steps = sorted({0, size, *(random.randrange(size) for _ in range(random.randrange(6)))})
    growth = grow(0, [], [])
    tiles: Store = {}
    for start, end in pairwise(steps):
        growth = grow(start, growth.edge, LEAVES[start:end])
        tiles |= store_of(growth)
    assert growth.size == size
    assert growth.root == root_of(LEAVES[:size])
    assert tiles == tiles_of(size)


def test_growth_emits_full_tiles_and_the_partial_tile_of_each_changed_level() -> None:
    before = grow(0, [], LEAVES[:500])
    after = grow(500, before.edge, LEAVES[500:800])
    assert [tile for tile, _ in after.tiles] == [
        Tile(0, 1, 256),
        Tile(0, 2, 256),
        Tile(0, 3, 32),
        Tile(1, 0, 3),
    ]
    assert [tile for tile, _ in grow(500, before.edge, LEAVES[500:501]).tiles] == [Tile(0, 1, 245)]
    assert [tile for tile, _ in grow(500, before.edge, LEAVES[500:512]).tiles] == [
        Tile(0, 1, 256),
        Tile(1, 0, 2),
    ]


def test_growing_by_nothing_changes_nothing() -> None:
    before = grow(0, [], LEAVES[:300])
    after = grow(300, before.edge, [])
    assert (after.size, after.root, after.tiles, after.edge) == (300, before.root, [], before.edge)


def test_growing_leaves_the_given_edge_alone() -> None:
    edge = grow(0, [], LEAVES[:300]).edge
    kept = list(edge)
    grow(300, edge, LEAVES[300:600])
    assert edge == kept


def test_an_edge_of_another_size_is_a_bug_of_the_caller() -> None:
    with pytest.raises(AssertionError):
        grow(299, grow(0, [], LEAVES[:300]).edge, LEAVES[300:301])


def test_the_reference_tree_grows_in_one_tile() -> None:
    growth = grow(0, [], REFERENCE_LEAVES)
    assert growth.root == REFERENCE_ROOTS[8]
    assert growth.tiles == [(Tile(0, 0, 8), b"".join(REFERENCE_LEAVES))]


def test_the_edge_is_what_the_format_says_of_70000_entries() -> None:
    # The example of C2SP tlog-tiles, "Partial Tiles".
    assert edge_tiles(70_000) == (
        Tile(0, 273, 112),
        Tile(1, 1, 17),
        Tile(2, 0, 1),
        Bundle(273, 112),
    )
    assert edge_tiles(256) == (Tile(1, 0, 1),)
    assert edge_tiles(0) == ()


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 65_535, 65_536, 65_537, BIG])
def test_the_edge_is_rebuilt_from_its_tiles_or_from_wider_ones(size: int) -> None:
    planned = tuple(tile for tile in edge_tiles(size) if isinstance(tile, Tile))
    edge = edge_from_tiles(size, read(planned))
    assert edge == edge_from_tiles(size, BIG_TILES)
    assert root_of_edge(edge) == root_of(LEAVES[:size])


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 512, 600, 65_535, 65_536, 65_537, BIG])
def test_roots_come_from_the_planned_tiles_alone(size: int) -> None:
    assert root_from_tiles(size, read(plan_root(size, size))) == root_of(LEAVES[:size])
    assert root_from_tiles(size, read(plan_root(size, BIG))) == root_of(LEAVES[:size])


def test_the_empty_tree_needs_no_tile() -> None:
    assert plan_root(0, 10) == ()
    assert root_from_tiles(0, {}) == EMPTY_ROOT


def check_inclusion(index: int, size: int, head_size: int) -> None:
    tiles = read(plan_inclusion(index, size, head_size))
    path = prove_inclusion_from_tiles(index, size, tiles)
    assert path == prove_inclusion(LEAVES[:size], index)
    verify_inclusion(LEAVES[index], index, size, path, root_of(LEAVES[:size]))


def check_consistency(old_size: int, size: int, head_size: int) -> None:
    tiles = read(plan_consistency(old_size, size, head_size))
    path = prove_consistency_from_tiles(old_size, size, tiles)
    assert path == prove_consistency(LEAVES[:size], old_size)
    old_root, root = root_of(LEAVES[:old_size]), root_of(LEAVES[:size])
    verify_consistency(old_size, old_root, size, root, path)


@settings(deadline=None)
@given(st.integers(1, 700), st.data())
def test_proofs_come_from_the_planned_tiles_alone(size: int, data: Any) -> None:
    head_size = data.draw(st.sampled_from([size, BIG]))
    check_inclusion(data.draw(st.integers(0, size - 1)), size, head_size)
    check_consistency(data.draw(st.integers(0, size)), size, head_size)


@pytest.mark.parametrize("size", [65_535, 65_536, 65_537, BIG])
@pytest.mark.parametrize("index", [0, 256, 65_534])
def test_proofs_of_a_tree_of_three_levels(index: int, size: int) -> None:
    check_inclusion(index, size, BIG)
    check_consistency(index, size, BIG)


def test_a_plan_names_tiles_once_and_as_wide_as_the_head_has_them() -> None:
    assert plan_inclusion(0, 300, 300) == (Tile(0, 0, 256), Tile(0, 1, 44))
    assert plan_inclusion(0, 300, 70_000) == (Tile(0, 0, 256), Tile(0, 1, 256))
    assert plan_inclusion(0, 600, 70_000) == (
        Tile(0, 0, 256),
        Tile(0, 2, 256),
        Tile(1, 0, 256),
    )


def test_many_paths_come_out_of_one_batch() -> None:
    indices = [0, 255, 256, 599]
    paths = prove_inclusions_from_tiles(indices, 600, BIG_TILES)
    assert paths == [prove_inclusion(LEAVES[:600], index) for index in indices]
    assert all(isinstance(node, Hash) for path in paths for node in path)


def test_a_tree_larger_than_the_head_is_a_bug_of_the_caller() -> None:
    with pytest.raises(AssertionError):
        plan_root(11, 10)
    with pytest.raises(AssertionError):
        plan_inclusion(10, 10, 20)
    with pytest.raises(AssertionError):
        plan_consistency(11, 10, 20)


def test_a_tile_that_is_not_there_is_named() -> None:
    with pytest.raises(MissingTile, match="tile 2 of level 0"):
        root_from_tiles(600, {**BIG_TILES, (0, 2): BIG_TILES[0, 2][: 32 * 79]})
    with pytest.raises(MissingTile, match="tile 0 of level 1"):
        root_from_tiles(600, {(0, 2): BIG_TILES[0, 2]})
    with pytest.raises(MissingTile, match="tile 2 of level 0"):
        edge_from_tiles(600, {**BIG_TILES, (0, 2): BIG_TILES[0, 2][: 32 * 87]})
    with pytest.raises(MissingTile, match="tile 1 of level 0"):
        edge_from_tiles(300, {})


@pytest.mark.parametrize("data", [b"", bytes(31), bytes(33), bytes(8192 + 32)])
def test_a_tile_of_another_length_is_refused(data: bytes) -> None:
    with pytest.raises((MalformedTile, MissingTile)):
        root_from_tiles(1, {(0, 0): data})
