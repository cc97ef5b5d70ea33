"""Which claim each column of a roster holds, and what is refused about them, by name."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.notary.profiles import Profile, profiles
from chalicelib.notary.roster.columns import (
    HOLDER,
    Column,
    find_column,
    find_pointer,
    match_columns,
    parse_column_map,
)
from chalicelib.notary.roster.errors import MalformedHeader, WrongColumnMap

DIPLOMA = profiles()["education/diploma"]
TRANSCRIPT = profiles()["education/transcript"]
NEEDED = ("/name", "/student_number", "/award/title", "/award/level", "/awarded_on")


def match(
    *more: str, profile: Profile = DIPLOMA, needed: tuple[str, ...] = NEEDED, **given: Any
) -> tuple[Column, ...]:
    return match_columns((*needed, *more), profile, given.get("map", {}), given.get("other"))


def refusal(*more: str, **given: Any) -> str:
    with pytest.raises(MalformedHeader) as refused:
        match(*more, **given)
    return str(refused.value)


def test_columns_are_named_by_pointers() -> None:
    found = match("/study/mode")
    assert [(c.at, c.pointer, c.steps) for c in found[2:4]] == [
        (2, "/award/title", ("award", "title")),
        (3, "/award/level", ("award", "level")),
    ]
    assert found[5].schema == {"enum": ["full-time", "part-time", "distance"]}


@pytest.mark.parametrize(
    "label", ["Date of birth", "出生日期", "  Date  of\tbirth ", "Date of\nbirth"]
)
def test_columns_are_named_by_labels_in_both_languages(label: str) -> None:
    assert match(label)[5].pointer == "/birthdate"


def test_every_label_of_one_claim_is_known() -> None:
    labels = [label for label in DIPLOMA.labels if label not in ("/award", "/study")]
    for language in ("en", "zh"):
        header = tuple(DIPLOMA.labels[pointer][language] for pointer in labels)
        assert [c.pointer for c in match_columns(header, DIPLOMA, {}, None)] == labels


def test_items_of_arrays_are_named_by_their_position() -> None:
    needed = ("/name", "/student_number", "/programme/title", "/programme/level", "/issued_on")
    found = match("/courses/0/title", "/courses/12/credits", profile=TRANSCRIPT, needed=needed)
    assert [c.steps for c in found[5:]] == [("courses", 0, "title"), ("courses", 12, "credits")]


def test_the_holders_key_has_a_column() -> None:
    assert match(HOLDER)[5].pointer == "/cnf"


def test_columns_are_mapped_or_left_out() -> None:
    found = match("DoB", "Remarks", map={"DoB": "/birthdate", "Remarks": None})
    assert [c.pointer for c in found[5:]] == ["/birthdate"]
    assert found[5].name == "DoB"


def test_a_map_goes_before_a_label() -> None:
    found = match("Faculty", map={"Faculty": "/award/field"})
    assert found[5].pointer == "/award/field"


def test_a_column_that_only_names_files_need_not_be_a_claim() -> None:
    assert len(match("File", other="File")) == 5
    assert "'File' (column 6) is no claim" in refusal("File")


@pytest.mark.parametrize(
    ("column", "told"),
    [
        ("Grade", "'Grade' (column 6) is no claim of education/diploma"),
        ("/award/grade", "'/award/grade' (column 6) is no claim"),
        ("/name/0", "'/name/0' (column 6) is no claim"),
        ("award/field", "'award/field' (column 6) is no claim"),
        ("/award", "'/award' (column 6) is not for one value: give its parts, such as /award/…"),
        ("Award", "'Award' (column 6) is not for one value"),
        ("Period of study", "is not for one value"),
        ("", "column 6 has cells and no name"),
        ("x" * 99, "'" + "x" * 60 + "…' (column 6)"),
        ("a\x1b[2J", "'a\\x1b[2J' (column 6)"),
        ("Full name", "the columns '/name' and 'Full name' are both for /name"),
        ("/award/title", "the column '/award/title' is there twice"),
    ],
)
def test_what_a_column_cannot_be(column: str, told: str) -> None:
    assert told in refusal(column)


@pytest.mark.parametrize("position", ["*", "-", "01", "1000", "99999", "٣", "+1", "x"])
def test_what_is_no_position(position: str) -> None:
    needed = ("/name", "/student_number", "/programme/title", "/programme/level", "/issued_on")
    told = refusal(
        "/courses/0/title", f"/courses/{position}/title", profile=TRANSCRIPT, needed=needed
    )
    assert "(column 7) is no claim" in told


def test_labels_of_items_have_no_position() -> None:
    label = TRANSCRIPT.labels["/courses/*/title"]["en"]
    needed = ("/name", "/student_number", "/programme/title", "/programme/level", "/issued_on")
    assert "is no claim" in refusal("/courses/0/title", label, profile=TRANSCRIPT, needed=needed)


def test_missing_columns_are_named_in_both_languages() -> None:
    told = refusal(needed=("/name", "/award/title", "/award/level", "/awarded_on"))
    assert told == (
        "there is no column for /student_number: "
        "it would be named so, or 'Student number' or '学号'"
    )
    assert "no column for /award/title" in refusal(needed=("/name", "/award/level"))


def test_a_required_array_has_an_item() -> None:
    needed = ("/name", "/student_number", "/programme/title", "/programme/level", "/issued_on")
    assert "there is no column for /courses" in refusal(profile=TRANSCRIPT, needed=needed)


def test_all_that_is_wrong_is_told_at_once() -> None:
    told = refusal("Grade", "Mood", needed=NEEDED[1:])
    assert all(name in told for name in ("'Grade'", "'Mood'", "/name"))


def test_a_map_is_an_object_of_pointers() -> None:
    assert parse_column_map(b'{" Who ": "/name", "Remarks": null}') == {
        "Who": "/name",
        "Remarks": None,
    }
    for data in (b"[]", b'{"a": 1}', b'{"a": "/name", "a": null}', b"{", b"\xff"):
        with pytest.raises(WrongColumnMap):
            parse_column_map(data)


def test_a_map_of_another_roster_is_refused() -> None:
    with pytest.raises(
        WrongColumnMap, match="the map has the column 'Who', and the roster has not"
    ):
        match(map=parse_column_map(json.dumps({"Who": "/name"}).encode()))


def test_a_column_is_found_by_its_name() -> None:
    assert find_column(("a", " File  name "), "File name") == 1
    with pytest.raises(MalformedHeader, match="there is no column 'b'"):
        find_column(("a",), "b")


@pytest.mark.parametrize(
    ("name", "pointer"),
    [
        ("学号", "/student_number"),
        (" Student   number ", "/student_number"),
        ("/award/title", "/award/title"),
        ("/award/colour", None),
        ("Shoe size", None),
        ("", None),
    ],
)
def test_the_claim_that_a_column_would_hold(name: str, pointer: str | None) -> None:
    assert find_pointer(name, DIPLOMA) == pointer
