"""The vectors of compact JWS, each named for its one mutation."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from chalicelib.proof.credentials.multibase import format_base64url, parse_base64url
from chalicelib.proof.keys import P256_ORDER, PublicKey, format_jwk

from .credentials_samples import ISSUER_KEY, P256_KEY, STRANGER_KEY, jws_of

Made = Iterator[tuple[str, dict[str, Any]]]

PAYLOAD = {"iss": "did:web:registry.example.edu"}
HEADER = {"alg": "EdDSA", "typ": "JWT"}
UNSIGNED = format_base64url(b'{"alg":"none"}')
UNTYPED = format_base64url(b'{"alg":"EdDSA"}')
EMPTY = format_base64url(b"{}")
GOOD = jws_of(HEADER, PAYLOAD)
GOOD_ES256 = jws_of({"alg": "ES256"}, PAYLOAD, P256_KEY)


def vector(jws: str, error: str | None = None, key: PublicKey = ISSUER_KEY.public) -> Any:
    outcome = {"error": error} if error else {"payload": json.dumps(PAYLOAD)}
    return {"jwk": format_jwk(key), "jws": jws, **outcome}


def jose_vectors() -> Made:
    yield "eddsa", vector(GOOD)
    yield "es256", vector(GOOD_ES256, key=P256_KEY.public)
    yield "es256-high-s", vector(_high_s(GOOD_ES256), key=P256_KEY.public)
    yield "unknown-parameter", vector(jws_of({**HEADER, "vctm": ["e30"]}, PAYLOAD))
    yield from _bad_parts()
    yield from _bad_headers()
    yield from _bad_parameters()
    yield from _bad_algorithms()
    yield from _bad_signatures()


def _bad_parts() -> Made:
    header, payload, _ = GOOD.split(".")
    for name, jws in {
        "two-parts": f"{header}.{payload}",
        "four-parts": GOOD + ".",
        "padded": GOOD + "==",
        "trailing-newline": GOOD + "\n",
        "stray-bits": GOOD[:-1] + chr(ord(GOOD[-1]) + 1),
        "plain-base64": jws_of(HEADER, b"\xff\xff\xff").replace("_", "/"),
        "three-characters-too-many": GOOD + "AAA",
        "leading-space": " " + GOOD,
    }.items():
        yield name, vector(jws, "NotCompactJws")


def _bad_headers() -> Made:
    for name, text in {
        "header-not-json": b"alg",
        "header-an-array": b'["EdDSA"]',
        "header-with-alg-twice": b'{"alg":"EdDSA","alg":"EdDSA"}',
        "header-with-bom": b'\xef\xbb\xbf{"alg":"EdDSA"}',
        "header-too-deep": b'{"alg":"EdDSA","x":' + b"[" * 100 + b"]" * 100 + b"}",
        "header-empty": b"",
        "alg-missing": b'{"typ":"JWT"}',
        "alg-a-number": b'{"alg":-8}',
        "alg-null": b'{"alg":null}',
        "kid-a-number": b'{"alg":"EdDSA","kid":1}',
        "typ-a-list": b'{"alg":"EdDSA","typ":["JWT"]}',
    }.items():
        yield name, vector(jws_of(text, PAYLOAD), "MalformedJoseHeader")


def _bad_parameters() -> Made:
    for name, value in {
        "jwk": format_jwk(ISSUER_KEY.public),
        "jku": "https://attacker.example/keys",
        "x5c": ["AAAA"],
        "x5u": "https://attacker.example/chain",
        "x5t": "AAAA",
        "x5t#S256": "AAAA",
        "crit": ["exp"],
        "b64": False,
        "zip": "DEF",
        "enc": "A256GCM",
    }.items():
        jws = jws_of({**HEADER, name: value}, PAYLOAD)
        yield f"with-{name.replace('#', '-')}", vector(jws, "ForbiddenParameter")
    yield "header-too-long", vector(jws_of({**HEADER, "a": "a" * 4_096}, {}), "JwsTooLong")


def _bad_algorithms() -> Made:
    for alg in ("none", "None", "HS256", "hs512"):
        name = f"alg-{alg.replace('N', 'capital-n')}"
        yield name, vector(jws_of({"alg": alg}, PAYLOAD), "ForbiddenAlgorithm")
    unsigned = f"{UNSIGNED}.{EMPTY}."
    yield "alg-none-unsigned", vector(unsigned, "ForbiddenAlgorithm")
    for alg in ("RS256", "ES384", "ES256K", "Ed25519", "EDDSA", ""):
        name = f"alg-{alg}" if alg else "alg-empty"
        yield name, vector(jws_of({"alg": alg}, PAYLOAD), "UnknownAlgorithm")
    yield "es256-by-an-ed25519-key", vector(jws_of({"alg": "ES256"}, PAYLOAD), "WrongAlgorithm")
    yield (
        "eddsa-by-a-p256-key",
        vector(jws_of(HEADER, PAYLOAD, P256_KEY), "WrongAlgorithm", P256_KEY.public),
    )


def _bad_signatures() -> Made:
    header, payload, signature = GOOD.split(".")
    for name, jws in {
        "signed-by-another-key": jws_of(HEADER, PAYLOAD, STRANGER_KEY),
        "another-payload": f"{header}.{EMPTY}.{signature}",
        "another-header": f"{UNTYPED}.{payload}.{signature}",
        "signature-empty": f"{header}.{payload}.",
        "signature-of-63-bytes": f"{header}.{payload}.{_without_the_last_byte(signature)}",
        "signature-of-65-bytes": GOOD + "AA",
        "signature-flipped": f"{header}.{payload}.{_flipped(signature)}",
    }.items():
        yield name, vector(jws, "WrongSignature")
    for name, s in {"s-zero": 0, "s-the-order": P256_ORDER, "s-all-ones": 2**256 - 1}.items():
        yield f"es256-{name}", vector(_with_s(GOOD_ES256, s), "WrongSignature", P256_KEY.public)
    shifted = _with_s(GOOD_ES256, int.from_bytes(_signature(GOOD_ES256)[32:], "big"), 33)
    yield "es256-65-bytes-with-a-zero", vector(shifted, "WrongSignature", P256_KEY.public)


def _signature(jws: str) -> bytes:
    return parse_base64url(jws.rpartition(".")[2])


def _without_the_last_byte(encoded: str) -> str:
    return format_base64url(parse_base64url(encoded)[:-1])


def _flipped(encoded: str) -> str:
    data = bytearray(parse_base64url(encoded))
    data[40] ^= 1
    return format_base64url(bytes(data))


def _with_s(jws: str, s: int, size: int = 32) -> str:
    signature = _signature(jws)[:32] + s.to_bytes(size, "big")
    return f"{jws.rpartition('.')[0]}.{format_base64url(signature)}"


def _high_s(jws: str) -> str:
    return _with_s(jws, P256_ORDER - int.from_bytes(_signature(jws)[32:], "big"))
