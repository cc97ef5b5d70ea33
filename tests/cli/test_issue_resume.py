"""Whatever interrupts ``tally issue``, the same command finishes it; nothing is issued twice."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chalicelib.cli import notarise
from chalicelib.cli.files import replace_file
from chalicelib.cli.journal import Journal, open_journal
from chalicelib.cli.rosters import issuing, making
from chalicelib.cli.rosters.issued import IssuedList, open_issued
from chalicelib.cli.rosters.making import Shelves
from chalicelib.cli.rosters.reconciliation import Reconciliation
from chalicelib.proof.credentials.sd_jwt_vc import verify_sd_jwt_vc
from chalicelib.proof.hashes import sha256
from tests.cli.desk import UNIVERSITY, Desk, tally_json
from tests.cli.front import Front, problem
from tests.cli.registrar import ADA, GRADUATES, Registrar
from tests.cli.test_resume import Killed, die, die_after

STAGES: dict[str, tuple[object, str, Callable[..., object]]] = {
    "before anything is kept": (IssuedList, "add", die),
    "listed, before a file is written": (Shelves, "put", die),
    "between two files": (making, "replace_file", die_after(3, replace_file)),
    "made, before it is registered": (issuing, "notarise", die),
    "before statements are kept": (Journal, "add", die),
    "signed, in no batch": (Journal, "plan", die),
    "before statements are sent": (notarise, "submit", die),
    "integrated, before receipts are asked for": (notarise, "job_receipts", die),
    "between two receipts": (notarise, "replace_file", die_after(1, replace_file)),
    "before a credential is handed out": (Shelves, "hand_out", die),
    "between two credentials": (Shelves, "hand_out", die_after(2, Shelves.hand_out)),
    "before the reconciliation": (Reconciliation, "write", die),
}


@pytest.fixture
def registrar(desk: Desk) -> Registrar:
    return Registrar(desk)


def listed(registrar: Registrar) -> list[dict[str, Any]]:
    path = registrar.out / ".tally" / "issued.jsonl"
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def issue_all(registrar: Registrar) -> None:
    """To the end, with every credential as it was listed, and registered exactly once."""
    facts = registrar.facts(registrar.roster(), form="both")
    assert (facts["in"], len(facts["issued"]), facts["rejected"]) == (3, 3, [])
    credentials = registrar.bytes_of("credentials")
    digests = {sha256(data).hex() for name, data in credentials.items() if ".jwt" not in name}
    assert digests == {line["sha-256"] for line in listed(registrar)}
    with open_journal(registrar.out / "receipts") as journal:
        signed = {item.name: item.statement for item in journal.signed}
    assert set(signed) == {name for name in credentials if ".sd-jwt" not in name}
    statements = registrar.desk.registered()
    listed_subs = {line["status"]["sub"] for line in listed(registrar)[-6:]}
    assert {each.statement.sub for each in statements} == listed_subs
    entries = [statement.entry for statement in statements]
    assert sorted(entries) == sorted(statement.entry for statement in signed.values())


@pytest.mark.parametrize("stage", STAGES)
def test_killed(stage: str, registrar: Registrar, monkeypatch: pytest.MonkeyPatch) -> None:
    where, name, death = STAGES[stage]
    monkeypatch.setattr(where, name, death)
    with pytest.raises(Killed):
        registrar.issue(registrar.roster(), form="both")
    monkeypatch.undo()
    monkeypatch.setenv("TALLY_CONFIG", os.devnull)
    assert not (registrar.out / "reconciliation.json").exists()
    before, files = listed(registrar), registrar.bytes_of(".tally/made")
    issue_all(registrar)
    assert listed(registrar)[: len(before)] == before
    credentials = registrar.bytes_of("credentials")
    assert files == {name: credentials[name] for name in files}


def test_doing_it_again_changes_nothing(registrar: Registrar, front: Front) -> None:
    issue_all(registrar)
    before = {p: p.read_bytes() for p in registrar.out.rglob("*") if p.is_file()}
    front.seen.clear()
    result = registrar.issue(registrar.roster(), form="both")
    assert "3 rows in = 3 issued (3 of them before) + 0 rejected" in result.stdout
    after = {p: p.read_bytes() for p in registrar.out.rglob("*") if p.is_file()}
    assert {p for p in after if after[p] != before.get(p)} == {
        registrar.out / "reconciliation.json"
    }
    assert (after.keys(), front.seen) == (before.keys(), {})


def test_a_service_that_fails_is_asked_again_later(registrar: Registrar, front: Front) -> None:
    front.answer("POST /entries", problem(403, "forbidden", "Not today."))
    result = registrar.issue(registrar.roster(), form="both")
    assert result.exit_code == 2
    assert registrar.files("credentials") == []
    issue_all(registrar)


@pytest.mark.parametrize("lost", range(1, 400, 57))
def test_a_power_cut_while_the_list_is_written(
    lost: int, registrar: Registrar, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Shelves, "put", die)
    with pytest.raises(Killed):
        registrar.issue(registrar.roster(), form="both")
    monkeypatch.undo()
    monkeypatch.setenv("TALLY_CONFIG", os.devnull)
    path = registrar.out / ".tally" / "issued.jsonl"
    path.write_bytes(path.read_bytes()[:-lost])
    issue_all(registrar)


def test_a_power_cut_while_the_key_is_written(registrar: Registrar) -> None:
    (registrar.out / ".tally").mkdir(parents=True)
    (registrar.out / ".tally" / "issued.key").write_bytes(b"")
    (registrar.out / ".tally" / "issued.jsonl").write_bytes(b"")
    assert registrar.issue(registrar.roster(), "--dry-run").exit_code == 0
    issue_all(registrar)


# --- What is lost or damaged


@pytest.mark.parametrize("name", ["graduates-0002.sd-jwt", "graduates-0002.json"])
def test_a_lost_credential_is_made_again(registrar: Registrar, name: str) -> None:
    issue_all(registrar)
    before = registrar.bytes_of("credentials")
    (registrar.out / "credentials" / name).unlink()
    issue_all(registrar)
    assert registrar.bytes_of("credentials") == before


def test_a_damaged_credential_is_made_again(registrar: Registrar) -> None:
    issue_all(registrar)
    before = registrar.bytes_of("credentials")
    for name in before:
        (registrar.out / "credentials" / name).write_bytes(b"{}")
    issue_all(registrar)
    assert registrar.bytes_of("credentials") == before


def test_a_lost_credential_of_another_key_is_not_replaced(registrar: Registrar) -> None:
    registrar.issue(registrar.roster([ADA]))
    newer = registrar.desk.path / "key2.json"
    made = tally_json("keys", "new", "--issuer", UNIVERSITY, "--out", newer)
    registrar.desk.register(made["jwk"])
    assert registrar.issue(registrar.roster([ADA]), key=newer).exit_code == 0
    verify_sd_jwt_vc(registrar.credential("graduates-0002.sd-jwt"), registrar.key)
    (registrar.out / "credentials" / "graduates-0002.sd-jwt").unlink()
    result = registrar.issue(registrar.roster([ADA]), key=newer)
    assert result.exit_code == 2
    assert "graduates-0002.sd-jwt is missing or damaged" in result.stderr
    assert len(registrar.desk.registered()) == 1


def damage_line(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b'"form"', b'"from"', 1))


def rename_form(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b'"sd-jwt-vc"', b'"paper"', 1))


def remove_key(path: Path) -> None:
    path.with_name("issued.key").unlink()


def damage_key(path: Path) -> None:
    path.with_name("issued.key").write_bytes(b"\xff")


@pytest.mark.parametrize("damage", [damage_line, rename_form, remove_key, damage_key])
@pytest.mark.parametrize("flags", [(), ("--dry-run",)])
def test_without_a_whole_list_nothing_is_issued(
    registrar: Registrar, damage: Callable[[Path], None], flags: tuple[str, ...]
) -> None:
    registrar.issue(registrar.roster())
    damage(registrar.out / ".tally" / "issued.jsonl")
    result = registrar.issue(registrar.roster(), *flags)
    assert result.exit_code == 2
    assert "would be issued twice" in result.stderr
    assert len(registrar.desk.registered()) == len(GRADUATES)


def test_one_command_at_a_time(registrar: Registrar, front: Front) -> None:
    with open_issued(registrar.out):
        result = registrar.issue(registrar.roster())
    assert result.exit_code == 2
    assert "another tally command is writing to" in result.stderr
    assert not front.seen


def test_where_nothing_can_be_written(registrar: Registrar) -> None:
    registrar.out.write_bytes(b"a file where the directory should be")
    assert registrar.issue(registrar.roster()).exit_code == 2
    assert registrar.issue(registrar.roster(), "--dry-run").exit_code == 2


def test_where_credentials_cannot_be_written(registrar: Registrar) -> None:
    registrar.out.mkdir()
    (registrar.out / "credentials").write_bytes(b"")
    result = registrar.issue(registrar.roster())
    assert result.exit_code == 2
    assert "cannot write in" in result.stderr


def test_where_a_credential_cannot_be_read(registrar: Registrar) -> None:
    registrar.issue(registrar.roster([ADA]))
    path = registrar.out / "credentials" / "graduates-0002.sd-jwt"
    path.unlink()
    path.mkdir()
    result = registrar.issue(registrar.roster([ADA]))
    assert result.exit_code == 2
    assert f"cannot read {path}" in result.stderr


def test_receipts_made_by_another_command_are_left_alone(registrar: Registrar) -> None:
    (registrar.out / "receipts").mkdir(parents=True)
    receipt = registrar.out / "receipts" / "graduates-0002.jwt.receipt.json"
    receipt.write_bytes(b"precious")
    facts = registrar.facts(registrar.roster([ADA]))
    assert facts["rejected"][0]["problems"][0]["problem"] == "receipt-exists"
    assert receipt.read_bytes() == b"precious"


def test_names_stay_as_they_were(registrar: Registrar) -> None:
    """A roster in another order, and with fewer rows, keeps every name as it was."""
    issue_all(registrar)
    facts = registrar.facts(registrar.roster(list(reversed(GRADUATES))[:2]), form="both")
    assert [each["name"] for each in facts["issued"]] == ["graduates-0004", "graduates-0003"]
