"""Our W3C VC API and the packages of Digital Bazaar and of OpenWallet, over HTTP: what they make we
verify, and refuse altered; what we issue they accept, and refuse altered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.api import wiring
from chalicelib.notary.issue import key_url
from chalicelib.proof.credentials.multibase import did_key_method, format_multikey
from chalicelib.proof.keys import PublicKey, format_jwk, format_private_jwk
from tests.api.vc_world import (
    CHALLENGE,
    COLLEGE_KEY,
    CREATED,
    DOMAIN,
    HOLDER,
    HOSPITAL_KEY,
    WALLET,
    credential,
    enveloped,
    presentation,
    results,
    verify,
    verify_presentation,
)
from tests.api.world import COLLEGE, HOSPITAL, NOW_S, World

from .peer import Ask, ask, ask_all
from .test_documents import secret_of

__all__ = ["ask", "ask_all"]

AT = "2027-01-15T08:00:00Z"


def named(key: PublicKey) -> dict[str, str]:
    """A key of the college's, as they know it."""
    return {"method": key_url(COLLEGE, key), "multikey": format_multikey(key)}


ISSUER = named(COLLEGE_KEY.public)
HOLDERS = {
    "method": did_key_method(HOLDER.public),
    "multikey": format_multikey(HOLDER.public),
    "domain": DOMAIN,
    "challenge": CHALLENGE,
}


@pytest.fixture
def world() -> Iterator[World]:
    yield World()
    wiring.use(None)


def theirs(ask: Ask) -> Any:
    given = {"credential": credential(), "created": CREATED, "now": AT, **ISSUER}
    return ask("credentialIssue", secret=secret_of(COLLEGE_KEY), **given).accepted()


def test_a_credential_of_theirs_is_verified_and_refused_altered(world: World, ask: Ask) -> None:
    value = theirs(ask)
    assert verify(world, value)["verified"]
    for name, member in (("name", "a"), ("validFrom", "2020-01-02T00:00:00Z"), ("type", "A")):
        assert not verify(world, {**value, name: member})["verified"]


def test_a_presentation_of_theirs_is_verified_for_its_request_alone(world: World, ask: Ask) -> None:
    value = presentation(theirs(ask))
    given = {"presentation": value, "created": CREATED, "secret": secret_of(HOLDER), **HOLDERS}
    made = ask("presentationSign", **given).accepted()
    assert verify_presentation(world, made)["verified"]
    for other in ({"domain": "other.example"}, {"challenge": "other"}):
        assert verify_presentation(world, made, **other)["verdict"] == "invalid"
    assert verify_presentation(world, {**made, "id": "urn:a"})["verdict"] == "invalid"


def test_an_sd_jwt_of_theirs_is_verified_and_so_is_its_binding(world: World, ask: Ask) -> None:
    claims = {
        "iss": HOSPITAL,
        "vct": "urn:tally:profile:healthcare/immunization",
        "iat": NOW_S,
        "cnf": {"jwk": format_jwk(WALLET.public)},
        "name": "Ffion",
        "vaccine": "MMR",
    }
    issued = ask(
        "sdJwtIssue",
        claims=claims,
        frame={"_sd": ["name", "vaccine"]},
        jwk=format_private_jwk(HOSPITAL_KEY),
        alg="ES256",
        header={"kid": key_url(HOSPITAL, HOSPITAL_KEY.public)},
    ).accepted()
    assert verify(world, enveloped(issued))["verified"]
    bound = ask(
        "sdJwtPresent",
        sdJwt=issued,
        frame={"vaccine": True},
        jwk=format_private_jwk(WALLET),
        alg="ES256",
        binding={"aud": DOMAIN, "nonce": CHALLENGE, "iat": NOW_S},
    ).accepted()
    body = {
        "presentation": presentation(enveloped(bound)),
        "options": {"domain": DOMAIN, "challenge": CHALLENGE},
    }
    answer = world.post_json("/presentations/verify", body).json_body
    assert answer["verified"]
    [inner] = answer["results"]["credentials"]
    assert results(inner)["holder"] == "pass"


def test_they_accept_what_we_issue_and_refuse_it_altered(world: World, ask_all: Any) -> None:
    key = named(world.take_custody().key)
    issued = world.post_json(
        "/credentials/issue", {"credential": credential()}, **world.issuing()
    ).json_body["verifiableCredential"]
    values = (issued, {**issued, "name": "a"})
    accepted, refused = ask_all(
        [{"job": "credentialVerify", "credential": value, "at": AT, **key} for value in values]
    )
    assert accepted.accepted() is True
    assert refused.error
