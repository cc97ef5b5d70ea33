"""Access tokens: proved with the issuer's own key (private_key_jwt, RFC 7523 §2.2), or given."""

from __future__ import annotations

import json
import secrets
import threading
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic, time
from urllib.parse import urlencode

from ..proof.jcs import JsonValue
from ..proof.keys import EDDSA
from .failure import Unfinished
from .http import Http, read_json
from .keyfile import IssuerSigner

SCOPE = "entries:write jobs:read"
ASSERTION_S = 120
"""A client assertion is good for so long: enough for a slow request and clocks that differ."""

RENEW_S = 60
"""A token with less life than this left is renewed before it is used."""

_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

Form = dict[str, str]
Ask = Callable[[Callable[[], Form]], dict[str, JsonValue]]


@dataclass(frozen=True, slots=True)
class GivenToken:
    """A token from ``--token`` or ``TALLY_TOKEN``, which nobody here can renew."""

    token: str

    def current(self) -> str:
        return self.token

    def refused(self, token: str) -> bool:  # noqa: ARG002 - there is but one
        return False


@dataclass(slots=True)
class AssertedTokens:
    """Tokens from the service's token endpoint, asked for with ``ask`` (what makes a form, JSON
    back)."""

    signer: IssuerSigner
    endpoint: str
    ask: Ask
    scope: str = SCOPE
    _token: str = ""
    _until_s: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def current(self) -> str:
        with self._lock:
            if monotonic() > self._until_s - RENEW_S:
                self._renew()
            return self._token

    def refused(self, token: str) -> bool:
        with self._lock:
            if token == self._token:
                self._renew()
        return True

    def _renew(self) -> None:
        started_s = monotonic()
        answer = self.ask(self._form)
        token, life_s = answer.get("access_token"), answer.get("expires_in")
        if not isinstance(token, str) or not isinstance(life_s, int):
            raise Unfinished(f"{self.endpoint} answered without a token; is this a Tally service?")
        self._token, self._until_s = token, started_s + life_s

    def _form(self) -> Form:
        return {
            "grant_type": "client_credentials",
            "client_assertion_type": _ASSERTION_TYPE,
            "client_assertion": sign_assertion(self.signer, self.endpoint, int(time())),
            "scope": self.scope,
        }


def tokens_for(
    http: Http, signer: IssuerSigner, token: str | None, scope: str = SCOPE
) -> GivenToken | AssertedTokens:
    """``token`` if one is given, else those that the issuer's key gets."""
    if token is not None:
        return GivenToken(token)
    endpoint = f"{http.url}/oauth/token"
    return AssertedTokens(signer, endpoint, asker(http, endpoint), scope)


def asker(http: Http, endpoint: str) -> Ask:
    """Ask a token endpoint over HTTP (RFC 6749 §4.4), with a new form for each attempt: the
    endpoint takes an assertion once, even when its answer is lost (RFC 7523 §3, jti)."""

    def ask(make_form: Callable[[], Form]) -> dict[str, JsonValue]:
        answer = http.send(
            "POST",
            endpoint,
            content=lambda: urlencode(make_form()).encode(),
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )
        return read_json(answer)

    return ask


def sign_assertion(signer: IssuerSigner, audience: str, now_s: int) -> str:
    """A JWT (RFC 7519) by which the issuer's key proves who asks (RFC 7523 §3), used once."""
    public = signer.key.public
    header = {
        "alg": "EdDSA" if public.alg == EDDSA else "ES256",
        "kid": public.kid.hex(),
        "typ": "JWT",
    }
    claims = {
        "iss": signer.iss,
        "sub": signer.iss,
        "aud": audience,
        "iat": now_s,
        "exp": now_s + ASSERTION_S,
        "jti": secrets.token_urlsafe(16),
    }
    signed = ".".join(_b64url(json.dumps(part).encode()) for part in (header, claims))
    return f"{signed}.{_b64url(signer.key.sign(signed.encode()))}"


def _b64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
