"""``POST /oauth/token``: an assertion by a registered key becomes an access token, once."""

from __future__ import annotations

from typing import Any

import jwt
import pytest

from chalicelib.proof.keys import SigningKey, format_jwk
from tests.api.world import COLLEGE, FORM, HOSPITAL, NOW_S, URL, World, problem_of
from tests.fakes import key_named


def test_an_issuer_gets_a_token_for_its_tenant_and_uses_it(world: World) -> None:
    response = world.ask_token(world.assertion())
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"
    body = response.json_body
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 600)
    scopes = "entries:write jobs:read jobs:approve webhooks:manage documents:issue"
    assert body["scope"] == scopes
    token = f"Bearer {body['access_token']}"
    assert world.submit(world.statement(), Authorization=token, Prefer="wait=5").status_code == 201


def test_the_token_verifies_with_the_published_keys(world: World) -> None:
    token = world.ask_token(world.assertion()).json_body["access_token"]
    (jwk,) = world.get("/.well-known/jwks.json").json_body["keys"]
    assert jwt.get_unverified_header(token)["kid"] == jwk["kid"]
    claims = jwt.decode(
        token,
        jwt.PyJWK(jwk),
        ["ES256"],
        audience=URL,
        issuer=URL,
        options={"verify_exp": False, "verify_iat": False},
    )
    assert (claims["sub"], claims["tenant"], claims["exp"]) == (COLLEGE, "college", NOW_S + 600)
    assert claims["key"] == world.college.public.kid.hex()


def test_an_es256_key_signs_assertions_too(world: World) -> None:
    assertion = world.assertion(
        world.hospital, iss=HOSPITAL, sub=HOSPITAL, header={"alg": "ES256"}, aud=[URL]
    )
    token = world.ask_token(assertion, client_id=HOSPITAL).json_body["access_token"]
    assert jwt.decode(token, options={"verify_signature": False})["tenant"] == "hospital"


def test_a_narrower_scope_is_kept(world: World) -> None:
    body = world.ask_token(world.assertion(), scope="jobs:read").json_body
    assert body["scope"] == "jobs:read"
    response = world.submit(world.statement(), Authorization=f"Bearer {body['access_token']}")
    assert problem_of(response) == "insufficient-scope"


BAD_ASSERTIONS: dict[str, dict[str, Any]] = {
    "an issuer that is not registered": {"iss": "did:web:x.example", "sub": "did:web:x.example"},
    "iss is not sub": {"iss": HOSPITAL},
    "another audience": {"aud": "https://other.example"},
    "no audience": {"aud": None},
    "expired": {"exp": NOW_S},
    "no exp": {"exp": None},
    "lives too long": {"exp": NOW_S + 601},
    "not good yet": {"nbf": NOW_S + 60},
    "no jti": {"jti": None},
    "a jti with a space": {"jti": "a b"},
    "a jti that is long": {"jti": "x" * 129},
    "a jti that is a number": {"jti": 7},
    "alg none": {"header": {"alg": "none"}},
    "HS256": {"header": {"alg": "HS256"}},
    "alg of another key": {"header": {"alg": "ES256"}},
    "embedded jwk": {"header": {"jwk": format_jwk(key_named("college").public)}},
    "foreign kid": {"header": {"kid": "00" * 32}},
    "a kid in capitals": {"header": {"kid": key_named("college").public.kid.hex().upper()}},
}


@pytest.mark.parametrize("name", BAD_ASSERTIONS)
def test_a_bad_assertion_gets_no_token(world: World, name: str) -> None:
    response = world.ask_token(world.assertion(**BAD_ASSERTIONS[name]))
    assert (response.status_code, problem_of(response)) == (401, "invalid-client")
    assert response.json_body["error"] == "invalid_client"
    assert response.json_body["error_description"]


def test_an_assertion_by_another_key_gets_no_token(world: World) -> None:
    kid = world.college.public.kid.hex()
    assertion = world.assertion(key_named("evil"), header={"kid": kid})
    assert problem_of(world.ask_token(assertion)) == "invalid-client"


def test_one_issuers_key_does_not_speak_for_another(world: World) -> None:
    assertion = world.assertion(world.college, iss=HOSPITAL, sub=HOSPITAL)
    assert problem_of(world.ask_token(assertion)) == "invalid-client"


def test_client_id_cannot_name_somebody_else(world: World) -> None:
    response = world.ask_token(world.assertion(), client_id=HOSPITAL)
    assert problem_of(response) == "invalid-client"


def test_an_assertion_is_good_once(world: World) -> None:
    assertion = world.assertion()
    assert world.ask_token(assertion).status_code == 200
    assert problem_of(world.ask_token(assertion)) == "invalid-client"


def test_the_same_jti_of_another_client_is_another_one(world: World) -> None:
    assert world.ask_token(world.assertion(jti="1")).status_code == 200
    other = world.assertion(
        world.hospital, iss=HOSPITAL, sub=HOSPITAL, jti="1", header={"alg": "ES256"}
    )
    assert world.ask_token(other).status_code == 200


@pytest.mark.parametrize(
    ("form", "name"),
    [
        (b"", "invalid-token-request"),
        (b"grant_type", "invalid-token-request"),
        (b"\xff=1", "invalid-token-request"),
        (b"grant_type=client_credentials&grant_type=password", "invalid-token-request"),
        (b"grant_type=client_credentials&username=a", "invalid-token-request"),
        (b"&".join(b"a%d=1" % n for n in range(9)), "invalid-token-request"),
        (b"grant_type=password&username=a", "invalid-token-request"),
        (b"grant_type=password", "unsupported-grant-type"),
        (b"grant_type=client_credentials", "invalid-token-request"),
        (
            b"grant_type=client_credentials&client_assertion_type=x&client_assertion=y",
            "invalid-token-request",
        ),
    ],
)
def test_a_form_that_is_not_a_token_request_is_refused(
    world: World, form: bytes, name: str
) -> None:
    response = world.request("POST", "/oauth/token", form, {"Content-Type": FORM})
    assert (response.status_code, problem_of(response)) == (400, name)
    assert response.json_body["error"] in ("invalid_request", "unsupported_grant_type")


def test_a_scope_that_does_not_exist_is_refused_before_the_assertion_is_used(world: World) -> None:
    assertion = world.assertion()
    assert problem_of(world.ask_token(assertion, scope="entries:write admin")) == "invalid-scope"
    assert world.ask_token(assertion).status_code == 200


def test_a_huge_form_is_refused_unread(world: World) -> None:
    response = world.request("POST", "/oauth/token", b"x" * 16_385, {"Content-Type": FORM})
    assert (response.status_code, problem_of(response)) == (413, "too-many-bytes")


def test_the_metadata_leads_to_the_endpoint(world: World) -> None:
    metadata = world.get("/.well-known/oauth-authorization-server").json_body
    assert metadata["issuer"] == URL
    assert metadata["token_endpoint"] == f"{URL}/oauth/token"
    assert metadata["token_endpoint_auth_methods_supported"] == ["private_key_jwt"]


def test_the_endpoints_key_is_not_the_logs(world: World) -> None:
    signer = world.service.token_signer
    assert isinstance(signer, SigningKey)
    assert signer.public != world.service.log.signer.public
