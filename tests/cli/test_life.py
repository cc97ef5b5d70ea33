"""Documents suspended, reinstated, revoked and superseded from the command line."""

from __future__ import annotations

import itertools
import json
import os
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from chalicelib.bootstrap import publisher_of
from chalicelib.cli import life
from chalicelib.notary.publish import publish, register_notary
from chalicelib.notary.receipts import locate, receipt_of
from chalicelib.proof.entry_status import parse_entry_status
from chalicelib.proof.payload import StatusChange, Supersede
from chalicelib.proof.receipt import format_receipt, parse_receipt
from chalicelib.proof.times import format_time
from tests.cli.desk import Desk, tally, tally_json
from tests.cli.front import Canned, problem
from tests.cli.registrar import Registrar
from tests.cli.test_resume import Killed, die_after

NAME, OTHER = "ada.json", "siôn.json"


@pytest.fixture
def desk(desk: Desk) -> Desk:
    desk.notarise()
    return desk


@pytest.fixture(autouse=True)
def seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each command comes a second after the one before: what is signed in the same second is the
    same statement."""
    ahead_s = itertools.count()
    monkeypatch.setattr(life, "time", SimpleNamespace(time=lambda: time.time() + next(ahead_s)))


def order(desk: Desk, kind: str, *names: str, **options: object) -> list[object]:
    usual = {"key": desk.key, "url": desk.front.url, **options}
    flags = [part for name, value in usual.items() for part in (f"--{name}", value)]
    return [kind, *(desk.receipt_path(name) for name in names or (NAME,)), *flags]


def said(desk: Desk) -> list[StatusChange]:
    payloads = [each.statement.payload for each in desk.registered()]
    return [each for each in payloads if isinstance(each, StatusChange)]


def kept(desk: Desk) -> list[Path]:
    return [path for path in desk.out.iterdir() if path.suffix in (".revoke", ".suspend")]


class TestChanges:
    def test_several_documents_are_revoked_at_once(self, desk: Desk) -> None:
        told = tally_json(*order(desk, "revoke", NAME, OTHER, reason="misconduct"))
        changes = said(desk)
        assert {each.kind for each in changes} == {"revoke"}
        assert {each.reason for each in changes} == {"misconduct"}
        assert [each.target for each in changes] == [
            desk.receipt(name).statement.entry_id for name in (NAME, OTHER)
        ]
        by = [each.entry_id.hex() for each in desk.registered()[-2:]]
        assert [each["entry_id"] for each in told["receipts"]] == by
        assert kept(desk) == []

    def test_suspended_and_reinstated_with_reasons_that_are_usual(self, desk: Desk) -> None:
        assert "suspended by" in tally(*order(desk, "suspend")).stdout
        assert tally(*order(desk, "reinstate")).exit_code == 0
        assert [each.reason for each in said(desk)] == ["under-review", "review-closed"]

    def test_a_revocation_says_why(self, desk: Desk) -> None:
        assert tally(*order(desk, "revoke")).exit_code == 64
        assert tally(*order(desk, "revoke", reason="typo")).exit_code == 64
        assert said(desk) == []

    def test_it_takes_effect_when_it_is_said_to(self, desk: Desk) -> None:
        ms = desk.receipt(NAME).registered.block.timestamp_ms
        at = ms // 1000 + 60
        options = {"reason": "other", "effective": format_time(at * 1000)}
        assert tally(*order(desk, "revoke", **options)).exit_code == 0
        [change] = said(desk)
        assert change.effective == at
        assert tally(*order(desk, "suspend", effective="tomorrow")).exit_code == 64

    def test_what_cannot_be_is_refused_one_by_one(self, desk: Desk) -> None:
        tally(*order(desk, "revoke", reason="other"))
        result = tally(*order(desk, "revoke", NAME, OTHER, reason="misconduct"))
        assert result.exit_code == 1
        assert "[impossible-change]" in result.stderr
        assert f"{OTHER}.receipt.json: revoked by" in result.stdout
        assert len(said(desk)) == 2
        assert kept(desk) == []
        again = tally_json(*order(desk, "revoke", reason="key-compromised"))
        assert again["receipts"][0]["problem"] == "impossible-change"

    def test_doing_it_again_changes_nothing_and_is_no_error(self, desk: Desk) -> None:
        for kind, usual in (("suspend", {}), ("revoke", {"reason": "misconduct"})):
            first = tally_json(*order(desk, kind, NAME, OTHER, **usual))
            result = tally(*order(desk, kind, NAME, OTHER, **usual))
            assert result.exit_code == 0, result.output
            assert [line.split(": ")[1] for line in result.stdout.splitlines()] == [
                f"{'suspended' if kind == 'suspend' else 'revoked'} before, by {each['entry_id']}"
                for each in first["receipts"]
            ]
        assert len(said(desk)) == 4
        assert kept(desk) == []

    def test_what_is_not_suspended_need_not_be_reinstated(self, desk: Desk) -> None:
        tally(*order(desk, "suspend"))
        for _ in range(2):
            assert tally(*order(desk, "reinstate", NAME, OTHER)).exit_code == 0
        told = tally_json(*order(desk, "reinstate"))["receipts"]
        assert told == [{"receipt": str(desk.receipt_path(NAME)), "before": "not suspended"}]
        assert [each.kind for each in said(desk)] == ["suspend", "reinstate"]

    def test_other_words_about_what_was_said_before_are_refused(self, desk: Desk) -> None:
        at_ms = desk.receipt(NAME).registered.block.timestamp_ms + 60_000
        at = {"effective": format_time(at_ms)}
        assert tally(*order(desk, "revoke", reason="other", **at)).exit_code == 0
        assert tally(*order(desk, "revoke", reason="other", **at)).exit_code == 0
        assert tally(*order(desk, "revoke", reason="other")).exit_code == 0
        later = {"effective": format_time(at_ms + 1000)}
        assert tally(*order(desk, "revoke", reason="other", **later)).exit_code == 1
        assert tally(*order(desk, "revoke", reason="misconduct")).exit_code == 1
        assert tally(*order(desk, "suspend")).exit_code == 1
        assert tally(*order(desk, "reinstate")).exit_code == 1
        assert len(said(desk)) == 1

    def test_what_was_said_before_and_cannot_be_had_is_a_rejection(self, desk: Desk) -> None:
        tally(*order(desk, "revoke", reason="other"))
        by = desk.registered()[-1].entry_id.hex()
        for answer in (problem(404, "no-such-entry", "Not there."), Canned(200, b"{}")):
            desk.front.answer(f"GET /v1/receipts/{by}", answer)
            assert tally(*order(desk, "revoke", reason="other")).exit_code == 1

    def test_nothing_is_said_while_one_of_the_receipts_is_none(self, desk: Desk) -> None:
        desk.receipt_path(OTHER).write_bytes(b"{}")
        result = tally(*order(desk, "revoke", NAME, OTHER, reason="other"))
        assert (result.exit_code, said(desk), kept(desk)) == (1, [], [])
        assert "Is this a receipt (NAME.receipt.json)?" in result.stderr

    def test_a_command_that_was_interrupted_sends_the_same_bytes_again(self, desk: Desk) -> None:
        desk.front.answer("POST /entries", problem(400, "bad-query", "not today"))
        assert tally(*order(desk, "revoke", reason="other")).exit_code == 2
        [file] = kept(desk)
        entry = file.read_bytes()
        assert tally(*order(desk, "revoke", reason="misconduct")).exit_code == 64
        assert tally(*order(desk, "revoke", reason="other")).exit_code == 0
        assert desk.registered()[-1].entry == entry
        assert kept(desk) == []

    def test_a_job_that_failed_keeps_the_statement(self, desk: Desk) -> None:
        failed: dict[str, Any] = {"job": "0" * 64, "state": "failed", "problem": "missing-items: x"}
        desk.front.answer("POST /entries", Canned(201, json.dumps(failed).encode()))
        result = tally(*order(desk, "suspend"))
        assert (result.exit_code, "missing-items" in result.stderr) == (2, True)
        assert len(kept(desk)) == 1

    def test_a_statement_that_was_kept_for_another_document_is_not_sent(self, desk: Desk) -> None:
        desk.front.answer("POST /entries", problem(400, "bad-query", "not today"))
        tally(*order(desk, "suspend"))
        [file] = kept(desk)
        file.rename(file.with_name(f"{OTHER}.receipt.json.suspend"))
        result = tally(*order(desk, "suspend", OTHER))
        assert (result.exit_code, "about another document" in result.stderr) == (1, True)

    def test_only_the_issuer_of_a_document_speaks_of_it(self, desk: Desk, tmp_path: Path) -> None:
        other = tmp_path / "other.json"
        tally("keys", "new", "--issuer", "did:web:other.example", "--out", other)
        result = tally(*order(desk, "suspend", key=other))
        assert (result.exit_code, "did:web:other.example" in result.stderr) == (64, True)
        assert kept(desk) == []


class TestIssued:
    """Receipts of credentials that ``tally issue`` made, five and more at once."""

    @pytest.fixture
    def registrar(self, desk: Desk) -> Registrar:
        registrar = Registrar(desk)
        rows = [(f"Graduate {n}", f"S{n}", "Laws", "bachelor", "2025-07-09") for n in range(5)]
        registrar.issue(registrar.roster(rows), form="both")
        return registrar

    def order(self, registrar: Registrar, kind: str, *flags: str) -> list[object]:
        receipts = sorted((registrar.out / "receipts").glob("*.receipt.json"))
        desk = registrar.desk
        return [kind, *receipts, "--key", desk.key, "--url", desk.front.url, *flags]

    @pytest.mark.parametrize("kind", ["suspend", "revoke"])
    def test_all_at_once_and_each_is_told(self, registrar: Registrar, kind: str) -> None:
        order = self.order(registrar, kind, "--reason", "other")
        told = tally_json(*order)["receipts"]
        assert len(told) == len({each["entry_id"] for each in told}) == 10
        again = tally_json(*order)["receipts"]
        assert [each["before"][-64:] for each in again] == [each["entry_id"] for each in told]
        changes = said(registrar.desk)
        assert {change.target for change in changes} == {
            parse_receipt(path.read_bytes()).statement.entry_id
            for path in (registrar.out / "receipts").glob("*.receipt.json")
        }
        assert len(changes) == 10

    @pytest.mark.parametrize(
        ("where", "calls"),
        [("create_file", 3), ("submit", 0), ("_said_before", 0), ("_tell", 0)],
    )
    def test_killed(
        self,
        registrar: Registrar,
        monkeypatch: pytest.MonkeyPatch,
        where: str,
        calls: int,
    ) -> None:
        order = self.order(registrar, "revoke", "--reason", "withdrawn-by-holder")
        call = getattr(life, where)
        monkeypatch.setattr(life, where, die_after(calls, call))
        with pytest.raises(Killed):
            tally(*order)
        monkeypatch.undo()
        monkeypatch.setenv("TALLY_CONFIG", os.devnull)
        result = tally(*order)
        assert (result.exit_code, result.stdout.count("revoked")) == (0, 10)
        assert len(said(registrar.desk)) == 10
        assert not list((registrar.out / "receipts").glob("*.revoke"))


class TestSupersede:
    def command(self, desk: Desk, new: Path, **options: object) -> list[object]:
        usual = {"key": desk.key, "url": desk.front.url, "out": desk.out, **options}
        flags = [part for name, value in usual.items() for part in (f"--{name}", value)]
        return ["supersede", desk.receipt_path(NAME), new, *flags]

    def test_the_new_receipt_names_the_old_entry(self, desk: Desk) -> None:
        new = desk.write("ada-corrected.json", b'{"name": "Ada Lovelace"}')
        told = tally_json(*self.command(desk, new))
        assert (told["in"], told["done"], told["rejected"]) == (1, 1, [])
        old, receipt = desk.receipt(NAME), desk.receipt("ada-corrected.json")
        payload = receipt.statement.statement.payload
        assert isinstance(payload, Supersede)
        assert payload.target == old.statement.entry_id
        assert receipt.statement.statement.sub == old.statement.statement.sub
        receipts = desk.receipt_path("ada-corrected.json"), "--policy", desk.policy
        assert tally("verify", new, *receipts).exit_code == 0

    def test_doing_it_again_registers_nothing_twice(self, desk: Desk) -> None:
        new = desk.write("ada-corrected.json", b'{"name": "Ada Lovelace"}')
        tally(*self.command(desk, new))
        before = len(desk.registered())
        assert tally(*self.command(desk, new)).exit_code == 0
        assert len(desk.registered()) == before

    def test_a_name_that_was_notarised_for_itself_is_taken(self, desk: Desk) -> None:
        result = tally(*self.command(desk, desk.path / OTHER))
        assert (result.exit_code, "[already-notarised]" in result.stderr) == (1, True)

    def test_a_document_that_was_edited_in_place_takes_the_name_of_the_old(
        self, desk: Desk
    ) -> None:
        old = desk.receipt(NAME)
        new = desk.write(NAME, b'{"name": "Ada Lovelace"}')
        assert tally(*self.command(desk, new)).exit_code == 0
        assert desk.receipt("ada.superseded-1.json") == old
        payload = desk.receipt(NAME).statement.statement.payload
        assert isinstance(payload, Supersede)
        assert payload.target == old.statement.entry_id
        again = tally(*self.command(desk, new))
        assert (again.exit_code, "[already-notarised]" in again.stderr) == (1, True)
        assert len(desk.registered()) == 4

    def test_a_damaged_old_receipt_is_replaced(self, desk: Desk) -> None:
        old = desk.out.parent / "old.receipt.json"
        old.write_bytes(desk.receipt_path(NAME).read_bytes())
        desk.receipt_path(NAME).write_bytes(b"{}")
        new = desk.write(NAME, b'{"name": "Ada Lovelace"}')
        command = self.command(desk, new)
        command[1] = old
        assert tally(*command).exit_code == 0
        assert isinstance(desk.receipt(NAME).statement.statement.payload, Supersede)

    def test_an_entry_is_superseded_once(self, desk: Desk) -> None:
        tally(*self.command(desk, desk.write("second.json", b"{}")))
        result = tally(*self.command(desk, desk.write("third.json", b"[]")))
        assert (result.exit_code, "[impossible-change]" in result.stderr) == (1, True)

    def test_a_receipt_of_a_change_is_no_document(self, desk: Desk, tmp_path: Path) -> None:
        revoked = tally_json(*order(desk, "revoke", reason="other"))["receipts"][0]["entry_id"]
        receipt = tmp_path / "revocation.receipt.json"
        log = desk.front.service.log
        receipt.write_bytes(format_receipt(receipt_of(log, locate(log, revoked))))
        result = tally("suspend", receipt, "--key", desk.key, "--url", desk.front.url)
        assert (result.exit_code, "not the receipt of a document" in result.stderr) == (1, True)


def test_a_refreshed_receipt_carries_what_was_said(desk: Desk) -> None:
    service = desk.front.service
    assert service.notary is not None
    register_notary(service.notary, service.registry, service.log)
    publisher = publisher_of(service, lambda issuer, problem: None)
    assert publisher is not None
    tally(*order(desk, "suspend"))
    assert publish(publisher) > 0
    service.wake()
    path = desk.receipt_path(NAME)
    told = tally_json("receipt", "refresh", path, "--url", desk.front.url)
    assert {"issuer", "status"} <= set(told["receipts"][0]["gained"])
    status = desk.receipt(NAME).status
    assert status is not None
    assert [each.kind for each in parse_entry_status(status.document).changes] == ["suspend"]
