"""Tokens, paths and policies with one thing wrong each: for ``rfc3161_vectors``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from chalicelib.proof.hashes import leaf_hash
from chalicelib.proof.tsp.der import (
    BOOLEAN,
    CONSTRUCTED,
    INTEGER,
    NULL,
    OCTET_STRING,
    PRIMITIVE,
    SEQUENCE,
    SET,
    UTC_TIME,
    encode,
    encode_integer,
    encode_oid,
)

from .rfc3161_samples import (
    CRITICAL,
    EXTENSION,
    INTERMEDIATE,
    LOWER,
    SERVER_AUTH,
    STRANGER,
    UNKNOWN,
    accurate,
    by,
    chained,
    info,
    micros,
    millis,
    named,
    timed,
    vector,
)
from .rfc3161_tokens import (
    BLOCK,
    CONTENT_TYPE,
    DATA,
    DIGESTS,
    ECDSA,
    ESS_V1,
    ESS_V2,
    MESSAGE_DIGEST,
    ROOT,
    RSA,
    SIGNED_DATA,
    TIME_STAMPING,
    TSA,
    TST_INFO,
    Info,
    Token,
    algorithm,
    attribute,
    authority,
    ec_key,
    ed25519_key,
    ess_v1,
    ess_v2,
    purposes,
    replaced,
    set_of,
    sign,
    signer,
)


def wrong_imprints() -> Iterator[tuple[str, dict[str, Any]]]:
    error = "FalseToken"
    yield (
        "imprint-of-another-block",
        vector("over another hash", error, Token(), block_hash=leaf_hash(b"another")),
    )
    sha512 = encode(SEQUENCE, algorithm(DIGESTS["sha512"]), encode(OCTET_STRING, bytes(64)))
    yield "imprint-sha-512", vector("the imprint is SHA-512", error, info(imprint=sha512))
    called = encode(SEQUENCE, algorithm(DIGESTS["sha3_256"]), encode(OCTET_STRING, BLOCK.hash))
    yield "imprint-called-sha-3", vector("the hash has another name", error, info(imprint=called))
    odd = encode(
        SEQUENCE,
        algorithm(DIGESTS["sha256"], encode_integer(1)),
        encode(OCTET_STRING, BLOCK.hash),
    )
    yield (
        "imprint-parameters",
        vector("SHA-256 with a parameter", "MalformedAlgorithm", info(imprint=odd)),
    )


def wrong_infos() -> Iterator[tuple[str, dict[str, Any]]]:
    yield "info-version-2", vector("version 2", "MalformedTstInfo", info(version=encode_integer(2)))
    yield "info-trailing", vector("more after the nonce", "TrailingBytes", info(nonce=encode(NULL)))
    yield (
        "info-serial-missing",
        vector("no serial number", "UnexpectedElement", info(serial=b"")),
    )
    yield (
        "info-ordering-false",
        vector("a default value written", "MalformedDer", info(ordering=encode(BOOLEAN, b"\x00"))),
    )
    yield (
        "info-ordering-01",
        vector("TRUE written as BER may", "MalformedDer", info(ordering=encode(BOOLEAN, b"\x01"))),
    )
    yield (
        "info-nonce-not-shortest",
        vector("a needless zero byte", "NotShortest", info(nonce=encode(INTEGER, b"\x00\x07"))),
    )
    yield (
        "info-nonce-empty",
        vector("an integer without bytes", "MalformedDer", info(nonce=encode(INTEGER))),
    )
    yield (
        "info-serial-of-65-bytes",
        vector("a serial number too long", "TooLong", info(serial=encode(INTEGER, b"\x01" * 65))),
    )
    yield (
        "info-critical-extension",
        vector(
            "a critical extension that nobody knows",
            "UnknownExtension",
            info(extensions=encode(CONSTRUCTED + 1, EXTENSION, CRITICAL)),
        ),
    )
    yield (
        "info-critical-before-malformed-extension",
        vector(
            "a malformed extension after a critical one",
            "Truncated",
            info(extensions=encode(CONSTRUCTED + 1, CRITICAL, b"\x30\x00")),
        ),
    )
    for name, text in {
        "without-zone": b"20260701093000",
        "offset": b"20260701093000+0000",
        "trailing-zero": b"20260701093000.50Z",
        "empty-fraction": b"20260701093000.Z",
        "comma": b"20260701093000,5Z",
        "without-seconds": b"202607010930Z",
        "of-june-31": b"20260631093000Z",
        "of-second-60": b"20260701093060Z",
        "of-year-0": b"00000701093000Z",
        "of-19-digits": b"20260701093000.0000000000000000001Z",
        "of-arabic-digits": "２0260701093000Z".encode(),
    }.items():
        yield f"time-{name}", vector("not a time in DER", "MalformedDerTime", timed(text))
    yield (
        "time-as-utc-time",
        vector("a UTCTime", "UnexpectedElement", info(time=encode(UTC_TIME, b"260701093000Z"))),
    )
    for name, parts in {
        "of-more-than-a-day": (encode_integer(86_401),),
        "negative": (encode_integer(-1),),
        "of-0-milliseconds": (millis(0),),
        "of-1000-milliseconds": (millis(1000),),
        "of-1000-microseconds": (micros(1000),),
    }.items():
        yield f"accuracy-{name}", vector("out of bounds", "MalformedTstInfo", accurate(*parts))
    not_in_order = accurate(micros(1), millis(1))
    yield "accuracy-not-in-order", vector("microseconds first", "TrailingBytes", not_in_order)
    more = accurate(encode(NULL))
    yield "accuracy-with-something-else", vector("with a NULL", "TrailingBytes", more)


def wrong_signatures() -> Iterator[tuple[str, dict[str, Any]]]:
    wrong = "WrongCmsSignature"
    other = sign(STRANGER.key, "sha256", Token().signed_attributes)
    yield "signature-of-another-key", vector("another key's", wrong, Token(signature=other))
    yield "signature-empty", vector("not a signature", wrong, Token(signature=b"\x30\x00"))
    of_info = sign(TSA.key, "sha256", Info().der)
    yield (
        "signature-of-the-info",
        vector("over the TSTInfo and not the attributes", wrong, Token(signature=of_info)),
    )
    retagged = sign(TSA.key, "sha256", b"\xa0" + Token().signed_attributes[1:])
    yield (
        "signature-with-the-tag",
        vector("over the attributes with their tag [0]", wrong, Token(signature=retagged)),
    )
    yield (
        "algorithm-of-another-hash",
        vector(
            "ECDSA with SHA-512, but SHA-256 as the digest",
            wrong,
            Token(algorithm=algorithm(ECDSA["sha512"])),
        ),
    )
    yield (
        "algorithm-of-another-key",
        vector("RSA, but a P-256 key", wrong, Token(algorithm=algorithm(RSA, encode(NULL)))),
    )
    yield (
        "algorithm-with-parameters",
        vector(
            "ECDSA with NULL parameters",
            "MalformedAlgorithm",
            Token(algorithm=algorithm(ECDSA["sha256"], encode(NULL))),
        ),
    )
    yield (
        "rsa-without-parameters",
        vector("RSA without NULL", "MalformedAlgorithm", Token(algorithm=algorithm(RSA))),
    )
    yield (
        "algorithm-sha-1",
        vector(
            "ECDSA with SHA-1",
            "WeakAlgorithm",
            Token(algorithm=algorithm(ECDSA["sha1"])),
        ),
    )
    for digest in ("md5", "sha1"):
        yield (
            f"digest-{digest}",
            vector(
                f"{digest} as the digest",
                "WeakAlgorithm",
                Token(digest=digest, signature=b"x", algorithm=algorithm(ECDSA["sha1"])),
            ),
        )
    yield (
        "digest-sha-3",
        vector(
            "SHA-3 as the digest: good, but not known here",
            "UnknownAlgorithm",
            Token(digest="sha3_256", signature=b"x", algorithm=algorithm(ECDSA["sha256"])),
        ),
    )
    yield (
        "algorithm-unknown",
        vector(
            "SM2 with SM3: good, but not known here",
            "UnknownAlgorithm",
            Token(algorithm=algorithm("1.2.156.10197.1.501")),
        ),
    )
    yield (
        "ed25519-with-sha-256",
        vector(
            "Ed25519 goes with SHA-512 in CMS",
            wrong,
            by(signer("Ed25519 TSA", ROOT, key=ed25519_key("Ed25519 TSA"))),
        ),
    )
    yield (
        "key-unknown",
        vector(
            "a key on secp256k1: good, but not known here",
            "UnknownAlgorithm",
            by(signer("secp256k1 TSA", ROOT, key=ec_key("secp256k1 TSA", ec.SECP256K1()))),
        ),
    )


def wrong_attributes() -> Iterator[tuple[str, dict[str, Any]]]:
    error = "FalseToken"
    yield (
        "content-type-of-data",
        vector(
            "the signed content type is data",
            error,
            Token(attributes={CONTENT_TYPE: encode_oid(DATA)}),
        ),
    )
    yield (
        "digest-of-another-info",
        vector(
            "the signed digest is of something else",
            error,
            Token(attributes={MESSAGE_DIGEST: encode(OCTET_STRING, leaf_hash(b"another"))}),
        ),
    )
    for name, oid, cause in (
        ("content-type", CONTENT_TYPE, "MalformedCms"),
        ("digest", MESSAGE_DIGEST, "MalformedCms"),
        ("ess", ESS_V2, "MalformedToken"),
    ):
        yield f"{name}-missing", vector("it is missing", cause, Token(attributes={oid: None}))
    yield (
        "ess-of-another",
        vector(
            "another certificate is identified",
            error,
            Token(attributes={ESS_V2: ess_v2(STRANGER.der)}),
        ),
    )
    yield (
        "ess-v1-of-another",
        vector(
            "one of two attributes identifies another certificate",
            error,
            Token(attributes={ESS_V1: ess_v1(STRANGER.der)}),
        ),
    )
    yield (
        "ess-v2-with-sha-1",
        vector(
            "SHA-1 where the hash could be another",
            "WeakAlgorithm",
            Token(
                attributes={ESS_V2: ess_v2(TSA.der, "sha1", named=algorithm(DIGESTS["sha1"]))},
            ),
        ),
    )
    yield (
        "ess-without-certificates",
        vector(
            "an empty list of certificates",
            "Truncated",
            Token(attributes={ESS_V2: encode(SEQUENCE, encode(SEQUENCE))}),
        ),
    )
    content_type = attribute(CONTENT_TYPE, encode_oid(TST_INFO))
    rest = [
        attribute(MESSAGE_DIGEST, encode(OCTET_STRING, leaf_hash(b"x"))),
        attribute(ESS_V2, ess_v2(TSA.der)),
    ]
    yield (
        "attribute-twice",
        vector(
            "one attribute twice",
            "MalformedCms",
            Token(signed=set_of(content_type, content_type, *rest)),
        ),
    )
    yield (
        "attribute-of-two-values",
        vector(
            "one attribute with two values",
            "MalformedCms",
            Token(
                signed=set_of(
                    attribute(CONTENT_TYPE, encode_oid(TST_INFO), encode_oid(DATA)),
                    *rest,
                )
            ),
        ),
    )
    yield (
        "attributes-unsorted",
        vector(
            "the attributes are not in the order of DER",
            "UnsortedSet",
            Token(signed=encode(SET, *sorted((content_type, *rest), reverse=True))),
        ),
    )


def wrong_signers() -> Iterator[tuple[str, dict[str, Any]]]:
    wrong = "NotForTimeStamping"
    for name, leaf in {
        "missing": signer("No purpose", ROOT, purpose=purposes(SERVER_AUTH)),
        "not-critical": signer("Not critical", ROOT, critical=False),
        "extra": signer("Two purposes", ROOT, purpose=purposes(TIME_STAMPING, SERVER_AUTH)),
        "twice": signer("One twice", ROOT, purpose=purposes(TIME_STAMPING, TIME_STAMPING)),
    }.items():
        yield f"purpose-{name}", vector("not for time stamps alone", wrong, by(leaf))
    yield (
        "purpose-none",
        vector("a certificate without purposes", wrong, by(ROOT), certificates=[ROOT.pem]),
    )
    yield (
        "usage-encipherment",
        vector(
            "not for signatures",
            wrong,
            by(signer("Encipherer", ROOT, signs="key_encipherment")),
        ),
    )
    yield (
        "signer-expired-then",
        vector("expired before", wrong, by(signer("Old TSA", ROOT, valid=(2020, 2026)))),
    )
    yield (
        "signer-not-yet-valid",
        vector("not valid until later", wrong, by(signer("New TSA", ROOT, valid=(2027, 2040)))),
    )
    yield (
        "signer-critical-extension",
        vector(
            "a critical extension that nobody knows",
            "Untrusted",
            by(signer("Odd TSA", ROOT, more=[(UNKNOWN, True)])),
        ),
    )
    yield (
        "signer-nowhere",
        vector("no certificate for the signer", "SignerMissing", Token(certificates=())),
    )
    yield (
        "signer-named-by-another-key-id",
        vector(
            "the key id of another",
            "SignerMissing",
            Token(sid=encode(PRIMITIVE, bytes(20)), signer_version=3),
        ),
    )
    yield (
        "no-key-id-to-name",
        vector(
            "a key id, but the certificate has none",
            "SignerMissing",
            Token(by=ROOT, sid=encode(PRIMITIVE, bytes(20)), signer_version=3),
        ),
    )


def wrong_paths() -> Iterator[tuple[str, dict[str, Any]]]:
    wrong = "Untrusted"
    yield "no-certificates", vector("an empty policy", "NoAnchor", Token(), certificates=[])
    yield (
        "certificate-unreadable",
        vector(
            "a policy with a certificate that is none",
            "NoAnchor",
            Token(),
            certificates=["-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"],
        ),
    )
    yield (
        "certificate-without-lines",
        vector("no PEM", "NoAnchor", Token(), certificates=["MAA="]),
    )
    yield "other-root", vector("by another root", wrong, by(STRANGER))
    namesake = authority("Root", key=ec_key("Namesake"))
    yield (
        "namesake-root",
        vector(
            "the root has the name of the policy's, and another key",
            wrong,
            by(signer("TSA", namesake)),
        ),
    )
    yield "intermediate-missing", vector("not embedded", wrong, by(LOWER))
    for name, about, middle in (
        ("not-an-authority", "not an authority", authority("Middle", ROOT, ca=False)),
        ("may-not-certify", "it may not sign", authority("Middle", ROOT, signs="crl_sign")),
        ("expired-then", "expired before", authority("Middle", ROOT, valid=(2020, 2026))),
        (
            "for-servers",
            "for web servers alone",
            authority("Middle", ROOT, more=[(purposes(SERVER_AUTH), False)]),
        ),
        (
            "critical-extension",
            "a critical extension that nobody knows",
            authority("Middle", ROOT, more=[(UNKNOWN, True)]),
        ),
        (
            "sha-3",
            "certified with SHA-3, which is good, but not known here",
            authority("Middle", ROOT, digest=hashes.SHA3_256()),
        ),
        ("leaf", "a signer's certificate as issuer", TSA),
    ):
        leaf = signer("Lower", middle)
        yield f"intermediate-{name}", vector(about, wrong, chained(middle, leaf=leaf))
    allowed = authority(
        "Middle", ROOT, more=[(purposes(SERVER_AUTH, TIME_STAMPING), False), (UNKNOWN, False)]
    )
    leaf = signer("Lower", allowed)
    yield (
        "good-intermediate-for-more",
        vector("for time stamps, too", "", chained(allowed, leaf=leaf), by=named(leaf)),
    )
    below = authority("Below", INTERMEDIATE)
    leaf = signer("Lower", below)
    yield (
        "path-length-exceeded",
        vector(
            "an authority below one that may have none",
            wrong,
            chained(below, INTERMEDIATE, leaf=leaf),
        ),
    )
    path = [ROOT]
    for number in range(5):
        path.append(authority(f"Authority {number}", path[-1]))
    leaf = signer("Lowest", path[-2])
    yield (
        "good-longest-path",
        vector("five links", "", chained(*path[1:-1], leaf=leaf), by=named(leaf)),
    )
    leaf = signer("Lowest", path[-1])
    yield "path-too-long", vector("six links", wrong, chained(*path[1:], leaf=leaf))


def wrong_forms() -> Iterator[tuple[str, dict[str, Any]]]:
    usual = Token().der
    yield "empty", vector("nothing", "Truncated", b"")
    yield "truncated", vector("the last byte is missing", "Truncated", usual[:-1])
    yield "trailing-byte", vector("a byte follows", "TrailingBytes", usual + b"\x00")
    yield (
        "too-large",
        vector("more than 65,536 bytes", "MalformedToken", encode(SEQUENCE, bytes(65_533))),
    )
    yield (
        "indefinite-length",
        vector(
            "BER with an indefinite length",
            "IndefiniteLength",
            b"\x30\x80" + usual[4:] + b"\x00\x00",
        ),
    )
    yield (
        "length-not-shortest",
        vector("a length in a needless byte", "NotShortest", b"\x30\x83\x00" + usual[2:]),
    )
    yield (
        "length-of-a-terabyte",
        vector("a length beyond all bounds", "Truncated", b"\x30\x85\xff" + usual[2:]),
    )
    yield "length-of-lengths", vector("a length of 127 bytes", "Truncated", b"\x30\xff" + usual[2:])
    nested = b""
    for _ in range(2_000):
        nested = encode(SEQUENCE, nested)
    yield "nested", vector("2,000 sequences, one in another", "UnexpectedElement", nested)
    data = replaced(usual, encode_oid(SIGNED_DATA), encode_oid("1.2.840.113549.1.7.6"))
    yield "not-signed-data", vector("another kind of content", "MalformedCms", data)
    yield "version-1", vector("version 1 of SignedData", "MalformedCms", Token(version=1))
    yield (
        "signer-version-3",
        vector("version 3 without key id", "MalformedCms", Token(signer_version=3)),
    )
    key_id = encode(PRIMITIVE, bytes(20))
    yield "key-id-version-1", vector("version 1 with a key id", "MalformedCms", Token(sid=key_id))
    yield (
        "content-is-data",
        vector("the content has the type of data", "MalformedToken", Token(content_type=DATA)),
    )
    yield (
        "two-signers",
        vector(
            "two signers",
            "MalformedCms",
            Token(more_signers=[by(STRANGER).signer_info]),
        ),
    )
    no_signer = replaced_signers(Token(), b"")
    yield "no-signer", vector("no signer", "Truncated", no_signer)
    two = encode(SET, algorithm(DIGESTS["sha256"]), algorithm(DIGESTS["sha384"]))
    yield "two-digests", vector("two digest algorithms", "MalformedCms", Token(digests=two))
    sha384 = encode(SET, algorithm(DIGESTS["sha384"]))
    null = set_of(algorithm(DIGESTS["sha256"], encode(NULL)))
    yield "digest-with-null", vector("parameters as others write them", "", Token(digests=null))
    odd = set_of(algorithm(DIGESTS["sha256"], encode_integer(1)))
    yield "digest-with-parameters", vector("an integer", "MalformedCms", Token(digests=odd))
    yield "another-digest", vector("not the signer's digest", "MalformedCms", Token(digests=sha384))
    yield (
        "digest-parameters",
        vector(
            "SHA-256 with a parameter",
            "MalformedAlgorithm",
            Token(digest_parameters=encode_integer(1)),
        ),
    )
    yield (
        "many-certificates",
        vector(
            "17 certificates",
            "MalformedCms",
            Token(certificates=[TSA.der] * 17),
        ),
    )
    yield (
        "certificate-of-another-kind",
        vector(
            "an attribute certificate",
            "UnexpectedElement",
            Token(certificates=[TSA.der, encode(CONSTRUCTED + 2)]),
        ),
    )
    yield (
        "certificate-malformed",
        vector("an embedded certificate is none", "Truncated", Token(certificates=[b"\x30\x00"])),
    )
    yield (
        "no-attributes",
        vector("no signed attributes", "MalformedToken", Token(signed=encode(SET))),
    )


def replaced_signers(token: Token, signers: bytes) -> bytes:
    """The token with other signers and all lengths around them as they should be."""
    body = encode(
        SEQUENCE,
        encode_integer(3),
        encode(SET, algorithm(DIGESTS["sha256"])),
        encode(
            SEQUENCE,
            encode_oid(TST_INFO),
            encode(CONSTRUCTED, encode(OCTET_STRING, token.info)),
        ),
        encode(SET, signers),
    )
    return encode(SEQUENCE, encode_oid(SIGNED_DATA), encode(CONSTRUCTED, body))
