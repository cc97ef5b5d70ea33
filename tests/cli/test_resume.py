"""Whatever interrupts ``tally notarise``, the same command finishes it, and nothing is twice."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from chalicelib.cli import notarise
from chalicelib.cli.files import replace_file
from chalicelib.cli.journal import Journal
from tests.cli.desk import Desk, tally_json
from tests.cli.front import Canned


class Killed(BaseException):
    """The process died here."""


def die(*_: object, **__: object) -> None:
    raise Killed


def die_after(count: int, call: Callable[..., object]) -> Callable[..., object]:
    left = [count]

    def counted(*arguments: object, **named: object) -> object:
        if not left[0]:
            raise Killed
        left[0] -= 1
        return call(*arguments, **named)

    return counted


STAGES: dict[str, tuple[object, str, Callable[..., object]]] = {
    "before anything is kept": (Journal, "add", die),
    "signed, in no batch": (Journal, "plan", die),
    "in a batch, before it is sent": (notarise, "submit", die),
    "integrated, before receipts are asked for": (notarise, "job_receipts", die),
    "before the first receipt is kept": (notarise, "replace_file", die),
    "between two receipts": (notarise, "replace_file", die_after(1, replace_file)),
}


@pytest.mark.parametrize("stage", STAGES)
def test_killed(stage: str, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    where, name, death = STAGES[stage]
    monkeypatch.setattr(where, name, death)
    with pytest.raises(Killed):
        desk.notarise()
    monkeypatch.undo()
    monkeypatch.setenv("TALLY_CONFIG", os.devnull)
    signed = [item.statement.entry for item in desk.journal()]
    assert tally_json(*desk.order())["done"] == 3
    entries = [statement.entry for statement in desk.registered()]
    assert sorted(entries) == sorted(item.statement.entry for item in desk.journal())
    assert not signed or sorted(entries) == sorted(signed)


@pytest.mark.parametrize("lost", range(1, 40, 4))
def test_power_cut_while_the_journal_is_written(desk: Desk, lost: int) -> None:
    """Lines that were not finished were never sent."""
    desk.notarise()
    journal = desk.out / ".tally" / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    torn = desk.path / "torn"
    (torn / ".tally").mkdir(parents=True)
    (torn / ".tally" / "journal.jsonl").write_bytes(lines[0] + lines[1][:-lost])
    assert tally_json(*desk.order(out=torn))["done"] == 3
    # The first statement was registered by the first run already, and is not registered again.
    assert len(desk.registered()) == 3 + 2


def test_the_answer_is_lost(desk: Desk, pauses: list[float]) -> None:
    desk.front.answer("POST /entries", Canned(0), Canned(0))
    assert desk.notarise().exit_code == 0
    assert desk.front.seen["POST /entries"] == 3
    assert len(desk.registered()) == 3


def test_the_answer_is_lost_and_the_service_with_it(desk: Desk, pauses: list[float]) -> None:
    desk.front.answer("POST /entries", Canned(0), *[Canned(503)] * 50)
    result = desk.notarise()
    assert result.exit_code == 2
    assert "Run the same command again" in result.stderr
    desk.front.faults.clear()
    facts = tally_json(*desk.order())
    assert facts["done"] == 3
    assert len(desk.registered()) == 3


def test_what_is_not_finished_is_counted(desk: Desk, pauses: list[float]) -> None:
    desk.write("broken.json", b"{")
    desk.front.answer("POST /entries", *[Canned(503)] * 50)
    facts = tally_json(*desk.order())
    assert facts["in"] == facts["done"] + len(facts["rejected"]) + facts["waiting"]
    assert (facts["done"], facts["waiting"]) == (0, 3)
    assert "cannot reach" in facts["error"]


def test_a_killed_process(desk: Desk) -> None:
    command = [sys.executable, "-m", "chalicelib.cli", *map(str, desk.order())]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    desk.front.after["POST /entries"] = process.kill
    process.wait(60)
    assert process.returncode < 0
    desk.front.after.clear()
    assert tally_json(*desk.order())["done"] == 3
    assert len(desk.registered()) == 3


def test_ctrl_c(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(notarise, "submit", interrupt)
    result = desk.notarise()
    assert result.exit_code == 2
    assert "run the same command again" in result.stderr


def test_an_upload_is_taken_up_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chalicelib.cli.submit.BULK_ITEMS", 2)
    monkeypatch.setattr("chalicelib.cli.submit._put", die)
    with pytest.raises(Killed):
        desk.notarise()
    monkeypatch.undo()
    monkeypatch.setenv("TALLY_CONFIG", os.devnull)
    monkeypatch.setattr("chalicelib.cli.submit.BULK_ITEMS", 2)
    assert desk.notarise().exit_code == 0
    assert len(desk.registered()) == 3


def test_two_commands_at_once(desk: Desk) -> None:
    results: list[int] = []
    desk.front.after["POST /entries"] = lambda: results.append(desk.notarise().exit_code)
    assert desk.notarise().exit_code == 0
    assert results == [2]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"salt": "', b'"salt": "0'),
        (b'"sm3": "', b'"sm3": "zz'),
        (b'"type": "document"', b'"type": "letter"'),
        (b'"documents": [', b'"documents": [7, '),
        (b"{", b"["),
    ],
)
def test_a_damaged_journal_stops_everything(desk: Desk, old: bytes, new: bytes) -> None:
    desk.notarise()
    journal = desk.out / ".tally" / "journal.jsonl"
    journal.write_bytes(journal.read_bytes().replace(old, new, 1))
    result = desk.notarise()
    assert result.exit_code == 2
    assert "journal" in result.stderr
    assert "damaged" in result.stderr


def test_a_salt_that_is_not_the_statements(desk: Desk) -> None:
    desk.notarise()
    journal = desk.out / ".tally" / "journal.jsonl"
    one, other = (item.holder.salt.hex().encode() for item in desk.journal()[:2])
    journal.write_bytes(journal.read_bytes().replace(one, other))
    assert desk.notarise().exit_code == 2


def test_where_nothing_can_be_written(desk: Desk) -> None:
    desk.out.write_bytes(b"a file where the directory should be")
    result = desk.notarise()
    assert result.exit_code == 2
    assert str(desk.out) in result.stderr
