"""Time-stamp tokens against ``tests/vectors/rfc3161``, and those against openssl."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from chalicelib.proof import errors
from chalicelib.proof.errors import CannotTell, Invalid, ProofError
from chalicelib.proof.hashes import Hash
from chalicelib.proof.sighting import Sighting
from chalicelib.proof.text import parse_base64
from chalicelib.proof.tsp import cms, der, der_time, evidence, info, path, signature
from chalicelib.proof.tsp.evidence import verify_token
from chalicelib.proof.tsp.messages import format_response

from .rfc3161_vectors import make_vectors
from .vectors import load_vectors

VECTORS = load_vectors("rfc3161")
GOOD = [name for name, vector in VECTORS.items() if "sighting" in vector]
BAD = [name for name, vector in VECTORS.items() if "error" in vector]
MADE = make_vectors()
NOT_PKCS7 = ["good-ed25519", "good-key-id"]
"""``openssl ts`` reads tokens as PKCS #7 (RFC 2315), which has neither."""

ROOMS = (cms, path, signature, der, der_time, errors, evidence, info)
OPEN = {
    "NoAnchor",
    "SignerMissing",
    "UnknownAlgorithm",
    "UnknownExtension",
    "Untrusted",
}
"""What cannot be told; everything else is false."""


def sighting_of(vector: dict[str, Any]) -> Sighting:
    token = parse_base64(vector["token"])
    return verify_token(token, Hash.parse_hex(vector["block_hash"]), vector["certificates"])


@pytest.mark.parametrize("name", GOOD)
def test_good_token(name: str) -> None:
    assert [*sighting_of(VECTORS[name])] == [*VECTORS[name]["sighting"], ""]


@pytest.mark.parametrize("name", BAD)
def test_bad_token(name: str) -> None:
    """It is refused for the reason that the vector names, and by the right kind of error."""
    expected = VECTORS[name]["error"]
    kind = CannotTell if expected in OPEN else Invalid
    with pytest.raises(kind) as refused:
        sighting_of(VECTORS[name])
    error: BaseException = refused.value
    if isinstance(error, Invalid) and error.__cause__ is not None:
        error = error.__cause__
    assert type(error).__name__ == expected
    assert isinstance(error, ProofError)
    assert any(getattr(room, expected, None) is type(error) for room in ROOMS)


def test_the_vectors_are_those_that_are_made() -> None:
    """No change of ours alters what an old token says without being seen."""
    assert {name: VECTORS[name] for name in MADE} == MADE
    kept = VECTORS.keys() - MADE.keys()
    assert kept == {"openssl-ec", "openssl-rsa", "openssl-ess-v1"}


@pytest.mark.parametrize("name", [name for name in GOOD if name not in NOT_PKCS7])
def test_openssl_finds_the_good_tokens_good(name: str, tmp_path: Path) -> None:
    vector = VECTORS[name]
    (tmp_path / "stamp.tsr").write_bytes(format_response(parse_base64(vector["token"])))
    command = ("ts", "-verify", "-digest", vector["block_hash"], "-in", "stamp.tsr")
    untrusted = ("-untrusted", "policy.pem") if name == "good-signer-not-embedded" else ()
    said = openssl(tmp_path, *command, *trust(tmp_path, vector), *untrusted)
    assert said == "Verification: OK\n"


def test_openssl_finds_a_signer_named_by_its_key_good(tmp_path: Path) -> None:
    vector = VECTORS["good-key-id"]
    (tmp_path / "token").write_bytes(parse_base64(vector["token"]))
    command = ("cms", "-verify", "-inform", "DER", "-in", "token", "-out", "info", "-binary")
    openssl(tmp_path, *command, "-purpose", "timestampsign", *trust(tmp_path, vector))
    assert (tmp_path / "info").read_bytes() == parse_token_of(vector).signed.content


def test_openssl_finds_the_signature_with_ed25519_good(tmp_path: Path) -> None:
    """As a signature over the signed attributes: openssl 3.0 has no Ed25519 in CMS."""
    stamp = parse_token_of(VECTORS["good-ed25519"])
    signer = stamp.signed.signer
    (tmp_path / "signed").write_bytes(signer.signed)
    (tmp_path / "signature").write_bytes(signer.signature)
    (tmp_path / "key").write_bytes(stamp.certificates[0].spki)
    key = ("-pubin", "-keyform", "DER", "-inkey", "key", "-sigfile", "signature")
    openssl(tmp_path, "pkeyutl", "-verify", "-rawin", "-in", "signed", *key)


def parse_token_of(vector: dict[str, Any]) -> evidence.TimeStamp:
    return evidence.parse_token(parse_base64(vector["token"]))


def trust(place: Path, vector: dict[str, Any]) -> tuple[str, ...]:
    """The vector's policy, at the time of its token."""
    (place / "policy.pem").write_text("".join(vector["certificates"]))
    at = str(vector["sighting"][1] // 1000)
    return ("-CAfile", "policy.pem", "-partial_chain", "-attime", at)


def openssl(place: Path, *command: str) -> str:
    done = subprocess.run(
        ("openssl", *command), cwd=place, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
