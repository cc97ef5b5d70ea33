"""Whatever interrupts a correction, the same command finishes it: each credential is superseded
once, and no old one is lost."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from chalicelib.cli import notarise
from chalicelib.cli.files import replace_file
from chalicelib.cli.journal import Journal
from chalicelib.cli.rosters import issuing, making
from chalicelib.cli.rosters.issued import IssuedList
from chalicelib.cli.rosters.making import Shelves
from chalicelib.cli.rosters.reconciliation import Reconciliation
from chalicelib.proof.payload import Register, Supersede
from chalicelib.proof.receipt import parse_receipt
from tests.cli.desk import UNIVERSITY, Desk, tally
from tests.cli.front import Front, problem
from tests.cli.registrar import ADA, CHEN, SION, Registrar
from tests.cli.test_resume import Killed, die, die_after

WRONG = [("Ada Lovlace", *ADA[1:]), ("Sion Llyr", *SION[1:])]
RIGHT = [ADA, SION, CHEN]
"""The second roster corrects two rows of the first, and adds one."""

STAGES: dict[str, tuple[object, str, Callable[..., object]]] = {
    "before anything is kept": (IssuedList, "add", die),
    "listed, before a file is written": (Shelves, "put", die),
    "made, before it is registered": (issuing, "notarise", die),
    "before statements are kept": (Journal, "add", die),
    "signed, in no batch": (Journal, "plan", die),
    "before statements are sent": (notarise, "submit", die),
    "integrated, before receipts are asked for": (notarise, "job_receipts", die),
    "an old receipt aside, before a new one is kept": (notarise, "replace_file", die),
    "between two receipts": (notarise, "replace_file", die_after(1, replace_file)),
    "before an old credential is put aside": (Shelves, "_put_aside", die),
    "between two files of an old credential": (
        making,
        "replace_file",
        die_after(10, replace_file),
    ),
    "before the reconciliation": (Reconciliation, "write", die),
}


@pytest.fixture
def registrar(desk: Desk) -> Registrar:
    return Registrar(desk)


def correct_all(registrar: Registrar, old: dict[str, bytes]) -> None:
    """To the end: old credentials are kept as they were, and every entry is there exactly once."""
    facts = registrar.facts(registrar.roster(RIGHT), "--correct", form="both")
    assert (facts["in"], len(facts["issued"]), facts["rejected"]) == (3, 3, [])
    kept = registrar.bytes_of("credentials")
    assert {name: kept[name.replace(".", ".superseded-1.")] for name in old} == old
    assert len(kept) == len(old) + 3 * 3
    assert len(registrar.files("receipts")) == 4 + 6
    check_log(registrar, facts)


def check_log(registrar: Registrar, facts: dict[str, object]) -> None:
    """Six registered, four of them superseded, each as the reconciliation says."""
    statements = registrar.desk.registered()
    payloads = [each.statement.payload for each in statements]
    assert sum(isinstance(each, Register) for each in payloads) == 4 + 2
    targets = {
        each.target.hex(): signed.entry_id.hex()
        for each, signed in zip(payloads, statements, strict=True)
        if isinstance(each, Supersede)
    }
    assert len(targets) == len(statements) - 6 == 4
    issued = facts["issued"]
    assert isinstance(issued, list)
    told = [old for each in issued for old in each.get("supersedes", ())]
    assert targets == {each["entry_id"]: each["by"] for each in told}
    for each in told:
        receipt = parse_receipt((registrar.out / each["receipt"]).read_bytes())
        assert receipt.statement.entry_id.hex() == each["entry_id"]


def kill(
    monkeypatch: pytest.MonkeyPatch, where: tuple[object, str, object], issue: Callable[[], object]
) -> None:
    monkeypatch.setattr(*where)
    with pytest.raises(Killed):
        issue()
    monkeypatch.undo()
    monkeypatch.setenv("TALLY_CONFIG", os.devnull)


def correct(registrar: Registrar) -> Result:
    return registrar.issue(registrar.roster(RIGHT), "--correct", form="both")


@pytest.mark.parametrize("stage", STAGES)
def test_killed(stage: str, registrar: Registrar, monkeypatch: pytest.MonkeyPatch) -> None:
    registrar.issue(registrar.roster(WRONG), form="both")
    old = registrar.bytes_of("credentials")
    kill(monkeypatch, STAGES[stage], lambda: correct(registrar))
    correct_all(registrar, old)


@pytest.mark.parametrize("files", range(0, 35, 3))
def test_killed_between_any_two_files(
    files: int, registrar: Registrar, monkeypatch: pytest.MonkeyPatch
) -> None:
    registrar.issue(registrar.roster(WRONG), form="both")
    old = registrar.bytes_of("credentials")
    death = (Path, "replace", die_after(files, Path.replace))
    kill(monkeypatch, death, lambda: correct(registrar))
    correct_all(registrar, old)


def test_doing_it_again_changes_nothing(registrar: Registrar, front: Front) -> None:
    registrar.issue(registrar.roster(WRONG), form="both")
    old = registrar.bytes_of("credentials")
    correct_all(registrar, old)
    before = {p: p.read_bytes() for p in registrar.out.rglob("*") if p.is_file()}
    front.seen.clear()
    correct_all(registrar, old)
    after = {p: p.read_bytes() for p in registrar.out.rglob("*") if p.is_file()}
    changed = [p.name for p in after if after[p] != before.get(p)]
    assert (changed, after.keys()) == (["reconciliation.json"], before.keys())
    assert not front.seen


def test_a_service_that_fails_is_asked_again_later(registrar: Registrar, front: Front) -> None:
    registrar.issue(registrar.roster(WRONG), form="both")
    old = registrar.bytes_of("credentials")
    front.answer("POST /entries", problem(403, "forbidden", "Not today."))
    assert correct(registrar).exit_code == 2
    assert registrar.bytes_of("credentials") == old
    correct_all(registrar, old)


FIRST_STAGES: dict[str, tuple[object, str, Callable[..., object]]] = {
    "signed, in no batch": (Journal, "plan", die),
    "before statements are sent": (notarise, "submit", die),
    "integrated, before receipts are asked for": (notarise, "job_receipts", die),
    "between two receipts": (notarise, "replace_file", die_after(1, replace_file)),
    "before a credential is handed out": (Shelves, "hand_out", die),
    "between two credentials": (Shelves, "hand_out", die_after(1, Shelves.hand_out)),
    "before the reconciliation": (Reconciliation, "write", die),
}


@pytest.mark.parametrize("stage", FIRST_STAGES)
def test_what_an_interrupted_run_signed_is_registered_before_it_is_superseded(
    stage: str, registrar: Registrar, monkeypatch: pytest.MonkeyPatch
) -> None:
    roster = registrar.roster(WRONG)
    kill(monkeypatch, FIRST_STAGES[stage], lambda: registrar.issue(roster, form="both"))
    made = registrar.bytes_of(".tally/made") | registrar.bytes_of("credentials")
    correct_all(registrar, made)


@pytest.mark.parametrize("files", range(10, 16))
def test_what_an_interrupted_run_was_handing_out_is_kept(
    files: int, registrar: Registrar, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Six files are made, then four receipts, and six files are handed out."""
    roster = registrar.roster(WRONG)
    death = (Path, "replace", die_after(files, Path.replace))
    kill(monkeypatch, death, lambda: registrar.issue(roster, form="both"))
    correct_all(registrar, registrar.bytes_of(".tally/made") | registrar.bytes_of("credentials"))


def test_an_old_credential_that_was_lost_is_superseded_all_the_same(registrar: Registrar) -> None:
    registrar.issue(registrar.roster(WRONG))
    (registrar.out / "credentials" / "graduates-0002.sd-jwt").unlink()
    facts = registrar.facts(registrar.roster(RIGHT), "--correct")
    assert (len(facts["issued"]), len(registrar.desk.registered())) == (3, 5)
    kept = registrar.files("credentials")
    assert "graduates-0003.superseded-1.sd-jwt" in kept
    assert "graduates-0002.superseded-1.sd-jwt" not in kept


def test_what_was_made_and_not_signed_is_made_anew(
    registrar: Registrar, monkeypatch: pytest.MonkeyPatch
) -> None:
    roster = registrar.roster(WRONG)
    kill(monkeypatch, (issuing, "notarise", die), lambda: registrar.issue(roster, form="both"))
    facts = registrar.facts(registrar.roster(RIGHT), form="both")
    assert len(facts["issued"]) == 3
    assert all("supersedes" not in each for each in facts["issued"])
    assert len(registrar.desk.registered()) == 6


def test_a_correction_that_was_interrupted_is_corrected(
    registrar: Registrar, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three rosters, the second of which got no further than signing."""
    registrar.issue(registrar.roster(WRONG), form="both")
    typo = registrar.roster([("Ada Lovelase", *ADA[1:]), WRONG[1]])
    order = registrar.order(typo, "--correct", form="both")
    kill(monkeypatch, (notarise, "submit", die), lambda: tally(*order))
    facts = registrar.facts(registrar.roster([ADA, WRONG[1]]), "--correct", form="both")
    assert len(facts["issued"]) == 2
    names = ("graduates-0002.superseded-1", "graduates-0002.superseded-2", "graduates-0002")
    said = [registrar.credential(f"{name}.sd-jwt").payload["name"] for name in names]
    assert said == ["Ada Lovlace", "Ada Lovelase", "Ada Lovelace"]
    for name in names:
        jwt = registrar.out / "credentials" / f"{name}.jwt"
        assert registrar.verify(jwt, f"{name}.jwt.receipt.json").exit_code == 0
    assert len(registrar.desk.registered()) == 4 + 2 + 2


def test_what_the_service_refuses_after_all_is_not_superseded(
    registrar: Registrar, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first run signed with a key that the service does not know, and did not hear so."""
    stranger = registrar.desk.path / "key2.json"
    tally("keys", "new", "--issuer", UNIVERSITY, "--out", stranger)
    given = {"key": stranger, "token": registrar.desk.front.token()}
    order = registrar.order(registrar.roster(WRONG), **given)
    kill(monkeypatch, (notarise, "submit", die), lambda: tally(*order))
    facts = registrar.facts(registrar.roster(RIGHT), "--correct")
    assert [("supersedes" in each) for each in facts["issued"]] == [False] * 3
    assert len(registrar.desk.registered()) == 3
    assert len(registrar.files("credentials")) == 6
