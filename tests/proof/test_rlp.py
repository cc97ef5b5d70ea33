"""RLP: one spelling of every item, and no other is read."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
import rlp as reference  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.proof.evm import rlp
from chalicelib.proof.evm.rlp import (
    MalformedInteger,
    MalformedRlp,
    Rlp,
    RlpTooLarge,
    decode_rlp,
    encode_rlp,
    format_integer,
    read_bytes,
    read_integer,
)
from chalicelib.proof.limits import RLP_BYTES

from .vectors import load_vectors

VECTORS = {n: v for n, v in load_vectors("evm").items() if n.startswith("rlp-")}

ITEMS: st.SearchStrategy[Any] = st.recursive(
    st.binary(max_size=70), lambda items: st.lists(items, max_size=5), max_leaves=30
)


def in_hex(item: Rlp) -> Any:
    return item.hex() if isinstance(item, bytes) else [in_hex(inner) for inner in item]


@pytest.mark.parametrize("name", VECTORS)
def test_rlp_vector(name: str) -> None:
    vector = VECTORS[name]
    data = bytes.fromhex(vector["rlp"])
    if "error" in vector:
        with pytest.raises(getattr(rlp, vector["error"])):
            decode_rlp(data)
    else:
        assert in_hex(decode_rlp(data)) == vector["item"]
        assert encode_rlp(decode_rlp(data)) == data


def test_no_more_than_a_receipt_is_read() -> None:
    longest = encode_rlp(bytes(RLP_BYTES - 4))
    assert len(longest) == RLP_BYTES
    assert decode_rlp(longest) == bytes(RLP_BYTES - 4)
    with pytest.raises(RlpTooLarge):
        decode_rlp(longest + b"\0")


@given(ITEMS)
def test_items_are_written_as_others_write_them_and_read_again(item: Any) -> None:
    data = encode_rlp(item)
    assert data == reference.encode(item)
    with suppress(rlp.RlpTooDeep):
        assert decode_rlp(data) == item


@given(st.binary(max_size=80))
def test_any_bytes_are_read_as_others_read_them_or_refused(data: bytes) -> None:
    """The other reader is strict, too; but it lets a long length begin with a zero byte."""
    try:
        item = decode_rlp(data)
    except MalformedRlp:
        with suppress(reference.exceptions.DecodingError):
            assert reference.encode(reference.decode(data)) != data
        return
    assert encode_rlp(item) == data
    assert reference.decode(data) == item


@given(st.integers(0, 2**256 - 1))
def test_integers_are_big_endian_in_their_shortest_form(value: int) -> None:
    data = format_integer(value)
    assert reference.decode(encode_rlp(data), reference.sedes.big_endian_int) == value
    assert read_integer(data, "n", 32) == value
    with pytest.raises(MalformedInteger):
        read_integer(b"\0" + data, "n", 40)
    with pytest.raises(MalformedInteger):
        read_integer(b"\1" + bytes(32), "n", 32)
    with pytest.raises(MalformedInteger):
        read_integer([data], "n", 32)


def test_strings_have_the_size_that_is_asked_for() -> None:
    assert read_bytes(b"ab", "s", 2) == b"ab"
    for other in (b"a", b"abc", [b"a", b"b"]):
        with pytest.raises(MalformedRlp):
            read_bytes(other, "s", 2)
