"""Receipts: from a locator to an index, and from indices to receipts.

A receipt is of the block that first held its entry, and of the newest fully attested block where
the first is not fully attested itself. Everything for it is in the public bucket, in the chain's
rows and in the table of attempts, so it can be made again at any time, the same but for later
evidence.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..proof.checkpoint import parse_checkpoint_text
from ..proof.hashes import Hash
from ..proof.limits import STATUS_BYTES
from ..proof.note import parse_note
from ..proof.receipt import Inclusion, Receipt
from ..proof.statement import SignedStatement, parse_entry
from ..proof.tiles import prove_inclusions_from_tiles
from ..proof.tlogproof import TlogProof
from .accepted import read_numbers
from .batch import REFUSED
from .entries import read_entries, read_tiles
from .evidence import attestations_of
from .index import KEY_BYTES, find
from .jobs import as_readable, placed_of
from .limits import PAGE_DOCUMENT_BYTES
from .log import Log
from .ports import Job, Row
from .published import Wanted, read_papers
from .rows import Rows
from .witnesses import cosigned

_ENTRY_ID = re.compile(r"[0-9a-f]{64}")
_INDEX = re.compile(r"0|[1-9][0-9]{0,15}")


class NoReceipt(Exception):
    """There is no receipt for this locator."""


class BadLocator(NoReceipt):
    """Neither an entry id nor an index."""


class NotInLog(NoReceipt):
    """Nobody ever submitted that entry, or the log has not grown to that index."""


class NotAStatement(NoReceipt):
    """The entry is a block's link: it is proved by the block itself."""


class StillPending(NoReceipt):
    """The entry is accepted, and the log will hold it soon."""


class SetAside(NoReceipt):
    """The entry was set aside; ``reason`` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class JobReceipt:
    """The receipt of item number ``item`` of a job's submission."""

    item: int
    entry_id: Hash
    index: int
    receipt: Receipt


def locate(log: Log, locator: str) -> int:
    """The index of the entry with this id (64 lower-case hex digits) or decimal index; raises
    BadLocator, NotInLog, StillPending or SetAside."""
    if _ENTRY_ID.fullmatch(locator):
        return _locate_id(log, Hash.parse_hex(locator))
    if not _INDEX.fullmatch(locator):
        raise BadLocator("a locator is an entry id (64 lower-case hex digits) or a decimal index")
    size = log.readable().block.size
    if int(locator) >= size:
        raise NotInLog(f"the log has {size} entries, so the last index is {size - 1}")
    return int(locator)


def _locate_id(log: Log, entry_id: Hash) -> int:
    found = index_of(log, entry_id)
    if found is not None:
        return found
    if log.pending.contains(entry_id.hex()):
        raise StillPending("the entry is accepted and not yet integrated")
    reason = log.pending.aside(entry_id.hex())
    if reason is not None:
        raise SetAside(reason)
    # Between the first look and the second it may have moved from pending into the log.
    found = index_of(log, entry_id)
    if found is None:
        raise NotInLog("no entry with this id was submitted")
    return found


def index_of(log: Log, entry_id: Hash) -> int | None:
    """Where the log holds the entry with this id."""
    size = log.readable().block.size
    return find(log.work, log.runs, [entry_id], size).get(entry_id[:KEY_BYTES])


def receipt_of(log: Log, index: int) -> Receipt:
    """The receipt of the statement at ``index``; raises NotInLog or NotAStatement."""
    return _receipts(log, [index])[0]


def job_receipts(log: Log, job: Job, first: int, limit: int) -> list[JobReceipt]:
    """Receipts of at most ``limit`` integrated items, from item number ``first`` of the submission
    on: each block, tile and bundle is read once a page."""
    job = as_readable(log, job)
    if not job.integrated:
        return []
    numbers = read_numbers(log.work, job.id)
    start = bisect_left(numbers, first)
    placed = placed_of(log, job, start)
    page = [
        (number, index)
        for number, index in zip(numbers[start:], placed, strict=False)
        if index != REFUSED
    ][:limit]
    receipts = _receipts(log, [index for _, index in page], PAGE_DOCUMENT_BYTES)
    return [
        JobReceipt(number, receipt.statement.entry_id, index, receipt)
        for (number, index), receipt in zip(page, receipts, strict=True)
    ]


def _receipts(log: Log, indices: Sequence[int], largest: int = STATUS_BYTES) -> list[Receipt]:
    """``largest`` is the size of the largest status list that they may hold."""
    head = log.readable()
    size = head.block.size
    if any(index >= size for index in indices):
        raise NotInLog(f"the log has {size} entries")
    statements = {
        index: _statement(index, entry) for index, entry in read_entries(log, indices, size).items()
    }
    rows = Rows(log, head)
    registered, attested = _inclusions(log, rows, sorted(statements))
    wanted = {
        index: Wanted(statement, registered[index].block.height)
        for index, statement in statements.items()
    }
    papers = read_papers(log, rows, wanted, largest)
    return [
        Receipt(
            statements[index],
            registered[index],
            attested=attested.get(index),
            issuer=papers[index].issuer,
            status=papers[index].status,
        )
        for index in indices
    ]


def _statement(index: int, entry: bytes) -> SignedStatement:
    parsed = parse_entry(entry)
    if not isinstance(parsed, SignedStatement):
        raise NotAStatement(f"entry {index} is the link that opens block {parsed.height}")
    return parsed


Inclusions = dict[int, Inclusion]


def _inclusions(log: Log, rows: Rows, indices: Sequence[int]) -> tuple[Inclusions, Inclusions]:
    """For each index its inclusion in the block that first held it, and, where that is better
    attested, in a later one; all tiles in one read."""
    by_row: dict[int, tuple[Row, list[int]]] = {}
    for index in indices:
        row = rows.holding(index)
        by_row.setdefault(row.block.height, (row, []))[1].append(index)
    first = list(by_row.values())
    later = _better_attested(log, rows, first)
    tiles = read_tiles(log, [*first, *later], rows.size)
    return _inclusions_in(log, first, tiles), _inclusions_in(log, later, tiles)


Group = tuple[Row, list[int]]


def _better_attested(log: Log, rows: Rows, groups: Sequence[Group]) -> list[Group]:
    """The newest fully attested block, for all indices whose own block is older and not so."""
    height = log.attempts.newest_full()
    if height is None or height > rows.head:  # of a chain that was restored since
        return []
    older = [
        index
        for row, indices in groups
        if row.block.height < height and not log.attempts.is_full(row.block.height)
        for index in indices
    ]
    return [(rows.at(height), older)] if older else []


def _inclusions_in(
    log: Log, groups: Sequence[Group], tiles: dict[tuple[int, int], bytes]
) -> Inclusions:
    return {
        index: inclusion
        for row, indices in groups
        for index, inclusion in _inclusions_of(log, row, indices, tiles)
    }


def _inclusions_of(
    log: Log, row: Row, indices: Sequence[int], tiles: dict[tuple[int, int], bytes]
) -> Iterable[tuple[int, Inclusion]]:
    attempts = log.attempts.of_block(row.block.height)
    note = parse_note(cosigned(row.checkpoint, attempts))
    checkpoint = parse_checkpoint_text(note.text)
    attestations = attestations_of(row.block.hash, attempts)
    paths = prove_inclusions_from_tiles(indices, row.block.size, tiles)
    for index, path in zip(indices, paths, strict=True):
        proof = TlogProof(index, path, note)
        yield index, Inclusion(proof, checkpoint, row.block, row.signature, attestations)
