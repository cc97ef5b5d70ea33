"""A bulk that goes by way of S3, over the public address alone: opened, put, admitted by its
notification, integrated, and each receipt verified with the document it is about."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace

import pytest

from chalicelib.bootstrap import system_clock_ms
from chalicelib.cli.http import Http, Refused
from chalicelib.cli.journal import Signed
from chalicelib.cli.keyfile import IssuerSigner
from chalicelib.cli.prepare import Order, sign
from chalicelib.cli.submit import JobStatus, job_receipts, read_job
from chalicelib.cli.tokens import AssertedTokens, asker
from chalicelib.notary.ports import Issuer, IssuerKey
from chalicelib.proof.document import digest_document
from chalicelib.proof.hashes import sha256
from chalicelib.proof.policy import parse_policy
from chalicelib.proof.receipt import HolderPart
from chalicelib.proof.verify import verify
from infra.deploy import Deployment
from tests.fakes import key_named

ACADEMY = "did:web:academy.upload.example"
CLINIC = "did:web:clinic.upload.example"
PATIENCE_S = 60
BROKEN = 2


@dataclass(frozen=True)
class Clients:
    """Two tenants' issuers, each with its own tokens."""

    academy: Http
    clinic: Http


@pytest.fixture
def clients(deployed: Deployment) -> Iterator[Clients]:
    with ExitStack() as stack:
        academy, clinic = (
            stack.enter_context(client_of(deployed, id_, tenant))
            for id_, tenant in ((ACADEMY, "academy"), (CLINIC, "clinic"))
        )
        yield Clients(academy, clinic)


def client_of(deployed: Deployment, id_: str, tenant: str) -> Http:
    key = key_named(id_)
    names = {"en": tenant.title(), "zh": tenant}
    deployed.service.registry.put_issuer(Issuer(id_, tenant, names, (IssuerKey(key.public, 0),)))
    http, endpoint = Http(deployed.url), f"{deployed.url}/oauth/token"
    http.tokens = AssertedTokens(IssuerSigner(id_, key), endpoint, asker(http, endpoint))
    return http


def make_document(number: int) -> bytes:
    return f"diploma {number}\n".encode()


def sign_document(number: int) -> Signed:
    signer = IssuerSigner(ACADEMY, key_named(ACADEMY))
    order = Order(signer, "education/diploma", "raw", int(time.time()))
    digests = digest_document(make_document(number), "raw")
    return sign(str(number), HolderPart("raw", b"", digests.sha256, digests.sm3), order)


def break_signature(entry: bytes) -> bytes:
    return entry[:-1] + bytes([entry[-1] ^ 1])


def upload(http: Http, body: bytes) -> str:
    """The job of these bytes, put where the service said with nothing but what it said."""
    request = json.dumps({"bytes": len(body), "sha-256": sha256(body).hex()}).encode()
    headers = {"Content-Type": "application/json"}
    url = f"{http.url}/v1/uploads"
    opened = http.send("POST", url, content=request, headers=headers, authorised=True).json()
    presigned = opened["upload"]
    assert presigned["method"] == "PUT"
    http.send("PUT", presigned["url"], content=body, headers=presigned["headers"])
    job: str = opened["job"]
    return job


def follow(http: Http, job: str) -> JobStatus:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        answer = http.send("GET", f"{http.url}/v1/jobs/{job}", authorised=True)
        status = read_job(answer.json())
        if status.ended:
            return status
        assert time.monotonic() < deadline, status
        time.sleep(0.2)


def test_an_upload_becomes_receipts_that_verify_but_for_its_broken_item(clients: Clients) -> None:
    http, signed = clients.academy, [sign_document(number) for number in range(4)]
    entries = [each.statement.entry for each in signed]
    entries[BROKEN] = break_signature(entries[BROKEN])
    job = follow(http, upload(http, b"".join(entries)))
    assert (job.state, job.items, job.accepted, job.integrated) == ("done", 4, 3, 3)
    assert {item: each.type for item, each in job.rejected.items()} == {BROKEN: "wrong-signature"}
    policy = parse_policy(http.get("/v1/policy").content)
    receipts = dict(job_receipts(http, job))
    assert sorted(receipts) == [0, 1, 3]
    for item, receipt in receipts.items():
        assert receipt.statement.entry == entries[item]
        whole = replace(receipt, document=signed[item].holder)
        verdict = verify(make_document(item), whole, policy, system_clock_ms())
        assert verdict.outcome == "valid", verdict.checks


def test_another_tenants_upload_is_not_there(clients: Clients) -> None:
    job = upload(clients.academy, sign_document(0).statement.entry)
    for path in (f"/v1/jobs/{job}", f"/v1/jobs/{job}/receipts"):
        with pytest.raises(Refused) as caught:
            clients.clinic.send("GET", clients.clinic.url + path, authorised=True)
        assert (caught.value.status, caught.value.type) == (404, "no-such-job")
    assert follow(clients.academy, job).state == "done"
