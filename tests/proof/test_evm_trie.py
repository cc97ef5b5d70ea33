"""Tries of transactions, against ``trie`` (HexaryTrie), which builds and checks them, too."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from typing import Any

import pytest
import rlp  # type: ignore[import-untyped]
from eth_hash.auto import keccak
from hypothesis import given, settings
from hypothesis import strategies as st
from trie import hexary

from chalicelib.proof.errors import ProofError
from chalicelib.proof.evm.trie import FalseTrieProof, prove_transaction, verify_trie_proof
from chalicelib.proof.hashes import Hash

HexaryTrie: Any = hexary.HexaryTrie

SIZES = (*range(1, 20), 55, 56, 57, 126, 127, 128, 129, 130, 143, 144, 255, 256, 257, 258, 300)
"""Where keys get longer, or branches their first and their last child, and what lies between."""


def some_transactions(count: int) -> list[bytes]:
    """As long as transactions are, all different."""
    return [b"transaction %d " % i + bytes(60 + 13 * i % 200) for i in range(count)]


def reference(transactions: list[bytes]) -> Any:
    trie = HexaryTrie({})
    for index, transaction in enumerate(transactions):
        trie[rlp.encode(index)] = transaction
    return trie


@cache
def a_block() -> tuple[bytes, ...]:
    return tuple(some_transactions(20))


@pytest.mark.parametrize("count", SIZES)
def test_a_block_of_any_size_has_the_root_and_the_nodes_that_others_find(count: int) -> None:
    transactions = some_transactions(count)
    trie = reference(transactions)
    for index in {0, 1, 15, 16, 127, 128, 255, 256, count // 2, count - 1}:
        if index < count:
            root, nodes = prove_transaction(transactions, index)
            assert root == trie.root_hash
            theirs = trie.get_proof(rlp.encode(index))
            assert nodes == tuple(rlp.encode(node) for node in theirs)
            assert HexaryTrie.get_from_proof(root, rlp.encode(index), theirs) == transactions[index]
            assert verify_trie_proof(root, index, nodes) == transactions[index]


@settings(deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=40), st.data())
def test_nodes_of_less_than_32_bytes_stand_in_their_parents(
    values: list[bytes], data: st.DataObject
) -> None:
    """Transactions are longer, but the trie allows it."""
    index = data.draw(st.integers(0, len(values) - 1))
    trie = reference(values)
    root, nodes = prove_transaction(values, index)
    assert root == trie.root_hash
    assert verify_trie_proof(root, index, nodes) == values[index]
    assert HexaryTrie.get_from_proof(root, rlp.encode(index), trie.get_proof(rlp.encode(index)))


@given(st.integers(0, 19), st.integers(0, 200))
def test_a_proof_is_for_one_index_alone(index: int, other: int) -> None:
    root, nodes = prove_transaction(a_block(), index)
    if index != other:
        with pytest.raises(FalseTrieProof):
            verify_trie_proof(root, other, nodes)


@settings(deadline=None)
@given(st.integers(0, 19), st.data())
def test_any_mutation_of_a_proof_is_refused(index: int, data: st.DataObject) -> None:
    root, nodes = prove_transaction(a_block(), index)
    place = data.draw(st.integers(0, len(nodes) - 1))
    at, cut = data.draw(st.integers(0, len(nodes[place]))), data.draw(st.integers(0, 2))
    put = data.draw(st.binary(max_size=2))
    node = nodes[place][:at] + put + nodes[place][at + cut :]
    if node != nodes[place]:
        with pytest.raises(ProofError):
            verify_trie_proof(root, index, (*nodes[:place], node, *nodes[place + 1 :]))


@given(st.binary(min_size=32, max_size=32), st.integers(0, 2**53 - 1), st.lists(st.binary()))
def test_any_bytes_are_refused(root: bytes, index: int, nodes: list[bytes]) -> None:
    with pytest.raises(ProofError):
        verify_trie_proof(Hash(root), index, nodes)


@given(st.recursive(st.binary(max_size=40), lambda items: st.lists(items, max_size=17)))
def test_any_item_as_a_root_is_followed_or_refused(item: object) -> None:
    node = rlp.encode(item)
    with suppress(ProofError):
        assert verify_trie_proof(Hash(keccak(node)), 0, [node])
