"""Every port in memory, with exact conditions and thread safety, and a tap on every write."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import wraps
from secrets import token_bytes
from threading import RLock
from typing import Any, ParamSpec, TypeVar, cast

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from chalicelib.bootstrap import Service
from chalicelib.notary.custody.records import Custody, Record, Unreadable
from chalicelib.notary.limits import ASK_MS, KMS_MESSAGE_BYTES
from chalicelib.notary.log import Log
from chalicelib.notary.networks import Attempt
from chalicelib.notary.notices import IssuerNotices, Notary
from chalicelib.notary.ports import (
    Conflict,
    IdentityProvider,
    Issuer,
    IssuerKey,
    Job,
    JobMove,
    OutcomeUnknown,
    Placement,
    Row,
    Submission,
    Upload,
)
from chalicelib.notary.public_url import Answer, UnknownHost, parse_public_url
from chalicelib.notary.status.bit_lists import Allotment, BitList, ListId
from chalicelib.notary.vc.lists import ServedLists
from chalicelib.notary.witnessing import WitnessedLog, WitnessService
from chalicelib.parties import Parties
from chalicelib.proof.hashes import Hash, sha256
from chalicelib.proof.keys import (
    EDDSA,
    PublicKey,
    SigningKey,
    parse_private_jwk,
    raw_signature,
)
from chalicelib.proof.note import VerifierKey, format_vkey

ORIGIN = "tally.test/log"
NOTARY = "did:web:tally.test"
URL = "https://tally.test"
START_MS = 1_790_000_000_000

P = ParamSpec("P")
T = TypeVar("T")


def locked(method: Callable[P, T]) -> Callable[P, T]:
    """One call at a time on the object whose method this is."""

    @wraps(method)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        with cast(Any, args[0])._lock:
            return method(*args, **kwargs)

    return call


def key_named(name: str, alg: int = EDDSA) -> SigningKey:
    """A signing key that follows from its name."""
    seed = hashlib.sha256(name.encode()).digest()
    if alg == EDDSA:
        public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
        members = {"kty": "OKP", "crv": "Ed25519", "x": _b64url(public), "d": _b64url(seed)}
    else:
        numbers = ec.derive_private_key(int.from_bytes(seed, "big"), ec.SECP256R1()).public_key()
        point = numbers.public_numbers()
        x, y = (_b64url(n.to_bytes(32, "big")) for n in (point.x, point.y))
        members = {"kty": "EC", "crv": "P-256", "x": x, "y": y, "d": _b64url(seed)}
    return parse_private_jwk(members)


def _b64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


class MemoryJobs:
    def __init__(self) -> None:
        self._lock = RLock()
        self.rows: dict[str, Job] = {}
        self.reminded: dict[str, int] = {}

    @locked
    def create(self, job: Job) -> bool:
        if job.id in self.rows:
            return False
        self.rows[job.id] = job
        return True

    @locked
    def get(self, id: str) -> Job | None:
        return self.rows.get(id)

    @locked
    def admit(self, id: str, items: int, accepted: int) -> None:
        job = self.rows.get(id)
        if job is None or job.state == "failed":
            raise Conflict(f"job {id} is unknown or has failed")
        if job.state in ("uploading", "admitting"):
            self.rows[id] = replace(job, state="integrating", items=items, accepted=accepted)
        elif (job.items, job.accepted) != (items, accepted):
            raise Conflict(f"job {id} was admitted otherwise")

    @locked
    def hold(self, id: str, items: int, accepted: int) -> None:
        before = self.rows.get(id)
        self.admit(id, items, accepted)
        if before is not None and before.state in ("uploading", "admitting"):
            self.rows[id] = replace(self.rows[id], state="awaiting-approval")

    @locked
    def approve(self, id: str, decider: str) -> None:
        job = self.rows.get(id)
        if job is not None and job.state == "awaiting-approval":
            self.rows[id] = replace(job, state="integrating", decider=decider)
        elif job is None or not job.decider:
            raise Conflict(f"job {id} is unknown, or did not wait for approval")

    @locked
    def fail(self, id: str, problem: str) -> None:
        job = self.rows.get(id)
        if job is None or job.state == "integrating":
            raise Conflict(f"job {id} is unknown or was admitted")
        if job.state != "failed":
            self.rows[id] = replace(job, state="failed", problem=problem)

    @locked
    def may_remind(self, id: str, now_ms: int, every_ms: int) -> bool:
        last_ms = self.reminded.get(id)
        if id not in self.rows or (last_ms is not None and last_ms > now_ms - every_ms):
            return False
        self.reminded[id] = now_ms
        return True

    @locked
    def can_move(self, move: JobMove) -> bool:
        job = self.rows.get(move.job)
        return job is not None and job.integrated == move.first

    @locked
    def move(self, move: JobMove) -> None:
        job = self.rows[move.job]
        placement = Placement(move.first, move.last, move.height)
        self.rows[move.job] = replace(job, placements=(*job.placements, placement))


class MemoryChain:
    """``jobs`` are those whose cursors move with the head."""

    def __init__(self, jobs: MemoryJobs) -> None:
        self._lock = jobs._lock
        self._jobs = jobs
        self.rows: list[Row] = []

    @locked
    def head(self) -> Row | None:
        return self.rows[-1] if self.rows else None

    @locked
    def row(self, height: int) -> Row | None:
        return self.rows[height] if height < len(self.rows) else None

    @locked
    def create(self, row: Row) -> None:
        if self.rows:
            raise Conflict("there is a head")
        self.rows.append(row)

    @locked
    def commit(self, previous: Row, row: Row, moves: Sequence[JobMove]) -> None:
        assert row.block.height == previous.block.height + 1
        if not self.rows or self.rows[-1].block.hash != previous.block.hash:
            raise Conflict("the head has moved")
        if not all(map(self._jobs.can_move, moves)):
            raise Conflict("a job's cursor has moved")
        self.rows.append(row)
        for move in moves:
            self._jobs.move(move)

    @locked
    def seal(self, height: int, checkpoint: bytes, signature: bytes) -> None:
        row = self.rows[height]
        if row.checkpoint and (row.checkpoint, row.signature) != (checkpoint, signature):
            raise Conflict(f"block {height} has other signatures")
        self.rows[height] = replace(row, checkpoint=checkpoint, signature=signature)

    @locked
    def mark_applied(self, height: int) -> None:
        self.rows[height] = replace(self.rows[height], applied=True)


class MemoryObjects:
    def __init__(self) -> None:
        self._lock = RLock()
        self.data: dict[str, bytes] = {}

    @locked
    def get(self, key: str) -> bytes | None:
        return self.data.get(key)

    def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        return [self.get(key) for key in keys]

    @locked
    def get_range(self, key: str, start: int, length: int) -> bytes | None:
        data = self.data.get(key)
        return None if data is None else data[start : start + length]

    @locked
    def size(self, key: str) -> int | None:
        data = self.data.get(key)
        return None if data is None else len(data)

    @locked
    def create(self, key: str, data: bytes) -> None:
        if key in self.data:
            raise Conflict(f"{key} is there")
        self.data[key] = bytes(data)

    @locked
    def swap(self, key: str, old: bytes | None, new: bytes) -> None:
        if self.data.get(key) != old:
            raise Conflict(f"{key} is not what it was")
        self.data[key] = bytes(new)


class MemoryPending:
    def __init__(self) -> None:
        self._lock = RLock()
        self.queue: dict[str, Submission] = {}
        self.poison: dict[str, tuple[Submission, str]] = {}

    @locked
    def add(self, submission: Submission) -> bool:
        if submission.id in self.queue:
            return False
        self.queue[submission.id] = submission
        return True

    @locked
    def contains(self, id: str) -> bool:
        return id in self.queue

    @locked
    def take(self, limit: int) -> list[Submission]:
        return [self.queue[each] for each in sorted(self.queue)[:limit]]

    @locked
    def remove(self, ids: Sequence[str]) -> None:
        for each in ids:
            self.queue.pop(each, None)

    @locked
    def set_aside(self, id: str, reason: str) -> None:
        submission = self.queue.pop(id, None)
        if submission is not None:
            self.poison[id] = (submission, reason)

    @locked
    def aside(self, id: str) -> str | None:
        return self.poison[id][1] if id in self.poison else None


class MemoryRegistry:
    """Token ids expire by ``now_s``, which tests may set."""

    def __init__(self, *issuers: Issuer) -> None:
        self._lock = RLock()
        self.now_s = START_MS // 1000
        self._issuers = {issuer.id: issuer for issuer in issuers}
        self._providers: dict[str, IdentityProvider] = {}
        self._used: dict[str, int] = {}
        self._outside: str | None = None

    @locked
    def issuer(self, id: str) -> Issuer | None:
        return self._issuers.get(id)

    @locked
    def issuers(self) -> list[Issuer]:
        return [self._issuers[each] for each in sorted(self._issuers)]

    @locked
    def put_issuer(self, issuer: Issuer) -> None:
        self._issuers[issuer.id] = issuer

    @locked
    def identity_provider(self, iss: str) -> IdentityProvider | None:
        return self._providers.get(iss)

    @locked
    def put_identity_provider(self, provider: IdentityProvider) -> None:
        self._providers[provider.iss] = provider

    @locked
    def outside(self) -> str | None:
        return self._outside

    @locked
    def put_outside(self, text: str) -> None:
        self._outside = text

    @locked
    def use_once(self, id: str, expires_s: int) -> bool:
        if self._used.get(id, 0) > self.now_s:
            return False
        self._used[id] = expires_s
        return True


class MemoryAttempts:
    def __init__(self) -> None:
        self._lock = RLock()
        self.rows: dict[tuple[str, int], Attempt] = {}
        self.full: dict[int, tuple[str, ...]] = {}

    @locked
    def get(self, network: str, height: int) -> Attempt | None:
        return self.rows.get((network, height))

    @locked
    def newest(self, network: str) -> Attempt | None:
        heights = [height for name, height in self.rows if name == network]
        return self.rows[network, max(heights)] if heights else None

    @locked
    def before(self, network: str, height: int) -> Attempt | None:
        heights = [at for name, at in self.rows if name == network and at < height]
        return self.rows[network, max(heights)] if heights else None

    @locked
    def of_block(self, height: int) -> list[Attempt]:
        return [self.rows[key] for key in sorted(self.rows) if key[1] == height]

    @locked
    def unfinished(self, network: str) -> list[Attempt]:
        rows = [self.rows[key] for key in sorted(self.rows) if key[0] == network]
        return [row for row in rows if row.state != "final"]

    @locked
    def put(self, attempt: Attempt) -> Attempt:
        held = self.rows.get((attempt.network, attempt.height))
        if (held.version if held else 0) != attempt.version:
            raise Conflict(f"the attempt of {attempt.network} is at another version")
        stored = replace(attempt, version=attempt.version + 1)
        self.rows[attempt.network, attempt.height] = stored
        return stored

    @locked
    def mark_full(self, height: int, checks: Sequence[str]) -> None:
        self.full[height] = tuple(checks)

    @locked
    def is_full(self, height: int) -> bool:
        return height in self.full

    @locked
    def newest_full(self) -> int | None:
        return max(self.full, default=None)


class MemoryNotices:
    def __init__(self) -> None:
        self._lock = RLock()
        self.rows: dict[str, IssuerNotices] = {}
        self.read = 0
        self.wanted: dict[tuple[str, str], int] = {}

    @locked
    def get(self, issuer: str) -> IssuerNotices | None:
        return self.rows.get(issuer)

    @locked
    def all(self) -> list[IssuerNotices]:
        return [self.rows[issuer] for issuer in sorted(self.rows)]

    @locked
    def put(self, notices: IssuerNotices) -> None:
        held = self.rows.get(notices.issuer)
        if (held.version if held else 0) != notices.version:
            raise Conflict(f"the notices of {notices.issuer} are at another version")
        self.rows[notices.issuer] = replace(notices, version=notices.version + 1)

    @locked
    def height(self) -> int:
        return self.read

    @locked
    def advance(self, before: int, after: int) -> None:
        if self.read != before:
            raise Conflict("the height is another")
        self.read = after

    @locked
    def ask(self, issuer: str, prefix: str, now_ms: int) -> None:
        if now_ms - self.wanted.get((issuer, prefix), -ASK_MS) >= ASK_MS:
            self.wanted[issuer, prefix] = now_ms

    @locked
    def asked(self) -> dict[tuple[str, str], int]:
        return dict(self.wanted)


class MemoryBitLists:
    def __init__(self) -> None:
        self._lock = RLock()
        self.secrets: dict[str, Allotment] = {}
        self.rows: dict[ListId, BitList] = {}
        self.wanted: dict[tuple[ListId, str], int] = {}

    @locked
    def allot(self, issuer: str, count: int, fresh: bytes) -> Allotment:
        held = self.secrets.get(issuer, Allotment(issuer, fresh, 0))
        self.secrets[issuer] = held._replace(places=held.places + count)
        return self.secrets[issuer]

    @locked
    def allotment(self, issuer: str) -> Allotment | None:
        return self.secrets.get(issuer)

    @locked
    def allotments(self) -> list[Allotment]:
        return [self.secrets[issuer] for issuer in sorted(self.secrets)]

    @locked
    def get(self, id: ListId) -> BitList | None:
        return self.rows.get(id)

    @locked
    def all(self) -> list[BitList]:
        return [self.rows[id_] for id_ in sorted(self.rows)]

    @locked
    def put(self, known: BitList) -> None:
        held = self.rows.get(known.id)
        if (held.version if held else 0) != known.version:
            raise Conflict(f"the list {known.id.name} is at another version")
        self.rows[known.id] = replace(known, version=known.version + 1)

    @locked
    def ask(self, id: ListId, form: str, now_ms: int) -> None:
        if now_ms - self.wanted.get((id, form), -ASK_MS) >= ASK_MS:
            self.wanted[id, form] = now_ms

    @locked
    def asked(self) -> dict[tuple[ListId, str], int]:
        return dict(self.wanted)


class MemoryDocuments:
    def __init__(self) -> None:
        self._lock = RLock()
        self.rows: dict[str, Record] = {}

    @locked
    def get(self, id: str) -> Record | None:
        return self.rows.get(id)

    @locked
    def put(self, record: Record) -> Record:
        held = self.rows.get(record.id)
        if (held.version if held else 0) != record.version:
            raise Conflict(f"the record {record.id} is at another version")
        self.rows[record.id] = replace(record, version=record.version + 1)
        return self.rows[record.id]

    @locked
    def expired(self, now_ms: int, limit: int) -> list[str]:
        kept = sorted((each.until_ms, each.id) for each in self.rows.values() if each.wrapped)
        return [id_ for until_ms, id_ in kept if until_ms <= now_ms][:limit]


class MemoryDataKeys:
    """Wraps by a key of its own, as KMS does."""

    def __init__(self) -> None:
        self._key = AESGCM(token_bytes(32))

    def new(self, context: Mapping[str, str]) -> tuple[bytes, bytes]:
        key, nonce = token_bytes(32), token_bytes(12)
        return key, nonce + self._key.encrypt(nonce, key, repr(sorted(context.items())).encode())

    def unwrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        bound = repr(sorted(context.items())).encode()
        try:
            return self._key.decrypt(wrapped[:12], wrapped[12:], bound)
        except (InvalidTag, ValueError) as error:
            raise Unreadable("it was not wrapped here in this context") from error


class MemoryIssuerKeys:
    """Signs as KMS does: with another signature each time where the algorithm lets it."""

    def __init__(self) -> None:
        self.keys: dict[str, SigningKey] = {}
        self.signed: list[bytes] = []

    def make(self, issuer: str, alg: int, from_ms: int) -> IssuerKey:
        arn = f"arn:aws:kms:test:0:key/{issuer}-{len(self.keys)}"
        self.keys[arn] = SigningKey.generate(alg)
        return IssuerKey(self.keys[arn].public, from_ms, arn=arn)

    def signer(self, key: IssuerKey) -> MemoryKmsSigner:
        return MemoryKmsSigner(key.key, self.keys[key.arn], self.signed)


@dataclass(frozen=True)
class MemoryKmsSigner:
    public: PublicKey
    key: SigningKey
    signed: list[bytes]

    def sign(self, message: bytes) -> bytes:
        self.signed.append(message)
        private = self.key._key
        if isinstance(private, ec.EllipticCurvePrivateKey):
            return raw_signature(private.sign(message, ec.ECDSA(hashes.SHA256())))
        assert len(message) <= KMS_MESSAGE_BYTES, "refused as KMS would refuse it"
        return self.key.sign(message)


class MemoryWitnessStates:
    def __init__(self) -> None:
        self._lock = RLock()
        self.known: dict[str, WitnessedLog] = {}

    @locked
    def get(self, origin: str) -> WitnessedLog | None:
        return self.known.get(origin)

    @locked
    def logs(self) -> list[WitnessedLog]:
        return [self.known[origin] for origin in sorted(self.known)]

    @locked
    def put_log(self, origin: str, key: VerifierKey) -> None:
        known = self.known.get(origin, WitnessedLog(origin, ()))
        keys = sorted({*known.keys, key}, key=format_vkey)
        self.known[origin] = replace(known, keys=tuple(keys))

    @locked
    def advance(self, new: WitnessedLog) -> None:
        known = self.known.get(new.origin)
        if known is None or known.version != new.version - 1:
            raise Conflict(f"another tree of {new.origin} was cosigned meanwhile")
        self.known[new.origin] = replace(new, keys=known.keys)


@dataclass
class MemoryUploads:
    """``put`` is what a client does with the presigned request."""

    objects: MemoryObjects
    permitted: dict[str, tuple[int, Hash]] = field(default_factory=dict)
    arrived: dict[str, int] = field(default_factory=dict)
    clock_ms: Callable[[], int] = lambda: START_MS

    def presign(self, key: str, size: int, sha256: Hash, expires_s: int) -> Upload:
        self.permitted[key] = (size, sha256)
        headers = {"content-length": str(size), "x-amz-checksum-sha256": sha256.hex()}
        return Upload(f"memory:{key}", "PUT", headers)

    def put(self, upload: Upload, data: bytes) -> None:
        key = upload.url.removeprefix("memory:")
        assert self.permitted[key] == (len(data), sha256(data)), "refused as S3 would refuse it"
        self.objects.data[key] = data
        self.arrived[key] = self.clock_ms()

    def arrived_ms(self, key: str) -> int | None:
        return self.arrived.get(key)

    def destroy(self, key: str) -> None:
        self.objects.data.pop(key, None)
        self.arrived.pop(key, None)


@dataclass
class MemoryWake:
    """Counts the hints; ``then`` is what a sequencer would do on each."""

    count: int = 0
    then: Callable[[], object] | None = None

    def __call__(self) -> None:
        self.count += 1
        if self.then is not None:
            self.then()


@dataclass
class MemoryRemind:
    """Keeps the hints; ``then`` is what a worker would do on each."""

    jobs: list[str] = field(default_factory=list)
    then: Callable[[str], object] | None = None

    def __call__(self, job: str) -> None:
        self.jobs.append(job)
        if self.then is not None:
            self.then(job)


@dataclass
class Clock:
    """A clock that stands still until it is moved."""

    now_ms: int = START_MS

    def __call__(self) -> int:
        return self.now_ms

    def tick(self, ms: int = 1_000) -> int:
        self.now_ms += ms
        return self.now_ms


def memory_log(origin: str = ORIGIN) -> Log:
    """An empty log, not yet created, with a key that follows from its origin. One put at a time,
    so that the order of writes is always the same."""
    jobs = MemoryJobs()
    return Log(
        origin=origin,
        signer=key_named(origin),
        chain=MemoryChain(jobs),
        tiles=MemoryObjects(),
        work=MemoryObjects(),
        pending=MemoryPending(),
        jobs=jobs,
        attempts=MemoryAttempts(),
        notices=MemoryNotices(),
        lists=MemoryBitLists(),
        puts=1,
    )


def memory_witness(name: str) -> WitnessService:
    """A witness that knows no log yet, with a key that follows from its name."""
    return WitnessService(MemoryWitnessStates(), key_named(f"witness {name}"), name)


def no_host(url: str) -> Answer:
    """``Get`` of a world without websites."""
    raise UnknownHost("the host has no addresses")


def memory_service(*issuers: Issuer, origin: str = ORIGIN) -> Service:
    """The service on a log that is not yet created, with a clock that the test moves."""
    from .webhook_fakes import MemorySealer, MemoryWebhooks, Receivers

    log, clock = memory_log(origin), Clock()
    return Service(
        log=log,
        registry=MemoryRegistry(*issuers),
        uploads=MemoryUploads(cast(MemoryObjects, log.work), clock_ms=clock),
        wake=MemoryWake(),
        remind=MemoryRemind(),
        token_signer=key_named(f"tokens of {origin}", alg=-7),
        witness=memory_witness(f"{origin}/witness"),
        notary=Notary(NOTARY, key_named(f"notary of {origin}"), key_named(f"lists of {origin}")),
        custody=Custody(MemoryDocuments(), MemoryDataKeys(), MemoryIssuerKeys(), URL),
        webhooks=MemoryWebhooks(),
        sealer=MemorySealer(),
        reach=check_url,
        post=Receivers(clock),
        outside=Parties,
        addresses=dict,
        get=no_host,
        public_url="https://tally.test",
        clock_ms=clock,
        status_lists=ServedLists(log, "https://tally.test"),
    )


def check_url(url: str) -> None:
    """``Reach``, where every host is a public one."""
    parse_public_url(url)


READS = frozenset(
    (
        *("head", "row", "get", "get_many", "get_range", "size", "contains", "take", "aside"),
        *("newest", "before", "of_block", "unfinished", "is_full", "newest_full"),
        *("all", "height", "asked", "allotment", "allotments"),
        *("endpoint", "endpoints", "delivery", "due", "dead", "told"),
        *("expired",),
    )
)
"""Every method of a port that changes nothing; whatever else is called is a write."""


class Killed(BaseException):
    """The process died here; nothing that it might still have done was done."""


class Lost(Exception):
    """The write did not happen."""


Tap = Callable[[str, Callable[[], object]], object]
"""Is given the name of a write and the write itself, and decides what becomes of it."""


class Tapped:
    """A port whose every write goes through a tap."""

    def __init__(self, name: str, port: object, tap: Tap) -> None:
        self._name, self._port, self._tap = name, port, tap

    def __getattr__(self, method: str) -> Any:
        inner = getattr(self._port, method)
        if method in READS:
            return inner

        def write(*args: Any) -> object:
            key = args[0] if args and isinstance(args[0], str) else ""
            return self._tap(f"{self._name}.{method} {key}".strip(), lambda: inner(*args))

        return write


def tapped(log: Log, tap: Tap) -> Log:
    """The same log in another process, all of whose writes go through ``tap``."""
    ports = ("chain", "tiles", "work", "pending", "jobs", "attempts", "notices", "lists")
    wrapped: dict[str, Any] = {name: Tapped(name, getattr(log, name), tap) for name in ports}
    return Log(origin=log.origin, signer=log.signer, witnesses=log.witnesses, puts=1, **wrapped)


FAULTS = ("lost", "unknown-lost", "unknown-done", "killed-before", "killed-after")


@dataclass
class Fault:
    """Lets all writes pass but number ``at``, which meets the fault; after a kill none pass."""

    kind: str = ""
    at: int = -1
    names: list[str] = field(default_factory=list)
    dead: bool = False

    def __call__(self, name: str, write: Callable[[], object]) -> object:
        if self.dead:
            raise Killed(name)
        self.names.append(name)
        if len(self.names) - 1 != self.at:
            return write()
        return self._meet(name, write)

    def _meet(self, name: str, write: Callable[[], object]) -> object:
        if self.kind.endswith(("-done", "-after")):
            write()
        if self.kind.startswith("killed"):
            self.dead = True
            raise Killed(name)
        if self.kind == "lost":
            raise Lost(name)
        raise OutcomeUnknown(name)
