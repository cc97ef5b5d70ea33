"""The vectors of SD-JWT and SD-JWT VC, each named for its one mutation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from chalicelib.proof.credentials.sd_jwt import select_disclosures
from chalicelib.proof.credentials.sd_jwt_vc import TYPE
from chalicelib.proof.keys import format_jwk

from .credentials_samples import (
    CLAIMS,
    ISSUER_KEY,
    STRANGER_KEY,
    digest_of,
    disclosure_of,
    jws_of,
    sd_jwt_of,
    sd_jwt_vc,
    text_of,
)

Made = Iterator[tuple[str, dict[str, Any]]]

SALT = "MDEyMzQ1Njc4OWFiY2RlZg"
HIDDEN = disclosure_of([SALT, "birthdate", "2001-02-28"])
ELEMENT = disclosure_of([SALT, "cy"])
BASE = {"vct": "diploma", "_sd_alg": "sha-256"}
HEADER = {"alg": "EdDSA", "typ": TYPE}
GOOD = text_of(sd_jwt_vc())

_BAD_STRUCTURES: dict[str, Any] = {
    "sd-a-string": {"_sd": digest_of(HIDDEN)},
    "sd-with-a-number": {"_sd": [1]},
    "sd-null": {"_sd": None},
    "sd-nested-a-string": {"a": {"_sd": "b"}},
    "sd-alg-nested": {"a": {"_sd_alg": "sha-256"}},
    "ellipsis-in-an-object": {"a": {"...": digest_of(ELEMENT)}},
    "ellipsis-at-the-top": {"...": digest_of(ELEMENT)},
    "ellipsis-with-another-member": {"a": [{"...": digest_of(ELEMENT), "b": 1}]},
    "ellipsis-a-number": {"a": [{"...": 1}]},
}


def vector(sd_jwt: str, error: str | None = None, claims: Any = None) -> dict[str, Any]:
    outcome = {"error": error} if error else {"claims": claims}
    return {"jwk": format_jwk(ISSUER_KEY.public), "typ": TYPE, "sd_jwt": sd_jwt, **outcome}


def payload(error: str, members: dict[str, Any], *disclosures: str) -> dict[str, Any]:
    return vector(sd_jwt_of({**BASE, **members}, disclosures), error)


def hiding(*disclosures: str) -> dict[str, Any]:
    """The claims that these disclosures belong to."""
    return {"_sd": [digest_of(text) for text in disclosures]}


def hidden_element(text: str) -> list[Any]:
    return [{"...": digest_of(text)}]


def sd_jwt_vectors() -> Made:
    yield from _good()
    yield from _bad_texts()
    yield from _bad_digests()
    yield from _bad_claims()
    yield from _bad_names()
    yield from _bad_disclosures()
    yield from _bad_jwts()
    yield from _bad_credentials()


def _good() -> Made:
    yield "issued", vector(GOOD, claims=CLAIMS)
    bare = text_of(select_disclosures(sd_jwt_vc(), []))
    withheld = {k: v for k, v in CLAIMS.items() if k not in ("given_name", "birthdate", "degree")}
    yield "nothing-disclosed", vector(bare, claims=withheld | {"languages": ["zh"]})
    yield "no-disclosures-at-all", vector(sd_jwt_of({"vct": "a"}, []), claims={"vct": "a"})
    yield "empty-sd", vector(sd_jwt_of({**BASE, "_sd": []}, []), claims={"vct": "diploma"})
    decoys = {**BASE, **hiding("decoy"), "a": hidden_element("another")}
    yield "decoys-alone", vector(sd_jwt_of(decoys, []), claims={"vct": "diploma", "a": []})
    spaced = disclosure_of(b'[ "' + SALT.encode() + b'",\n"birthdate" , "\\u0032001-02-28"]')
    text = sd_jwt_of({**BASE, **hiding(spaced)}, [spaced])
    claims = {"vct": "diploma", "birthdate": "2001-02-28"}
    yield "disclosure-with-spaces-and-escapes", vector(text, claims=claims)


def _bad_texts() -> Made:
    jwt, first, *_ = GOOD.split("~")
    yield "without-the-last-tilde", vector(GOOD[:-1], "NotCompactJws")
    yield "empty-disclosure", vector(GOOD + "~", "MalformedDisclosure")
    yield "a-jwt-without-tilde", vector(jwt, "NotSdJwt")
    yield "disclosure-twice", vector(f"{GOOD}{first}~", "RepeatedDisclosure")


def _bad_digests() -> Made:
    yield "disclosure-of-nothing", payload("UnreferencedDisclosure", {}, HIDDEN)
    altered = disclosure_of([SALT, "birthdate", "1999-02-28"])
    yield "disclosure-altered", payload("UnreferencedDisclosure", hiding(HIDDEN), altered)
    jwt, *disclosures = GOOD.split("~")
    alone = "~".join((jwt, disclosures[3], ""))
    yield "disclosure-without-the-one-it-stands-in", vector(alone, "UnreferencedDisclosure")
    inner = disclosure_of([SALT, "address", hiding(HIDDEN)])
    element = hidden_element(ELEMENT)
    for name, (members, shown) in {
        "digest-twice-in-one-object": (hiding(HIDDEN, HIDDEN), [HIDDEN]),
        "digest-twice-in-the-payload": (hiding(HIDDEN) | {"address": hiding(HIDDEN)}, [HIDDEN]),
        "decoy-twice": (hiding("decoy") | {"a": hiding("decoy")}, []),
        "digest-again-in-a-disclosure": (hiding(HIDDEN, inner), [HIDDEN, inner]),
        "digest-of-an-element-again": ({"a": element, "b": element}, [ELEMENT]),
    }.items():
        yield name, payload("RepeatedDigest", members, *shown)


def _bad_claims() -> Made:
    plain = hiding(HIDDEN) | {"birthdate": "1999-02-28"}
    yield "claim-that-is-there-in-plain", payload("RepeatedClaim", plain, HIDDEN)
    again = disclosure_of([SALT + "A", "birthdate", "1999-02-28"])
    both = hiding(HIDDEN, again)
    yield "claim-disclosed-twice", payload("RepeatedClaim", both, HIDDEN, again)
    element = payload("MisplacedDisclosure", hiding(ELEMENT), ELEMENT)
    yield "element-disclosed-as-a-claim", element
    claim = payload("MisplacedDisclosure", {"a": hidden_element(HIDDEN)}, HIDDEN)
    yield "claim-disclosed-as-an-element", claim
    deep: dict[str, Any] = {}
    chain: list[str] = []
    for level in range(60):
        chain.append(disclosure_of([SALT, f"a{level}", {"b": deep}]))
        deep = hiding(chain[-1])
    yield "disclosures-in-disclosures-too-deep", payload("NestedTooDeep", deep, *chain)


def _bad_names() -> Made:
    for name in ("_sd", "...", "_sd_alg"):
        named = disclosure_of([SALT, name, []])
        refused = payload("ReservedName", hiding(named), named)
        yield f"disclosure-named-{name.replace('...', 'ellipsis')}", refused
    for name, structure in _BAD_STRUCTURES.items():
        yield name, payload("ReservedName", structure)
    sneaky = disclosure_of([SALT, "a", {"_sd_alg": "sha-256"}])
    yield "sd-alg-in-a-disclosure", payload("ReservedName", hiding(sneaky), sneaky)


def _bad_disclosures() -> Made:
    for name, value in {
        "an-object": {},
        "of-one": [SALT],
        "of-four": [SALT, "a", "b", "c"],
        "with-salt-a-number": [1, "birthdate", "2001-02-28"],
        "with-name-a-number": [SALT, 1, "2001-02-28"],
        "a-number": b"1",
        "not-json": b"[",
        "with-a-key-twice": b'["s","a",{"b":1,"b":2}]',
        "with-nan": b'["s","a",NaN]',
        "too-deep": b'["s","a",' + b"[" * 100 + b"]" * 100 + b"]",
    }.items():
        text = disclosure_of(value)
        yield f"disclosure-{name}", payload("MalformedDisclosure", hiding(text), text)
    padded = HIDDEN + "="
    yield "disclosure-padded", payload("MalformedDisclosure", hiding(padded), padded)


def _bad_jwts() -> Made:
    yield "sd-alg-unknown", payload("UnknownHash", {"_sd_alg": "sha-512"})
    yield "sd-alg-truncated", payload("UnknownHash", {"_sd_alg": "sha-256-32"})
    yield "sd-alg-upper-case", payload("UnknownHash", {"_sd_alg": "SHA-256"})
    yield "sd-alg-a-number", payload("MalformedHashName", {"_sd_alg": 256})
    for name, (jwt, error) in {
        "payload-an-array": (jws_of(HEADER, []), "MalformedPayload"),
        "payload-with-a-key-twice": (
            jws_of(HEADER, b'{"vct":"a","vct":"b"}'),
            "MalformedPayload",
        ),
        "typ-jwt": (jws_of({**HEADER, "typ": "JWT"}, BASE), "WrongType"),
        "typ-of-key-binding": (jws_of({**HEADER, "typ": "kb+jwt"}, BASE), "WrongType"),
        "typ-missing": (jws_of({"alg": "EdDSA"}, BASE), "WrongType"),
        "alg-none": (jws_of({**HEADER, "alg": "none"}, BASE), "ForbiddenAlgorithm"),
        "signed-by-another-key": (jws_of(HEADER, BASE, STRANGER_KEY), "WrongSignature"),
    }.items():
        yield name, vector(jwt + "~", error)


def _bad_credentials() -> Made:
    yield "vct-missing", vector(sd_jwt_of({"iss": "a"}, []), "MalformedVcClaims")
    yield "vct-a-number", payload("MalformedVcClaims", {"vct": 1})
    yield "vct-empty", payload("MalformedVcClaims", {"vct": ""})
    yield "iss-a-number", payload("MalformedVcClaims", {"iss": 1})
    for name in ("vct", "iss", "exp", "nbf", "cnf", "status", "vct#integrity", "aka_vcts"):
        shown = disclosure_of([SALT, name, "a"])
        claims = {"vct": "a", "iss": "a", **hiding(shown)}
        claims.pop(name, None)
        refused = vector(sd_jwt_of(claims, [shown]), "ProtectedClaimDisclosed")
        yield f"disclosed-{name.replace('#', '-')}", refused
    null = disclosure_of([SALT, "exp", None])
    part = disclosure_of([SALT, "kid", "a"])
    withheld = {"cnf": {"jwk": {}, **hiding("a")}}
    yield "withheld-part-of-cnf", payload("ProtectedClaimDisclosed", withheld)
    status = {"status": hidden_element("a")}
    yield "withheld-part-of-status", payload("ProtectedClaimDisclosed", status)
    yield "disclosed-exp-null", payload("ProtectedClaimDisclosed", hiding(null), null)
    nested = payload("ProtectedClaimDisclosed", {"cnf": hiding(part)}, part)
    yield "disclosed-part-of-cnf", nested
