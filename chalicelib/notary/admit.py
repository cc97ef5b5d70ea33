"""Admission: the checks that a statement must pass before it is accepted, and the durable promise.

Who gets an answer without an exception has it: the submission is in pending, or already in the log,
and will not be lost. A refused statement leaves nothing behind. All is idempotent: the same bytes
are the same submission, whoever repeats them after whatever went wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256 as hasher

from ..proof.cbor import TooManyItems, decode_sequence
from ..proof.hashes import Hash, sha256
from .accepted import (
    Item,
    Rejected,
    accepted_key,
    format_accepted,
    read_head,
)
from .checks import Caller, Checked, check_statements
from .held import hold, read_held
from .limits import (
    BULK_BYTES,
    BULK_ITEMS,
    REMIND_MS,
    UPLOAD_BYTES,
    UPLOAD_EXPIRES_S,
    UPLOAD_ITEMS,
)
from .log import Log
from .ports import Bulk, Conflict, Job, Jobs, Registry, Remind, Single, Upload, Uploads
from .refused import Refused

__all__ = [
    "Caller",
    "Refused",
    "admit_bulk",
    "admit_made",
    "admit_statement",
    "admit_upload",
    "bulk_id",
    "known_job",
    "open_upload",
    "remind_of_upload",
    "resume",
    "upload_id",
    "upload_key",
]


def admit_statement(
    entry: bytes, caller: Caller, registry: Registry, log: Log, now_ms: int
) -> Hash:
    """Accept one signed statement and return its entry id; raises Refused."""
    [checked] = check_statements([entry], caller, registry, log, now_ms)
    if isinstance(checked, Refused):
        raise checked
    if checked.waits:
        raise Refused(
            "approval-required",
            f"documents of {checked.waits.issuer} need a second person's approval: send a job, as "
            "application/cbor-seq or an upload, which somebody else approves",
        )
    if not checked.in_log:
        log.pending.add(Single(checked.entry_id.hex(), entry, checked.lineage))
    return checked.entry_id


def admit_bulk(body: bytes, caller: Caller, registry: Registry, log: Log, now_ms: int) -> Job:
    """Accept a CBOR sequence of signed statements as a job. Broken items are rejected by their
    number, counted from 0. Raises Refused when the body as a whole is over its limits."""
    if len(body) > BULK_BYTES:
        raise _too_many_bytes(BULK_BYTES)
    items = _items(body, BULK_ITEMS)
    job_id = bulk_id(caller.tenant, body)
    log.jobs.create(Job(job_id, caller.tenant, "admitting", sender=caller.person))
    return _admit_items(known_job(log.jobs, job_id), items, caller, registry, log, now_ms)


def open_upload(
    size: int, digest: Hash, caller: Caller, jobs: Jobs, uploads: Uploads
) -> tuple[Job, Upload]:
    """A job for an object of ``size`` bytes with this SHA-256, and the request that puts it there;
    raises Refused."""
    if size > UPLOAD_BYTES:
        raise _too_many_bytes(UPLOAD_BYTES)
    job_id = upload_id(caller.tenant, digest)
    jobs.create(Job(job_id, caller.tenant, "uploading", sender=caller.person))
    upload = uploads.presign(upload_key(job_id), size, digest, UPLOAD_EXPIRES_S)
    return known_job(jobs, job_id), upload


def admit_upload(job_id: str, registry: Registry, log: Log, now_ms: int) -> Job:
    """Accept what was uploaded for a job, as ``admit_bulk`` does. What is over its limits, or not
    what was announced, fails the job. Raises Refused when there is no such job or upload. Once it
    returns nobody needs the upload any more: what was admitted of it lies under the job."""
    job = log.jobs.get(job_id)
    if job is None:
        raise Refused("no-such-job", f"there is no job {job_id}")
    items: list[bytes] = []
    if job.state in ("uploading", "admitting"):
        body = log.work.get(upload_key(job_id))
        if body is None:
            raise Refused("no-such-upload", f"nothing was uploaded for job {job_id}")
        try:
            items = _check_upload(job, body)
        except Refused as refused:
            log.jobs.fail(job_id, f"{refused.name}: {refused.detail}")
            job = known_job(log.jobs, job_id)
    if job.state in ("failed", "awaiting-approval"):
        return job
    caller = Caller(job.tenant, client="", scopes=frozenset())
    return _admit_items(job, items, caller, registry, log, now_ms)


def admit_made(
    job: Job, items: Sequence[bytes | Refused], registry: Registry, log: Log, now_ms: int
) -> Job:
    """Accept statements that were made for a job here, as ``admit_bulk`` does; items that were
    refused before are rejected like those that are refused now."""
    caller = Caller(job.tenant, client="", scopes=frozenset())
    return _admit_items(job, items, caller, registry, log, now_ms)


def remind_of_upload(job: Job, jobs: Jobs, uploads: Uploads, remind: Remind, now_ms: int) -> None:
    """Ask again for the admission of what was uploaded for a job, if that is overdue."""
    if job.state not in ("uploading", "admitting"):
        return
    arrived_ms = uploads.arrived_ms(upload_key(job.id))
    if arrived_ms is None or now_ms - arrived_ms < REMIND_MS:
        return
    if jobs.may_remind(job.id, now_ms, REMIND_MS):
        remind(job.id)


def bulk_id(tenant: str, body: bytes) -> str:
    """The id of the job of a bulk body: SHA-256(tenant ‖ 00 ‖ body), in hex."""
    hash_ = hasher(tenant.encode() + b"\x00")
    hash_.update(body)
    return hash_.hexdigest()


def upload_id(tenant: str, digest: Hash) -> str:
    """The id of the job of an upload: SHA-256(tenant ‖ 01 ‖ digest), in hex."""
    return sha256(tenant.encode() + b"\x01" + digest).hex()


def upload_key(job_id: str) -> str:
    """Where in the work bucket the client puts the object."""
    return f"uploads/{job_id}"


def known_job(jobs: Jobs, job_id: str) -> Job:
    """A job that was created, as it is now."""
    job = jobs.get(job_id)
    assert job is not None, "a job is never removed"
    return job


def _check_upload(job: Job, body: bytes) -> list[bytes]:
    if len(body) > UPLOAD_BYTES:
        raise _too_many_bytes(UPLOAD_BYTES)
    if upload_id(job.tenant, sha256(body)) != job.id:
        raise Refused(
            "digest-mismatch", "the object is not the announced one: open an upload for its SHA-256"
        )
    return _items(body, UPLOAD_ITEMS)


def _too_many_bytes(limit: int) -> Refused:
    return Refused("too-many-bytes", f"at most {limit} bytes: send them in smaller parts")


def _items(body: bytes, limit: int) -> list[bytes]:
    try:
        return list(decode_sequence(body, limit))
    except TooManyItems as error:
        raise Refused(
            "too-many-items", f"at most {limit} items: send them in smaller parts"
        ) from error


def _admit_items(
    job: Job,
    items: Sequence[bytes | Refused],
    caller: Caller,
    registry: Registry,
    log: Log,
    now_ms: int,
) -> Job:
    """Three writes, in this order: what is accepted (before it what waits for a second person), the
    job's counts, pending. Whoever finds some of them done does the rest, whatever the same checks
    would say by now."""
    if job.state in ("uploading", "admitting"):
        head = read_head(log.work, job.id)
        if head is None:
            entries = [each for each in items if isinstance(each, bytes)]
            found = iter(check_statements(entries, caller, registry, log, now_ms))
            checked = [each if isinstance(each, Refused) else next(found) for each in items]
            _write_accepted(log, job.id, checked, now_ms)
            head = read_head(log.work, job.id)
            assert head is not None, "it was just written"
        move = log.jobs.hold if read_held(log.work, job.id) else log.jobs.admit
        move(job.id, head.items, head.accepted)
        job = known_job(log.jobs, job.id)
    return resume(job, log)


def resume(job: Job, log: Log) -> Job:
    """The last of those writes, if it is due: of a job that integrates and has not ended."""
    unfinished = job.state == "integrating" and job.integrated < job.accepted
    if unfinished and log.pending.aside(job.id) is None:
        log.pending.add(Bulk(job.id))
    return job


def _write_accepted(
    log: Log, job_id: str, checked: Sequence[Checked | Refused], now_ms: int
) -> None:
    subjects = [each.waits for each in checked if isinstance(each, Checked) and each.waits]
    hold(log.work, job_id, subjects, now_ms)
    accepted = [
        Item(number, each.entry, each.lineage)
        for number, each in enumerate(checked)
        if isinstance(each, Checked)
    ]
    data = format_accepted(len(checked), accepted, list(_rejected(checked)))
    try:
        log.work.create(accepted_key(job_id), data)
    except Conflict:
        return  # another request with the same bytes was faster, and its checks hold


def _rejected(checked: Sequence[Checked | Refused]) -> Iterator[Rejected]:
    for number, each in enumerate(checked):
        if isinstance(each, Refused):
            yield Rejected(number, each.name, each.detail)
