"""The Merkle-Patricia trie of a block's transactions (Yellow Paper, appendix D).

Transaction i stands under the key rlp(i), so no key begins another one, and no branch holds a
value. A node is RLP: a branch of 16 children and an empty value, or a pair of a path and a value
(leaf) or child (extension). A child stands in its parent as its Keccak-256 hash, or as itself when
it has less than 32 bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..errors import Invalid
from ..hashes import Hash
from ..limits import EVM_NODE_BYTES, HASH_BYTES
from .keccak import keccak256
from .rlp import Rlp, decode_rlp, encode_rlp, format_integer

_LEAF, _ODD = 2, 1
"""Flags in the first nibble of a path."""


class FalseTrieProof(Invalid):
    """The nodes do not lead from the root to a value under the key, or not only they."""


class TrieProof(NamedTuple):
    """``nodes`` lead from the root to the value, in this order."""

    root: Hash
    nodes: tuple[bytes, ...]


def verify_trie_proof(root: Hash, index: int, nodes: Sequence[bytes]) -> bytes:
    """The transaction at ``index`` in the trie with this root, in its raw bytes.

    Raises FalseTrieProof, also when a node is left over, or Malformed for a node that is no RLP.
    """
    path: bytes | None = _nibbles(encode_rlp(format_integer(index)))
    left = list(reversed(nodes))
    item: Rlp = root
    while path is not None:
        if isinstance(item, bytes):
            item = _open(item, left, is_root=len(left) == len(nodes))
        elif len(encode_rlp(item)) >= HASH_BYTES:
            raise FalseTrieProof("a node of 32 bytes or more stands in its parent as its hash")
        path, item = _step(item, path)
    if left or not isinstance(item, bytes):
        raise FalseTrieProof("the leaf holds no string, or more nodes follow it")
    return item


def _open(reference: bytes, left: list[bytes], *, is_root: bool) -> Sequence[Rlp]:
    """Take the next node, which has this hash."""
    if len(reference) != HASH_BYTES:
        raise FalseTrieProof("there is nothing under this index")
    if not left:
        raise FalseTrieProof("a node is missing")
    node = left.pop()
    if len(node) > EVM_NODE_BYTES:
        raise FalseTrieProof(f"a node has at most {EVM_NODE_BYTES} bytes, not {len(node)}")
    if len(node) < HASH_BYTES and not is_root:
        raise FalseTrieProof("a node of less than 32 bytes stands in its parent as itself")
    if keccak256(node) != reference:
        raise FalseTrieProof("a node does not have the hash that leads to it")
    item = decode_rlp(node)
    if isinstance(item, bytes):
        raise FalseTrieProof("a node is a list")
    return item


def _step(node: Sequence[Rlp], path: bytes) -> tuple[bytes | None, Rlp]:
    """What is left of the path beyond a node, and the child there; from a leaf None, its value."""
    if len(node) == 17:
        if not path or node[16] != b"":
            raise FalseTrieProof("a branch holds no value in a trie of transactions")
        return path[1:], node[path[0]]
    if len(node) != 2 or not isinstance(node[0], bytes):
        raise FalseTrieProof("a node has 17 items, or 2 of which the first is a path")
    is_leaf, part = _parse_path(node[0])
    child = node[1]
    if is_leaf:
        if part != path:
            raise FalseTrieProof("the leaf is of another index")
        return None, child
    if not part or path[: len(part)] != part:
        raise FalseTrieProof("an extension leads elsewhere")
    return path[len(part) :], child


def _nibbles(data: bytes) -> bytes:
    """The half bytes of ``data``, one a byte."""
    return bytes.fromhex("".join(f"0{digit}" for digit in data.hex()))


def _parse_path(packed: bytes) -> tuple[bool, bytes]:
    """The kind of node (leaf or not) and the nibbles of a hex-prefix path (appendix C)."""
    nibbles = _nibbles(packed)
    flags = nibbles[0] if nibbles else 0
    start = 1 if flags & _ODD else 2
    if flags > _LEAF + _ODD or len(nibbles) < start or (start == 2 and nibbles[1] != 0):
        raise FalseTrieProof("a path is in hex-prefix form")
    return bool(flags & _LEAF), nibbles[start:]


def _format_path(nibbles: bytes, flag: int) -> bytes:
    odd = len(nibbles) % 2
    padded = bytes((flag + odd, 0))[: 2 - odd] + nibbles
    return bytes(high << 4 | low for high, low in zip(padded[::2], padded[1::2], strict=True))


def prove_transaction(transactions: Sequence[bytes], index: int) -> TrieProof:
    """The trie's root and the nodes that lead to one of a block's transactions (in raw bytes)."""
    pairs = [(_nibbles(encode_rlp(format_integer(i))), t) for i, t in enumerate(transactions)]
    nodes: list[bytes] = []
    root = encode_rlp(_build(sorted(pairs), 0, pairs[index][0], nodes))
    return TrieProof(keccak256(root), (root, *reversed(nodes)))


_Pairs = list[tuple[bytes, bytes]]
"""Paths in nibbles and what stands under them, in order of the paths."""


def _build(pairs: _Pairs, depth: int, target: bytes, nodes: list[bytes]) -> Rlp:
    """The node over ``pairs``, which all have the same first ``depth`` nibbles. Adds the hashed
    nodes below it that lead to ``target`` to ``nodes``, from the leaf upwards."""
    first, last = pairs[0][0], pairs[-1][0]
    if len(pairs) == 1:
        return _format_path(first[depth:], _LEAF), pairs[0][1]
    fork = depth
    while first[fork] == last[fork]:
        fork += 1
    if fork > depth:
        below = _child(pairs, fork, target, nodes)
        return _format_path(first[depth:fork], 0), below
    children: list[Rlp] = []
    for nibble in range(16):
        under = [pair for pair in pairs if pair[0][depth] == nibble]
        children.append(_child(under, depth + 1, target, nodes) if under else b"")
    return *children, b""


def _child(pairs: _Pairs, depth: int, target: bytes, nodes: list[bytes]) -> Rlp:
    """The node over ``pairs`` as it stands in its parent."""
    node = _build(pairs, depth, target, nodes)
    data = encode_rlp(node)
    if len(data) < HASH_BYTES:
        return node
    if pairs[0][0][:depth] == target[:depth]:
        nodes.append(data)
    return keccak256(data)
