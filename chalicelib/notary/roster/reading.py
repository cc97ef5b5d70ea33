"""Reading a roster: rows of claims, and for every row that is refused its faults.

A row is refused for a cell that cannot be read, for each breach of the profile's schema, and when
another row of the roster has its natural key: nobody can know here which of them is right.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, cast

from ...proof.jcs import JsonValue
from ..profiles import BrokenClaims, Profile, check_claims, natural_key
from .cells import PRIVATE_USE, BadCell, read_cell, read_holder
from .columns import HOLDER, Column, ColumnMap, Step, find_column, match_columns
from .encoding import Encoding, decode_roster
from .errors import UnreadableRoster
from .limits import NOTES, ROW_FAULTS
from .table import Table, read_table


class Fault(NamedTuple):
    """``column`` and ``pointer`` are empty when the whole row is meant; ``sentence`` says what must
    be, and goes after them."""

    column: str
    pointer: str
    sentence: str


class Row(NamedTuple):
    """A row that may be issued. ``name`` is the text in the column of names, ``key`` the natural
    key, ``holder`` the holder's public JWK if the roster has it."""

    number: int
    name: str
    claims: dict[str, JsonValue]
    key: tuple[str, ...]
    holder: dict[str, str] | None


class Refused(NamedTuple):
    """A row that may not be issued; ``total`` is of all faults, the first ones are listed."""

    number: int
    faults: tuple[Fault, ...]
    total: int


class Roster(NamedTuple):
    """Every row that says anything is in ``rows`` or in ``refused``, in order of number. ``notes``
    are sentences about the roster that refuse nothing; ``encoding`` is the one that was taken."""

    encoding: str
    notes: tuple[str, ...]
    rows: tuple[Row, ...]
    refused: tuple[Refused, ...]

    @property
    def total(self) -> int:
        return len(self.rows) + len(self.refused)


def read_roster(
    data: bytes,
    profile: Profile,
    *,
    encoding: Encoding = "auto",
    columns: ColumnMap | None = None,
    name_column: str | None = None,
) -> Roster:
    """The rows of a roster; raises UnreadableRoster when none of them can be relied on."""
    if profile.blind or not profile.natural_key:
        raise UnreadableRoster(f"{profile.name} has no natural key, which tells rows from another")
    decoded = decode_roster(data, encoding)
    table = _without_nameless(read_table(decoded.text))
    named_by = None if name_column is None else find_column(table.header, name_column)
    other = None if named_by is None else table.header[named_by]
    reader = _Reader(profile, match_columns(table.header, profile, columns or {}, other), named_by)
    found = [reader.read(number, cells, len(table.header)) for number, cells in table.rows]
    rows, refused = without_twins([each for each in found if isinstance(each, Row)], profile)
    refused += [each for each in found if isinstance(each, Refused)]
    notes = [*_notes_on_encoding(decoded.encoding, decoded.twofold), *reader.notes()]
    return Roster(decoded.encoding, tuple(notes), tuple(rows), tuple(sorted(refused)))


def check_header(data: bytes, profile: Profile) -> None:
    """What makes a whole roster unreadable, without a look at its rows; raises UnreadableRoster."""
    table = _without_nameless(read_table(decode_roster(data).text))
    match_columns(table.header, profile, {}, None)


def _without_nameless(table: Table) -> Table:
    """Spreadsheets write empty columns at the end, with no name and nothing in them."""
    width = len(table.header)
    while not table.header[width - 1].strip() and not any(
        "".join(cells[width - 1 : len(table.header)]).strip() for _, cells in table.rows
    ):
        width -= 1
    if width == len(table.header):
        return table
    rows = tuple(
        (number, cells[:width] if len(cells) == len(table.header) else cells)
        for number, cells in table.rows
    )
    return Table(table.header[:width], rows)


def _notes_on_encoding(encoding: str, twofold: bool) -> Iterator[str]:
    if encoding == "gb18030":
        yield "the roster was read as GB18030"
    if twofold:
        yield "the roster was read as UTF-8; as GB18030, which it may be too, it reads differently"


class _Reader:
    """Rows to claims, by the columns of one roster."""

    def __init__(self, profile: Profile, columns: Sequence[Column], named_by: int | None) -> None:
        self._profile = profile
        self._columns = columns
        self._named_by = named_by
        self._by_pointer = {column.pointer: column.name for column in columns}
        self._trimmed = 0
        self._private: list[str] = []

    def read(self, number: int, cells: tuple[str, ...], width: int) -> Row | Refused:
        if len(cells) != width:
            text = f"has {len(cells)} cells, and the header has {width}"
            return Refused(number, (Fault("", "", text),), 1)
        values, faults = self._read_cells(number, cells)
        holder = values.pop(HOLDER, None)
        claims = self._build(values, faults)
        count = len(faults) + self._check(claims, faults)
        if faults:
            return Refused(number, tuple(faults[:ROW_FAULTS]), count)
        name = "" if self._named_by is None else cells[self._named_by].strip()
        key = natural_key(self._profile, claims)
        return Row(number, name, claims, key, _texts(holder))

    def _read_cells(
        self, number: int, cells: tuple[str, ...]
    ) -> tuple[dict[str, JsonValue], list[Fault]]:
        """Values by pointer; a blank cell claims nothing."""
        values: dict[str, JsonValue] = {}
        faults: list[Fault] = []
        for column in self._columns:
            text = cells[column.at]
            if not text.strip():
                continue
            self._note(number, column, text)
            try:
                values[column.pointer] = _read(text, column)
            except BadCell as error:
                faults.append(Fault(column.name, column.pointer, str(error)))
        return values, faults

    def _note(self, number: int, column: Column, text: str) -> None:
        self._trimmed += text != text.strip()
        if PRIVATE_USE.search(text):
            self._private.append(f"row {number}, {column.pointer}")

    def notes(self) -> Iterator[str]:
        if self._trimmed:
            cells = "1 cell" if self._trimmed == 1 else f"{self._trimmed} cells"
            yield f"white space around the text of {cells} was taken off"
        if self._private:
            listed = "; ".join(self._private[:NOTES])
            more = len(self._private) - NOTES
            yield (
                "characters of the private use area, which others see otherwise or not at all: "
                + listed
                + (f"; and {more} more" if more > 0 else "")
            )

    def _build(self, values: Mapping[str, JsonValue], faults: list[Fault]) -> dict[str, JsonValue]:
        claims: dict[Any, Any] = {}
        for column in self._columns:
            if column.pointer in values:
                _put(claims, column.steps, values[column.pointer])
        return cast(dict[str, JsonValue], _close(claims, "", faults))

    def _check(self, claims: dict[str, JsonValue], faults: list[Fault]) -> int:
        """Add the breaches of the schema where no fault is known; return how many there are."""
        known = {fault.pointer for fault in faults}
        try:
            check_claims(self._profile, claims)
        except BrokenClaims as error:
            new = [breach for breach in error.breaches if breach.pointer not in known]
            faults += (Fault(self._column_of(at), at, sentence) for at, sentence in new)
            return error.count - len(error.breaches) + len(new)
        return 0

    def _column_of(self, pointer: str) -> str:
        return self._by_pointer.get(pointer, "")


def _read(text: str, column: Column) -> JsonValue:
    if column.pointer == HOLDER:
        return read_holder(text)
    return read_cell(text, column.schema)


def _put(claims: dict[Any, Any], steps: tuple[Step, ...], value: JsonValue) -> None:
    place = claims
    for step in steps[:-1]:
        place = place.setdefault(step, {})
    place[steps[-1]] = value


def _close(value: Any, at: str, faults: list[Fault]) -> JsonValue:
    """Objects whose names are positions become arrays, which have no gaps."""
    if not isinstance(value, dict):
        return cast(JsonValue, value)
    closed = {name: _close(part, f"{at}/{name}", faults) for name, part in value.items()}
    positions = sorted(name for name in closed if isinstance(name, int))
    if not positions:
        return closed
    gap = next((n for n, position in enumerate(positions) if n != position), None)
    if gap is not None:
        faults.append(Fault("", f"{at}/{gap}", "is blank, and an item after it is not"))
    return [closed[position] for position in positions]


def _texts(value: JsonValue) -> dict[str, str] | None:
    return {k: str(v) for k, v in value.items()} if isinstance(value, dict) else None


def without_twins(rows: Sequence[Row], profile: Profile) -> tuple[list[Row], list[Refused]]:
    """Rows whose natural key no other has; the others refuse each other."""
    by_key: dict[tuple[str, ...], list[int]] = {}
    for row in rows:
        by_key.setdefault(row.key, []).append(row.number)
    alone = [row for row in rows if len(by_key[row.key]) == 1]
    told = f"by {', '.join(profile.natural_key)}"
    twins = [row for row in rows if len(by_key[row.key]) > 1]
    return alone, [_twin(row.number, by_key[row.key], told) for row in twins]


def _twin(number: int, numbers: Sequence[int], told: str) -> Refused:
    other = next(each for each in numbers if each != number)
    fault = Fault("", "", f"is the same document as row {other}, {told}")
    return Refused(number, (fault,), 1)
