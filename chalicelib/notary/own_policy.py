"""The policy that trusts this log and its registered issuers (policy.json), to begin with."""

from __future__ import annotations

from collections.abc import Sequence

from ..proof.jcs import JsonValue
from ..proof.keys import format_jwk
from ..proof.note import VerifierKey, format_vkey
from .ports import Issuer, IssuerKey


def own_policy(vkey: VerifierKey, issuers: Sequence[Issuer]) -> dict[str, JsonValue]:
    """A policy document: the log's key with no witness asked for, and the issuers' keys."""
    return {
        "v": 1,
        "tlog": f"log {format_vkey(vkey)}\nquorum none\n",
        "issuers": [_write_issuer(issuer) for issuer in issuers],
        "chains": {},
        "tsa": [],
    }


def _write_issuer(issuer: Issuer) -> dict[str, JsonValue]:
    names: dict[str, JsonValue] = dict(issuer.names)
    keys: list[JsonValue] = [_write_key(key) for key in issuer.keys]
    written: dict[str, JsonValue] = {"id": issuer.id, "names": names, "keys": keys}
    if issuer.notary:
        written["notary"] = True
    return written


def _write_key(key: IssuerKey) -> dict[str, JsonValue]:
    jwk: dict[str, JsonValue] = dict(format_jwk(key.key))
    written: dict[str, JsonValue] = {
        "kid": key.key.kid.hex(),
        "jwk": jwk,
        "from_ms": key.from_ms,
    }
    if key.to_ms is not None:
        written["to_ms"] = key.to_ms
    if key.compromised_ms is not None:
        written["compromised_ms"] = key.compromised_ms
    return written
