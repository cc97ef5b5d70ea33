"""The policy: whom a verifier trusts. It is the verifier's own, never taken from a receipt."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from .errors import Malformed
from .hashes import Hash
from .jcs import JsonValue, parse_ijson
from .keys import PublicKey, parse_jwk
from .limits import POLICY_BYTES
from .members import (
    JsonObject,
    MalformedMember,
    read_hash,
    read_hex,
    read_integer,
    read_list,
    read_members,
    read_object,
    read_text,
)
from .payload import check_did
from .tlogpolicy import TlogPolicy, parse_tlog_policy

CHECKS = (
    "document",
    "inclusion",
    "log",
    "block",
    "witnesses",
    "issuer",
    "credential",
    "disclosures",
    "holder",
    "status",
    "expiry",
)
DEFAULT_REQUIRE = ("document", "inclusion", "log", "block", "issuer")

_ATTESTATION_CHECK = re.compile(
    r"attestation:(evm:eip155:[1-9][0-9]{0,31}|opentimestamps:bip122:[0-9a-f]{32}"
    r"|(?!(evm|opentimestamps)$)[a-z0-9][a-z0-9-]{0,62})"
)
_CAIP2 = re.compile(r"[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}")
_CHAIN_HASH = re.compile(r"(0x)?[0-9a-f]{64}")
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=\n]+-----END CERTIFICATE-----\n?")


class MalformedPolicy(Malformed):
    """Not a policy. Nothing can be verified with it, so this is wrong usage, not a verdict."""


@dataclass(frozen=True, slots=True)
class PolicyKey:
    """An issuer's key, good from ``from_ms`` until ``to_ms`` or ``compromised_ms``."""

    key: PublicKey
    from_ms: int
    to_ms: int | None
    compromised_ms: int | None

    def good_at(self, at_ms: int) -> bool:
        ended = self.to_ms is not None and self.to_ms <= at_ms
        return self.from_ms <= at_ms and not ended and not self.stolen_at(at_ms)

    def stolen_at(self, at_ms: int) -> bool:
        return self.compromised_ms is not None and self.compromised_ms <= at_ms


@dataclass(frozen=True, slots=True)
class PolicyIssuer:
    id: str
    names: Mapping[str, str]
    notary: bool
    keys: Mapping[Hash, PolicyKey]


@dataclass(frozen=True, slots=True)
class ChainHeader:
    """A block header of a public chain that the verifier trusts; ``hash`` as the chain shows it."""

    height: int
    hash: str
    header: bytes


@dataclass(frozen=True, slots=True)
class Policy:
    """``issuers`` are keyed by their id, ``chains`` by CAIP-2 id; ``tsa`` holds PEM certificates;
    ``require`` names the checks that must pass for a valid verdict."""

    tlog: TlogPolicy
    issuers: Mapping[str, PolicyIssuer]
    chains: Mapping[str, tuple[ChainHeader, ...]]
    tsa: tuple[str, ...]
    require: tuple[str, ...]


def parse_policy(data: bytes) -> Policy:
    """Read a policy file: strict I-JSON in any layout; raises MalformedPolicy."""
    if len(data) > POLICY_BYTES:
        raise MalformedPolicy(f"a policy has at most {POLICY_BYTES} bytes")
    try:
        return read_policy(parse_ijson(data))
    except MalformedPolicy:
        raise
    except Malformed as error:
        raise MalformedPolicy(f"policy: {error}") from error


def read_policy(value: JsonValue) -> Policy:
    """The policy in a JSON value; raises Malformed."""
    required = ("v", "tlog", "issuers", "chains", "tsa")
    members = read_members(value, "policy", required, ("require",))
    if type(members["v"]) is not int or members["v"] != 1:
        raise MalformedPolicy("policy: v is the integer 1")
    issuers = [_read_issuer(item) for item in read_list(members["issuers"], "issuers")]
    if len({issuer.id for issuer in issuers}) != len(issuers):
        raise MalformedPolicy("policy: an issuer is listed once")
    return Policy(
        tlog=parse_tlog_policy(read_text(members["tlog"], "tlog")),
        issuers={issuer.id: issuer for issuer in issuers},
        chains=_read_chains(members["chains"]),
        tsa=tuple(read_pem(item) for item in read_list(members["tsa"], "tsa")),
        require=_read_require(members["require"]) if "require" in members else DEFAULT_REQUIRE,
    )


def _read_issuer(value: JsonValue) -> PolicyIssuer:
    members = read_members(value, "issuer", ("id", "names", "keys"), ("notary",))
    id_ = read_text(members["id"], "issuer: id")
    check_did(id_)
    names = read_members(members["names"], f"{id_}: names", ("en", "zh"))
    notary = members.get("notary", False)
    if not isinstance(notary, bool):
        raise MalformedMember(f"{id_}: notary is true or false")
    keys = [_read_key(item, id_) for item in read_list(members["keys"], f"{id_}: keys")]
    if len({key.key.kid for key in keys}) != len(keys):
        raise MalformedPolicy(f"{id_}: a key is listed once")
    return PolicyIssuer(
        id=id_,
        names={language: read_text(name, f"{id_}: name") for language, name in names.items()},
        notary=notary,
        keys={key.key.kid: key for key in keys},
    )


def _read_key(value: JsonValue, issuer: str) -> PolicyKey:
    what = f"{issuer}: key"
    members = read_members(value, what, ("kid", "jwk", "from_ms"), ("to_ms", "compromised_ms"))
    key = parse_jwk(read_object(members["jwk"], f"{what}: jwk"))
    if key.kid != read_hash(members["kid"], f"{what}: kid"):
        raise MalformedPolicy(f"{what}: kid is not the thumbprint of jwk (RFC 9679)")
    return PolicyKey(
        key=key,
        from_ms=read_integer(members["from_ms"], f"{what}: from_ms"),
        to_ms=_read_time(members, "to_ms", what),
        compromised_ms=_read_time(members, "compromised_ms", what),
    )


def _read_time(members: JsonObject, name: str, what: str) -> int | None:
    return read_integer(members[name], f"{what}: {name}") if name in members else None


def _read_chains(value: JsonValue) -> dict[str, tuple[ChainHeader, ...]]:
    chains = {}
    for chain, headers in read_object(value, "chains").items():
        if not _CAIP2.fullmatch(chain):
            raise MalformedPolicy(f"chains: {chain!r} is not a CAIP-2 id such as eip155:1")
        chains[chain] = tuple(
            _read_header(item, chain) for item in read_list(headers, f"chains: {chain}")
        )
    return chains


def _read_header(value: JsonValue, chain: str) -> ChainHeader:
    members = read_members(value, chain, ("height", "hash", "header"))
    hash_ = read_text(members["hash"], f"{chain}: hash")
    if not _CHAIN_HASH.fullmatch(hash_):
        raise MalformedPolicy(f"{chain}: hash is 64 hex digits as the chain shows them")
    return ChainHeader(
        height=read_integer(members["height"], f"{chain}: height"),
        hash=hash_,
        header=read_hex(members["header"], f"{chain}: header"),
    )


def read_pem(value: JsonValue) -> str:
    text = read_text(value, "tsa")
    if not _PEM.fullmatch(text):
        raise MalformedPolicy("tsa: one PEM certificate each")
    return text


def _read_require(value: JsonValue) -> tuple[str, ...]:
    names = tuple(read_text(item, "require") for item in read_list(value, "require"))
    for name in names:
        if name not in CHECKS and not _ATTESTATION_CHECK.fullmatch(name):
            raise MalformedPolicy(f"require: there is no check named {name!r}")
    if len(set(names)) != len(names):
        raise MalformedPolicy("require: a check is named once")
    return names
