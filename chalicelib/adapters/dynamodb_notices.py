"""What the notary registered about issuers, in the table ``registry``.

Three kinds of items: ``notice`` (one for each issuer, as a JSON text), ``asked`` (when a list
of an issuer was last wanted), and ``published`` (the height up to which lists hold all changes).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ..notary.notices import IssuerNotices, Listed, Placed, Waiting
from ..proof.hashes import Hash
from ..proof.text import format_base64, parse_base64
from .aws import Clients
from .dynamodb import doubt_told, put_at
from .dynamodb_kinds import SORT_KEY_BYTES, key_of, query_kind, read_hints, write_hint

if TYPE_CHECKING:
    from .dynamodb import Item

NOTICE = "notice"
ASKED = "asked"
PUBLISHED = "published"
HEIGHT = "height"


class DynamoNotices:
    """``Notices``."""

    def __init__(self, clients: Clients, table: str) -> None:
        self._clients = clients
        self._table = table

    def get(self, issuer: str) -> IssuerNotices | None:
        if len(issuer.encode()) > SORT_KEY_BYTES:
            return None
        item = self._item(NOTICE, issuer)
        return _parse(item) if item else None

    def all(self) -> list[IssuerNotices]:
        return [_parse(item) for item in self._items(NOTICE)]

    @doubt_told()
    def put(self, notices: IssuerNotices) -> None:
        item = _format(notices)
        put_at(
            self._clients.dynamodb,
            self._table,
            item,
            ("version", notices.version),
            f"the notices of {notices.issuer} are at another version",
        )

    def height(self) -> int:
        item = self._item(PUBLISHED, HEIGHT)
        return int(item[HEIGHT]["N"]) if item else 0

    @doubt_told()
    def advance(self, before: int, after: int) -> None:
        item: Item = {**key_of(PUBLISHED, HEIGHT), HEIGHT: {"N": str(after)}}
        put_at(
            self._clients.dynamodb,
            self._table,
            item,
            (HEIGHT, before),
            "what was published reaches another height",
        )

    def ask(self, issuer: str, prefix: str, now_ms: int) -> None:
        write_hint(self._clients.dynamodb, self._table, (ASKED, f"{issuer} {prefix}"), now_ms)

    def asked(self) -> dict[tuple[str, str], int]:
        found: dict[tuple[str, str], int] = {}
        for id_, asked_ms in read_hints(self._clients.dynamodb, self._table, ASKED):
            issuer, _, prefix = id_.partition(" ")
            found[issuer, prefix] = asked_ms
        return found

    def _item(self, kind: str, id: str) -> Item | None:
        answer = self._clients.dynamodb.get_item(
            TableName=self._table, Key=key_of(kind, id), ConsistentRead=True
        )
        return answer.get("Item")

    def _items(self, kind: str) -> list[Item]:
        return list(query_kind(self._clients.dynamodb, self._table, kind))


def _format(notices: IssuerNotices) -> Item:
    """The item as it is stored: with the next version."""
    members = {
        "profiles": [write_placed(each) for each in notices.profiles],
        "next_profile": notices.next_profile and write_waiting(notices.next_profile),
        "lists": [_write_listed(each) for each in notices.lists],
    }
    return {
        **key_of(NOTICE, notices.issuer),
        "json": {"S": json.dumps(members)},
        "version": {"N": str(notices.version + 1)},
    }


def _parse(item: Item) -> IssuerNotices:
    members: dict[str, Any] = json.loads(item["json"]["S"])
    return IssuerNotices(
        issuer=item["id"]["S"],
        profiles=tuple(read_placed(each) for each in members["profiles"]),
        next_profile=members["next_profile"] and read_waiting(members["next_profile"]),
        lists=tuple(_read_listed(each) for each in members["lists"]),
        version=int(item["version"]["N"]),
    )


def write_placed(placed: Placed) -> list[object]:
    return [placed.document.hex(), placed.index, placed.height]


def read_placed(value: Any) -> Placed:
    document, index, height = value
    return Placed(Hash.parse_hex(document), index, height)


def write_waiting(waiting: Waiting) -> list[str]:
    return [waiting.document.hex(), format_base64(waiting.entry)]


def read_waiting(value: Any) -> Waiting:
    document, entry = value
    return Waiting(Hash.parse_hex(document), parse_base64(entry))


def _write_listed(listed: Listed) -> dict[str, object]:
    return {
        "prefix": listed.prefix,
        "status": listed.status and write_placed(listed.status),
        "next": listed.next_status and write_waiting(listed.next_status),
        "size": listed.size,
        "read_ms": listed.read_ms,
        "full": listed.full,
    }


def _read_listed(members: Any) -> Listed:
    return Listed(
        prefix=members["prefix"],
        status=members["status"] and read_placed(members["status"]),
        next_status=members["next"] and read_waiting(members["next"]),
        size=members["size"],
        read_ms=members["read_ms"],
        full=members["full"],
    )
