"""Documents: two digests of the bytes that the canonicalization names, and salted commitments."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.proof.document import CANONICALIZATIONS, Digests, commit, digest_document
from chalicelib.proof.errors import Malformed
from chalicelib.proof.hashes import sha256, sm3

from .vectors import load_vectors

VECTORS = load_vectors("document")


@pytest.mark.parametrize("name", [n for n, v in VECTORS.items() if "error" not in v])
def test_has_these_digests_and_commitments(name: str) -> None:
    vector = VECTORS[name]
    digests = digest_document(bytes.fromhex(vector["document"]), vector["canonicalization"])
    committed = commit(bytes.fromhex(vector["salt"]), digests)
    assert digests.canonicalization == vector["canonicalization"]
    assert (digests.sha256.hex(), digests.sm3.hex()) == (vector["sha-256"], vector["sm3"])
    assert committed[0].hex() == vector["committed-sha-256"]
    assert committed[1].hex() == vector["committed-sm3"]


def digest_and_commit(vector: dict[str, str]) -> None:
    digests = digest_document(bytes.fromhex(vector["document"]), vector["canonicalization"])
    commit(bytes.fromhex(vector["salt"]), digests)


@pytest.mark.parametrize("name", [n for n, v in VECTORS.items() if "error" in v])
def test_refuses_by_name(name: str) -> None:
    with pytest.raises(Malformed) as caught:
        digest_and_commit(VECTORS[name])
    assert type(caught.value).__name__ == VECTORS[name]["error"]


def test_sm3_is_that_of_gb_t_32905_annex_a() -> None:
    assert VECTORS["raw-abc-of-the-standards"]["sm3"] == (
        "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    )


def test_raw_and_jcs_are_all_the_canonicalizations() -> None:
    assert CANONICALIZATIONS == ("raw", "jcs")


@given(st.binary())
def test_any_bytes_have_raw_digests(data: bytes) -> None:
    assert digest_document(data, "raw") == Digests("raw", sha256(data), sm3(data))


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_another_salt_gives_other_commitments(salt: bytes, other: bytes) -> None:
    digests = digest_document(b"document", "raw")
    assert (commit(salt, digests) == commit(other, digests)) == (salt == other)
