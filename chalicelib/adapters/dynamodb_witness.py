"""What this deployment remembers as a witness, in the table ``registry``: one item for each log."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

from ..notary.ports import Conflict
from ..notary.witnessing import WitnessedLog
from ..proof.hashes import EMPTY_ROOT, Hash
from ..proof.note import VerifierKey, format_vkey, parse_vkey
from .aws import Clients, code_of, was_repeated
from .dynamodb import CONDITION_FAILED, doubt_told, query
from .dynamodb_kinds import SORT_KEY_BYTES

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

    from .dynamodb import Item

WITNESSED = "witnessed-log"


class DynamoWitnessStates:
    """``WitnessStates``. An item has the set ``vkeys``, and, once a tree was cosigned, the rest."""

    def __init__(self, clients: Clients, table: str) -> None:
        self._clients = clients
        self._table = table

    def get(self, origin: str) -> WitnessedLog | None:
        if len(origin.encode()) > SORT_KEY_BYTES:
            return None
        answer = self._clients.dynamodb.get_item(
            TableName=self._table, Key=_key(origin), ConsistentRead=True
        )
        return _log(answer["Item"]) if "Item" in answer else None

    def logs(self) -> list[WitnessedLog]:
        found = query(
            self._clients.dynamodb,
            {
                "TableName": self._table,
                "KeyConditionExpression": "kind = :witnessed",
                "ExpressionAttributeValues": {":witnessed": {"S": WITNESSED}},
                "ConsistentRead": True,
            },
        )
        return [_log(item) for item in found]

    @doubt_told()
    def put_log(self, origin: str, key: VerifierKey) -> None:
        self._clients.dynamodb.update_item(
            TableName=self._table,
            Key=_key(origin),
            UpdateExpression="ADD vkeys :vkeys",
            ExpressionAttributeValues={":vkeys": {"SS": [format_vkey(key)]}},
        )

    @doubt_told()
    def advance(self, new: WitnessedLog) -> None:
        from botocore.exceptions import ClientError

        try:
            self._clients.dynamodb.update_item(
                TableName=self._table,
                Key=_key(new.origin),
                UpdateExpression="SET #size = :size, #root = :root, cosigned_s = :cosigned_s,"
                " #line = :line, #version = :version",
                ConditionExpression="attribute_exists(vkeys)"
                " AND (#version = :before OR (:before = :none AND attribute_not_exists(#version)))",
                ExpressionAttributeNames={
                    name: name[1:] for name in ("#size", "#root", "#line", "#version")
                },
                ExpressionAttributeValues={
                    ":size": {"N": str(new.size)},
                    ":root": {"B": new.root},
                    ":cosigned_s": {"N": str(new.cosigned_s)},
                    ":line": {"B": new.line},
                    ":version": {"N": str(new.version)},
                    ":before": {"N": str(new.version - 1)},
                    ":none": {"N": "0"},
                },
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            if code_of(error) != CONDITION_FAILED:
                raise
            if not _is_our_own(error, new):
                raise Conflict(f"another tree of {new.origin} was cosigned meanwhile") from error


def _is_our_own(error: ClientError, new: WitnessedLog) -> bool:
    """Whether the condition failed only because botocore had sent the same write before."""
    held = cast("dict[str, Item]", error.response).get("Item")
    return was_repeated(error) and held is not None and replace(_log(held), keys=new.keys) == new


def _key(origin: str) -> Item:
    return {"kind": {"S": WITNESSED}, "id": {"S": origin}}


def _log(item: Item) -> WitnessedLog:
    cosigned = "version" in item
    return WitnessedLog(
        origin=item["id"]["S"],
        keys=tuple(parse_vkey(vkey) for vkey in sorted(item["vkeys"]["SS"])),
        size=int(item["size"]["N"]) if cosigned else 0,
        root=Hash(bytes(item["root"]["B"])) if cosigned else EMPTY_ROOT,
        cosigned_s=int(item["cosigned_s"]["N"]) if cosigned else 0,
        line=bytes(item["line"]["B"]) if cosigned else b"",
        version=int(item["version"]["N"]) if cosigned else 0,
    )
