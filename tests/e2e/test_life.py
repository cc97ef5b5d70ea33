"""A document's life through the deployed service: issued, suspended, and what its receipt says."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.bootstrap import system_clock_ms
from chalicelib.cli.http import Http
from chalicelib.cli.submit import submit
from chalicelib.notary.issuers.did_web import parse_did_document
from chalicelib.notary.publish import register_notary
from chalicelib.proof.credentials.data_integrity import verify_credential
from chalicelib.proof.credentials.jose import parse_jws
from chalicelib.proof.credentials.status_list import read_status_list, status_at
from chalicelib.proof.credentials.token_status_list import (
    INVALID,
    VALID,
    StatusReference,
    token_status,
    verify_token_status_list,
)
from chalicelib.proof.entry_status import judge_status, parse_entry_status, read_ms_of
from chalicelib.proof.errors import Invalid
from chalicelib.proof.hashes import sha256
from chalicelib.proof.issuer_profile import parse_profile
from chalicelib.proof.payload import Register, StatusChange
from chalicelib.proof.receipt import Receipt, parse_receipt
from chalicelib.proof.statement import SignedStatement, entry_id, sign_statement
from infra.deploy import Deployment
from tests.e2e.test_upload import ACADEMY as ISSUER
from tests.e2e.test_upload import client_of, sign_document
from tests.fakes import key_named

PATIENCE_S = 60
EVENT = {
    **dict.fromkeys(("version", "id", "account", "region", "time", "source", "detail-type"), ""),
    "resources": [],
    "detail": {},
}
"""What a schedule gives its function, which needs nothing of it."""


def publish(deployed: Deployment) -> None:
    """Run the function, as its schedule does once a minute."""
    client = deployed.session.client("lambda", endpoint_url=deployed.endpoint_url)
    answer = client.invoke(FunctionName=f"{deployed.stack}-publisher", Payload=json.dumps(EVENT))
    assert "FunctionError" not in answer, answer["Payload"].read()


def fetch(http: Http, statement: SignedStatement) -> Receipt:
    return parse_receipt(http.get(f"/v1/receipts/{statement.entry_id.hex()}").content)


def fetch_until(http: Http, statement: SignedStatement, good: Callable[[Receipt], bool]) -> Receipt:
    end_s = time.monotonic() + PATIENCE_S
    while not good(receipt := fetch(http, statement)):
        assert time.monotonic() < end_s, "nothing new was registered"
        time.sleep(0.5)
    return receipt


def judge(receipt: Receipt, at_ms: int) -> str:
    assert receipt.status is not None
    statement, origin = receipt.statement, receipt.registered.block.origin
    status, read_ms = parse_entry_status(receipt.status.document), read_ms_of(receipt.status)
    iss = statement.statement.iss
    return judge_status(status, statement.entry_id, origin, iss, at_ms, read_ms)[0]


def test_a_suspension_reaches_the_receipt(deployed: Deployment) -> None:
    service = deployed.service
    assert service.notary is not None
    register_notary(service.notary, service.registry, service.log)
    with client_of(deployed, ISSUER, "academy") as http:
        diploma = sign_document(77).statement
        assert submit(http, diploma.entry, 1, lambda _: None).integrated == 1
        publish(deployed)
        receipt = fetch_until(http, diploma, lambda each: each.status is not None)
        assert receipt.issuer is not None
        assert parse_profile(receipt.issuer.document).id == ISSUER
        good_ms = system_clock_ms()
        assert judge(receipt, good_ms).startswith("it was good")

        time.sleep(1.1)  # times of changes are in seconds
        now_s = int(time.time())
        change = StatusChange("suspend", diploma.entry_id, "under-review", now_s)
        sub = diploma.statement.sub
        entry = sign_statement(change, ISSUER, sub, now_s, key_named(ISSUER))
        assert submit(http, entry, 1, lambda _: None).integrated == 1
        publish(deployed)
        later = fetch_until(http, diploma, lambda each: each.status != receipt.status)
        with pytest.raises(Invalid, match="suspended since"):
            judge(later, system_clock_ms())
        assert judge(later, good_ms).startswith("it was good")
        newest = json.loads(http.get(f"/v1/issuers/{ISSUER}/status").content)
        assert newest["changes"][-1]["entry"] == diploma.entry_id.hex()


def allot(http: Http) -> dict[str, Any]:
    asked = json.dumps({"issuer": ISSUER, "count": 1}).encode()
    headers, url = {"Content-Type": "application/json"}, f"{http.url}/v1/status-entries"
    answer = http.send("POST", url, content=asked, headers=headers, authorised=True)
    [entry] = answer.json()["entries"]
    return dict(entry)


def list_until(deployed: Deployment, http: Http, path: str, good: Callable[[bytes], bool]) -> bytes:
    """A status list as it is served, once it is good; the publisher runs meanwhile."""
    end_s = time.monotonic() + PATIENCE_S
    while True:
        answer = http.client.get(http.url + path)
        if answer.status_code == 200 and good(answer.content):
            return answer.content
        assert answer.status_code in (200, 503), answer.text
        assert time.monotonic() < end_s, "nothing new was served"
        publish(deployed)


def test_a_revocation_reaches_the_status_lists(deployed: Deployment) -> None:
    """Signed by KMS, registered in the log, and fetched by whoever has a credential's URL."""
    service = deployed.service
    assert service.notary is not None
    register_notary(service.notary, service.registry, service.log)
    token_key, list_key = service.notary.signer.public, service.notary.list_signer.public
    with client_of(deployed, ISSUER, "academy") as http:
        entry = allot(http)
        path = entry["list"].partition("/v1/")[2]
        reference = StatusReference(entry["index"], entry["list"])

        def value(document: bytes) -> int:
            found = verify_token_status_list(parse_jws(document.decode()), token_key)
            return token_status(reference, found, system_clock_ms())

        def is_revoked(document: bytes) -> bool:
            credential = verify_credential(json.loads(document), list_key, system_clock_ms())
            return status_at(read_status_list(credential).bits, entry["index"])

        assert value(list_until(deployed, http, f"/v1/{path}", lambda _: True)) == VALID
        now_s = int(time.time())
        digest = sha256(entry["sub"].encode())
        diploma = Register("education/diploma", "raw", digest, digest)
        key = key_named(ISSUER)
        first = sign_statement(diploma, ISSUER, entry["sub"], now_s, key)
        assert submit(http, first, 1, lambda _: None).integrated == 1
        change = StatusChange("revoke", entry_id(first), "misconduct", now_s)
        revoke = sign_statement(change, ISSUER, entry["sub"], now_s, key)
        assert submit(http, revoke, 1, lambda _: None).integrated == 1
        list_until(deployed, http, f"/v1/{path}", lambda found: value(found) == INVALID)
        list_until(deployed, http, f"/v1/{path}/revocation", is_revoked)
        did = parse_did_document(http.get("/.well-known/did.json").content, system_clock_ms())
        assert {token_key, list_key} <= set(did.asserting)
