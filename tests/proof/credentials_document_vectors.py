"""The vectors of data integrity proofs and of status lists, each named for its one mutation."""

from __future__ import annotations

import copy
import gzip
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from chalicelib.proof.credentials.multibase import format_base58, format_base64url, parse_base58
from chalicelib.proof.credentials.status_list import encode_list
from chalicelib.proof.keys import format_jwk
from chalicelib.proof.limits import STATUS_LIST_BYTES

from .credentials_samples import (
    AT_MS,
    CREATED,
    EXAMPLES,
    ISSUER_KEY,
    METHOD,
    P256_KEY,
    STRANGER_KEY,
    credential,
    signed,
    status_list,
)

Made = Iterator[tuple[str, dict[str, Any]]]
Edit = Callable[[dict[str, Any]], object]


def edited(value: dict[str, Any], edit: Edit) -> dict[str, Any]:
    changed = copy.deepcopy(value)
    edit(changed)
    return changed


def put(*path: Any) -> Edit:
    """Set the member at a path; the last argument is its value."""
    *way, last, value = path

    def edit(document: Any) -> None:
        for step in way:
            document = document[step]
        document[last] = value

    return edit


def drop(*path: Any) -> Edit:
    *way, last = path

    def edit(document: Any) -> None:
        for step in way:
            document = document[step]
        del document[last]

    return edit


def data_integrity_vectors() -> Made:
    def vector(document: Any, error: str | None = None, key: Any = ISSUER_KEY) -> dict[str, Any]:
        outcome = {"error": error} if error else {"issuer": "did:web:registry.example.edu"}
        jwk = format_jwk(key.public)
        return {"jwk": jwk, "at_ms": AT_MS, "document": document, **outcome}

    good = signed(credential())
    yield "open-badge", vector(good)
    plain = edited(credential(), put("issuer", "did:web:registry.example.edu"))
    plain["type"] = "VerifiableCredential"
    yield "issuer-a-string-and-one-type", vector(signed(plain))
    yield (
        "text-with-a-language",
        vector(
            signed({**plain, "name": {"@value": "文憑", "@language": "zh", "@direction": "ltr"}})
        ),
    )
    whole = {
        "description": ["Diploma", {"@value": "文憑", "@language": "zh"}],
        "credentialSchema": {"id": "urn:a", "type": "JsonSchema"},
        "evidence": [{"type": ["Evidence"]}],
        "termsOfUse": {"type": "Policy"},
        "refreshService": {"type": "Refresh"},
        "relatedResource": [
            {"id": "urn:a", "digestSRI": "a"},
            {"id": "urn:b", "digestMultibase": "uA"},
        ],
    }
    yield "every-optional-member", vector(signed({**plain, **whole}))
    more = put("@context", [*good["@context"], "https://w3id.org/security/multikey/v1"])
    yield "context-after-the-signed-ones", vector(edited(good, more))

    yield from _altered(good, vector)
    yield from _bad_proofs(good, vector)
    for name, (edit, error) in _BAD_CREDENTIALS.items():
        yield name, vector(signed(edited(credential(), edit)), error)


def _altered(good: dict[str, Any], vector: Any) -> Made:
    for name, edit in {
        "subject-altered": put("credentialSubject", "achievement", "name", "PhD"),
        "issuer-altered": put("issuer", "name", "Prifysgol 大学"),
        "id-left-out": drop("id"),
        "valid-until-altered": put("validUntil", "2036-06-30T00:00:01Z"),
        "member-added": put("name", "Diploma"),
        "created-altered": put("proof", "created", "2026-07-01T09:30:01Z"),
        "method-altered": put("proof", "verificationMethod", METHOD + "2"),
        "purpose-altered": put("proof", "proofPurpose", "authentication"),
        "nonce-added": put("proof", "nonce", "a"),
        "proof-context-left-out": drop("proof", "@context"),
    }.items():
        yield name, vector(edited(good, edit), "WrongSignature")
    yield "another-key", vector(good, "WrongSignature", STRANGER_KEY)
    yield "p256-key", vector(good, "UnknownKeyType", P256_KEY)
    signature = parse_base58(good["proof"]["proofValue"][1:], 96)
    flipped = "z" + format_base58(bytes((*signature[:-1], signature[-1] ^ 1)))
    yield (
        "signature-flipped",
        vector(edited(good, put("proof", "proofValue", flipped)), "WrongSignature"),
    )
    contexts = list(good["@context"])
    for name, value in {
        "context-left-out": contexts[:1],
        "contexts-swapped": contexts[::-1],
        "context-before": ["https://w3id.org/security/multikey/v1", *contexts],
        "context-a-string": contexts[0],
    }.items():
        yield name, vector(edited(good, put("@context", value)), "WrongContext")
    unknown = put("@context", [*contexts, "https://attacker.example/context"])
    yield "unknown-context-after-the-signed-ones", vector(edited(good, unknown), "UnknownContext")


def _bad_proofs(good: dict[str, Any], vector: Any) -> Made:
    proof = good["proof"]
    signature = parse_base58(proof["proofValue"][1:], 96)
    yield "no-proof", vector(edited(good, drop("proof")), "ProofMissing")
    for name, value in {"null": None, "a-string": "z", "a-number": 1}.items():
        yield f"proof-{name}", vector(edited(good, put("proof", value)), "MalformedProof")
    yield "two-proofs", vector(edited(good, put("proof", [proof, proof])), "SeveralProofs")
    yield "one-proof-in-a-list", vector(edited(good, put("proof", [proof])), "SeveralProofs")
    chained = put("proof", "previousProof", "urn:uuid:1")
    yield "chained-proof", vector(edited(good, chained), "SeveralProofs")
    for name, edit in {
        "type-altered": put("proof", "type", "Ed25519Signature2020"),
        "type-missing": drop("proof", "type"),
        "cryptosuite-rdfc": put("proof", "cryptosuite", "eddsa-rdfc-2022"),
        "cryptosuite-missing": drop("proof", "cryptosuite"),
    }.items():
        yield name, vector(edited(good, edit), "UnknownCryptosuite")
    for name, edit in {
        "method-missing": drop("proof", "verificationMethod"),
        "method-an-object": put("proof", "verificationMethod", {"id": METHOD}),
        "method-relative": put("proof", "verificationMethod", "#key-1"),
        "purpose-missing": drop("proof", "proofPurpose"),
        "purpose-a-list": put("proof", "proofPurpose", ["assertionMethod"]),
        "value-missing": drop("proof", "proofValue"),
    }.items():
        yield name, vector(edited(good, edit), "MalformedProof")
    unknown = put("proof", "jws", "a..b")
    yield "proof-with-jws", vector(edited(good, unknown), "UnknownProofMember")
    for name, text in {
        "value-in-base64url": "u" + format_base64url(signature),
        "value-without-prefix": proof["proofValue"][1:],
        "value-with-a-zero-digit": proof["proofValue"][:-1] + "0",
        "value-with-a-space": proof["proofValue"] + " ",
        "value-of-63-bytes": "z" + format_base58(signature[:-1]),
        "value-of-65-bytes": "z" + format_base58(signature + b"a"),
        "value-with-a-leading-zero": "z1" + proof["proofValue"][1:],
        "value-empty": "",
        "value-too-long": "z" + "2" * 97,
    }.items():
        changed = edited(good, put("proof", "proofValue", text))
        yield name, vector(changed, "MalformedProofValue")
    times: dict[str, Any] = {"a-date": "2026-07-01", "local": CREATED[:-1], "a-number": 1}
    for name, time in times.items():
        changed = edited(good, put("proof", "created", time))
        yield f"created-{name}", vector(changed, "MalformedProofTime")
    yield (
        "for-a-presentation",
        vector(signed(credential(), purpose="authentication"), "WrongPurpose"),
    )


V2 = "https://www.w3.org/ns/credentials/v2"

_BAD_CREDENTIALS: dict[str, tuple[Edit, str]] = {
    "context-of-version-1": (
        put("@context", ["https://www.w3.org/2018/credentials/v1"]),
        "MalformedContext",
    ),
    "context-alone-as-a-string": (put("@context", V2), "MalformedContext"),
    "context-empty": (put("@context", []), "MalformedContext"),
    "context-missing": (drop("@context"), "MalformedContext"),
    "context-with-a-slash": (put("@context", [V2 + "/"]), "MalformedContext"),
    "context-twice": (put("@context", [V2, V2]), "MalformedContext"),
    "context-unknown": (put("@context", [V2, EXAMPLES]), "UnknownContext"),
    "context-in-place": (put("@context", [V2, {"degree": "urn:a"}]), "UnknownContext"),
    "context-in-the-subject": (
        put("credentialSubject", "@context", [V2]),
        "ForbiddenKeyword",
    ),
    "keyword-id": (put("@id", "urn:uuid:1"), "ForbiddenKeyword"),
    "keyword-type": (put("credentialSubject", "@type", "a"), "ForbiddenKeyword"),
    "keyword-graph": (put("credentialSubject", "a", [{"@graph": []}]), "ForbiddenKeyword"),
    "keyword-included": (put("@included", []), "ForbiddenKeyword"),
    "type-missing": (drop("type"), "MalformedType"),
    "type-of-another": (put("type", ["OpenBadgeCredential"]), "MalformedType"),
    "type-twice": (put("type", ["VerifiableCredential"] * 2), "MalformedType"),
    "type-a-number": (put("type", ["VerifiableCredential", 1]), "MalformedType"),
    "type-lower-case": (put("type", "verifiablecredential"), "MalformedType"),
    "types-too-many": (
        put("type", ["VerifiableCredential", *map(str, range(1_000))]),
        "CredentialTooLong",
    ),
    "issuer-missing": (drop("issuer"), "MalformedId"),
    "issuer-without-id": (drop("issuer", "id"), "MalformedId"),
    "issuer-a-name": (put("issuer", "Registry"), "MalformedId"),
    "issuer-in-cyrillic": (put("issuer", "did:web:rеgistry.example.edu"), "MalformedId"),
    "issuer-with-a-space": (put("issuer", "did:web:registry .example"), "MalformedId"),
    "issuer-too-long": (put("issuer", "did:web:" + "a" * 2_041), "MalformedId"),
    "issuer-null": (put("issuer", None), "MalformedId"),
    "id-relative": (put("id", "/credentials/1"), "MalformedId"),
    "id-null": (put("id", None), "MalformedId"),
    "id-a-list": (put("id", ["urn:uuid:1"]), "MalformedId"),
    "subject-missing": (drop("credentialSubject"), "MalformedSubject"),
    "subject-empty": (put("credentialSubject", {}), "MalformedSubject"),
    "subjects-none": (put("credentialSubject", []), "MalformedSubject"),
    "subjects-one-empty": (put("credentialSubject", [{"name": "a"}, {}]), "MalformedSubject"),
    "subject-a-string": (put("credentialSubject", "urn:uuid:1"), "MalformedCredential"),
    "subject-id-relative": (put("credentialSubject", "id", "a"), "MalformedId"),
    "valid-from-a-date": (put("validFrom", "2026-06-30"), "MalformedValidity"),
    "valid-from-local": (put("validFrom", "2026-06-30T00:00:00"), "MalformedValidity"),
    "valid-from-a-number": (put("validFrom", 1), "MalformedValidity"),
    "valid-until-no-such-day": (put("validUntil", "2026-02-30T00:00:00Z"), "MalformedValidity"),
    "valid-until-before-from": (put("validUntil", "2026-06-29T23:59:59Z"), "MalformedValidity"),
    "status-a-string": (put("credentialStatus", "a"), "MalformedCredential"),
    "status-without-type": (drop("credentialStatus", "type"), "MalformedStatus"),
    "status-id-relative": (put("credentialStatus", "id", "a"), "MalformedId"),
    "name-a-number": (put("name", 1), "MalformedText"),
    "name-null": (put("name", None), "MalformedText"),
    "name-of-more-than-a-language": (
        put("name", {"@value": "Diploma", "@language": "en", "url": "urn:a"}),
        "MalformedText",
    ),
    "name-without-value": (put("name", {"@language": "en"}), "MalformedText"),
    "name-with-no-such-direction": (
        put("name", {"@value": "Diploma", "@direction": "up"}),
        "MalformedText",
    ),
    "description-of-the-issuer-a-number": (put("issuer", "description", 1), "MalformedText"),
    "descriptions-one-a-number": (put("description", ["Diploma", 1]), "MalformedText"),
    "schema-without-type": (put("credentialSchema", {"id": "urn:a"}), "MalformedMember"),
    "schema-without-id": (put("credentialSchema", {"type": "JsonSchema"}), "MalformedMember"),
    "schema-id-relative": (
        put("credentialSchema", {"id": "a", "type": "JsonSchema"}),
        "MalformedMember",
    ),
    "schema-a-string": (put("credentialSchema", "urn:a"), "MalformedMember"),
    "evidence-without-type": (put("evidence", {}), "MalformedMember"),
    "evidence-type-empty": (put("evidence", [{"type": []}]), "MalformedMember"),
    "terms-without-type": (put("termsOfUse", {"id": "urn:a"}), "MalformedMember"),
    "refresh-without-type": (put("refreshService", {"id": "urn:a"}), "MalformedMember"),
    "refresh-one-of-two-without-type": (
        put("refreshService", [{"type": "a"}, {"id": "urn:a"}]),
        "MalformedMember",
    ),
    "resource-a-string": (put("relatedResource", ["urn:a"]), "MalformedMember"),
    "resource-without-id": (put("relatedResource", {"digestSRI": "a"}), "MalformedMember"),
    "resource-without-digest": (put("relatedResource", {"id": "urn:a"}), "MalformedMember"),
    "resource-digest-a-number": (
        put("relatedResource", {"id": "urn:a", "digestSRI": 1}),
        "MalformedMember",
    ),
    "resources-of-one-id": (
        put("relatedResource", [{"id": "urn:a", "digestSRI": "a"}] * 2),
        "MalformedMember",
    ),
}


def status_list_vectors() -> Made:
    good = status_list(0, 9, 94_567, 131_071)
    yield "four-set", {"credential": good, "set": [0, 9, 94_567, 131_071]}
    yield "none-set", {"credential": status_list(), "set": []}
    both = put("credentialSubject", "statusPurpose", ["revocation", "suspension"])
    yield "two-purposes", {"credential": edited(good, both), "set": [0, 9, 94_567, 131_071]}
    for name, (edit, error) in _BAD_LISTS.items():
        yield name, {"credential": edited(good, edit), "error": error}
    for name, (packed, error) in _bad_gzip().items():
        encoded = packed if isinstance(packed, str) else "u" + format_base64url(packed)
        changed = edited(good, put("credentialSubject", "encodedList", encoded))
        yield name, {"credential": changed, "error": error}


_BAD_LISTS: dict[str, tuple[Edit, str]] = {
    "of-another-type": (put("type", ["VerifiableCredential"]), "NotStatusList"),
    "subject-of-another-type": (
        put("credentialSubject", "type", "StatusList2021"),
        "NotStatusList",
    ),
    "purpose-missing": (drop("credentialSubject", "statusPurpose"), "NotStatusList"),
    "purposes-none": (put("credentialSubject", "statusPurpose", []), "NotStatusList"),
    "purpose-a-number": (put("credentialSubject", "statusPurpose", ["a", 1]), "NotStatusList"),
    "list-missing": (drop("credentialSubject", "encodedList"), "MalformedEncodedList"),
    "list-a-number": (put("credentialSubject", "encodedList", 1), "MalformedEncodedList"),
    "size-two": (put("credentialSubject", "statusSize", 2), "UnknownStatusType"),
    "size-true": (put("credentialSubject", "statusSize", True), "UnknownStatusType"),
}


def _bad_gzip() -> dict[str, tuple[bytes | str, str]]:
    bits = bytes(16_384)
    good = gzip.compress(bits, mtime=0)
    length = len(bits)
    crc = zlib.crc32(bits).to_bytes(4, "little")
    body = good[:-8]
    return {
        "without-prefix": (format_base64url(good), "MalformedEncodedList"),
        "in-base58": ("z" + format_base64url(good), "MalformedEncodedList"),
        "padded": ("u" + format_base64url(good) + "=", "MalformedEncodedList"),
        "plain-base64": ("u" + format_base64url(good).replace("-", "+"), "MalformedEncodedList"),
        "empty": ("u", "MalformedGzip"),
        "not-gzip": (b"bits", "MalformedGzip"),
        "zlib": (zlib.compress(bits), "MalformedGzip"),
        "bare-deflate": (zlib.compress(bits)[2:-4], "MalformedGzip"),
        "truncated": (good[:-1], "MalformedGzip"),
        "without-trailer": (body, "MalformedGzip"),
        "trailing-byte": (good + b"\0", "MalformedGzip"),
        "two-members": (good + good, "MalformedGzip"),
        "wrong-crc": (body + bytes(4) + good[-4:], "MalformedGzip"),
        "length-too-small": (body + crc + (length - 1).to_bytes(4, "little"), "MalformedGzip"),
        "length-too-great": (body + crc + (1 << 31).to_bytes(4, "little"), "MalformedGzip"),
        "reserved-method": (good[:2] + b"\x07" + good[3:], "MalformedGzip"),
        "one-byte-short": (gzip.compress(bits[1:], mtime=0), "StatusListTooShort"),
        "one-byte-beyond-the-limit": (
            gzip.compress(bytes(STATUS_LIST_BYTES + 1), mtime=0),
            "StatusListTooLong",
        ),
        "a-bomb": (gzip.compress(bytes(STATUS_LIST_BYTES * 16), mtime=0), "StatusListTooLong"),
        "a-bomb-that-claims-to-be-small": (
            gzip.compress(bytes(STATUS_LIST_BYTES * 16), mtime=0)[:-8] + good[-8:],
            "StatusListTooLong",
        ),
        "a-bomb-cut-off": (
            gzip.compress(bytes(STATUS_LIST_BYTES * 16), mtime=0)[:16_000],
            "StatusListTooLong",
        ),
    }


def longest_list() -> str:
    return encode_list(bytes(STATUS_LIST_BYTES))
