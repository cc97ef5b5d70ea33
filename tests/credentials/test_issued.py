"""What ``tally issue`` issues, with packages of others: ``@sd-jwt/sd-jwt-vc`` and
``@digitalbazaar/vc`` accept it, and refuse it altered, revoked, suspended or superseded.

The lists are made here, as the notary makes them: by its own key, for all of its issuers.
"""

from __future__ import annotations

import json
import time
import zlib
from typing import Any

import pytest

from chalicelib.cli.keyfile import read_key
from chalicelib.proof.credentials.data_integrity import sign_credential
from chalicelib.proof.credentials.multibase import format_base64url, format_multikey
from chalicelib.proof.credentials.status_list import (
    PURPOSES,
    REVOCATION,
    format_status_list,
    make_bits,
)
from chalicelib.proof.keys import format_jwk
from chalicelib.proof.limits import STATUS_ENTRIES_LEAST
from chalicelib.proof.times import format_time

from ..cli.conftest import _nobodys_settings, front
from ..cli.desk import UNIVERSITY, Desk, tally
from ..cli.registrar import CHEN, HEADER, Registrar
from ..proof.credentials_samples import jws_of, key_of
from .peer import ask, ask_all

__all__ = ["_nobodys_settings", "ask", "ask_all", "front"]


NOTARY, NOTARY_KEY = "did:web:notary.example", key_of("notary")
NAME = "graduates-0002"
OLD = "graduates-0002.superseded-1"
HEADINGS = (*HEADER, "Date of birth", "/award/credits")
ROW = (*CHEN, "2003-04-17", "97.5")


@pytest.fixture
def registrar(front: Any, tmp_path: Any) -> Registrar:
    registrar = Registrar(Desk(tmp_path / "desk", front))
    assert registrar.issue(registrar.roster([ROW], HEADINGS), form="both").exit_code == 0
    return registrar


def sd_jwt_job(registrar: Registrar, text: str, statuses: dict[int, int]) -> dict[str, Any]:
    """Verify an SD-JWT VC, with these in the list of the first generation by index."""
    uris = {each["list"] for each in registrar.desk.front.allotted.entries}
    newer = {f"{uri}-1": token_list(f"{uri}-1", {}) for uri in uris}
    return {
        "job": "sdJwtVerify",
        "sdJwt": text,
        "jwk": format_jwk(registrar.key),
        "at": int(time.time()),
        "lists": {uri: token_list(uri, statuses) for uri in uris} | newer,
        "listJwk": format_jwk(NOTARY_KEY.public),
    }


def token_list(uri: str, statuses: dict[int, int]) -> str:
    """A Token Status List (IETF) of two bits a credential."""
    packed = bytearray(STATUS_ENTRIES_LEAST // 4)
    for index, status in statuses.items():
        packed[index // 4] |= status << index % 4 * 2
    listed = {"bits": 2, "lst": format_base64url(zlib.compress(bytes(packed)))}
    claims = {"sub": uri, "iat": int(time.time()), "status_list": listed}
    return jws_of({"alg": "EdDSA", "typ": "statuslist+jwt"}, claims, NOTARY_KEY)


def index_of(registrar: Registrar, name: str) -> int:
    status: Any = registrar.credential(f"{name}.sd-jwt").payload["status"]
    return int(status["status_list"]["idx"])


def test_sd_jwt_vcs(registrar: Registrar, ask_all: Any) -> None:
    path = registrar.out / "credentials" / f"{NAME}.sd-jwt"
    whole = path.read_text()
    chosen = tally("credential", "present", path, "--disclose", "/birthdate").stdout.strip()
    jwt, first, *rest = whole.split("~")
    forged = "~".join((jwt[:-8] + "AAAAAAAA", first, *rest))
    jobs = [sd_jwt_job(registrar, text, {}) for text in (whole, chosen, forged)]
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


def test_the_status_of_an_sd_jwt_vc(registrar: Registrar, ask_all: Any) -> None:
    text = (registrar.out / "credentials" / f"{NAME}.sd-jwt").read_text()
    index = index_of(registrar, NAME)
    good, revoked, suspended = ask_all(
        [sd_jwt_job(registrar, text, {index ^ 1: 3, index: status}) for status in (0, 1, 2)]
    )
    assert good.accepted()["payload"]["name"] == "陈𬭎"
    assert "Status is not valid" in str(revoked.error)
    assert "Status is not valid" in str(suspended.error)


def badge_job(registrar: Registrar, badge: Any, revoked: list[int]) -> dict[str, Any]:
    """Check an Open Badge's places, when these indices of its first generation are revoked."""
    documents = {}
    for entry in registrar.desk.front.allotted.entries:
        for purpose in PURPOSES:
            first, newer = f"{entry['list']}/{purpose}", f"{entry['list']}-1/{purpose}"
            documents[first] = bit_list(first, purpose, revoked if purpose == REVOCATION else [])
            documents[newer] = bit_list(newer, purpose, [])
    return {
        "job": "statusCheck",
        "credential": badge,
        "documents": documents,
        "method": f"{NOTARY}#lists",
        "multikey": format_multikey(NOTARY_KEY.public),
        "matching": False,
    }


def bit_list(url: str, purpose: str, indices: list[int]) -> dict[str, Any]:
    """A Bitstring Status List (W3C) that is good for an hour."""
    now_ms = int(time.time() * 1000)
    value = format_status_list(
        url,
        NOTARY,
        purpose,
        make_bits(STATUS_ENTRIES_LEAST, indices),
        valid_from=format_time(now_ms - 60_000),
        valid_until=format_time(now_ms + 3_600_000),
    )
    created = format_time(now_ms - 60_000)
    return dict(sign_credential(value, NOTARY_KEY, f"{NOTARY}#lists", created=created))


def test_old_and_new_after_a_correction(registrar: Registrar, ask_all: Any) -> None:
    """As the lists then are: the place of the old one is set, and that of the new one is not."""
    roster = registrar.roster([("陈鸿", *ROW[1:])], HEADINGS)
    assert registrar.issue(roster, "--correct", form="both").exit_code == 0
    badges = {name: registrar.badge(f"{name}.json") for name in (OLD, NAME)}
    index = int(badges[NAME]["credentialStatus"][0]["statusListIndex"])
    old, new = ask_all([badge_job(registrar, badge, [index]) for badge in badges.values()])
    assert (old.accepted(), new.accepted()) == ([True, False], [False, False])
    index = index_of(registrar, NAME)
    texts = [(registrar.out / "credentials" / f"{each}.sd-jwt").read_text() for each in badges]
    refused, accepted = ask_all([sd_jwt_job(registrar, text, {index: 1}) for text in texts])
    assert "Status is not valid" in str(refused.error)
    assert accepted.accepted()["payload"]["name"] == "陈鸿"


def test_open_badges(registrar: Registrar, ask_all: Any) -> None:
    badge = registrar.badge(f"{NAME}.json")
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
