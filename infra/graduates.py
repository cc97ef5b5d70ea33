"""A registrar's spreadsheet: a seeded roster of invented graduates, as CSV.

The same people as in ``roster``, with the same names that software stumbles over. Pure: the same
number and seed give the same bytes.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from random import Random

from .roster import DEGREES, RESULTS, SCRIPTS, SEED, make_name

HEADER = (
    "Full name",
    "Student number",
    "Date of birth",
    "Title of the award",
    "Title of the award in Chinese",
    "Level",
    "Classification",
    "Credits",
    "Date of award",
)
"""Labels of ``education/diploma``."""

_LEVELS = {"BachelorDegree": "bachelor", "MasterDegree": "master", "DoctoralDegree": "doctorate"}

Row = Sequence[str]


def make_graduates(count: int, seed: int = SEED) -> list[Row]:
    """The first ``count`` rows; a longer roster begins with a shorter one."""
    return [_make_row(number, seed) for number in range(1, count + 1)]


def _make_row(number: int, seed: int) -> Row:
    random = Random(f"graduate {seed}/{number}")
    title, chinese, kind, credits_earned = random.choice(DEGREES)
    return (
        make_name(random, SCRIPTS[(number - 1) % len(SCRIPTS)]),
        f"S{number:05}",
        f"{random.randint(1996, 2004)}-{random.randint(1, 12):02}-{random.randint(1, 28):02}",
        title,
        chinese,
        _LEVELS[kind],
        random.choice(RESULTS[kind]),
        str(credits_earned),
        f"2025-07-{random.randint(9, 11):02}",
    )


def with_columns(row: Row, changes: Mapping[str, str]) -> Row:
    """The row with other values in some columns, by their labels."""
    return tuple(changes.get(label, value) for label, value in zip(HEADER, row, strict=True))


def format_roster(rows: Iterable[Row]) -> bytes:
    """The rows under their header, RFC 4180 in UTF-8."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([HEADER, *rows])
    return text.getvalue().encode()
