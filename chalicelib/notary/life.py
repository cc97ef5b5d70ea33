"""The life of an entry at admission: which changes of its status may follow one another.

What is known comes from the newest status list of its issuer and from the log's newest entries.
What is pending is not looked at: two statements that race may both be accepted, and then the first
in the log counts and the other is ignored by every verifier (``entry_status.possible_changes``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..proof.entry_status import (
    Change,
    change_of,
    impossible,
    parse_entry_status,
    possible_changes,
)
from ..proof.hashes import Hash
from ..proof.payload import StatusChange
from ..proof.statement import SignedStatement
from ..proof.times import format_time
from .changes import read_changes
from .entries import read_objects
from .limits import AHEAD_S, LIFE_ENTRIES
from .log import Log
from .notices import status_key
from .refused import Refused
from .rows import Rows


@dataclass(frozen=True, slots=True)
class Target:
    """The entry that a statement is about, and its place in the log."""

    signed: SignedStatement
    index: int


@dataclass(frozen=True, slots=True)
class Lives:
    """What became of the targets of a bulk so far; what is accepted is added to it."""

    rows: Rows
    changes: dict[Hash, list[Change]] = field(default_factory=dict)

    def check(self, signed: SignedStatement, target: Target, now_ms: int) -> None:
        """Accept a change of ``target``; raises Refused."""
        change = change_of(signed, now_ms)
        assert change is not None, "what has a target is a change"
        if isinstance(signed.statement.payload, StatusChange):
            self._check_time(change, target, now_ms)
        known = self.changes.setdefault(change.entry, [])
        before = [each for each in known if each.by != change.by]
        _check_order(change, possible_changes(before, change.entry))
        known.append(change)

    def _check_time(self, change: Change, target: Target, now_ms: int) -> None:
        ahead_s = change.effective - now_ms // 1000
        if ahead_s > AHEAD_S:
            raise Refused(
                "effective-in-future", f"effective is {ahead_s} s ahead of our clock: say it then"
            )
        if change.effective < target.signed.statement.iat:
            block_ms = self.rows.holding(target.index).block.timestamp_ms
            if change.effective < block_ms // 1000:
                raise Refused(
                    "effective-too-early",
                    f"the target was registered at {format_time(block_ms)}, and nothing about it"
                    " takes effect before that",
                )


def _check_order(change: Change, possible: list[Change]) -> None:
    why = impossible(possible, change.kind)
    if why is not None:
        raise Refused("impossible-change", f"the target is {why}")
    if change.kind in ("suspend", "reinstate") and possible:
        last_s = possible[-1].effective
        if change.effective < last_s:
            raise Refused(
                "impossible-change",
                f"the change before it takes effect later, at {format_time(last_s * 1000)}",
            )


def read_lives(log: Log, rows: Rows, targets: Mapping[Hash, Target]) -> Lives:
    """What became of these entries, as far as lists and the newest entries tell."""
    if not targets:
        return Lives(rows)
    found: dict[Hash, Change] = {}
    for document in _lists(log, targets):
        found |= {change.by: change for change in parse_entry_status(document).changes}
    height = log.notices.height() if log.notices else 0
    start = max(rows.at(min(height, rows.head)).block.size, rows.size - LIFE_ENTRIES)
    for read in read_changes(log, start, rows.size, rows.size):
        found.setdefault(read.change.by, read.change)
    lives = Lives(rows)
    for change in found.values():
        if change.entry in targets:
            lives.changes.setdefault(change.entry, []).append(change)
    return lives


def _lists(log: Log, targets: Mapping[Hash, Target]) -> list[bytes]:
    """The newest status lists that the targets belong to."""
    if log.notices is None:
        return []
    issuers = {target.signed.statement.iss for target in targets.values()}
    notices = {issuer: log.notices.get(issuer) for issuer in issuers}
    known = [(entry, notices[target.signed.statement.iss]) for entry, target in targets.items()]
    digests = {each.list_of(entry).newest for entry, each in known if each is not None}
    return read_objects(log.tiles, [status_key(each) for each in digests if each is not None])
