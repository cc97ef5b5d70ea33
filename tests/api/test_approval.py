"""Two persons over HTTP: who may let a job go on, and who may not."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from chalice.test import HTTPResponse

from chalicelib.notary.ports import IdentityProvider, IssuerKey
from chalicelib.proof.hashes import Hash
from chalicelib.proof.keys import SigningKey
from chalicelib.proof.statement import StatusChange, parse_statement
from tests.api.hooks import Hooks
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


def test_who_approved_is_in_no_log_line(strict: World, capsys: pytest.CaptureFixture[str]) -> None:
    job = send(strict)["job"]
    decide(strict, job, sub="ada@college.example")
    decide(strict, send(strict)["job"], "rejection")
    lines = capsys.readouterr().err
    for secret in (SECOND.public.kid.hex(), "ada@college.example", "the wrong year", COLLEGE):
        assert secret not in lines
