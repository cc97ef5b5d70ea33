"""Records of custodial issues, in the table ``documents``.

What still holds a secret has the attribute ``kept``, and so is in the index of that name, by the
end of its window. The index may lag; the condition on ``version`` holds. ``expires_s`` is the
table's time to live, by which tombstones go, and what no sweep has purged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from ..notary.custody.records import Record, State
from ..notary.limits import CUSTODY_LAZY_S, TOMBSTONE_S
from ..proof.hashes import Hash
from .aws import Clients
from .dynamodb import doubt_told, put_at

if TYPE_CHECKING:
    from .dynamodb import Item

KEPT = "kept"
UNTIL = "until_ms"


class DynamoDocuments:
    """``Documents``."""

    def __init__(self, clients: Clients, table: str) -> None:
        self._clients = clients
        self._table = table

    def get(self, id: str) -> Record | None:
        answer = self._clients.dynamodb.get_item(
            TableName=self._table, Key={"id": {"S": id}}, ConsistentRead=True
        )
        return _record(answer["Item"]) if "Item" in answer else None

    @doubt_told()
    def put(self, record: Record) -> Record:
        item = _item(record)
        put_at(
            self._clients.dynamodb,
            self._table,
            item,
            ("version", record.version),
            f"the record {record.id} is at another version",
        )
        return _record(item)

    def expired(self, now_ms: int, limit: int) -> list[str]:
        answer = self._clients.dynamodb.query(
            TableName=self._table,
            IndexName=KEPT,
            KeyConditionExpression="#kept = :kept AND #until <= :now",
            ExpressionAttributeNames={"#kept": KEPT, "#until": UNTIL},
            ExpressionAttributeValues={":kept": {"S": KEPT}, ":now": {"N": str(now_ms)}},
            Limit=limit,
        )
        return [item["id"]["S"] for item in answer["Items"]]


def _item(record: Record) -> Item:
    """The item as it is stored: with the next version."""
    gone = record.state == "gone"
    item: Item = {
        "id": {"S": record.id},
        "tenant": {"B": bytes(record.tenant)},
        "state": {"S": record.state},
        UNTIL: {"N": str(record.until_ms)},
        "lease_ms": {"N": str(record.lease_ms)},
        "version": {"N": str(record.version + 1)},
        "expires_s": {
            "N": str(record.until_ms // 1_000 + (TOMBSTONE_S if gone else CUSTODY_LAZY_S))
        },
    }
    if not gone:
        item[KEPT] = {"S": KEPT}
    if record.entry_id is not None:
        item["entry_id"], item["iss"] = {"B": bytes(record.entry_id)}, {"S": record.iss}
    for name in ("entry", "secret", "wrapped"):
        if data := getattr(record, name):
            item[name] = {"B": data}
    return item


def _record(item: Item) -> Record:
    entry, secret, wrapped = (
        bytes(item[name]["B"]) if name in item else b"" for name in ("entry", "secret", "wrapped")
    )
    return Record(
        id=item["id"]["S"],
        tenant=Hash(bytes(item["tenant"]["B"])),
        state=cast(State, item["state"]["S"]),
        until_ms=int(item[UNTIL]["N"]),
        lease_ms=int(item["lease_ms"]["N"]),
        entry_id=Hash(bytes(item["entry_id"]["B"])) if "entry_id" in item else None,
        iss=item["iss"]["S"] if "iss" in item else "",
        entry=entry,
        secret=secret,
        wrapped=wrapped,
        version=int(item["version"]["N"]),
    )
