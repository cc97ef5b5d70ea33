"""Proofs of logging: the text of index, path and checkpoint, without extra data."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.proof.checkpoint import parse_checkpoint_text
from chalicelib.proof.errors import Malformed
from chalicelib.proof.hashes import Hash
from chalicelib.proof.limits import NOTE_BYTES, TREE_SIZE
from chalicelib.proof.merkle import verify_inclusion
from chalicelib.proof.note import MalformedNote, parse_vkey, verify_note
from chalicelib.proof.text import MalformedDecimal, parse_base64
from chalicelib.proof.tlogproof import (
    MalformedTlogProof,
    TlogProof,
    format_tlog_proof,
    parse_tlog_proof,
)

from .vectors import load_vectors

VECTORS = load_vectors("tlog-proof")
ERRORS = {error.__name__: error for error in (MalformedTlogProof, MalformedNote, MalformedDecimal)}
GOOD = VECTORS["proof"]["proof"].encode()
HASHES = st.binary(min_size=32, max_size=32).map(Hash)


def bytes_of(vector: dict[str, Any]) -> bytes:
    if "base64" in vector:
        return parse_base64(vector["base64"])
    text: str = vector["proof"]
    return text.encode()


@pytest.mark.parametrize("name", VECTORS)
def test_vector(name: str) -> None:
    vector = VECTORS[name]
    if "error" in vector:
        with pytest.raises(ERRORS[vector["error"]]):
            parse_tlog_proof(bytes_of(vector))
        return
    proof = parse_tlog_proof(bytes_of(vector))
    assert proof.index == vector["index"]
    assert [node.hex() for node in proof.path] == vector["path"]
    assert all(isinstance(node, Hash) for node in proof.path)
    assert format_tlog_proof(proof) == bytes_of(vector)


def test_a_proof_is_verified_with_a_key_and_a_leaf_alone() -> None:
    vector = VECTORS["proof"]
    proof = parse_tlog_proof(GOOD)
    verify_note(proof.checkpoint_note, [parse_vkey(vector["vkey"])])
    checkpoint = parse_checkpoint_text(proof.checkpoint_note.text)
    leaf = Hash.fromhex(vector["leaf"])
    verify_inclusion(leaf, proof.index, checkpoint.size, proof.path, checkpoint.root)


def test_a_proof_is_not_longer_than_its_longest_path_and_note() -> None:
    with pytest.raises(MalformedTlogProof):
        parse_tlog_proof(GOOD + b"\n" * (NOTE_BYTES + 5000))


@given(st.integers(0, TREE_SIZE), st.lists(HASHES, max_size=63))
def test_proofs_are_read_as_written(index: int, path: list[Hash]) -> None:
    proof = TlogProof(index, tuple(path), parse_tlog_proof(GOOD).checkpoint_note)
    assert parse_tlog_proof(format_tlog_proof(proof)) == proof


@given(st.integers(0, len(GOOD)), st.integers(0, 3), st.binary(max_size=3))
def test_any_mutation_is_a_proof_or_refused(at: int, cut: int, put: bytes) -> None:
    data = GOOD[:at] + put + GOOD[at + cut :]
    with suppress(Malformed):
        assert format_tlog_proof(parse_tlog_proof(data)) == data


@given(st.binary(max_size=200))
def test_any_bytes_are_a_proof_or_refused(data: bytes) -> None:
    for text in (data, b"c2sp.org/tlog-proof@v1\n" + data):
        with suppress(Malformed):
            assert format_tlog_proof(parse_tlog_proof(text)) == text
