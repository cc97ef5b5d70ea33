"""Bitcoin attests directly: on a real node, through everything that happens to a transaction.

The node is bcoin on regtest. It takes no replacements by fee, so what ``bump`` makes is confirmed
where the original was never sent, or on a rival's chain: consensus decides between them, as it
does for every node.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from bitcoin.core import CBlock  # type: ignore[import-untyped]
from opentimestamps.bitcoin import make_timestamp_from_block  # type: ignore[import-untyped]

from chalicelib.adapters.bitcoin import network as adapter
from chalicelib.adapters.bitcoin.memo import read_memo
from chalicelib.adapters.bitcoin.network import UnconfirmedCoin
from chalicelib.adapters.bitcoin.transaction import VBYTES, Payment, sign_payment
from chalicelib.notary.networks import (
    EmptyWallet,
    Memo,
    Network,
    Unreachable,
)
from chalicelib.proof.bitcoin.evidence import FalseBitcoinProof
from chalicelib.proof.hashes import Hash
from chalicelib.proof.limits import BITCOIN_CLOCK_S
from infra.peers.bitcoin import REGTEST, BitcoinPeer, running_bitcoin
from infra.peers.calendar import serialize

from .bitcoin_peers import (
    COIN_SATS,
    STUCK_MS,
    block_of,
    included,
    join,
    mined,
    network,
    newest,
    proof_of,
    reorganise,
    saw,
    script_of,
    send,
    sent,
    signer_of,
    wait_for,
    wallet,
)
from .bitcoin_proxy import running_proxy

pytest_plugins = ("tests.attest.bitcoin_fixtures",)

BLOCK = block_of("ours")
NEXT = block_of("the next", 2)


def test_the_network_is_one() -> None:
    made: Network = network("http://127.0.0.1:1", "key", f"{'00' * 32}:0")
    assert (made.name, made.check, made.serial) == (
        REGTEST,
        f"attestation:opentimestamps:{REGTEST}",
        True,
    )


# From the hash to the evidence.


def test_a_hash_is_sent_included_final_and_proven(bitcoin: BitcoinPeer) -> None:
    ours = wallet(bitcoin, "end to end")
    memo = sent(bitcoin, ours, BLOCK)
    assert ours.proof(BLOCK, memo) is None
    assert ours.status(BLOCK, memo, 0).at == "waiting"
    bitcoin.mine()
    standing = ours.status(BLOCK, memo, 0)
    assert standing.at == "included"
    proof = proof_of(ours, BLOCK, standing.memo)
    assert saw(bitcoin, proof, BLOCK).chain == REGTEST
    bitcoin.mine(2)
    standing = ours.status(BLOCK, standing.memo, 0)
    assert standing.at == "final"
    assert proof_of(ours, BLOCK, standing.memo) == proof


def test_the_proof_is_the_one_that_python_opentimestamps_makes(bitcoin: BitcoinPeer) -> None:
    ours = wallet(bitcoin, "the same proof")
    for _ in range(4):  # so that there is a tree
        bitcoin.pay([])
    memo = mined(bitcoin, ours, BLOCK)
    block = CBlock.deserialize(bitcoin.block(bitcoin.call("getbestblockhash")))
    assert len(block.vtx) == 6
    expected = make_timestamp_from_block(BLOCK.hash, block, bitcoin.height)
    assert proof_of(ours, BLOCK, memo) == serialize(expected)


def test_each_attempt_spends_the_change_of_the_one_before(bitcoin: BitcoinPeer) -> None:
    ours = wallet(bitcoin, "one after the other")
    memos: list[Memo] = []
    for height in range(1, 4):
        block = block_of(str(height), height)
        memos.append(mined(bitcoin, ours, block, memos[-1] if memos else None))
        assert saw(bitcoin, proof_of(ours, block, memos[-1]), block)
    coins = [read_memo(memo).coin for memo in memos]
    assert [coin.txid for coin in coins[1:]] == [included(memo) for memo in memos[:-1]]
    fees = [read_memo(memo).newest.fee for memo in memos]
    assert [read_memo(memo).sats for memo in memos] == [
        COIN_SATS - sum(fees[:count]) for count in range(3)
    ]


def test_an_attempt_whose_change_was_spent_is_still_found(bitcoin: BitcoinPeer) -> None:
    """The node has no index of transactions: the attempt remembers where it was found."""
    ours = wallet(bitcoin, "spent change")
    first = mined(bitcoin, ours, BLOCK)
    mined(bitcoin, ours, NEXT, first)
    bitcoin.mine()
    assert ours.status(BLOCK, first, 0).at == "final"


def test_nothing_is_sent_before_it_is_stored(bitcoin: BitcoinPeer) -> None:
    ours = wallet(bitcoin, "nothing sent")
    memo = ours.prepare(BLOCK, {})
    bumped = ours.bump(BLOCK, memo)
    bitcoin.mine()
    assert not bitcoin.waits(newest(memo))
    assert ours.status(BLOCK, bumped, 0).at == "dropped"


def test_it_may_be_handed_over_more_than_once(bitcoin: BitcoinPeer) -> None:
    ours = wallet(bitcoin, "twice")
    memo = sent(bitcoin, ours, BLOCK)
    assert ours.broadcast(BLOCK, memo) == memo
    bitcoin.mine()
    assert ours.broadcast(BLOCK, memo) == memo
    bitcoin.mine()
    assert ours.status(BLOCK, memo, 0).at == "included"


def test_a_time_far_ahead_is_reported_as_an_interval(tmp_path: Path) -> None:
    with running_bitcoin(tmp_path) as ahead:
        ahead.open_faucet()
        ours = wallet(ahead, "far ahead")
        memo = sent(ahead, ours, BLOCK)
        time_s = 4_000_000_000
        ahead.call("setmocktime", time_s)
        ahead.mine()
        standing = ours.status(BLOCK, memo, 0)
        sighting = saw(ahead, proof_of(ours, BLOCK, standing.memo), BLOCK)
        assert sighting.earliest_ms <= time_s * 1000 <= sighting.latest_ms
        assert sighting.latest_ms - sighting.earliest_ms == 2 * BITCOIN_CLOCK_S * 1000


# What happens to a transaction.


def test_an_answer_lost_after_broadcast_loses_nothing(bitcoin: BitcoinPeer) -> None:
    coin = bitcoin.fund(script_of("lost answer"), COIN_SATS)
    with running_proxy(bitcoin) as proxy:
        ours = network(proxy.url, "lost answer", coin)
        memo = ours.prepare(BLOCK, {})
        proxy.lost.add("sendrawtransaction")
        with pytest.raises(Unreachable):
            ours.broadcast(BLOCK, memo)
        proxy.lost.clear()
        wait_for(lambda: ours.status(BLOCK, memo, 0).at == "waiting")
        assert ours.broadcast(BLOCK, memo) == memo
        bitcoin.mine()
        assert ours.status(BLOCK, memo, 0).at == "included"


def test_a_dropped_transaction_is_sent_again(bitcoin: BitcoinPeer) -> None:
    ours = wallet(bitcoin, "dropped")
    memo = mined(bitcoin, ours, BLOCK)
    bitcoin.forget(1)
    bitcoin.mine()
    standing = ours.status(BLOCK, memo, 0)
    assert standing.at == "dropped"
    assert ours.proof(BLOCK, standing.memo) is None
    memo = send(bitcoin, ours, BLOCK, standing.memo)
    bitcoin.mine()
    assert ours.status(BLOCK, memo, 0).at == "included"


def test_after_a_reorganisation_the_proof_is_rebuilt(
    bitcoin: BitcoinPeer, rival: BitcoinPeer
) -> None:
    ours = wallet(bitcoin, "reorganised")
    join(bitcoin, rival)
    memo = mined(bitcoin, ours, BLOCK)
    old = proof_of(ours, BLOCK, memo)
    assert saw(bitcoin, old, BLOCK)
    reorganise(bitcoin, rival)
    with pytest.raises(Unreachable):
        ours.proof(BLOCK, memo)
    standing = ours.status(BLOCK, memo, 0)
    assert standing.at == "waiting"
    with pytest.raises(FalseBitcoinProof):
        saw(bitcoin, old, BLOCK)
    bitcoin.mine()
    standing = ours.status(BLOCK, standing.memo, 0)
    assert standing.at == "included"
    assert saw(bitcoin, proof_of(ours, BLOCK, standing.memo), BLOCK)


def test_attempts_that_build_on_each_other_survive_a_reorganisation(
    bitcoin: BitcoinPeer, rival: BitcoinPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first one's change is spent, and it is in another block than before: it is searched for,
    a few blocks at a time."""
    monkeypatch.setattr(adapter, "BITCOIN_SCAN_BLOCKS", 2)
    ours = wallet(bitcoin, "both reorganised")
    join(bitcoin, rival)
    first = mined(bitcoin, ours, BLOCK)
    second = mined(bitcoin, ours, NEXT, first)
    reorganise(bitcoin, rival)
    with pytest.raises(UnconfirmedCoin):
        ours.prepare(block_of("third", 3), second)
    standings = [ours.status(BLOCK, first, 0), ours.status(NEXT, second, 0)]
    assert [standing.at for standing in standings] == ["waiting", "waiting"]
    bitcoin.mine()
    looks = [ours.status(BLOCK, standings[0].memo, 0)]
    while looks[-1].at == "waiting":
        looks.append(ours.status(BLOCK, looks[-1].memo, 0))
    assert len(looks) > 2
    assert looks[-1].at == "included"
    assert saw(bitcoin, proof_of(ours, BLOCK, looks[-1].memo), BLOCK)
    assert ours.status(NEXT, standings[1].memo, 0).at == "included"


def test_an_attempt_is_not_void_while_what_it_builds_on_may_come_back(
    bitcoin: BitcoinPeer,
) -> None:
    ours = wallet(bitcoin, "parent undone")
    first = mined(bitcoin, ours, BLOCK)
    second = ours.prepare(NEXT, first)
    bitcoin.forget(1)
    bitcoin.mine(4)
    standing = ours.status(NEXT, second, 0)
    assert standing.at == "dropped"
    send(bitcoin, ours, BLOCK, first)
    bitcoin.mine()
    second = send(bitcoin, ours, NEXT, standing.memo)
    bitcoin.mine()
    assert ours.status(NEXT, second, 0).at == "included"


def test_a_stranger_may_be_undone_and_come_again(bitcoin: BitcoinPeer, rival: BitcoinPeer) -> None:
    """Only then does it begin to count how sure that is."""
    ours = wallet(bitcoin, "stranger again")
    join(bitcoin, rival)
    memo = ours.prepare(BLOCK, {})
    spending = read_memo(memo)
    stranger = Payment(spending.coin, spending.sats, Hash(bytes(32)), spending.sats - 1_000)
    bitcoin.send(sign_payment(stranger, signer_of("stranger again")))
    bitcoin.mine(2)
    standing = ours.status(BLOCK, memo, 0)
    reorganise(bitcoin, rival)
    bitcoin.mine()
    standing = ours.status(BLOCK, standing.memo, 0)
    bitcoin.mine(2)
    assert ours.status(BLOCK, standing.memo, 0).at == "waiting"
    bitcoin.mine()
    assert ours.status(BLOCK, standing.memo, 0).at == "void"


def test_a_block_that_comes_while_one_looks_makes_nothing_void(
    bitcoin: BitcoinPeer,
) -> None:
    """Not even where one confirmation is enough: the tip that was asked for is behind the coins."""
    coin = bitcoin.fund(script_of("while one looks"), COIN_SATS)
    with running_proxy(bitcoin) as proxy:
        ours = network(proxy.url, "while one looks", coin, confirmations=1)
        memo = sent(bitcoin, ours, BLOCK)
        before = bitcoin.call("getbestblockhash")
        bitcoin.mine()
        proxy.lies["getbestblockhash"] = lambda _: before
        proxy.lies["gettxout"] = lambda _: None
        looked = ours.status(BLOCK, memo, 0)
        assert looked.at == "waiting"
        proxy.lies.clear()
        assert ours.status(BLOCK, looked.memo, 0).at == "final"


# Bumps.


def test_a_bump_offers_more_for_the_same_coin(bitcoin: BitcoinPeer) -> None:
    ours = wallet(bitcoin, "bumped")
    memo = ours.prepare(BLOCK, {})
    for _ in range(5):
        memo = ours.bump(BLOCK, memo)
    spending = read_memo(memo)
    fees = [send.fee for send in spending.sends]
    assert fees[0] == 2 * VBYTES
    for fee, more in pairwise(fees):
        assert more >= fee * 1.125
        assert more >= fee + VBYTES  # BIP 125 rule 4
    assert len(set(spending.txids)) == 6


def test_what_is_not_included_for_too_long_is_stuck(bitcoin: BitcoinPeer) -> None:
    ours = wallet(bitcoin, "stuck")
    memo = ours.status(BLOCK, sent(bitcoin, ours, BLOCK), 1_000).memo
    assert ours.status(BLOCK, memo, 1_000 + STUCK_MS - 1).at == "waiting"
    assert ours.status(BLOCK, memo, 1_000 + STUCK_MS).at == "stuck"
    bumped = ours.bump(BLOCK, memo)
    assert ours.status(BLOCK, bumped, 1_000 + STUCK_MS).at == "waiting"


def test_a_bump_is_included_where_the_original_never_came(bitcoin: BitcoinPeer) -> None:
    ours = wallet(bitcoin, "bump alone")
    memo = send(bitcoin, ours, BLOCK, ours.bump(BLOCK, ours.prepare(BLOCK, {})))
    bitcoin.mine()
    standing = ours.status(BLOCK, memo, 0)
    assert (standing.at, included(standing.memo)) == ("included", newest(memo))
    assert saw(bitcoin, proof_of(ours, BLOCK, standing.memo), BLOCK)


def test_the_original_is_found_after_a_bump(bitcoin: BitcoinPeer) -> None:
    ours = wallet(bitcoin, "original after all")
    original = sent(bitcoin, ours, BLOCK)
    bumped = ours.broadcast(BLOCK, ours.bump(BLOCK, original))
    bitcoin.mine()
    standing = ours.status(BLOCK, bumped, 0)
    assert (standing.at, included(standing.memo)) == ("included", newest(original))
    assert saw(bitcoin, proof_of(ours, BLOCK, standing.memo), BLOCK)


def test_two_sends_for_one_block_cannot_both_confirm(bitcoin: BitcoinPeer) -> None:
    ours = wallet(bitcoin, "two sends")
    original = sent(bitcoin, ours, BLOCK)
    bumped = ours.bump(BLOCK, original)
    elsewhere = ours.prepare(BLOCK, {})  # a second attester that knows nothing of the first
    other = ours.bump(BLOCK, ours.bump(BLOCK, elsewhere))
    for memo in (bumped, other):
        ours.broadcast(BLOCK, memo)
    bitcoin.mine()
    for memo in (bumped, other):
        ours.broadcast(BLOCK, memo)
    hashes = bitcoin.mine(3)
    held = {txid for hash_ in hashes for txid in bitcoin.txids(hash_)}
    assert ours.status(BLOCK, original, 0).at == "final"
    for memo in (bumped, other):
        assert newest(memo) != newest(original)
        assert not bitcoin.waits(newest(memo))
        assert newest(memo) not in held


def test_the_replacement_is_mined_instead_of_the_original(
    bitcoin: BitcoinPeer, rival: BitcoinPeer
) -> None:
    """And what was prepared on the original's change is void, once that is sure."""
    ours = wallet(bitcoin, "replaced")
    join(bitcoin, rival)
    original = sent(bitcoin, ours, BLOCK)
    bumped = ours.bump(BLOCK, original)
    bitcoin.mine()
    first = ours.status(BLOCK, bumped, 0)
    assert included(first.memo) == newest(original)
    second = ours.prepare(NEXT, first.memo)
    rival.send(read_memo(bumped).newest.raw)
    rival.mine()
    reorganise(bitcoin, rival)
    replaced = ours.status(BLOCK, first.memo, 0)
    assert replaced.at == "included"
    assert included(replaced.memo) == newest(bumped)
    assert saw(bitcoin, proof_of(ours, BLOCK, replaced.memo), BLOCK)
    standing = ours.status(NEXT, second, 0)
    assert standing.at == "waiting"
    bitcoin.mine(3)
    standing = ours.status(NEXT, standing.memo, 0)
    assert standing.at == "void"
    assert mined(bitcoin, ours, NEXT, replaced.memo)


def test_a_coin_that_somebody_else_spends_makes_the_attempt_void(bitcoin: BitcoinPeer) -> None:
    """Such as another service with the same key."""
    ours = wallet(bitcoin, "key used twice")
    memo = ours.prepare(BLOCK, {})
    spending = read_memo(memo)
    stranger = Payment(spending.coin, spending.sats, Hash(bytes(32)), spending.sats - 1_000)
    bitcoin.send(sign_payment(stranger, signer_of("key used twice")))
    assert ours.status(BLOCK, memo, 0).at == "dropped"
    bitcoin.mine()
    standing = ours.status(BLOCK, memo, 0)
    assert standing.at == "waiting"
    bitcoin.mine(2)
    assert ours.status(BLOCK, standing.memo, 0).at == "waiting"
    bitcoin.mine()
    assert ours.status(BLOCK, standing.memo, 0).at == "void"
    with pytest.raises(EmptyWallet):
        ours.prepare(BLOCK, {})
    coin = bitcoin.fund(script_of("key used twice"), COIN_SATS)
    assert mined(bitcoin, network(bitcoin.url, "key used twice", coin), BLOCK)


def test_a_stranger_whose_block_is_undone_makes_nothing_void(bitcoin: BitcoinPeer) -> None:
    ours = wallet(bitcoin, "stranger undone")
    memo = ours.prepare(BLOCK, {})
    spending = read_memo(memo)
    stranger = Payment(spending.coin, spending.sats, Hash(bytes(32)), spending.sats - 1_000)
    bitcoin.send(sign_payment(stranger, signer_of("stranger undone")))
    bitcoin.mine()
    standing = ours.status(BLOCK, memo, 0)
    bitcoin.forget(1)
    bitcoin.mine(5)
    assert ours.status(BLOCK, standing.memo, 0).at == "dropped"
