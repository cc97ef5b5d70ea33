"""What outside parties attested, in the table ``attempts``: one item per network and block.

The partition ``full`` marks the blocks that are fully attested. Two indexes: ``by-height`` finds
the attempts for one block, ``open`` those of a network that are not final (items that are have no
attribute ``open``, so they are not in it). Indexes may lag; the condition on ``version`` holds.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from ..notary.networks import Attempt, State
from ..proof.hashes import Hash
from ..proof.limits import INTEGER
from ..proof.receipt import Attestation, read_attestation
from .aws import Clients
from .dynamodb import doubt_told, put_at, query

if TYPE_CHECKING:
    from .dynamodb import Item

FULL = "full"
BY_HEIGHT = "by-height"
OPEN = "open"


class DynamoAttempts:
    """``Attempts``."""

    def __init__(self, clients: Clients, table: str) -> None:
        self._clients = clients
        self._table = table

    def get(self, network: str, height: int) -> Attempt | None:
        answer = self._clients.dynamodb.get_item(
            TableName=self._table, Key=_key(network, height), ConsistentRead=True
        )
        return _attempt(answer["Item"]) if "Item" in answer else None

    def newest(self, network: str) -> Attempt | None:
        item = self._newest(network)
        return _attempt(item) if item else None

    def before(self, network: str, height: int) -> Attempt | None:
        item = self._newest(network, height)
        return _attempt(item) if item else None

    def of_block(self, height: int) -> list[Attempt]:
        found = query(
            self._clients.dynamodb,
            {
                "TableName": self._table,
                "IndexName": BY_HEIGHT,
                "KeyConditionExpression": "height = :height",
                "ExpressionAttributeValues": {":height": {"N": str(height)}},
            },
        )
        return [_attempt(item) for item in found if item["network"]["S"] != FULL]

    def unfinished(self, network: str) -> list[Attempt]:
        found = query(
            self._clients.dynamodb,
            {
                "TableName": self._table,
                "IndexName": OPEN,
                "KeyConditionExpression": "#open = :network",
                "ExpressionAttributeNames": {"#open": OPEN},
                "ExpressionAttributeValues": {":network": {"S": network}},
            },
        )
        return [_attempt(item) for item in found]

    @doubt_told()
    def put(self, attempt: Attempt) -> Attempt:

        item = _item(attempt)
        put_at(
            self._clients.dynamodb,
            self._table,
            item,
            ("version", attempt.version),
            f"the attempt of {attempt.network} is at another version",
        )
        return _attempt(item)

    @doubt_told()
    def mark_full(self, height: int, checks: Sequence[str]) -> None:
        self._clients.dynamodb.put_item(
            TableName=self._table,
            Item={**_key(FULL, height), "checks": {"S": json.dumps(list(checks))}},
        )

    def is_full(self, height: int) -> bool:
        answer = self._clients.dynamodb.get_item(
            TableName=self._table, Key=_key(FULL, height), ConsistentRead=True
        )
        return "Item" in answer

    def newest_full(self) -> int | None:
        item = self._newest(FULL)
        return int(item["height"]["N"]) if item else None

    def _newest(self, network: str, below: int = INTEGER) -> Item | None:
        page = self._clients.dynamodb.query(
            TableName=self._table,
            KeyConditionExpression="network = :network AND height < :below",
            ExpressionAttributeValues={
                ":network": {"S": network},
                ":below": {"N": str(below)},
            },
            ScanIndexForward=False,
            Limit=1,
            ConsistentRead=True,
        )
        return page["Items"][0] if page["Items"] else None


def _key(network: str, height: int) -> Item:
    return {"network": {"S": network}, "height": {"N": str(height)}}


def _item(attempt: Attempt) -> Item:
    """The item as it is stored: with the next version."""
    item: Item = {
        **_key(attempt.network, attempt.height),
        "state": {"S": attempt.state},
        "planned_ms": {"N": str(attempt.planned_ms)},
        "memo": {"S": json.dumps(dict(attempt.memo))},
        "tries": {"N": str(attempt.tries)},
        "problem": {"S": attempt.problem},
        "due_ms": {"N": str(attempt.due_ms)},
        "version": {"N": str(attempt.version + 1)},
    }
    if attempt.block is not None:
        item["block"] = {"B": bytes(attempt.block)}
    if attempt.state != "final":
        item[OPEN] = {"S": attempt.network}
    if attempt.evidence is not None:
        evidence = {"type": attempt.evidence.type, **attempt.evidence.members}
        item["evidence"] = {"S": json.dumps(evidence)}
    return item


def _attempt(item: Item) -> Attempt:
    evidence: Attestation | None = None
    if "evidence" in item:
        evidence = read_attestation(json.loads(item["evidence"]["S"]), "attempt")
    return Attempt(
        network=item["network"]["S"],
        height=int(item["height"]["N"]),
        state=cast(State, item["state"]["S"]),
        planned_ms=int(item["planned_ms"]["N"]),
        memo=json.loads(item["memo"]["S"]),
        evidence=evidence,
        tries=int(item["tries"]["N"]),
        problem=item["problem"]["S"],
        due_ms=int(item["due_ms"]["N"]),
        version=int(item["version"]["N"]),
        block=Hash(bytes(item["block"]["B"])) if "block" in item else None,
    )
