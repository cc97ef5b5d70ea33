"""What the use cases need from outside, and the consistency that each port must give.

A port exists only where a fake and AWS both need it. One contract test per port runs on every
implementation. Every write may fail in three ways: it did not happen (any exception), it
conflicts (a named exception), or nobody knows (``OutcomeUnknown``): the caller then reads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from ..proof.block import Block
from ..proof.errors import Malformed
from ..proof.hashes import Hash
from ..proof.issuer_profile import Accreditation
from ..proof.keys import PublicKey


class Conflict(Exception):
    """A conditional write found another state than it demanded. Nothing was written."""


class OutcomeUnknown(Exception):
    """A write may or may not have happened; only a strongly consistent read settles it."""


class Busy(Exception):
    """A store refused for load or gave no answer, even after retries. What was asked for may be
    asked for again: a commit was not done, and all else is idempotent."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the hash chain: a block and what is known about it so far.

    ``checkpoint`` (a signed note) and ``signature`` (64 bytes) are empty until the committed
    block is signed. ``applied`` is true once tiles, checkpoint, index and pending are done.
    ``staging`` is the key of the staging object that holds the whole batch.
    """

    block: Block
    staging: str
    checkpoint: bytes = b""
    signature: bytes = b""
    applied: bool = False


@dataclass(frozen=True, slots=True)
class JobMove:
    """A job's cursor moves from ``first`` to ``last``: block ``height`` holds these items."""

    job: str
    first: int
    last: int
    height: int


class Chain(Protocol):
    """The hash chain in DynamoDB. Every read is strongly consistent."""

    def head(self) -> Row | None:
        """The newest committed row; None when the log was never created."""

    def row(self, height: int) -> Row | None:
        """The committed row at ``height``."""

    def create(self, row: Row) -> None:
        """Write row 0 and the head together; Conflict when there is a head."""

    def commit(self, previous: Row, row: Row, moves: Sequence[JobMove]) -> None:
        """One transaction: the head moves from ``previous`` to ``row`` only if it still is
        ``previous`` (height and hash), the row only if absent, each job only if its cursor is
        ``first``. Raises Conflict (nothing happened) or OutcomeUnknown."""

    def seal(self, height: int, checkpoint: bytes, signature: bytes) -> None:
        """Store a committed block's signatures. Idempotent: they are deterministic."""

    def mark_applied(self, height: int) -> None:
        """Remember that nothing is left to do for the block. Idempotent."""


class Objects(Protocol):
    """A bucket. Reads see every finished write at once (S3 is strongly consistent)."""

    def get(self, key: str) -> bytes | None:
        """The whole object; None when it is absent (and only then)."""

    def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """The same for several, in order, read side by side."""

    def get_range(self, key: str, start: int, length: int) -> bytes | None:
        """At most ``length`` bytes from ``start``; None when the object is absent."""

    def size(self, key: str) -> int | None:
        """Its length in bytes; None when it is absent."""

    def create(self, key: str, data: bytes) -> None:
        """Put only if absent; Conflict when there is an object, whatever its bytes."""

    def swap(self, key: str, old: bytes | None, new: bytes) -> None:
        """Replace ``old`` (None: absent) by ``new`` atomically; Conflict when it is not ``old``."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A presigned request with which a client puts one object, and nothing else."""

    url: str
    method: str
    headers: dict[str, str]


class Uploads(Protocol):
    """The door for bulk objects; what it lets in is read through ``Objects``."""

    def presign(self, key: str, size: int, sha256: Hash, expires_s: int) -> Upload:
        """Permit one put of exactly ``size`` bytes with that SHA-256 at ``key``."""

    def arrived_ms(self, key: str) -> int | None:
        """When the object at ``key`` was put, by the store's clock; None when it is absent."""

    def destroy(self, key: str) -> None:
        """Remove the object with every version of it, for ever. Idempotent."""


@dataclass(frozen=True, slots=True)
class Single:
    """A pending submission of one entry. ``id`` is its entry id in hex; ``lineage`` the key
    under which a register's ``sub`` is indexed, None for other kinds."""

    id: str
    entry: bytes
    lineage: Hash | None


@dataclass(frozen=True, slots=True)
class Bulk:
    """A pending submission of a whole job, whose admitted items lie in one object."""

    id: str


Submission = Single | Bulk


class Pending(Protocol):
    """What was accepted and is not yet known to be in the log. Reads are strongly consistent."""

    def add(self, submission: Submission) -> bool:
        """Put on condition that the id is absent; False when it was there already. When this
        returns, the submission is durable."""

    def contains(self, id: str) -> bool: ...

    def take(self, limit: int) -> list[Submission]:
        """Up to ``limit`` submissions in order of id, without removing them."""

    def remove(self, ids: Sequence[str]) -> None:
        """Idempotent."""

    def set_aside(self, id: str, reason: str) -> None:
        """Take a poison submission out of the queue but keep it, with its reason. Idempotent."""

    def aside(self, id: str) -> str | None:
        """The reason why that submission was set aside; None when it was not."""


JobState = Literal["uploading", "admitting", "awaiting-approval", "integrating", "done", "failed"]


@dataclass(frozen=True, slots=True)
class Placement:
    """Items [first, last) of a job's accepted items are held since block ``height``."""

    first: int
    last: int
    height: int


@dataclass(frozen=True, slots=True)
class Job:
    """A bulk submission. ``items`` are those of the object, ``accepted`` those admitted;
    ``placements`` tell how far integration has come; ``problem`` says why a job failed. ``sender``
    is the person who sent it, and ``decider`` the one who approved it (see ``held.person_of``)."""

    id: str
    tenant: str
    state: JobState
    items: int = 0
    accepted: int = 0
    placements: tuple[Placement, ...] = ()
    problem: str = ""
    sender: str = ""
    decider: str = ""

    @property
    def integrated(self) -> int:
        return self.placements[-1].last if self.placements else 0


class Jobs(Protocol):
    """The job table. Reads are strongly consistent; only ``Chain.commit`` moves a cursor."""

    def create(self, job: Job) -> bool:
        """Put on condition that the id is absent; False when it was there already."""

    def get(self, id: str) -> Job | None: ...

    def admit(self, id: str, items: int, accepted: int) -> None:
        """From uploading or admitting to integrating (done, if nothing was accepted).
        Idempotent, and what waits goes on waiting; Conflict when it failed or is unknown."""

    def hold(self, id: str, items: int, accepted: int) -> None:
        """The same to awaiting-approval; what was let go on is not held again."""

    def approve(self, id: str, decider: str) -> None:
        """From awaiting-approval to integrating. The first stays; Conflict when it did not wait."""

    def fail(self, id: str, problem: str) -> None:
        """From any state before integrating to failed. Idempotent; Conflict otherwise."""

    def may_remind(self, id: str, now_ms: int, every_ms: int) -> bool:
        """True for one caller in ``every_ms``, else False; the job exists."""


@dataclass(frozen=True, slots=True)
class Control:
    """When an issuer's key was found in its DID document; or, with the reason ``unchecked``, when
    it was registered although nobody looked."""

    at_ms: int
    unchecked: str = ""


@dataclass(frozen=True, slots=True)
class IssuerKey:
    """An issuer's key and the times in which it is good (see the policy format). ``control`` is
    None for the notary's own, and for keys registered before control was asked for. ``arn`` names
    it in KMS where it is in our custody; it is empty where the issuer holds it, and never
    published."""

    key: PublicKey
    from_ms: int
    to_ms: int | None = None
    compromised_ms: int | None = None
    control: Control | None = None
    arn: str = ""

    def good_at(self, at_ms: int) -> bool:
        return (
            self.from_ms <= at_ms
            and (self.to_ms is None or at_ms < self.to_ms)
            and (self.compromised_ms is None or at_ms < self.compromised_ms)
        )


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who signs statements: a did:web id, the tenant it belongs to, names by language, keys, what
    accredits it. ``status`` is one of ``issuer_profile.STATUSES``. With ``approval`` nothing is
    registered by one person alone."""

    id: str
    tenant: str
    names: dict[str, str]
    keys: tuple[IssuerKey, ...]
    notary: bool = False
    status: str = "active"
    accreditations: tuple[Accreditation, ...] = ()
    approval: bool = False


@dataclass(frozen=True, slots=True)
class IdentityProvider:
    """An outside issuer of access tokens: its ``iss``, where its JWKS is, the audience it must
    name, the tenants it may speak for, and the claim that holds the tenant."""

    iss: str
    jwks_url: str
    audience: str
    tenants: tuple[str, ...]
    tenant_claim: str = "tenant"
    algorithms: tuple[str, ...] = field(default=("ES256", "EdDSA", "RS256"))

    def __post_init__(self) -> None:
        if not self.tenants:
            raise Malformed("an identity provider speaks for at least one tenant")
        if not all(tenant.strip() and tenant.isprintable() for tenant in self.tenants):
            raise Malformed("a tenant is not empty and has no control characters")


class Registry(Protocol):
    """Who may do what. Filled by operators; reads are strongly consistent."""

    def issuer(self, id: str) -> Issuer | None: ...

    def issuers(self) -> list[Issuer]:
        """All of them, in order of id."""

    def put_issuer(self, issuer: Issuer) -> None: ...

    def identity_provider(self, iss: str) -> IdentityProvider | None: ...

    def put_identity_provider(self, provider: IdentityProvider) -> None: ...

    def outside(self) -> str | None:
        """The configuration of outside parties that attest (see ``outside.py``), as it was put."""

    def put_outside(self, text: str) -> None: ...

    def use_once(self, id: str, expires_s: int) -> bool:
        """True for the first use of a token id before ``expires_s`` (POSIX seconds), else False."""


class Signer(Protocol):
    """A private key that never leaves its place: KMS, or memory in tests."""

    @property
    def public(self) -> PublicKey: ...

    def sign(self, message: bytes) -> bytes:
        """64 bytes: Ed25519 (deterministic), or ES256 r‖s with low s."""


Wake = Callable[[], None]
Remind = Callable[[str], None]
"""Hints that something is pending, and that this job's upload waits for its admission. They may be
lost, repeated or reordered."""
