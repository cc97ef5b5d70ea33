"""Every DynamoDB read is strongly consistent: safety rests on what they see."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest
from boto3.session import Session

from chalicelib.adapters.aws import Clients
from chalicelib.notary.ports import Bulk, Job
from chalicelib.notary.status.bit_lists import ListId

from .rows import GENESIS_ROW
from .stores import Stores, make_places, make_stores, session

READS = ("GetItem", "Query", "BatchGetItem", "Scan")


def watch_reads(ours: Session) -> list[tuple[str, object]]:
    """The operation and ``ConsistentRead`` of each read that clients of the session make."""
    seen: list[tuple[str, object]] = []

    def note(params: dict[str, object], event_name: str, **_: object) -> None:
        operation = event_name.rpartition(".")[2]
        if operation in READS:
            seen.append((operation, params.get("ConsistentRead")))

    ours.events.register("provide-client-params.dynamodb", cast("Any", note))
    return seen


@pytest.fixture
def watched(endpoint_url: str) -> tuple[Stores, list[tuple[str, object]]]:
    ours = session()
    seen = watch_reads(ours)
    clients = Clients(ours, endpoint_url)
    return make_stores(clients, make_places(clients)), seen


def test_every_read_is_strongly_consistent(
    watched: tuple[Stores, list[tuple[str, object]]],
) -> None:
    stores, seen = watched
    stores.chain.create(GENESIS_ROW)
    stores.pending.add(Bulk("poison"))
    stores.jobs.create(Job("job", "tenant", "admitting"))
    stores.jobs.admit("job", 1, 1)
    reads: list[Callable[[], object]] = [
        stores.chain.head,
        lambda: stores.chain.row(0),
        lambda: stores.pending.contains("poison"),
        lambda: stores.pending.take(10),
        lambda: stores.pending.set_aside("poison", "reason"),
        lambda: stores.pending.aside("poison"),
        lambda: stores.jobs.get("job"),
        lambda: stores.jobs.admit("job", 1, 1),
        lambda: stores.registry.issuer("id"),
        stores.registry.issuers,
        lambda: stores.registry.identity_provider("iss"),
        lambda: stores.lists.allotment("issuer"),
        stores.lists.allotments,
        lambda: stores.lists.get(ListId("issuer", 0)),
        stores.lists.all,
        stores.lists.asked,
        lambda: stores.documents.get("id"),
    ]
    for number, read in enumerate(reads, start=1):
        read()
        assert len(seen) == number
        assert seen[-1][1] is True, f"read {number}, a {seen[-1][0]}"
