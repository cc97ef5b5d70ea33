"""What ``tally issue`` issues, with packages of others: ``@sd-jwt/sd-jwt-vc`` and
``@digitalbazaar/vc`` accept it, and refuse it altered."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from chalicelib.cli.keyfile import read_key
from chalicelib.proof.credentials.multibase import format_multikey
from chalicelib.proof.keys import format_jwk
from chalicelib.proof.times import format_time

from ..cli.conftest import _nobodys_settings, front
from ..cli.desk import UNIVERSITY, Desk, tally
from ..cli.registrar import CHEN, HEADER, Registrar
from .peer import ask, ask_all

__all__ = ["_nobodys_settings", "ask", "ask_all", "front"]


@pytest.fixture
def registrar(front: Any, tmp_path: Any) -> Registrar:
    registrar = Registrar(Desk(tmp_path / "desk", front))
    header = (*HEADER, "Date of birth", "/award/credits")
    roster = registrar.roster([(*CHEN, "2003-04-17", "97.5")], header)
    assert registrar.issue(roster, form="both").exit_code == 0
    return registrar


def test_sd_jwt_vcs(registrar: Registrar, ask_all: Any) -> None:
    path = registrar.out / "credentials" / "graduates-0002.sd-jwt"
    whole = path.read_text()
    chosen = tally("credential", "present", path, "--disclose", "/birthdate").stdout.strip()
    jwt, first, *rest = whole.split("~")
    forged = "~".join((jwt[:-8] + "AAAAAAAA", first, *rest))
    jwk = format_jwk(registrar.key)
    jobs = [
        {"job": "sdJwtVerify", "sdJwt": text, "jwk": jwk, "at": int(time.time())}
        for text in (whole, chosen, forged)
    ]
    all_claims, some, refused = ask_all(jobs)
    payload = all_claims.accepted()["payload"]
    assert (payload["name"], payload["birthdate"], payload["student_number"]) == (
        "陈𬭎",
        "2003-04-17",
        "S3",
    )
    assert payload["award"]["credits"] == 97.5
    assert some.accepted()["payload"]["birthdate"] == "2003-04-17"
    assert "student_number" not in some.accepted()["payload"]
    assert refused.error


def test_open_badges(registrar: Registrar, ask_all: Any) -> None:
    badge = registrar.badge("graduates-0002.json")
    key = read_key(registrar.desk.key).key.public
    given = {
        "job": "credentialVerify",
        "at": format_time(int(time.time() * 1000)),
        "method": f"{UNIVERSITY}#{key.kid.hex()}",
        "multikey": format_multikey(key),
    }
    altered = json.loads(json.dumps(badge))
    altered["credentialSubject"]["achievement"]["name"] = "Doctor of Philosophy"
    accepted, refused = ask_all([{**given, "credential": value} for value in (badge, altered)])
    assert accepted.accepted() is True
    assert refused.error
