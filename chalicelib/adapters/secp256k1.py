"""Keys of public chains: secp256k1 in KMS, or in memory for tests and development."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Protocol

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
)

from ..notary.networks import Unreachable
from ..notary.ports import Busy
from .aws import Clients

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
"""The order of the group (SEC 2 §2.4.1)."""


class ChainSigner(Protocol):
    """A key that signs transactions."""

    @property
    def public(self) -> bytes:
        """The public point, uncompressed: 04 ‖ x ‖ y, 65 bytes (SEC 1 §2.3.3)."""

    def sign(self, digest: bytes) -> bytes:
        """ECDSA over a digest of 32 bytes: r ‖ s, 64 bytes, with low s (BIP 62, EIP-2)."""


class LocalSecp256k1:
    """``ChainSigner`` of a private key in memory."""

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        assert isinstance(key.curve, ec.SECP256K1)
        self._key = key

    @cached_property
    def public(self) -> bytes:
        return _point(self._key.public_key())

    def sign(self, digest: bytes) -> bytes:
        return low_s(self._key.sign(digest, ec.ECDSA(Prehashed(hashes.SHA256()))))


class KmsSecp256k1:
    """``ChainSigner`` of a key in KMS (ECC_SECG_P256K1); its public half is fetched once."""

    def __init__(self, clients: Clients, key: str) -> None:
        self._clients = clients
        self._key = key

    @cached_property
    def public(self) -> bytes:
        with kms_told():
            answer = self._clients.kms.get_public_key(KeyId=self._key)
        key = load_der_public_key(answer["PublicKey"])
        assert isinstance(key, ec.EllipticCurvePublicKey)
        assert isinstance(key.curve, ec.SECP256K1)
        return _point(key)

    def sign(self, digest: bytes) -> bytes:
        with kms_told():
            answer = self._clients.kms.sign(
                KeyId=self._key,
                Message=digest,
                MessageType="DIGEST",
                SigningAlgorithm="ECDSA_SHA_256",
            )
        return low_s(answer["Signature"])


@contextmanager
def kms_told() -> Iterator[None]:
    """Around a call of KMS: what fails is the attempt's failure, and it is tried again."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (BotoCoreError, ClientError, Busy) as error:
        raise Unreachable(f"KMS did not sign ({type(error).__name__})") from error


def low_s(der: bytes) -> bytes:
    """r ‖ s of a DER signature, with the lower of its two s."""
    r, s = decode_dss_signature(der)
    return r.to_bytes(32, "big") + min(s, ORDER - s).to_bytes(32, "big")


def _point(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
