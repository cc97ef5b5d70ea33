"""``ChainSigner``: 64 bytes over a digest, with low s, that the public point accepts.

moto's KMS is not asked: it hashes again what is sent to it as a digest for secp256k1.
"""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature
from eth_keys.datatypes import PublicKey
from eth_keys.datatypes import Signature as EthereumSignature

from chalicelib.adapters.aws import Clients
from chalicelib.adapters.evm.wallet import address_of, sign_transaction
from chalicelib.adapters.secp256k1 import ORDER, ChainSigner, KmsSecp256k1, LocalSecp256k1
from chalicelib.proof.evm.transaction import Transaction, parse_transaction
from chalicelib.proof.hashes import sha256

from .wire import Wire

DIGESTS = [sha256(bytes([number])) for number in range(8)]


def kms_signer(clients: Clients) -> KmsSecp256k1:
    key = clients.kms.create_key(KeySpec="ECC_SECG_P256K1", KeyUsage="SIGN_VERIFY")
    return KmsSecp256k1(clients, key["KeyMetadata"]["KeyId"])


@pytest.fixture(params=["memory", "local"])
def signer(request: pytest.FixtureRequest) -> ChainSigner:
    if request.param == "memory":
        return LocalSecp256k1(ec.generate_private_key(ec.SECP256K1()))
    return kms_signer(request.getfixturevalue("local_clients"))


def test_the_public_point_accepts_what_was_signed(signer: ChainSigner) -> None:
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256K1(), signer.public)
    assert len(signer.public) == 65
    assert signer.public[0] == 4
    for digest in DIGESTS:
        signature = signer.sign(digest)
        assert len(signature) == 64
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
        key.verify(encode_dss_signature(r, s), digest, ec.ECDSA(Prehashed(hashes.SHA256())))


def test_s_is_low(signer: ChainSigner) -> None:
    """Of two signatures one has a high s before we lower it; chains refuse that (EIP-2)."""
    for digest in DIGESTS:
        assert 0 < int.from_bytes(signer.sign(digest)[32:], "big") <= ORDER // 2


def test_its_transactions_are_of_the_address_of_its_key(signer: ChainSigner) -> None:
    """As eth-keys derives one from the other."""
    address = PublicKey(signer.public[1:]).to_canonical_address()
    assert address_of(signer) == address
    for nonce in range(4):
        signed = sign_transaction(signer, Transaction(1, nonce, 1, 2, 21_000, address, 0, b""))
        assert parse_transaction(signed.raw).sender() == address
        r, s, parity = signed.signature
        theirs = EthereumSignature(vrs=(parity, r, s))
        found = theirs.recover_public_key_from_msg_hash(signed.transaction.digest)
        assert found.to_canonical_address() == address


def test_a_public_point_is_fetched_once(local_clients: Clients, network: Wire) -> None:
    network.mend()
    signer = kms_signer(local_clients)
    for digest in DIGESTS[:2]:
        signer.sign(digest)
        assert len(signer.public) == 65
    assert network.sent == ["CreateKey", "Sign", "GetPublicKey", "Sign"]
