"""What is asked of a credential, the same however it is secured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from ...proof.credentials.data_integrity import WrongController, verify_credential
from ...proof.credentials.sd_jwt import VerifiedSdJwt, check_times, reveal_claims, verify_sd_jwt
from ...proof.credentials.sd_jwt_vc import TYPE, verify_sd_jwt_vc
from ...proof.credentials.secured import VC, Embedded, Enveloped, Secured, read_claims
from ...proof.credentials.vcdm import CONTEXTS, Credential, check_validity
from ...proof.errors import CannotTell
from ...proof.jcs import JsonValue, format_jcs
from ...proof.keys import PublicKey
from .status import Place, read_entry, read_token_status

KNOWN_CONTEXTS = CONTEXTS | {"https://www.w3.org/ns/credentials/examples/v2"}
"""The contexts that credentials may name, with that of W3C's examples and test suites. They are
names here, and never fetched."""


class View(NamedTuple):
    """``issuer`` and ``method``, the URL of its key, are what the credential says. ``prove`` raises
    Malformed, Invalid or CannotTell unless a key signed it, ``check_times`` Invalid or Malformed at
    another time than its own. ``read_status`` reads one of ``statuses``, ``document`` is what is
    registered of it, ``sd_jwt`` its claims if it is one."""

    issuer: str | None
    method: str | None
    prove: Callable[[PublicKey], object]
    check_times: Callable[[int], None]
    statuses: Sequence[JsonValue]
    read_status: Callable[[JsonValue], Place]
    document: bytes
    sd_jwt: VerifiedSdJwt | None = None

    def check_named(self) -> None:
        """Raises WrongController if the key that is named is somebody else's than the issuer's, or
        CannotTell if there is no name."""
        if self.issuer is None or self.method is None:
            raise CannotTell("the credential does not say who issued it, or with which key")
        if self.method.startswith("did:") and self.method.partition("#")[0] != self.issuer:
            raise WrongController("the key that is named is not the issuer's")


def view(secured: Secured, now_ms: int) -> View:
    """Raises Malformed, or Invalid or CannotTell where disclosures do not fit the issuer's JWT."""
    if isinstance(secured, Embedded):
        return _view_embedded(secured, now_ms)
    claims, paths = reveal_claims(secured.sd_jwt)
    sd_jwt = VerifiedSdJwt(secured.sd_jwt, claims, paths)
    return (_view_dc if secured.typ == TYPE else _view_vc)(secured, sd_jwt)


def _view_embedded(secured: Embedded, now_ms: int) -> View:
    value, credential = secured.value, secured.credential
    return View(
        issuer=credential.issuer,
        method=secured.proof.method,
        prove=lambda key: verify_credential(value, key, now_ms, contexts=KNOWN_CONTEXTS),
        check_times=partial(check_validity, credential),
        statuses=credential.statuses,
        read_status=read_entry,
        document=format_jcs(value),
    )


def _view_dc(secured: Enveloped, sd_jwt: VerifiedSdJwt) -> View:
    claims, jws = sd_jwt.claims, secured.sd_jwt.jws
    issuer = claims.get("iss")
    return View(
        issuer=issuer if isinstance(issuer, str) else None,
        method=jws.kid,
        prove=lambda key: verify_sd_jwt_vc(secured.sd_jwt, key),
        check_times=lambda at_ms: check_times(claims, at_ms),
        statuses=[claims["status"]] if "status" in claims else [],
        read_status=read_token_status,
        document=jws.text.encode(),
        sd_jwt=sd_jwt,
    )


def _view_vc(secured: Enveloped, sd_jwt: VerifiedSdJwt) -> View:
    claims, jws = sd_jwt.claims, secured.sd_jwt.jws
    credential = read_claims(claims, secured.sd_jwt.payload, KNOWN_CONTEXTS)

    def prove(key: PublicKey) -> None:
        verify_sd_jwt(secured.sd_jwt, key, VC)
        if claims.get("iss", credential.issuer) != credential.issuer:
            raise WrongController("iss is not the issuer")

    return View(
        issuer=credential.issuer,
        method=jws.kid,
        prove=prove,
        check_times=partial(_check_both, credential, sd_jwt),
        statuses=credential.statuses,
        read_status=read_entry,
        document=jws.text.encode(),
        sd_jwt=sd_jwt,
    )


def _check_both(credential: Credential, sd_jwt: VerifiedSdJwt, at_ms: int) -> None:
    check_validity(credential, at_ms)
    check_times(sd_jwt.claims, at_ms)
