"""Where our public keys are found: the log's for SCITT, the tokens' for OAuth."""

from __future__ import annotations

import json

from ..proof.cbor import CborValue, encode
from ..proof.errors import Malformed
from ..proof.keys import cose_key, format_jwk
from . import media
from .jwts import decode_base64url
from .operation import SCOPES, Call
from .problems import Problem
from .request import Reply
from .room import Room
from .tokens import TOKEN_PATH

room = Room(__name__)

_AN_HOUR = {"Cache-Control": "public, max-age=3600"}


@room.operation(
    "GET",
    "/.well-known/scitt-keys",
    summary="The keys that receipts are signed with, as a COSE Key Set (SCRAPI §2.1)",
    gives={200: (media.CBOR,)},
    problems=("not-acceptable",),
)
def list_keys(call: Call) -> Reply:
    call.request.negotiate((media.CBOR,))
    keys: list[CborValue] = [_log_key(call)]
    return Reply(200, media.CBOR, encode(keys), _AN_HOUR)


@room.operation(
    "GET",
    "/.well-known/scitt-keys/{kid}",
    summary="One of those keys by its id, the thumbprint of RFC 9679 (SCRAPI §2.2)",
    parameters={"kid": "the key id in base64url without padding"},
    gives={200: (media.CBOR,)},
    problems=("not-acceptable", "no-such-key"),
)
def show_key(call: Call) -> Reply:
    call.request.negotiate((media.CBOR,))
    try:
        kid = decode_base64url(call.request.params["kid"])
    except Malformed as error:
        raise Problem("no-such-key", "a key id is written in base64url") from error
    if kid != call.service.log.signer.public.kid:
        raise Problem("no-such-key")
    return Reply(200, media.CBOR, encode(_log_key(call)), _AN_HOUR)


def _log_key(call: Call) -> dict[int | str, CborValue]:
    return dict[int | str, CborValue](cose_key(call.service.log.signer.public))


@room.operation(
    "GET",
    "/.well-known/jwks.json",
    summary="The key of our access tokens (RFC 7517)",
    gives={200: (media.JSON,)},
    returns=("Jwks",),
)
def list_token_keys(call: Call) -> Reply:
    key = call.service.token_signer.public
    jwk = {**format_jwk(key), "kid": key.kid.hex(), "use": "sig", "alg": "ES256"}
    return Reply(200, media.JSON, json.dumps({"keys": [jwk]}).encode(), _AN_HOUR)


@room.operation(
    "GET",
    "/.well-known/oauth-authorization-server",
    summary="How to get an access token here (RFC 8414)",
    gives={200: (media.JSON,)},
    returns=("OAuthMetadata",),
)
def describe_authorization(call: Call) -> Reply:
    metadata = {
        "issuer": call.service.public_url,
        "token_endpoint": call.url(TOKEN_PATH),
        "jwks_uri": call.url("/.well-known/jwks.json"),
        "scopes_supported": list(SCOPES),
        "response_types_supported": [],
        "grant_types_supported": ["client_credentials"],
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ["EdDSA", "ES256"],
    }
    return Reply(200, media.JSON, json.dumps(metadata).encode(), _AN_HOUR)
