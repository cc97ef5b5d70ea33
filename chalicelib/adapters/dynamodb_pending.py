"""What was accepted and is not yet known to be in the log, in the table ``pending``.

Shard ``pending`` is the queue, in order of id; shard ``aside`` keeps the poison. Attribute names
are short (``e`` entry, ``l`` lineage key): an entry of 450 bytes costs one write unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING

from ..notary.ports import Bulk, Single, Submission
from ..proof.hashes import Hash
from .aws import Clients, code_of, side_by_side
from .dynamodb import CONDITION_FAILED, doubt_told, query, transact, write_batch

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import WriteRequestUnionTypeDef

    from .dynamodb import Item

BATCH_WRITES = 25
"""Writes in one BatchWriteItem, by DynamoDB's quota."""


class DynamoPending:
    """``Pending``."""

    def __init__(self, clients: Clients, table: str) -> None:
        self._clients = clients
        self._table = table

    @doubt_told()
    def add(self, submission: Submission) -> bool:
        from botocore.exceptions import ClientError

        try:
            self._clients.dynamodb.put_item(
                TableName=self._table,
                Item=_item(submission),
                ConditionExpression="attribute_not_exists(id)",
            )
        except ClientError as error:
            if code_of(error) == CONDITION_FAILED:
                return False
            raise
        return True

    def contains(self, id: str) -> bool:
        return self._get("pending", id) is not None

    def take(self, limit: int) -> list[Submission]:
        found = query(
            self._clients.dynamodb,
            {
                "TableName": self._table,
                "KeyConditionExpression": "#shard = :pending",
                "ExpressionAttributeNames": {"#shard": "shard"},  # a reserved word
                "ExpressionAttributeValues": {":pending": {"S": "pending"}},
                "Limit": limit,
                "ConsistentRead": True,
            },
        )
        return [_submission(item) for item in islice(found, limit)]

    def remove(self, ids: Sequence[str]) -> None:
        client = self._clients.dynamodb
        requests: list[WriteRequestUnionTypeDef] = [
            {"DeleteRequest": {"Key": _key("pending", each)}} for each in dict.fromkeys(ids)
        ]
        starts = range(0, len(requests), BATCH_WRITES)
        side_by_side(
            lambda at: write_batch(client, self._table, requests[at : at + BATCH_WRITES]), starts
        )

    def set_aside(self, id: str, reason: str) -> None:
        item = self._get("pending", id)
        if item is None:  # done before, or removed because it is in the log
            return
        aside: Item = {**item, "shard": {"S": "aside"}, "reason": {"S": reason}}
        transact(
            self._clients.dynamodb_once,
            [
                {"Delete": {"TableName": self._table, "Key": _key("pending", id)}},
                {"Put": {"TableName": self._table, "Item": aside}},
            ],
        )

    def aside(self, id: str) -> str | None:
        item = self._get("aside", id)
        return item["reason"]["S"] if item else None

    def _get(self, shard: str, id: str) -> Item | None:
        answer = self._clients.dynamodb.get_item(
            TableName=self._table, Key=_key(shard, id), ConsistentRead=True
        )
        return answer.get("Item")


def _key(shard: str, id: str) -> Item:
    return {"shard": {"S": shard}, "id": {"S": id}}


def _item(submission: Submission) -> Item:
    item = _key("pending", submission.id)
    if isinstance(submission, Single):
        item["e"] = {"B": submission.entry}
        if submission.lineage:
            item["l"] = {"B": bytes(submission.lineage)}
    return item


def _submission(item: Item) -> Submission:
    if "e" not in item:
        return Bulk(item["id"]["S"])
    lineage = Hash(bytes(item["l"]["B"])) if "l" in item else None
    return Single(item["id"]["S"], bytes(item["e"]["B"]), lineage)
