"""A document's life through the deployed service: issued, suspended, and what its receipt says."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest

from chalicelib.bootstrap import system_clock_ms
from chalicelib.cli.http import Http
from chalicelib.cli.submit import submit
from chalicelib.notary.publish import register_notary
from chalicelib.proof.entry_status import judge_status, parse_entry_status, read_ms_of
from chalicelib.proof.errors import Invalid
from chalicelib.proof.issuer_profile import parse_profile
from chalicelib.proof.payload import StatusChange
from chalicelib.proof.receipt import Receipt, parse_receipt
from chalicelib.proof.statement import SignedStatement, sign_statement
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
    return judge_status(status, statement.entry_id, origin, iss, at_ms, read_ms)


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
