"""Key binding (RFC 9901 §4.3): the holder signs what she presents, to whom and when.

The key is the one that the issuer named in ``cnf`` (RFC 7800 §3.2). Verifying follows §7.3 step 5;
that a binding is required is the caller's decision, and never the presentation's.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import CannotTell, Invalid
from ..jcs import JsonValue, format_jcs
from ..keys import PublicKey, Signer, parse_jwk
from ..limits import CLOCK_SKEW_S, KEY_BINDING_AGE_S
from .disclosure import MalformedSdJwt, digest_of
from .jose import parse_jws, parse_payload, sign_jws, verify_jws
from .sd_jwt import SdJwt, VerifiedSdJwt, WrongType, bound_part, check_times, read_seconds

TYPE = "kb+jwt"

_DESCRIPTIONS = ("kid", "use", "alg", "key_ops", "ext")
"""Members by which JWKs describe a key (RFC 7517 §4, Web Cryptography) without changing it."""


class MalformedConfirmation(MalformedSdJwt):
    """``cnf`` is no object, or its ``jwk`` no public key."""


class MalformedKeyBinding(MalformedSdJwt):
    """A key binding JWT without iat, aud, nonce and sd_hash."""


class KeyBindingMissing(Invalid):
    """The presentation has no key binding JWT."""

    code = "holder/not-shown"


class WrongPresentation(Invalid):
    """The holder signed another presentation, or for another verifier or another request."""


class StaleKeyBinding(Invalid):
    """The key binding was made too long ago, or in the future."""

    code = "holder/stale"


class NoHolderKey(CannotTell):
    """The issuer named no key of the holder, or none that is read here."""


def bind_key(sd_jwt: SdJwt, key: Signer, audience: str, nonce: str, iat: int) -> SdJwt:
    """The presentation with a key binding JWT: ``audience`` names the verifier, ``nonce`` is the
    verifier's, ``iat`` POSIX seconds. Any former binding is replaced."""
    claims: dict[str, JsonValue] = {
        "aud": audience,
        "iat": iat,
        "nonce": nonce,
        "sd_hash": digest_of(bound_part(sd_jwt)),
    }
    return sd_jwt._replace(key_binding=parse_jws(sign_jws(format_jcs(claims), key, typ=TYPE)))


def holder_key(claims: Mapping[str, JsonValue]) -> PublicKey:
    """The key in ``cnf``; raises MalformedConfirmation, keys.MalformedKey or NoHolderKey."""
    if "cnf" not in claims:
        raise NoHolderKey("the issuer did not bind the credential to a key")
    confirmation = claims["cnf"]
    if not isinstance(confirmation, dict):
        raise MalformedConfirmation("cnf is an object")
    if confirmation.keys() != {"jwk"}:
        raise NoHolderKey("this version knows holders by a jwk alone")
    jwk = confirmation["jwk"]
    if not isinstance(jwk, dict):
        raise MalformedConfirmation("the jwk in cnf is an object")
    return parse_jwk({name: jwk[name] for name in jwk if name not in _DESCRIPTIONS})


def verify_key_binding(verified: VerifiedSdJwt, audience: str, nonce: str, at_ms: int) -> PublicKey:
    """The holder's key, if it signed this presentation for this verifier and request.

    Raises Invalid, Malformed, or CannotTell.
    """
    binding = verified.sd_jwt.key_binding
    if binding is None:
        raise KeyBindingMissing("the presentation is not signed with the holder's key")
    key = holder_key(verified.claims)  # step 1
    if binding.typ != TYPE:  # step 4
        raise WrongType(f"the typ of a key binding is {TYPE}, not {binding.typ!r}")
    claims = parse_payload(verify_jws(binding, key))  # steps 2 and 3
    expected = {"aud": audience, "nonce": nonce, "sd_hash": digest_of(bound_part(verified.sd_jwt))}
    for name, value in expected.items():  # steps 6 and 7
        if not isinstance(claims.get(name), str):
            raise MalformedKeyBinding(f"{name} in a key binding is a string")
        if claims[name] != value:
            raise WrongPresentation(f"the key binding is for another {name}")
    _check_age(claims, at_ms)  # step 5, last: whoever asks of another day may take it for unknown
    check_times(claims, at_ms)  # step 8
    return key


def _check_age(claims: Mapping[str, JsonValue], at_ms: int) -> None:
    issued = read_seconds(claims, "iat")
    if issued is None:
        raise MalformedKeyBinding("a key binding states its iat")
    age_ms = at_ms - issued * 1_000
    if not -CLOCK_SKEW_S * 1_000 <= age_ms <= KEY_BINDING_AGE_S * 1_000:
        raise StaleKeyBinding(f"a key binding is at most {KEY_BINDING_AGE_S} seconds old")
