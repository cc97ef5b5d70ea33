"""Rosters that are sent to be issued: CSV as ``tally issue`` reads it, or a line of JSON for each
row, ``{"claims", "holder"?}``; and what is kept of each row that was made.

What is wrong with a whole roster is told without its words: its first line may be a person's.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple, TypeAlias

from ...proof.document import check_canonicalization
from ...proof.errors import Malformed
from ...proof.hashes import Hash
from ...proof.jcs import DuplicateKey, parse_ijson
from ...proof.members import read_members, read_object
from ...proof.receipt import HolderPart, write_holder
from ...proof.statement import entry_id
from ...proof.text import format_base64, parse_base64
from ..profiles import BrokenClaims, Profile, check_claims, natural_key
from ..refused import Refused
from ..roster.errors import (
    AmbiguousEncoding,
    MalformedHeader,
    MalformedTable,
    UnreadableRoster,
    WrongEncoding,
)
from ..roster.limits import ROSTER_ROWS
from ..roster.reading import Fault, Row, check_header, read_roster, without_twins
from ..roster.reading import Refused as RefusedRow
from .orders import read_holder

Media: TypeAlias = Literal["csv", "ndjson"]

_TOLD: dict[type[UnreadableRoster], str] = {
    WrongEncoding: "it is not text in UTF-8, UTF-16 or GB18030",
    AmbiguousEncoding: "its encoding is not clear: send it in UTF-8",
    MalformedTable: "it is not a table as RFC 4180 has it",
    MalformedHeader: "its first row does not name each claim that the profile asks for, once, and"
    " nothing else",
}


class Breach(NamedTuple):
    """``column`` is that of the table, empty where there is none."""

    pointer: str
    sentence: str
    column: str = ""


class MadeRow(NamedTuple):
    """The row ``number`` of a roster, numbered as its owner sees it: its entry, what its holder
    keeps, and the credential; or the first of its ``total`` breaches."""

    number: int
    entry: bytes = b""
    document: HolderPart | None = None
    credential: bytes = b""
    breaches: tuple[Breach, ...] = ()
    total: int = 0

    @property
    def entry_id(self) -> Hash:
        return entry_id(self.entry)


def check_rows(data: bytes, media: Media, profile: Profile) -> None:
    """What makes a whole roster unreadable, without a look at its claims; raises Refused."""
    with _told():
        if media == "csv":
            check_header(data, profile)
        else:
            _lines(data)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except UnreadableRoster as error:
        why = _TOLD.get(type(error), "no row of it can be relied on")
        raise Refused("unreadable-roster", why) from None


def read_rows(data: bytes, media: Media, profile: Profile) -> list[Row | RefusedRow]:
    """All rows in order of number; raises Refused."""
    if media == "csv":
        with _told():
            roster = read_roster(data, profile)
        found: list[Row | RefusedRow] = [*roster.rows, *roster.refused]
    else:
        read = [_read_line(number, line, profile) for number, line in _lines(data)]
        rows = [each for each in read if isinstance(each, Row)]
        alone, twins = without_twins(rows, profile) if profile.natural_key else (rows, [])
        found = [*alone, *twins, *(each for each in read if isinstance(each, RefusedRow))]
    return sorted(found, key=lambda each: each.number)


def refused_row(row: RefusedRow) -> MadeRow:
    breaches = tuple(Breach(each.pointer, each.sentence, each.column) for each in row.faults)
    return MadeRow(row.number, breaches=breaches, total=row.total)


def format_rows(rows: Iterable[MadeRow]) -> bytes:
    """JSON, which nobody but ``parse_rows`` reads."""
    return json.dumps([_write(row) for row in rows]).encode()


def parse_rows(data: bytes) -> list[MadeRow]:
    return [_read(members) for members in json.loads(data)]


def _lines(data: bytes) -> list[tuple[int, bytes]]:
    """The lines that say anything, numbered from 1."""
    lines = [(n, line) for n, line in enumerate(data.split(b"\n"), 1) if line.strip()]
    if len(lines) > ROSTER_ROWS:
        raise Refused("too-many-items", f"a roster has at most {ROSTER_ROWS} rows")
    return lines


def _read_line(number: int, line: bytes, profile: Profile) -> Row | RefusedRow:
    try:
        members = read_members(parse_ijson(line.strip()), "a row", ("claims",), ("holder",))
        claims = read_object(members["claims"], "claims")
        holder = read_holder(members)
    except (DuplicateKey, Malformed):
        return _refuse(number, 'must be {"claims", "holder"?} in I-JSON, holder a public JWK')
    try:
        check_claims(profile, claims)
    except BrokenClaims as error:
        faults = tuple(Fault("", each.pointer, each.sentence) for each in error.breaches)
        return RefusedRow(number, faults, error.count)
    return Row(number, "", claims, natural_key(profile, claims), holder)


def _refuse(number: int, sentence: str) -> RefusedRow:
    return RefusedRow(number, (Fault("", "", sentence),), 1)


def _write(row: MadeRow) -> dict[str, object]:
    if row.document is None:
        return {"row": row.number, "breaches": row.breaches, "total": row.total}
    return {
        "row": row.number,
        "entry": format_base64(row.entry),
        **write_holder(row.document),
        "credential": format_base64(row.credential),
    }


def _read(members: dict[str, Any]) -> MadeRow:
    if "entry" not in members:
        breaches: Sequence[Sequence[str]] = members["breaches"]
        return MadeRow(
            members["row"],
            breaches=tuple(Breach(*each) for each in breaches),
            total=members["total"],
        )
    document = HolderPart(
        check_canonicalization(members["canonicalization"]),
        bytes.fromhex(members["salt"]),
        Hash.parse_hex(members["sha-256"]),
        Hash.parse_hex(members["sm3"]),
    )
    credential = parse_base64(members["credential"])
    return MadeRow(members["row"], parse_base64(members["entry"]), document, credential)
