"""The table ``registry``: items of several kinds, each kind in order of id."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..notary.limits import ASK_MS
from .aws import code_of
from .dynamodb import CONDITION_FAILED, query

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from .dynamodb import Item

LOGGER = logging.getLogger(__name__)

SORT_KEY_BYTES = 1_024
"""The longest id that DynamoDB can hold; it answers a longer one with an error, not with nothing.
"""


def key_of(kind: str, id: str) -> Item:
    return {"kind": {"S": kind}, "id": {"S": id}}


def query_kind(client: DynamoDBClient, table: str, kind: str) -> Iterator[Item]:
    """All items of a kind."""
    return query(
        client,
        {
            "TableName": table,
            "KeyConditionExpression": "kind = :kind",
            "ExpressionAttributeValues": {":kind": {"S": kind}},
            "ConsistentRead": True,
        },
    )


def write_hint(client: DynamoDBClient, table: str, item: tuple[str, str], now_ms: int) -> None:
    """Remember the time in an item, by kind and id, at most once in ``ASK_MS``. It may be
    lost, and never fails."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        client.update_item(
            TableName=table,
            Key=key_of(*item),
            UpdateExpression="SET asked_ms = :now",
            ConditionExpression="attribute_not_exists(asked_ms) OR asked_ms <= :before",
            ExpressionAttributeValues={
                ":now": {"N": str(now_ms)},
                ":before": {"N": str(now_ms - ASK_MS)},
            },
        )
    except (BotoCoreError, ClientError) as error:
        if not isinstance(error, ClientError) or code_of(error) != CONDITION_FAILED:
            LOGGER.warning("a hint was not written, a later one must do: %s", error)


def read_hints(client: DynamoDBClient, table: str, kind: str) -> Iterator[tuple[str, int]]:
    """The ids of a kind of hints, each with its time."""
    for item in query_kind(client, table, kind):
        yield item["id"]["S"], int(item["asked_ms"]["N"])
