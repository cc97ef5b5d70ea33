"""Four sequencers at once on the local cloud: nothing lost, nothing twice, one history."""

from __future__ import annotations

import multiprocessing
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier, Event

import pytest

from chalicelib.adapters.aws import Clients, side_by_side
from chalicelib.notary.audit import audit_store
from chalicelib.notary.log import Log
from chalicelib.notary.ports import Conflict, OutcomeUnknown
from chalicelib.notary.sequence import create_log, sequence

from .cloud_log import Address, clock_ms, open_log, register, statements_in
from .stores import make_places, session

SEQUENCERS = 4
SUBMISSIONS = 2_000
BATCH = 100
"""Statements in a batch: few, so that there are many commits to fight for."""

Outcomes = Counter[str]


def sequence_until(
    address: Address, start: Barrier, stop: Event, outcomes: Queue[Outcomes]
) -> None:
    """What each process does. It counts how its runs ended; any other end ends the process."""
    log = open_log(Clients(session(), address.endpoint), address.places)
    counts: Outcomes = Counter()
    start.wait()
    while not stop.is_set():
        try:
            block = sequence(log, clock_ms(), max_entries=BATCH)
            counts["nothing" if block is None else "block"] += 1
        except (Conflict, OutcomeUnknown) as error:
            counts[type(error).__name__] += 1
    outcomes.put(counts)


@contextmanager
def sequencers(address: Address) -> Iterator[Outcomes]:
    """Several at once, until the block ends; then how all their runs ended is known."""
    context = multiprocessing.get_context("forkserver")
    start, stop, outcomes = context.Barrier(SEQUENCERS), context.Event(), context.Queue()
    arguments = (address, start, stop, outcomes)
    processes = [context.Process(target=sequence_until, args=arguments) for _ in range(SEQUENCERS)]
    for process in processes:
        process.start()
    counts: Outcomes = Counter()
    try:
        yield counts
    finally:
        stop.set()
        for process in processes:
            process.join()
    assert [process.exitcode for process in processes] == [0] * SEQUENCERS
    for _ in processes:
        counts.update(outcomes.get())


@pytest.fixture
def address(local_clients: Clients, endpoint_url: str) -> Address:
    return Address(endpoint_url, make_places(local_clients))


@pytest.fixture
def log(local_clients: Clients, address: Address) -> Log:
    made = open_log(local_clients, address.places)
    create_log(made)
    return made


def attempts(clients: Clients, address: Address) -> int:
    """Every attempt at a block leaves a staging object of its own."""
    listed = clients.s3.list_objects_v2(Bucket=address.places.work, Prefix="staging/")
    return listed["KeyCount"]


def test_four_sequencers_make_one_history(
    log: Log, address: Address, local_clients: Clients
) -> None:
    singles = [register(f"submission {number}") for number in range(SUBMISSIONS)]
    side_by_side(log.pending.add, singles[: SUBMISSIONS // 2])
    with sequencers(address) as counts:
        # Clients that lost an answer ask again, for what is pending still or in the log by then.
        side_by_side(log.pending.add, [*singles[SUBMISSIONS // 2 :], *singles[::10]])
        while log.pending.take(1):
            assert multiprocessing.active_children(), "every sequencer died"
            time.sleep(0.05)
    assert statements_in(log) == dict.fromkeys([single.entry for single in singles], 1)
    report = audit_store(log)
    assert report.entries == SUBMISSIONS + report.blocks, "the statements, and a link in each block"
    assert attempts(local_clients, address) > report.blocks, "they fought"
    assert counts["block"] >= report.blocks, "no block was left for others to finish"
