"""The W3C VC API of the deployed service, through its gateway, as any client speaks to it."""

from __future__ import annotations

import time
from base64 import b64encode
from dataclasses import replace
from typing import Any

import httpx

from chalicelib.bootstrap import system_clock_ms
from chalicelib.cli.keyfile import IssuerSigner
from chalicelib.cli.prepare import Order, sign
from chalicelib.cli.submit import submit
from chalicelib.notary.issue import key_url
from chalicelib.proof.credentials.data_integrity import AUTHENTICATION, sign_document
from chalicelib.proof.credentials.multibase import did_key_method
from chalicelib.proof.credentials.vcdm import V2
from chalicelib.proof.document import digest_document
from chalicelib.proof.jcs import format_jcs
from chalicelib.proof.receipt import HolderPart, format_receipt
from chalicelib.proof.times import format_time
from infra.deploy import Deployment
from tests.e2e.test_life import fetch
from tests.e2e.test_upload import ACADEMY as ISSUER
from tests.e2e.test_upload import client_of
from tests.fakes import key_named

KEY, HOLDER = key_named(ISSUER), key_named("holder")
CREATED = "2026-07-01T09:30:00Z"
REQUEST = {"domain": "employer.example", "challenge": "n-0S6_WzA2Mj"}


def credential() -> Any:
    value: dict[str, Any] = {
        "@context": [V2],
        "type": ["VerifiableCredential"],
        "issuer": ISSUER,
        "validFrom": format_time(system_clock_ms() - 60_000),
        "credentialSubject": {"degree": "BA", "name": "Ffion 歐陽"},
    }
    method = key_url(ISSUER, KEY.public)
    return sign_document(value, KEY, method, "assertionMethod", created=CREATED)


def ask(deployed: Deployment, path: str, body: Any) -> httpx.Response:
    headers = {"Accept": "application/json, application/ld+json, */*"}
    return httpx.post(f"{deployed.url}{path}", json=body, headers=headers, timeout=30)


def test_a_credential_and_its_receipt_are_verified_and_refused_altered(
    deployed: Deployment,
) -> None:
    value = credential()
    digests = digest_document(format_jcs(value), "jcs")
    order = Order(IssuerSigner(ISSUER, KEY), "education/diploma", "jcs", int(time.time()))
    signed = sign("badge", HolderPart("jcs", b"", digests.sha256, digests.sm3), order)
    with client_of(deployed, ISSUER, "academy") as http:
        assert submit(http, signed.statement.entry, 1, lambda _: None).integrated == 1
        receipt = replace(fetch(http, signed.statement), document=signed.holder)
    options = {"receipt": b64encode(format_receipt(receipt)).decode()}
    good = ask(deployed, "/credentials/verify", {"verifiableCredential": value, "options": options})
    assert good.status_code == 200, good.text
    assert good.json()["verified"] is True
    assert good.json()["issuer"]["names"] == {"en": "Academy", "zh": "academy"}
    altered = {**value, "credentialSubject": {"degree": "PhD"}}
    bad = ask(deployed, "/credentials/verify", {"verifiableCredential": altered})
    assert (bad.status_code, bad.headers["Content-Type"]) == (400, "application/problem+json")
    assert bad.json()["verified"] is False


def test_a_presentation_is_verified_for_its_request(deployed: Deployment) -> None:
    with client_of(deployed, ISSUER, "academy"):
        """Its issuer is registered."""
    method = did_key_method(HOLDER.public)
    value: dict[str, Any] = {
        "@context": [V2],
        "type": "VerifiablePresentation",
        "holder": method.partition("#")[0],
        "verifiableCredential": [credential()],
    }
    signed = sign_document(value, HOLDER, method, AUTHENTICATION, created=CREATED, **REQUEST)
    for options, verified in ((REQUEST, True), ({**REQUEST, "challenge": "other"}, False)):
        body = {"verifiablePresentation": signed, "options": options}
        answer = ask(deployed, "/presentations/verify", body)
        assert answer.status_code == 200, answer.text
        assert answer.json()["verified"] is verified
