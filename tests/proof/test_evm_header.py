"""Headers of Ethereum-like chains: what they say, and what is none."""

from __future__ import annotations

from contextlib import suppress

import pytest
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.proof.errors import Malformed
from chalicelib.proof.evm.header import MalformedEvmHeader, parse_evm_header
from chalicelib.proof.evm.rlp import MalformedInteger, MalformedRlp, TrailingRlp, TruncatedRlp

from .vectors import load_vectors

VECTORS = {n: v for n, v in load_vectors("evm").items() if n.startswith("header-")}
ERRORS = {
    error.__name__: error
    for error in (MalformedEvmHeader, MalformedInteger, MalformedRlp, TrailingRlp, TruncatedRlp)
}
GOOD = bytes.fromhex(VECTORS["header-good-of-anvil"]["header"])


@pytest.mark.parametrize("name", VECTORS)
def test_header_vector(name: str) -> None:
    vector = VECTORS[name]
    data = bytes.fromhex(vector["header"])
    if "error" in vector:
        with pytest.raises(ERRORS[vector["error"]]):
            parse_evm_header(data)
        return
    header = parse_evm_header(data)
    assert (header.number, header.timestamp_s) == (vector["number"], vector["timestamp_s"])
    assert header.transactions_root.hex() == vector["transactions_root"]
    assert header.hash.hex() == vector["hash"]
    assert header.hash == keccak(data)


@given(st.integers(0, len(GOOD)), st.integers(0, 3), st.binary(max_size=3))
def test_any_mutation_has_another_hash_or_is_refused(at: int, cut: int, put: bytes) -> None:
    data = GOOD[:at] + put + GOOD[at + cut :]
    with suppress(Malformed):
        assert data == GOOD or parse_evm_header(data).hash != parse_evm_header(GOOD).hash


@given(st.binary(max_size=700))
def test_any_bytes_are_a_header_or_refused(data: bytes) -> None:
    with suppress(Malformed):
        parse_evm_header(data)
