"""Key files: an issuer's private key, which stays here, and the public part for the operator.

Both are a JWK (RFC 7517) with two members more: ``iss``, the issuer's id, and ``kid``, the key's
id in hex (RFC 9679 thumbprint).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from ..proof.errors import Malformed
from ..proof.jcs import JsonValue, parse_ijson
from ..proof.keys import (
    EDDSA,
    ES256,
    PublicKey,
    SigningKey,
    format_jwk,
    format_private_jwk,
    parse_jwk,
    parse_private_jwk,
)
from ..proof.statement import check_did
from .failure import Misused
from .files import create_file, read_file, shown

ALGORITHMS = {"EdDSA": EDDSA, "ES256": ES256}
_PUBLIC_SUFFIX = ".public.json"
_OURS = ("iss", "kid")


@dataclass(frozen=True, slots=True)
class IssuerSigner:
    """Who signs: the issuer's did:web id and its private key."""

    iss: str
    key: SigningKey


@dataclass(frozen=True, slots=True)
class PublicPart:
    """What the operator registers: the public key, and whose it is if the file says so."""

    key: PublicKey
    iss: str | None


def new_key(iss: str, alg: str, out: Path) -> tuple[IssuerSigner, Path]:
    """Make a key, write OUT (mode 0600) and OUT's public part beside it; return signer and part."""
    try:
        check_did(iss)
    except Malformed as error:
        raise Misused(f"--issuer: {error}") from error
    key = SigningKey.generate(ALGORITHMS[alg])
    public = out.with_name(out.stem + _PUBLIC_SUFFIX)
    if public.exists():
        raise Misused(f"{shown(public)} exists and is not overwritten; choose another name")
    create_file(out, _format(format_private_jwk(key), iss, key.public), 0o600)
    create_file(public, _format(format_jwk(key.public), iss, key.public), 0o644)
    return IssuerSigner(iss, key), public


def _format(jwk: dict[str, str], iss: str, key: PublicKey) -> bytes:
    members = {**jwk, "iss": iss, "kid": key.kid.hex()}
    return json.dumps(members, indent=2).encode() + b"\n"


def read_key(path: Path) -> IssuerSigner:
    members = _read_members(path)
    iss = members.get("iss")
    try:
        if not isinstance(iss, str):
            raise Malformed("the issuer (iss) is missing")
        check_did(iss)
        key = parse_private_jwk(_jwk(members))
        _check_kid(members, key.public)
    except Malformed as error:
        raise _not_a_key(path, error) from error
    return IssuerSigner(iss, key)


def read_public_part(path: Path) -> PublicPart:
    members = _read_members(path)
    if "d" in members:
        raise Misused(
            f"{shown(path)} is a private key: it must stay with its issuer. "
            f"Register the file that ends in {_PUBLIC_SUFFIX}"
        )
    iss = members.get("iss")
    try:
        key = parse_jwk(_jwk(members))
        _check_kid(members, key)
    except Malformed as error:
        raise Misused(f"{shown(path)} is not a public key: {error}") from error
    return PublicPart(key, iss if isinstance(iss, str) else None)


def _read_members(path: Path) -> dict[str, JsonValue]:
    data = read_file(path)
    try:
        value = parse_ijson(data)
    except Malformed as error:
        raise _not_a_key(path, error) from error
    if not isinstance(value, dict):
        raise _not_a_key(path, Malformed("not a JSON object"))
    return value


def _jwk(members: dict[str, JsonValue]) -> dict[str, JsonValue]:
    return {name: value for name, value in members.items() if name not in _OURS}


def _check_kid(members: dict[str, JsonValue], key: PublicKey) -> None:
    if "kid" in members and members["kid"] != key.kid.hex():
        raise Malformed("kid is not the thumbprint of this key (RFC 9679)")


def _not_a_key(path: Path, error: Malformed) -> Exception:
    return Misused(f"{shown(path)} is not a key file: {error}. Make one with: tally keys new")
