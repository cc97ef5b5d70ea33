"""``tally verify --node``: a verifier asks nodes of their own for headers, and an outage makes
nothing invalid."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from chalicelib.notary.limits import NODE_HEADERS
from chalicelib.proof.bitcoin.opentimestamps import (
    Timestamp,
    format_timestamp,
    merge_timestamps,
    opentimestamps_attestation,
)
from chalicelib.proof.bitcoin.ots_codec import BITCOIN_TAG, HeightAttestation, PendingAttestation
from chalicelib.proof.members import read_base64
from chalicelib.proof.receipt import Attestation, format_receipt
from infra.local_cloud import free_port
from infra.peers.anvil import Anvil, running_anvil
from infra.peers.bitcoin import BitcoinPeer

from ..cli.desk import tally
from ..proof.world import DOCUMENT, policy_value
from ..proof.world import World as Receipts
from .bitcoin_peers import mined, wallet
from .bitcoin_proxy import running_proxy as bitcoin_proxy
from .evm_proxy import running_proxy as evm_proxy
from .evm_world import World, block_at

pytest_plugins = ("tests.attest.bitcoin_fixtures",)

BLOCK = Receipts().inclusion().block
PENDING = Timestamp({PendingAttestation("https://calendar.example")})
UNKNOWN, PASS = "unknown", "pass"


@pytest.fixture(scope="module")
def anvil(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Anvil]:
    with running_anvil(tmp_path_factory.mktemp("anvil")) as peer:
        yield peer


def in_ethereum(anvil: Anvil) -> Attestation:
    world = World(anvil).funded()
    memo = world.send(BLOCK)
    anvil.mine()
    evidence = world.network.proof(BLOCK, world.network.status(BLOCK, memo, 0).memo)
    assert evidence is not None
    return evidence


def in_bitcoin(bitcoin: BitcoinPeer, more: Timestamp) -> Attestation:
    ours = wallet(bitcoin, "a verifier's")
    evidence = ours.proof(BLOCK, mined(bitcoin, ours, BLOCK))
    assert evidence is not None
    proofs = [read_base64(evidence.members["proof"], "proof"), format_timestamp(more)]
    return opentimestamps_attestation(merge_timestamps(proofs, BLOCK.hash))


class Case:
    """A document, its receipt with both kinds of evidence, and a policy without any header."""

    def __init__(
        self, place: Path, anvil: Anvil, bitcoin: BitcoinPeer, more: Timestamp = PENDING
    ) -> None:
        self.checks = (
            f"attestation:evm:{anvil.chain}",
            f"attestation:opentimestamps:{bitcoin.chain}",
        )
        receipt = Receipts().receipt()
        evidence = (in_ethereum(anvil), in_bitcoin(bitcoin, more))
        attested = replace(receipt.registered, attestations=evidence)
        (place / "document").write_bytes(DOCUMENT)
        (place / "receipt").write_bytes(format_receipt(replace(receipt, registered=attested)))
        policy = policy_value(require=["document", *self.checks])
        (place / "policy").write_text(json.dumps(policy))
        self._place = place

    def verify(self, *nodes: str) -> tuple[int, dict[str, str], str]:
        """Exit code, the results of the two checks, and what was said besides."""
        options = [part for node in nodes for part in ("--node", node)]
        names = [self._place / name for name in ("document", "receipt")]
        arguments = (*names, "--policy", self._place / "policy", *options, "--json")
        done = tally("verify", *arguments)
        results = {each["check"]: each["result"] for each in json.loads(done.stdout)["checks"]}
        return done.exit_code, {name: results[name] for name in self.checks}, done.stderr


@pytest.fixture
def case(tmp_path: Path, anvil: Anvil, bitcoin: BitcoinPeer) -> Case:
    return Case(tmp_path, anvil, bitcoin)


def test_without_nodes_and_headers_nobody_can_tell(case: Case) -> None:
    code, results, told = case.verify()
    assert (code, set(results.values()), told) == (2, {UNKNOWN}, "")


def test_nodes_of_both_chains_confirm_it(case: Case, anvil: Anvil, bitcoin: BitcoinPeer) -> None:
    code, results, told = case.verify(anvil.url, bitcoin.url)
    assert (code, set(results.values()), told) == (0, {PASS}, "")


def test_a_node_of_one_chain_confirms_that_one(case: Case, anvil: Anvil) -> None:
    code, results, _ = case.verify(anvil.url)
    assert (code, list(results.values())) == (2, [PASS, UNKNOWN])


def test_a_node_that_is_down_makes_nothing_invalid(case: Case, anvil: Anvil) -> None:
    down = f"http://user:secret@127.0.0.1:{free_port()}"
    code, results, told = case.verify(anvil.url, down)
    assert (code, list(results.values())) == (2, [PASS, UNKNOWN])
    assert told.startswith("tally: the node 127.0.0.1:")
    assert " did not help: " in told
    assert "secret" not in told


def test_a_chain_that_has_not_come_so_far_cannot_tell(
    case: Case, tmp_path: Path, bitcoin: BitcoinPeer
) -> None:
    with running_anvil(tmp_path / "empty") as empty:
        code, results, _ = case.verify(empty.url, bitcoin.url)
    assert (code, list(results.values())) == (2, [UNKNOWN, PASS])


def test_a_chain_with_other_blocks_says_that_it_is_false(
    case: Case, tmp_path: Path, anvil: Anvil, bitcoin: BitcoinPeer
) -> None:
    with running_anvil(tmp_path / "other") as other:
        height = anvil.call("eth_blockNumber")
        assert isinstance(height, str)
        other.mine(int(height, 16))
        code, results, _ = case.verify(other.url, bitcoin.url)
    assert (code, list(results.values())) == (1, ["fail", PASS])


def test_a_block_is_not_fetched_with_its_transactions_for_its_header(
    case: Case, anvil: Anvil, bitcoin: BitcoinPeer
) -> None:
    with evm_proxy(anvil.url) as proxy:
        code, results, told = case.verify(proxy.url, bitcoin.url)
        assert proxy.asked == ["eth_chainId", "eth_getBlockByNumber"]
    assert (code, set(results.values()), told) == (0, {PASS}, "")


def test_a_node_that_answers_with_another_block_did_not_help(case: Case, anvil: Anvil) -> None:
    with evm_proxy(anvil.url) as proxy:
        genesis = block_at(anvil, 0)
        proxy.alter["eth_getBlockByNumber"] = lambda _: genesis
        code, results, told = case.verify(proxy.url)
    assert (code, set(results.values())) == (2, {UNKNOWN})
    assert told.startswith("tally: the node 127.0.0.1:")
    assert " did not help: " in told


@pytest.mark.parametrize(
    "said", ["nonsense", "zz" * 32, "00" * 31, "00" * 33, "AB" * 32, 7, None, True, []], ids=repr
)
def test_a_node_that_talks_nonsense_of_its_genesis_makes_nothing_invalid(
    case: Case, bitcoin: BitcoinPeer, said: object
) -> None:
    """It is no wrong usage either: the address is one."""
    with bitcoin_proxy(bitcoin) as proxy:
        proxy.raw = json.dumps({"result": said, "error": None}).encode()
        code, results, told = case.verify(proxy.url)
    assert (code, set(results.values())) == (2, {UNKNOWN})
    assert told.startswith("tally: the node 127.0.0.1:")
    assert " did not help: " in told


def test_no_receipt_makes_one_ask_for_headers_without_end(
    tmp_path: Path, anvil: Anvil, bitcoin: BitcoinPeer
) -> None:
    """Here it names blocks of Bitcoin that are still to come: first come those that there are."""
    heights = range(1_000_000, 1_000_000 + NODE_HEADERS)
    many = Timestamp({HeightAttestation(BITCOIN_TAG, height) for height in heights})
    case = Case(tmp_path, anvil, bitcoin, many)
    with bitcoin_proxy(bitcoin) as proxy:
        code, results, told = case.verify(proxy.url, anvil.url)
        genesis, headers = 1, 1
        assert proxy.asked.count("getblockhash") == genesis + NODE_HEADERS
        assert proxy.asked.count("getblockheader") == headers
    assert (code, set(results.values())) == (0, {PASS})
    assert told.count("wants more") == 1, "it is said once for all nodes"


def test_what_is_no_address_is_wrong_usage(case: Case, tmp_path: Path) -> None:
    arguments = (tmp_path / "document", tmp_path / "receipt", "--policy", tmp_path / "policy")
    for address in ("nowhere", "ftp://127.0.0.1", "http://", "http://127.0.0.1:99999"):
        assert tally("verify", *arguments, "--node", address).exit_code == 64
