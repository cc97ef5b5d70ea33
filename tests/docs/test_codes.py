"""The table of codes in the formats page is the table in the code, result by result."""

from __future__ import annotations

import re
from typing import get_args

from chalicelib.proof.codes import Code
from tests.proof.outcomes import VERDICTS_WITH

from .pages import read

RESULTS = ("pass", "fail", "unknown")


def documented() -> set[tuple[str, str]]:
    """Pairs of a code and its result."""
    _, _, rest = read("formats.md").partition("| check | pass | fail | unknown |\n")
    found = set()
    for line in rest.partition("\n\n")[0].splitlines()[1:]:
        check, *columns = [column.strip() for column in line.strip("|").split("|")]
        for result, column in zip(RESULTS, columns, strict=True):
            words = re.findall(r"`([a-z-]+)`", column)
            found |= {(f"{check.strip('`')}/{word}", result) for word in words}
    return found


def test_every_code_is_documented_with_its_result() -> None:
    made = {
        (check.code, check.result)
        for code, verdict in VERDICTS_WITH.items()
        for check in verdict().checks
        if check.code == code
    }
    assert documented() == made
    assert {code for code, _ in made} == set(get_args(Code))
