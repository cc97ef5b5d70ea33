"""The hash chain in the table ``log``: the head (``pk`` head) and one row per block (``pk`` block).

The head item and the newest row move in one transaction, so the newest row is the head's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..notary.ports import Conflict, JobMove, Row
from ..proof.block import parse_header
from .aws import Clients, code_of
from .dynamodb import CONDITION_FAILED, doubt_told, transact

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

    from .dynamodb import Item


class DynamoChain:
    """``Chain``. ``jobs`` is the job table, whose cursors move with the head."""

    def __init__(self, clients: Clients, table: str, jobs: str, origin: str) -> None:
        self._clients = clients
        self._table = table
        self._jobs = jobs
        self._origin = origin

    def head(self) -> Row | None:
        page = self._clients.dynamodb.query(
            TableName=self._table,
            KeyConditionExpression="pk = :block",
            ExpressionAttributeValues={":block": {"S": "block"}},
            ScanIndexForward=False,
            Limit=1,
            ConsistentRead=True,
        )
        return self._row(page["Items"][0]) if page["Items"] else None

    def row(self, height: int) -> Row | None:
        answer = self._clients.dynamodb.get_item(
            TableName=self._table, Key=_key("block", height), ConsistentRead=True
        )
        return self._row(answer["Item"]) if "Item" in answer else None

    def create(self, row: Row) -> None:
        absent = "attribute_not_exists(pk)"
        head = {**_key("head", 0), **_pointer(row)}
        self._transact(
            {"Put": {"TableName": self._table, "Item": head, "ConditionExpression": absent}},
            self._put_row(row),
        )

    def commit(self, previous: Row, row: Row, moves: Sequence[JobMove]) -> None:
        old, new = _pointer(previous), _pointer(row)
        self._transact(
            {
                "Update": {
                    "TableName": self._table,
                    "Key": _key("head", 0),
                    "UpdateExpression": "SET at_height = :height, at_hash = :hash",
                    "ConditionExpression": "at_height = :old_height AND at_hash = :old_hash",
                    "ExpressionAttributeValues": {
                        ":height": new["at_height"],
                        ":hash": new["at_hash"],
                        ":old_height": old["at_height"],
                        ":old_hash": old["at_hash"],
                    },
                }
            },
            self._put_row(row),
            *map(self._move, moves),
        )

    def seal(self, height: int, checkpoint: bytes, signature: bytes) -> None:
        self._update(
            height,
            "SET checkpoint = :checkpoint, signature = :signature",
            # Signatures are deterministic: other ones would be a second history in the making.
            " AND (attribute_not_exists(checkpoint) OR checkpoint = :checkpoint)"
            " AND (attribute_not_exists(signature) OR signature = :signature)",
            {":checkpoint": {"B": checkpoint}, ":signature": {"B": signature}},
        )

    def mark_applied(self, height: int) -> None:
        self._update(height, "SET applied = :true", "", {":true": {"BOOL": True}})

    @doubt_told()
    def _update(self, height: int, update: str, condition: str, values: Item) -> None:
        from botocore.exceptions import ClientError

        try:
            self._clients.dynamodb.update_item(
                TableName=self._table,
                Key=_key("block", height),
                UpdateExpression=update,
                ConditionExpression=f"attribute_exists(header){condition}",
                ExpressionAttributeValues=values,
            )
        except ClientError as error:
            if code_of(error) == CONDITION_FAILED:
                raise Conflict(
                    f"block {height} is not committed, or is in another state"
                ) from error
            raise

    def _transact(self, *items: TransactWriteItemTypeDef) -> None:
        transact(self._clients.dynamodb_once, items)

    def _put_row(self, row: Row) -> TransactWriteItemTypeDef:
        item: Item = {
            **_key("block", row.block.height),
            "header": {"B": row.block.header},
            "staging": {"S": row.staging},
        }
        if row.checkpoint:
            item["checkpoint"] = {"B": row.checkpoint}
        if row.signature:
            item["signature"] = {"B": row.signature}
        if row.applied:
            item["applied"] = {"BOOL": True}
        absent = "attribute_not_exists(pk)"
        return {"Put": {"TableName": self._table, "Item": item, "ConditionExpression": absent}}

    def _move(self, move: JobMove) -> TransactWriteItemTypeDef:
        placement = [{"N": str(n)} for n in (move.first, move.last, move.height)]
        return {
            "Update": {
                "TableName": self._jobs,
                "Key": {"job": {"S": move.job}},
                "UpdateExpression": "SET integrated = :last,"
                " placements = list_append(placements, :placement)",
                "ConditionExpression": "integrated = :first",
                "ExpressionAttributeValues": {
                    ":first": {"N": str(move.first)},
                    ":last": {"N": str(move.last)},
                    ":placement": {"L": [{"L": placement}]},
                },
            }
        }

    def _row(self, item: Item) -> Row:
        return Row(
            block=parse_header(bytes(item["header"]["B"]), self._origin),
            staging=item["staging"]["S"],
            checkpoint=bytes(item["checkpoint"]["B"]) if "checkpoint" in item else b"",
            signature=bytes(item["signature"]["B"]) if "signature" in item else b"",
            applied="applied" in item,
        )


def _key(pk: str, height: int) -> Item:
    return {"pk": {"S": pk}, "height": {"N": str(height)}}


def _pointer(row: Row) -> Item:
    return {"at_height": {"N": str(row.block.height)}, "at_hash": {"B": bytes(row.block.hash)}}
