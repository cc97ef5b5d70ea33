"""Keccak-256 is Ethereum's, not SHA3-256."""

from __future__ import annotations

import hashlib

import pytest
from eth_hash.auto import keccak as reference
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.proof.evm.keccak import RATE, keccak256

BYTES = bytes(range(251)) * 8


@pytest.mark.parametrize(
    ("data", "digest"),
    [
        (b"", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"),
        (b"\x80", "56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"),
        (b"\xc0", "1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347"),
    ],
    ids=["nothing", "empty-trie", "no-uncles"],
)
def test_the_hashes_that_every_ethereum_block_knows(data: bytes, digest: str) -> None:
    assert keccak256(data).hex() == digest


def test_every_length_about_the_rate_is_padded_as_others_pad_it() -> None:
    """One byte of padding, two, and a whole block of it."""
    for size in (*range(2 * RATE + 3), 3 * RATE - 1, 3 * RATE, 10 * RATE + 1):
        assert keccak256(BYTES[:size]) == reference(BYTES[:size])


@given(st.binary(max_size=600))
def test_any_bytes_have_the_hash_that_others_give_them(data: bytes) -> None:
    assert keccak256(data) == reference(data)
    assert keccak256(data) != hashlib.sha3_256(data).digest()
