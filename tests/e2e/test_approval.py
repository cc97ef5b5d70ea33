"""Two persons on the deployed service: an upload waits for the second, and becomes receipts."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from chalicelib.cli.http import Http, Refused
from chalicelib.cli.jobs import SCOPE
from chalicelib.cli.keyfile import IssuerSigner
from chalicelib.cli.submit import job_receipts
from chalicelib.cli.tokens import AssertedTokens, asker
from chalicelib.notary.ports import Issuer, IssuerKey
from chalicelib.proof.document import digest_document
from chalicelib.proof.hashes import sha256, sm3
from chalicelib.proof.payload import Register
from chalicelib.proof.statement import sign_statement
from infra.deploy import Deployment
from tests.e2e.test_upload import follow, make_document, upload
from tests.fakes import key_named
from tests.notary.desk import sub_of

COLLEGE = "did:web:two-persons.example"
FIRST, SECOND = (key_named(name) for name in ("first person", "second person"))
SCOPES = f"entries:write {SCOPE}"


def enrol(deployed: Deployment) -> None:
    keys = tuple(IssuerKey(key.public, 0) for key in (FIRST, SECOND))
    names = {"en": "Two Persons' College", "zh": "双人学院"}
    issuer = Issuer(COLLEGE, "two-persons", names, keys, approval=True)
    deployed.service.registry.put_issuer(issuer)


def make_entry(number: int) -> bytes:
    digests = digest_document(make_document(number), "raw")
    salt = bytes(32)
    payload = Register(
        "education/diploma", "raw", sha256(salt + digests.sha256), sm3(salt + digests.sm3)
    )
    return sign_statement(payload, COLLEGE, sub_of(number), 1_790_000_000, FIRST)


def decide(http: Http, job: str) -> str:
    answer = http.send("POST", f"{http.url}/v1/jobs/{job}/approval", authorised=True)
    return str(answer.json()["state"])


def test_an_upload_waits_for_a_second_person(deployed: Deployment) -> None:
    enrol(deployed)
    entries = [make_entry(number) for number in range(7_001, 7_004)]
    with ExitStack() as stack:
        first, second = (stack.enter_context(Http(deployed.url)) for _ in range(2))
        for http, key in ((first, FIRST), (second, SECOND)):
            endpoint = f"{deployed.url}/oauth/token"
            signer = IssuerSigner(COLLEGE, key)
            http.tokens = AssertedTokens(signer, endpoint, asker(http, endpoint), SCOPES)
        job = follow(first, upload(first, b"".join(entries)))
        assert (job.state, job.accepted, job.integrated) == ("awaiting-approval", 3, 0)
        assert job.waiting is not None
        assert job.waiting.documents == (f"register 3 education/diploma of {COLLEGE}",)
        with pytest.raises(Refused) as caught:
            decide(first, job.id)
        assert (caught.value.status, caught.value.type) == (403, "same-person")
        assert decide(second, job.id) in ("integrating", "done")
        done = follow(first, job.id)
        assert (done.state, done.integrated) == ("done", 3)
        receipts = dict(job_receipts(first, done))
        assert [receipts[n].statement.entry for n in range(3)] == entries
