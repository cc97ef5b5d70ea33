"""An issuer that cannot sign, by its public address alone: registered by an operator's command,
issued for by the deployed functions, and verified by the command that needs no service."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from uuid import uuid4

import httpx
import pytest

from chalicelib.bootstrap import system_clock_ms
from chalicelib.cli.http import Http, Refused
from chalicelib.cli.keyfile import IssuerSigner, new_key
from chalicelib.cli.tokens import AssertedTokens, asker
from chalicelib.notary.issue import OPEN_BADGES
from chalicelib.notary.ports import IssuerKey
from chalicelib.notary.profiles import profiles
from chalicelib.notary.publish import register_notary
from chalicelib.proof.credentials.vcdm import V2
from chalicelib.proof.erasure import parse_erasure, verify_erasure
from chalicelib.proof.policy import read_policy
from chalicelib.proof.times import format_time
from infra.deploy import Deployment
from infra.local_cloud import LocalCloud
from infra.stages import call
from tests.cli.desk import tally_json
from tests.e2e.test_life import publish
from tests.fakes import key_named

COLLEGE = "did:web:college.custody.example"
PAIR = "did:web:pair.custody.example"
BADGES = "did:web:badges.custody.example"
PROFILE = "education/diploma"
SCOPE = "documents:issue jobs:read jobs:approve"
ROWS = 150
PATIENCE_S = 90


@dataclass
class Office:
    """An operator's, who lets in issuers that cannot sign; their own keys are for tokens."""

    deployed: Deployment
    work: Path

    def add(self, issuer: str, tenant: str, *custodial: str) -> Http:
        """The issuer's first person, with a token."""
        signer, public = new_key(issuer, "EdDSA", self.work / "key.json")
        add = ("operator", "issuer", "add", "--tenant", tenant, "--key", public)
        names = ("--name-en", "A College", "--name-zh", "某学院")
        told = tally_json(*add, *names, "--custodial", *custodial, "--unchecked", "invented")
        assert len(told["kids"]) == 2 * len(told["custodial"]) > 0
        return self.enter(signer)

    def enter(self, signer: IssuerSigner) -> Http:
        http, endpoint = Http(self.deployed.url), f"{self.deployed.url}/oauth/token"
        http.tokens = AssertedTokens(signer, endpoint, asker(http, endpoint), SCOPE)
        return http


@pytest.fixture
def office(
    deployed: Deployment, local_cloud: LocalCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Office:
    for name, value in {**local_cloud.environ, **deployed.environ}.items():
        monkeypatch.setenv(name, value)
    service = deployed.service
    assert service.notary is not None
    register_notary(service.notary, service.registry, service.log)
    return Office(deployed, tmp_path)


@pytest.fixture
def college(office: Office) -> Http:
    return office.add(COLLEGE, "college", "p256")


def ask(http: Http, path: str, body: object) -> httpx.Response:
    """What is answered to a question in JSON that is not refused."""
    headers, content = {"Content-Type": "application/json"}, json.dumps(body).encode()
    return http.send("POST", http.url + path, content=content, headers=headers, authorised=True)


def until(good: Callable[[], Any], meanwhile: Callable[[], object]) -> Any:
    """What is found once it is something, while something else runs."""
    deadline = monotonic() + PATIENCE_S
    while not (found := good()):
        assert monotonic() < deadline, "it never came"
        meanwhile()
        sleep(0.5)
    return found


def test_claims_become_a_credential_whose_receipt_verifies(college: Http, tmp_path: Path) -> None:
    order = {"issuer": COLLEGE, "profile": PROFILE, "claims": profiles()[PROFILE].sample}
    headers = {
        "Content-Type": "application/json",
        "Idempotency-Key": f'"{uuid4()}"',
        "Prefer": "wait=20",
    }

    def issue(body: object) -> dict[str, object]:
        answer = college.send(
            "POST",
            f"{college.url}/v1/documents",
            content=json.dumps(body).encode(),
            headers=headers,
            authorised=True,
        )
        assert answer.status_code == 201
        found: dict[str, object] = answer.json()
        return found

    first, again = issue(order), issue(order)
    assert {**first, "receipt": None} == {**again, "receipt": None}
    with pytest.raises(Refused, match="another body"):
        issue({**order, "form": "sd-jwt-vc"})
    where = f"{college.url}/v1/documents/{first['id']}"
    shown = college.send("GET", where, authorised=True).json()
    verify_offline(college, shown, tmp_path)
    for _ in range(2):
        gone = college.send("DELETE", where, authorised=True)
        erased = parse_erasure(gone.content)
        policy = read_policy(college.get("/v1/policy").json())
        assert verify_erasure(erased, policy).id == COLLEGE
        assert [each.hex() for each in erased.erasure.entries] == [first["entry_id"]]
    with pytest.raises(Refused) as caught:
        college.send("GET", where, authorised=True)
    assert (caught.value.status, caught.value.type) == (410, "document-gone")


def verify_offline(college: Http, shown: dict[str, object], work: Path) -> None:
    document, receipt, policy = work / "a.jwt", work / "a.receipt.json", work / "policy.json"
    document.write_text(str(shown["credential"]).partition("~")[0])
    canonical = json.dumps(
        shown["receipt"], ensure_ascii=False, separators=(",", ":"), sort_keys=True
    )
    receipt.write_text(f"{canonical}\n")
    policy.write_bytes(college.get("/v1/policy").content)
    told = call(("tally-verify", document, receipt, "--policy", policy), {}, work)
    assert told.lower().startswith("valid"), told


def test_a_roster_is_issued_by_the_queues_worker(college: Http, tmp_path: Path) -> None:
    sample = profiles()[PROFILE].sample
    assert isinstance(sample, dict)
    rows = [{"claims": {**sample, "student_number": f"S{n}"}} for n in range(ROWS)]
    body = "\n".join(json.dumps(row) for row in [*rows, {"claims": {"name": 1}}])
    headers = {"Content-Type": "application/x-ndjson", "Idempotency-Key": f'"{uuid4()}"'}
    where = f"{college.url}/v1/jobs?issuer={COLLEGE}&profile={PROFILE}"
    opened = college.send(
        "POST", where, content=body.encode(), headers=headers, authorised=True
    ).json()
    job = f"{college.url}/v1/jobs/{opened['job']}"
    status = follow(college, job, "done")
    assert (status["items"], status["accepted"], status["rejected_count"]) == (ROWS + 1, ROWS, 1)
    found: list[dict[str, object]] = []
    page = f"{job}/results"
    while page:
        answer = college.send("GET", page, authorised=True)
        found += [json.loads(line) for line in answer.text.splitlines()]
        page = answer.links.get("next", {}).get("url", "")
    assert [each["item"] for each in found if "breaches" in each] == [ROWS]
    assert len({str(each["entry_id"]) for each in found[:ROWS]}) == ROWS
    verify_offline(college, found[0], tmp_path)
    verify_offline(college, found[ROWS - 1], tmp_path)


def follow(http: Http, job: str, state: str) -> Any:
    """The job once it is in this state."""

    def look() -> Any:
        status = http.send("GET", job, authorised=True).json()
        assert state == "failed" or status["state"] != "failed", status
        return status if status["state"] == state else None

    return until(look, lambda: None)


def test_a_roster_waits_for_a_second_person(office: Office, deployed: Deployment) -> None:
    first = office.add(PAIR, "pair", "p256")
    registry, key = deployed.service.registry, key_named("the pair's second person")
    known = registry.issuer(PAIR)
    assert known is not None
    registry.put_issuer(replace(known, approval=True, keys=(*known.keys, IssuerKey(key.public, 0))))
    second = office.enter(IssuerSigner(PAIR, key))
    row = json.dumps({"claims": profiles()[PROFILE].sample}).encode()
    headers = {"Content-Type": "application/x-ndjson", "Idempotency-Key": f'"{uuid4()}"'}
    where = f"{first.url}/v1/jobs?issuer={PAIR}&profile={PROFILE}"
    opened = first.send("POST", where, content=row, headers=headers, authorised=True).json()
    job = f"{first.url}/v1/jobs/{opened['job']}"
    follow(first, job, "awaiting-approval")
    for path, refused in ((f"{job}/approval", "same-person"), (f"{job}/results", "no-results")):
        method = "POST" if path.endswith("approval") else "GET"
        with pytest.raises(Refused) as caught:
            first.send(method, path, authorised=True)
        assert caught.value.type == refused
    second.send("POST", f"{job}/approval", authorised=True)
    assert follow(first, job, "done")["integrated"] == 1
    answer = first.send("GET", f"{job}/results", authorised=True)
    verify_offline(first, json.loads(answer.text), office.work)


def of_badges(**members: object) -> dict[str, object]:
    return {
        "@context": [V2],
        "type": ["VerifiableCredential"],
        "issuer": BADGES,
        "validFrom": format_time(system_clock_ms() - 60_000),
        "credentialSubject": {"degree": "BA", "name": "Ffion 歐陽"},
        **members,
    }


BADGE: dict[str, object] = {
    "@context": [V2, OPEN_BADGES],
    "type": ["VerifiableCredential", "OpenBadgeCredential"],
    "name": "Bachelor of Arts",
    "credentialSubject": {
        "type": ["AchievementSubject"],
        "achievement": {
            "id": "urn:uuid:9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d",
            "type": ["Achievement"],
            "name": "Bachelor of Arts",
            "description": "Of arts",
            "criteria": {"narrative": "Three years"},
        },
    },
}


def test_what_the_w3c_vc_api_issues_is_verified_and_refused_once_it_is_revoked(
    office: Office, deployed: Deployment
) -> None:
    http = office.add(BADGES, "badges")
    issued = [
        ask(http, "/credentials/issue", {"credential": of_badges(**members)}).json()
        for members in ({}, BADGE)
    ]

    def judged(each: Any, verdict: str) -> Any:
        body = {"verifiableCredential": each["verifiableCredential"]}
        answer = httpx.post(f"{deployed.url}/credentials/verify", json=body, timeout=30)
        assert (answer.status_code == 200) is answer.json()["verified"]
        return answer.json() if answer.json()["verdict"] == verdict else None

    for each in issued:
        until(partial(judged, each, "valid"), partial(publish, deployed))
    for each in issued:
        change = {"target": each["entry"], "kind": "revoke", "reason": "issued-in-error"}
        ask(http, "/v1/status-changes", change)
    for each in issued:
        answer = until(partial(judged, each, "invalid"), partial(publish, deployed))
        failed = [check["check"] for check in answer["checks"] if check["result"] == "fail"]
        assert failed == ["status"]
