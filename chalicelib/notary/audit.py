"""The audit: of what is public of a log, and of everything that its store holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from struct import unpack

from ..proof.block import GENESIS
from ..proof.errors import ProofError
from ..proof.hashes import Hash
from ..proof.note import VerifierKey
from ..proof.statement import parse_statement
from .accepted import MalformedAccepted, accepted_key, parse_accepted
from .apply import read_staging
from .audited import (
    AuditedBlock,
    AuditFailure,
    History,
    LogReader,
    check_same,
    read_blocks,
    read_checkpoint,
)
from .batch import REFUSED, StoredObject, item_ids
from .index import merge_runs, plan_merges, tail_key
from .limits import BATCH_ENTRIES, UPLOAD_ITEMS
from .log import CHECKPOINT, Log, MissingStaging
from .ports import Bulk, Placement, Row, Single
from .staging import Staged, WrongStaging, parse_staging

__all__ = ["AuditFailure", "AuditReport", "LogReader", "StoreReader", "audit", "audit_store"]


@dataclass(frozen=True, slots=True)
class AuditReport:
    """A log that is right: how much of it there is, and where it stands. While its newest block is
    not ``sealed``, the log key's signature of that one block could not be checked."""

    origin: str
    blocks: int
    entries: int
    statements: int
    root: Hash
    timestamp_ms: int
    sealed: bool = True


def audit(
    reader: LogReader, key: VerifierKey, witnesses: Sequence[VerifierKey] = ()
) -> AuditReport:
    """Check everything public up to the published checkpoint of the log with this key, and the
    lines of these witnesses in it; raises AuditFailure."""
    history, sealed = History(GENESIS(key.name)), True
    published = read_checkpoint(reader, key, witnesses)
    if published is not None:
        for audited in read_blocks(reader, key, published, history, unlisted=True):
            sealed = bool(audited.row.checkpoint)
    return _report(history, sealed=sealed)


def _report(history: History, *, sealed: bool) -> AuditReport:
    block = history.block
    return AuditReport(
        origin=block.origin,
        blocks=block.height,
        entries=block.size,
        statements=len(history.documents),
        root=block.root,
        timestamp_ms=block.timestamp_ms,
        sealed=sealed,
    )


@dataclass(frozen=True, slots=True)
class StoreReader:
    """Reads what is public of a log from its own store."""

    log: Log

    def checkpoint(self) -> bytes | None:
        return self.log.tiles.get(CHECKPOINT)

    def objects(self, paths: Sequence[str]) -> list[bytes | None]:
        return self.log.tiles.get_many(paths)

    def row(self, height: int) -> Row | None:
        return self.log.chain.row(height)


def audit_store(log: Log) -> AuditReport:
    """Check every byte of the store: what is public, and the index, staging, jobs and pending.

    While a sequencer is at work its last block may be unfinished: then all before it is checked.
    Raises AuditFailure.
    """
    head = log.chain.head()
    if head is None:
        raise AuditFailure("the log was never created", "block 0", "a row", None)
    reader = StoreReader(log)
    history, sealed = History(GENESIS(log.origin)), True
    genesis = log.chain.row(0)
    check_same("the first block", "block 0", history.block, genesis and genesis.block)
    witnesses = [each.key for each in log.witnesses.all] if log.witnesses else []
    published = read_checkpoint(reader, log.vkey, witnesses) if head.block.height else None
    if published is not None:
        for audited in read_blocks(reader, log.vkey, published, history):
            if audited.row.block.height < head.block.height and not audited.row.applied:
                where = f"block {audited.row.block.height}"
                raise AuditFailure("a block after it", where, "none: it is not applied", "one")
            _check_index(log, audited, head.block.size)
            _check_staging(log, history, audited)
            sealed = bool(audited.row.checkpoint)
    _check_head(log, head, history)
    _check_pending(log, head, history)
    return _report(history, sealed=sealed)


def _check_index(log: Log, audited: AuditedBlock, head_size: int) -> None:
    planned = [each for each in audited.grown.objects if each.bucket == "work"]
    size = audited.row.block.size
    # An earlier tail serves nobody any more, and expires; what is left of it must be right.
    _check_stored(log, planned, expiring=None if size == head_size else tail_key(size))
    for merge in plan_merges(audited.previous.size, audited.row.block.size):
        # The sources are right: they were checked with the blocks that completed them.
        runs = [run for run in log.work.get_many(merge.sources) if run is not None]
        _check_stored(log, [StoredObject("work", merge.key, merge_runs(runs))])


def _check_stored(
    log: Log, planned: Sequence[StoredObject], *, expiring: str | None = None
) -> None:
    """All are stored byte for byte; the one under the key ``expiring`` may be gone."""
    stored = log.work.get_many([each.key for each in planned])
    for each, found in zip(planned, stored, strict=True):
        if found is None and each.key == expiring:
            continue
        check_same("the object", each.key, each.data, found)


def _check_staging(log: Log, history: History, audited: AuditedBlock) -> None:
    """While the staging object is kept, it holds what was written, and tells of which jobs."""
    row = audited.row
    data = log.work.get(row.staging)
    if data is None:
        return  # an applied block needs it no more, and it expires
    try:
        staged = parse_staging(row.staging, data)
    except WrongStaging as error:
        raise AuditFailure("the staging object", row.staging, "its own hash", error) from error
    check_same("the staged header", row.staging, row.block.header, staged.header)
    planned = {(each.bucket, each.key): each.data for each in audited.grown.objects}
    for each in staged.objects():
        if (each.bucket, each.key) in planned:
            check_same("a staged object", each.key, planned[each.bucket, each.key], each.data)
        else:
            _check_stored(log, [each])
            _check_placed(log, history, row, each)


def _check_placed(log: Log, history: History, row: Row, placed: StoredObject) -> None:
    """A job's items are where the job says that they are."""
    _, job_id, _, first_text = placed.key.split("/")
    first, indices = int(first_text), unpack(f">{len(placed.data) // 8}Q", placed.data)
    placement = Placement(first, first + len(indices), row.block.height)
    job = log.jobs.get(job_id)
    if job is None or placement not in job.placements:
        raise AuditFailure("the job's placements", placed.key, placement, job)
    data = log.work.get(accepted_key(job_id)) or b""
    try:
        accepted = parse_accepted(data, first, len(indices))
    except MalformedAccepted as error:
        where = accepted_key(job_id)
        raise AuditFailure("the accepted items", where, "a job's items", error) from error
    rows = zip(item_ids(accepted.entries), accepted.lineages, indices, strict=True)
    for number, (entry_id, lineage, index) in enumerate(rows, first):
        where = f"{placed.key}, item {number}"
        if index == REFUSED:
            if lineage not in history.lineages:
                raise AuditFailure("a refused item", where, "another register of its sub", lineage)
        elif index >= len(history.leaves) or history.leaves[index] != entry_id:
            raise AuditFailure("the item is not at its index", where, entry_id, index)


def _check_head(log: Log, head: Row, history: History) -> None:
    """The newest block is published and done, or one ahead of that and can still be finished."""
    behind = head.block.height - history.block.height
    if head.applied or head.checkpoint or behind > 1:
        check_same("the newest published block", "checkpoint", head.block, history.block)
        return
    try:
        staged: Staged = read_staging(log, head)
    except MissingStaging as error:
        raise AuditFailure("an unfinished block", head.staging, "its staging", error) from error
    check_same("the staged header", head.staging, head.block.header, staged.header)


def _check_pending(log: Log, head: Row, history: History) -> None:
    """Whatever is pending is readable, and not in the log; unless the newest block is unfinished,
    which has not cleared it yet."""
    for submission in log.pending.take(max(BATCH_ENTRIES, UPLOAD_ITEMS)):
        where = f"pending {submission.id}"
        if isinstance(submission, Single):
            _check_single(submission, where)
            in_log = bytes.fromhex(submission.id) in history.documents
        else:
            in_log = _check_bulk(log, submission, where)
        if in_log and head.applied:
            raise AuditFailure("it is in the log, but still pending", where, "not pending", "it")


def _check_single(single: Single, where: str) -> None:
    [entry_id] = item_ids([single.entry])
    check_same("the id of its entry", where, single.id, entry_id.hex())
    try:
        parse_statement(single.entry)
    except ProofError as error:
        raise AuditFailure("its entry", where, "a signed statement", error) from error


def _check_bulk(log: Log, bulk: Bulk, where: str) -> bool:
    """Whether all items of the job are in the log."""
    job = log.jobs.get(bulk.id)
    if job is None:
        raise AuditFailure("its job is missing", where, "a job", None)
    check_same("the state of its job", where, "integrating", job.state)
    data = log.work.get(accepted_key(bulk.id))
    if data is None:
        raise AuditFailure("its accepted items are missing", where, accepted_key(bulk.id), None)
    return job.integrated >= job.accepted
