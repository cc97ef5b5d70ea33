"""What is kept of a custodial issue while its answer may be asked for again, and how.

A *record* stands for one Idempotency-Key of one tenant. While its window lasts it holds a secret:
first all randomness of the issue, then the document's salt and digests and the credential. The
secret is AES-256-GCM under a data key of its own, which lies beside it wrapped by KMS; tenant and
record id are its encryption context. The document itself is never stored. When the window ends, or
its tenant says so, secret and wrapped key are overwritten, and a tombstone is left: which key was
used, and which entry came of it, of which issuer.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from secrets import token_bytes
from typing import Literal, NamedTuple, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ...proof.document import CANONICALIZATIONS
from ...proof.hashes import Hash, sha256
from ...proof.receipt import HolderPart
from ...proof.text import format_base64, parse_base64
from ..ports import IssuerKey, Signer
from ..status.places import StatusPlace

NONCE_BYTES = 12

State = Literal["claimed", "signed", "accepted", "gone"]


class Unreadable(Exception):
    """A stored secret is not what was put there: the table was changed by somebody else."""


@dataclass(frozen=True, slots=True)
class Record:
    """The state of one issue.

    ``tenant`` is the SHA-256 of the tenant's name. From ``until_ms`` on there is no secret, whether
    it was purged or not. Whoever works on the issue holds it until ``lease_ms``. ``entry`` is the
    signed statement, empty until it is signed, ``entry_id`` its id and ``iss`` its issuer's.
    ``secret`` is sealed with the data key in ``wrapped``; both are empty once it is ``gone``.
    ``version`` is 0 before it was ever stored."""

    id: str
    tenant: Hash
    state: State
    until_ms: int
    lease_ms: int = 0
    entry_id: Hash | None = None
    iss: str = ""
    entry: bytes = b""
    secret: bytes = b""
    wrapped: bytes = b""
    version: int = 0

    @property
    def context(self) -> dict[str, str]:
        """The encryption context of its data key."""
        return {"tenant": self.tenant.hex(), "document": self.id}

    def is_gone(self, now_ms: int) -> bool:
        return self.state == "gone" or now_ms >= self.until_ms


class Lineage(NamedTuple):
    """The ``sub`` of a statement to be made, and the place of its credential, if it has one."""

    sub: str
    place: StatusPlace | None = None


@dataclass(frozen=True, slots=True)
class Secret:
    """What nobody but the tenant may know. ``request`` is the SHA-256 of the body, ``seed`` makes
    the credential's randomness; ``lineage`` and ``iat`` are those of the statement. ``document``
    and ``credential`` (empty where there is none) are known once it is signed."""

    request: Hash
    salt: bytes
    seed: bytes
    lineage: Lineage
    iat: int
    document: HolderPart | None = None
    credential: bytes = b""


class DataKeys(Protocol):
    """A key in KMS that wraps data keys of 32 bytes. Wrapped ones are of use only there, and only
    with the same context."""

    def new(self, context: Mapping[str, str]) -> tuple[bytes, bytes]:
        """A new data key, and the same wrapped."""

    def unwrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        """Raises Unreadable where KMS says that it never wrapped these bytes in this context."""


class IssuerKeys(Protocol):
    """Keys in KMS that sign for issuers who hold none."""

    def make(self, issuer: str, alg: int, from_ms: int) -> IssuerKey:
        """A new key for the issuer with this id; ``alg`` is COSE's."""

    def signer(self, key: IssuerKey) -> Signer:
        """Who signs with the key; asks nobody until it does."""


class Documents(Protocol):
    """The table of records. Reads are strongly consistent, but for ``expired``."""

    def get(self, id: str) -> Record | None: ...

    def put(self, record: Record) -> Record:
        """Write over the version that the record has, or, when that is 0, where none is; returns it
        with the next one. Raises Conflict (nothing was written) or OutcomeUnknown."""

    def expired(self, now_ms: int, limit: int) -> list[str]:
        """Ids of records that still hold a secret though their window ended. May lag behind."""


@dataclass(frozen=True, slots=True)
class Custody:
    """Where records are kept, what wraps their keys, the keys that sign for issuers, where status
    lists are served, and where randomness comes from."""

    documents: Documents
    keys: DataKeys
    issuer_keys: IssuerKeys
    public_url: str
    random: Callable[[int], bytes] = token_bytes


@dataclass(frozen=True, slots=True)
class Held:
    """A record whose secret is open, and its data key."""

    record: Record
    secret: Secret
    key: bytes

    def sealed(self, random: Callable[[int], bytes]) -> Record:
        """The record with the secret sealed."""
        return replace(self.record, secret=self.seal("", _format_secret(self.secret), random))

    def seal(self, name: str, data: bytes, random: Callable[[int], bytes]) -> bytes:
        """``data`` of this record, sealed with its data key under a name of its own."""
        nonce = random(NONCE_BYTES)
        return nonce + AESGCM(self.key).encrypt(nonce, data, _bound_to(self.record, name))

    def unseal(self, name: str, sealed: bytes) -> bytes:
        """Raises Unreadable."""
        return _unseal(self.record, self.key, name, sealed)


def open_record(record: Record, keys: DataKeys) -> Held:
    """Raises Unreadable."""
    key = keys.unwrap(record.wrapped, record.context)
    return Held(record, _parse_secret(_unseal(record, key, "", record.secret)), key)


def _unseal(record: Record, key: bytes, name: str, sealed: bytes) -> bytes:
    try:
        return AESGCM(key).decrypt(
            sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], _bound_to(record, name)
        )
    except (InvalidTag, ValueError) as error:
        raise Unreadable(f"what is sealed of record {record.id} does not open") from error


def hash_tenant(tenant: str) -> Hash:
    return sha256(tenant.encode())


def record_id(tenant: str, route: str, key: str) -> str:
    """SHA-256(SHA-256(tenant) ‖ SHA-256(route) ‖ SHA-256(key)), in hex."""
    return sha256(b"".join(sha256(part.encode()) for part in (tenant, route, key))).hex()


def tombstone(record: Record) -> Record:
    """What is left of a record: nothing of it is secret."""
    return replace(record, state="gone", lease_ms=0, entry=b"", secret=b"", wrapped=b"")


def _bound_to(record: Record, name: str) -> bytes:
    """What is moved to another record, or given another name, does not open."""
    return record.tenant + bytes.fromhex(record.id) + name.encode()


def _format_secret(secret: Secret) -> bytes:
    """JSON, which nobody but ``_parse_secret`` reads."""
    document, place = secret.document, secret.lineage.place
    return json.dumps(
        {
            "request": secret.request.hex(),
            "salt": secret.salt.hex(),
            "seed": secret.seed.hex(),
            "sub": secret.lineage.sub,
            "place": place and [place.list, place.index],
            "iat": secret.iat,
            "canonicalization": document and document.canonicalization,
            "sha-256": document and document.sha256.hex(),
            "sm3": document and document.sm3.hex(),
            "credential": format_base64(secret.credential),
        }
    ).encode()


def _parse_secret(text: bytes) -> Secret:
    members = json.loads(text)
    salt, document = bytes.fromhex(members["salt"]), None
    for canonicalization in CANONICALIZATIONS:
        if members["canonicalization"] == canonicalization:
            digests = (Hash.parse_hex(members[name]) for name in ("sha-256", "sm3"))
            document = HolderPart(canonicalization, salt, *digests)
    return Secret(
        request=Hash.parse_hex(members["request"]),
        salt=salt,
        seed=bytes.fromhex(members["seed"]),
        lineage=Lineage(members["sub"], members["place"] and StatusPlace(*members["place"])),
        iat=members["iat"],
        document=document,
        credential=parse_base64(members["credential"]),
    )
