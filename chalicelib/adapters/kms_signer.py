"""Private keys in KMS, Ed25519 or P-256: the service's own, and those of issuers in its custody.

In tests and development a ``SigningKey`` of the proof room is a ``Signer`` as it stands.
"""

from __future__ import annotations

from functools import cached_property

from ..proof.hashes import sha256
from ..proof.keys import EDDSA, PublicKey, parse_spki, raw_signature
from .aws import Clients


class KmsSigner:
    """``Signer``. ``key`` is a key id, an ARN or an alias; its public half is fetched once, unless
    it is ``known``."""

    def __init__(self, clients: Clients, key: str, known: PublicKey | None = None) -> None:
        self._clients = clients
        self._key = key
        self._known = known

    @cached_property
    def public(self) -> PublicKey:
        return self._known or parse_spki(
            self._clients.kms.get_public_key(KeyId=self._key)["PublicKey"]
        )

    def sign(self, message: bytes) -> bytes:
        """KMS takes messages of up to 4,096 bytes for Ed25519, of any length for P-256."""
        kms = self._clients.kms
        if self.public.alg == EDDSA:
            return kms.sign(
                KeyId=self._key,
                Message=message,
                MessageType="RAW",
                SigningAlgorithm="ED25519_SHA_512",
            )["Signature"]
        der = kms.sign(
            KeyId=self._key,
            Message=sha256(message),
            MessageType="DIGEST",
            SigningAlgorithm="ECDSA_SHA_256",
        )["Signature"]
        return raw_signature(der)
