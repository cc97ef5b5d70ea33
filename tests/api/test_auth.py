"""Access tokens: ours and those of an identity provider, and all that is refused."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Iterator
from hashlib import sha256 as hashlib_sha256
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any, cast

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from chalicelib.api.auth import _jwks
from chalicelib.notary.ports import IdentityProvider
from chalicelib.proof.keys import ES256, SigningKey, format_jwk
from tests.api.world import COLLEGE, NOW_S, URL, World, b64url, compact, problem_of
from tests.fakes import key_named

Forgery = Callable[[World], str]
IDP = "https://idp.example"


def claims_of(**different: Any) -> dict[str, Any]:
    return {
        "iss": URL,
        "aud": URL,
        "sub": COLLEGE,
        "tenant": "college",
        "key": key_named("college").public.kid.hex(),
        "scope": "entries:write jobs:read",
        "exp": NOW_S + 600,
        **different,
    }


def own(world: World, **header: Any) -> str:
    """Our own token with another header, signed with our own key."""
    key = cast(SigningKey, world.service.token_signer)
    good = {"alg": "ES256", "kid": key.public.kid.hex(), "typ": "at+jwt"}
    return compact({**good, **header}, claims_of(), key)


def unsigned(world: World) -> str:
    kid = world.service.token_signer.public.kid.hex()
    header = {"alg": "none", "kid": kid, "typ": "at+jwt"}
    return ".".join(b64url(json.dumps(part).encode()) for part in (header, claims_of())) + "."


def hs256_from_the_public_key(world: World) -> str:
    public = world.service.token_signer.public
    header = {"alg": "HS256", "kid": public.kid.hex(), "typ": "at+jwt"}
    message = ".".join(b64url(json.dumps(part).encode()) for part in (header, claims_of()))
    secret = json.dumps(format_jwk(public)).encode()
    return f"{message}.{b64url(hmac.digest(secret, message.encode(), hashlib_sha256))}"


def changed(world: World) -> str:
    header, _, signature = world.token().split(".")
    claims = b64url(json.dumps(claims_of(tenant="hospital")).encode())
    return f"{header}.{claims}.{signature}"


def with_a_second_tenant(world: World) -> str:
    key = cast(SigningKey, world.service.token_signer)
    header = b64url(
        json.dumps({"alg": "ES256", "kid": key.public.kid.hex(), "typ": "at+jwt"}).encode()
    )
    text = json.dumps(claims_of())[:-1] + ', "tenant": "hospital"}'
    message = f"{header}.{b64url(text.encode())}"
    return f"{message}.{b64url(key.sign(message.encode()))}"


FORGERIES: dict[str, Forgery] = {
    "alg none": unsigned,
    "alg none with a signature": lambda w: own(w, alg="none"),
    "HS256 from the public key": hs256_from_the_public_key,
    "EdDSA by an ES256 key": lambda w: own(w, alg="EdDSA"),
    "ES384": lambda w: own(w, alg="ES384"),
    "no alg": lambda w: own(w, alg=None),
    "foreign kid": lambda w: own(w, kid=key_named("x").public.kid.hex()),
    "no kid": lambda w: own(w, kid=None),
    "a kid that is a path": lambda w: own(w, kid="../../keys"),
    "embedded jwk": lambda w: own(w, jwk=format_jwk(w.service.token_signer.public)),
    "jku": lambda w: own(w, jku="https://evil.example/jwks"),
    "x5u": lambda w: own(w, x5u="https://evil.example/x5u"),
    "x5c": lambda w: own(w, x5c=["AA=="]),
    "crit": lambda w: own(w, crit=["b64"], b64=False),
    "another key": lambda w: compact(
        {"alg": "ES256", "kid": w.service.token_signer.public.kid.hex(), "typ": "at+jwt"},
        claims_of(),
        key_named("evil", ES256),
    ),
    "not an access token": lambda w: own(w, typ="JWT"),
    "a client assertion": lambda w: w.assertion(),
    "changed claims": changed,
    "a tenant twice": with_a_second_tenant,
    "expired": lambda w: w.token(exp=NOW_S),
    "expires as text": lambda w: w.token(exp=str(NOW_S + 600)),
    "expires never": lambda w: w.token(exp=None),
    "not good yet": lambda w: w.token(nbf=NOW_S + 60),
    "issued in the future": lambda w: w.token(iat=NOW_S + 60),
    "another audience": lambda w: w.token(aud="https://other.example"),
    "no audience": lambda w: w.token(aud=None),
    "another issuer": lambda w: w.token(iss="https://other.example"),
    "no issuer": lambda w: w.token(iss=None),
    "no subject": lambda w: w.token(sub=""),
    "no key": lambda w: w.token(key=None),
    "no tenant": lambda w: w.token(tenant=None),
    "a tenant that is a list": lambda w: w.token(tenant=["college"]),
    "scopes that are a list": lambda w: w.token(scope=["entries:write"]),
    "too long": lambda w: w.token(pad="x" * 8_192),
    "two parts": lambda w: "e30.e30",
    "not base64url": lambda w: "e31.e30.AA",
    "a header that is a list": lambda w: f"{b64url(b'[]')}.{b64url(b'{}')}.AA",
    "words": lambda w: "password",
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_bad_token_is_refused_and_nothing_is_stored(world: World, name: str) -> None:
    before = world.stored()
    response = world.submit(
        world.statement(), Authorization=f"Bearer {FORGERIES[name](world)}", Prefer="wait=5"
    )
    assert (response.status_code, problem_of(response)) == (401, "invalid-token")
    challenge = response.headers["WWW-Authenticate"]
    assert challenge.startswith('Bearer realm="tally", error="invalid_token", error_description="')
    assert world.stored() == before


@pytest.mark.parametrize("header", ["Basic YTpi", "Bearer", "Bearer a b", "Bearer x, Bearer y"])
def test_another_authorization_is_no_token(world: World, header: str) -> None:
    assert problem_of(world.submit(world.statement(), Authorization=header)) == "invalid-token"


def test_without_a_token_the_answer_says_where_to_get_one(world: World) -> None:
    response = world.request(
        "POST", "/entries", world.statement(), {"Content-Type": "application/cose"}
    )
    assert (response.status_code, problem_of(response)) == (401, "missing-token")
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="tally"'
    assert "/oauth/token" in response.json_body["detail"]


@pytest.mark.parametrize("scope", ["", "jobs:read", "entries:writer", "entries:write,jobs:read"])
def test_a_token_without_the_scope_reaches_nothing(world: World, scope: str) -> None:
    headers = world.bearer(scope=scope)
    response = world.submit(world.statement(), **headers)
    assert (response.status_code, problem_of(response)) == (403, "insufficient-scope")
    assert 'scope="entries:write"' in response.headers["WWW-Authenticate"]


class Provider:
    """An identity provider's JWKS on the loopback interface; counts how often it is fetched."""

    def __init__(self) -> None:
        self.key, self.fetched, self.status = key_named("idp"), 0, 200
        self.jwks: Any = {"keys": [{**format_jwk(self.key.public), "kid": "k1"}]}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.fetched += 1
                self.send_response(outer.status)
                self.send_header("Location", "/elsewhere")
                self.end_headers()
                self.wfile.write(json.dumps(outer.jwks).encode())

            def log_message(self, *_: object) -> None: ...

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.thread = Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/jwks"

    def token(self, kid: str = "k1", alg: str = "EdDSA", **different: Any) -> str:
        claims = claims_of(iss=IDP, aud="tally", sub="registrar-app", **different)
        return compact({"alg": alg, "kid": kid, "typ": "JWT"}, claims, self.key)

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def provider(world: World) -> Iterator[Provider]:
    provider = Provider()
    world.registry.put_identity_provider(IdentityProvider(IDP, provider.url, "tally", ("college",)))
    yield provider
    provider.close()
    _jwks.cache_clear()


def submit_with(world: World, token: str) -> Any:
    return world.submit(world.statement(), Authorization=f"Bearer {token}", Prefer="wait=5")


def test_a_configured_identity_providers_token_is_good(world: World, provider: Provider) -> None:
    assert submit_with(world, provider.token()).status_code == 201
    assert submit_with(world, provider.token()).status_code == 201
    assert provider.fetched == 1


def test_an_rsa_token_of_a_provider_is_good(world: World, provider: Provider) -> None:
    private = rsa.generate_private_key(65537, 2048)
    jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(private.public_key()))
    provider.jwks = {"keys": [{**jwk, "kid": "rsa"}]}
    claims = claims_of(iss=IDP, aud="tally", sub="app")
    token = jwt.encode(claims, private, "RS256", headers={"kid": "rsa"})
    assert submit_with(world, token).status_code == 201


@pytest.mark.parametrize(
    "different",
    [
        {"kid": "k2"},
        {"alg": "ES256"},
        {"alg": "HS256"},
        {"exp": NOW_S},
        {"tenant": None},
        {"sub": None},
    ],
)
def test_a_bad_token_of_a_provider_is_refused(
    world: World, provider: Provider, different: dict[str, Any]
) -> None:
    if "sub" in different:
        claims = claims_of(iss=IDP, aud="tally", sub=None)
        token = compact({"alg": "EdDSA", "kid": "k1"}, claims, provider.key)
    else:
        token = provider.token(**different)
    assert problem_of(submit_with(world, token)) == "invalid-token"


@pytest.mark.parametrize("tenant", ["hospital", "College", "college ", "colleg"])
def test_a_provider_speaks_for_its_own_tenants_only(
    world: World, provider: Provider, tenant: str
) -> None:
    response = submit_with(world, provider.token(tenant=tenant))
    assert (response.status_code, problem_of(response)) == (401, "invalid-token")


def test_a_provider_may_speak_for_several_tenants(world: World, provider: Provider) -> None:
    several = IdentityProvider(IDP, provider.url, "tally", ("hospital", "college"))
    world.registry.put_identity_provider(several)
    assert submit_with(world, provider.token()).status_code == 201


def test_unknown_key_ids_do_not_make_us_fetch_again_and_again(
    world: World, provider: Provider
) -> None:
    for number in range(5):
        submit_with(world, provider.token(kid=f"unknown-{number}"))
    assert provider.fetched <= 2


def test_a_secret_in_a_jwks_is_not_a_key(world: World, provider: Provider) -> None:
    provider.jwks = {"keys": [{"kty": "oct", "k": b64url(b"0" * 32), "kid": "k1"}]}
    world.registry.put_identity_provider(
        IdentityProvider(IDP, provider.url, "tally", ("college",), algorithms=("HS256",))
    )
    claims = claims_of(iss=IDP, aud="tally")
    token = jwt.encode(claims, b"0" * 32, "HS256", headers={"kid": "k1"})
    assert problem_of(submit_with(world, token)) == "invalid-token"


@pytest.mark.parametrize("status", [302, 404, 500])
def test_a_provider_that_cannot_be_reached_is_not_the_clients_fault(
    world: World, provider: Provider, status: int
) -> None:
    provider.status = status
    response = submit_with(world, provider.token())
    assert (response.status_code, problem_of(response)) == (503, "identity-provider-unreachable")
    assert provider.fetched == 1


def test_a_jwks_that_cannot_be_read_is_not_the_clients_fault(
    world: World, provider: Provider
) -> None:
    provider.jwks = {"keys": []}
    assert problem_of(submit_with(world, provider.token())) == "identity-provider-unreachable"
