"""A log's request to a witness, and a witness's size: one spelling, and everything else refused."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.proof.errors import Malformed
from chalicelib.proof.hashes import Hash
from chalicelib.proof.limits import ADD_CHECKPOINT_BYTES, PROOF_HASHES, TREE_SIZE
from chalicelib.proof.note import MalformedNote, Note, NoteSignature, format_note, parse_note
from chalicelib.proof.text import MalformedDecimal
from chalicelib.proof.tlogwitness import (
    AddCheckpoint,
    MalformedAddCheckpoint,
    MalformedSize,
    format_add_checkpoint,
    format_size,
    parse_add_checkpoint,
    parse_size,
)

from .vectors import load_vectors

VECTORS = load_vectors("tlog-witness")
ERRORS = {
    error.__name__: error for error in (MalformedAddCheckpoint, MalformedDecimal, MalformedNote)
}
GOOD: bytes = VECTORS["request-of-the-specification"]["request"].encode()


@pytest.mark.parametrize("name", VECTORS)
def test_vector(name: str) -> None:
    vector = VECTORS[name]
    data = vector["request"].encode()
    if "error" in vector:
        with pytest.raises(ERRORS[vector["error"]]):
            parse_add_checkpoint(data)
        return
    request = parse_add_checkpoint(data)
    found = (request.old_size, len(request.path), len(request.note.signatures))
    assert found == (vector["old_size"], vector["hashes"], vector["signatures"])
    assert format_add_checkpoint(request) == data


def test_the_note_is_what_follows_the_first_empty_line() -> None:
    request = parse_add_checkpoint(GOOD)
    assert format_note(request.note) == GOOD.partition(b"\n\n")[2]
    # A path with an empty line in it ends there, and then the text of the note is no checkpoint.
    cut = parse_add_checkpoint(VECTORS["empty-line-between-hashes"]["request"].encode())
    assert cut.note.text.count(b"\n\n") == 1


def test_a_request_has_at_most_64_kib() -> None:
    head, _, note = GOOD.partition(b"\n\n")
    longest = ADD_CHECKPOINT_BYTES - len(GOOD)
    assert parse_add_checkpoint(head + b"\n\n" + b"a" * longest + note).old_size == 20852014
    with pytest.raises(MalformedAddCheckpoint):
        parse_add_checkpoint(head + b"\n\n" + b"a" * (longest + 1) + note)


def test_the_longest_honest_request_fits() -> None:
    line = NoteSignature("witness.example/" + "w" * 100, bytes(4), bytes(72))
    note = Note(b"log.example/" + b"l" * 200 + b"\n1\nAAAA\n", (line,) * 64)
    request = AddCheckpoint(TREE_SIZE, (Hash(bytes(32)),) * PROOF_HASHES, note)
    assert parse_add_checkpoint(format_add_checkpoint(request)) == request


@given(
    st.integers(0, TREE_SIZE),
    st.lists(st.binary(min_size=32, max_size=32).map(Hash), max_size=PROOF_HASHES),
)
def test_requests_are_read_as_written(old_size: int, path: list[Hash]) -> None:
    note = parse_note(GOOD.partition(b"\n\n")[2])
    request = AddCheckpoint(old_size, tuple(path), note)
    assert parse_add_checkpoint(format_add_checkpoint(request)) == request


@given(st.integers(0, len(GOOD)), st.integers(0, 3), st.binary(max_size=3))
def test_any_mutation_is_a_request_or_refused(at: int, cut: int, put: bytes) -> None:
    data = GOOD[:at] + put + GOOD[at + cut :]
    with suppress(Malformed):
        assert format_add_checkpoint(parse_add_checkpoint(data)) == data


@given(st.binary(max_size=100))
def test_any_bytes_are_a_request_or_refused(data: bytes) -> None:
    for each in (data, b"old 1\n" + data, b"old 1\n\n" + data):
        with suppress(Malformed):
            assert format_add_checkpoint(parse_add_checkpoint(each)) == each


@given(st.integers(0, TREE_SIZE))
def test_sizes_are_read_as_written(size: int) -> None:
    assert parse_size(format_size(size)) == size


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"\n", b"1", b"1\n\n", b"1\n2\n", b" 1\n", b"1 \n", b"+1\n", b"-1\n", b"1_0\n"),
        *(b"1\r\n", "\u0662\n".encode(), b"\xff\n", b"1" * 1_000_000),
    ],
)
def test_other_bytes_are_no_size(data: bytes) -> None:
    with pytest.raises(MalformedSize):
        parse_size(data)


@pytest.mark.parametrize("data", [b"01\n", b"9223372036854775808\n", b"1" * 1_000_000 + b"\n"])
def test_sizes_have_one_spelling_and_a_limit(data: bytes) -> None:
    with pytest.raises(MalformedDecimal):
        parse_size(data)
