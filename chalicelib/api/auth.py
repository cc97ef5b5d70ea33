"""Bearer tokens: who calls, and for which tenant (RFC 6750, RFC 9068).

Tokens come from our own token endpoint or from an identity provider in the registry. Tenant and
scopes are what the token says, and nothing else in a request can change them. A provider's word
counts only for the tenants that its operator gave it.

A person is, with a token of ours, whoever holds the key that asked for it; with a provider's, its
subject.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from ..notary.admit import Caller
from ..notary.held import person_of
from ..proof.keys import format_jwk
from .jwts import BadToken, Token, load_key, parse_token, verify_token
from .problems import Problem

if TYPE_CHECKING:
    from jwt import PyJWK, PyJWKClient

    from ..bootstrap import Service
    from ..notary.ports import IdentityProvider
    from .request import Request

ACCESS_TOKEN_TYPE = "at+jwt"
"""The ``typ`` of our own tokens (RFC 9068 §2.1): an assertion can never pass for one."""

JWKS_LIFESPAN_S = 300
JWKS_TIMEOUT_S = 3
_BEARER = re.compile(r"Bearer +([A-Za-z0-9._~+/-]+=*)", re.ASCII | re.IGNORECASE)


def authenticate(request: Request, service: Service, scope: str) -> Caller:
    """The caller, if the request's access token is good and has ``scope``."""
    header = request.headers.get("authorization")
    if header is None:
        raise Problem("missing-token", headers=challenge())
    match = _BEARER.fullmatch(header.strip())
    try:
        if match is None:
            raise BadToken("Authorization is one 'Bearer' and the token")
        caller = _read_caller(match[1], service)
    except BadToken as error:
        headers = challenge(error="invalid_token", error_description=str(error))
        raise Problem("invalid-token", str(error), headers) from error
    if scope not in caller.scopes:
        headers = challenge(error="insufficient_scope", scope=scope)
        raise Problem("insufficient-scope", f"ask for a token with the scope {scope}", headers)
    return caller


def challenge(**parameters: str) -> dict[str, str]:
    """RFC 6750 §3. API Gateway renames the header to x-amzn-remapped-www-authenticate."""
    fields = {"realm": "tally", **parameters}
    text = ", ".join(f'{name}="{value}"' for name, value in fields.items())
    return {"WWW-Authenticate": f"Bearer {text}"}


def _read_caller(text: str, service: Service) -> Caller:
    token = parse_token(text)
    issuer = token.claim("iss")
    if issuer == service.public_url:
        own = _verify_own(token, service)
        return _caller(own, "tenant", person_of("", own.claim("key")))
    provider = service.registry.identity_provider(issuer)
    if provider is None:
        raise BadToken("its issuer is not one of ours")
    foreign = _verify_foreign(token, provider, service)
    caller = _caller(foreign, provider.tenant_claim, person_of(issuer, foreign.claim("sub")))
    if caller.tenant not in provider.tenants:
        raise BadToken("its issuer may not speak for its tenant")
    return caller


def _verify_own(token: Token, service: Service) -> Token:
    key = service.token_signer.public
    if token.header.get("typ") != ACCESS_TOKEN_TYPE:
        raise BadToken("it is not an access token")
    if token.kid != key.kid.hex():
        raise BadToken("its key is not known")
    url = service.public_url
    return verify_token(token, load_key(format_jwk(key)), url, [url], service.clock_ms() // 1000)


def _verify_foreign(token: Token, provider: IdentityProvider, service: Service) -> Token:
    if token.header.get("alg") not in provider.algorithms:
        raise BadToken("its alg is not one that its issuer uses")
    key = _fetch_key(provider.jwks_url, token.kid)
    return verify_token(token, key, provider.iss, [provider.audience], service.clock_ms() // 1000)


def _caller(token: Token, tenant_claim: str, person: str) -> Caller:
    scopes = token.claims.get("scope", "")
    if not isinstance(scopes, str):
        raise BadToken("the claim scope is not a string")
    return Caller(
        tenant=token.claim(tenant_claim),
        client=token.claim("sub"),
        scopes=frozenset(scopes.split()),
        person=person,
    )


@lru_cache(maxsize=16)
def _jwks(url: str) -> PyJWKClient:
    """One per configured address. It follows no redirect, and an unknown key id makes it fetch
    again at most every 30 s, whoever sends it."""
    import jwt

    return jwt.PyJWKClient(url, lifespan=JWKS_LIFESPAN_S, timeout=JWKS_TIMEOUT_S)


def _fetch_key(url: str, kid: str) -> PyJWK:
    import jwt

    try:
        return _jwks(url).get_signing_key(kid)
    except jwt.PyJWKClientConnectionError as error:
        raise Problem("identity-provider-unreachable") from error
    except jwt.PyJWKClientError as error:
        raise BadToken("its key is not known") from error
    except (jwt.PyJWTError, ValueError) as error:
        raise Problem("identity-provider-unreachable", "its JWKS cannot be read") from error
