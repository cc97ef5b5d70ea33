"""Our own token endpoint: client credentials with ``private_key_jwt`` (RFC 6749 §4.4, RFC 7523).

A client is an issuer of the registry: its id is the did:web, its credentials are the very keys
that sign its statements. No secret is shared, and nothing but the registry has to be set up.
"""

from __future__ import annotations

import json
import re
import secrets
from urllib.parse import parse_qsl

from ..notary.limits import ASSERTION_S, TOKEN_S
from ..notary.ports import Issuer
from ..proof.jcs import JsonValue
from ..proof.keys import PublicKey, format_jwk
from . import media
from .auth import ACCESS_TOKEN_TYPE, challenge
from .jwts import BadToken, Token, load_key, parse_token, sign_token, verify_token
from .operation import SCOPES, Call
from .problems import KINDS, Problem
from .request import NOT_STORED, Reply
from .room import Room

room = Room(__name__)

TOKEN_PATH = "/oauth/token"
FORM_BYTES = 16_384
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

_PARAMETERS = ("grant_type", "client_assertion_type", "client_assertion", "client_id", "scope")
_JTI = re.compile(r"[\x21-\x7e]{1,128}", re.ASCII)


@room.operation(
    "POST",
    TOKEN_PATH,
    summary="Exchange an assertion signed by an issuer's key for an access token",
    takes=(media.FORM,),
    gives={200: (media.JSON,)},
    reads="TokenRequest",
    returns=("Token",),
    problems=("invalid-token-request", "unsupported-grant-type", "invalid-client", "invalid-scope"),
)
def issue_token(call: Call) -> Reply:
    call.request.limit(FORM_BYTES)
    form = _read_form(call.request.body)
    scopes = _read_scopes(form.get("scope"))
    issuer, key = _authenticate(form, call)
    body = {
        "access_token": _sign_access_token(issuer, key, scopes, call),
        "token_type": "Bearer",
        "expires_in": TOKEN_S,
        "scope": scopes,
    }
    return Reply(200, media.JSON, json.dumps(body).encode(), NOT_STORED)


def _problem(name: str, error: str, detail: str) -> Problem:
    """A problem that OAuth clients can read, too (RFC 6749 §5.2); a 401 must have a challenge
    (RFC 9110 §15.5.2)."""
    headers = challenge() if KINDS[name].status == 401 else {}
    return Problem(name, detail, headers, {"error": error, "error_description": detail})


def _read_form(body: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=len(_PARAMETERS),
        )
    except ValueError as error:
        detail = "the body is a form (application/x-www-form-urlencoded)"
        raise _problem("invalid-token-request", "invalid_request", detail) from error
    form = dict(pairs)
    if len(form) != len(pairs) or not form.keys() <= set(_PARAMETERS):
        detail = f"the form has each of {', '.join(_PARAMETERS)} at most once, and nothing else"
        raise _problem("invalid-token-request", "invalid_request", detail)
    if "grant_type" not in form:
        raise _problem("invalid-token-request", "invalid_request", "grant_type is missing")
    if form["grant_type"] != "client_credentials":
        detail = "grant_type is client_credentials"
        raise _problem("unsupported-grant-type", "unsupported_grant_type", detail)
    if form.get("client_assertion_type") != ASSERTION_TYPE or "client_assertion" not in form:
        detail = f"client_assertion_type is {ASSERTION_TYPE}, client_assertion the signed JWT"
        raise _problem("invalid-token-request", "invalid_request", detail)
    return form


def _read_scopes(text: str | None) -> str:
    """The scopes asked for; all there are, when none is named."""
    asked = tuple(SCOPES) if text is None else tuple(text.split(" "))
    if not set(asked) <= set(SCOPES):
        raise _problem("invalid-scope", "invalid_scope", f"the scopes are {', '.join(SCOPES)}")
    return " ".join(scope for scope in SCOPES if scope in asked)


def _authenticate(form: dict[str, str], call: Call) -> tuple[Issuer, PublicKey]:
    """The registered issuer that signed the assertion, which is good once, and by which key."""
    try:
        token = parse_token(form["client_assertion"])
        client = token.claim("sub")
        if form.get("client_id", client) != client:
            raise BadToken("client_id is not the assertion's sub")
        issuer = call.service.registry.issuer(client)
        if issuer is None:
            raise BadToken("its sub is not a registered issuer: the operator adds its key first")
        key = _verify_assertion(token, issuer, call)
    except BadToken as error:
        raise _problem("invalid-client", "invalid_client", f"the assertion: {error}") from error
    return issuer, key


def _verify_assertion(token: Token, issuer: Issuer, call: Call) -> PublicKey:
    """RFC 7523 §3, with at most ``ASSERTION_S`` to live and a ``jti`` that is used once."""
    key = _registered_key(token, issuer, call.now_ms)
    now_s = call.now_ms // 1000
    audience = [call.url(TOKEN_PATH), call.service.public_url]
    verify_token(token, load_key(format_jwk(key)), issuer.id, audience, now_s)
    expires_s = token.claims["exp"]
    assert isinstance(expires_s, int), "verified"
    if expires_s > now_s + ASSERTION_S:
        raise BadToken(f"it lives longer than {ASSERTION_S} s")
    jti = token.claim("jti")
    if not _JTI.fullmatch(jti):
        raise BadToken("its jti is 1 to 128 visible ASCII characters")
    if not call.service.registry.use_once(f"assertion:{issuer.id}:{jti}", expires_s):
        raise BadToken("its jti was used before: sign a new one")
    return key


def _registered_key(token: Token, issuer: Issuer, now_ms: int) -> PublicKey:
    for known in issuer.keys:
        if known.key.kid.hex() == token.kid and known.good_at(now_ms):
            return known.key
    raise BadToken("its kid is not the hex id of a good key of that issuer")


def _sign_access_token(issuer: Issuer, key: PublicKey, scopes: str, call: Call) -> str:
    """RFC 9068, for ourselves: issuer and audience are the service's public URL. ``key`` tells the
    persons of one issuer apart."""
    signer = call.service.token_signer
    now_s = call.now_ms // 1000
    header: dict[str, JsonValue] = {
        "alg": "ES256",
        "kid": signer.public.kid.hex(),
        "typ": ACCESS_TOKEN_TYPE,
    }
    claims: dict[str, JsonValue] = {
        "iss": call.service.public_url,
        "aud": call.service.public_url,
        "sub": issuer.id,
        "client_id": issuer.id,
        "tenant": issuer.tenant,
        "key": key.kid.hex(),
        "scope": scopes,
        "iat": now_s,
        "exp": now_s + TOKEN_S,
        "jti": secrets.token_hex(16),
    }
    return sign_token(header, claims, signer)
