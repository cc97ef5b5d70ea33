"""The vectors of token status lists, each named for its one mutation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from chalicelib.proof.credentials.multibase import format_base64url, parse_base64url
from chalicelib.proof.keys import PublicKey, format_jwk

from .credentials_document_vectors import Edit, drop, edited, put
from .credentials_samples import ISSUER_KEY, P256_KEY, STRANGER_KEY, jws_of

Made = Iterator[tuple[str, dict[str, Any]]]

URI = "https://registry.example.edu/lists/3"
ONE_BIT, TWO_BITS = "eNrbuRgAAhcBXQ", "eNo76fITAAPfAgc"
"""The lists of draft-ietf-oauth-status-list-18 §4.2, of 16 and of 12 credentials."""

PACKED = parse_base64url(TWO_BITS)
HEADER = {"alg": "EdDSA", "typ": "statuslist+jwt"}
CLAIMS: dict[str, Any] = {
    "sub": URI,
    "iat": 1_799_999_900,
    "exp": 1_800_000_200,
    "ttl": 60,
    "status_list": {"bits": 2, "lst": TWO_BITS},
}


def vector(
    claims: Any = CLAIMS,
    error: str | None = None,
    header: Any = HEADER,
    key: PublicKey = ISSUER_KEY.public,
    **found: Any,
) -> dict[str, Any]:
    """``found`` are those members of the list that differ from the sample's."""
    good = {
        "uri": URI,
        "iat": CLAIMS["iat"],
        "exp": CLAIMS["exp"],
        "ttl": 60,
        "bits": 2,
        "statuses": "c944f9",
    }
    outcome = {"error": error} if error else {"list": {**good, **found}}
    signer = P256_KEY if header.get("alg") == "ES256" else ISSUER_KEY
    return {"jwk": format_jwk(key), "jws": jws_of(header, claims, signer), **outcome}


def token_list_vectors() -> Made:
    one = put("status_list", {"bits": 1, "lst": ONE_BIT})
    es256 = {**HEADER, "alg": "ES256"}
    yield "two-bits", vector()
    yield "one-bit", vector(edited(CLAIMS, one), bits=1, statuses="b9a3")
    yield "es256", vector(header=es256, key=P256_KEY.public)
    yield "whole-media-type", vector(header={**HEADER, "typ": "application/statuslist+jwt"})
    yield "without-end", vector(_without("exp", "ttl"), exp=None, ttl=None)
    yield "further-claims", vector({**CLAIMS, "iss": "did:web:a", "aggregation_uri": "https://a"})
    yield "fraction-of-a-second", vector({**CLAIMS, "iat": CLAIMS["iat"] + 0.5})
    for name, (edit, error) in _BAD.items():
        yield name, vector(edited(CLAIMS, edit), error)
    for name, (packed, error) in _BAD_LSTS.items():
        lst = packed if isinstance(packed, str) else format_base64url(packed)
        yield name, vector(edited(CLAIMS, put("status_list", "lst", lst)), error)
    yield from _bad_headers()


def _without(*names: str) -> dict[str, Any]:
    return {name: value for name, value in CLAIMS.items() if name not in names}


def _bad_headers() -> Made:
    types = {"missing": None, "of-a-jwt": "JWT", "of-a-cwt": "statuslist+cwt"}
    for name, typ in types.items():
        header = {"alg": "EdDSA"} if typ is None else {**HEADER, "typ": typ}
        yield f"typ-{name}", vector(error="WrongTokenType", header=header)
    yield "of-another-key", vector(error="WrongSignature", key=STRANGER_KEY.public)
    yield "of-another-algorithm", vector(error="WrongAlgorithm", key=P256_KEY.public)
    yield "alg-none", vector(error="ForbiddenAlgorithm", header={**HEADER, "alg": "none"})
    yield "alg-hs256", vector(error="ForbiddenAlgorithm", header={**HEADER, "alg": "HS256"})


_BAD: dict[str, tuple[Edit, str]] = {
    "sub-missing": (drop("sub"), "MalformedStatusToken"),
    "sub-a-number": (put("sub", 3), "MalformedStatusToken"),
    "sub-relative": (put("sub", "/lists/3"), "MalformedStatusToken"),
    "sub-too-long": (put("sub", "https://a/" + "x" * 2_048), "MalformedStatusToken"),
    "iat-missing": (drop("iat"), "MalformedStatusToken"),
    "iat-a-string": (put("iat", "1799999900"), "MalformedStatusToken"),
    "iat-true": (put("iat", True), "MalformedStatusToken"),
    "iat-negative": (put("iat", -1), "MalformedStatusToken"),
    "exp-null": (put("exp", None), "MalformedStatusToken"),
    "ttl-zero": (put("ttl", 0), "MalformedStatusToken"),
    "ttl-negative": (put("ttl", -1), "MalformedStatusToken"),
    "list-missing": (drop("status_list"), "MalformedStatusToken"),
    "list-a-string": (put("status_list", TWO_BITS), "MalformedStatusToken"),
    "lst-missing": (drop("status_list", "lst"), "MalformedStatusToken"),
    "lst-a-list": (put("status_list", "lst", [TWO_BITS]), "MalformedStatusToken"),
    "bits-missing": (drop("status_list", "bits"), "MalformedStatusToken"),
    "bits-3": (put("status_list", "bits", 3), "MalformedStatusToken"),
    "bits-0": (put("status_list", "bits", 0), "MalformedStatusToken"),
    "bits-16": (put("status_list", "bits", 16), "MalformedStatusToken"),
    "bits-true": (put("status_list", "bits", True), "MalformedStatusToken"),
    "bits-a-string": (put("status_list", "bits", "2"), "MalformedStatusToken"),
}

_BAD_LSTS: dict[str, tuple[bytes | str, str]] = {
    "lst-padded": (TWO_BITS + "=", "MalformedLst"),
    "lst-multibase": ("u" + TWO_BITS, "MalformedZlib"),
    "lst-plain-base64": (TWO_BITS[:-1] + "+", "MalformedLst"),
    "lst-empty": ("", "MalformedZlib"),
    "lst-not-compressed": (b"\xc9\x44\xf9", "MalformedZlib"),
    "lst-bare-deflate": (PACKED[2:-4], "MalformedZlib"),
    "lst-gzip": (b"\x1f\x8b\x08" + bytes(7) + PACKED[2:-4], "MalformedZlib"),
    "lst-truncated": (PACKED[:-1], "MalformedZlib"),
    "lst-without-checksum": (PACKED[:-4], "MalformedZlib"),
    "lst-wrong-checksum": (PACKED[:-1] + b"\0", "MalformedZlib"),
    "lst-trailing-byte": (PACKED + b"\0", "MalformedZlib"),
    "lst-twice": (PACKED + PACKED, "MalformedZlib"),
    "lst-with-a-dictionary": (b"\x78\xbb" + PACKED[2:], "MalformedZlib"),
}
