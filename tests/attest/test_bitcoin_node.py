"""Nodes that are down, slow, of another chain or false: a real one, behind a proxy that lies."""

from __future__ import annotations

import pytest

from chalicelib.adapters.bitcoin.memo import read_memo
from chalicelib.notary.networks import (
    FalseProof,
    NetworkError,
    Unreachable,
    WrongNetwork,
)
from chalicelib.proof.bitcoin.evidence import NoBitcoinEvidence
from infra.local_cloud import free_port
from infra.peers.bitcoin import BitcoinPeer

from .bitcoin_peers import (
    COIN_SATS,
    block_of,
    mined,
    network,
    proof_of,
    saw,
    script_of,
    sent,
    wallet,
)
from .bitcoin_proxy import running_proxy

pytest_plugins = ("tests.attest.bitcoin_fixtures",)

MAINNET = "bip122:000000000019d6689c085ae165831e93"
BLOCK = block_of("ours")


def test_a_node_of_another_chain_is_not_used(bitcoin: BitcoinPeer) -> None:
    memo = mined(bitcoin, wallet(bitcoin, "wrong chain"), BLOCK)
    wrong = network(bitcoin.url, "wrong chain", f"{'00' * 32}:0", chain=MAINNET)
    for use in (
        lambda: wrong.prepare(BLOCK, {}),
        lambda: wrong.broadcast(BLOCK, memo),
        lambda: wrong.status(BLOCK, memo, 0),
        lambda: wrong.bump(BLOCK, memo),
        lambda: wrong.proof(BLOCK, memo),
    ):
        with pytest.raises(WrongNetwork):
            use()


def test_a_node_that_is_down_is_unreachable(bitcoin: BitcoinPeer) -> None:
    memo = mined(bitcoin, wallet(bitcoin, "node down"), BLOCK)
    down = network(f"http://127.0.0.1:{free_port()}", "node down", f"{'00' * 32}:0")
    for use in (
        lambda: down.prepare(BLOCK, {}),
        lambda: down.broadcast(BLOCK, memo),
        lambda: down.status(BLOCK, memo, 0),
        lambda: down.bump(BLOCK, memo),
        lambda: down.proof(BLOCK, memo),
    ):
        with pytest.raises(Unreachable):
            use()


def test_a_slow_node_is_unreachable(bitcoin: BitcoinPeer) -> None:
    memo = mined(bitcoin, wallet(bitcoin, "slow node"), BLOCK)
    with running_proxy(bitcoin) as proxy:
        proxy.delay_s = 0.5
        slow = network(proxy.url, "slow node", f"{'00' * 32}:0", timeout_s=0.1)
        with pytest.raises(Unreachable):
            slow.status(BLOCK, memo, 0)


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b"null", b"<html>", b'{"result": NaN}'])
def test_what_is_no_answer_is_unreachable(bitcoin: BitcoinPeer, raw: bytes) -> None:
    memo = mined(bitcoin, wallet(bitcoin, "no answer"), BLOCK)
    with running_proxy(bitcoin) as proxy:
        proxy.raw = raw
        with pytest.raises(Unreachable):
            network(proxy.url, "no answer", f"{'00' * 32}:0").status(BLOCK, memo, 0)


FALSEHOODS: dict[str, tuple[str, object]] = {
    "block hash that is none": ("getblockhash", "00"),
    "block hash in upper case": ("getblockhash", "AB" * 32),
    "best block hash that is none": ("getbestblockhash", 5),
    "header without height": ("getblockheader", {}),
    "negative height": ("getblockheader", {"height": -1}),
    "coin that is a list": ("gettxout", []),
    "coin without script": ("gettxout", {"value": 1, "confirmations": 1, "bestblock": "00" * 32}),
    "amount that is a text": (
        "gettxout",
        {"value": "1", "confirmations": 1, "bestblock": "00" * 32, "scriptPubKey": {"hex": ""}},
    ),
    "amount above all money": (
        "gettxout",
        {"value": 2.2e7, "confirmations": 1, "bestblock": "00" * 32, "scriptPubKey": {"hex": ""}},
    ),
    "fee rate that is a text": ("estimatesmartfee", {"feerate": "1"}),
    "fee rate that is no object": ("estimatesmartfee", 1),
}


@pytest.mark.parametrize("name", FALSEHOODS)
def test_an_answer_in_another_form_is_unreachable(bitcoin: BitcoinPeer, name: str) -> None:
    method, lie = FALSEHOODS[name]
    coin = bitcoin.fund(script_of("other form"), COIN_SATS)
    with running_proxy(bitcoin) as proxy:
        ours = network(proxy.url, "other form", coin)
        proxy.lies[method] = lambda _: lie
        with pytest.raises((Unreachable, WrongNetwork)):
            ours.prepare(BLOCK, {})
        assert method in proxy.asked


def test_a_false_proof_is_not_taken_from_a_lying_node(bitcoin: BitcoinPeer) -> None:
    ours = wallet(bitcoin, "lied to")
    for _ in range(2):
        bitcoin.pay([])
    memo = mined(bitcoin, ours, BLOCK)
    header = bitcoin.call("getblockheader", bitcoin.call("getbestblockhash"), False)
    with running_proxy(bitcoin) as proxy:
        lied_to = network(proxy.url, "lied to", f"{'00' * 32}:0")
        for method, lie in (
            ("getblockheader", lambda _: header[:-8] + "ffffffff"),  # another nonce
            ("getblock", lambda block: {"tx": [block["tx"][0], *block["tx"][:0:-1]]}),
            ("getblock", lambda block: {"tx": block["tx"][:1]}),  # ours is not among them
            ("getblock", lambda block: {"tx": [*block["tx"], "00" * 32]}),
        ):
            proxy.lies = {method: lie}
            with pytest.raises(FalseProof):
                lied_to.proof(BLOCK, memo)
        proxy.lies = {}
        assert proof_of(lied_to, BLOCK, memo)


def test_a_coin_is_not_believed_that_its_block_does_not_hold(bitcoin: BitcoinPeer) -> None:
    ours = wallet(bitcoin, "false coin")
    memo = sent(bitcoin, ours, BLOCK)
    bitcoin.mine()
    with running_proxy(bitcoin) as proxy:
        proxy.lies["getblock"] = lambda block: {"tx": block["tx"][:1]}
        with pytest.raises(Unreachable):
            network(proxy.url, "false coin", f"{'00' * 32}:0").status(BLOCK, memo, 0)


def test_a_refusal_is_one_only_if_the_node_does_not_have_it(bitcoin: BitcoinPeer) -> None:
    """bcoin refuses nothing aloud: the proxy says what Bitcoin Core would."""
    coin = bitcoin.fund(script_of("refused"), COIN_SATS)
    with running_proxy(bitcoin) as proxy:
        ours = network(proxy.url, "refused", coin)
        memo = ours.prepare(BLOCK, {})
        proxy.errors["sendrawtransaction"] = (-26, "min relay fee not met")
        with pytest.raises(NetworkError) as caught:
            ours.broadcast(BLOCK, memo)
        assert caught.value.name == "refused"
        assert "relay" not in str(caught.value)
        bitcoin.send(read_memo(memo).newest.raw)
        proxy.errors["sendrawtransaction"] = (-26, "txn-already-known")
        assert ours.broadcast(BLOCK, memo) == memo
        bitcoin.mine()
        proxy.errors["sendrawtransaction"] = (-27, "Transaction already in block chain")
        assert ours.broadcast(BLOCK, memo) == memo


@pytest.mark.parametrize(
    "words", [(-5, "Transaction not in mempool"), (-28, "Loading block index…")]
)
def test_only_the_word_that_it_is_not_there_means_that(
    bitcoin: BitcoinPeer, words: tuple[int, str]
) -> None:
    """As Bitcoin Core says it, through the proxy."""
    coin = bitcoin.fund(script_of("not there"), COIN_SATS)
    with running_proxy(bitcoin) as proxy:
        ours = network(proxy.url, "not there", coin)
        memo = ours.prepare(BLOCK, {})
        proxy.errors["getmempoolentry"] = words
        if words[0] == -5:
            assert ours.status(BLOCK, memo, 0).at == "dropped"
        else:
            with pytest.raises(NetworkError):
                ours.status(BLOCK, memo, 0)


def test_a_pending_chain_tells_a_verifier_nothing(bitcoin: BitcoinPeer) -> None:
    """A policy without the header cannot tell."""
    ours = wallet(bitcoin, "no header")
    proof = proof_of(ours, BLOCK, mined(bitcoin, ours, BLOCK))
    bitcoin.forget(1)
    with pytest.raises(NoBitcoinEvidence):
        saw(bitcoin, proof, BLOCK)


@pytest.mark.parametrize("method", ["getblockhash", "getbestblockhash", "gettxout", "getblock"])
def test_a_node_that_is_not_ready_is_not_believed(bitcoin: BitcoinPeer, method: str) -> None:
    memo = sent(bitcoin, wallet(bitcoin, "warming up"), BLOCK)
    bitcoin.mine()
    with running_proxy(bitcoin) as proxy:
        proxy.errors[method] = (-28, "Loading block index…")
        with pytest.raises(NetworkError) as caught:
            network(proxy.url, "warming up", f"{'00' * 32}:0").status(BLOCK, memo, 0)
        assert "index" not in str(caught.value)


def test_a_configuration_that_makes_no_sense_is_refused_at_once() -> None:
    for chain in ("bip122:", "eip155:1", f"bip122:{'0' * 31}", f"bip122:{'A' * 32}"):
        with pytest.raises(ValueError, match="genesis"):
            network("http://127.0.0.1:1", "key", f"{'00' * 32}:0", chain=chain)
    for floor, cap in ((0, 5), (5, 4)):
        with pytest.raises(ValueError, match="fee_floor"):
            network("http://127.0.0.1:1", "key", f"{'00' * 32}:0", fee_floor=floor, fee_cap=cap)
    for none in (0, -1):
        with pytest.raises(ValueError, match="at least 1 confirmation"):
            network("http://127.0.0.1:1", "key", f"{'00' * 32}:0", confirmations=none)
