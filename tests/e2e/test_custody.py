"""An issuer that cannot sign, by its public address alone: registered by an operator's command,
issued for by the deployed functions, and verified by the command that needs no service."""

from __future__ import annotations

import json
from pathlib import Path
from time import monotonic, sleep
from uuid import uuid4

import pytest

from chalicelib.cli.http import Http, Refused
from chalicelib.cli.keyfile import new_key
from chalicelib.cli.tokens import AssertedTokens, asker
from chalicelib.notary.profiles import profiles
from infra.deploy import Deployment
from infra.local_cloud import LocalCloud
from infra.stages import call
from tests.cli.desk import tally_json

COLLEGE = "did:web:college.custody.example"
PROFILE = "education/diploma"
SCOPE = "documents:issue jobs:read"
ROWS = 150
PATIENCE_S = 90


@pytest.fixture
def college(
    deployed: Deployment, local_cloud: LocalCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Http:
    """Its own key is for tokens; documents are signed in KMS."""
    signer, public = new_key(COLLEGE, "EdDSA", tmp_path / "key.json")
    add = ("operator", "issuer", "add", "--tenant", "college", "--key", public)
    names = ("--name-en", "A College", "--name-zh", "某学院")
    for name, value in {**local_cloud.environ, **deployed.environ}.items():
        monkeypatch.setenv(name, value)
    told = tally_json(*add, *names, "--custodial", "p256", "--unchecked", "invented")
    assert len(told["kids"]) == 2 * len(told["custodial"]) > 0
    http = Http(deployed.url)
    endpoint = f"{deployed.url}/oauth/token"
    http.tokens = AssertedTokens(signer, endpoint, asker(http, endpoint), SCOPE)
    return http


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
    college.send("DELETE", where, authorised=True)
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
    deadline = monotonic() + PATIENCE_S
    job = f"{college.url}/v1/jobs/{opened['job']}"
    while (status := college.send("GET", job, authorised=True).json())["state"] != "done":
        assert monotonic() < deadline, status
        sleep(0.5)
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
