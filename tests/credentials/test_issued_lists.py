"""What ``tally issue`` issues, after ``--correct`` and ``tally revoke`` and ``suspend``, with the
lists that the notary serves and packages of others: each has the fate that it should."""

from __future__ import annotations

import json
import time
from typing import Any, cast

import httpx
import pytest

from chalicelib.bootstrap import publisher_of
from chalicelib.notary.publish import publish, register_notary
from chalicelib.proof.credentials.multibase import format_multikey
from chalicelib.proof.keys import format_jwk

from ..cli.conftest import _nobodys_settings, front
from ..cli.desk import Desk, tally
from ..cli.registrar import ADA, CHEN, SION, Registrar
from ..fakes import NOTARY
from .peer import ask_all

__all__ = ["_nobodys_settings", "ask_all", "front"]

EVE = ("Eve", "S4", "Bachelor of Laws", "bachelor", "2025-07-09")
GOOD, REVOKED, SUSPENDED, NEW = (f"graduates-000{row}" for row in (2, 3, 4, 5))
OLD = f"{NEW}.superseded-1"
FATES = {
    GOOD: [False, False],
    REVOKED: [True, False],
    SUSPENDED: [False, True],
    OLD: [True, False],
    NEW: [False, False],
}
"""Revoked or not, and suspended or not."""


@pytest.fixture
def registrar(front: Any, tmp_path: Any) -> Registrar:
    service = front.service
    register_notary(service.notary, service.registry, service.log)
    registrar = Registrar(Desk(tmp_path / "desk", front))
    for last in (EVE, ("Eva", *EVE[1:])):
        roster = registrar.roster([ADA, SION, CHEN, last])
        assert registrar.issue(roster, "--correct", form="both").exit_code == 0
    say(registrar, "revoke", REVOKED, "--reason", "misconduct")
    say(registrar, "suspend", SUSPENDED)
    return registrar


def say(registrar: Registrar, kind: str, name: str, *flags: str) -> None:
    receipts = [registrar.out / "receipts" / f"{name}.{e}.receipt.json" for e in ("jwt", "json")]
    desk = registrar.desk
    assert tally(kind, *receipts, "--key", desk.key, "--url", desk.front.url, *flags).exit_code == 0


def fetch(registrar: Registrar, uri: str) -> str:
    """A list as a verifier gets it; a first request has it made."""
    service, url = registrar.desk.front.service, uri.replace("https://", "http://")
    if httpx.get(url).status_code == 503:
        publisher = publisher_of(service, lambda issuer, problem: None)
        assert publisher is not None
        publish(publisher)
        service.wake()
    answer = httpx.get(url)
    assert answer.status_code == 200, answer.text
    return answer.text


def test_sd_jwt_vcs(registrar: Registrar, ask_all: Any) -> None:
    notary: Any = registrar.desk.front.service.notary
    jobs = []
    for name in FATES:
        status: Any = registrar.credential(f"{name}.sd-jwt").payload["status"]
        uri = status["status_list"]["uri"]
        job = {
            "job": "sdJwtVerify",
            "sdJwt": (registrar.out / "credentials" / f"{name}.sd-jwt").read_text(),
            "jwk": format_jwk(registrar.key),
            "at": int(time.time()),
            "lists": {uri: fetch(registrar, uri)},
            "listJwk": format_jwk(notary.signer.public),
        }
        jobs.append(job)
    for fate, outcome in zip(FATES.values(), ask_all(jobs), strict=True):
        assert ("Status is not valid" in str(outcome.error)) == any(fate), outcome


def test_open_badges(registrar: Registrar, ask_all: Any) -> None:
    service, notary = registrar.desk.front.service, cast(Any, registrar.desk.front.service.notary)
    key = notary.list_signer.public
    document = httpx.get(f"{service.public_url}/.well-known/did.json").json()
    jobs = []
    for name in FATES:
        badge = registrar.badge(f"{name}.json")
        urls = [each["statusListCredential"] for each in badge["credentialStatus"]]
        job = {
            "job": "statusCheck",
            "credential": badge,
            "documents": {
                NOTARY: document,
                **{url: json.loads(fetch(registrar, url)) for url in urls},
            },
            "method": f"{NOTARY}#{format_multikey(key)}",
            "multikey": format_multikey(key),
            "matching": False,
        }
        jobs.append(job)
    found = [outcome.accepted() for outcome in ask_all(jobs)]
    assert found == list(FATES.values())
