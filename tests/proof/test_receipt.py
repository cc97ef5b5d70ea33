"""The receipt file: one spelling, read exactly; whatever the bytes, never more than Malformed."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.proof.errors import Malformed
from chalicelib.proof.limits import RECEIPT_BYTES
from chalicelib.proof.receipt import (
    Attestation,
    MalformedReceipt,
    Receipt,
    ReceiptTooLarge,
    format_receipt,
    parse_receipt,
)

from .world import World, cosigned

EVM = {"type": "evm", "chain": "eip155:1", "header": "AA==", "index": 3, "nodes": ["AAE="]}
KNOWN: list[dict[str, Any]] = [
    EVM,
    {"type": "opentimestamps", "proof": "AA=="},
    {"type": "rfc3161", "token": "AA=="},
    {"type": "carrier-pigeon", "feather": {"grey": [1, None, True]}},
]


def full() -> Receipt:
    """A receipt with every member."""
    receipt = World().receipt(grown=2)
    attestations = tuple(
        Attestation(a["type"], {n: v for n, v in a.items() if n != "type"}) for a in KNOWN
    )
    registered = cosigned(replace(receipt.registered, attestations=attestations))
    evidence = World(document=b'{"a":1}').evidence()
    return replace(receipt, registered=registered, issuer=evidence, status=evidence)


@pytest.mark.parametrize("receipt", [full(), World().receipt(), World().receipt(holder=False)])
def test_what_is_written_is_read_again(receipt: Receipt) -> None:
    assert parse_receipt(format_receipt(receipt)) == receipt


def test_a_receipt_is_one_line_of_json() -> None:
    data = format_receipt(full())
    assert data.endswith(b"}\n")
    assert data.count(b"\n") == 1
    assert set(json.loads(data)) == {
        "v", "document", "entry", "registered", "attested", "issuer", "status",
    }  # fmt: skip


def changed(change: Callable[[Any], None]) -> bytes:
    value = json.loads(format_receipt(full()))
    change(value)
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode() + b"\n"


def setting(path: str, new: Any) -> Callable[[Any], None]:
    def change(value: Any) -> None:
        *way, last = path.split("/")
        for step in way:
            value = value[int(step) if step.isdigit() else step]
        value[int(last) if last.isdigit() else last] = new

    return change


def removing(path: str) -> Callable[[Any], None]:
    def change(value: Any) -> None:
        *way, last = path.split("/")
        for step in way:
            value = value[step]
        del value[last]

    return change


def test_the_changes_below_are_made_to_a_good_receipt() -> None:
    assert parse_receipt(changed(lambda value: None)) == full()


@pytest.mark.parametrize(
    "change",
    [
        setting("v", 2),
        setting("v", "1"),
        setting("v", True),
        setting("extra", 1),
        removing("v"),
        removing("entry"),
        removing("registered"),
        setting("entry", ""),
        setting("entry", "0oRA"),
        setting("entry", "0oR="),
        setting("entry", 7),
        setting("document", None),
        removing("document/salt"),
        setting("document/pepper", "00"),
        setting("document/salt", "00" * 31),
        setting("document/salt", "0G" * 32),
        setting("document/salt", "AB" * 32),
        setting("document/salt", "ab " * 32),
        setting("document/sha-256", 7),
        setting("document/sm3", "00" * 33),
        setting("document/canonicalization", "rdfc"),
        setting("document/canonicalization", ["raw"]),
        setting("registered", []),
        removing("registered/attestations"),
        removing("registered/block"),
        setting("registered/extra", 1),
        setting("registered/proof", "c2sp.org/tlog-proof@v1\n"),
        setting("registered/proof", None),
        setting("registered/block/height", -1),
        setting("registered/block/height", 1 << 53),
        setting("registered/block/height", True),
        setting("registered/block/timestamp_ms", 1.5),
        setting("registered/block/timestamp_ms", "1"),
        setting("registered/block/previous", "00"),
        setting("registered/block/signature", "AAAA"),
        setting("registered/block/hash", "00" * 32),
        setting("registered/attestations", {}),
        setting("registered/attestations", [{"type": "pigeon"}] * 65),
        setting("registered/attestations", [{"type": "opentimestamps", "proof": "AAAA"}] * 2),
        setting("registered/attestations/0", "evm"),
        setting("registered/attestations/0", {}),
        setting("registered/attestations/0/type", 7),
        setting("registered/attestations/0/type", "evm:eip155:1"),
        setting("registered/attestations/0/type", ""),
        setting("registered/attestations/0/chain", "Ethereum"),
        setting("registered/attestations/0/header", "AB=="),
        setting("registered/attestations/0/index", -1),
        setting("registered/attestations/0/nodes", "AA=="),
        setting("registered/attestations/0/nodes", ["A"]),
        setting("registered/attestations/0/sender", "0x00"),
        setting("registered/attestations/1/proof", 7),
        setting("registered/attestations/1/more", 7),
        setting("registered/attestations/2/token", "===="),
        setting("attested", None),
        setting("issuer", {}),
        setting("issuer/document", {}),
        setting("issuer/entry", "AA=="),
        setting("status/registered", None),
    ],
)
def test_refuses_one_change(change: Callable[[Any], None]) -> None:
    with pytest.raises(Malformed):
        parse_receipt(changed(change))


@pytest.mark.parametrize(
    "respell",
    [
        lambda data: data[:-1],
        lambda data: data + b"\n",
        lambda data: data[:-1] + b"\r\n",
        lambda data: b" " + data,
        lambda data: data.replace(b'":', b'": ', 1),
        lambda data: data.replace(b'"v":1', b'"v":1e0'),
        lambda data: data.replace(b'"v":1', b'"v":1.0'),
        lambda data: data.replace(b"registered", b"re\\u0067istered", 1),
        lambda data: data.replace(b"tlog-proof@v1\\n", b"tlog-proof@v1\\u000a", 1),
    ],
)
def test_refuses_a_second_spelling(respell: Callable[[bytes], bytes]) -> None:
    data = format_receipt(full())
    assert respell(data) != data
    with pytest.raises(MalformedReceipt):
        parse_receipt(respell(data))


def test_a_member_named_type_in_an_attestation_cannot_be_doubled() -> None:
    data = format_receipt(full()).replace(b'"type":"evm"', b'"type":"evm","type":"evm"')
    with pytest.raises(Malformed):
        parse_receipt(data)


def test_refuses_a_file_beyond_the_limit_unread() -> None:
    with pytest.raises(ReceiptTooLarge):
        parse_receipt(b" " * (RECEIPT_BYTES + 1))


@given(st.binary(max_size=200))
def test_never_more_than_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse_receipt(data)


@settings(max_examples=300)
@given(st.data())
def test_a_mutated_file_is_malformed_or_says_something_else(data: st.DataObject) -> None:
    good = format_receipt(full())
    at = data.draw(st.integers(0, len(good) - 1))
    kind = data.draw(st.sampled_from(["flip", "cut", "insert"]))
    byte = data.draw(st.integers(1, 255))
    if kind == "flip":
        bad = good[:at] + bytes([good[at] ^ byte]) + good[at + 1 :]
    elif kind == "cut":
        bad = good[:at] + good[at + 1 + byte :]
    else:
        bad = good[:at] + bytes([byte]) + good[at:]
    with suppress(Malformed):
        assert parse_receipt(bad) != full()
