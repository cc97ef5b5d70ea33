"""The tree of RFC 6962 §2.1: its roots, and proofs that hold for one place in one tree only."""

from __future__ import annotations

from typing import Any

import pymerkle
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.proof.hashes import EMPTY_ROOT, Hash, node_hash
from chalicelib.proof.limits import TREE_SIZE
from chalicelib.proof.merkle import (
    WrongConsistency,
    WrongInclusion,
    prove_consistency,
    prove_inclusion,
    root_from_inclusion,
    root_of,
    verify_consistency,
    verify_inclusion,
)

from .trees import REFERENCE_ENTRIES, REFERENCE_LEAVES, REFERENCE_ROOTS, leaves_of
from .vectors import load_vectors

VECTORS = load_vectors("merkle")
ERRORS = {"WrongInclusion": WrongInclusion, "WrongConsistency": WrongConsistency}
LEAVES = leaves_of(100)
ROOTS = [root_of(LEAVES[:size]) for size in range(len(LEAVES) + 1)]
SIZES = st.integers(1, len(LEAVES))


def check(vector: dict[str, Any]) -> None:
    path = [Hash.fromhex(node) for node in vector["path"]]
    root = Hash.fromhex(vector["root"])
    if "leaf" in vector:
        leaf = Hash.fromhex(vector["leaf"])
        verify_inclusion(leaf, vector["index"], vector["size"], path, root)
    else:
        old_root = Hash.fromhex(vector["old_root"])
        verify_consistency(vector["old_size"], old_root, vector["size"], root, path)


@pytest.mark.parametrize("name", VECTORS)
def test_vector(name: str) -> None:
    vector = VECTORS[name]
    if "error" in vector:
        with pytest.raises(ERRORS[vector["error"]]):
            check(vector)
    else:
        check(vector)


@pytest.mark.parametrize("name", [name for name in VECTORS if name.startswith("reference-")])
def test_paths_are_those_of_the_reference_tests(name: str) -> None:
    vector = VECTORS[name]
    leaves = REFERENCE_LEAVES[: vector["size"]]
    made = (
        prove_inclusion(leaves, vector["index"])
        if "leaf" in vector
        else prove_consistency(leaves, vector["old_size"])
    )
    assert [node.hex() for node in made] == vector["path"]


@pytest.mark.parametrize("size", range(9))
def test_roots_are_those_of_the_reference_tree(size: int) -> None:
    assert root_of(REFERENCE_LEAVES[:size]) == REFERENCE_ROOTS[size]


def test_the_reference_path_of_the_last_of_seven_entries() -> None:
    left = REFERENCE_ROOTS[4]
    middle = node_hash(REFERENCE_LEAVES[4], REFERENCE_LEAVES[5])
    assert prove_inclusion(REFERENCE_LEAVES[:7], 6) == (middle, left)


def test_the_reference_path_from_three_to_seven_entries() -> None:
    # RFC 6962 §2.1.3 writes it as [c, d, g, l].
    leaves = REFERENCE_LEAVES
    right = node_hash(node_hash(leaves[4], leaves[5]), leaves[6])
    assert prove_consistency(leaves[:7], 3) == (
        leaves[2],
        leaves[3],
        node_hash(leaves[0], leaves[1]),
        right,
    )


@pytest.mark.parametrize("size", range(1, 34))
def test_every_leaf_of_every_small_tree_is_proved(size: int) -> None:
    for index in range(size):
        path = prove_inclusion(LEAVES[:size], index)
        verify_inclusion(LEAVES[index], index, size, path, ROOTS[size])


@pytest.mark.parametrize("size", range(34))
def test_every_small_tree_continues_every_smaller_one(size: int) -> None:
    for old_size in range(size + 1):
        path = prove_consistency(LEAVES[:size], old_size)
        verify_consistency(old_size, ROOTS[old_size], size, ROOTS[size], path)


@given(SIZES, st.data())
def test_a_path_holds_for_no_other_leaf_index_size_or_root(size: int, data: Any) -> None:
    index = data.draw(st.integers(0, size - 1))
    path = prove_inclusion(LEAVES[:size], index)
    assert root_from_inclusion(LEAVES[index], index, size, path) == ROOTS[size]
    other_leaf = data.draw(st.sampled_from([leaf for leaf in LEAVES if leaf != LEAVES[index]]))
    other_root = data.draw(st.sampled_from([root for root in ROOTS if root != ROOTS[size]]))
    other_index = data.draw(st.integers(-1, size).filter(lambda value: value != index))
    for changed in (
        (other_leaf, index, size, path, ROOTS[size]),
        (LEAVES[index], other_index, size, path, ROOTS[size]),
        (LEAVES[index], index, size, path, other_root),
        (LEAVES[index], index, size, (*path, LEAVES[0]), ROOTS[size]),
    ):
        with pytest.raises(WrongInclusion):
            verify_inclusion(*changed)


@given(SIZES, st.data())
def test_a_changed_hash_in_either_path_is_noticed(size: int, data: Any) -> None:
    index = data.draw(st.integers(0, size - 1))
    path = list(prove_inclusion(LEAVES[:size], index))
    steps = list(prove_consistency(LEAVES[:size], index))
    if path:
        path[data.draw(st.integers(0, len(path) - 1))] = EMPTY_ROOT
        with pytest.raises(WrongInclusion):
            verify_inclusion(LEAVES[index], index, size, path, ROOTS[size])
    if steps:
        steps[data.draw(st.integers(0, len(steps) - 1))] = EMPTY_ROOT
        with pytest.raises(WrongConsistency):
            verify_consistency(index, ROOTS[index], size, ROOTS[size], steps)


@given(SIZES, st.data())
def test_a_consistency_path_holds_for_no_other_pair_of_trees(size: int, data: Any) -> None:
    old_size = data.draw(st.integers(0, size - 1))
    path = prove_consistency(LEAVES[:size], old_size)
    other = data.draw(st.sampled_from([root for root in ROOTS if root != ROOTS[size]]))
    other_old = data.draw(st.sampled_from([root for root in ROOTS if root != ROOTS[old_size]]))
    for changed in (
        (old_size, other_old, size, ROOTS[size], path),
        (old_size, ROOTS[old_size], size, ROOTS[size], (*path, LEAVES[0])),
        (size, ROOTS[size], old_size, ROOTS[old_size], path),
        *([(old_size, ROOTS[old_size], size, other, path)] if old_size else []),
        *([(old_size, ROOTS[old_size], size, ROOTS[size], path[:-1])] if path else []),
    ):
        with pytest.raises(WrongConsistency):
            verify_consistency(*changed)


@given(
    st.integers(-3, 300) | st.integers(TREE_SIZE - 3, TREE_SIZE + 3),
    st.integers(-3, 300) | st.integers(TREE_SIZE - 3, TREE_SIZE + 3),
    st.lists(st.sampled_from(LEAVES), max_size=70),
)
def test_made_up_paths_are_refused_and_never_crash(low: int, size: int, path: list[Hash]) -> None:
    with pytest.raises(WrongInclusion):
        verify_inclusion(LEAVES[0], low, size, path, ROOTS[99])
    with pytest.raises(WrongConsistency):
        verify_consistency(low, ROOTS[98], size, ROOTS[99], path)


def other_tree() -> pymerkle.InmemoryTree:
    tree = pymerkle.InmemoryTree(algorithm="sha256")
    for index in range(len(LEAVES)):
        tree.append_entry(index.to_bytes(4, "big"))
    return tree


def test_software_of_others_has_the_same_roots() -> None:
    tree = other_tree()
    assert [tree.get_root(size) for size in range(len(LEAVES) + 1)] == ROOTS
    reference = pymerkle.InmemoryTree(algorithm="sha256")
    for entry in REFERENCE_ENTRIES:
        reference.append_entry(entry)
    assert reference.get_root() == REFERENCE_ROOTS[8]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 63, 64, 65, 100])
def test_software_of_others_makes_the_same_inclusion_paths(size: int) -> None:
    tree = other_tree()
    for index in range(size):
        proof = tree.prove_inclusion(index + 1, size)
        own_leaf, *path = proof.path
        assert own_leaf == LEAVES[index]
        assert tuple(path) == prove_inclusion(LEAVES[:size], index)
        pymerkle.verify_inclusion(LEAVES[index], ROOTS[size], proof)
