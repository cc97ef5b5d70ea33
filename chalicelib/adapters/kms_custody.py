"""What KMS does for custodial issuing: data keys that are of use there alone, and a key for each
issuer that cannot hold its own.

Issuers' keys are found by nobody but the registry. The tag says to which deployment one belongs:
functions may sign with keys that have it, and with no others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..notary.custody.records import Unreadable
from ..notary.ports import IssuerKey, Signer
from ..proof.keys import EDDSA, ES256, parse_spki
from .aws import Clients, code_of
from .kms_signer import KmsSigner

if TYPE_CHECKING:
    from mypy_boto3_kms.literals import KeySpecType

SPECS: dict[int, KeySpecType] = {EDDSA: "ECC_NIST_EDWARDS25519", ES256: "ECC_NIST_P256"}

DEPLOYMENT_TAG = "tally-documents-table"
"""Its value is the deployment's table of documents, a name that no other deployment has."""

ISSUER_TAG = "tally-issuer"
TAG_CHARACTERS = 256
"""What KMS takes as the value of a tag; the description has the whole id."""


class KmsDataKeys:
    """``DataKeys``. ``key`` is a symmetric key."""

    def __init__(self, clients: Clients, key: str) -> None:
        self._clients = clients
        self._key = key

    def new(self, context: Mapping[str, str]) -> tuple[bytes, bytes]:
        made = self._clients.kms.generate_data_key(
            KeyId=self._key, KeySpec="AES_256", EncryptionContext=context
        )
        return made["Plaintext"], made["CiphertextBlob"]

    def unwrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        from botocore.exceptions import ClientError

        try:
            return self._clients.kms.decrypt(
                KeyId=self._key, CiphertextBlob=wrapped, EncryptionContext=context
            )["Plaintext"]
        except ClientError as error:
            if code_of(error) in ("InvalidCiphertextException", "IncorrectKeyException"):
                raise Unreadable("KMS did not wrap this data key in this context") from error
            raise


class KmsIssuerKeys:
    """``IssuerKeys``. ``deployment`` is the value of the tag."""

    def __init__(self, clients: Clients, deployment: str) -> None:
        self._clients = clients
        self._deployment = deployment

    def make(self, issuer: str, alg: int, from_ms: int) -> IssuerKey:
        made = self._clients.kms.create_key(
            Description=f"Signs documents of {issuer} for {self._deployment}",
            KeySpec=SPECS[alg],
            KeyUsage="SIGN_VERIFY",
            Tags=[
                {"TagKey": DEPLOYMENT_TAG, "TagValue": self._deployment},
                {"TagKey": ISSUER_TAG, "TagValue": issuer[:TAG_CHARACTERS]},
            ],
        )["KeyMetadata"]
        key = self._clients.kms.get_public_key(KeyId=made["KeyId"])
        return IssuerKey(parse_spki(key["PublicKey"]), from_ms, arn=made["Arn"])

    def signer(self, key: IssuerKey) -> Signer:
        return KmsSigner(self._clients, key.arn, key.key)
