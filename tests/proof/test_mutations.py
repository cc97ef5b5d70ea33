"""100,000 mutations of receipts, proofs, notes and entries: none verifies, none crashes.

Two things may change and leave a receipt valid, because they prove nothing: signature lines of
strangers, and evidence that is left out or that nobody can check yet.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from chalicelib.proof.errors import CannotTell, Invalid, Malformed
from chalicelib.proof.hashes import leaf_hash
from chalicelib.proof.merkle import verify_inclusion
from chalicelib.proof.note import Note, format_note, parse_note, verify_note
from chalicelib.proof.receipt import (
    Attestation,
    Inclusion,
    Receipt,
    format_receipt,
    parse_receipt,
)
from chalicelib.proof.statement import parse_statement, verify_statement
from chalicelib.proof.tlogproof import TlogProof, format_tlog_proof, parse_tlog_proof
from chalicelib.proof.verify import verify

from .world import (
    AT_MS,
    DOCUMENT,
    ISSUER_KEY,
    ORIGIN,
    STRANGER,
    World,
    cosigned,
    log_vkey,
    policy,
    witness_vkey,
    witnessed_tlog,
)

ROUNDS = 25_000
POLICY = policy(tlog=witnessed_tlog())
KNOWN = [log_vkey(), witness_vkey()]
REFUSED = (Malformed, Invalid, CannotTell)


def good_receipt() -> Receipt:
    pigeon = Attestation("carrier-pigeon", {"feather": "grey", "flights": [1, 2]})
    receipt = World(before=700, after=323).receipt(grown=300)
    assert receipt.attested is not None
    registered = cosigned(replace(receipt.registered, attestations=(pigeon,)))
    attested = cosigned(cosigned(receipt.attested), key=STRANGER, name="stranger.example")
    return replace(receipt, registered=registered, attested=attested)


GOOD = good_receipt()
OTHER = World(document=b'{"name":"other"}', before=40).receipt(grown=9)


def flip(data: bytes, random: Random) -> bytes:
    at = random.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << random.randrange(8)]) + data[at + 1 :]


def replace_byte(data: bytes, random: Random) -> bytes:
    at = random.randrange(len(data))
    return (
        data[:at] + random.choice([b"0", b"9", b"A", b"=", b"\n", b" ", b"\x00"]) + data[at + 1 :]
    )


def insert(data: bytes, random: Random) -> bytes:
    at = random.randrange(len(data) + 1)
    return data[:at] + random.randbytes(random.randrange(1, 4)) + data[at:]


def delete(data: bytes, random: Random) -> bytes:
    at = random.randrange(len(data))
    return data[:at] + data[at + random.randrange(1, 40) :]


def double(data: bytes, random: Random) -> bytes:
    start = random.randrange(len(data))
    end = min(len(data), start + random.randrange(1, 200))
    return data[:end] + data[start:end] + data[end:]


def truncate(data: bytes, random: Random) -> bytes:
    return data[: random.randrange(len(data))]


def exchange(data: bytes, random: Random) -> bytes:
    a, b, c, d = sorted(random.randrange(len(data)) for _ in range(4))
    return data[:a] + data[c:d] + data[b:c] + data[a:b] + data[d:]


BYTEWISE = [flip, flip, replace_byte, insert, delete, double, truncate, exchange]


def mutate_bytes(data: bytes, random: Random) -> bytes:
    for _ in range(random.choice([1, 1, 1, 2, 5])):
        data = random.choice(BYTEWISE)(data, random) or b"\x00"
    return data


def lines_changed(data: bytes, random: Random) -> bytes:
    """Text with its lines repeated, left out, exchanged or changed within their base64."""
    lines = data.split(b"\n")
    at, to = random.randrange(len(lines)), random.randrange(len(lines))
    match random.randrange(4):
        case 0:
            lines.insert(to, lines[at])
        case 1:
            del lines[at]
        case 2:
            lines[at], lines[to] = lines[to], lines[at]
        case _:
            head, space, tail = lines[at].rpartition(b" ")
            lines[at] = head + space + base64_changed(tail, random)
    return b"\n".join(lines)


def base64_changed(text: bytes, random: Random) -> bytes:
    try:
        return base64.b64encode(flip(base64.b64decode(text, validate=True), random))
    except ValueError:
        return flip(text or b"0", random)


def json_changed(data: bytes, random: Random) -> bytes:
    """A receipt with one of its JSON values changed, and still in its one spelling."""
    value = json.loads(data)
    donor = json.loads(format_receipt(OTHER))
    places = list(walk(value))
    container, key = random.choice(places)
    old = container[key]
    match random.randrange(5):
        case 0 if isinstance(container, dict):
            del container[key]
        case 1:
            container[key] = random.choice([c[k] for c, k in walk(donor)])
        case 2:
            container[key] = random.choice([c[k] for c, k in places])
        case 3 if isinstance(container, dict):
            container[random.choice(["v", "type", "extra", "attested"])] = old
        case _:
            container[key] = value_changed(old, random)
    try:
        text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    except (ValueError, RecursionError):  # a value put into itself: as broken as can be
        return b"{"
    return text.encode("utf-8", "surrogatepass") + b"\n"


def walk(value: Any) -> list[tuple[Any, Any]]:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    places = [(value, key) for key, _ in items]
    for inner in list(value.values() if isinstance(value, dict) else value):
        if isinstance(inner, dict | list):
            places += walk(inner)
    return places


def value_changed(value: Any, random: Random) -> Any:
    if isinstance(value, bool | None):
        return 0
    if isinstance(value, int):
        return value + random.choice([-1, 1, 1 << 32, -value, 0.5])
    if not isinstance(value, str):
        return random.choice([None, [], {}, value and [value], "x"])
    if "\n" in value:
        return lines_changed(value.encode(), random).decode("utf-8", "replace")
    if random.random() < 0.5:
        return base64_changed(value.encode(), random).decode("utf-8", "replace")
    return mutate_bytes(value.encode() or b"0", random).decode("utf-8", "replace")


def mutations(good: bytes, structured: Callable[[bytes, Random], bytes], seed: int) -> Any:
    random = Random(seed)
    made = 0
    while made < ROUNDS:
        change = random.choice([mutate_bytes, structured])
        bad = change(good, random)
        if bad != good:
            made += 1
            yield bad


def proven(note: Note) -> Note:
    """The note without the lines of strangers, and with each other line once."""
    names = {(key.name, key.key_id) for key in KNOWN}
    lines = [line for line in note.signatures if (line.name, line.key_id) in names]
    return Note(note.text, tuple(sorted(set(lines))))


def essence(inclusion: Inclusion) -> Inclusion:
    """What an inclusion proves: without strangers, witnesses left out, and unknown evidence."""
    note = inclusion.proof.checkpoint_note
    log_lines = tuple(line for line in proven(note).signatures if line.name == ORIGIN)
    proof = replace(inclusion.proof, checkpoint_note=Note(note.text, log_lines))
    return replace(inclusion, proof=proof, attestations=())


def test_receipts() -> None:
    good = format_receipt(GOOD)
    assert verify(DOCUMENT, parse_receipt(good), POLICY, AT_MS).outcome == "valid"
    excused = 0
    for bad in mutations(good, json_changed, 1):
        try:
            receipt = parse_receipt(bad)
        except Malformed:
            continue
        if verify(DOCUMENT, receipt, POLICY, AT_MS).outcome == "valid":
            excused += 1
            assert receipt.statement == GOOD.statement
            assert receipt.document == GOOD.document
            assert essence(receipt.registered) == essence(GOOD.registered)
            if receipt.attested is not None:
                assert GOOD.attested is not None
                assert essence(receipt.attested) == essence(GOOD.attested)
            assert (receipt.issuer, receipt.status) == (None, None)
    assert 0 < excused < ROUNDS / 10


def check_proof(data: bytes) -> TlogProof:
    proof = parse_tlog_proof(data)
    verify_note(proof.checkpoint_note, [log_vkey()])
    good = GOOD.registered
    assert proof.checkpoint_note.text == good.proof.checkpoint_note.text
    leaf, root = GOOD.statement.entry_id, good.block.root
    verify_inclusion(leaf, proof.index, good.block.size, proof.path, root)
    return proof


def test_proofs() -> None:
    good = GOOD.registered.proof
    data = format_tlog_proof(good)
    assert check_proof(data) == good
    for bad in mutations(data, lines_changed, 2):
        try:
            proof = check_proof(bad)
        except REFUSED:
            continue
        assert (proof.index, proof.path) == (good.index, good.path)


def test_notes() -> None:
    assert GOOD.attested is not None
    good = GOOD.attested.proof.checkpoint_note
    data = format_note(good)
    assert len(verify_note(parse_note(data), KNOWN)) == 2
    for bad in mutations(data, lines_changed, 3):
        try:
            note = parse_note(bad)
            verify_note(note, KNOWN)
        except REFUSED:
            continue
        assert note.text == good.text
        assert set(proven(note).signatures) <= set(proven(good).signatures)


def test_entries() -> None:
    entry = GOOD.statement.entry
    signed = parse_statement(entry)
    assert verify_statement(signed, ISSUER_KEY.public) == signed.statement
    for bad in mutations(entry, mutate_bytes, 4):
        assert leaf_hash(bad) != GOOD.statement.entry_id
        with pytest.raises(REFUSED):
            verify_statement(parse_statement(bad), ISSUER_KEY.public)
