"""Applying a committed block: sign it, write what it holds, publish, and clear pending.

Every step is idempotent and may be repeated by anyone at any time, also by several at once: this is
what the sequencer does after its commit, and all that recovery does after a crash.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import islice

from ..proof.block import block_to_be_signed, verify_block_signature
from ..proof.checkpoint import (
    Checkpoint,
    format_checkpoint_text,
    format_signed_checkpoint,
    parse_checkpoint_text,
)
from ..proof.errors import ProofError
from ..proof.note import parse_note, verify_note, verify_signature
from .batch import StoredObject
from .index import MissingRun, merge_runs, plan_merges
from .log import CHECKPOINT, HistoryFork, Log, MissingStaging
from .ports import Conflict, Objects, Row
from .staging import Staged, WrongStaging, parse_staging

_GROUP = 64
"""Objects that are cut out of the staging object at a time."""


def apply_block(log: Log, row: Row, staged: Staged) -> None:
    """Do all that a committed row still needs. Raises HistoryFork when stored bytes differ."""
    assert staged.header == row.block.header, "the row names its own staging object"
    previous = log.chain.row(row.block.height - 1)
    assert previous is not None, "a block is committed after the one before it"
    write_objects(log, staged.objects())
    merge(log, previous.block.size, row.block.size)
    # From here on the block is readable: whoever sees its signatures finds all of its objects.
    sealed = _seal(log, row)
    _publish(log, previous, sealed)
    settle(log, staged.done, staged.poison)
    log.chain.mark_applied(row.block.height)


def read_staging(log: Log, row: Row) -> Staged:
    """What an unapplied block holds; raises MissingStaging."""
    data = log.work.get(row.staging)
    if data is None:
        raise MissingStaging(f"block {row.block.height} is committed, but {row.staging} is gone")
    try:
        return parse_staging(row.staging, data)
    except WrongStaging as error:
        raise MissingStaging(f"block {row.block.height} is committed, but {error}") from error


def create_same(bucket: Objects, key: str, data: bytes) -> None:
    """Write an immutable object; where there is one it must have the same bytes."""
    try:
        bucket.create(key, data)
    except Conflict:
        if bucket.get(key) != data:
            raise HistoryFork(f"{key} holds other bytes than this history demands") from None


def write_objects(log: Log, objects: Iterable[StoredObject]) -> None:
    buckets = {"tiles": log.tiles, "work": log.work}
    waiting = iter(objects)
    with ThreadPoolExecutor(log.puts) as pool:
        while group := list(islice(waiting, _GROUP)):
            for _ in pool.map(lambda each: create_same(buckets[each.bucket], *each[1:]), group):
                pass


def merge(log: Log, previous_size: int, size: int) -> None:
    """Write the larger index runs that this block completes, out of the smaller ones."""
    for each in plan_merges(previous_size, size):
        runs = log.work.get_many(each.sources)
        create_same(log.work, each.key, merge_runs(_all_there(each.sources, runs)))


def _all_there(keys: Sequence[str], runs: Sequence[bytes | None]) -> list[bytes]:
    found = [run for run in runs if run is not None]
    if len(found) != len(keys):
        raise MissingRun(f"{keys[runs.index(None)]} is not there")
    return found


def _seal(log: Log, row: Row) -> Row:
    """The row with its two signatures, made if they are not there yet. Only committed blocks get
    here, and Ed25519 is deterministic: whoever signs again gets the same bytes."""
    if row.checkpoint:
        return row
    block = row.block
    checkpoint = Checkpoint(log.origin, block.size, block.root)
    text = format_checkpoint_text(checkpoint)
    note_signature = log.signer.sign(text)
    signature = log.signer.sign(block_to_be_signed(block, log.kid))
    # A signature that does not verify must not become part of the history.
    verify_signature(log.vkey, text, note_signature)
    verify_block_signature(block, log.signer.public, signature)
    note = format_signed_checkpoint(checkpoint, log.vkey, note_signature)
    log.chain.seal(block.height, note, signature)
    return replace(row, checkpoint=note, signature=signature)


def read_published(log: Log) -> Checkpoint | None:
    """The published checkpoint, if it is one of this log; raises HistoryFork."""
    data = log.tiles.get(CHECKPOINT)
    if data is None:
        return None
    try:
        note = parse_note(data)
        verify_note(note, [log.vkey])
        published = parse_checkpoint_text(note.text)
    except ProofError as error:
        raise HistoryFork(
            f"the published checkpoint is not one of {log.origin}: {error}"
        ) from error
    if published.origin != log.origin:
        raise HistoryFork(f"the published checkpoint is one of {published.origin}")
    return published


def _publish(log: Log, previous: Row, row: Row) -> None:
    """Replace the previous block's checkpoint by this one's; a newer one stays."""
    current = log.tiles.get(CHECKPOINT)
    if current == row.checkpoint:
        return
    if current != (previous.checkpoint or None):
        published = read_published(log)
        if published is None or published.size <= row.block.size:
            raise HistoryFork(
                f"the published checkpoint is not that of block {row.block.height - 1}"
            )
        return
    try:
        log.tiles.swap(CHECKPOINT, current, row.checkpoint)
    except Conflict:
        # Somebody else applies this block, or a later one. Published sizes only grow, so this ends.
        _publish(log, previous, row)


def settle(log: Log, done: Sequence[str], poison: Iterable[tuple[str, str]]) -> None:
    """Clear pending: the done are in the log, and the poison will never be."""
    for id_, reason in poison:
        log.pending.set_aside(id_, reason)
        log.tell_aside(id_, reason)
    if done:
        log.pending.remove(done)
