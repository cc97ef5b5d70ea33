"""The credentials and status lists that the demo leaves, for verifiers that others wrote."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest

from chalicelib.proof.credentials.sd_jwt import parse_sd_jwt
from infra.graduation import LEAST, REVOKED, SUPERSEDED, SUSPENDED
from infra.roster import UNIVERSITY
from tests.credentials.peer import ask_all
from tests.e2e.conftest import GRADUATES, Left

__all__ = ["ask_all"]

CHANGED = {
    **{f"graduates-{row:04}.superseded-1": True for row in range(2, 2 + SUPERSEDED)},
    **{f"graduates-{row:04}": False for row in range(2, 2 + SUPERSEDED)},
    **{
        f"graduates-{row:04}": True
        for row in range(2 + SUPERSEDED, 2 + SUPERSEDED + SUSPENDED + REVOKED)
    },
    **{f"graduates-{row:04}": False for row in range(2 + LEAST - 10, 2 + LEAST)},
}
"""Files of SD-JWT VCs, and whether a list says that the credential is not good. Row 1 is the
roster's header."""


def keys_of(left: Left, *, notary: bool) -> list[dict[str, Any]]:
    """JWKs of the university, or of the notary, from the policy."""
    issuers = json.loads(left.policy.read_bytes())["issuers"]
    wanted = {each["id"] for each in issuers if each.get("notary")} if notary else {UNIVERSITY}
    return [key["jwk"] for each in issuers if each["id"] in wanted for key in each["keys"]]


def test_every_graduate_has_credentials_in_both_forms(left: Left) -> None:
    place = left.out / "credentials"
    for ending in (".sd-jwt", ".jwt", ".jwt.receipt.json", ".json.receipt.json"):
        assert len(list(place.glob(f"*{ending}"))) == GRADUATES + SUPERSEDED
    for path in place.glob("*.sd-jwt"):
        disclosures = json.loads((place / f"{path.stem}.disclosures.json").read_bytes())
        assert len(disclosures) == path.read_text().count("~") - 1


@pytest.fixture
def lists(left: Left) -> dict[str, str]:
    """Token status lists by the URI that each is of."""
    files = (left.out / "status").glob("*.jwt")
    return {_uri_of(path): path.read_text() for path in files}


def _uri_of(path: Path) -> str:
    return str(parse_sd_jwt(path.read_text().strip() + "~").payload["sub"])


def test_an_npm_verifier_reads_what_became_of_each_sd_jwt_vc(
    left: Left, lists: dict[str, str], ask_all: Any
) -> None:
    [issuer], [notary] = keys_of(left, notary=False), keys_of(left, notary=True)
    jobs = [
        {
            "job": "sdJwtVerify",
            "sdJwt": (left.out / "credentials" / f"{name}.sd-jwt").read_text(),
            "jwk": issuer,
            "at": int(time.time()),
            "lists": lists,
            "listJwk": notary,
        }
        for name in CHANGED
    ]
    outcomes = ask_all(jobs)
    refused = ["Status is not valid" in str(outcome.error) for outcome in outcomes]
    assert dict(zip(CHANGED, refused, strict=True)) == CHANGED
    assert sum(outcome.error is None for outcome in outcomes) == len(CHANGED) - sum(refused)


def test_bitstring_lists_are_there_for_each_list(left: Left, lists: dict[str, str]) -> None:
    names = {uri.rpartition("/")[2] for uri in lists}
    assert names == {"0", "0-1"}
    for name in names:
        for purpose in ("revocation", "suspension"):
            credential = json.loads((left.out / "status" / f"{name}-{purpose}.json").read_bytes())
            assert credential["credentialSubject"]["statusPurpose"] == purpose


def test_the_table_tells_the_two_dates_apart(left: Left) -> None:
    table = {
        found[1].strip(): (found[2], found[3])
        for line in left.printed.splitlines()
        if (found := re.fullmatch(r"(\D+?) +(\d+ \w+) +(\d+ \w+)", line))
    }
    assert table == {
        "good": ("20 valid", "20 valid"),
        "superseded": ("20 valid", "20 invalid"),
        "their corrections": ("20 valid", "20 valid"),
        "suspended": ("10 valid", "10 invalid"),
        "revoked": ("10 valid", "10 invalid"),
    }
