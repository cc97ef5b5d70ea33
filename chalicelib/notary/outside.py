"""Which outside parties attest, as operators configure it: one JSON document in the registry.

    {"networks": [NETWORK, …], "witnesses"?: {"policy", "timeout_ms"? (3000)}}

``policy`` is the text of a C2SP tlog-policy whose witness lines name their URLs. A NETWORK has
``type``, ``url``, ``every_s``? (0: every block) and, by type:

    evm             chain, confirmations? (0: until the finalized tag has reached it),
                    max_fee_gwei? (200), stuck_s? (600); every_s 3600
    bitcoin         chain, coin (txid:vout), confirmations? (6), min_fee_rate? (2 sat/vB),
                    max_fee_rate? (200), stuck_s? (7200), fallback? (false); every_s 3600
    opentimestamps  name, chain, node (URL of a Bitcoin node of one's own), confirmations? (6);
                    every_s 600
    rfc3161         name, certificates ([PEM, …]: whom to trust); every_s 0

``chain`` is a CAIP-2 id. URLs may hold a user and password; they are never shown or logged.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ..proof.jcs import JsonValue, parse_ijson
from ..proof.limits import NOTE_SIGNATURES
from ..proof.members import (
    MalformedMember,
    read_integer,
    read_list,
    read_members,
    read_object,
    read_text,
)
from ..proof.policy import read_pem
from ..proof.tlogpolicy import TlogPolicy, parse_tlog_policy
from .limits import WITNESS_MS

Kind = Literal["evm", "bitcoin", "opentimestamps", "rfc3161"]

_CHAINS = {
    True: (re.compile(r"eip155:[1-9][0-9]{0,15}"), "a CAIP-2 id such as eip155:1"),
    False: (re.compile(r"bip122:[0-9a-f]{32}"), "bip122: and half of the genesis block's hash"),
}
"""CAIP-2 ids of chains of Ethereum's kind, and of Bitcoin's."""

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")
_URL = re.compile(r"https?://([^\s/?#@]+@)?[^\s/?#@:]+(:[1-9][0-9]{0,4})?(/[^\s?#]*)?")
_COIN = re.compile(r"[0-9a-f]{64}:(0|[1-9][0-9]{0,9})")

_MEMBERS: Mapping[Kind, tuple[tuple[str, ...], Mapping[str, int]]] = {
    "evm": (
        ("chain",),
        {"every_s": 3_600, "confirmations": 0, "max_fee_gwei": 200, "stuck_s": 600},
    ),
    "bitcoin": (
        ("chain", "coin"),
        {
            "every_s": 3_600,
            "confirmations": 6,
            "min_fee_rate": 2,
            "max_fee_rate": 200,
            "stuck_s": 7_200,
        },
    ),
    "opentimestamps": (("name", "chain", "node"), {"every_s": 600, "confirmations": 6}),
    "rfc3161": (("name", "certificates"), {"every_s": 0}),
}
"""For each type its further members, and its numbers with their defaults."""


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """One network. ``texts`` are the members of its type that are text, ``numbers`` those that are
    numbers, defaults filled in."""

    type: Kind
    url: str
    texts: Mapping[str, str]
    numbers: Mapping[str, int]
    certificates: tuple[str, ...] = ()
    fallback: bool = False


@dataclass(frozen=True, slots=True)
class WitnessConfig:
    """Which witnesses are asked for how long, and how many of them are enough."""

    policy: TlogPolicy
    text: str
    timeout_ms: int


@dataclass(frozen=True, slots=True)
class Outside:
    """The outside parties."""

    networks: tuple[NetworkConfig, ...] = ()
    witnesses: WitnessConfig | None = None


def parse_outside(data: bytes) -> Outside:
    """Read the configuration; raises Malformed with a sentence that names the member."""
    members = read_members(parse_ijson(data), "configuration", ("networks",), ("witnesses",))
    networks = [_read_network(each) for each in read_list(members["networks"], "networks")]
    names = [(each.type, each.texts.get("name", each.texts.get("chain"))) for each in networks]
    if len(set(names)) != len(names):
        raise MalformedMember("networks: each chain, calendar and authority is named once")
    _check_bitcoin(networks)
    witnesses = _read_witnesses(members["witnesses"]) if "witnesses" in members else None
    return Outside(tuple(networks), witnesses)


def _check_bitcoin(networks: Sequence[NetworkConfig]) -> None:
    """A time stamp does not say of which chain its heights are, so there can be but one; and a
    fallback stands in for somebody."""
    stamping = [each for each in networks if each.type in ("bitcoin", "opentimestamps")]
    if len({each.texts["chain"] for each in stamping}) > 1:
        raise MalformedMember("networks: bitcoin and opentimestamps are all of one chain")
    if {each.fallback for each in stamping} == {True}:
        raise MalformedMember("bitcoin: a fallback is for calendars, and there are none")


def _read_network(value: JsonValue) -> NetworkConfig:
    kind = _read_kind(read_object(value, "network").get("type"))
    further, numbers = _MEMBERS[kind]
    optional = (*numbers, *(("fallback",) if kind == "bitcoin" else ()))
    members = read_members(value, kind, ("type", "url", *further), optional)
    texts = {
        name: _read_named(name, members[name], kind) for name in further if name != "certificates"
    }
    fallback = members.get("fallback", False)
    if not isinstance(fallback, bool):
        raise MalformedMember(f"{kind}: fallback is true or false")
    values = {
        name: read_integer(members.get(name, default), f"{kind}: {name}")
        for name, default in numbers.items()
    }
    if kind in ("bitcoin", "opentimestamps") and not values["confirmations"]:
        raise MalformedMember(f"{kind}: confirmations is at least 1")
    if not 1 <= values.get("min_fee_rate", 1) <= values.get("max_fee_rate", 1):
        raise MalformedMember(f"{kind}: min_fee_rate is at least 1 and at most max_fee_rate")
    return NetworkConfig(
        type=kind,
        url=_read_url(members["url"], f"{kind}: url"),
        texts=texts,
        numbers=values,
        certificates=_read_certificates(members.get("certificates", []), kind),
        fallback=fallback,
    )


def _read_kind(value: JsonValue) -> Kind:
    for kind in _MEMBERS:
        if value == kind:
            return kind
    raise MalformedMember(f"network: type is one of {', '.join(_MEMBERS)}")


def _read_named(name: str, value: JsonValue, kind: Kind) -> str:
    what = f"{kind}: {name}"
    if name == "node":
        return _read_url(value, what)
    pattern, example = {
        "chain": _CHAINS[kind == "evm"],
        "name": (_NAME, "lower-case letters, digits and hyphens"),
        "coin": (_COIN, "an output as txid:vout"),
    }[name]
    text = read_text(value, what)
    if not pattern.fullmatch(text):
        raise MalformedMember(f"{what} is {example}")
    return text


def _read_url(value: JsonValue, what: str) -> str:
    text = read_text(value, what)
    if not _URL.fullmatch(text):
        raise MalformedMember(f"{what} is https://[user:password@]host[:port][/path], no query")
    return text


def _read_certificates(value: JsonValue, kind: Kind) -> tuple[str, ...]:
    found = tuple(read_pem(each) for each in read_list(value, f"{kind}: certificates"))
    if kind == "rfc3161" and not found:
        raise MalformedMember(f"{kind}: certificates names whom to trust, as PEM")
    return found


def _read_witnesses(value: JsonValue) -> WitnessConfig:
    members = read_members(value, "witnesses", ("policy",), ("timeout_ms",))
    text = read_text(members["policy"], "witnesses: policy")
    policy = parse_tlog_policy(text)
    if missing := policy.witnesses.keys() - policy.urls.keys():
        raise MalformedMember(f"witnesses: {min(missing)} has no URL")
    if len(policy.witnesses) >= NOTE_SIGNATURES:
        raise MalformedMember(f"witnesses: there are at most {NOTE_SIGNATURES - 1}")
    timeout_ms = read_integer(members.get("timeout_ms", WITNESS_MS), "witnesses: timeout_ms")
    return WitnessConfig(policy, text, timeout_ms)
