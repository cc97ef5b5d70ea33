"""Secrets of webhooks, sealed by a symmetric key in KMS that never leaves it.

The encryption context names tenant and endpoint, so that what is sealed for one opens for no other.
KMS writes it into its audit trail: hence the tenant's hash.
"""

from __future__ import annotations

from ..notary.webhooks.events import WrongSeal
from ..proof.hashes import sha256
from ..proof.text import MalformedBase64, format_base64, parse_base64
from .aws import Clients, code_of

_WRONG = frozenset({"InvalidCiphertextException", "IncorrectKeyException"})


class KmsSealer:
    """``Sealer``. ``key`` is a key id, an ARN or an alias."""

    def __init__(self, clients: Clients, key: str) -> None:
        self._clients = clients
        self._key = key

    def seal(self, tenant: str, endpoint: str, secret: str) -> str:
        answer = self._clients.kms.encrypt(
            KeyId=self._key,
            Plaintext=secret.encode(),
            EncryptionContext=_context(tenant, endpoint),
        )
        return format_base64(answer["CiphertextBlob"])

    def open(self, tenant: str, endpoint: str, sealed: str) -> str:
        from botocore.exceptions import ClientError

        try:
            answer = self._clients.kms.decrypt(
                KeyId=self._key,
                CiphertextBlob=parse_base64(sealed),
                EncryptionContext=_context(tenant, endpoint),
            )
        except MalformedBase64:
            raise WrongSeal("it is not base64") from None
        except ClientError as error:
            if code_of(error) not in _WRONG:
                raise
            raise WrongSeal("KMS does not open it for this endpoint") from error
        return answer["Plaintext"].decode()


def _context(tenant: str, endpoint: str) -> dict[str, str]:
    return {"tenant": sha256(tenant.encode()).hex(), "endpoint": endpoint}
