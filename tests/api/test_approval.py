"""Two persons over HTTP: who may let a job go on, and who may not."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from chalice.test import HTTPResponse

from chalicelib.notary.audit import audit_store
from chalicelib.notary.limits import CUSTODY_MS
from chalicelib.notary.ports import IdentityProvider, IssuerKey
from chalicelib.proof.hashes import Hash
from chalicelib.proof.keys import SigningKey
from chalicelib.proof.statement import StatusChange, parse_statement
from tests.api.hooks import Hooks
from tests.api.test_bulk_issue import csv, person, results, work
from tests.api.test_documents import check_receipt, of_claims, of_document, signed_by
from tests.api.vc_world import credential
from tests.api.world import CBOR_SEQ, COLLEGE, NOW_S, URL, World, id_of, problem_of
from tests.fakes import key_named

SECOND = key_named("the college's second person")
SCOPES = "jobs:read jobs:approve"


@pytest.fixture
def strict(world: World) -> World:
    """The college asks for two persons, and two have a key."""
    issuer = world.registry.issuer(COLLEGE)
    assert issuer is not None
    keys = (*issuer.keys, IssuerKey(SECOND.public, 0))
    world.registry.put_issuer(replace(issuer, approval=True, keys=keys))
    return world


def send(world: World, *entries: bytes) -> dict[str, Any]:
    body = b"".join(entries) or world.statement() + world.statement()
    response = world.submit(body, CBOR_SEQ, Prefer="wait=5")
    assert (response.status_code, "Retry-After" in response.headers) == (303, False)
    job: dict[str, Any] = response.json_body
    assert response.headers["Location"] == f"{URL}/v1/jobs/{job['job']}"
    return job


def decide(world: World, job: str, word: str = "approval", **claims: Any) -> HTTPResponse:
    """As the second person, but for other claims in the token."""
    claims = {"key": SECOND.public.kid.hex(), "scope": SCOPES, **claims}
    headers = {**world.bearer(**claims), "Content-Type": "application/json"}
    body = json.dumps({"reason": "the wrong year"}).encode() if word == "rejection" else b""
    return world.request("POST", f"/v1/jobs/{job}/{word}", body, headers)


def show(world: World, job: str) -> dict[str, Any]:
    found: dict[str, Any] = world.get(f"/v1/jobs/{job}", **world.bearer()).json_body
    return found


def test_a_job_waits_and_shows_what_it_would_do(strict: World) -> None:
    job = send(strict)
    assert (job["state"], job["accepted"], job["integrated"]) == ("awaiting-approval", 2, 0)
    documents = {"issuer": COLLEGE, "kind": "register", "profile": "education/diploma", "items": 2}
    assert job["approval"] == {"since_ms": NOW_S * 1000, "documents": [documents]}
    assert show(strict, job["job"]) == job
    assert strict.wake.count == 0


def test_another_person_lets_it_go_on(strict: World) -> None:
    job = send(strict)["job"]
    response = decide(strict, job)
    assert response.status_code == 200
    assert response.json_body["state"] == "integrating"
    assert show(strict, job)["integrated"] == 2
    assert decide(strict, job).status_code == 200


def test_the_token_endpoint_tells_persons_apart(strict: World) -> None:
    job = send(strict)["job"]

    def token(key: SigningKey) -> dict[str, str]:
        asked = strict.ask_token(strict.assertion(key), scope=SCOPES).json_body["access_token"]
        return {"Authorization": f"Bearer {asked}"}

    path = f"/v1/jobs/{job}/approval"
    refused = strict.request("POST", path, headers=token(strict.college))
    assert (refused.status_code, problem_of(refused)) == (403, "same-person")
    assert show(strict, job)["state"] == "awaiting-approval"
    assert strict.request("POST", path, headers=token(SECOND)).status_code == 200


def test_a_subject_of_an_identity_provider_is_a_person(
    strict: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    idp = "https://login.example"
    provider = IdentityProvider(idp, f"{idp}/jwks.json", "tally", (("college"),))
    strict.registry.put_identity_provider(provider)
    monkeypatch.setattr("chalicelib.api.auth._verify_foreign", lambda token, *_: token)
    entries = [strict.statement()]
    account = {"iss": idp, "scope": "entries:write jobs:read jobs:approve"}
    sent = strict.submit(
        entries[0],
        CBOR_SEQ,
        Authorization=f"Bearer {strict.token(**account, sub='ada')}",
    )
    job = sent.json_body["job"]
    assert problem_of(decide(strict, job, **account, sub="ada")) == "same-person"
    assert decide(strict, job, **account, sub="ben").status_code == 200


REFUSED: dict[str, tuple[dict[str, Any], int, str]] = {
    "without the scope": ({"scope": "entries:write jobs:read"}, 403, "insufficient-scope"),
    "the sender": ({"key": key_named("college").public.kid.hex()}, 403, "same-person"),
    "another tenant": ({"tenant": "hospital"}, 404, "no-such-job"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_who_may_not_approve_is_refused_and_it_waits_on(strict: World, name: str) -> None:
    claims, status, problem = REFUSED[name]
    job = send(strict)["job"]
    stored = strict.stored()
    response = decide(strict, job, **claims)
    assert (response.status_code, problem_of(response)) == (status, problem)
    assert strict.stored() == stored


def test_a_rejected_job_fails_with_the_reason(strict: World) -> None:
    job = send(strict)["job"]
    response = decide(strict, job, "rejection")
    assert response.status_code == 200
    assert response.json_body["problem"] == "not-approved: the wrong year"
    late = decide(strict, job)
    assert (late.status_code, problem_of(late)) == (409, "not-awaiting-approval")
    assert show(strict, job)["state"] == "failed"


def test_the_same_bytes_are_the_same_job_and_have_failed(strict: World) -> None:
    entry = strict.statement()
    job = send(strict, entry)["job"]
    decide(strict, job, "rejection")
    again = send(strict, entry)
    assert (again["job"], again["state"]) == (job, "failed")
    assert again["problem"] == "not-approved: the wrong year"


def test_the_sender_may_take_it_back(strict: World) -> None:
    """Nothing comes of it: that needs no second person."""
    job = send(strict)["job"]
    own = key_named("college").public.kid.hex()
    assert decide(strict, job, "rejection", key=own).json_body["state"] == "failed"


def test_another_tenant_does_not_stop_it(strict: World) -> None:
    job = send(strict)["job"]
    response = decide(strict, job, "rejection", tenant="hospital")
    assert (response.status_code, problem_of(response)) == (404, "no-such-job")
    assert show(strict, job)["state"] == "awaiting-approval"


@pytest.mark.parametrize(
    "body", [b"", b"{}", b'{"reason": ""}', b'{"reason": 1}', b'{"reason": "a\\u200bb"}']
)
def test_a_rejection_says_why(strict: World, body: bytes) -> None:
    job = send(strict)["job"]
    claims = {"key": SECOND.public.kid.hex(), "scope": SCOPES}
    headers = {**strict.bearer(**claims), "Content-Type": "application/json"}
    response = strict.request("POST", f"/v1/jobs/{job}/rejection", body, headers)
    assert (response.status_code, problem_of(response)) == (400, "malformed-json")
    assert show(strict, job)["state"] == "awaiting-approval"


def test_what_was_integrated_is_not_rejected(strict: World) -> None:
    job = send(strict)["job"]
    decide(strict, job)
    late = decide(strict, job, "rejection")
    assert (late.status_code, problem_of(late)) == (409, "not-awaiting-approval")


@pytest.mark.parametrize("word", ["approval", "rejection"])
def test_a_job_that_is_not_there_has_no_word(strict: World, word: str) -> None:
    for job in ("a" * 64, "A" * 64, "x"):
        assert problem_of(decide(strict, job, word)) == "no-such-job"


def test_a_single_statement_is_refused_and_nothing_is_stored(strict: World) -> None:
    stored = strict.stored()
    response = strict.submit(strict.statement())
    assert (response.status_code, problem_of(response)) == (403, "approval-required")
    assert "send a job" in response.json_body["detail"].lower()
    assert strict.stored() == stored


def test_a_revocation_needs_nobody(strict: World) -> None:
    entry = strict.statement(sub=strict.sub())
    decide(strict, send(strict, entry)["job"])
    sub = parse_statement(entry).statement.sub
    change = StatusChange("revoke", Hash(bytes.fromhex(id_of(entry))), "other", NOW_S)
    revoked = strict.submit(strict.statement(sub=sub, payload=change), Prefer="wait=5")
    assert revoked.status_code == 201


class TestWebhooks:
    def told(self, hooks: Hooks) -> list[str]:
        return sorted(each.event.type for each in hooks.store.rows.values())

    def test_are_told_that_a_job_waits_and_that_it_was_rejected(self, strict: World) -> None:
        hooks = Hooks(strict)
        hooks.made("job.waiting", "job.failed")
        job = send(strict)["job"]
        assert self.told(hooks) == ["job.waiting"]
        for _ in range(2):
            decide(strict, job, "rejection")
        assert self.told(hooks) == ["job.failed", "job.waiting"]

    def test_are_told_that_a_job_failed_when_it_was_approved_too_late(self, strict: World) -> None:
        hooks = Hooks(strict)
        hooks.made("job.failed")
        job = send(strict)["job"]
        issuer = strict.registry.issuer(COLLEGE)
        assert issuer is not None
        strict.registry.put_issuer(replace(issuer, status="suspended"))
        for _ in range(2):
            late = decide(strict, job)
            assert (late.status_code, problem_of(late)) == (409, "not-awaiting-approval")
        assert self.told(hooks) == ["job.failed"]

    def test_are_not_told_of_what_was_refused(self, strict: World) -> None:
        hooks = Hooks(strict)
        hooks.made("job.failed", "job.done")
        job = send(strict)["job"]
        decide(strict, job, key=key_named("college").public.kid.hex())
        decide(strict, job)
        assert self.told(hooks) == []


PERSON = {"scope": "documents:issue jobs:read jobs:approve"}
"""Who may issue and approve, in one token: the college's first person, unless a key is named."""


@pytest.fixture
def kept(strict: World) -> World:
    """Its documents are signed in KMS."""
    strict.take_custody()
    return strict


def issue_roster(world: World) -> str:
    """The job of two rows, which a worker has made."""
    opened = world.issue_roster(csv(person(1), person(2)))
    assert opened.status_code == 201
    status = work(world, opened.json_body["job"])
    assert (status["state"], status["accepted"]) == ("awaiting-approval", 2)
    return str(status["job"])


def untouched(*args: object) -> None:
    raise AssertionError("this is refused before")


class TestCustody:
    """What the service signs for an issuer that asks for two persons."""

    @pytest.mark.parametrize(
        ("path", "order"),
        [
            ("/v1/documents", of_claims()),
            ("/v1/documents", of_document()),
            ("/credentials/issue", {"credential": credential()}),
            ("/credentials/issue", {"credential": credential(issuer=None)}),
        ],
    )
    def test_one_by_one_nothing_is_issued_kept_or_signed(
        self, kept: World, monkeypatch: pytest.MonkeyPatch, path: str, order: Any
    ) -> None:
        custody = kept.service.custody
        for port, name in (
            *((custody.documents, "put"), (custody.keys, "new")),
            *((custody.issuer_keys, "signer"), (kept.service.log.lists, "allot")),
        ):
            monkeypatch.setattr(port, name, untouched)
        stored = kept.stored()
        headers = {"Idempotency-Key": '"k"', **kept.issuing()}
        response = kept.post_json(path, order, **headers)
        assert (response.status_code, problem_of(response)) == (403, "approval-required")
        assert "/v1/jobs" in response.json_body["detail"]
        assert kept.stored() == stored

    def test_a_roster_waits_and_nothing_of_it_is_handed_out(self, kept: World) -> None:
        job = issue_roster(kept)
        documents = {
            "issuer": COLLEGE,
            "kind": "register",
            "profile": "education/diploma",
            "items": 2,
        }
        assert show(kept, job)["approval"]["documents"] == [documents]
        response = kept.get(f"/v1/jobs/{job}/results", **kept.issuing())
        assert (response.status_code, problem_of(response)) == (409, "no-results")
        assert work(kept, job)["state"] == "awaiting-approval"

    def test_its_sender_does_not_approve_it(self, kept: World) -> None:
        job = issue_roster(kept)
        for own in (PERSON, {**PERSON, "sub": "another name"}):
            response = decide(kept, job, **{"key": kept.college.public.kid.hex(), **own})
            assert (response.status_code, problem_of(response)) == (403, "same-person")
        assert show(kept, job)["state"] == "awaiting-approval"
        assert kept.issue_roster(csv(person(1), person(2))).json_body["state"] == (
            "awaiting-approval"
        )

    def test_nor_does_who_sends_it_again_make_it_theirs(self, kept: World) -> None:
        job = issue_roster(kept)
        headers = {
            **kept.bearer(key=SECOND.public.kid.hex(), **PERSON),
            "Idempotency-Key": '"a key"',
            "Content-Type": "text/csv",
        }
        query = f"issuer={COLLEGE}&profile=education/diploma"
        data = csv(person(1), person(2))
        again = kept.request("POST", f"/v1/jobs?{query}", data, headers)
        assert again.json_body["job"] == job
        first = decide(kept, job, key=kept.college.public.kid.hex())
        assert problem_of(first) == "same-person"
        assert decide(kept, job).status_code == 200

    def test_another_person_lets_it_go_on_exactly_once(self, kept: World) -> None:
        job = issue_roster(kept)
        signed = len(signed_by(kept))
        for _ in range(2):
            assert decide(kept, job).status_code == 200
            assert work(kept, job)["integrated"] == 2
        assert audit_store(kept.service.log).statements == 2
        assert len(signed_by(kept)) == signed
        found = results(kept, job)
        assert len({each["entry_id"] for each in found}) == 2
        for each in found:
            check_receipt(kept, each, each["credential"].partition("~")[0].encode())

    def test_a_rejection_fails_it(self, kept: World) -> None:
        job = issue_roster(kept)
        assert decide(kept, job, "rejection").status_code == 200
        late = decide(kept, job)
        assert (late.status_code, problem_of(late)) == (409, "not-awaiting-approval")
        assert work(kept, job)["problem"] == "not-approved: the wrong year"
        response = kept.get(f"/v1/jobs/{job}/results", **kept.issuing())
        assert problem_of(response) == "no-results"
        assert kept.service.log.pending.take(1) == []
        assert audit_store(kept.service.log).statements == 0

    @pytest.mark.parametrize("how", ["destroyed", "too late"])
    def test_of_what_nothing_is_kept_nothing_is_registered(self, kept: World, how: str) -> None:
        """Nobody would ever have its salts."""
        job = issue_roster(kept)
        if how == "destroyed":
            kept.request("DELETE", f"/v1/documents/{job}", headers=kept.issuing())
        else:
            kept.clock.tick(CUSTODY_MS)
        late = decide(kept, job, exp=2**40)
        assert (late.status_code, problem_of(late)) == (409, "not-awaiting-approval")
        problem = kept.service.log.jobs.get(job)
        assert problem is not None
        assert problem.problem.startswith("document-gone: ")

    def test_webhooks_are_told_that_it_waits(self, kept: World) -> None:
        hooks = Hooks(kept)
        hooks.made("job.waiting")
        issue_roster(kept)
        assert [each.event.type for each in hooks.store.rows.values()] == ["job.waiting"]


def test_who_approved_is_in_no_log_line(strict: World, capsys: pytest.CaptureFixture[str]) -> None:
    job = send(strict)["job"]
    decide(strict, job, sub="ada@college.example")
    decide(strict, send(strict)["job"], "rejection")
    lines = capsys.readouterr().err
    for secret in (SECOND.public.kid.hex(), "ada@college.example", "the wrong year", COLLEGE):
        assert secret not in lines
