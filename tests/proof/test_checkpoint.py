"""Checkpoints: three lines, each with one spelling, and nothing after them."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.proof.checkpoint import (
    Checkpoint,
    MalformedCheckpoint,
    WrongEmptyRoot,
    format_checkpoint_text,
    format_signed_checkpoint,
    parse_checkpoint_text,
)
from chalicelib.proof.errors import Malformed
from chalicelib.proof.hashes import Hash
from chalicelib.proof.limits import TREE_SIZE
from chalicelib.proof.note import ed25519_vkey, parse_note, verify_note
from chalicelib.proof.text import MalformedBase64, MalformedDecimal, parse_base64

from .vectors import load_vectors

VECTORS = load_vectors("checkpoint")
ERRORS = {
    error.__name__: error for error in (MalformedCheckpoint, MalformedBase64, MalformedDecimal)
}
GOOD = VECTORS["checkpoint-of-the-specification"]["text"].encode()


def bytes_of(vector: dict[str, Any]) -> bytes:
    if "base64" in vector:
        return parse_base64(vector["base64"])
    text: str = vector["text"]
    return text.encode()


@pytest.mark.parametrize("name", VECTORS)
def test_vector(name: str) -> None:
    vector = VECTORS[name]
    if "error" in vector:
        with pytest.raises(ERRORS[vector["error"]]):
            parse_checkpoint_text(bytes_of(vector))
        return
    root = Hash.fromhex(vector["root"])
    checkpoint = Checkpoint(vector["origin"], vector["size"], root)
    assert parse_checkpoint_text(bytes_of(vector)) == checkpoint
    assert format_checkpoint_text(checkpoint) == bytes_of(vector)


def test_a_wrong_root_of_the_empty_tree_has_a_name_of_its_own() -> None:
    """Witnesses answer it otherwise than what cannot be read."""
    with pytest.raises(WrongEmptyRoot):
        parse_checkpoint_text(format_checkpoint_text(Checkpoint("log.example", 0, Hash(bytes(32)))))


@given(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1),
    st.integers(1, TREE_SIZE),
    st.binary(min_size=32, max_size=32),
)
def test_checkpoints_are_read_as_written(origin: str, size: int, root: bytes) -> None:
    checkpoint = Checkpoint(origin, size, Hash(root))
    assert parse_checkpoint_text(format_checkpoint_text(checkpoint)) == checkpoint


@given(st.integers(0, len(GOOD)), st.integers(0, 3), st.binary(max_size=3))
def test_any_mutation_is_a_checkpoint_or_refused(at: int, cut: int, put: bytes) -> None:
    data = GOOD[:at] + put + GOOD[at + cut :]
    with suppress(Malformed):
        assert format_checkpoint_text(parse_checkpoint_text(data)) == data


@given(st.binary(max_size=100))
def test_any_bytes_are_a_checkpoint_or_refused(data: bytes) -> None:
    with suppress(Malformed):
        assert format_checkpoint_text(parse_checkpoint_text(data)) == data


def test_a_signed_checkpoint_is_a_note_under_the_origin() -> None:
    private = Ed25519PrivateKey.generate()
    checkpoint = parse_checkpoint_text(GOOD)
    key = ed25519_vkey(checkpoint.origin, private.public_key().public_bytes_raw())
    note = parse_note(format_signed_checkpoint(checkpoint, key, private.sign(GOOD)))
    assert note.text == GOOD
    assert verify_note(note, [key]) == (key,)


def test_a_log_that_signs_under_another_name_is_a_bug_of_the_caller() -> None:
    key = ed25519_vkey(
        "another.example", Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    )
    with pytest.raises(AssertionError):
        format_signed_checkpoint(parse_checkpoint_text(GOOD), key, bytes(64))
