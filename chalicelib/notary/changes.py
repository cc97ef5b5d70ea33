"""Reading changes of status back out of the log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..proof.block import parse_link
from ..proof.entry_status import Change, change_of
from ..proof.statement import parse_statement
from .entries import read_entries
from .limits import PUBLISH_CHUNK, PUBLISH_ENTRIES
from .log import Log, StaleRestore
from .rows import Rows


@dataclass(frozen=True, slots=True)
class Read:
    """A change of an issuer's entry, of the lineage ``sub``, as the log holds it at ``index``."""

    issuer: str
    sub: str
    index: int
    change: Change


@dataclass(frozen=True, slots=True)
class News:
    """The changes of status in blocks up to ``height``, by issuer.

    ``size`` and ``timestamp_ms`` are those of that block. Nothing else was in the log by
    ``read_ms``."""

    height: int
    size: int
    timestamp_ms: int
    read_ms: int
    changes: Mapping[str, Sequence[Read]]


def read_news(log: Log, rows: Rows, height: int, now_ms: int) -> News:
    """The changes in the blocks after ``height``, as far as one run goes; raises StaleRestore."""
    if height > rows.head:
        raise StaleRestore(f"lists hold changes up to block {height}, but the head is {rows.head}")
    start = rows.at(height).block.size
    last = rows.holding(min(start + PUBLISH_ENTRIES, rows.size) - 1) if rows.size else rows.at(0)
    block = last.block
    after = log.chain.row(block.height + 1)
    read_ms = now_ms if after is None else min(now_ms, after.block.timestamp_ms - 1)
    changes: dict[str, list[Read]] = {}
    for read in read_changes(log, start, block.size, rows.size):
        changes.setdefault(read.issuer, []).append(read)
    return News(block.height, block.size, block.timestamp_ms, read_ms, changes)


def read_changes(log: Log, start: int, end: int, size: int) -> Iterable[Read]:
    """The changes among the entries [start, end) of a log of ``size``. A supersede whose block's
    link is before them takes effect at 0."""
    timestamp_ms = 0
    for first in range(start, end, PUBLISH_CHUNK):
        entries = read_entries(log, range(first, min(first + PUBLISH_CHUNK, end)), size)
        for index, entry in entries.items():
            if entry.startswith(_LINK):
                timestamp_ms = parse_link(entry).timestamp_ms
            elif _TARGET in entry:
                signed = parse_statement(entry)
                change = change_of(signed, timestamp_ms)
                if change is not None:
                    yield Read(signed.statement.iss, signed.statement.sub, index, change)


_LINK = b"\x84"
_TARGET = b"\x66target"
"""The beginning of a link, and what the payload of every change has in it: to read all statements
would take ten times as long."""
