"""Tokens that are good, and how a vector is written: for ``rfc3161_vectors``."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from chalicelib.proof.tsp.der import (
    BOOLEAN,
    CONSTRUCTED,
    GENERALIZED_TIME,
    NULL,
    OCTET_STRING,
    PRIMITIVE,
    SEQUENCE,
    TRUE,
    encode,
    encode_integer,
    encode_oid,
)

from .rfc3161_tokens import (
    BLOCK,
    ESS_V1,
    ESS_V2,
    ROOT,
    STAMPED_MS,
    TSA,
    Info,
    Party,
    Token,
    attribute,
    authority,
    ec_key,
    ed25519_key,
    ess_v1,
    ess_v2,
    revocation_list,
    signer,
)

SERVER_AUTH = "1.3.6.1.5.5.7.3.1"
INTERMEDIATE = authority("Intermediate", ROOT, path_length=0)
LOWER = signer("Lower TSA", INTERMEDIATE)
OTHER_ROOT = authority("Other root")
STRANGER = signer("Stranger", OTHER_ROOT)
UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.32473.2"), b"\x05\x00")
CONTENT_HINT = "1.3.6.1.4.1.32473.4"
EXTENSION = encode(SEQUENCE, encode_oid("1.3.6.1.4.1.32473.3"), encode(OCTET_STRING, b"\x05\x00"))
CRITICAL = encode(
    SEQUENCE,
    encode_oid("1.3.6.1.4.1.32473.3"),
    encode(BOOLEAN, TRUE),
    encode(OCTET_STRING, b"\x05\x00"),
)


def vector(about: str, error: str, token: Token | bytes, **parts: Any) -> dict[str, Any]:
    """``error`` is the class that refuses it, and of what is malformed the class that says how;
    empty when it is good."""
    made: dict[str, Any] = {
        "about": about,
        "token": base64.b64encode(token if isinstance(token, bytes) else token.der).decode(),
        "block_hash": parts.get("block_hash", BLOCK.hash).hex(),
        "certificates": parts.get("certificates", [ROOT.pem]),
    }
    if error:
        return {**made, "error": error}
    earliest, latest = parts.get("milliseconds", (-1_000, 1_000))
    by = parts.get("by", TSA.certificate.subject.rfc4514_string())
    return {**made, "sighting": [STAMPED_MS + earliest, STAMPED_MS + latest, by]}


def chained(*path: Party, leaf: Party, **parts: Any) -> Token:
    return Token(by=leaf, certificates=[leaf.der, *(party.der for party in path)], **parts)


def named(leaf: Party) -> str:
    return leaf.certificate.subject.rfc4514_string()


def info(**parts: bytes) -> Token:
    return Token(info=Info(**parts).der)


def timed(text: bytes) -> Token:
    return info(time=encode(GENERALIZED_TIME, text))


def accurate(*parts: bytes) -> Token:
    return info(accuracy=encode(SEQUENCE, *parts))


def millis(count: int) -> bytes:
    return encode(PRIMITIVE, encode_integer(count)[2:])


def micros(count: int) -> bytes:
    return encode(PRIMITIVE + 1, encode_integer(count)[2:])


def by(leaf: Party, **parts: Any) -> Token:
    return Token(by=leaf, **parts)


def good() -> Iterator[tuple[str, dict[str, Any]]]:
    yield "good", vector("a token whose signer the policy's root certified", "", Token())
    yield (
        "good-signer-in-policy",
        vector("the policy names the signer itself", "", Token(), certificates=[TSA.pem]),
    )
    yield (
        "good-signer-not-embedded",
        vector(
            "the policy holds the signer's certificate, the token does not",
            "",
            Token(certificates=()),
            certificates=[OTHER_ROOT.pem, TSA.pem],
        ),
    )
    chain = chained(INTERMEDIATE, ROOT, leaf=LOWER)
    yield "good-intermediate", vector("by one intermediate", "", chain, by=named(LOWER))
    yield (
        "good-intermediate-in-policy",
        vector(
            "the policy names the intermediate and not the root",
            "",
            by(LOWER),
            certificates=[INTERMEDIATE.pem],
            by=named(LOWER),
        ),
    )
    yield (
        "good-root-first",
        vector(
            "certificates stand in any order, with some that are of no use",
            "",
            Token(by=LOWER, certificates=[STRANGER.der, ROOT.der, INTERMEDIATE.der, LOWER.der]),
            by=named(LOWER),
        ),
    )
    yield (
        "good-expired-since",
        vector(
            "all certificates were good at the time of the token, and for half a year after it",
            "",
            chained(
                leaf=(
                    brief := signer(
                        "Brief TSA",
                        brief_root := authority("Brief root", valid=(2026, 2027)),
                        valid=(2026, 2027),
                    )
                )
            ),
            certificates=[brief_root.pem],
            by=named(brief),
        ),
    )
    for name, leaf, digest in (
        ("ed25519", signer("Ed25519 TSA", ROOT, key=ed25519_key("Ed25519 TSA")), "sha512"),
        ("p384", signer("P-384 TSA", ROOT, key=ec_key("P-384 TSA", ec.SECP384R1())), "sha384"),
        ("p521", signer("P-521 TSA", ROOT, key=ec_key("P-521 TSA", ec.SECP521R1())), "sha512"),
    ):
        token = by(leaf, digest=digest)
        yield f"good-{name}", vector(f"signed with {name}", "", token, by=named(leaf))
    yield (
        "good-null-parameters",
        vector(
            "NULL as the digest's parameters",
            "",
            Token(digest_parameters=encode(NULL)),
        ),
    )
    key_id = x509.SubjectKeyIdentifier.from_public_key(TSA.key.public_key()).digest
    yield (
        "good-key-id",
        vector(
            "the signer is named by its key's id",
            "",
            Token(sid=encode(PRIMITIVE, key_id), signer_version=3),
        ),
    )
    yield (
        "good-ess-v1",
        vector(
            "identified by signingCertificate alone, with SHA-1",
            "",
            Token(attributes={ESS_V1: ess_v1(TSA.der), ESS_V2: None}),
        ),
    )
    yield (
        "good-ess-both",
        vector(
            "identified by both attributes",
            "",
            Token(attributes={ESS_V1: ess_v1(TSA.der)}),
        ),
    )
    yield (
        "good-ess-sha512",
        vector(
            "identified with SHA-512",
            "",
            Token(attributes={ESS_V2: ess_v2(TSA.der, "sha512")}),
        ),
    )
    yield (
        "good-unsigned-attribute",
        vector(
            "with an attribute that is not signed",
            "",
            Token(unsigned=encode(CONSTRUCTED + 1, attribute(CONTENT_HINT, encode(NULL)))),
        ),
    )
    yield (
        "good-revocations",
        vector(
            "with a revocation list, which is not read",
            "",
            Token(revocations=encode(CONSTRUCTED + 1, revocation_list(ROOT))),
        ),
    )
    tsa = encode(CONSTRUCTED, encode(CONSTRUCTED + 4, TSA.certificate.subject.public_bytes()))
    yield (
        "good-all-members",
        vector(
            "a TSTInfo with everything that is optional",
            "",
            info(
                ordering=encode(BOOLEAN, TRUE),
                tsa=tsa,
                extensions=encode(CONSTRUCTED + 1, EXTENSION),
            ),
        ),
    )
    yield (
        "good-no-accuracy",
        vector(
            "no accuracy is stated: a second either side",
            "",
            info(accuracy=b"", nonce=b""),
        ),
    )
    yield (
        "good-fractions",
        vector(
            "half a second past, give or take 20.5 milliseconds",
            "",
            Token(
                info=Info(
                    time=encode(GENERALIZED_TIME, b"20260701093000.5Z"),
                    accuracy=encode(SEQUENCE, millis(20), micros(500)),
                ).der
            ),
            milliseconds=(479, 521),
        ),
    )
    yield (
        "good-nanosecond",
        vector(
            "the interval is rounded outwards",
            "",
            Token(
                info=Info(
                    time=encode(GENERALIZED_TIME, b"20260701093000.000000001Z"),
                    accuracy=encode(SEQUENCE),
                ).der
            ),
            milliseconds=(0, 1),
        ),
    )
    yield (
        "good-largest-accuracy",
        vector(
            "accurate to a day",
            "",
            accurate(encode_integer(86_400)),
            milliseconds=(-86_400_000, 86_400_000),
        ),
    )
