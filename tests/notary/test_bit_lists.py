"""What changes do to statuses: the same as entry status documents say of each entry."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.notary.limits import LIST_GENERATIONS
from chalicelib.notary.status.bit_lists import FORMS, BitList, ListId, bits_url, parse_name
from chalicelib.notary.status.publish_bits import VALUES
from chalicelib.notary.status.statuses import (
    Mark,
    Statuses,
    change_statuses,
    format_statuses,
    parse_statuses,
)
from chalicelib.proof.credentials.status_list import PURPOSES
from chalicelib.proof.credentials.token_status_list import (
    INVALID,
    SUSPENDED,
    VALID,
    status_value,
)
from chalicelib.proof.entry_status import Change, EntryStatus, judge_status
from chalicelib.proof.errors import Invalid
from chalicelib.proof.hashes import sha256

ISSUER = "did:web:a.example"
ENTRY = sha256(b"entry")
END_S = 20

KINDS = st.sampled_from(sorted(VALUES))
TIMES = st.integers(0, END_S)
LIVES = st.lists(st.tuples(KINDS, TIMES, st.booleans()), max_size=8)
"""Of one entry: what changes, when it is effective, and whether the lists are made after it."""


def value_of(statuses: Statuses, position: int) -> int:
    return status_value(statuses.values, 2, position)


def judged(changes: list[Change], at_s: int) -> int:
    """What an entry status document says at a time."""
    status = EntryStatus("log", ISSUER, "", 0, 0, tuple(changes))
    try:
        judge_status(status, ENTRY, "log", ISSUER, at_s * 1000, at_s * 1000)
    except Invalid as error:
        return SUSPENDED if "suspended" in str(error) else INVALID
    return VALID


@given(LIVES, st.lists(TIMES, max_size=3))
def test_an_entrys_status_is_that_of_its_changes(
    life: list[tuple[str, int, bool]], later: list[int]
) -> None:
    """However often lists are made between the changes, and whenever these are effective."""
    statuses, waiting, changes, now_s = Statuses(), list[Mark](), list[Change](), 0
    for at, (kind, effective, makes) in enumerate(life):
        changes.append(Change(ENTRY, kind, effective, "", sha256(b"%d" % at)))
        waiting.append(Mark(5, VALUES[kind], effective))
        if makes:
            now_s = max(now_s, at)
            statuses, waiting = change_statuses(statuses, waiting, now_s), []
            assert value_of(statuses, 5) == judged(changes, now_s)
    for at_s in sorted({now_s, END_S, *(each for each in later if each > now_s)}):
        statuses, waiting = change_statuses(statuses, waiting, at_s), []
        assert value_of(statuses, 5) == judged(changes, at_s)
        assert parse_statuses(format_statuses(statuses)) == statuses
        assert statuses.due_s is None or statuses.due_s > at_s
    assert statuses.ahead == (), "in the end all is effective"


@given(st.lists(st.tuples(st.integers(0, 131_071), KINDS, TIMES), max_size=30))
def test_every_position_has_its_own_status(news: list[tuple[int, str, int]]) -> None:
    marks = [Mark(at, VALUES[kind], effective) for at, kind, effective in news]
    whole = change_statuses(Statuses(), marks, 10)
    for position in {mark.position for mark in marks}:
        own = [mark for mark in marks if mark.position == position]
        alone = change_statuses(Statuses(), own, 10)
        assert value_of(whole, position) == value_of(alone, position)
        assert [each for each in whole.ahead if each.position == position] == list(alone.ahead)


def test_what_is_not_yet_effective_is_due() -> None:
    marks = [Mark(1, SUSPENDED, 30), Mark(2, INVALID, 20), Mark(3, INVALID, 10)]
    statuses = change_statuses(Statuses(), marks, 10)
    assert [value_of(statuses, at) for at in (1, 2, 3)] == [VALID, VALID, INVALID]
    assert statuses.due_s == 20
    assert Statuses().due_s is None


@pytest.mark.parametrize(
    ("name", "id_"),
    [
        ("0", ListId(ISSUER, 0)),
        ("12-1", ListId(ISSUER, 12, 1)),
        (f"16777215-{LIST_GENERATIONS}", ListId(ISSUER, 16_777_215, LIST_GENERATIONS)),
    ],
)
def test_a_list_is_named_by_page_and_generation(name: str, id_: ListId) -> None:
    assert parse_name(ISSUER, name) == id_
    assert id_.name == name


@pytest.mark.parametrize("name", ["", "00", "0-0", "0-01", "0-1000", f"0-{LIST_GENERATIONS + 1}"])
def test_other_names_are_of_no_list(name: str) -> None:
    assert parse_name(ISSUER, name) is None


def test_forms_are_those_that_packages_of_others_know() -> None:
    assert FORMS == ("", *PURPOSES)


def test_lists_are_named_by_https_urls() -> None:
    id_ = ListId(ISSUER, 3, 1)
    whole = "https://127.0.0.1:4599/x/v1/issuers/did:web:a.example/lists/3-1"
    assert bits_url("http://127.0.0.1:4599/x", id_) == whole
    assert bits_url("http://127.0.0.1:4599/x", id_, "revocation") == f"{whole}/revocation"


def test_of_a_list_that_nobody_wanted_nothing_waits() -> None:
    assert BitList(ListId(ISSUER, 0)).waiting == ()
