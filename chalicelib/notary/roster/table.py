"""From a roster's text to its cells: RFC 4180, read by the standard library's ``csv``, with what
that is lax about refused.

Rows are numbered as spreadsheets show them: the header is row 1, and blank rows count. The cells
are separated by that one of comma, semicolon and tab which the header has outside of quotes; a
first line ``sep=;``, which Excel writes and hides, says so itself.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from typing import NamedTuple

from .errors import MalformedTable
from .limits import ROSTER_COLUMNS, ROSTER_ROWS

_SEPARATORS = ",;\t"
_SEP_LINE = re.compile(r'"?sep=(.)"?\r?\n', re.IGNORECASE)
_QUOTED = re.compile(r'"(?:[^"]|"")*+"?')
"""A quoted cell, perhaps without an end: it never fails where it begins, so time is linear."""


class Table(NamedTuple):
    """``rows`` have their number and their cells, as many as they are; blank rows are left out."""

    header: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]


def read_table(text: str) -> Table:
    """The header and the rows that say anything; raises MalformedTable."""
    said = _SEP_LINE.match(text)
    body = text[said.end() :] if said else text
    _check_line_ends(body)
    separator = said[1] if said else _separator_of(body)
    if separator not in _SEPARATORS:
        raise MalformedTable("sep= names a comma, a semicolon or a tab")
    _check_quotes(body, separator)
    rows = _read_rows(body, separator)
    _, header = next(rows, (1, ()))
    if is_blank(header):
        raise MalformedTable("the first row names the columns, and here it is blank")
    if len(header) > ROSTER_COLUMNS:
        raise MalformedTable(f"a roster has at most {ROSTER_COLUMNS} columns")
    return Table(header, tuple(row for row in rows if not is_blank(row[1])))


def is_blank(cells: tuple[str, ...]) -> bool:
    return not any(cell.strip() for cell in cells)


def _check_line_ends(text: str) -> None:
    lone = re.search(r"\r(?!\n)", text)
    if lone:
        line = text.count("\n", 0, lone.start()) + 1
        raise MalformedTable(f"line {line}: a carriage return ends a line only before a line feed")


def _separator_of(text: str) -> str:
    header = _QUOTED.sub("", text).partition("\n")[0]
    found = [separator for separator in _SEPARATORS if separator in header]
    if len(found) > 1:
        raise MalformedTable(
            "the header has several of comma, semicolon and tab: begin with a line such as sep=;"
        )
    return found[0] if found else ","


def _check_quotes(text: str, separator: str) -> None:
    """``csv`` takes a quote inside of a cell that has none around it, and so shifts columns."""
    for quoted in _QUOTED.finditer(text):
        before = text[quoted.start() - 1 : quoted.start()]
        if before not in ("", "\n", separator):
            line = text.count("\n", 0, quoted.start()) + 1
            raise MalformedTable(
                f"line {line}: a cell with quotes in it has quotes around it, and doubles its own"
            )


def _read_rows(text: str, separator: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        for number, cells in enumerate(reader, 1):
            if number > ROSTER_ROWS + 1:
                raise MalformedTable(f"a roster has at most {ROSTER_ROWS} rows below its header")
            yield number, tuple(cells)
    except csv.Error as error:
        # The library's messages speak of separators and limits, never of what a cell holds.
        raise MalformedTable(f"line {reader.line_num}: {error}") from None
