"""The commit protocol on the real adapters: every write × every way in which it can fail.

A process submits and sequences one batch (singles, a job, poison) and meets one fault at one of
its writes; then another process takes over, and the client asks again. Whatever the fault was,
nothing is lost, nothing is there twice, and the history is one.
"""

from __future__ import annotations

import multiprocessing

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.adapters.aws import Clients
from chalicelib.notary.audit import audit_store
from chalicelib.notary.log import Log
from chalicelib.notary.ports import OutcomeUnknown, Placement, Single
from chalicelib.notary.sequence import create_log, drain, sequence
from chalicelib.proof.hashes import sha256

from .cloud_log import Address, add_job, clock_ms, open_log, register, statements_in
from .stores import make_places, session
from .wire import (
    KILLED,
    Fault,
    WriteCounter,
    failed,
    killed_after,
    killed_before,
    request_lost,
    send,
    without_waiting,
)

EARLIER = [register(f"earlier {number}") for number in range(3)]
PENDING = [register(f"pending {number}") for number in range(4)]
ITEMS = [register(f"item {number}") for number in range(5)]
MINE = register("submitted by the process that meets the fault")
JOB = sha256(b"job").hex()
POISON = Single("f" * 64, b"no statement", None)

COMMIT = "TransactWriteItems log"
PROTOCOL = [
    "PutItem pending",  # admit
    "PutObject staging/#-#",
    COMMIT,
    "PutObject tile/entries/#.p/#",
    "PutObject tile/#/#.p/#",
    "PutObject index/tail/#",
    "PutObject jobs/#/placed/#",
    "PutObject checkpoint",
    "UpdateItem log",  # seal
    "TransactWriteItems pending",  # set the poison aside
    "BatchWriteItem pending",  # remove the rest
    "UpdateItem log",  # mark it applied
]
"""Every write of submitting and sequencing one batch, in order."""

everywhere = pytest.mark.parametrize(
    "at", range(len(PROTOCOL)), ids=[f"{at} {name}" for at, name in enumerate(PROTOCOL)]
)


def done_but_reported_failed(request: AWSPreparedRequest) -> AWSResponse:
    """Also when it is repeated, and then perhaps in vain."""
    send(request)
    return failed(request)


def submit_and_sequence(log: Log) -> None:
    log.pending.add(MINE)
    sequence(log, clock_ms())


def be_killed(address: Address, fault: Fault, at: int) -> None:
    """What the other process does."""
    ours = session()
    WriteCounter(ours).arm(fault, at)
    submit_and_sequence(open_log(Clients(ours, address.endpoint), address.places, puts=1))


def recover(log: Log) -> None:
    """The client, whom nobody told that it was accepted, asks again; another process goes on."""
    log.pending.add(MINE)
    drain(log, clock_ms)


def check(log: Log) -> None:
    """What must be true then, whatever happened before."""
    expected = [single.entry for single in (*EARLIER, *PENDING, *ITEMS, MINE)]
    assert statements_in(log) == dict.fromkeys(expected, 1)
    assert log.pending.take(100) == []
    assert str(log.pending.aside(POISON.id)).startswith("wrong-bytes: ")
    job = log.jobs.get(JOB)
    assert job is not None
    assert job.placements == (Placement(0, len(ITEMS), 2),)
    assert sequence(log, clock_ms()) is None, "nothing is left to do"
    audit_store(log)


@pytest.fixture(scope="module")
def faulty(endpoint_url: str) -> tuple[Clients, WriteCounter]:
    ours = session()
    return Clients(ours, endpoint_url), WriteCounter(ours)


@pytest.fixture
def address(local_clients: Clients, endpoint_url: str) -> Address:
    return Address(endpoint_url, make_places(local_clients))


@pytest.fixture
def log(local_clients: Clients, address: Address) -> Log:
    """A log of one block, so that tiles and checkpoint are there, and the next batch's work."""
    made = open_log(local_clients, address.places)
    create_log(made)
    for single in EARLIER:
        made.pending.add(single)
    drain(made, clock_ms)
    for single in (*PENDING, POISON):
        made.pending.add(single)
    add_job(made, JOB, ITEMS)
    return made


def test_the_table_names_every_write(
    log: Log, address: Address, faulty: tuple[Clients, WriteCounter]
) -> None:
    clients, counter = faulty
    counter.arm(None)
    submit_and_sequence(open_log(clients, address.places, puts=1))
    assert counter.names == PROTOCOL
    check(log)


@everywhere
@pytest.mark.parametrize("fault", [request_lost, done_but_reported_failed])
def test_a_write_that_fails_harms_nothing(
    log: Log,
    address: Address,
    faulty: tuple[Clients, WriteCounter],
    fault: Fault,
    at: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    without_waiting(monkeypatch)
    clients, counter = faulty
    counter.arm(fault, at)
    process = open_log(clients, address.places, puts=1)
    if fault is done_but_reported_failed and PROTOCOL[at] == COMMIT:
        submit_and_sequence(process)  # it reads that the commit was done, and goes on
    else:
        with pytest.raises((BotoCoreError, ClientError, OutcomeUnknown)):
            submit_and_sequence(process)
    assert len(counter.names) > at, "the fault was met"
    recover(log)
    check(log)


@everywhere
@pytest.mark.parametrize("fault", [killed_before, killed_after])
def test_a_process_that_is_killed_harms_nothing(
    log: Log, address: Address, fault: Fault, at: int
) -> None:
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["tests.contracts.test_kills"])
    process = processes.Process(target=be_killed, args=(address, fault, at))
    process.start()
    process.join()
    assert process.exitcode == KILLED
    recover(log)
    check(log)
