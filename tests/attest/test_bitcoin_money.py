"""What attesting in Bitcoin costs: the coin, the fee and its cap, on a real node."""

from __future__ import annotations

import pytest

from chalicelib.adapters.bitcoin.memo import read_memo
from chalicelib.adapters.bitcoin.network import FeeCap, NotOurCoin, UnconfirmedCoin
from chalicelib.adapters.bitcoin.transaction import VBYTES, parse_outpoint
from chalicelib.notary.networks import (
    EmptyWallet,
)
from infra.peers.bitcoin import BitcoinPeer

from .bitcoin_peers import (
    COIN_SATS,
    STUCK_MS,
    block_of,
    mined,
    network,
    script_of,
    sent,
    wallet,
)
from .bitcoin_proxy import running_proxy

pytest_plugins = ("tests.attest.bitcoin_fixtures",)

BLOCK = block_of("ours")
NEXT = block_of("the next", 2)


def test_an_empty_wallet_is_said_to_be_empty(bitcoin: BitcoinPeer) -> None:
    poor = wallet(bitcoin, "poor", 2 * VBYTES + 293)
    with pytest.raises(EmptyWallet, match="the fee is 306"):
        poor.prepare(BLOCK, {})
    unknown = network(bitcoin.url, "poor", f"{'00' * 32}:0")
    with pytest.raises(EmptyWallet):
        unknown.prepare(BLOCK, {})


def test_the_last_coin_is_spent_down_to_the_dust(bitcoin: BitcoinPeer) -> None:
    ours = wallet(bitcoin, "nearly poor", 2 * VBYTES + 294)
    first = mined(bitcoin, ours, BLOCK)
    with pytest.raises(EmptyWallet):
        ours.bump(BLOCK, first)
    with pytest.raises(EmptyWallet):
        ours.prepare(NEXT, first)


def test_a_new_coin_in_the_configuration_is_spent_next(bitcoin: BitcoinPeer) -> None:
    first = mined(bitcoin, wallet(bitcoin, "refilled"), BLOCK)
    coin = bitcoin.fund(script_of("refilled"), COIN_SATS)
    second = mined(bitcoin, network(bitcoin.url, "refilled", coin), NEXT, first)
    assert read_memo(second).coin == parse_outpoint(coin)


def test_no_more_is_paid_than_the_cap(bitcoin: BitcoinPeer) -> None:
    coin = bitcoin.fund(script_of("capped"), COIN_SATS)
    ours = network(bitcoin.url, "capped", coin, fee_floor=2, fee_cap=4)
    memo = ours.bump(BLOCK, sent(bitcoin, ours, BLOCK))
    memo = ours.bump(BLOCK, memo)
    assert read_memo(memo).newest.fee == 4 * VBYTES
    with pytest.raises(FeeCap) as caught:
        ours.bump(BLOCK, memo)
    assert caught.value.name == "fee-cap"
    memo = ours.status(BLOCK, memo, 0).memo
    assert ours.status(BLOCK, memo, STUCK_MS).at == "stuck"


def test_at_the_cap_a_dropped_transaction_is_sent_again_for_ever(bitcoin: BitcoinPeer) -> None:
    coin = bitcoin.fund(script_of("capped and dropped"), COIN_SATS)
    ours = network(bitcoin.url, "capped and dropped", coin, fee_floor=2, fee_cap=3)
    memo = ours.status(BLOCK, ours.prepare(BLOCK, {}), 0).memo
    assert ours.status(BLOCK, memo, STUCK_MS).at == "stuck"
    memo = ours.status(BLOCK, ours.bump(BLOCK, memo), 0).memo
    assert ours.status(BLOCK, memo, STUCK_MS).at == "dropped"


def test_the_coin_is_ours_and_confirmed(bitcoin: BitcoinPeer) -> None:
    with pytest.raises(NotOurCoin):
        network(bitcoin.url, "ours", bitcoin.fund(script_of("theirs"), COIN_SATS)).prepare(
            BLOCK, {}
        )
    waiting = bitcoin.pay([(COIN_SATS, script_of("ours"))])
    with pytest.raises(UnconfirmedCoin):
        network(bitcoin.url, "ours", f"{waiting}:1").prepare(BLOCK, {})
    (hash_,) = bitcoin.mine(1, script_of("ours"))
    with pytest.raises(UnconfirmedCoin, match="100 confirmations"):
        network(bitcoin.url, "ours", f"{bitcoin.txids(hash_)[0]}:0").prepare(BLOCK, {})


@pytest.mark.parametrize(
    ("estimate", "rate"),
    [
        ({"feerate": 0.0001, "blocks": 6}, 10),  # as Core says it
        ({"feerate": 0.00010001, "blocks": 6}, 11),
        ({"feerate": 0.1, "blocks": 6}, 40),  # the cap
        ({"feerate": 0.00001, "blocks": 6}, 2),  # the floor
        ({"errors": ["Insufficient data or no feerate found"], "blocks": 2}, 2),
        ({"fee": 0.0001, "blocks": 6}, 10),  # as bcoin says it
        ({"fee": -1, "blocks": 6}, 2),
    ],
)
def test_the_fee_is_what_the_node_thinks_enough(
    bitcoin: BitcoinPeer, estimate: dict[str, object], rate: int
) -> None:
    """A regtest node knows no fees, so the proxy says what others would."""
    coin = bitcoin.fund(script_of("fees"), COIN_SATS)
    with running_proxy(bitcoin) as proxy:
        proxy.lies["estimatesmartfee"] = lambda _: estimate
        memo = network(proxy.url, "fees", coin).prepare(BLOCK, {})
    assert read_memo(memo).newest.fee == rate * VBYTES


def test_a_bump_goes_up_to_what_is_enough_now(bitcoin: BitcoinPeer) -> None:
    coin = bitcoin.fund(script_of("spike"), COIN_SATS)
    with running_proxy(bitcoin) as proxy:
        ours = network(proxy.url, "spike", coin)
        memo = ours.prepare(BLOCK, {})
        proxy.lies["estimatesmartfee"] = lambda _: {"feerate": 0.0003}
        assert read_memo(ours.bump(BLOCK, memo)).newest.fee == 30 * VBYTES
