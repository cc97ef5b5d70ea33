"""Telling tenants' webhooks what happened: read out of the log's new blocks, and queued.

It runs on a schedule. The height up to which everybody was told moves last, block by block, and
the id of an event follows from what happened: so any number of tellers may run at once and die at
any point, and nobody is told of a thing twice who drops the ids that he has seen.

Entries that were submitted alone, or in a job of few, are told of one by one. A larger job is told
of by ``job.done`` alone, whatever its entries say: a hundred thousand of them make one delivery.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

from ...proof.payload import Payload, Register, StatusChange, Supersede
from ...proof.statement import parse_statement
from ..batch import REFUSED
from ..custody.records import Record
from ..entries import read_entries
from ..index import KEY_BYTES, find
from ..jobs import placed_of
from ..limits import TELL_BLOCKS, TELL_JOB_ENTRIES, TELL_MS, WEBHOOK_THREADS
from ..log import Log, StaleRestore
from ..ports import Conflict, Job, OutcomeUnknown, Registry, Row
from ..rows import Rows
from ..staging import read_done
from .deliveries import announce, queue
from .events import Endpoint, Event, Value, WebhookStore, new_event

_News = tuple[str, Event]
"""Whose it is, and what happened."""


@dataclass(frozen=True)
class Teller:
    log: Log
    registry: Registry
    store: WebhookStore
    clock_ms: Callable[[], int]


def tell_news(teller: Teller) -> int:
    """Queue what happened in blocks of which nobody was told yet; how many deliveries that made.
    Where there are no endpoints nothing is read. Raises StaleRestore."""
    store = teller.store
    endpoints = [each for each in store.endpoints() if not each.disabled]
    if not endpoints:
        return 0
    rows, told = Rows(teller.log, teller.log.readable()), store.told()
    if told > rows.head:
        raise StaleRestore(f"blocks up to {told} were told of, but the head is {rows.head}")
    first, until_ms = max(told, min(each.since for each in endpoints)), teller.clock_ms() + TELL_MS
    run, queued = _Run(teller, rows, endpoints), 0
    # If another teller was faster, or nobody knows, the next run goes on from where it then stands.
    with suppress(Conflict, OutcomeUnknown):
        for height in range(first + 1, min(first + TELL_BLOCKS, rows.head) + 1):
            queued += run.tell(height)
            store.advance(told, height)
            told = height
            if teller.clock_ms() >= until_ms:
                break
    return queued


def tell_of_admission(store: WebhookStore, job: Job, now_ms: int) -> None:
    """Queue what became of a job at its admission, if not that it goes on: it failed, waits for a
    second person, or nothing was accepted."""
    if job.state == "failed":
        tell_of_failure(store, job, now_ms)
    elif job.state == "awaiting-approval":
        announce(store, job.tenant, new_event("job.waiting", now_ms, {"job": job.id}), now_ms)
    elif job.state == "integrating" and not job.accepted:
        announce(store, job.tenant, _job_done(job, 0, now_ms), now_ms)


def tell_of_failure(store: WebhookStore, job: Job, now_ms: int) -> None:
    """Queue the end of a job that failed: at its admission, by a person, or because it was set
    aside."""
    announce(store, job.tenant, new_event("job.failed", now_ms, {"job": job.id}), now_ms)


def tell_of_erasure(store: WebhookStore, tenant: str, left: Record, now_ms: int) -> None:
    """Queue that what was kept of a document is destroyed: its tombstone has an entry."""
    assert left.entry_id is not None, "nothing that has no entry is told of"
    data = {"entry": left.entry_id.hex(), "issuer": left.iss}
    announce(store, tenant, new_event("document.erased", now_ms, data), now_ms)


def _job_done(job: Job, refused: int, at_ms: int) -> Event:
    accepted = job.accepted - refused
    rejected = job.items - accepted
    return new_event("job.done", at_ms, {"job": job.id, "accepted": accepted, "rejected": rejected})


class _Run:
    def __init__(self, teller: Teller, rows: Rows, endpoints: Sequence[Endpoint]) -> None:
        self._teller = teller
        self._rows = rows
        self._tenants: dict[str, str] = {}
        self._endpoints: dict[str, list[Endpoint]] = {}
        for each in endpoints:
            self._endpoints.setdefault(each.tenant, []).append(each)

    def tell(self, height: int) -> int:
        """Queue what happened in one block; how many deliveries that made."""
        log, row = self._teller.log, self._rows.at(height)
        done = read_done(log.work, row.staging)
        if not done:
            return 0  # a heartbeat, or so old that its deliveries would be gone, too
        ids = [bytes.fromhex(id_) for id_ in done]
        placed = find(log.work, log.runs, ids, self._rows.size)
        start = self._rows.at(height - 1).block.size
        # What was held before is not news, whoever sends it again.
        indices = {each for each in placed.values() if each >= start}
        events: list[_News] = []
        for id_ in ids:
            job = log.jobs.get(id_.hex()) if id_[:KEY_BYTES] not in placed else None
            if job is not None and job.tenant in self._endpoints:
                indices |= self._add_job(events, job, row)
        events += self._of_entries(indices, row)
        return self._queue(events, height)

    def _add_job(self, events: list[_News], job: Job, row: Row) -> set[int]:
        """Add the end of a job; the indices of its entries, if they are few."""
        placed = placed_of(self._teller.log, job)
        done = _job_done(job, placed.count(REFUSED), row.block.timestamp_ms)
        events.append((job.tenant, done))
        if job.accepted > TELL_JOB_ENTRIES:
            return set()
        start = self._rows.at(job.placements[0].height - 1).block.size
        return {index for index in placed if index != REFUSED and index >= start}

    def _of_entries(self, indices: Iterable[int], row: Row) -> Iterator[_News]:
        """What the entries say, of tenants that have endpoints."""
        found = read_entries(self._teller.log, indices, self._rows.size)
        for index, entry in found.items():
            signed = parse_statement(entry)
            statement = signed.statement
            told, tenant = _change(statement.payload), self._tenant(statement.iss)
            if told is not None and tenant in self._endpoints:
                type_, members = told
                members |= {"entry": signed.entry_id.hex(), "issuer": statement.iss, "index": index}
                yield tenant, new_event(type_, row.block.timestamp_ms, members)

    def _tenant(self, issuer: str) -> str:
        """Whose issuer it is; nobody's, if it is not registered any more."""
        if issuer not in self._tenants:
            known = self._teller.registry.issuer(issuer)
            self._tenants[issuer] = known.tenant if known else ""
        return self._tenants[issuer]

    def _queue(self, events: Sequence[_News], height: int) -> int:
        store, now_ms = self._teller.store, self._teller.clock_ms()

        def tell(news: _News) -> int:
            tenant, event = news
            endpoints = [each for each in self._endpoints[tenant] if each.since < height]
            return len(queue(store, endpoints, event, now_ms))

        with ThreadPoolExecutor(WEBHOOK_THREADS) as pool:
            return sum(pool.map(tell, events))


def _change(payload: Payload) -> tuple[str, dict[str, Value]] | None:
    """The type of the event that a statement is, and the members which that has of its own."""
    match payload:
        case Register():
            return "document.registered", {}
        case Supersede():
            return "document.superseded", {"target": payload.target.hex()}
        case StatusChange():
            return "status.changed", {"target": payload.target.hex(), "kind": payload.kind}
        case _:
            return None  # the notary's own
