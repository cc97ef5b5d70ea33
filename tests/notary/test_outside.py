"""The configuration of outside parties: read exactly, with sentences for what is wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.notary.outside import Outside, parse_outside
from chalicelib.proof.errors import Malformed
from chalicelib.proof.note import cosignature_vkey, format_vkey
from tests.fakes import key_named

BITCOIN = "bip122:000000000019d6689c085ae165831e93"
PEM = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
ALICE = format_vkey(cosignature_vkey("alice.example", key_named("alice").public.x))

EVM = {"type": "evm", "chain": "eip155:1", "url": "https://user:secret@node.example/v2"}
DIRECT = {
    "type": "bitcoin",
    "chain": BITCOIN,
    "url": "http://127.0.0.1:8332",
    "coin": f"{'ab' * 32}:0",
}
CALENDAR = {
    "type": "opentimestamps",
    "name": "alice",
    "chain": BITCOIN,
    "url": "https://alice.example",
    "node": "http://127.0.0.1:8332",
}
TSA = {"type": "rfc3161", "name": "first", "url": "https://tsa.example", "certificates": [PEM]}
ALL: list[dict[str, Any]] = [EVM, DIRECT, CALENDAR, TSA]


def parse(*networks: dict[str, Any], **more: Any) -> Outside:
    return parse_outside(json.dumps({"networks": networks, **more}).encode())


def witnesses(text: str, **more: Any) -> dict[str, Any]:
    return {"witnesses": {"policy": text, **more}}


def test_nobody_attests_unless_somebody_is_named() -> None:
    assert parse() == Outside()


def test_each_kind_has_its_defaults() -> None:
    evm, direct, calendar, tsa = parse(*ALL).networks
    assert evm.numbers == {
        "every_s": 3_600,
        "confirmations": 0,
        "max_fee_gwei": 200,
        "stuck_s": 600,
    }
    assert direct.numbers == {
        "every_s": 3_600,
        "confirmations": 6,
        "min_fee_rate": 2,
        "max_fee_rate": 200,
        "stuck_s": 7_200,
    }
    assert calendar.numbers == {"every_s": 600, "confirmations": 6}
    assert tsa.numbers == {"every_s": 0}
    assert tsa.certificates == (PEM,)
    assert not any(each.fallback for each in (evm, direct, calendar, tsa))


def test_what_is_named_counts() -> None:
    [evm] = parse({**EVM, "every_s": 60, "confirmations": 12}).networks
    assert (evm.numbers["every_s"], evm.numbers["confirmations"]) == (60, 12)
    _, direct = parse(CALENDAR, {**DIRECT, "fallback": True}).networks
    assert direct.fallback


@pytest.mark.parametrize(
    ("network", "told"),
    [
        ({**EVM, "type": "carrier-pigeon"}, "type is one of"),
        ({**EVM, "chain": "ethereum"}, "a CAIP-2 id"),
        ({**EVM, "chain": BITCOIN}, "a CAIP-2 id"),
        ({**DIRECT, "chain": "bip122:1"}, "genesis"),
        ({**CALENDAR, "chain": "eip155:1"}, "genesis"),
        ({**DIRECT, "min_fee_rate": 0}, "min_fee_rate is at least 1"),
        ({**DIRECT, "min_fee_rate": 9, "max_fee_rate": 8}, "at most max_fee_rate"),
        ({**DIRECT, "confirmations": 0}, "confirmations is at least 1"),
        ({**CALENDAR, "confirmations": 0}, "confirmations is at least 1"),
        ({**EVM, "url": "node.example"}, "host.:port"),
        ({**EVM, "url": "file:///etc/passwd"}, "host.:port"),
        ({**EVM, "url": "https://"}, "host.:port"),
        ({**EVM, "url": "https://host?key=secret"}, "no query"),
        ({**EVM, "every_s": -1}, "every_s"),
        ({**EVM, "every_s": True}, "every_s"),
        ({**EVM, "fallback": True}, "fallback"),
        ({**EVM, "colour": "red"}, "colour"),
        ({**DIRECT, "coin": "ab:0"}, "txid:vout"),
        ({**DIRECT, "fallback": 1}, "fallback is true or false"),
        ({**CALENDAR, "name": "Alice"}, "lower-case"),
        ({**CALENDAR, "node": "nowhere"}, "host.:port"),
        ({**TSA, "certificates": []}, "certificates names whom to trust"),
        ({**TSA, "certificates": ["PEM"]}, "PEM"),
        ({name: value for name, value in TSA.items() if name != "certificates"}, "certificates"),
        ({name: value for name, value in EVM.items() if name != "url"}, "url is missing"),
    ],
)
def test_what_is_wrong_with_a_network_is_told(network: dict[str, Any], told: str) -> None:
    with pytest.raises(Malformed, match=told) as caught:
        parse(network)
    assert "secret" not in str(caught.value)


def test_time_stamps_are_of_one_bitcoin_chain() -> None:
    other = f"bip122:{'0' * 32}"
    with pytest.raises(Malformed, match="all of one chain"):
        parse(DIRECT, {**CALENDAR, "chain": other})


def test_a_fallback_stands_in_for_somebody() -> None:
    with pytest.raises(Malformed, match="there are none"):
        parse({**DIRECT, "fallback": True}, TSA)


def test_a_network_is_named_once() -> None:
    with pytest.raises(Malformed, match="named once"):
        parse(EVM, {**EVM, "url": "https://other.example"})
    assert len(parse(TSA, {**TSA, "name": "second"}).networks) == 2


class TestWitnesses:
    TEXT = f"witness alice {ALICE} https://alice.example\nquorum alice\n"

    def test_they_are_a_tlog_policy_with_addresses(self) -> None:
        config = parse(**witnesses(self.TEXT)).witnesses
        assert config is not None
        assert config.policy.quorum == "alice"
        assert (config.policy.urls["alice"], config.timeout_ms) == ("https://alice.example", 3_000)
        config = parse(**witnesses(self.TEXT, timeout_ms=500)).witnesses
        assert config is not None
        assert config.timeout_ms == 500

    def test_one_without_an_address_cannot_be_asked(self) -> None:
        with pytest.raises(Malformed, match="alice has no URL"):
            parse(**witnesses(f"witness alice {ALICE}\nquorum none\n"))

    def test_there_are_no_more_than_a_checkpoint_has_lines_for(self) -> None:
        lines = "".join(
            f"witness w{n} {format_vkey(cosignature_vkey(f'w{n}', key_named(f'w{n}').public.x))}"
            f" https://w{n}.example\n"
            for n in range(64)
        )
        with pytest.raises(Malformed, match="at most 63"):
            parse(**witnesses(f"{lines}quorum none\n"))

    def test_a_policy_that_is_none_is_refused(self) -> None:
        with pytest.raises(Malformed, match="quorum"):
            parse(**witnesses(f"witness alice {ALICE} https://alice.example\n"))


def test_what_is_no_object_is_refused() -> None:
    for data in (b"", b"[]", b"{}", b'{"networks": {}}', b"\xff"):
        with pytest.raises(Malformed):
            parse_outside(data)
