"""Makes ``tests/vectors/erasure``: good ones, and one mutation of one in each other file.

Run as ``python -m tests.proof.erasure_vectors`` to write them; a test makes them again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from chalicelib.proof.credentials.multibase import format_base64url, parse_base64url
from chalicelib.proof.erasure import make_erasure, sign_erasure
from chalicelib.proof.jcs import format_jcs
from chalicelib.proof.keys import P256_ORDER, SigningKey

from .credentials_samples import P256_KEY
from .vectors import VECTORS
from .world import ISSUER, ISSUER_KEY, NOTARY, NOTARY_KEY, STRANGER, policy_value, some_hash

ERASED_MS = 1_795_000_000_000
SALTS = ("receipt-salts", "journal-lines")
ENTRIES = sorted(some_hash(f"erased {n}").hex() for n in range(3))
KID = f"{ISSUER}#{ISSUER_KEY.public.kid.hex()}"
HEADER = {"alg": "EdDSA", "kid": KID, "typ": "vnd.tally.erasure+json"}
PAYLOAD: dict[str, Any] = {
    "v": 1,
    "iss": ISSUER,
    "entries": ENTRIES[:1],
    "erased_ms": ERASED_MS,
    "destroyed": ["journal-lines", "receipt-salts"],
}

Made = Iterator[tuple[str, dict[str, Any]]]


def flattened(
    header: object = HEADER, payload: object = PAYLOAD, key: SigningKey = ISSUER_KEY
) -> dict[str, str]:
    """As anybody could write it, good or bad; bytes stay as they are."""
    parts = [p if isinstance(p, bytes) else format_jcs(p) for p in (header, payload)]  # type: ignore[arg-type]
    protected, body = map(format_base64url, parts)
    signature = format_base64url(key.sign(f"{protected}.{body}".encode()))
    return {"payload": body, "protected": protected, "signature": signature}


def text_of(members: object) -> str:
    return format_jcs(members).decode() + "\n"  # type: ignore[arg-type]


def bad(error: str, document: str) -> dict[str, Any]:
    return {"document": document, "error": error}


def payload(error: str, **changes: Any) -> dict[str, Any]:
    value = {name: each for name, each in {**PAYLOAD, **changes}.items() if each is not None}
    return bad(error, text_of(flattened(payload=value)))


def header(error: str, **changes: Any) -> dict[str, Any]:
    value = {name: each for name, each in {**HEADER, **changes}.items() if each is not None}
    return bad(error, text_of(flattened(value)))


def vectors() -> Made:
    yield "good", {"document": text_of(flattened())}
    every = [*SALTS, "seeds", "credential-files"]
    ids = [some_hash(f"erased {n}") for n in range(3)]
    whole = make_erasure(ISSUER, ids, ERASED_MS, every)
    yield "good-three-entries", {"document": sign_erasure(whole, ISSUER_KEY).decode()}
    kept = make_erasure(NOTARY, ids[:1], ERASED_MS, ["kept-copies"])
    yield "good-notary", {"document": sign_erasure(kept, NOTARY_KEY).decode()}
    es256 = sign_erasure(make_erasure(ISSUER, ids, ERASED_MS, SALTS), P256_KEY)
    own = make_erasure(ISSUER, ids[:1], ERASED_MS, ["kept-copies"])
    yield "good-kept-copies", {"document": sign_erasure(own, ISSUER_KEY).decode()}
    yield "good-es256", {"document": es256.decode(), "policy": with_p256()}
    yield from _spellings()
    yield from _payloads()
    yield from _headers()
    yield from _judged(es256.decode())


def with_p256() -> dict[str, Any]:
    from chalicelib.proof.keys import format_jwk

    value = policy_value()
    jwk = format_jwk(P256_KEY.public)
    kid = P256_KEY.public.kid.hex()
    value["issuers"][0]["keys"].append({"kid": kid, "jwk": jwk, "from_ms": 0})
    return value


def _spellings() -> Made:
    good = text_of(flattened())
    spelled = f"{json.dumps(flattened())}\n"
    yield "no-newline", bad("NonCanonicalErasure", good[:-1])
    yield "two-newlines", bad("NonCanonicalErasure", good + "\n")
    yield "space-after-colon", bad("NonCanonicalErasure", spelled)
    yield "trailing-garbage", bad("NotJson", good + "{}")
    yield "byte-order-mark", bad("ByteOrderMark", "\ufeff" + good)
    yield "empty", bad("NotJson", "")
    yield "an-array", bad("MalformedMember", "[]\n")
    yield "unprotected-header", bad("MalformedMember", text_of({**flattened(), "header": {}}))
    for name in ("payload", "protected", "signature"):
        rest = {each: value for each, value in flattened().items() if each != name}
        yield f"no-{name}", bad("MalformedMember", text_of(rest))
        yield f"{name}-a-number", bad("MalformedMember", text_of({**rest, name: 1}))
        padded = {**rest, name: flattened()[name] + "="}
        yield f"{name}-padded", bad("NotCompactJws", text_of(padded))
    general = {"payload": flattened()["payload"], "signatures": [flattened()]}
    yield "general-serialization", bad("MalformedMember", text_of(general))
    repeated = good.replace("{", '{"payload":"",', 1)
    yield "duplicate-member", bad("DuplicateKey", repeated)
    point = {**flattened(), "signature": flattened()["signature"] + ".AA"}
    yield "four-parts", bad("NotCompactJws", text_of(point))


def _payloads() -> Made:
    for name in PAYLOAD:
        yield f"payload-without-{name}", payload("MalformedMember", **{name: None})
    yield "payload-with-subject", payload("MalformedMember", sub="Ada Lovelace")
    yield "payload-an-array", bad("MalformedMember", text_of(flattened(payload=[])))
    spaced = json.dumps(PAYLOAD, sort_keys=True).encode()
    yield "payload-with-spaces", bad("NonCanonicalErasure", text_of(flattened(payload=spaced)))
    line = format_jcs(PAYLOAD) + b"\n"
    yield "payload-with-newline", bad("NonCanonicalErasure", text_of(flattened(payload=line)))
    yield "version-2", payload("MalformedErasure", v=2)
    yield "version-true", payload("MalformedErasure", v=True)
    yield "iss-not-a-did", payload("MalformedDid", iss="https://cambrian.example")
    yield "no-entries", payload("MalformedErasure", entries=[])
    yield "entry-twice", payload("MalformedErasure", entries=[ENTRIES[0]] * 2)
    yield "entries-not-in-order", payload("MalformedErasure", entries=ENTRIES[::-1])
    yield "entry-upper-case", payload("MalformedMember", entries=[ENTRIES[0].upper()])
    yield "entry-31-bytes", payload("MalformedMember", entries=[ENTRIES[0][2:]])
    yield "entries-a-text", payload("MalformedMember", entries=ENTRIES[0])
    yield "time-negative", payload("MalformedMember", erased_ms=-1)
    yield "time-a-float", payload("MalformedMember", erased_ms=1.5)
    yield "time-a-text", payload("MalformedMember", erased_ms="2026-11-26T00:00:00Z")
    yield "nothing-destroyed", payload("MalformedErasure", destroyed=[])
    yield "destroyed-of-nobody", payload("MalformedErasure", destroyed=["all-backups"])
    yield "destroyed-a-name", payload("MalformedErasure", destroyed=["Ada Lovelace"])
    yield "destroyed-twice", payload("MalformedErasure", destroyed=["seeds", "seeds"])
    yield "destroyed-not-in-order", payload("MalformedErasure", destroyed=list(SALTS))


def _headers() -> Made:
    other = f"{NOTARY}#{ISSUER_KEY.public.kid.hex()}"
    yield "kid-of-another", header("MalformedErasure", kid=other)
    yield "kid-missing", header("MalformedErasure", kid=None)
    yield "kid-alone", header("MalformedErasure", kid=ISSUER_KEY.public.kid.hex())
    yield "kid-without-key", header("MalformedMember", kid=f"{ISSUER}#")
    yield "kid-upper-case", header("MalformedMember", kid=f"{ISSUER}#{KID[-64:].upper()}")
    yield "typ-missing", header("MalformedErasure", typ=None)
    yield "typ-of-a-jwt", header("MalformedErasure", typ="JWT")
    yield "typ-with-application", header("MalformedErasure", typ=f"application/{HEADER['typ']}")
    yield "alg-none", header("ForbiddenAlgorithm", alg="none")
    yield "alg-hs256", header("ForbiddenAlgorithm", alg="HS256")
    yield "alg-es384", header("MalformedErasure", alg="ES384")
    yield "jwk-added", header("ForbiddenParameter", jwk={})
    yield "crit-added", header("ForbiddenParameter", crit=["exp"])
    yield "iat-added", header("NonCanonicalErasure", iat=1)
    spaced = json.dumps(HEADER, sort_keys=True).encode()
    yield "header-with-spaces", bad("NonCanonicalErasure", text_of(flattened(spaced)))
    short = {**flattened(), "signature": format_base64url(bytes(63))}
    yield "signature-of-63-bytes", bad("MalformedErasure", text_of(short))


def _judged(es256: str) -> Made:
    """Readable; who says so is another question."""
    good = text_of(flattened())
    yield "signed-by-another-key", bad("WrongSignature", text_of(flattened(key=STRANGER)))
    flipped = {**flattened(), "signature": _flipped(flattened()["signature"])}
    yield "flipped-signature", bad("WrongSignature", text_of(flipped))
    moved = {**flattened(), "payload": flattened(payload={**PAYLOAD, "erased_ms": 1})["payload"]}
    yield "another-payload", bad("WrongSignature", text_of(moved))
    yield "es256-high-s", {**bad("WrongSignature", _high_s(es256)), "policy": with_p256()}
    yield "alg-of-another-key", header("WrongAlgorithm", alg="ES256")
    yield "unknown-issuer", {**bad("CannotTell", good), "policy": policy_value(issuers=[])}
    yield "unknown-key", bad("CannotTell", es256)
    for name, error, change in (
        ("key-not-yet-good", "Invalid", {"from_ms": ERASED_MS + 1}),
        ("key-no-longer-good", "Invalid", {"to_ms": ERASED_MS}),
        ("key-stolen-before", "Invalid", {"compromised_ms": ERASED_MS}),
        ("key-stolen-later", "CannotTell", {"compromised_ms": ERASED_MS + 1}),
    ):
        value = policy_value()
        value["issuers"][0]["keys"][0].update(change)
        yield name, {**bad(error, good), "policy": value}


def _flipped(encoded: str) -> str:
    data = bytearray(parse_base64url(encoded))
    data[40] ^= 1
    return format_base64url(bytes(data))


def _high_s(document: str) -> str:
    members = json.loads(document)
    signature = parse_base64url(members["signature"])
    s = P256_ORDER - int.from_bytes(signature[32:], "big")
    members["signature"] = format_base64url(signature[:32] + s.to_bytes(32, "big"))
    return text_of(members)


def write() -> None:
    folder = VECTORS / "erasure"
    folder.mkdir(exist_ok=True)
    for name, value in vectors():
        text = json.dumps({"policy": policy_value(), **value}, ensure_ascii=False, indent=2)
        (folder / f"{name}.json").write_text(text + "\n")


if __name__ == "__main__":
    write()
