"""An issuer's keys in time, end to end: rotation with overlap, a theft, attempts to backdate."""

from __future__ import annotations

import uuid
from dataclasses import replace
from pathlib import Path

import pytest
from chalice.test import HTTPResponse
from click.testing import Result

from chalicelib import bootstrap
from chalicelib.cli.keyfile import read_key
from chalicelib.notary.receipts import locate, receipt_of
from chalicelib.proof.hashes import sha256, sm3
from chalicelib.proof.receipt import format_receipt
from chalicelib.proof.statement import Register, entry_id, sign_statement
from chalicelib.proof.times import format_time
from tests.api.world import STATEMENT, problem_of
from tests.cli.desk import UNIVERSITY, Desk, tally, tally_json
from tests.cli.front import Front
from tests.cli.operators import Websites, checked, kid_of, make_key, shown

YEAR_S = 365 * 86_400
OLD, NEW, LATER = "ada.json", "siôn.json", "王小明.json"


@pytest.fixture
def desk(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Its operator works on the same service."""
    monkeypatch.setattr(bootstrap, "service_from_env", lambda _: desk.front.service)
    return desk


def change(command: str, public: Path, *flags: object) -> Result:
    return tally("operator", "issuer", command, UNIVERSITY, kid_of(public), *flags)


def verify(desk: Desk, name: str) -> Result:
    """By the policy as the operator gives it out now."""
    desk.policy.write_text(tally("operator", "policy").stdout)
    return tally("verify", desk.path / name, desk.receipt_path(name), "--policy", desk.policy)


def registered_ms(desk: Desk, name: str) -> int:
    return desk.receipt(name).registered.block.timestamp_ms


@pytest.fixture
def public(desk: Desk) -> Path:
    return desk.path / "key.public.json"


class TestRotation:
    def test_both_keys_are_good_until_the_old_one_ends(
        self, desk: Desk, public: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        successor = make_key(desk.path, "key-2")
        websites = Websites()
        websites.publish(UNIVERSITY, successor)
        asking = replace(desk.front.service, get=websites)
        monkeypatch.setattr(bootstrap, "service_from_env", lambda _: asking)
        assert tally(*checked(successor)).exit_code == 0

        assert desk.notarise(desk.path / OLD).exit_code == 0
        second = desk.path / "key-2.json"
        assert desk.notarise(desk.path / NEW, key=second).exit_code == 0
        assert change("end-key", public).exit_code == 0
        ended = desk.notarise(desk.path / LATER)
        assert (ended.exit_code, desk.receipt_path(LATER).exists()) == (2, False)
        assert desk.notarise(desk.path / LATER, key=second, out=desk.path / "other").exit_code == 0
        assert verify(desk, OLD).exit_code == verify(desk, NEW).exit_code == 0

    def test_an_end_may_lie_ahead(self, desk: Desk, public: Path) -> None:
        assert change("end-key", public, "--at", "2099-01-01T00:00:00Z").exit_code == 0
        assert shown()["keys"][0]["to_ms"] == 4_070_908_800_000
        assert desk.notarise(desk.path / OLD).exit_code == 0
        assert change("end-key", public, "--at", "2098-01-01T00:00:00Z").exit_code == 0
        assert change("end-key", public, "--at", "2098-01-01T00:00:00Z").exit_code == 64

    @pytest.mark.parametrize("at", ["2020-01-01T00:00:00Z", "yesterday", "2026-02-30T00:00:00Z"])
    def test_no_end_lies_in_the_past(self, desk: Desk, public: Path, at: str) -> None:
        assert change("end-key", public, "--at", at).exit_code == 64
        assert shown()["keys"][0]["to_ms"] is None


class TestTheft:
    """The thief has the key itself, and every access token that it gets."""

    def test_before_it_receipts_stay_valid_and_after_it_they_fail(
        self, desk: Desk, public: Path
    ) -> None:
        desk.notarise(desk.path / OLD)
        theft_ms = registered_ms(desk, OLD) + 1
        desk.notarise(desk.path / NEW)
        assert registered_ms(desk, NEW) >= theft_ms
        assert verify(desk, OLD).exit_code == verify(desk, NEW).exit_code == 0
        assert change("compromise-key", public, "--from", format_time(theft_ms)).exit_code == 0
        assert verify(desk, OLD).exit_code == 0
        told = verify(desk, NEW)
        assert (told.exit_code, told.stdout.splitlines()[0]) == (1, "INVALID")

    def test_once_it_is_known_nothing_more_is_registered(self, desk: Desk, public: Path) -> None:
        assert change("compromise-key", public, "--from", "now").exit_code == 0
        assert desk.notarise(desk.path / NEW).exit_code == 2
        response = self.submit(desk, self.backdated(desk))
        assert problem_of(response) == "unknown-key"

    def test_an_old_date_in_the_statement_makes_nothing_older(
        self, desk: Desk, public: Path
    ) -> None:
        """Registered by the thief before anybody knew, and dated a year back."""
        desk.notarise(desk.path / OLD)
        theft_ms = registered_ms(desk, OLD) + 1
        entry = self.backdated(desk)
        assert self.submit(desk, entry).status_code == 201
        log = desk.front.service.log
        receipt = receipt_of(log, locate(log, entry_id(entry).hex()))
        assert receipt.statement.statement.iat * 1000 < theft_ms - 300 * 86_400_000
        path = desk.path / "stolen.receipt.json"
        path.write_bytes(format_receipt(receipt))
        forged = desk.write("forged.txt", b"a forged diploma")
        assert self.failed(desk, forged, path) == []
        change("compromise-key", public, "--from", format_time(theft_ms))
        assert self.failed(desk, forged, path) == ["issuer"]

    def test_what_is_found_out_later_can_only_move_it_back(self, desk: Desk, public: Path) -> None:
        early, late = "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"
        assert change("compromise-key", public, "--from", late).exit_code == 0
        assert change("compromise-key", public, "--from", early).exit_code == 0
        assert change("compromise-key", public, "--from", late).exit_code == 64
        assert format_time(shown()["keys"][0]["compromised_ms"]) == "2026-02-01T00:00:00.000Z"

    def test_nobody_foresees_it(self, desk: Desk, public: Path) -> None:
        assert change("compromise-key", public, "--from", "2099-01-01T00:00:00Z").exit_code == 64
        assert change("compromise-key", public).exit_code == 64

    @pytest.mark.parametrize("command", ["end-key", "compromise-key"])
    def test_giving_the_key_again_does_not_make_it_good_again(
        self, desk: Desk, public: Path, command: str
    ) -> None:
        change(command, public, *(("--from", "now") if command == "compromise-key" else ()))
        before = shown()
        assert tally(*checked(public)).exit_code == 0
        assert shown()["keys"] == before["keys"]
        assert desk.notarise(desk.path / NEW).exit_code == 2

    def failed(self, desk: Desk, document: Path, receipt: Path) -> list[str]:
        desk.policy.write_text(tally("operator", "policy").stdout)
        told = tally_json("verify", document, receipt, "--policy", desk.policy)
        return [each["check"] for each in told["checks"] if each["result"] == "fail"]

    def backdated(self, desk: Desk) -> bytes:
        data = b"a forged diploma"
        now_s = desk.front.service.clock_ms() // 1000
        payload = Register("education/diploma", "raw", sha256(data), sm3(data))
        signer = read_key(desk.key)
        sub = uuid.uuid4().urn
        return sign_statement(payload, UNIVERSITY, sub, now_s - YEAR_S, signer.key)

    def submit(self, desk: Desk, entry: bytes) -> HTTPResponse:
        headers = {"Content-Type": STATEMENT, "Authorization": f"Bearer {desk.front.token()}"}
        return desk.front._world.request("POST", "/entries", entry, {**headers, "Prefer": "wait=5"})


@pytest.mark.parametrize("command", ["end-key", "compromise-key"])
def test_a_key_is_named_by_its_whole_id(desk: Desk, public: Path, command: str) -> None:
    since = ("--from", "now") if command == "compromise-key" else ()
    for kid in (kid_of(public)[:16], "00" * 32):
        done = tally("operator", "issuer", command, UNIVERSITY, kid, *since)
        assert (done.exit_code, "tally operator issuer show" in done.stderr) == (64, True)
    stranger = "did:web:stranger.example"
    assert tally("operator", "issuer", command, stranger, kid_of(public), *since).exit_code == 64


def test_what_is_known_of_a_key_is_shown(desk: Desk, public: Path) -> None:
    change("end-key", public, "--at", "2099-01-01T00:00:00Z")
    told = change("compromise-key", public, "--from", "2026-02-01T00:00:00Z").stdout
    assert "to 2099-01-01T00:00:00.000Z, compromised from 2026-02-01T00:00:00.000Z" in told
    assert "control of the domain was never asked for" in told


def test_approval_is_switched(desk: Desk, front: Front) -> None:
    for needed in ("on", "off"):
        assert tally("operator", "issuer", "approval", UNIVERSITY, needed).exit_code == 0
        assert shown()["approval"] is (needed == "on")
        listed = tally("operator", "issuer", "list").stdout
        assert ("by two persons" in listed) is (needed == "on")
    assert tally("operator", "issuer", "approval", UNIVERSITY, "maybe").exit_code == 64
