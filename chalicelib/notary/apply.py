"""Applying a committed block: write what it holds, sign it, have it cosigned, publish it, make it
readable, and clear pending.

Every step is idempotent and may be repeated by anyone at any time, also by several at once: this is
what the sequencer does after its commit, and all that recovery does after a crash. The checkpoint
is published before the block can be read: whoever holds a receipt of a block can be sure that a
chain restored from before that block finds itself behind what is published.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import islice

from ..proof.block import Block, block_to_be_signed, verify_block_signature
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
from .networks import Attempt
from .ports import Conflict, Objects, Row
from .staging import Staged, WrongStaging, parse_staging
from .witnesses import WITNESSES, cosign, cosign_again, cosigned

_GROUP = 64
"""Objects that are cut out of the staging object at a time."""


def apply_block(log: Log, row: Row, staged: Staged) -> Row:
    """Do all that a committed row still needs; the row as it then is. Raises HistoryFork when
    stored bytes differ, and what ``cosign`` raises."""
    assert staged.header == row.block.header, "the row names its own staging object"
    previous = _row_before(log, row)
    write_objects(log, staged.objects())
    merge(log, previous.block.size, row.block.size)
    signed = sign_row(log, row)
    attempt = cosign(log, previous.block, row.block, signed.checkpoint)
    _publish(log, previous.block, signed, [attempt] if attempt else [])
    if not row.checkpoint:
        # From here on the block is readable: whoever sees its signatures finds all of its objects.
        log.chain.seal(row.block.height, signed.checkpoint, signed.signature)
    settle(log, staged.done, staged.poison)
    log.chain.mark_applied(row.block.height)
    return replace(signed, applied=True)


def renew_cosignatures(log: Log) -> Attempt | None:
    """Ask the witnesses again that did not cosign the newest block, if their quorum was not met,
    and publish what came; the block's attempt as it then is. None where there is nothing to ask
    for: no witness, no block, or a sequencer at work. Raises Refusal."""
    head = log.chain.head()
    if log.witnesses is None or head is None or not (head.applied and head.block.height):
        return None
    attempt = log.attempts.get(WITNESSES, head.block.height)
    if attempt is None:
        return None  # of a time when there were no witnesses
    previous = _row_before(log, head)
    attempt = cosign_again(log, previous.block, head.block, head.checkpoint, attempt)
    _publish(log, previous.block, head, [attempt])
    return attempt


def _row_before(log: Log, row: Row) -> Row:
    previous = log.chain.row(row.block.height - 1)
    assert previous is not None, "a block is committed after the one before it"
    return previous


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


def sign_row(log: Log, row: Row) -> Row:
    """The row with its two signatures, made in memory if they are not stored yet. Only what is
    committed gets here, and Ed25519 is deterministic: whoever signs again gets the same bytes."""
    if row.checkpoint:
        return row
    block = row.block
    checkpoint = sign_checkpoint(log, block)
    signature = log.signer.sign(block_to_be_signed(block, log.kid))
    # A signature that does not verify must not become part of the history.
    verify_block_signature(block, log.signer.public, signature)
    return replace(row, checkpoint=checkpoint, signature=signature)


def sign_checkpoint(log: Log, block: Block) -> bytes:
    """The checkpoint note of a committed block, or of the empty tree, with the log's signature."""
    checkpoint = Checkpoint(log.origin, block.size, block.root)
    text = format_checkpoint_text(checkpoint)
    signature = log.signer.sign(text)
    verify_signature(log.vkey, text, signature)
    return format_signed_checkpoint(checkpoint, log.vkey, signature)


def read_published(log: Log) -> Checkpoint | None:
    """The published checkpoint, if it is one of this log; raises HistoryFork."""
    data = log.tiles.get(CHECKPOINT)
    return None if data is None else _check_published(log, data)


def _check_published(log: Log, data: bytes) -> Checkpoint:
    """The checkpoint in a published note, if the log signed it; other lines are not looked at."""
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


def _publish(log: Log, previous: Block, row: Row, attempts: Sequence[Attempt]) -> None:
    """Replace the previous block's checkpoint by this one's, or add cosignatures to this one's; a
    newer one stays. Raises HistoryFork."""
    current = log.tiles.get(CHECKPOINT)
    wanted = _next_published(log, previous, row, attempts, current)
    if wanted is None:
        return
    try:
        log.tiles.swap(CHECKPOINT, current, wanted)
    except Conflict:
        # Somebody else applies this block, or a later one. Sizes and lines only grow, so this ends.
        _publish(log, previous, row, attempts)


def _next_published(
    log: Log, previous: Block, row: Row, attempts: Sequence[Attempt], current: bytes | None
) -> bytes | None:
    """What to publish in place of ``current``; None when that may stay. Lines by witnesses come
    late and differ from one time to the next, so notes are compared by their texts."""
    published = None if current is None else _check_published(log, current)
    if published == (_checkpoint_of(previous) if previous.height else None):
        return cosigned(row.checkpoint, attempts)
    if published == _checkpoint_of(row.block):
        assert current is not None
        more = cosigned(current, attempts)
        return None if more == current else more
    if published is None or published.size <= row.block.size:
        raise HistoryFork(f"the published checkpoint is not that of block {previous.height}")
    return None


def _checkpoint_of(block: Block) -> Checkpoint:
    return Checkpoint(block.origin, block.size, block.root)


def settle(log: Log, done: Sequence[str], poison: Iterable[tuple[str, str]]) -> None:
    """Clear pending: the done are in the log, and the poison will never be."""
    for id_, reason in poison:
        log.tell_aside(id_, reason)  # first: who dies here tells again
        log.pending.set_aside(id_, reason)
    if done:
        log.pending.remove(done)
