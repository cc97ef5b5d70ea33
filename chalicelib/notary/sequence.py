"""Sequencing: one batch after another goes from pending into the log.

Any number of sequencers may run at once and die at any point. What keeps the history one is a
single conditional write, marked below; all before it is planning that may be thrown away, all after
it is ``apply_block``, which whoever comes next repeats. Lambda runs at most two and the sweep, for
economy alone: safety rests on the commit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf

from ..proof.block import GENESIS, Block
from ..proof.errors import ProofError
from ..proof.tiles import Tile, edge_from_tiles, edge_tiles, parse_bundle, root_of_edge
from .apply import (
    apply_block,
    create_same,
    read_published,
    read_staging,
    settle,
    sign_checkpoint,
)
from .batch import Plan, RightEdge, Taken, item_ids, plan_batch, wanted_keys
from .index import find, tail_key
from .limits import BATCH_ENTRIES, CLOCK_SKEW_MS, HEARTBEAT_MS
from .log import (
    ClockWentBack,
    HistoryFork,
    Log,
    MissingStaging,
    NotCreated,
    Refusal,
    StaleRestore,
)
from .ports import Conflict, JobMove, OutcomeUnknown, Row
from .staging import format_staging, read_staged, staging_key
from .take import take
from .witnesses import offer_head

__all__ = [
    "ClockWentBack",
    "HistoryFork",
    "MissingStaging",
    "NotCreated",
    "Refusal",
    "StaleRestore",
    "create_log",
    "drain",
    "sequence",
]


def create_log(log: Log) -> None:
    """Write block 0. Idempotent; raises StaleRestore when a checkpoint is already published."""
    if log.chain.head() is None and read_published(log) is not None:
        raise StaleRestore("a checkpoint is published, but the hash chain is empty")
    try:
        log.chain.create(Row(GENESIS(log.origin), staging="", applied=True))
    except Conflict:
        return


def sequence(log: Log, now_ms: int, *, max_entries: int = BATCH_ENTRIES) -> Block | None:
    """Finish what an earlier run left undone, then integrate one batch of at most ``max_entries``
    statements.

    None when there was nothing to integrate and no heartbeat is due, or when another sequencer
    committed first. Raises Refusal, or OutcomeUnknown when nobody can tell yet whether the block
    was committed: the next run finds out.
    """
    head = _ready_head(log, now_ms)
    now_ms = max(now_ms, head.block.timestamp_ms)
    taken = take(log, max_entries)
    plan = _plan(log, head.block, taken, now_ms)
    if not (plan.entries or plan.moves or _heartbeat_due(head.block, taken, now_ms)):
        settle(log, plan.done, plan.poison)
        return None
    return _commit_and_apply(log, head, plan)


def drain(log: Log, clock: Callable[[], int], *, for_ms: float = inf) -> list[Block]:
    """Sequence until nothing is pending, or ``for_ms`` have passed; the blocks that this made."""
    blocks: list[Block] = []
    end_ms = clock() + for_ms
    while True:
        block = sequence(log, clock())
        if block is not None:
            blocks.append(block)
        if not log.pending.take(1) or clock() >= end_ms:
            return blocks


def _ready_head(log: Log, now_ms: int) -> Row:
    """The head, applied, once everything speaks for going on from it."""
    # In this order: what is published was committed before, so a later read of the chain has it.
    published = read_published(log)
    head = log.chain.head()
    size = head.block.size if head else 0
    if published is not None and published.size > size:
        raise StaleRestore(
            f"the published checkpoint has {published.size} entries, the head {size}"
        )
    if head is None:
        raise NotCreated(f"{log.origin} has no block 0: create the log first")
    if published is not None and published.size == size and published.root != head.block.root:
        raise StaleRestore(f"the published checkpoint of {size} entries has another root hash")
    if not head.applied:
        head = apply_block(log, head, read_staging(log, head))
    elif size > (published.size if published else 0):
        _refuse_lag(log, size)
    if now_ms < head.block.timestamp_ms - CLOCK_SKEW_MS:
        raise ClockWentBack(f"it is {now_ms} ms, but the head is of {head.block.timestamp_ms} ms")
    offer_head(log, head.block, lambda: head.checkpoint or sign_checkpoint(log, head.block))
    return head


def _refuse_lag(log: Log, size: int) -> None:
    """An applied block was published. Unless that was just now, what is published went back."""
    published = read_published(log)
    if published is None or published.size < size:
        raise StaleRestore(f"the head has {size} entries and was published, but now less is")


def _heartbeat_due(head: Block, taken: Taken, now_ms: int) -> bool:
    idle = not (taken.parts or taken.done or taken.poison)
    return idle and now_ms - head.timestamp_ms >= HEARTBEAT_MS


def _plan(log: Log, head: Block, taken: Taken, now_ms: int) -> Plan:
    edge = _read_edge(log, head)
    known = find(log.work, log.runs, wanted_keys(taken.parts), head.size)
    return plan_batch(head, edge, taken, known, now_ms)


def _read_edge(log: Log, head: Block) -> RightEdge:
    """The right edge of the log, proved to be the head's: a flipped bit must not be signed."""
    places = edge_tiles(head.size)
    stored = log.tiles.get_many([place.path for place in places])
    tiles: dict[tuple[int, int], bytes] = {}
    entries: tuple[bytes, ...] = ()
    try:
        for place, data in zip(places, stored, strict=True):
            if data is None:
                raise HistoryFork(f"{place.path} is not there")
            if isinstance(place, Tile):
                tiles[place.level, place.index] = data
            else:
                entries = parse_bundle(data, place.width)
        edge = edge_from_tiles(head.size, tiles)
    except ProofError as error:
        raise HistoryFork(f"the right edge of the log cannot be read: {error}") from error
    if root_of_edge(edge) != head.root or b"".join(item_ids(entries)) != b"".join(edge[:1]):
        raise HistoryFork(f"the right edge of the log is not that of block {head.height}")
    tail = tail_key(head.size)
    return RightEdge(edge, entries, log.runs.read(log.work, [tail])[0] if tail else b"")


def _commit_and_apply(log: Log, head: Row, plan: Plan) -> Block | None:
    block, moves = plan.block, plan.moves
    data = format_staging(plan)
    row = Row(block, staging_key(block.height, data))
    create_same(log.work, row.staging, data)
    del plan  # its objects are in ``data`` too
    if not _commit(log, head, row, moves):
        return None
    apply_block(log, row, read_staged(data))
    return block


def _commit(log: Log, head: Row, row: Row, moves: Sequence[JobMove]) -> bool:
    """Whether the block is now committed. If not, another one is, and this plan is void."""
    try:
        log.chain.commit(head, row, moves)  # THE COMMIT POINT: from here on the block is history
    except (Conflict, OutcomeUnknown):
        found = log.chain.row(row.block.height)
        if found is None:
            raise  # of an unknown outcome it may still come; the next run starts from what is
        return (found.block, found.staging) == (row.block, row.staging)
    return True
