"""Key files: made once, kept private, refused by name when they are not what they should be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chalicelib.cli.failure import Misused
from chalicelib.cli.keyfile import read_key, read_public_part
from chalicelib.proof.keys import parse_jwk
from tests.cli.desk import tally, tally_json

ISSUER = "did:web:university.example"


def new(out: Path, *more: str) -> dict[str, Any]:
    return tally_json("keys", "new", "--issuer", ISSUER, "--out", out, *more)


@pytest.mark.parametrize("alg", ["EdDSA", "ES256"])
def test_a_new_key(tmp_path: Path, alg: str) -> None:
    made = new(tmp_path / "key.json", "--alg", alg)
    signer = read_key(tmp_path / "key.json")
    assert signer.iss == made["issuer"] == ISSUER
    assert signer.key.public == parse_jwk(made["jwk"])
    assert signer.key.public.kid.hex() == made["kid"]
    part = read_public_part(tmp_path / "key.public.json")
    assert (part.key, part.iss) == (signer.key.public, ISSUER)
    assert made["files"] == {
        "private": str(tmp_path / "key.json"),
        "public": str(tmp_path / "key.public.json"),
    }


def test_the_private_key_is_private(tmp_path: Path) -> None:
    new(tmp_path / "key.json")
    assert (tmp_path / "key.json").stat().st_mode & 0o777 == 0o600
    assert "d" not in json.loads((tmp_path / "key.public.json").read_text())


def test_people_are_told_what_to_send(tmp_path: Path) -> None:
    out = tmp_path / "key.json"
    result = tally("keys", "new", "--issuer", ISSUER, "--out", out)
    assert result.exit_code == 0
    assert f"{tmp_path / 'key.public.json'}: send this file to the operator" in result.stdout
    assert json.loads(out.read_text())["d"] not in result.stdout


@pytest.mark.parametrize("there", ["key.json", "key.public.json"])
def test_nothing_is_overwritten(tmp_path: Path, there: str) -> None:
    (tmp_path / there).write_text("precious")
    result = tally("keys", "new", "--issuer", ISSUER, "--out", tmp_path / "key.json")
    assert result.exit_code == 64
    assert there in result.stderr
    assert [path.name for path in tmp_path.glob("key*")] == [there]
    assert (tmp_path / there).read_text() == "precious"


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    result = tally("keys", "new", "--issuer", ISSUER, "--out", tmp_path / "no" / "key.json")
    assert result.exit_code == 64
    assert "cannot write" in result.stderr


@pytest.mark.parametrize("issuer", ["university.example", "did:key:z6Mk", "did:web:UNI.example"])
def test_issuers_that_are_none(tmp_path: Path, issuer: str) -> None:
    result = tally("keys", "new", "--issuer", issuer, "--out", tmp_path / "key.json")
    assert result.exit_code == 64
    assert "--issuer" in result.stderr
    assert not (tmp_path / "key.json").exists()


BROKEN = {
    "empty": b"",
    "not-json": b"-----BEGIN PRIVATE KEY-----",
    "not-an-object": b"[]",
    "duplicate-member": b'{"kty":"OKP","kty":"OKP"}',
    "rsa": b'{"iss":"did:web:a.example","kty":"RSA"}',
}


@pytest.mark.parametrize("name", BROKEN)
def test_files_that_are_no_key(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(BROKEN[name])
    with pytest.raises(Misused, match=r"is not a key file: .* tally keys new"):
        read_key(path)


CHANGES: dict[str, dict[str, str | None]] = {
    "no-issuer": {"iss": None},
    "wrong-issuer": {"iss": "university"},
    "other-kid": {"kid": "00" * 32},
    "public-only": {"d": None},
    "other-private-half": {"d": "A" * 43},
    "unknown-member": {"use": "sig"},
}


@pytest.mark.parametrize("name", CHANGES)
def test_keys_that_were_tampered_with(tmp_path: Path, name: str) -> None:
    path = tmp_path / "key.json"
    new(path)
    members = {**json.loads(path.read_text()), **CHANGES[name]}
    path.write_text(json.dumps({k: v for k, v in members.items() if v is not None}))
    with pytest.raises(Misused, match="is not a key file"):
        read_key(path)


def test_a_key_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(Misused, match="cannot read"):
        read_key(tmp_path / "key.json")


def test_a_private_key_is_not_taken_for_its_public_part(tmp_path: Path) -> None:
    new(tmp_path / "key.json")
    with pytest.raises(Misused, match="must stay with its issuer"):
        read_public_part(tmp_path / "key.json")


def test_a_plain_public_jwk_will_do(tmp_path: Path) -> None:
    made = new(tmp_path / "key.json")
    path = tmp_path / "jwk.json"
    path.write_text(json.dumps(made["jwk"]))
    assert read_public_part(path).iss is None
    path.write_text("{}")
    with pytest.raises(Misused, match="is not a public key"):
        read_public_part(path)
