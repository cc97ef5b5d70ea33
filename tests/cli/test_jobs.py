"""Two persons at the command line: one sends, the other looks and decides, the first goes on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from chalicelib.cli.keyfile import read_public_part
from chalicelib.notary.ports import IssuerKey
from tests.cli.desk import UNIVERSITY, Desk, tally, tally_json
from tests.cli.front import Canned, problem
from tests.cli.operators import make_key
from tests.cli.registrar import ADA, CHEN, SION, Registrar


@pytest.fixture
def desk(desk: Desk) -> Desk:
    """The university asks for two persons; the second has a key, too."""
    registry = desk.front.service.registry
    issuer = registry.issuer(UNIVERSITY)
    assert issuer is not None
    second = IssuerKey(read_public_part(make_key(desk.path, "key-2")).key, 0)
    registry.put_issuer(replace(issuer, approval=True, keys=(*issuer.keys, second)))
    return desk


def decide(desk: Desk, word: str, job: str, *flags: object, key: str = "key-2") -> Result:
    where = ("--url", desk.front.url, "--key", desk.path / f"{key}.json")
    return tally("jobs", word, job, *where, *flags)


def facts(desk: Desk, word: str, job: str, *flags: object) -> dict[str, Any]:
    where = ("--url", desk.front.url, "--key", desk.path / "key-2.json")
    return tally_json("jobs", word, job, *where, *flags)


def sent(desk: Desk) -> str:
    """The job that now waits."""
    told = tally_json(*desk.order())
    [job] = told["awaiting_approval"]
    return str(job)


class TestNotarise:
    def test_says_that_it_waits_and_what_another_person_runs(self, desk: Desk) -> None:
        done = desk.notarise()
        assert done.exit_code == 2
        assert "a job awaits approval" in done.stderr
        job = sent(desk)
        assert f"tally jobs approve {job} --key THEIR_KEY.json" in done.stderr
        assert "run the same command again" in done.stderr
        assert desk.registered() == []

    def test_goes_on_once_it_is_approved(self, desk: Desk) -> None:
        job = sent(desk)
        before = [each.statement.entry for each in desk.journal()]
        assert decide(desk, "approve", job).exit_code == 0
        assert desk.notarise().exit_code == 0
        assert sorted(each.entry for each in desk.registered()) == sorted(before)
        assert {path.name for path in desk.out.glob("*.receipt.json")} == {
            f"{path.name}.receipt.json" for path in desk.documents
        }

    def test_sends_all_its_jobs_before_it_says_so(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("chalicelib.cli.prepare.UPLOAD_ITEMS", 1)
        told = tally_json(*desk.order())
        assert len(told["awaiting_approval"]) == 3
        assert (told["waiting"], told["done"]) == (3, 0)
        assert "3 jobs await approval" in told["error"]
        decide(desk, "approve", told["awaiting_approval"][1])
        again = tally_json(*desk.order())
        assert len(again["awaiting_approval"]) == 2
        assert again["done"] == 1

    def test_is_told_why_it_was_rejected_and_may_try_again(self, desk: Desk) -> None:
        job = sent(desk)
        assert decide(desk, "reject", job, "--reason", "the wrong year").exit_code == 0
        done = desk.notarise()
        assert (done.exit_code, "the wrong year [not-approved]" in done.stderr) == (1, True)
        assert desk.registered() == []
        again = sent(desk)
        assert again != job
        decide(desk, "approve", again)
        assert desk.notarise().exit_code == 0


class TestShow:
    def test_tells_what_one_is_asked_to_approve(self, desk: Desk) -> None:
        job = sent(desk)
        told = decide(desk, "show", job).stdout
        assert f"job {job}: awaiting-approval" in told
        assert "3 items, 3 accepted, 0 integrated" in told
        assert f"register 3 education/diploma of {UNIVERSITY}" in told
        assert "since 20" in told
        shown = facts(desk, "show", job)
        assert shown["waiting"] == [f"register 3 education/diploma of {UNIVERSITY}"]
        assert shown["since_ms"] > 0

    def test_tells_how_it_ended(self, desk: Desk) -> None:
        job = sent(desk)
        decide(desk, "reject", job, "--reason", "no")
        told = decide(desk, "show", job).stdout
        assert "failed" in told
        assert "not-approved: no" in told
        assert "waiting" not in facts(desk, "show", job)

    def test_of_a_job_that_is_none_is_refused_before_anything_is_asked(self, desk: Desk) -> None:
        for job in ("a" * 63, "A" * 64, "../healthz"):
            assert decide(desk, "show", job).exit_code == 64
        assert not desk.front.seen
        assert decide(desk, "show", "a" * 64).exit_code == 2


class TestDeciding:
    def test_by_the_same_person_is_refused(self, desk: Desk) -> None:
        job = sent(desk)
        done = decide(desk, "approve", job, key="key")
        assert done.exit_code == 1
        assert "somebody else" in done.stderr
        assert facts(desk, "show", job)["state"] == "awaiting-approval"

    def test_twice_is_once(self, desk: Desk) -> None:
        job = sent(desk)
        assert facts(desk, "approve", job)["state"] == "integrating"
        assert facts(desk, "approve", job)["state"] == "done"
        late = decide(desk, "reject", job, "--reason", "too late")
        assert late.exit_code == 1
        assert len(desk.registered()) == 3

    def test_is_repeated_when_the_answer_is_lost(self, desk: Desk, pauses: list[float]) -> None:
        job = sent(desk)
        desk.front.answer(f"POST /v1/jobs/{job}/approval", Canned(0), Canned(503))
        assert facts(desk, "approve", job)["state"] == "done"
        assert len(desk.registered()) == 3

    def test_a_rejection_has_a_reason(self, desk: Desk) -> None:
        job = sent(desk)
        assert decide(desk, "reject", job).exit_code == 64
        assert decide(desk, "reject", job, "--reason", "").exit_code == 1
        assert facts(desk, "show", job)["state"] == "awaiting-approval"

    def test_what_the_service_refuses_is_told(self, desk: Desk) -> None:
        job = sent(desk)
        path = f"POST /v1/jobs/{job}/approval"
        desk.front.answer(path, problem(403, "insufficient-scope", "ask for jobs:approve"))
        told = facts(desk, "approve", job)
        assert told == {"error": "ask for jobs:approve", "problem": "insufficient-scope"}


class TestIssue:
    def test_a_roster_waits_and_goes_on(self, desk: Desk) -> None:
        registrar = Registrar(desk)
        roster = registrar.roster([ADA, SION, CHEN])
        told = registrar.facts(roster)
        [job] = told["awaiting_approval"]
        assert registrar.files("credentials") == []
        assert not (registrar.out / "reconciliation.json").exists()
        decide(desk, "approve", job)
        assert registrar.issue(roster).exit_code == 0
        assert len(registrar.files("credentials")) >= 3
        assert len(registrar.reconciliation["issued"]) == 3

    def test_a_rejected_roster_is_corrected_and_sent_again(self, desk: Desk) -> None:
        registrar = Registrar(desk)
        roster = registrar.roster([ADA, SION])
        [job] = registrar.facts(roster)["awaiting_approval"]
        decide(desk, "reject", job, "--reason", "the wrong award")
        assert registrar.issue(roster).exit_code == 1
        assert registrar.reconciliation["issued"] == []
        corrected = (ADA[0], ADA[1], "Bachelor of Arts", *ADA[3:])
        roster = registrar.roster([corrected, SION])
        [again] = registrar.facts(roster)["awaiting_approval"]
        decide(desk, "approve", again)
        assert registrar.issue(roster).exit_code == 0
        assert len(registrar.reconciliation["issued"]) == 2


def test_changes_of_status_wait_for_nobody(desk: Desk) -> None:
    decide(desk, "approve", sent(desk))
    desk.notarise()
    receipt = desk.receipt_path("ada.json")
    where = ("--url", desk.front.url, "--key", desk.key)
    assert tally("revoke", receipt, "--reason", "other", *where).exit_code == 0


def test_superseding_waits_like_registering(desk: Desk) -> None:
    decide(desk, "approve", sent(desk))
    desk.notarise()
    new: Path = desk.write("better.json", b'{"name": "Ada King"}')
    where = ("--url", desk.front.url, "--key", desk.key, "--out", desk.out)
    order = ("supersede", desk.receipt_path("ada.json"), new, *where)
    [job] = tally_json(*order)["awaiting_approval"]
    assert facts(desk, "show", job)["waiting"] == [f"supersede 1 education/diploma of {UNIVERSITY}"]
    decide(desk, "approve", job)
    assert tally(*order).exit_code == 0
