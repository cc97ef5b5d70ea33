"""The vectors of key binding, each named for its one mutation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from chalicelib.proof.credentials.key_binding import bind_key
from chalicelib.proof.keys import format_jwk

from .credentials_samples import (
    AT_MS,
    AUDIENCE,
    CLAIMS,
    HOLDER_KEY,
    ISSUER_KEY,
    NONCE,
    P256_KEY,
    STRANGER_KEY,
    digest_of,
    jws_of,
    presented,
    sd_jwt_vc,
    text_of,
)

Made = Iterator[tuple[str, dict[str, Any]]]

SECONDS = AT_MS // 1_000
TEXT = text_of(presented())
BOUND, BINDING = (TEXT[: TEXT.rindex("~") + 1], TEXT[TEXT.rindex("~") + 1 :])
SIGNED: dict[str, Any] = {
    "aud": AUDIENCE,
    "iat": SECONDS - 5,
    "nonce": NONCE,
    "sd_hash": digest_of(BOUND),
}
HOLDER = format_jwk(HOLDER_KEY.public)


def vector(presentation: str, error: str | None = None) -> dict[str, Any]:
    return {
        "jwk": format_jwk(ISSUER_KEY.public),
        "sd_jwt": presentation,
        "audience": AUDIENCE,
        "nonce": NONCE,
        "at_ms": AT_MS,
        **({"error": error} if error else {"holder": HOLDER}),
    }


def bound_by(claims: Any, typ: str = "kb+jwt", key: Any = HOLDER_KEY, alg: str = "ES256") -> str:
    return BOUND + jws_of({"alg": alg, "typ": typ}, claims, key)


def key_binding_vectors() -> Made:
    yield "presented", vector(TEXT)
    for name, iat in {
        "made-ten-minutes-ago": SECONDS - 600,
        "clock-a-minute-ahead": SECONDS + 60,
        "iat-with-a-fraction": SECONDS - 0.5,
    }.items():
        yield name, vector(bound_by({**SIGNED, "iat": iat}))
    described = {**HOLDER, "use": "sig", "alg": "ES256", "kid": "1", "key_ops": ["verify"]}
    yield "cnf-jwk-described", vector(_issued_to({"jwk": described}))
    yield from _bad_signers()
    yield from _other_requests()
    yield from _bad_times()
    yield from _bad_confirmations()


def _bad_signers() -> Made:
    yield "missing", vector(BOUND, "KeyBindingMissing")
    for name, (text, error) in {
        "signed-by-a-stranger": (
            bound_by(SIGNED, key=STRANGER_KEY, alg="EdDSA"),
            "WrongAlgorithm",
        ),
        "signed-by-another-key": (bound_by(SIGNED, key=P256_KEY), "WrongSignature"),
        "alg-none": (bound_by(SIGNED, alg="none"), "ForbiddenAlgorithm"),
        "typ-jwt": (bound_by(SIGNED, "JWT"), "WrongType"),
        "payload-a-string": (bound_by("a"), "MalformedPayload"),
    }.items():
        yield name, vector(text, error)


def _other_requests() -> Made:
    other = {"aud": "https://other.example", "nonce": "other", "sd_hash": digest_of("other")}
    for name, value in other.items():
        yield f"another-{name}", vector(bound_by({**SIGNED, name: value}), "WrongPresentation")
        without = {key: SIGNED[key] for key in SIGNED if key != name}
        yield f"without-{name}", vector(bound_by(without), "MalformedKeyBinding")
    yield "aud-a-list", vector(bound_by({**SIGNED, "aud": [AUDIENCE]}), "MalformedKeyBinding")
    jwt, first, second, _ = BOUND.split("~")
    left_out, swapped = f"{jwt}~{first}~{BINDING}", f"{jwt}~{second}~{first}~{BINDING}"
    yield "a-disclosure-left-out", vector(left_out, "WrongPresentation")
    yield "disclosures-swapped", vector(swapped, "WrongPresentation")


def _bad_times() -> Made:
    without = {key: SIGNED[key] for key in SIGNED if key != "iat"}
    yield "without-iat", vector(bound_by(without), "MalformedKeyBinding")
    times: dict[str, tuple[dict[str, Any], str]] = {
        "iat-a-string": ({"iat": "1"}, "MalformedClaimTime"),
        "iat-true": ({"iat": True}, "MalformedClaimTime"),
        "too-old": ({"iat": SECONDS - 601}, "StaleKeyBinding"),
        "in-the-future": ({"iat": SECONDS + 61}, "StaleKeyBinding"),
        "expired": ({"exp": SECONDS}, "Expired"),
        "not-yet": ({"nbf": SECONDS + 1}, "NotYetValid"),
    }
    for name, (members, error) in times.items():
        yield name, vector(bound_by(SIGNED | members), error)


def _issued_to(confirmation: Any) -> str:
    """A credential whose issuer wrote this ``cnf``, or none, presented by the holder."""
    claims = {key: value for key, value in CLAIMS.items() if key != "cnf"}
    cnf = {} if confirmation is None else {"cnf": confirmation}
    return text_of(bind_key(sd_jwt_vc(claims=claims | cnf), HOLDER_KEY, AUDIENCE, NONCE, SECONDS))


def _bad_confirmations() -> Made:
    confirmations: dict[str, tuple[Any, str]] = {
        "missing": (None, "NoHolderKey"),
        "with-kid-alone": ({"kid": "a"}, "NoHolderKey"),
        "with-jwk-and-kid": ({"jwk": HOLDER, "kid": "a"}, "NoHolderKey"),
        "a-string": ("a", "MalformedConfirmation"),
        "jwk-a-string": ({"jwk": "a"}, "MalformedConfirmation"),
        "jwk-private": ({"jwk": {**HOLDER, "d": HOLDER["x"]}}, "MalformedKey"),
        "jwk-of-another": ({"jwk": format_jwk(P256_KEY.public)}, "WrongSignature"),
    }
    for name, (confirmation, error) in confirmations.items():
        yield f"cnf-{name}", vector(_issued_to(confirmation), error)
