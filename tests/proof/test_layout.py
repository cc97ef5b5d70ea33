"""Reading by the usual layout gives what the general way gives, or leaves it to that way."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.proof.document import Canonicalization
from chalicelib.proof.errors import Malformed
from chalicelib.proof.keys import EDDSA, ES256, SigningKey
from chalicelib.proof.layout import PROOF, RECEIPT, REGISTER_ENTRY
from chalicelib.proof.receipt import Receipt, format_receipt, parse_receipt
from chalicelib.proof.statement import parse_statement, verify_statement

from .world import World, cosigned

T = TypeVar("T")
NEVER = re.compile(b"(?!)")
NOTED = replace(World().receipt(), registered=cosigned(World().receipt().registered))
RECEIPTS = [World().receipt(), World().receipt(holder=False), NOTED]
FILE = format_receipt(NOTED)
ENTRY = World().entry


def outcome(parse: Callable[[bytes], T], data: bytes) -> T | None:
    try:
        return parse(data)
    except Malformed:
        return None


def outcome_or_fault(data: bytes) -> Receipt | tuple[type[Malformed], str]:
    try:
        return parse_receipt(data)
    except Malformed as error:
        return type(error), str(error)


def general(module: str, pattern: str, parse: Callable[[bytes], T], data: bytes) -> T | None:
    with patch(f"chalicelib.proof.{module}.{pattern}", NEVER):
        return outcome(parse, data)


@pytest.mark.parametrize("receipt", RECEIPTS)
def test_receipts_without_outside_evidence_have_the_usual_layout(receipt: Receipt) -> None:
    data = format_receipt(receipt)
    usual = RECEIPT.fullmatch(data)
    assert usual
    assert PROOF.fullmatch(usual.groups()[-1])
    assert parse_receipt(data) == receipt
    assert general("receipt", "RECEIPT", parse_receipt, data) == receipt


@pytest.mark.parametrize("alg", [EDDSA, ES256])
@pytest.mark.parametrize("canonicalization", ["raw", "jcs"])
def test_entries_of_registers_have_the_usual_layout(
    alg: int, canonicalization: Canonicalization
) -> None:
    key = SigningKey.generate(alg)
    entry = World(canonicalization=canonicalization, issuer_key=key).entry
    assert REGISTER_ENTRY.fullmatch(entry)
    signed = parse_statement(entry)
    assert general("statement", "REGISTER_ENTRY", parse_statement, entry) == signed
    assert verify_statement(signed, key.public) is signed.statement


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (rb"\n\n", rb"\n\u000a"),
        (b"tally.test/log", "tally.test/\ufffe".encode()),
        (b"\xe2\x80\x94 witness.example", "— witness.\ufffe".encode()),
        (b"\xe2\x80\x94 witness.example", "— witness.寒武".encode()),
        (rb"tlog-proof@v1\n", b"tlog-proof@v1\n"),
        (b'"height":7', b'"height":9007199254740992'),
        (b'"height":7', b'"height":07'),
        (b'"timestamp_ms":1', b'"timestamp_ms":9999999'),
        (b'"v":1}\n', b'"v":1}'),
        (b'==","timestamp', b'=","timestamp'),
    ],
)
def test_a_receipt_that_is_nearly_usual_is_the_same_either_way(old: bytes, new: bytes) -> None:
    assert FILE.count(old) >= 1
    nearly = FILE.replace(old, new)
    again = general("receipt", "RECEIPT", parse_receipt, nearly)
    assert outcome(parse_receipt, nearly) == again
    assert (again is None) == (b"\xe5" not in new)


def mutated(data: st.DataObject, good: bytes) -> bytes:
    at = data.draw(st.integers(0, len(good) - 1))
    cut = data.draw(st.integers(0, 3))
    new = data.draw(
        st.binary(max_size=3) | st.sampled_from([b"\\", b"\\n", b"\n", b'"', b"\xef\xbf\xbf"])
    )
    return good[:at] + new + good[at + cut :]


@settings(max_examples=500)
@given(st.data())
def test_a_changed_receipt_is_the_same_either_way(data: st.DataObject) -> None:
    bad = mutated(data, FILE)
    assert outcome(parse_receipt, bad) == general("receipt", "RECEIPT", parse_receipt, bad)


@settings(max_examples=500)
@given(st.data())
def test_a_changed_proof_has_the_same_fault_either_way(data: st.DataObject) -> None:
    at = FILE.index(b"c2sp.org")
    bad = FILE[:at] + mutated(data, FILE[at:])
    found = outcome_or_fault(bad)
    with patch("chalicelib.proof.tlogproof.PROOF", NEVER):
        assert outcome_or_fault(bad) == found


@pytest.mark.parametrize("change", [-1, 1])
@pytest.mark.parametrize("before", [b"\xa4\x01", b"did:web:", b"\xa5csm3", b"education/"])
def test_an_entry_with_a_false_length_is_refused_either_way(before: bytes, change: int) -> None:
    """Of the protected header, of iss, of the payload, of the profile."""
    at = ENTRY.index(before) - 1
    bad = ENTRY[:at] + bytes([ENTRY[at] + change]) + ENTRY[at + 1 :]
    assert REGISTER_ENTRY.fullmatch(bad)
    assert outcome(parse_statement, bad) is None
    assert general("statement", "REGISTER_ENTRY", parse_statement, bad) is None


@settings(max_examples=500)
@given(st.data())
def test_a_changed_entry_is_the_same_either_way(data: st.DataObject) -> None:
    bad = mutated(data, ENTRY)
    again = general("statement", "REGISTER_ENTRY", parse_statement, bad)
    assert outcome(parse_statement, bad) == again
