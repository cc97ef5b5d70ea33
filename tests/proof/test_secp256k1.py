"""Recovery of public keys, against eth-keys and ``cryptography``."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature
from eth_keys.datatypes import Signature
from eth_keys.exceptions import BadSignature
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.proof.evm import secp256k1
from chalicelib.proof.evm.secp256k1 import (
    N,
    NoSigner,
    RecoverableSignature,
    SignatureOutOfRange,
    check_signature,
    recover,
)

from .vectors import load_vectors

VECTORS = {n: v for n, v in load_vectors("evm").items() if n.startswith("signature-")}

DIGESTS = st.binary(min_size=32, max_size=32)
SCALARS = st.integers(1, N - 1)


def reference(digest: bytes, signature: RecoverableSignature) -> bytes:
    r, s, parity = signature
    public = Signature(vrs=(parity, r, s)).recover_public_key_from_msg_hash(digest)
    return b"\x04" + public.to_bytes()


@pytest.mark.parametrize("name", VECTORS)
def test_signature_vector(name: str) -> None:
    vector = VECTORS[name]
    digest = bytes.fromhex(vector["digest"])
    signature = RecoverableSignature(int(vector["r"], 16), int(vector["s"], 16), vector["parity"])
    if "error" in vector:
        with pytest.raises(getattr(secp256k1, vector["error"])):
            recover(digest, signature)
    else:
        assert recover(digest, signature).hex() == vector["public"]


@settings(deadline=None)
@given(SCALARS, DIGESTS)
def test_the_key_that_signed_is_one_of_the_two_that_are_recovered(
    secret: int, digest: bytes
) -> None:
    key = ec.derive_private_key(secret, ec.SECP256K1())
    r, s = decode_dss_signature(key.sign(digest, ec.ECDSA(Prehashed(hashes.SHA256()))))
    found = [recover(digest, RecoverableSignature(r, min(s, N - s), parity)) for parity in (0, 1)]
    numbers = key.public_key().public_numbers()
    ours = b"\x04" + numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")
    assert ours in found
    assert found[0] != found[1]


@settings(deadline=None)
@given(DIGESTS, SCALARS, st.integers(1, N // 2), st.integers(0, 1))
def test_any_signature_recovers_to_the_key_that_others_find_or_to_none(
    digest: bytes, r: int, s: int, parity: int
) -> None:
    signature = RecoverableSignature(r, s, parity)
    try:
        found = recover(digest, signature)
    except NoSigner:
        with pytest.raises(BadSignature):
            reference(digest, signature)
        return
    assert found == reference(digest, signature)


@given(st.integers(-1, 2**257), st.integers(-1, 2**257), st.integers(-1, 30))
def test_only_numbers_in_range_are_a_signature(r: int, s: int, parity: int) -> None:
    good = 1 <= r < N and 1 <= s <= N // 2 and 0 <= parity <= 1
    signature = RecoverableSignature(r, s, parity)
    if good:
        assert check_signature(signature) == signature
    else:
        with pytest.raises(SignatureOutOfRange):
            check_signature(signature)
