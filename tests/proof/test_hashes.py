"""Hashes of 32 bytes, against published values."""

import pytest

from chalicelib.proof.hashes import (
    EMPTY_ROOT,
    Hash,
    MalformedHash,
    leaf_hash,
    node_hash,
    sha256,
    sm3,
)


def test_sha_256_of_abc_is_that_of_fips_180_4() -> None:
    assert sha256(b"abc").hex() == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )


def test_sm3_of_abc_is_that_of_gb_t_32905() -> None:
    assert sm3(b"abc").hex() == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"


def test_the_empty_tree_and_the_domains_of_rfc_6962() -> None:
    assert EMPTY_ROOT == sha256(b"")
    assert leaf_hash(b"x") == sha256(b"\x00x")
    assert node_hash(EMPTY_ROOT, EMPTY_ROOT) == sha256(b"\x01" + EMPTY_ROOT * 2)


def test_hex_is_read_as_it_is_written() -> None:
    assert Hash.parse_hex(EMPTY_ROOT.hex()) == EMPTY_ROOT


@pytest.mark.parametrize("text", ["", "0g" * 32, "AB" * 32, "ab" * 31, "ab" * 33, "ab " * 32])
def test_other_hex_is_refused(text: str) -> None:
    with pytest.raises(MalformedHash):
        Hash.parse_hex(text)


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_hash_has_32_bytes(size: int) -> None:
    with pytest.raises(MalformedHash):
        Hash(bytes(size))
