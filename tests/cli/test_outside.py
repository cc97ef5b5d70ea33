"""``tally operator outside`` and ``witness``: naming who attests, and being a witness."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from chalicelib import bootstrap
from chalicelib.bootstrap import Service
from chalicelib.notary.attest import Party
from chalicelib.notary.networks import Unreachable
from chalicelib.notary.outside import parse_outside
from chalicelib.notary.sequence import create_log, sequence
from chalicelib.notary.witnessing import WitnessService
from chalicelib.parties import Parties
from chalicelib.proof.note import format_vkey, parse_vkey
from chalicelib.proof.tlogpolicy import parse_tlog_policy
from tests.cli.desk import tally, tally_json
from tests.fakes import MemoryWitnessStates, key_named, memory_service
from tests.notary.chain import MemoryNetwork
from tests.notary.desk import CALLER, registered, registry

URL = "https://user:secret@node.example"
CONFIG = {"networks": [{"type": "evm", "chain": "eip155:1", "url": URL}]}


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Service:
    made = memory_service()
    service = replace(
        made,
        witness=WitnessService(MemoryWitnessStates(), key_named("witness"), "tally.test/witness"),
        outside=lambda: Parties(parse_outside((made.registry.outside() or "").encode())),
        addresses=lambda: {"eip155": "0x00", "bip122": "bc1q", "script": "0014"},
    )
    monkeypatch.setattr(bootstrap, "service_from_env", lambda _: service)
    return service


def write(path: Path, config: object) -> Path:
    file = path / "outside.json"
    file.write_text(json.dumps(config))
    return file


def test_parties_are_set_and_shown_without_their_secrets(service: Service, tmp_path: Path) -> None:
    told = tally("operator", "outside", "set", write(tmp_path, CONFIG))
    assert told.exit_code == 0
    assert json.loads(service.registry.outside() or "") == CONFIG
    shown = tally("operator", "outside", "show")
    assert shown.stdout == told.stdout
    assert "eip155:1" in shown.stdout
    assert "witnesses: none" in shown.stdout
    assert "secret" not in shown.stdout
    [network] = tally_json("operator", "outside", "show")["networks"]
    assert (network["chain"], network["every_s"]) == ("eip155:1", 3_600)


def test_a_configuration_that_is_none_changes_nothing(service: Service, tmp_path: Path) -> None:
    result = tally("operator", "outside", "set", write(tmp_path, {"networks": [{}]}))
    assert result.exit_code == 64
    assert "type is one of" in result.stderr
    assert service.registry.outside() is None


@pytest.mark.parametrize("different", [{"max_fee_gwei": 0}, {"url": "https://x:99999"}])
def test_a_configuration_that_no_function_could_use_changes_nothing(
    service: Service, tmp_path: Path, different: dict[str, object]
) -> None:
    [network] = CONFIG["networks"]
    file = write(tmp_path, {"networks": [{**network, **different}]})
    assert tally("operator", "outside", "set", file).exit_code == 64
    assert service.registry.outside() is None


def test_addresses_that_take_money(service: Service) -> None:
    assert tally_json("operator", "outside", "address")["eip155"] == "0x00"
    assert "bc1q" in tally("operator", "outside", "address").stdout


def test_attesting_by_hand(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    from chalicelib.notary.admit import admit_statement

    chain = MemoryNetwork()
    parties = Parties(networks=(Party(chain, 3_600_000),))
    replaced = replace(service, outside=lambda: parties)
    monkeypatch.setattr(bootstrap, "service_from_env", lambda _: replaced)
    create_log(service.log)
    waiting = tally("operator", "outside", "attest").stdout
    assert waiting.startswith("nothing to attest now; /v1/blocks/HEIGHT shows what waits")
    admit_statement(registered(1), CALLER, registry(), service.log, service.clock_ms())
    sequence(service.log, service.clock_ms())
    assert tally("operator", "outside", "attest").stdout == "block 1 at eip155:1: sent\n"
    assert tally_json("operator", "outside", "attest") == {"attempts": []}

    def fail(operation: str) -> None:
        raise Unreachable("no answer")

    chain.trouble = fail
    monkeypatch.setattr(service.clock_ms, "now_ms", service.clock_ms() + 3_600_000)
    told = tally("operator", "outside", "attest")
    assert told.stderr == "tally: block 1 at eip155:1: unreachable (1)\n"


def test_the_witness_key_is_for_policies(service: Service) -> None:
    told = tally_json("operator", "witness", "key")
    assert parse_vkey(told["vkey"]).name == "tally.test/witness"
    assert told["url"] == "https://tally.test"
    line = tally("operator", "witness", "key").stdout.replace("NAME", "other")
    assert parse_tlog_policy(f"{line}quorum other\n").urls == {"other": "https://tally.test"}


def test_a_log_is_witnessed_from_its_beginning(service: Service) -> None:
    vkey = format_vkey(service.log.vkey)
    assert tally_json("operator", "witness", "add-log", vkey) == {
        "origin": service.log.origin,
        "size": 0,
    }
    assert "is witnessed" in tally("operator", "witness", "add-log", vkey).stdout
    assert service.witness is not None
    assert [log.origin for log in service.witness.states.logs()] == [service.log.origin]
    assert tally("operator", "witness", "add-log", "no key").exit_code == 64


def test_a_service_without_a_key_is_no_witness(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "service_from_env", lambda _: replace(service, witness=None))
    assert tally("operator", "witness", "key").exit_code == 64
