"""The policy that trusts this log and its registered issuers (policy.json), to begin with."""

from __future__ import annotations

from collections.abc import Sequence

from ..proof.jcs import JsonValue
from ..proof.keys import format_jwk
from ..proof.note import VerifierKey, format_vkey
from .outside import Outside
from .ports import Issuer, IssuerKey


def own_policy(
    vkey: VerifierKey, issuers: Sequence[Issuer], outside: Outside
) -> dict[str, JsonValue]:
    """A policy document: the log's key with the witnesses and the quorum that it asks for itself,
    the issuers' keys, and the time-stamp authorities. Headers of public chains are not in it:
    whoever trusts a chain asks a node of their own for them."""
    certificates: list[JsonValue] = list(
        dict.fromkeys(each for network in outside.networks for each in network.certificates)
    )
    return {
        "v": 1,
        "tlog": f"log {format_vkey(vkey)}\n{_witness_lines(outside)}",
        "issuers": [_write_issuer(issuer) for issuer in issuers],
        "chains": {},
        "tsa": certificates,
    }


def _witness_lines(outside: Outside) -> str:
    """The lines of the witnesses' policy. Logs are left out, which a verifier's policy names
    itself, and comments and the witnesses' addresses, which may hold secrets."""
    if outside.witnesses is None:
        return "quorum none\n"
    lines = [line.split() for line in outside.witnesses.text.split("\n")]
    kept = [words[:3] if words[:1] == ["witness"] else words for words in lines]
    return "".join(f"{' '.join(words)}\n" for words in kept if words and words[0] in _KEPT)


_KEPT = ("witness", "group", "quorum")


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
