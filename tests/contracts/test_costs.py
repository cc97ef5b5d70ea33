"""What each call costs: DynamoDB and S3 bill by the request and by the KiB written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

import pytest

from chalicelib.adapters.aws import Clients
from chalicelib.notary.ports import Bulk, Job, Single
from chalicelib.proof.hashes import sha256

from .cloud_log import register
from .rows import GENESIS_ROW, following
from .stores import Stores
from .wire import Wire

WRITE_UNIT = 1_024
FIRST = following(GENESIS_ROW)

Item = Mapping[str, Mapping[str, str | bytes]]


@pytest.fixture
def put_items(local_clients: Clients) -> Iterator[list[Item]]:
    """The items that are put while the test runs."""
    found: list[Item] = []

    def note(params: Mapping[str, Item], **_: object) -> None:
        found.append(params["Item"])

    events = local_clients.dynamodb.meta.events
    events.register("provide-client-params.dynamodb.PutItem", cast("Any", note))
    yield found
    events.unregister("provide-client-params.dynamodb.PutItem", cast("Any", note))


def size(item: Item) -> int:
    """Bytes as DynamoDB counts them: names and values, strings in UTF-8."""
    values = [next(iter(value.values())) for value in item.values()]
    return sum(map(len, item)) + sum(
        len(value.encode() if isinstance(value, str) else value) for value in values
    )


@pytest.mark.parametrize(
    "submission",
    [
        register("a diploma"),
        Single("a" * 64, bytes(850), sha256(b"lineage key")),
        Bulk("b" * 64),
    ],
    ids=["a real register", "850 bytes", "a job"],
)
def test_a_submission_costs_one_write_unit(
    local_cloud_stores: Stores, put_items: list[Item], submission: Single | Bulk
) -> None:
    local_cloud_stores.pending.add(submission)
    assert len(put_items) == 1
    assert size(put_items[0]) <= WRITE_UNIT


Call = Callable[[Stores], object]
CALLS: dict[str, tuple[Call, list[str]]] = {
    "head": (lambda stores: stores.chain.head(), ["Query"]),
    "row": (lambda stores: stores.chain.row(0), ["GetItem"]),
    "commit": (
        lambda stores: stores.chain.commit(GENESIS_ROW, FIRST, []),
        ["TransactWriteItems"],
    ),
    "seal": (lambda stores: stores.chain.seal(0, b"note", bytes(64)), ["UpdateItem"]),
    "mark applied": (lambda stores: stores.chain.mark_applied(0), ["UpdateItem"]),
    "add": (lambda stores: stores.pending.add(Bulk("a")), ["PutItem"]),
    "contains": (lambda stores: stores.pending.contains("a"), ["GetItem"]),
    "take": (lambda stores: stores.pending.take(1_000), ["Query"]),
    "remove 25": (
        lambda stores: stores.pending.remove([str(number) for number in range(25)]),
        ["BatchWriteItem"],
    ),
    "remove 26": (
        lambda stores: stores.pending.remove([str(number) for number in range(26)]),
        ["BatchWriteItem"] * 2,
    ),
    "create a job": (lambda stores: stores.jobs.create(Job("a", "t", "admitting")), ["PutItem"]),
    "hold a job": (lambda stores: stores.jobs.hold("held", 1, 1), ["UpdateItem"]),
    "approve a job": (lambda stores: stores.jobs.approve("waiting", "p"), ["UpdateItem"]),
    "a job": (lambda stores: stores.jobs.get("a"), ["GetItem"]),
    "an issuer": (lambda stores: stores.registry.issuer("did:web:a.example"), ["GetItem"]),
    "use once": (lambda stores: stores.registry.use_once("jti", 1_900_000_000), ["PutItem"]),
    "get": (lambda stores: stores.objects.get("key"), ["GetObject"]),
    "get many": (lambda stores: stores.objects.get_many(["a", "b"]), ["GetObject"] * 2),
    "get a range": (lambda stores: stores.objects.get_range("key", 0, 1), ["GetObject"]),
    "size": (lambda stores: stores.objects.size("key"), ["HeadObject"]),
    "create": (lambda stores: stores.objects.create("new", b"data"), ["PutObject"]),
    "swap": (
        lambda stores: stores.objects.swap("key", b"data", b"new"),
        ["GetObject", "PutObject"],
    ),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_call_sends_no_more_than_it_must(wired: tuple[Stores, Wire], call: str) -> None:
    stores, network = wired
    stores.chain.create(GENESIS_ROW)
    stores.objects.create("key", b"data")
    stores.jobs.create(Job("held", "t", "admitting"))
    stores.jobs.create(Job("waiting", "t", "awaiting-approval"))
    network.sent.clear()
    work, expected = CALLS[call]
    work(stores)
    assert network.sent == expected
