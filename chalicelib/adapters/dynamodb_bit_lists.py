"""Status lists of W3C and IETF, in the table ``registry``.

Three kinds of items: ``allotment`` (one for each issuer: its secret, and how many places are
allotted), ``bits`` (one for each list, as a JSON text), and ``bits-asked`` (when a form of a list
was last wanted).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ..notary.status.bit_lists import Allotment, BitList, Form, ListId, parse_name
from ..proof.hashes import Hash
from .aws import Clients, code_of
from .dynamodb import CONDITION_FAILED, doubt_told, put_at
from .dynamodb_kinds import SORT_KEY_BYTES, key_of, query_kind, read_hints, write_hint
from .dynamodb_notices import read_placed, read_waiting, write_placed, write_waiting

if TYPE_CHECKING:
    from .dynamodb import Item

ALLOTMENT = "allotment"
BITS = "bits"
ASKED = "bits-asked"


class DynamoBitLists:
    """``BitLists``."""

    def __init__(self, clients: Clients, table: str) -> None:
        self._clients = clients
        self._table = table

    @doubt_told()
    def allot(self, issuer: str, count: int, fresh: bytes) -> Allotment:
        allotted = self._add(issuer, count)
        if allotted is None:
            self._begin(issuer, fresh)
            allotted = self._add(issuer, count)
            assert allotted is not None, "an allotment is never removed"
        return allotted

    def _add(self, issuer: str, count: int) -> Allotment | None:
        """botocore may repeat this after an answer that was lost: then some places stay empty."""
        from botocore.exceptions import ClientError

        try:
            answer = self._clients.dynamodb.update_item(
                TableName=self._table,
                Key=key_of(ALLOTMENT, issuer),
                UpdateExpression="ADD places :count",
                ConditionExpression="attribute_exists(secret)",
                ExpressionAttributeValues={":count": {"N": str(count)}},
                ReturnValues="ALL_NEW",
            )
        except ClientError as error:
            if code_of(error) != CONDITION_FAILED:
                raise
            return None
        return _parse_allotment(answer["Attributes"])

    def _begin(self, issuer: str, secret: bytes) -> None:
        """Whoever comes first gives the secret, for ever."""
        from botocore.exceptions import ClientError

        item: Item = {
            **key_of(ALLOTMENT, issuer),
            "secret": {"B": secret},
            "places": {"N": "0"},
        }
        try:
            self._clients.dynamodb.put_item(
                TableName=self._table, Item=item, ConditionExpression="attribute_not_exists(id)"
            )
        except ClientError as error:
            if code_of(error) != CONDITION_FAILED:
                raise

    def allotment(self, issuer: str) -> Allotment | None:
        item = self._item(ALLOTMENT, issuer)
        return _parse_allotment(item) if item else None

    def allotments(self) -> list[Allotment]:
        return [_parse_allotment(item) for item in self._items(ALLOTMENT)]

    def get(self, id: ListId) -> BitList | None:
        item = self._item(BITS, _id_of(id))
        return _parse(item) if item else None

    def all(self) -> list[BitList]:
        return [_parse(item) for item in self._items(BITS)]

    @doubt_told()
    def put(self, known: BitList) -> None:
        put_at(
            self._clients.dynamodb,
            self._table,
            _format(known),
            ("version", known.version),
            f"the list {known.id.name} of {known.id.issuer} is at another version",
        )

    def ask(self, id: ListId, form: str, now_ms: int) -> None:
        hint = (ASKED, f"{_id_of(id)} {form}")
        write_hint(self._clients.dynamodb, self._table, hint, now_ms)

    def asked(self) -> dict[tuple[ListId, str], int]:
        found: dict[tuple[ListId, str], int] = {}
        for text, asked_ms in read_hints(self._clients.dynamodb, self._table, ASKED):
            id_, _, form = text.rpartition(" ")
            found[_parse_id(id_), form] = asked_ms
        return found

    def _item(self, kind: str, id: str) -> Item | None:
        if len(id.encode()) > SORT_KEY_BYTES:
            return None
        answer = self._clients.dynamodb.get_item(
            TableName=self._table, Key=key_of(kind, id), ConsistentRead=True
        )
        return answer.get("Item")

    def _items(self, kind: str) -> list[Item]:
        return list(query_kind(self._clients.dynamodb, self._table, kind))


def _parse_allotment(item: Item) -> Allotment:
    # boto3's clients give binary values as bytes, whatever their stubs say.
    return Allotment(item["id"]["S"], bytes(item["secret"]["B"]), int(item["places"]["N"]))


def _id_of(id: ListId) -> str:
    return f"{id.issuer} {id.name}"


def _parse_id(text: str) -> ListId:
    id_ = parse_name(*text.split(" "))
    assert id_ is not None, "only lists that may be are written"
    return id_


def _format(known: BitList) -> Item:
    """The item as it is stored: with the next version."""
    members = {
        "statuses": known.statuses and known.statuses.hex(),
        "size": known.size,
        "due_s": known.due_s,
        "forms": {name: _write_form(form) for name, form in known.forms.items()},
    }
    return {
        **key_of(BITS, _id_of(known.id)),
        "json": {"S": json.dumps(members)},
        "version": {"N": str(known.version + 1)},
    }


def _parse(item: Item) -> BitList:
    members: dict[str, Any] = json.loads(item["json"]["S"])
    return BitList(
        id=_parse_id(item["id"]["S"]),
        statuses=members["statuses"] and Hash.parse_hex(members["statuses"]),
        size=members["size"],
        due_s=members["due_s"],
        forms={name: _read_form(form) for name, form in members["forms"].items()},
        version=int(item["version"]["N"]),
    )


def _write_form(form: Form) -> list[object]:
    return [
        form.served and write_placed(form.served),
        form.served_ms,
        form.waiting and write_waiting(form.waiting),
        form.waiting_ms,
    ]


def _read_form(value: Any) -> Form:
    served, served_ms, waiting, waiting_ms = value
    return Form(
        served and read_placed(served), served_ms, waiting and read_waiting(waiting), waiting_ms
    )
