"""Webhook endpoints and deliveries, in the table ``webhooks``.

Keys are ``of`` and ``id``. An endpoint is ``endpoint`` and SHA-256 of its tenant ‖ its id, so that
those of a tenant stand together; a delivery is its endpoint's id and its event's. The index
``queue`` has what is due and what is dead of each endpoint, by ``due_ms``; what is done has no
attribute ``queue``, so it is not in it. The index may lag; the condition on ``version`` holds. The
attribute ``expires_s`` is the table's time to live. ``told`` is the height up to which was told.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

from ..notary.limits import WEBHOOK_KEEP_S
from ..notary.webhooks.events import Delivery, Endpoint, Event, State
from ..proof.hashes import sha256
from .aws import Clients
from .dynamodb import doubt_told, put_at, query

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import QueryInputTypeDef

    from .dynamodb import Item

ENDPOINT = "endpoint"
TOLD = "told"
HEIGHT = "height"
QUEUE = "queue"


class DynamoWebhooks:
    """``WebhookStore``."""

    def __init__(self, clients: Clients, table: str) -> None:
        self._clients = clients
        self._table = table

    def endpoint(self, tenant: str, id: str) -> Endpoint | None:
        item = self._get(ENDPOINT, _place(tenant) + id)
        return _endpoint(item) if item else None

    def endpoints(self, tenant: str | None = None) -> list[Endpoint]:
        found = query(
            self._clients.dynamodb,
            {
                "TableName": self._table,
                "KeyConditionExpression": "#of = :endpoint AND begins_with(id, :place)"
                if tenant is not None
                else "#of = :endpoint",
                "ExpressionAttributeNames": {"#of": "of"},
                "ExpressionAttributeValues": {
                    ":endpoint": {"S": ENDPOINT},
                    **({":place": {"S": _place(tenant)}} if tenant is not None else {}),
                },
                "ConsistentRead": True,
            },
        )
        return [_endpoint(item) for item in found]

    def put_endpoint(self, endpoint: Endpoint) -> Endpoint:
        item = _endpoint_item(endpoint)
        self._put(item, endpoint.version)
        return _endpoint(item)

    @doubt_told()
    def remove_endpoint(self, tenant: str, id: str) -> None:
        self._clients.dynamodb.delete_item(
            TableName=self._table, Key=_key(ENDPOINT, _place(tenant) + id)
        )

    def delivery(self, endpoint: str, event: str) -> Delivery | None:
        item = self._get(endpoint, event)
        return _delivery(item) if item else None

    def due(self, endpoint: str, now_ms: int, limit: int) -> list[Delivery]:
        request = self._queue(endpoint, "due", limit)
        request["KeyConditionExpression"] = "#queue = :queue AND due_ms <= :now"
        values = request["ExpressionAttributeValues"]
        request["ExpressionAttributeValues"] = {**values, ":now": {"N": str(now_ms)}}
        return [_delivery(item) for item in self._clients.dynamodb.query(**request)["Items"]]

    def dead(self, endpoint: str, limit: int) -> list[Delivery]:
        request = self._queue(endpoint, "dead", limit)
        return [_delivery(item) for item in self._clients.dynamodb.query(**request)["Items"]]

    def put(self, delivery: Delivery) -> Delivery:
        item = _delivery_item(delivery)
        self._put(item, delivery.version)
        return _delivery(item)

    def told(self) -> int:
        item = self._get(TOLD, HEIGHT)
        return int(item[HEIGHT]["N"]) if item else 0

    @doubt_told()
    def advance(self, before: int, after: int) -> None:
        item: Item = {**_key(TOLD, HEIGHT), HEIGHT: {"N": str(after)}}
        conflict = "what was told reaches another height"
        put_at(self._clients.dynamodb, self._table, item, (HEIGHT, before), conflict)

    def _get(self, of: str, id: str) -> Item | None:
        answer = self._clients.dynamodb.get_item(
            TableName=self._table, Key=_key(of, id), ConsistentRead=True
        )
        return answer.get("Item")

    def _queue(self, endpoint: str, state: State, limit: int) -> QueryInputTypeDef:
        return {
            "TableName": self._table,
            "IndexName": QUEUE,
            "KeyConditionExpression": "#queue = :queue",
            "ExpressionAttributeNames": {"#queue": QUEUE},
            "ExpressionAttributeValues": {":queue": {"S": _queue_of(endpoint, state)}},
            "Limit": limit,
        }

    @doubt_told()
    def _put(self, item: Item, held: int) -> None:
        put_at(
            self._clients.dynamodb,
            self._table,
            item,
            ("version", held),
            "an endpoint or delivery is at another version",
        )


def _key(of: str, id: str) -> Item:
    return {"of": {"S": of}, "id": {"S": id}}


def _place(tenant: str) -> str:
    """Of any tenant's name the same length, and without any letter that could end it."""
    return f"{sha256(tenant.encode()).hex()}/"


def _queue_of(endpoint: str, state: State) -> str:
    return f"{endpoint}/{state}"


def _endpoint_item(endpoint: Endpoint) -> Item:
    """The item as it is stored: with the next version."""
    return {
        **_key(ENDPOINT, _place(endpoint.tenant) + endpoint.id),
        "endpoint": {"S": endpoint.id},
        "tenant": {"S": endpoint.tenant},
        "url": {"S": endpoint.url},
        "secrets": {"L": [{"S": secret} for secret in endpoint.secrets]},
        "events": {"L": [{"S": event} for event in sorted(endpoint.events)]},
        "since": {"N": str(endpoint.since)},
        "disabled": {"S": endpoint.disabled},
        "version": {"N": str(endpoint.version + 1)},
    }


def _endpoint(item: Item) -> Endpoint:
    return Endpoint(
        id=item["endpoint"]["S"],
        tenant=item["tenant"]["S"],
        url=item["url"]["S"],
        secrets=tuple(secret["S"] for secret in item["secrets"]["L"]),
        events=frozenset(event["S"] for event in item["events"]["L"]),
        since=int(item["since"]["N"]),
        disabled=item["disabled"]["S"],
        version=int(item["version"]["N"]),
    )


def _delivery_item(delivery: Delivery) -> Item:
    """The item as it is stored: with the next version."""
    event = delivery.event
    item: Item = {
        **_key(delivery.endpoint, event.id),
        "tenant": {"S": delivery.tenant},
        "type": {"S": event.type},
        "at_ms": {"N": str(event.at_ms)},
        "data": {"S": json.dumps(dict(event.data))},
        "state": {"S": delivery.state},
        "queued_ms": {"N": str(delivery.queued_ms)},
        "due_ms": {"N": str(delivery.due_ms)},
        "tries": {"N": str(delivery.tries)},
        "problem": {"S": delivery.problem},
        "version": {"N": str(delivery.version + 1)},
        "expires_s": {"N": str(delivery.due_ms // 1000 + WEBHOOK_KEEP_S)},
    }
    if delivery.state != "done":
        item[QUEUE] = {"S": _queue_of(delivery.endpoint, delivery.state)}
    return item


def _delivery(item: Item) -> Delivery:
    return Delivery(
        endpoint=item["of"]["S"],
        tenant=item["tenant"]["S"],
        event=Event(
            id=item["id"]["S"],
            type=item["type"]["S"],
            at_ms=int(item["at_ms"]["N"]),
            data=json.loads(item["data"]["S"]),
        ),
        state=cast(State, item["state"]["S"]),
        queued_ms=int(item["queued_ms"]["N"]),
        due_ms=int(item["due_ms"]["N"]),
        tries=int(item["tries"]["N"]),
        problem=item["problem"]["S"],
        version=int(item["version"]["N"]),
    )
