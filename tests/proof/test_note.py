"""Signed notes: exact in form, and every line of a known key must verify."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.proof import note as notes
from chalicelib.proof.errors import CannotTell, Invalid, Malformed
from chalicelib.proof.keys import MalformedKey, WeakKey
from chalicelib.proof.limits import NOTE_BYTES
from chalicelib.proof.note import (
    Cosignature,
    MalformedCosignature,
    MalformedKeyName,
    MalformedNote,
    MalformedVerifierKey,
    Note,
    NoteSignature,
    VerifierKey,
    add_signatures,
    cosignature_message,
    cosignature_vkey,
    ed25519_vkey,
    format_cosignature,
    format_note,
    format_signatures,
    format_vkey,
    parse_cosignature,
    parse_note,
    parse_signatures,
    parse_vkey,
    verify_note,
    verify_signature,
)
from chalicelib.proof.text import MalformedBase64, parse_base64

from .vectors import load_vectors

VECTORS = load_vectors("note")
VKEYS = [name for name in VECTORS if name.startswith("vkey-")]
NOTES = [name for name in VECTORS if not name.startswith("vkey-")]
VKEY_ERRORS = {
    error.__name__: error
    for error in (MalformedVerifierKey, MalformedKeyName, MalformedBase64, MalformedKey, WeakKey)
}
GOOD = VECTORS["note-of-the-specification"]["note"].encode()
PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = PRIVATE.public_key().public_bytes_raw()


def bytes_of(vector: dict[str, Any]) -> bytes:
    if "base64" in vector:
        return parse_base64(vector["base64"])
    data: str = vector["note"]
    return data.encode()


def signers_of(vector: dict[str, Any]) -> list[str]:
    note = parse_note(bytes_of(vector))
    return [key.name for key in verify_note(note, map(parse_vkey, vector["keys"]))]


@pytest.mark.parametrize("name", NOTES)
def test_note_vector(name: str) -> None:
    vector = VECTORS[name]
    if "signers" in vector:
        assert signers_of(vector) == vector["signers"]
        assert format_note(parse_note(bytes_of(vector))) == bytes_of(vector)
    elif "keys" in vector:
        with pytest.raises(getattr(notes, vector["error"])):
            signers_of(vector)
    else:
        with pytest.raises(getattr(notes, vector["error"])):
            parse_note(bytes_of(vector))


@pytest.mark.parametrize("name", VKEYS)
def test_vkey_vector(name: str) -> None:
    vector = VECTORS[name]
    if "error" in vector:
        with pytest.raises(VKEY_ERRORS[vector["error"]]):
            parse_vkey(vector["vkey"])
        return
    key = parse_vkey(vector["vkey"])
    assert key.name == vector["name"]
    assert key.key_id.hex() == vector["key_id"]
    assert key.type == vector["type"]
    assert key.public.hex() == vector["public"]
    assert format_vkey(key) == vector["vkey"]


def test_a_note_has_at_most_256_kib() -> None:
    _, line = GOOD.split(b"\n\n")
    room = NOTE_BYTES - len(line) - 2
    assert len(parse_note(b"a" * room + b"\n\n" + line).text) == room + 1
    with pytest.raises(MalformedNote):
        parse_note(b"a" * (room + 1) + b"\n\n" + line)


def test_a_note_keeps_the_lines_of_unknown_keys() -> None:
    vector = VECTORS["unknown-signature-is-ignored"]
    assert [line.name for line in parse_note(bytes_of(vector)).signatures] == [
        "example.com/bar",
        "example.com/foo",
    ]


@pytest.mark.parametrize("make", [ed25519_vkey, cosignature_vkey])
def test_a_key_made_of_its_parts_is_the_one_read_from_its_vkey(make: Any) -> None:
    key = make("log.example/符", PUBLIC)
    assert parse_vkey(format_vkey(key)) == key


@pytest.mark.parametrize("make", [ed25519_vkey, cosignature_vkey])
def test_a_key_is_not_made_of_bad_parts(make: Any) -> None:
    for name in ("", "a b", "a+b", "a\nb", "a\u3000b", "\ud800"):
        with pytest.raises(MalformedKeyName):
            make(name, PUBLIC)
    with pytest.raises(MalformedKey):
        make("log.example", PUBLIC[:-1])
    with pytest.raises(WeakKey):
        make("log.example", bytes(32))


def test_the_same_public_key_has_another_id_for_each_type() -> None:
    assert ed25519_vkey("a", PUBLIC).key_id != cosignature_vkey("a", PUBLIC).key_id


def test_a_key_is_loaded_once() -> None:
    key = ed25519_vkey("a", PUBLIC)
    assert key.loaded is not None
    assert key.loaded is key.loaded
    assert VerifierKey("a", bytes(4), 6, b"").loaded is None


def test_one_signature_is_checked_by_its_key_alone() -> None:
    text = b"text\n"
    key, witness = ed25519_vkey("a", PUBLIC), cosignature_vkey("w", PUBLIC)
    verify_signature(key, text, PRIVATE.sign(text))
    cosigned = PRIVATE.sign(cosignature_message(text, 5))
    verify_signature(witness, text, format_cosignature(Cosignature(5, cosigned)))
    for signer, signature in ((key, cosigned), (witness, PRIVATE.sign(text)), (key, b"")):
        with pytest.raises(Invalid):
            verify_signature(signer, text, signature)
    with pytest.raises(CannotTell):
        verify_signature(VerifierKey("a", bytes(4), 2, b""), text, PRIVATE.sign(text))


def test_the_cosigned_message_is_that_of_the_specification() -> None:
    text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    expected = "cosignature/v1\ntime 1679315147\n" + text
    assert cosignature_message(text.encode(), 1679315147) == expected.encode()


@given(st.integers(0, 2**63 - 1), st.binary(min_size=64, max_size=64))
def test_cosignatures_are_read_as_written(timestamp_s: int, signature: bytes) -> None:
    cosignature = Cosignature(timestamp_s, signature)
    assert parse_cosignature(format_cosignature(cosignature)) == cosignature


@given(st.binary(max_size=90))
def test_other_cosignatures_are_refused_by_name(data: bytes) -> None:
    with suppress(MalformedCosignature):
        assert format_cosignature(parse_cosignature(data)) == data


NAMES = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"], exclude_characters="+"),
    min_size=1,
    max_size=20,
)
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n"))
LINES = st.builds(
    NoteSignature, NAMES, st.binary(min_size=4, max_size=4), st.binary(min_size=1, max_size=80)
)


@given(TEXTS, st.lists(LINES, min_size=1, max_size=5))
def test_notes_are_read_as_written(text: str, lines: list[NoteSignature]) -> None:
    note = Note(text.encode() + b"\n", tuple(lines))
    assert parse_note(format_note(note)) == note


@given(st.lists(LINES, min_size=1, max_size=5))
def test_signature_lines_are_read_alone_as_written(lines: list[NoteSignature]) -> None:
    assert parse_signatures(format_signatures(lines)) == tuple(lines)


@pytest.mark.parametrize("name", ["64-lines", "65-lines"])
def test_there_are_at_most_64_signature_lines(name: str) -> None:
    lines = bytes_of(VECTORS[name]).partition(b"\n\n")[2]
    if name == "64-lines":
        assert len(parse_signatures(lines)) == 64
    else:
        with pytest.raises(MalformedNote):
            parse_signatures(lines)


LINE = GOOD.partition(b"\n\n")[2]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"\n" + LINE,
        b"\n\n" + LINE,
        b"text\n" + LINE,
        b"text\n\n" + LINE,
        LINE + b"\n" + LINE,
        LINE + b"\n",
        LINE[:-1],
    ],
)
def test_signature_lines_are_nothing_but_lines(data: bytes) -> None:
    with pytest.raises(MalformedNote):
        parse_signatures(data)


def test_lines_are_added_to_a_note_once_for_each_key() -> None:
    note = parse_note(GOOD)
    own = note.signatures[0]
    other = NoteSignature("witness", b"abcd", b"first")
    twice = add_signatures(note, [own._replace(signature=b"x"), other])
    assert twice.signatures == (own, other)
    assert twice.text == note.text
    assert add_signatures(twice, [other._replace(signature=b"second")]) == twice
    newest = add_signatures(note, [other, other._replace(signature=b"second")])
    assert newest.signatures == (own, other._replace(signature=b"second"))
    assert add_signatures(note, []) == note
    same_name = other._replace(key_id=b"efgh")
    assert add_signatures(twice, [same_name]).signatures == (own, other, same_name)


def read_all(data: bytes) -> None:
    with suppress(Malformed):
        note = parse_note(data)
        assert format_note(note) == data
        with suppress(Invalid, CannotTell):
            verify_note(note, [parse_vkey(VECTORS["vkey-of-the-specification"]["vkey"])])


@given(st.binary(max_size=200))
def test_any_bytes_are_a_note_or_refused(data: bytes) -> None:
    read_all(data)
    read_all(b"text\n\n\xe2\x80\x94 " + data + b"\n")


@settings(deadline=None)
@given(st.integers(0, len(GOOD)), st.integers(0, 3), st.binary(max_size=3))
def test_any_mutation_of_a_note_is_a_note_or_refused(at: int, cut: int, put: bytes) -> None:
    read_all(GOOD[:at] + put + GOOD[at + cut :])


@given(st.integers(0, 80), st.integers(0, 3), st.text(max_size=3))
def test_any_mutation_of_a_vkey_is_a_vkey_or_refused(at: int, cut: int, put: str) -> None:
    good = VECTORS["vkey-of-the-specification"]["vkey"]
    text = good[:at] + put + good[at + cut :]
    with suppress(Malformed):
        assert format_vkey(parse_vkey(text)) == text
