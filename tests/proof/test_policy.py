"""The policy file: what a verifier trusts, read exactly or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.proof.limits import POLICY_BYTES
from chalicelib.proof.policy import DEFAULT_REQUIRE, MalformedPolicy, parse_policy

from .world import ISSUER, ISSUER_KEY, NOTARY, policy, policy_value

HEADER = {"height": 3, "hash": "0x" + "ab" * 32, "header": "00ff"}
PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


def parse(value: Any) -> Any:
    return parse_policy(json.dumps(value).encode())


def test_reads_every_member() -> None:
    read = policy(
        chains={"eip155:1": [HEADER], "bip122:000000000019d6689c085ae165831e93": []},
        tsa=[PEM],
        require=["document", "attestation:evm:eip155:1", "attestation:rfc3161"],
    )
    assert read.issuers[ISSUER].names["zh"] == "寒武纪大学"
    assert (read.issuers[ISSUER].notary, read.issuers[NOTARY].notary) == (False, True)
    assert read.issuers[ISSUER].keys[ISSUER_KEY.public.kid].from_ms == 1_700_000_000_000
    assert read.chains["eip155:1"][0].header == b"\x00\xff"
    assert read.tsa == (PEM,)
    assert read.require == ("document", "attestation:evm:eip155:1", "attestation:rfc3161")


def test_may_require_evidence_that_only_others_can_check() -> None:
    names = (f"attestation:opentimestamps:bip122:{'0' * 32}", "attestation:carrier-pigeon")
    assert policy(require=list(names)).require == names


def test_requires_the_usual_checks_unless_told_otherwise() -> None:
    assert policy().require == DEFAULT_REQUIRE
    assert policy(require=[]).require == ()


def at(*path: Any) -> Callable[[Any, Any], Any]:
    def change(value: Any, new: Any) -> Any:
        *way, last = path
        inner = value
        for step in way:
            inner = inner[step]
        inner[last] = new
        return value

    return change


KEY = ("issuers", 0, "keys", 0)


@pytest.mark.parametrize(
    ("change", "new"),
    [
        (at("v"), 2),
        (at("v"), True),
        (at("v"), "1"),
        (at("extra"), 1),
        (at("tlog"), "quorum\n"),
        (at("tlog"), 7),
        (at("issuers"), {}),
        (at("issuers", 0), []),
        (at("issuers", 0, "id"), "did:web:Cambrian.example"),
        (at("issuers", 0, "id"), NOTARY),
        (at("issuers", 0, "names"), {"en": "only"}),
        (at("issuers", 0, "names"), {"en": "a", "zh": 7}),
        (at("issuers", 0, "notary"), 1),
        (at("issuers", 0, "keys"), None),
        (at(*KEY, "kid"), "00" * 32),
        (at(*KEY, "kid"), "AB" * 32),
        (at(*KEY, "kid"), "ab"),
        (at(*KEY, "jwk"), {"kty": "oct", "k": "AA"}),
        (at(*KEY, "from_ms"), -1),
        (at(*KEY, "from_ms"), 1.5),
        (at(*KEY, "from_ms"), True),
        (at(*KEY, "from_ms"), 1 << 53),
        (at(*KEY, "to_ms"), "soon"),
        (at(*KEY, "expires"), 1),
        (at("chains"), []),
        (at("chains"), {"Ethereum": []}),
        (at("chains"), {"eip155:1": HEADER}),
        (at("chains"), {"eip155:1": [{**HEADER, "hash": "0xABC"}]}),
        (at("chains"), {"eip155:1": [{**HEADER, "header": "0xff"}]}),
        (at("chains"), {"eip155:1": [{**HEADER, "header": "FF"}]}),
        (at("tsa"), ["not a certificate"]),
        (at("tsa"), [7]),
        (at("require"), ["documents"]),
        (at("require"), ["attestation:evm:eip155:1:more"]),
        (at("require"), ["attestation:evm"]),
        (at("require"), ["attestation:evm:bip122:1"]),
        (at("require"), ["attestation:opentimestamps"]),
        (at("require"), ["attestation:opentimestamps:eip155:1"]),
        (at("require"), [f"attestation:{'a' * 64}"]),
        (at("require"), ["document", "document"]),
        (at("require"), "document"),
    ],
)
def test_refuses_what_it_does_not_know(change: Callable[[Any, Any], Any], new: Any) -> None:
    with pytest.raises(MalformedPolicy):
        parse(change(policy_value(), new))


@pytest.mark.parametrize("name", ["v", "tlog", "issuers", "chains", "tsa"])
def test_refuses_a_missing_member(name: str) -> None:
    value = policy_value()
    del value[name]
    with pytest.raises(MalformedPolicy, match=f"{name} is missing"):
        parse(value)


def test_a_key_is_listed_once() -> None:
    value = policy_value()
    value["issuers"][0]["keys"] *= 2
    with pytest.raises(MalformedPolicy, match="once"):
        parse(value)


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"[]", b'{"v":1,"v":1}', b"null"])
def test_refuses_what_is_no_json_object(data: bytes) -> None:
    with pytest.raises(MalformedPolicy):
        parse_policy(data)


def test_refuses_a_file_beyond_the_limit_unread() -> None:
    with pytest.raises(MalformedPolicy, match="at most"):
        parse_policy(b" " * (POLICY_BYTES + 1))
