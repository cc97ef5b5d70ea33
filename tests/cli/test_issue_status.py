"""``tally issue`` and status lists: places are asked for once, kept, and stand in credentials."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from chalicelib.cli.journal import Journal
from chalicelib.cli.rosters import allotted
from chalicelib.cli.rosters.making import Shelves
from chalicelib.proof.credentials.data_integrity import verify_credential
from chalicelib.proof.credentials.sd_jwt_vc import verify_sd_jwt_vc
from chalicelib.proof.credentials.status_list import StatusEntry, read_status_entry
from tests.cli.desk import Desk
from tests.cli.front import Canned, Front, problem
from tests.cli.registrar import ADA, SION, Registrar
from tests.cli.test_resume import Killed, die

ASK = "POST /v1/status-entries"
AT_MS = 1_900_000_000_000


@pytest.fixture
def registrar(desk: Desk) -> Registrar:
    return Registrar(desk)


def lines(registrar: Registrar) -> list[dict[str, Any]]:
    path = registrar.out / ".tally" / "issued.jsonl"
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def subs(registrar: Registrar) -> list[str]:
    """In order, for that of the log is no other's."""
    return sorted(each.statement.sub for each in registrar.desk.registered())


# --- What stands in credentials, and in the log


def test_an_sd_jwt_vc_names_its_place_in_a_token_status_list(
    registrar: Registrar, front: Front
) -> None:
    registrar.issue(registrar.roster([ADA]))
    (entry,) = front.allotted.entries
    read = verify_sd_jwt_vc(registrar.credential("graduates-0002.sd-jwt"), registrar.key)
    assert read.status == {"status_list": {"idx": entry["index"], "uri": entry["list"]}}
    assert ("status",) not in read.verified.disclosed


def test_an_open_badge_names_its_places_in_bitstring_status_lists(
    registrar: Registrar, front: Front
) -> None:
    registrar.issue(registrar.roster([ADA]), form="open-badges")
    (entry,) = front.allotted.entries
    badge = registrar.badge("graduates-0002.json")
    statuses = verify_credential(badge, registrar.key, AT_MS).statuses
    assert [read_status_entry(dict(each)) for each in statuses] == [
        StatusEntry(purpose, entry["index"], f"{entry['list']}/{purpose}")
        for purpose in ("revocation", "suspension")
    ]


def test_each_is_registered_in_the_lineage_that_was_allotted(
    registrar: Registrar, front: Front
) -> None:
    registrar.issue(registrar.roster(), form="both")
    allotted = [each["sub"] for each in front.allotted.entries]
    assert allotted == [line["status"]["sub"] for line in lines(registrar)]
    assert subs(registrar) == sorted(allotted)
    places = [{"index": each["index"], "list": each["list"]} for each in front.allotted.entries]
    assert len({json.dumps(place) for place in places}) == len(allotted) == 6


def test_many_are_asked_for_at_a_time(
    registrar: Registrar, front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(allotted, "ALLOT_ENTRIES", 4)
    registrar.issue(registrar.roster(), form="both")
    assert front.allotted.asked == [4, 2]
    assert len(set(subs(registrar))) == 6


def test_what_was_issued_is_not_asked_for_again(registrar: Registrar, front: Front) -> None:
    registrar.issue(registrar.roster([ADA]))
    registrar.issue(registrar.roster([ADA, SION]), form="both")
    assert front.allotted.asked == [1, 3]


def test_a_dry_run_asks_for_nothing(registrar: Registrar, front: Front) -> None:
    assert registrar.issue(registrar.roster(), "--dry-run").exit_code == 0
    assert not front.seen


# --- Without


def test_who_wants_no_lists_asks_for_nothing(registrar: Registrar, front: Front) -> None:
    assert registrar.issue(registrar.roster(), "--no-status", form="both").exit_code == 0
    assert ASK not in front.seen
    assert len(set(subs(registrar))) == 6
    assert "status" not in registrar.credential("graduates-0002.sd-jwt").payload
    assert "credentialStatus" not in registrar.badge("graduates-0002.json")


def test_lists_of_before_there_were_places_are_read(registrar: Registrar, front: Front) -> None:
    registrar.issue(registrar.roster(), "--no-status")
    names = {"document", "claims", "form", "name", "seed", "iat", "kid", "sha-256"}
    assert all(line.keys() == {*names, "roster"} for line in lines(registrar))
    old = [{name: line[name] for name in names} for line in lines(registrar)]
    path = registrar.out / ".tally" / "issued.jsonl"
    path.write_text("".join(f"{json.dumps(line)}\n" for line in old))
    result = registrar.issue(registrar.roster())
    assert "3 rows in = 3 issued (3 of them before)" in result.stdout
    assert front.allotted.asked == []


@pytest.mark.parametrize(
    ("first", "then", "asked"),
    [(("--no-status",), (), [3]), ((), ("--no-status",), [3]), ((), (), [3])],
)
def test_what_was_not_signed_yet_is_made_as_is_asked_for_now(
    registrar: Registrar,
    front: Front,
    monkeypatch: pytest.MonkeyPatch,
    first: tuple[str, ...],
    then: tuple[str, ...],
    asked: list[int],
) -> None:
    monkeypatch.setattr(Shelves, "put", die)
    with pytest.raises(Killed):
        registrar.issue(registrar.roster(), *first)
    monkeypatch.undo()
    monkeypatch.setenv("TALLY_CONFIG", os.devnull)
    assert registrar.issue(registrar.roster(), *then).exit_code == 0
    payload = registrar.credential("graduates-0003.sd-jwt").payload
    assert ("status" in payload, front.allotted.asked) == (not then, asked)


# --- Whatever interrupts


def test_places_are_kept_before_anything_is_signed(
    registrar: Registrar, front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Journal, "add", die)
    with pytest.raises(Killed):
        registrar.issue(registrar.roster())
    assert [line["status"] for line in lines(registrar)] == front.allotted.entries
    monkeypatch.undo()
    monkeypatch.setenv("TALLY_CONFIG", os.devnull)
    registrar.issue(registrar.roster())
    assert front.allotted.asked == [3]
    assert subs(registrar) == sorted(each["sub"] for each in front.allotted.entries)


def test_a_lost_answer_wastes_places_and_nothing_else(
    registrar: Registrar, front: Front, pauses: list[float]
) -> None:
    front.answer(ASK, Canned(0), Canned(503))
    assert registrar.issue(registrar.roster()).exit_code == 0
    assert (front.allotted.asked, len(pauses)) == ([3, 3], 2)
    assert subs(registrar) == sorted(each["sub"] for each in front.allotted.entries[3:])


def test_a_service_without_lists_is_named(registrar: Registrar, front: Front) -> None:
    front.answer(ASK, problem(404, "no-such-route", "There is nothing here."))
    result = registrar.issue(registrar.roster())
    assert result.exit_code == 2
    assert "this service keeps no status lists; give --no-status" in result.stderr
    assert subs(registrar) == []


def test_a_service_that_refuses_is_quoted(registrar: Registrar, front: Front) -> None:
    front.answer(ASK, problem(403, "forbidden", "This token is not for that."))
    result = registrar.issue(registrar.roster())
    assert (result.exit_code, "This token is not for that." in result.stderr) == (2, True)
    assert registrar.files("credentials") == []


Entry = dict[str, Any]


def with_member(name: str, value: object) -> Callable[[list[Entry]], object]:
    def change(entries: list[Entry]) -> object:
        entries[1][name] = value
        return entries

    return change


def without_index(entries: list[Entry]) -> object:
    del entries[0]["index"]
    return entries


BAD_ANSWERS: dict[str, Callable[[list[Entry]], object]] = {
    "no list": lambda _: "entries",
    "one too few": lambda entries: entries[1:],
    "one too many": lambda entries: [*entries, {**entries[0], "sub": uuid4().urn}],
    "one twice": lambda entries: [*entries[:2], entries[0]],
    "an entry is none": lambda entries: [*entries[:2], "urn"],
    "no index": without_index,
    "an unknown member": with_member("bits", 2),
    "an index beyond the list": with_member("index", 131_072),
    "an index as text": with_member("index", "1"),
    "a lineage that is no UUID": with_member("sub", "urn:uuid:1"),
    "a lineage that is not random": with_member(
        "sub", "urn:uuid:6ba7b810-9dad-11d1-80b4-00c04fd430c8"
    ),
    "a list without TLS": with_member("list", "http://tally.example/lists/0"),
    "a list whose address breaks off": with_member("list", "https://tally.example/a b"),
}


@pytest.mark.parametrize("name", BAD_ANSWERS)
def test_an_answer_that_is_none_issues_nothing(
    registrar: Registrar, front: Front, name: str
) -> None:
    list_ = "https://tally.example/v1/issuers/did:web:university.example/lists/0"
    entries = [{"sub": uuid4().urn, "list": list_, "index": index} for index in (7, 131_071, 0)]
    bad = json.dumps({"entries": BAD_ANSWERS[name](entries)}).encode()
    front.answer(ASK, Canned(201, bad))
    result = registrar.issue(registrar.roster())
    assert (result.exit_code, "the service allotted " in result.stderr) == (2, True)
    assert subs(registrar) == []
    assert not (registrar.out / ".tally" / "issued.jsonl").read_bytes()


# --- A list that was damaged


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"status": {"sub": "urn:uuid:', b'"status": {"sub": "urn:guid:'),
        (b'"index": ', b'"idx": '),
        (b'"status": {', b'"state": {'),
        (b'"list": "https:', b'"list": "ftp:'),
        (b'"generation": 1', b'"generation": 0'),
        (b'"generation": 1', b'"generation": true'),
        (b'"supersedes": {"entry": "', b'"supersedes": {"entry": "0'),
        (b'"supersedes": {"entry"', b'"supersedes": {"target"'),
    ],
)
def test_a_damaged_line_is_named(registrar: Registrar, old: bytes, new: bytes) -> None:
    for row in (("Ada Lovlace", *ADA[1:]), ADA):
        registrar.issue(registrar.roster([row]), "--correct")
    path = registrar.out / ".tally" / "issued.jsonl"
    first, second = path.read_bytes().splitlines(keepends=True)
    assert second.count(old) == 1
    path.write_bytes(first + second.replace(old, new))
    result = registrar.issue(registrar.roster([ADA]))
    assert result.exit_code == 2
    assert "issued.jsonl, line 2: " in result.stderr
