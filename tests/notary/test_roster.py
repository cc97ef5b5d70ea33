"""Rosters to rows of claims: each value as its schema has it, and every fault of every row told by
place, and never by what was found."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

import pytest

from chalicelib.notary.profiles import check_claims, profiles
from chalicelib.notary.roster import reading
from chalicelib.notary.roster.cells import BadCell, is_formula, read_cell
from chalicelib.notary.roster.errors import UnreadableRoster
from chalicelib.notary.roster.reading import Fault, Roster, read_roster
from chalicelib.proof.keys import SigningKey, format_jwk
from infra.roster import GIVEN

DIPLOMA = profiles()["education/diploma"]
TRANSCRIPT = profiles()["education/transcript"]
HEADER = ("/name", "/student_number", "/award/title", "/award/level", "/awarded_on")
ADA = ("Ada", "S1", "Law", "bachelor", "2025-07-09")


def text_of(rows: Sequence[Sequence[str]], *more: str, header: Sequence[str] = HEADER) -> str:
    text = io.StringIO()
    csv.writer(text).writerows([[*header, *more], *rows])
    return text.getvalue()


def read(*rows: Sequence[str], more: Sequence[str] = (), **given: Any) -> Roster:
    return read_roster(text_of(rows, *more).encode(), DIPLOMA, **given)


def claims(*rows: Sequence[str], more: Sequence[str] = (), **given: Any) -> dict[str, Any]:
    found = read(*rows, more=more, **given)
    assert found.refused == ()
    (row,) = found.rows
    return row.claims


def faults(*rows: Sequence[str], more: Sequence[str] = ()) -> list[tuple[int, Fault]]:
    found = read(*rows, more=more)
    return [(each.number, fault) for each in found.refused for fault in each.faults]


# --- Rows


def test_a_row_is_the_claims_of_one_document() -> None:
    found = read(ADA)
    assert (found.encoding, found.total, found.notes) == ("utf-8", 1, ())
    (row,) = found.rows
    assert row.number == 2
    assert row.claims == {
        "name": "Ada",
        "student_number": "S1",
        "award": {"title": "Law", "level": "bachelor"},
        "awarded_on": "2025-07-09",
    }
    assert row.key == ("S1", "Law")
    assert (row.name, row.holder) == ("", None)


def test_numbers_are_numbers() -> None:
    for text, value in (("97.5", 97.5), (" 360 ", 360), ("1e2", 100.0), ("0", 0)):
        assert claims((*ADA, text), more=["/award/credits"])["award"]["credits"] == value


def test_a_blank_cell_claims_nothing() -> None:
    assert "birthdate" not in claims((*ADA, " "), more=["/birthdate"])


def test_positions_become_arrays() -> None:
    header = ["/name", "/student_number", "/programme/title", "/programme/level", "/issued_on"]
    header += ["/courses/1/title", "/courses/1/grade", "/courses/0/title", "/courses/0/grade"]
    header += ["/courses/0/credits", "/courses/2/title"]
    rows = [["Ada", "S1", "Law", "bachelor", "2025-07-09", "Tort", "B", "Equity", "A", "20", ""]]
    found = read_roster(text_of(rows, header=header).encode(), TRANSCRIPT)
    assert found.refused == ()
    assert found.rows[0].claims["courses"] == [
        {"title": "Equity", "grade": "A", "credits": 20},
        {"title": "Tort", "grade": "B"},
    ]


def test_a_gap_in_an_array_is_refused() -> None:
    header = ["/name", "/student_number", "/programme/title", "/programme/level", "/issued_on"]
    header += ["/courses/0/title", "/courses/1/title"]
    rows = [["Ada", "S1", "Law", "bachelor", "2025-07-09", "", "Tort"]]
    (refused,) = read_roster(text_of(rows, header=header).encode(), TRANSCRIPT).refused
    assert Fault("", "/courses/0", "is blank, and an item after it is not") in refused.faults


def test_names_of_files_come_from_a_column() -> None:
    found = read((*ADA, " ada "), more=["File"], name_column="File")
    assert found.rows[0].name == "ada"
    assert read(ADA, name_column="/student_number").rows[0].name == "S1"


def test_the_holders_key_is_read() -> None:
    jwk = format_jwk(SigningKey.generate().public)
    (row,) = read((*ADA, json.dumps(jwk)), more=["/cnf"]).rows
    assert row.holder == jwk
    assert "cnf" not in row.claims


@pytest.mark.parametrize("text", ["{}", "x", '{"kty":"OKP","crv":"Ed25519","x":"A","d":"B"}'])
def test_what_is_no_key_of_a_holder(text: str) -> None:
    ((_, fault),) = faults((*ADA, text), more=["/cnf"])
    assert fault.pointer == "/cnf"
    assert "public key" in fault.sentence


# --- What is kept as it was written


@pytest.mark.parametrize("script", GIVEN)
@pytest.mark.parametrize("codec", ["utf-8", "utf-16", "gb18030"])
def test_names_in_every_script_and_encoding(script: str, codec: str) -> None:
    header = ("姓名", *HEADER[1:])
    rows = [(name, f"S{n}", *ADA[2:]) for n, name in enumerate(GIVEN[script])]
    found = read_roster(text_of(rows, header=header).encode(codec), DIPLOMA)
    assert [row.claims["name"] for row in found.rows] == list(GIVEN[script])


def test_combining_marks_stay_as_they_were_typed() -> None:
    assert claims(("Sio\u0302n", *ADA[1:]))["name"] == "Sio\u0302n"
    assert claims(("Siôn", *ADA[1:]))["name"] == "Siôn"


def test_white_space_around_is_taken_off_and_told() -> None:
    found = read((" Ada\u3000", "S1\u00a0", *ADA[2:]))
    assert found.rows[0].claims["name"] == "Ada"
    assert found.notes == ("white space around the text of 2 cells was taken off",)
    found = read((" Ada", *ADA[1:]))
    assert found.notes == ("white space around the text of 1 cell was taken off",)


def test_private_characters_are_kept_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "NOTES", 1)
    found = read(("王\ue81e", *ADA[1:]), ("\U000f0000", "S2", *ADA[2:]))
    assert found.rows[0].claims["name"] == "王\ue81e"
    assert found.notes[-1].endswith("row 2, /name; and 1 more")
    assert read(("王\ue81e", *ADA[1:])).notes[-1].endswith("row 2, /name")


def test_what_was_taken_for_which_encoding_is_told() -> None:
    data = text_of([("陈", *ADA[1:])]).encode("gb18030")
    assert read_roster(data, DIPLOMA).notes == ("the roster was read as GB18030",)
    (note,) = read(("学号", *ADA[1:])).notes
    assert note.startswith("the roster was read as UTF-8; as GB18030")


# --- Faults


@pytest.mark.parametrize("text", ["=1+1", "+44", "-1", "@SUM", "\t=x", "\rx", " =1", "＝1", "＠x"])
def test_formulas_are_refused_in_texts(text: str) -> None:
    assert is_formula(text)
    with pytest.raises(BadCell, match="formula"):
        read_cell(text, {"type": "string"})


def test_a_number_may_have_its_minus() -> None:
    assert read_cell("-51.48", {"type": "number"}) == -51.48
    assert read_cell("-3", {"type": "integer"}) == -3


@pytest.mark.parametrize(
    ("text", "kind", "told"),
    [
        ("1,5", "number", "must be a number, written as 97.5"),
        ("1 000", "number", "must be a number"),
        ("١", "number", "must be a number"),
        ("01", "number", "must be a number"),
        ("0x10", "number", "must be a number"),
        ("1e999", "number", "must be a number"),
        ("+5", "number", "formula"),
        ("=5", "number", "formula"),
        ("9007199254740993", "integer", "must be a whole number, written as 360"),
        ("many", "integer", "must be a whole number"),
        ("yes", "boolean", "must be true or false"),
        ("1", "boolean", "must be true or false"),
        ("2.02104E+07", "string", "a spreadsheet shortened"),
        ("caf\ufffd", "string", "a conversion lost some"),
        ("x\uffff", "string", "a conversion lost some"),
        ("x\U0010fffe", "string", "a conversion lost some"),
    ],
)
def test_what_a_cell_must_be(text: str, kind: str, told: str) -> None:
    with pytest.raises(BadCell, match=told) as refused:
        read_cell(text, {"type": kind})
    assert text not in str(refused.value)


@pytest.mark.parametrize(("text", "value"), [("true", True), ("FALSE", False), (" True ", True)])
def test_true_and_false(text: str, value: bool) -> None:
    assert read_cell(text, {"type": "boolean"}) is value


@pytest.mark.parametrize(
    "text", ["2025-7-9", "09/07/2025", "2025-02-29", "20250709", "2025年7月9日"]
)
def test_dates_are_iso_dates(text: str) -> None:
    told = faults((*ADA[:4], text))
    assert (
        2,
        Fault("/awarded_on", "/awarded_on", "must be a date that exists, written as 2025-07-31"),
    ) in told


def test_every_breach_has_its_row_column_and_pointer() -> None:
    header = ("Full name", "学号", *HEADER[2:])
    rows = [ADA, ("", "S2", "Law", "BA", "2025-07-09"), ("Eve\u202e", *ADA[1:])]
    found = read_roster(text_of(rows, header=header).encode(), DIPLOMA)
    assert [(each.number, each.total) for each in found.refused] == [(3, 2), (4, 1)]
    assert [fault[:2] for fault in found.refused[0].faults] == [
        ("Full name", "/name"),
        ("/award/level", "/award/level"),
    ]
    assert found.refused[0].faults[0].sentence == "is required"
    assert [row.number for row in found.rows] == [2]


def test_a_group_that_is_not_whole_is_told_where_it_is_missing() -> None:
    header = ["/name", "/student_number", "/programme/title", "/programme/level", "/issued_on"]
    header += ["/courses/0/title", "/average/value"]
    rows = [["Ada", "S1", "Law", "bachelor", "2025-07-09", "Tort", "71"]]
    (refused,) = read_roster(text_of(rows, header=header).encode(), TRANSCRIPT).refused
    assert refused.faults[-1] == Fault("", "/average/out_of", "is required")


def test_a_cell_that_cannot_be_read_has_one_fault() -> None:
    assert [fault.pointer for _, fault in faults(("=x", *ADA[1:]))] == ["/name"]


@pytest.mark.parametrize("cells", [4, 6])
def test_uneven_rows_are_refused(cells: int) -> None:
    ((number, fault),) = faults((*ADA, "x")[:cells])
    assert number == 2
    assert fault == Fault("", "", f"has {cells} cells, and the header has 5")


def test_faults_are_listed_to_a_bound_and_counted_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "ROW_FAULTS", 1)
    monkeypatch.setattr("chalicelib.notary.profiles.CLAIMS_BREACHES", 2)
    (refused,) = read(("=x", "", "", "x", "y")).refused
    assert len(refused.faults) == 1
    assert refused.total == 5


def test_no_fault_repeats_what_was_found() -> None:
    canary = "Canary"
    rows = [
        (f"={canary}", "S1", "Law", "bachelor", "2025-07-09"),
        (canary, "S1", "Law", canary, canary),
        (canary, "S3", canary * 99, "bachelor", "2025-07-09"),
        (canary,),
    ]
    assert canary not in repr(read(*rows).refused)
    twins = read((canary, *ADA[1:]), (canary, *ADA[1:]))
    assert canary not in repr(twins.refused)


# --- Duplicates


def test_rows_of_one_document_refuse_each_other() -> None:
    told = faults(ADA, ("Bob", "S2", *ADA[2:]), ("Ada L", *ADA[1:]), ADA)
    sentence = "is the same document as row {}, by /student_number, /award/title"
    assert told == [
        (2, Fault("", "", sentence.format(4))),
        (4, Fault("", "", sentence.format(2))),
        (5, Fault("", "", sentence.format(2))),
    ]


@pytest.mark.parametrize("twin", ["Siôn", "Sio\u0302n", " Siôn "])
def test_natural_keys_are_compared_in_nfc(twin: str) -> None:
    assert len(faults(("A", "Siôn", *ADA[2:]), ("A", twin, *ADA[2:]))) == 2


def test_two_awards_of_one_student_are_two_documents() -> None:
    assert len(read(ADA, ("Ada", "S1", "Medicine", *ADA[3:])).rows) == 2


# --- Whole rosters


def test_columns_of_a_spreadsheet_without_name_or_cells_are_left_out() -> None:
    found = read((*ADA, "", ""), ("Bob", "S2", *ADA[2:]), more=["", " "])
    assert len(found.rows) == 2
    assert "column 6 has cells and no name" in _why((*ADA, "x", ""), more=["", ""])


def test_an_uneven_row_does_not_hide_behind_them() -> None:
    assert [each.number for each in read((*ADA, "", "", ""), more=["", ""]).refused] == [2]


def _why(*rows: Sequence[str], more: Sequence[str]) -> str:
    with pytest.raises(UnreadableRoster) as refused:
        read(*rows, more=more)
    return str(refused.value)


@pytest.mark.parametrize("name", ["healthcare/record", "generic/file"])
def test_profiles_without_a_natural_key_have_no_rosters(name: str) -> None:
    with pytest.raises(UnreadableRoster, match="natural key"):
        read_roster(text_of([ADA]).encode(), profiles()[name])


def test_a_map_says_what_columns_hold() -> None:
    data = text_of([(*ADA, "x")], "Memo", header=("Who", *HEADER[1:])).encode()
    found = read_roster(data, DIPLOMA, columns={"Who": "/name", "Memo": None})
    assert found.rows[0].claims["name"] == "Ada"


def test_two_thousand_rows_are_rows_or_refused() -> None:
    rows = [
        (f"Graduate {n}" if n % 100 else "=cmd()", f"S{n // 2 if n % 500 == 1 else n}", *ADA[2:])
        for n in range(2_000)
    ]
    found = read(*rows)
    assert found.total == 2_000
    refused = {each.number for each in found.refused}
    assert {n + 2 for n in range(0, 2_000, 100)} <= refused
    assert refused.isdisjoint(row.number for row in found.rows)
    for row in found.rows[:50]:
        check_claims(DIPLOMA, row.claims)
