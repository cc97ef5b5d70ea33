"""Whatever interrupts ``tally erase``, the same command finishes it; until then nothing else is
done in that directory."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from chalicelib.cli.erasure import destroying, erasing
from chalicelib.cli.failure import Unfinished
from chalicelib.cli.journal import lock
from tests.cli.desk import Desk, tally, tally_json
from tests.cli.registrar import Registrar
from tests.cli.test_erase import entry_ids, erase, erased, read_files
from tests.cli.test_resume import Killed, die_after

WRITES = (
    (erasing, "replace_file"),
    (erasing, "rewrite_file"),
    (erasing, "destroy_file"),
    (destroying, "_overwrite"),
    (destroying, "sync_directory"),
)
"""Whatever an erasure changes on the disk goes through one of these."""
MOST = 75
"""So many writes there are, a few more or less."""

NAMES = ("graduates-0002", "graduates-0004")


@pytest.fixture
def registrar(desk: Desk) -> Registrar:
    registrar = Registrar(desk)
    assert registrar.issue(registrar.roster(), form="both").exit_code == 0
    return registrar


def killed_after(count: int, monkeypatch: pytest.MonkeyPatch, registrar: Registrar) -> bool:
    """Whether the command was killed after so many writes."""
    left = die_after(count, lambda: None)
    for where, name in WRITES:
        real = getattr(where, name)

        def counted(*arguments: Any, _real: Any = real, **named: Any) -> object:
            left()
            return _real(*arguments, **named)

        monkeypatch.setattr(where, name, counted)
    try:
        assert erase(registrar.desk, registrar.out, *NAMES).exit_code == 0
    except Killed:
        return True
    finally:
        monkeypatch.undo()
        monkeypatch.setenv("TALLY_CONFIG", os.devnull)
    return False


def check_erased(registrar: Registrar, mine: set[str], before: dict[str, bytes]) -> None:
    """Those are gone, and the other is whole."""
    after = read_files(registrar.out)
    found = erased(registrar.desk, registrar.out)
    assert found.keys() == mine
    words = ("credential-files", "journal-lines", "receipt-salts", "seeds")
    assert {each.erasure.destroyed for each in found.values()} == {words}
    for trace in ("graduates-0002", "graduates-0004", "Ada Lovelace", "陈𬭎"):
        assert not [n for n, d in after.items() if trace in n or trace.encode() in d], trace
    assert {n: d for n, d in after.items() if "graduates-0003" in n} == {
        n: d for n, d in before.items() if "graduates-0003" in n
    }
    assert not (registrar.out / ".tally" / "erasing.json").exists()
    facts = registrar.facts(registrar.roster(), "--skip-bad", form="both")
    assert [each["row"] for each in facts["issued"]] == [3]


@pytest.mark.parametrize("count", range(0, MOST, 3))
def test_killed(count: int, registrar: Registrar, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = entry_ids(registrar.out / "receipts")
    mine = {entry for name, entry in ids.items() if name.startswith(NAMES)}
    before = read_files(registrar.out)
    known = len(registrar.desk.registered())
    assert killed_after(count, monkeypatch, registrar)
    assert erase(registrar.desk, registrar.out, *NAMES).exit_code == 0
    check_erased(registrar, mine, before)
    assert len(registrar.desk.registered()) == known


def test_there_are_no_more_writes_than_that(
    registrar: Registrar, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not killed_after(MOST + 3, monkeypatch, registrar)


@pytest.fixture
def interrupted(registrar: Registrar, monkeypatch: pytest.MonkeyPatch) -> Registrar:
    """Some files are gone, and others are not."""
    assert killed_after(30, monkeypatch, registrar)
    assert (registrar.out / ".tally" / "erasing.json").exists()
    return registrar


def test_nothing_is_issued_meanwhile(interrupted: Registrar) -> None:
    result = interrupted.issue(interrupted.roster(), "--skip-bad")
    assert result.exit_code == 2
    assert "tally erase --out" in result.stderr


def test_nothing_is_notarised_meanwhile(desk: Desk) -> None:
    desk.notarise()
    (desk.out / ".tally" / "erasing.json").write_bytes(b"{}")
    result = desk.notarise()
    assert result.exit_code == 2
    assert "tally erase --out" in result.stderr


def test_without_a_name_it_is_finished(interrupted: Registrar) -> None:
    assert erase(interrupted.desk, interrupted.out).exit_code == 0
    assert len(erased(interrupted.desk, interrupted.out)) == 4


def test_what_else_is_asked_for_goes_too(interrupted: Registrar) -> None:
    assert erase(interrupted.desk, interrupted.out, "graduates-0003").exit_code == 0
    assert len(erased(interrupted.desk, interrupted.out)) == 6


def test_the_key_of_another_issuer_does_not_finish_it(interrupted: Registrar) -> None:
    before = read_files(interrupted.out)
    other = interrupted.desk.path / "key-other.json"
    tally("keys", "new", "--issuer", "did:web:other.example", "--out", other)
    result = erase(interrupted.desk, interrupted.out, key=other)
    assert result.exit_code == 64
    assert read_files(interrupted.out) == before


def test_a_newer_key_of_the_issuer_does(interrupted: Registrar) -> None:
    newer = interrupted.desk.path / "key-newer.json"
    made = tally_json("keys", "new", "--issuer", "did:web:university.example", "--out", newer)
    interrupted.desk.register(made["jwk"])
    assert erase(interrupted.desk, interrupted.out, key=newer).exit_code == 0


@pytest.mark.parametrize("damage", [b"", b"[]", b"{}", b'{"iss":1}'])
def test_a_damaged_intent_stops_everything(interrupted: Registrar, damage: bytes) -> None:
    path: Path = interrupted.out / ".tally" / "erasing.json"
    members = json.loads(path.read_bytes())
    path.write_bytes(json.dumps({**members, "iss": 1}).encode() if b"iss" in damage else damage)
    before = read_files(interrupted.out)
    result = erase(interrupted.desk, interrupted.out, *NAMES)
    assert result.exit_code == 2
    assert "was damaged" in result.output
    assert read_files(interrupted.out) == before


def test_a_journal_that_was_replaced_is_not_written_to(desk: Desk) -> None:
    """A command that had opened the journal before it was rewritten finds another in its place."""
    desk.notarise()
    path = desk.out / ".tally" / "journal.jsonl"
    with path.open("r+b") as opened_before:
        erase(desk, desk.out, "ada.json")
        with pytest.raises(Unfinished, match="another tally command"):
            lock(opened_before, path)


@pytest.mark.parametrize("line", [b'{"erased": 1}', b'{"erased": [1]}', b'{"erased": [], "n": 1}'])
def test_a_damaged_list_stops_everything(registrar: Registrar, line: bytes) -> None:
    path = registrar.out / ".tally" / "issued.jsonl"
    path.write_bytes(path.read_bytes() + line + b"\n")
    for result in (
        erase(registrar.desk, registrar.out, *NAMES),
        registrar.issue(registrar.roster()),
    ):
        assert result.exit_code == 2
        assert "the list was damaged" in result.output.lower()
