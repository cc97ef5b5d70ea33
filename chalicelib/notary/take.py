"""Taking pending submissions for a batch: what they hold now, what is done, what is poison."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate, groupby
from typing import cast

from ..proof.limits import ENTRY_BYTES
from .accepted import MalformedAccepted, accepted_key, parse_accepted
from .batch import Portion, Singles, Taken, item_ids
from .limits import BATCH_BYTES, BATCH_JOBS
from .log import Log
from .ports import Bulk, Job, Single

TAKE = BATCH_BYTES // ENTRY_BYTES
"""Submissions in hand at once: as many as cannot be more than a batch, however large each is."""

_COSE_SIGN1 = b"\xd2\x84"
"""Every statement begins with tag 18 on an array of four (RFC 9052 §4.2); a link does not."""


class Poison(Exception):
    """A submission that can never be integrated; the text is the reason, ``name: detail``."""


class _Room:
    """What still fits into a batch."""

    def __init__(self, entries: int) -> None:
        self.entries = entries
        self.bytes = BATCH_BYTES
        self.jobs = BATCH_JOBS

    def fit(self, entries: list[bytes]) -> int:
        """How many of these entries fit; the room shrinks by them."""
        sums = list(accumulate(map(len, entries[: self.entries]), initial=0))
        count = bisect_right(sums, self.bytes) - 1
        self.bytes -= sums[count]
        self.entries -= count
        return count


def take(log: Log, max_entries: int) -> Taken:
    """Pending submissions in order of id, as far as they fit into one batch."""
    taken, room = Taken(), _Room(max_entries)
    submissions = log.pending.take(min(TAKE, max_entries))
    for kind, group in groupby(submissions, type):
        if kind is Single:
            fits = _take_singles(cast("list[Single]", list(group)), room, taken)
        else:
            fits = all(_take_bulk(log, cast(Bulk, bulk), room, taken) for bulk in group)
        if not fits:
            break
    return taken


def _take_singles(singles: list[Single], room: _Room, taken: Taken) -> bool:
    """Add singles to what was taken; False when not all fitted."""
    entries = [single.entry for single in singles]
    ids = item_ids(entries)
    names = [single.id for single in singles]
    if [entry_id.hex() for entry_id in ids] != names or not _are_statements(entries):
        return _take_singles(_without_poison(singles, taken), room, taken)
    count = room.fit(entries)
    lineages = [single.lineage for single in singles[:count]]
    taken.parts.append(Singles(names[:count], entries[:count], ids[:count], lineages))
    return count == len(entries)


def _without_poison(singles: list[Single], taken: Taken) -> list[Single]:
    good: list[Single] = []
    for single in singles:
        [entry_id] = item_ids([single.entry])
        if entry_id.hex() == single.id and _are_statements([single.entry]):
            good.append(single)
        else:
            taken.poison.append(
                (single.id, "wrong-bytes: its bytes are not the statement of its id")
            )
    return good


def _take_bulk(log: Log, bulk: Bulk, room: _Room, taken: Taken) -> bool:
    """Add a job's next items to what was taken; False when there was no room for any."""
    job = log.jobs.get(bulk.id)
    if job is not None and job.state == "integrating" and job.integrated >= job.accepted:
        taken.done.append(job.id)
        return True
    if not (room.jobs and room.entries):
        return False
    try:
        portion = _portion(log, _admitted(job), room)
    except Poison as poison:
        taken.poison.append((bulk.id, str(poison)))
        return True
    if portion.entries:
        room.jobs -= 1
        taken.parts.append(portion)
    return bool(portion.entries)


def _admitted(job: Job | None) -> Job:
    if job is None or job.state != "integrating":
        raise Poison("no-such-job: there is no admitted job of this id")
    return job


def _portion(log: Log, job: Job, room: _Room) -> Portion:
    data = log.work.get(accepted_key(job.id))
    if data is None:
        raise Poison("missing-items: its accepted items are not there")
    try:
        accepted = parse_accepted(data, job.integrated, room.entries)
    except MalformedAccepted as error:
        raise Poison(f"malformed-items: its accepted items cannot be read: {error}") from error
    if accepted.head.accepted != job.accepted:
        found = accepted.head.accepted
        raise Poison(f"wrong-count: it has {found} accepted items, not {job.accepted}")
    if not _are_statements(accepted.entries):
        raise Poison("not-a-statement: one of its entries is none")
    count = room.fit(accepted.entries)
    entries = accepted.entries[:count]
    return Portion(
        job.id, entries, item_ids(entries), accepted.lineages[:count], job.integrated, job.accepted
    )


def _are_statements(entries: list[bytes]) -> bool:
    """Admission verified them; this keeps out of the log what cannot have come from there."""
    beginnings = {entry[:2] for entry in entries}
    return beginnings <= {_COSE_SIGN1} and max(map(len, entries), default=0) <= ENTRY_BYTES
