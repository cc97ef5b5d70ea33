"""What each write says when the network or the service fails: done, not done, or unknown.

On the local cloud alone, whose answers are lost, replaced or forged under botocore.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from chalicelib.adapters.aws import ATTEMPTS, Clients
from chalicelib.notary.ports import (
    Bulk,
    Busy,
    Conflict,
    Issuer,
    Job,
    JobMove,
    OutcomeUnknown,
    Single,
)

from . import wire
from .rows import GENESIS_ROW, following
from .stores import Stores, make_places, make_stores, session
from .wire import Fault, Wire

Wired = tuple[Stores, Wire]
FIRST = following(GENESIS_ROW)
POISON = Single("a" * 64, b"entry", None)

LOST_BEFORE = [wire.request_lost, wire.failed]
LOST_AFTER = [wire.answer_lost, wire.done_but_reported_failed]
NOT_DONE = [
    pytest.param(fault, id=name)
    for name, fault in {
        "throttled": wire.throttled,
        "never connected": wire.never_connected,
        "conflicting request": wire.refusal(400, "TransactionConflictException"),
        "cancelled by another transaction": wire.cancelled("TransactionConflict", "None"),
        "cancelled for throughput": wire.cancelled("None", "ProvisionedThroughputExceeded"),
        "cancelled by both": wire.cancelled("ConditionalCheckFailed", "TransactionConflict"),
    }.items()
]


@pytest.fixture
def created(wired: Wired) -> Wired:
    wired[0].chain.create(GENESIS_ROW)
    wired[1].sent.clear()
    return wired


@pytest.mark.parametrize(
    "fault", [*LOST_BEFORE, wire.refusal(400, "TransactionInProgressException")]
)
def test_a_commit_that_was_lost_is_unknown_and_not_repeated(created: Wired, fault: Fault) -> None:
    stores, network = created
    network.meet("TransactWriteItems", fault)
    with pytest.raises(OutcomeUnknown):
        stores.chain.commit(GENESIS_ROW, FIRST, [])
    assert network.sent == ["TransactWriteItems"]
    assert stores.chain.head() == GENESIS_ROW


@pytest.mark.parametrize("fault", LOST_AFTER)
def test_a_commit_that_was_done_but_not_told_is_unknown(created: Wired, fault: Fault) -> None:
    stores, network = created
    network.meet("TransactWriteItems", fault)
    with pytest.raises(OutcomeUnknown):
        stores.chain.commit(GENESIS_ROW, FIRST, [])
    assert network.sent == ["TransactWriteItems"]
    assert stores.chain.head() == FIRST


@pytest.mark.parametrize("fault", NOT_DONE)
def test_a_commit_that_was_certainly_not_done_is_repeated(created: Wired, fault: Fault) -> None:
    stores, network = created
    network.meet("TransactWriteItems", fault, fault)
    stores.chain.commit(GENESIS_ROW, FIRST, [])
    assert network.sent == ["TransactWriteItems"] * 3
    assert stores.chain.head() == FIRST


@pytest.mark.parametrize("fault", NOT_DONE)
def test_a_commit_that_is_refused_for_ever_did_not_happen(created: Wired, fault: Fault) -> None:
    stores, network = created
    network.meet("TransactWriteItems", *[fault] * ATTEMPTS)
    with pytest.raises(Busy):
        stores.chain.commit(GENESIS_ROW, FIRST, [])
    assert network.sent == ["TransactWriteItems"] * ATTEMPTS
    assert stores.chain.head() == GENESIS_ROW


@pytest.mark.parametrize(
    "fault",
    [
        wire.refusal(400, "AccessDeniedException"),
        wire.refusal(400, "ValidationException"),
        wire.cancelled("ValidationError", "None"),
    ],
)
def test_a_commit_that_is_refused_for_our_fault_is_neither(created: Wired, fault: Fault) -> None:
    stores, network = created
    network.meet("TransactWriteItems", fault)
    with pytest.raises(ClientError):
        stores.chain.commit(GENESIS_ROW, FIRST, [])
    assert network.sent == ["TransactWriteItems"]
    assert stores.chain.head() == GENESIS_ROW


def test_a_conflict_is_final_at_the_first_answer(created: Wired) -> None:
    stores, network = created
    with pytest.raises(Conflict):
        stores.chain.commit(GENESIS_ROW, FIRST, [JobMove("unknown", 0, 1, 1)])
    assert network.sent == ["TransactWriteItems"]


@pytest.mark.parametrize("fault", [*LOST_BEFORE, *LOST_AFTER, wire.throttled])
def test_what_is_idempotent_is_repeated_until_it_is_done(created: Wired, fault: Fault) -> None:
    stores, network = created
    stores.chain.commit(GENESIS_ROW, FIRST, [])
    stores.jobs.create(Job("job", "tenant", "admitting"))
    for operation in ("UpdateItem", "PutItem", "BatchWriteItem"):
        network.meet(operation, fault)
    stores.chain.seal(1, b"a signed note\n", bytes(64))
    network.meet("UpdateItem", fault)
    stores.chain.mark_applied(1)
    network.meet("UpdateItem", fault)
    stores.jobs.admit("job", 3, 2)
    stores.pending.add(POISON)
    assert stores.pending.take(10) == [POISON]
    stores.pending.remove([POISON.id])
    head, job = stores.chain.head(), stores.jobs.get("job")
    assert head is not None
    assert job is not None
    assert (head.checkpoint, head.applied) == (b"a signed note\n", True)
    assert (job.state, job.items, job.accepted) == ("integrating", 3, 2)
    assert stores.pending.take(10) == []


@pytest.mark.parametrize("fault", [*LOST_BEFORE, *LOST_AFTER, wire.throttled])
def test_the_first_use_of_a_token_is_the_first_whatever_is_lost(wired: Wired, fault: Fault) -> None:
    stores, network = wired
    network.meet("PutItem", fault)
    assert stores.registry.use_once("jti", 1_900_000_000)
    assert not stores.registry.use_once("jti", 1_900_000_000)


@pytest.mark.parametrize("fault", [*LOST_BEFORE, *LOST_AFTER])
def test_a_submission_set_aside_in_doubt_is_set_aside_again(wired: Wired, fault: Fault) -> None:
    stores, network = wired
    stores.pending.add(POISON)
    network.meet("TransactWriteItems", fault)
    with pytest.raises(OutcomeUnknown):
        stores.pending.set_aside(POISON.id, "sub-not-new")
    stores.pending.set_aside(POISON.id, "sub-not-new")
    assert stores.pending.take(10) == []
    assert stores.pending.aside(POISON.id) == "sub-not-new"


IN_DOUBT: dict[str, tuple[str, Callable[[Stores], object]]] = {
    "add": ("PutItem", lambda stores: stores.pending.add(POISON)),
    "remove": ("BatchWriteItem", lambda stores: stores.pending.remove([POISON.id])),
    "job": ("PutItem", lambda stores: stores.jobs.create(Job("new", "tenant", "admitting"))),
    "admit": ("UpdateItem", lambda stores: stores.jobs.admit("job", 3, 2)),
    "fail": ("UpdateItem", lambda stores: stores.jobs.fail("job", "too-many-items")),
    "remind": ("UpdateItem", lambda stores: stores.jobs.may_remind("job", 2, 1)),
    "seal": ("UpdateItem", lambda stores: stores.chain.seal(0, b"a signed note\n", bytes(64))),
    "applied": ("UpdateItem", lambda stores: stores.chain.mark_applied(0)),
    "issuer": (
        "PutItem",
        lambda stores: stores.registry.put_issuer(Issuer("did:web:a.example", "tenant", {}, ())),
    ),
    "use once": ("PutItem", lambda stores: stores.registry.use_once("jti", 1_900_000_000)),
}


@pytest.fixture
def untried(local_clients: Clients, endpoint_url: str, network: Wire) -> Wired:
    """Stores whose clients are new: botocore's allowance for retries is spent by no other test."""
    places = make_places(local_clients)
    ours = session()
    line = Wire(ours)
    stores = make_stores(Clients(ours, endpoint_url), places)
    stores.chain.create(GENESIS_ROW)
    stores.jobs.create(Job("job", "tenant", "admitting"))
    line.mend()
    return stores, line


@pytest.mark.parametrize("write", IN_DOUBT)
@pytest.mark.parametrize(
    ("first", "others"),
    [
        (wire.request_lost, wire.request_lost),
        (wire.done_but_reported_failed, wire.failed),
        (wire.answer_lost, wire.never_connected),
    ],
    ids=["never came", "done but reported failed", "done but lost, then not connected"],
)
def test_a_write_in_doubt_after_all_attempts_is_unknown(
    untried: Wired, write: str, first: Fault, others: Fault
) -> None:
    stores, network = untried
    operation, work = IN_DOUBT[write]
    network.meet(operation, first, *[others] * (ATTEMPTS - 1))
    with pytest.raises(OutcomeUnknown):
        work(stores)
    assert network.sent == [operation] * ATTEMPTS


@pytest.mark.parametrize("write", IN_DOUBT)
def test_a_write_that_is_refused_for_our_fault_is_not_in_doubt(created: Wired, write: str) -> None:
    stores, network = created
    operation, work = IN_DOUBT[write]
    network.meet(operation, wire.refusal(400, "AccessDeniedException"))
    with pytest.raises(ClientError):
        work(stores)


def key(id: str) -> dict[str, object]:
    return {"shard": {"S": "pending"}, "id": {"S": id}}


def test_what_a_batch_left_undone_is_done_later(wired: Wired) -> None:
    stores, network = wired
    stores.pending.add(Bulk("a"))
    stores.pending.add(Bulk("b"))
    network.meet("BatchWriteItem", *[wire.unprocessed(key("a"), key("b"))] * 2)
    stores.pending.remove(["a", "b"])
    assert stores.pending.take(10) == []
    network.meet("BatchWriteItem", *[wire.unprocessed(key("a"))] * ATTEMPTS)
    with pytest.raises(Busy):
        stores.pending.remove(["a"])


@pytest.mark.parametrize(
    "fault",
    [
        wire.request_lost,
        wire.answer_lost,
        wire.s3_refusal(500, "InternalError"),
        wire.s3_refusal(503, "SlowDown"),
        wire.s3_refusal(409, "ConditionalRequestConflict"),
        wire.never_connected,
    ],
)
def test_a_put_that_is_repeated_knows_its_own_first_try(wired: Wired, fault: Fault) -> None:
    stores, network = wired
    network.meet("PutObject", fault)
    stores.objects.create("checkpoint", b"one")
    network.meet("PutObject", fault)
    stores.objects.swap("checkpoint", b"one", b"two")
    assert stores.objects.get("checkpoint") == b"two"


def test_a_repeated_put_still_conflicts_with_others_bytes(wired: Wired) -> None:
    stores, network = wired
    stores.objects.create("checkpoint", b"one")
    network.meet("PutObject", wire.request_lost)
    with pytest.raises(Conflict):
        stores.objects.create("checkpoint", b"two")
    assert stores.objects.get("checkpoint") == b"one"


@pytest.mark.parametrize("fault", [wire.request_lost, wire.s3_refusal(500, "InternalError")])
def test_a_put_that_is_lost_again_and_again_is_unknown(wired: Wired, fault: Fault) -> None:
    stores, network = wired
    network.meet("PutObject", *[fault] * ATTEMPTS)
    with pytest.raises(OutcomeUnknown):
        stores.objects.create("checkpoint", b"one")
    assert network.sent.count("PutObject") == ATTEMPTS


def test_a_put_that_always_meets_another_did_not_happen(wired: Wired) -> None:
    stores, network = wired
    conflict = wire.s3_refusal(409, "ConditionalRequestConflict")
    network.meet("PutObject", *[conflict] * ATTEMPTS)
    with pytest.raises(Busy):
        stores.objects.create("checkpoint", b"one")
    assert stores.objects.get("checkpoint") is None


def test_a_put_without_permission_is_no_conflict(wired: Wired) -> None:
    stores, network = wired
    network.meet("PutObject", wire.s3_refusal(403, "AccessDenied"))
    with pytest.raises(ClientError):
        stores.objects.create("checkpoint", b"one")


@pytest.mark.parametrize("operation", ["get", "get_range", "size"])
def test_a_read_that_fails_is_never_absence(wired: Wired, operation: str) -> None:
    stores, network = wired
    reads: dict[str, Callable[[], object]] = {
        "get": lambda: stores.objects.get("key"),
        "get_range": lambda: stores.objects.get_range("key", 0, 1),
        "size": lambda: stores.objects.size("key"),
    }
    for fault, error in (
        (wire.s3_refusal(403, "AccessDenied"), ClientError),
        (wire.s3_refusal(404, "NoSuchBucket"), ClientError),
        (wire.request_lost, ConnectionClosedError),
    ):
        name = "HeadObject" if operation == "size" else "GetObject"
        network.meet(name, *[fault] * ATTEMPTS)
        with pytest.raises(error):
            reads[operation]()
        network.meet(name)


ASKED_OF_THE_REGISTRY: dict[str, tuple[str, Callable[[Stores], object]]] = {
    "its issuers": ("Query", lambda stores: stores.registry.issuers()),
    "an issuer": ("GetItem", lambda stores: stores.registry.issuer("did:web:a.example")),
    "the configuration": ("GetItem", lambda stores: stores.registry.outside()),
}


@pytest.mark.parametrize("asked", ASKED_OF_THE_REGISTRY)
@pytest.mark.parametrize("fault", [wire.request_lost, wire.never_connected, wire.failed])
def test_a_registry_that_does_not_answer_may_be_asked_again(
    untried: Wired, asked: str, fault: Fault
) -> None:
    stores, network = untried
    operation, work = ASKED_OF_THE_REGISTRY[asked]
    network.meet(operation, *[fault] * ATTEMPTS)
    with pytest.raises(Busy):
        work(stores)
    network.meet(operation, wire.refusal(400, "AccessDeniedException"))
    with pytest.raises(ClientError):
        work(stores)


BUSY: dict[str, tuple[str, Fault, Callable[[Stores], object]]] = {
    "put": ("PutItem", wire.throttled, lambda stores: stores.pending.add(POISON)),
    "get": ("GetItem", wire.throttled, lambda stores: stores.pending.contains("a")),
    "query": ("Query", wire.throttled, lambda stores: stores.pending.take(1)),
    "update": ("UpdateItem", wire.throttled, lambda stores: stores.chain.mark_applied(0)),
    "unavailable": (
        "GetItem",
        wire.refusal(503, "ServiceUnavailable"),
        lambda stores: stores.jobs.get("job"),
    ),
    "object": (
        "GetObject",
        wire.s3_refusal(503, "SlowDown"),
        lambda stores: stores.objects.get("key"),
    ),
    "size": ("HeadObject", wire.s3_refusal(503, ""), lambda stores: stores.objects.size("key")),
}


@pytest.mark.parametrize("call", BUSY)
def test_a_refusal_for_load_that_outlasts_retries_is_busy(created: Wired, call: str) -> None:
    stores, network = created
    operation, fault, work = BUSY[call]
    network.meet(operation, *[fault] * ATTEMPTS)
    with pytest.raises(Busy):
        work(stores)
    assert network.sent == [operation] * ATTEMPTS
