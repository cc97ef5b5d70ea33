"""Tokens with RSA signatures, by keys made here, against openssl, too."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from chalicelib.proof.errors import Invalid
from chalicelib.proof.tsp.cms import Algorithm
from chalicelib.proof.tsp.der import (
    CONSTRUCTED,
    NULL,
    SEQUENCE,
    encode,
    encode_integer,
)
from chalicelib.proof.tsp.evidence import FalseToken, verify_token
from chalicelib.proof.tsp.messages import format_response
from chalicelib.proof.tsp.signature import (
    MalformedAlgorithm,
    UnknownAlgorithm,
    WeakAlgorithm,
    WrongCmsSignature,
    load_key,
    verify_certified,
)

from .rfc3161_tokens import (
    BLOCK,
    DIGESTS,
    ECDSA,
    PSS,
    ROOT,
    RSA,
    Party,
    Token,
    algorithm,
    authority,
    pss_algorithm,
    sign,
    signer,
)

WITH = {
    "sha256": "1.2.840.113549.1.1.11",
    "sha384": "1.2.840.113549.1.1.12",
    "sha512": "1.2.840.113549.1.1.13",
}
SHA1_WITH_RSA = "1.2.840.113549.1.1.5"


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture(scope="module")
def tsa(key: rsa.RSAPrivateKey) -> Party:
    return signer("RSA TSA", ROOT, key=key)


def token_of(tsa: Party, digest: str, *, pss: bool = False, **parts: Any) -> Token:
    usual = Token(by=tsa, digest=digest)
    signature = sign(tsa.key, digest, usual.signed_attributes, pss=pss)
    return Token(by=tsa, digest=digest, signature=signature, **parts)


def verify(token: Token) -> str:
    return verify_token(token.der, BLOCK.hash, [ROOT.pem]).by


@pytest.mark.parametrize("digest", ["sha256", "sha384", "sha512"])
@pytest.mark.parametrize("name", ["rsaEncryption", "with the hash", "RSASSA-PSS"])
def test_a_token_signed_with_rsa(tsa: Party, digest: str, name: str, tmp_path: Path) -> None:
    chosen = {
        "rsaEncryption": algorithm(RSA, encode(NULL)),
        "with the hash": algorithm(WITH[digest], encode(NULL)),
        "RSASSA-PSS": pss_algorithm(digest, digest, {"sha256": 32, "sha384": 48}.get(digest, 64)),
    }
    token = token_of(tsa, digest, pss=name == "RSASSA-PSS", algorithm=chosen[name])
    assert verify(token) == "CN=RSA TSA,O=Test vectors,C=GB"
    (tmp_path / "token").write_bytes(token.der)
    (tmp_path / "root.pem").write_text(ROOT.pem)
    if name == "RSASSA-PSS":  # which PKCS #7, and so openssl ts, has not
        command = ["cms", "-verify", "-inform", "DER", "-out", "info", "-in", "token"]
        command += ["-purpose", "timestampsign"]
    else:
        (tmp_path / "token").write_bytes(format_response(token.der))
        command = ["ts", "-verify", "-digest", BLOCK.hash.hex(), "-in", "token"]
    done = subprocess.run(
        ["openssl", *command, "-CAfile", "root.pem"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_an_authority_with_rsa_certifies_by_either_name(key: rsa.RSAPrivateKey) -> None:
    root = authority("RSA root", key=key)
    tsa = signer("TSA", root)
    assert verify_token(Token(by=tsa).der, BLOCK.hash, [root.pem]).by.startswith("CN=TSA,")


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        (algorithm(SHA1_WITH_RSA, encode(NULL)), WeakAlgorithm),
        (algorithm(WITH["sha512"], encode(NULL)), WrongCmsSignature),
        (algorithm(WITH["sha256"]), FalseToken),
        (algorithm(ECDSA["sha256"]), WrongCmsSignature),
        (algorithm(PSS, encode(SEQUENCE)), WeakAlgorithm),
        (algorithm(PSS), FalseToken),
        (pss_algorithm("sha1", "sha1", 20), WeakAlgorithm),
        (pss_algorithm("sha256", "sha1", 32), WeakAlgorithm),
        (pss_algorithm("sha256", "sha512", 32), UnknownAlgorithm),
        (pss_algorithm("sha256", "sha256", 20), UnknownAlgorithm),
        (pss_algorithm("sha256", "sha256", 32, generator="1.2.840.113549.1.1.9"), UnknownAlgorithm),
        (pss_algorithm("sha512", "sha512", 64), WrongCmsSignature),
        (pss_algorithm("sha256", "sha256", 32), WrongCmsSignature),
    ],
)
def test_another_algorithm_than_it_was_signed_with(
    tsa: Party, changed: bytes, error: type[Exception]
) -> None:
    with pytest.raises(error):
        verify(token_of(tsa, "sha256", algorithm=changed))


@pytest.mark.parametrize("missing", [1, 2])
def test_pss_parameters_that_are_left_out_are_not_guessed(tsa: Party, missing: int) -> None:
    sha256 = algorithm(DIGESTS["sha256"])
    parts = [
        encode(CONSTRUCTED, sha256),
        encode(CONSTRUCTED + 1, algorithm("1.2.840.113549.1.1.8", sha256)),
        encode(CONSTRUCTED + 2, encode_integer(32)),
    ]
    del parts[missing]
    chosen = algorithm(PSS, encode(SEQUENCE, *parts))
    with pytest.raises(Invalid):
        verify(token_of(tsa, "sha256", pss=True, algorithm=chosen))


def test_a_short_key_is_weak() -> None:
    short = signer("Short TSA", ROOT, key=rsa.generate_private_key(65537, 1024))
    with pytest.raises(WeakAlgorithm):
        verify(token_of(short, "sha256"))


def spki(modulus: int, exponent: int) -> bytes:
    key = encode(SEQUENCE, encode_integer(modulus), encode_integer(exponent))
    return encode(SEQUENCE, algorithm(RSA, encode(NULL)), encode(0x03, b"\x00", key))


def test_a_key_that_only_costs_time_is_not_used() -> None:
    odd = (1 << 2047) + 1
    load_key(spki(odd, (1 << 64) - 1))
    load_key(spki((1 << 8191) + 1, 65537))
    for modulus, exponent in ((odd, (1 << 64) + 1), ((1 << 8192) + 1, 65537)):
        with pytest.raises(UnknownAlgorithm):
            load_key(spki(modulus, exponent))


def test_a_key_of_another_kind_is_not_used() -> None:
    x25519 = encode(SEQUENCE, algorithm("1.3.101.110"), encode(0x03, b"\x00" + bytes(32)))
    for data in (x25519, b"", b"\x30\x00", encode(SEQUENCE, algorithm("1.2.3"))):
        with pytest.raises(UnknownAlgorithm):
            load_key(data)


def test_certificates_name_the_hash_of_their_signature(key: rsa.RSAPrivateKey) -> None:
    """rsaEncryption is a name for signatures in CMS alone."""
    signature = sign(key, "sha256", b"message")
    public = key.public_key()
    good = Algorithm(WITH["sha256"], encode(NULL))
    assert verify_certified(good, public, b"message", signature) == b"message"
    with pytest.raises(UnknownAlgorithm):
        verify_certified(Algorithm(RSA, encode(NULL)), public, b"message", signature)
    with pytest.raises(MalformedAlgorithm):
        verify_certified(Algorithm(WITH["sha256"], b""), public, b"message", signature)
    with pytest.raises(WeakAlgorithm):
        verify_certified(Algorithm(SHA1_WITH_RSA, encode(NULL)), public, b"message", signature)
