"""``Signer``: 64 bytes that the public key accepts.

moto's KMS is not asked: it has no Ed25519, and hashes again what is sent to it as a digest.
"""

from __future__ import annotations

import pytest
from mypy_boto3_kms.literals import KeySpecType

from chalicelib.adapters.aws import Clients
from chalicelib.adapters.kms_signer import KmsSigner
from chalicelib.notary.ports import Signer
from chalicelib.proof.keys import EDDSA, ES256, SIGNATURE_BYTES, SigningKey

from .wire import Wire

SPECS: dict[int, KeySpecType] = {EDDSA: "ECC_NIST_EDWARDS25519", ES256: "ECC_NIST_P256"}


def kms_signer(clients: Clients, alg: int) -> KmsSigner:
    key = clients.kms.create_key(KeySpec=SPECS[alg], KeyUsage="SIGN_VERIFY")
    return KmsSigner(clients, key["KeyMetadata"]["KeyId"])


@pytest.fixture(
    params=[
        ("memory", EDDSA),
        ("memory", ES256),
        ("local", EDDSA),
        ("local", ES256),
    ],
    ids=str,
)
def signer(request: pytest.FixtureRequest) -> Signer:
    place, alg = request.param
    if place == "memory":
        return SigningKey.generate(alg)
    return kms_signer(request.getfixturevalue("local_clients"), alg)


@pytest.mark.parametrize("message", [b"", b"tally.example/log\n1\n", bytes(4_096)])
def test_the_public_key_accepts_what_was_signed(signer: Signer, message: bytes) -> None:
    for _ in range(8):  # of two P-256 signatures one has a high s before we lower it
        signature = signer.sign(message)
        assert len(signature) == SIGNATURE_BYTES
        signer.public.verify(signature, message)


def test_ed25519_signs_the_same_message_with_the_same_bytes(signer: Signer) -> None:
    """Recovery signs again, and must not make a second checkpoint."""
    signatures = {signer.sign(b"a checkpoint") for _ in range(4)}
    assert len(signatures) == 1 or signer.public.alg == ES256


def test_es256_signs_messages_of_any_length(local_clients: Clients) -> None:
    """Tokens may be longer than the 4,096 bytes that KMS would hash itself."""
    signer = kms_signer(local_clients, ES256)
    signer.public.verify(signer.sign(bytes(10_000)), bytes(10_000))


def test_a_public_key_is_fetched_once(local_clients: Clients, network: Wire) -> None:
    network.mend()
    signer = kms_signer(local_clients, EDDSA)
    for _ in range(3):
        signer.public.verify(signer.sign(b"message"), b"message")
    assert network.sent == ["CreateKey", "GetPublicKey", "Sign", "Sign", "Sign"]
