"""The Merkle tree of RFC 6962 §2.1 over leaf hashes held in memory, and the checks of its proofs.

A tree of size n is a binary tree over n leaf hashes; wherever a subtree is not a power of two
wide, its left part is the largest power of two that leaves something to the right. Proofs list
hashes from the leaf upwards. A proof is planned first as ranges of leaves, ``[start, end)``, each
to be replaced by the root of that range: ``tiles`` resolves the same plans against stored tiles.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from .errors import Invalid
from .hashes import EMPTY_ROOT, Hash
from .limits import TREE_SIZE

Ranges = tuple[tuple[int, int], ...]
"""Ranges of leaves, ``[start, end)`` each, in the order of a proof's hashes."""

_NODE = b"\x01"
_NODE_HASHER = sha256(_NODE)  # to copy one and add to it is faster than to make one


class WrongInclusion(Invalid):
    """The path does not lead from this leaf at this index to this root."""


class WrongConsistency(Invalid):
    """The path does not show that the later tree continues the earlier one."""


def root_of(leaves: Sequence[bytes]) -> Hash:
    """The root hash of the tree over these leaf hashes (RFC 6962 §2.1)."""
    row = list(leaves)
    while len(row) > 1:
        row = next_row(row)
    return Hash(row[0]) if row else EMPTY_ROOT


def parents(row: Sequence[bytes]) -> list[bytes]:
    """The nodes over each complete pair of a row; an odd last hash has no parent yet."""
    return [
        sha256(_NODE + left + right).digest()
        for left, right in zip(row[::2], row[1::2], strict=False)
    ]


def next_row(row: Sequence[bytes]) -> list[bytes]:
    """The row above, where an odd last hash rises unchanged, as on the right edge of a tree."""
    return [*parents(row), *row[len(row) & ~1 :]]


def inclusion_ranges(index: int, size: int) -> Ranges:
    """Plan the path of one leaf: the sibling ranges, the leaf's own first (RFC 6962 §2.1.1)."""
    assert 0 <= index < size, "the leaf is in the tree"
    start, end = 0, size
    ranges = []
    while end - start > 1:
        split = _split(start, end)
        if index < split:
            ranges.append((split, end))
            end = split
        else:
            ranges.append((start, split))
            start = split
    return tuple(reversed(ranges))


def consistency_ranges(old_size: int, size: int) -> Ranges:
    """Plan the path from an earlier tree to a later one (RFC 6962 §2.1.2).

    It is empty from the empty tree, and from a tree to itself.
    """
    assert 0 <= old_size <= size, "the earlier tree is not the larger one"
    start, end = 0, size
    ranges = []
    while old_size not in (0, end):
        split = _split(start, end)
        if old_size <= split:
            ranges.append((split, end))
            end = split
        else:
            ranges.append((start, split))
            start = split
    if start:
        ranges.append((start, end))
    return tuple(reversed(ranges))


def _split(start: int, end: int) -> int:
    """Where the left subtree of ``[start, end)`` ends."""
    return start + (1 << ((end - start - 1).bit_length() - 1))


def prove_inclusion(leaves: Sequence[bytes], index: int) -> tuple[Hash, ...]:
    """The path of the leaf at ``index`` in the tree over all these leaf hashes."""
    return tuple(root_of(leaves[start:end]) for start, end in inclusion_ranges(index, len(leaves)))


def prove_consistency(leaves: Sequence[bytes], old_size: int) -> tuple[Hash, ...]:
    """The path from the tree over the first ``old_size`` leaf hashes to that over all of them."""
    return tuple(
        root_of(leaves[start:end]) for start, end in consistency_ranges(old_size, len(leaves))
    )


def verify_inclusion(leaf: Hash, index: int, size: int, path: Sequence[Hash], root: Hash) -> None:
    """Check that ``leaf`` stands at ``index`` in the tree of this size and root.

    Raises WrongInclusion. Source: RFC 9162 §2.1.3.2.
    """
    if root_from_inclusion(leaf, index, size, path) != root:
        raise WrongInclusion("the path leads to another root hash than the checkpoint's")


def root_from_inclusion(leaf: Hash, index: int, size: int, path: Sequence[Hash]) -> Hash:
    """The root to which a path leads; raises WrongInclusion when no tree has such a path."""
    if not 0 <= index < size <= TREE_SIZE:
        raise WrongInclusion(f"index {index} is not in a tree of size {size}")
    # Up to where the leaf's way parts from the last leaf's, every level has a sibling; above,
    # only those with a complete subtree to the left do.
    inner = (index ^ (size - 1)).bit_length()
    expected = inner + (index >> inner).bit_count()
    if len(path) != expected:
        raise WrongInclusion(f"the path has {len(path)} hashes and should have {expected}")
    node: bytes = leaf
    for sibling in path[:inner]:
        hasher = _NODE_HASHER.copy()
        hasher.update(sibling + node if index & 1 else node + sibling)
        node = hasher.digest()
        index >>= 1
    for sibling in path[inner:]:
        node = sha256(_NODE + sibling + node).digest()
    return Hash(node)


def verify_consistency(
    old_size: int, old_root: Hash, size: int, root: Hash, path: Sequence[Hash]
) -> None:
    """Check that the tree of ``size`` and ``root`` continues that of ``old_size`` and ``old_root``.

    Everything continues the empty tree. Raises WrongConsistency. Source: RFC 9162 §2.1.4.2.
    """
    if not 0 <= old_size <= size <= TREE_SIZE:
        raise WrongConsistency(f"a tree of size {old_size} cannot grow to size {size}")
    if old_size in (0, size):
        found: tuple[bytes, bytes] = (EMPTY_ROOT if old_size == 0 else root, root)
        if path or (size == 0 and root != EMPTY_ROOT):
            raise WrongConsistency("an empty or unchanged tree has an empty path and its own root")
    else:
        found = _roots_from_consistency(old_size, old_root, size, path)
    if found != (old_root, root):
        raise WrongConsistency("the path leads to other root hashes than the checkpoints'")


def _roots_from_consistency(
    old_size: int, old_root: Hash, size: int, path: Sequence[Hash]
) -> tuple[bytes, bytes]:
    """Both roots to which a path leads, for 0 < old_size < size."""
    # The old tree's last complete subtree is where the path starts; when it is the whole old
    # tree, its root is left out of the path because the verifier has it.
    complete = (old_size & -old_size).bit_length() - 1
    node, last = (old_size - 1) >> complete, (size - 1) >> complete
    hashes = list(path) if node else [old_root, *path]
    if not hashes:
        raise WrongConsistency("the path is empty")
    old: bytes = hashes[0]
    new: bytes = hashes[0]
    for sibling in hashes[1:]:
        if last == 0:
            raise WrongConsistency("the path is too long")
        if node & 1 or node == last:
            old = sha256(_NODE + sibling + old).digest()
            new = sha256(_NODE + sibling + new).digest()
            while node and not node & 1:
                node, last = node >> 1, last >> 1
        else:
            new = sha256(_NODE + new + sibling).digest()
        node, last = node >> 1, last >> 1
    if last:
        raise WrongConsistency("the path is too short")
    return old, new
