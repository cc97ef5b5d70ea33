"""An Ethereum-like chain attests to blocks: on anvil, and on Hardhat for what it does differently.

The nodes are real, their chains are private. Each test has a key of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.adapters.evm.block import encode_header
from chalicelib.adapters.evm.memo import parse_memo
from chalicelib.adapters.evm.wallet import FeeCap, gas_of
from chalicelib.notary.networks import (
    EmptyWallet,
    Memo,
    Network,
    NetworkRefused,
    Unreachable,
    WrongNetwork,
)
from chalicelib.proof.block import Block
from chalicelib.proof.errors import CannotTell, Invalid
from chalicelib.proof.evm.evidence import evm_calldata
from chalicelib.proof.limits import EVM_CLOCK_S
from chalicelib.proof.policy import ChainHeader
from infra.peers.anvil import Anvil, running_anvil
from infra.peers.ethereum import EthereumPeer
from infra.peers.hardhat import running_hardhat

from .evm_accounts import Account
from .evm_proxy import running_proxy
from .evm_world import (
    GWEI,
    NOW_MS,
    STUCK_MS,
    World,
    block_at,
    check_with_others,
    fees_of,
    hash_of,
    make_block,
    move,
    parts,
    place_of,
    prove,
    raw_of,
    trusted,
    verify_offline,
)

FINAL = 5
"""Blocks after which anvil calls a block final, with 2 slots in an epoch; Hardhat's are counted."""


@pytest.fixture(scope="module")
def anvil(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Anvil]:
    with running_anvil(tmp_path_factory.mktemp("anvil")) as peer:
        yield peer


@pytest.fixture(scope="module")
def hardhat(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EthereumPeer]:
    with running_hardhat(tmp_path_factory.mktemp("hardhat")) as peer:
        yield peer


def make_world(peer: EthereumPeer, confirmations: int | None = None) -> World:
    """A funded key, at a base fee of 1 gwei."""
    peer.set_base_fee(GWEI)
    world = World(peer, confirmations).funded()
    peer.mine()
    return world


@pytest.fixture
def world(anvil: Anvil) -> World:
    return make_world(anvil)


@pytest.fixture(params=["anvil", "anvil-by-depth", "hardhat-by-depth"])
def any_world(request: pytest.FixtureRequest) -> World:
    name, _, by_depth = request.param.partition("-")
    return make_world(request.getfixturevalue(name), FINAL if by_depth else None)


def test_the_network_is_an_adapter_of_the_port(world: World) -> None:
    network: Network = world.network
    assert network.name == "eip155:31337"
    assert network.check == "attestation:evm:eip155:31337"
    assert network.serial


def test_a_block_is_attested_from_end_to_end(any_world: World) -> None:
    world, block, network = any_world, make_block(), any_world.network
    memo = network.prepare(block, {})
    assert world.nonce() == 0
    assert network.proof(block, memo) is None
    assert network.status(block, memo, NOW_MS).at == "dropped"  # prepared, but never sent
    memo = network.broadcast(block, memo)
    at, memo = network.status(block, memo, NOW_MS)
    assert (at, network.proof(block, memo)) == ("waiting", None)
    world.peer.mine()
    at, memo = network.status(block, memo, NOW_MS)
    assert at == "included"
    number, hash_ = place_of(memo)
    assert block_at(world.peer, number)["hash"] == hash_
    attestation = network.proof(block, memo)
    assert attestation is not None
    world.peer.mine(FINAL - 2)
    assert network.status(block, memo, NOW_MS).at == "included"
    world.peer.mine()
    at, memo = network.status(block, memo, NOW_MS)
    assert at == "final"
    assert network.proof(block, memo) == attestation

    headers = trusted(world.peer, attestation)
    sighting = verify_offline(attestation, block, headers)
    timestamp_s = int(block_at(world.peer, number)["timestamp"], 16)
    assert sighting.earliest_ms == timestamp_s * 1_000
    assert sighting.latest_ms == (timestamp_s + EVM_CLOCK_S) * 1_000
    assert sighting.chain == world.peer.chain
    assert f"block {number} of {world.peer.chain}" in sighting.by
    assert Account.from_key(secret_of(world)).address in sighting.by
    check_with_others(world.peer, attestation, memo)
    with pytest.raises(Invalid):
        verify_offline(attestation, make_block(2), headers)
    with pytest.raises(CannotTell):
        verify_offline(attestation, block, [])
    before = block_at(world.peer, number - 1)
    fork = ChainHeader(number, before["hash"], headers[0].header)
    with pytest.raises(CannotTell):
        verify_offline(attestation, block, [fork])


def secret_of(world: World) -> bytes:
    return world.secret.private_numbers().private_value.to_bytes(32, "big")


def test_it_costs_the_gas_of_the_formula_and_nothing_else(any_world: World) -> None:
    block = make_block()
    memo = any_world.send(block)
    any_world.peer.mine()
    receipt: Any = any_world.peer.call("eth_getTransactionReceipt", hash_of(memo))
    assert int(receipt["gasUsed"], 16) == gas_of(evm_calldata(block.hash))
    assert any_world.spent() == int(receipt["gasUsed"], 16) * int(receipt["effectiveGasPrice"], 16)


def send_others(peer: EthereumPeer) -> None:
    """Transactions of other people, of every type that a block can hold with ours."""
    accounts: Any = peer.call("eth_accounts")
    access = [{"address": accounts[2], "storageKeys": ["0x" + "01" * 32, "0x" + "00" * 32]}]
    kinds: list[dict[str, Any]] = [
        {"type": "0x0", "gasPrice": hex(5 * GWEI)},
        {"type": "0x1", "gasPrice": hex(5 * GWEI), "accessList": access},
        {"type": "0x2", "accessList": access, "data": "0x00ff"},
        {"type": "0x2", "to": None, "data": "0x6000"},  # makes a contract
    ]
    for kind in kinds * 5:
        transaction = {"from": accounts[0], "to": accounts[1], "value": "0x1", "gas": "0x20000"}
        peer.call("eth_sendTransaction", {**transaction, **kind})
    someone = Account.create()
    code = {"chainId": peer.chain_id, "address": bytes(20), "nonce": 1}
    send_from(peer, someone, authorizationList=[someone.sign_authorization(code)])


def send_from(peer: EthereumPeer, someone: Any, **members: Any) -> None:
    """The first transaction of an account, signed by eth-account."""
    peer.fund(someone.address)
    transaction = {
        "chainId": peer.chain_id,
        "nonce": 0,
        "maxFeePerGas": 6 * GWEI,
        "maxPriorityFeePerGas": GWEI,
        "gas": 100_000,
        "to": someone.address,
        **members,
    }
    signed = Account.sign_transaction(transaction, someone.key)
    peer.call("eth_sendRawTransaction", "0x" + signed.raw_transaction.hex())


def test_it_is_proven_among_transactions_of_every_type(any_world: World) -> None:
    """But for those with blobs: for them anvil makes another root than EIP-4844, and Hardhat takes
    none. How they are read is compared with eth-account."""
    world, block = any_world, make_block()
    send_others(world.peer)
    memo = world.send(block)
    world.peer.mine()
    mined = block_at(world.peer, "latest", full=True)["transactions"]
    assert {transaction["type"] for transaction in mined} == {"0x0", "0x1", "0x2", "0x4"}
    attestation = prove(world.network, block, memo)
    assert len(parts(attestation)[3]) > 1
    verify_offline(attestation, block, trusted(world.peer, attestation))
    check_with_others(world.peer, attestation, memo)


def test_blocks_follow_one_another_with_one_nonce_each(any_world: World) -> None:
    world = any_world
    before: Memo = {}
    for height in range(1, 4):
        before = world.send(make_block(height), before)
        assert parse_memo(before).nonce == height - 1
        world.peer.mine()
        at, before = world.network.status(make_block(height), before, NOW_MS)
        assert at == "included"


# The answer is lost, or the transaction is.


def test_an_answer_lost_after_broadcast_is_neither_lost_nor_paid_twice(any_world: World) -> None:
    block = make_block()
    with running_proxy(any_world.peer.url) as proxy:
        proxy.lose = {"eth_sendRawTransaction"}
        network = any_world.network_at(proxy.url)
        memo = network.prepare(block, {})
        with pytest.raises(Unreachable):
            network.broadcast(block, memo)
        proxy.lose = set()
        assert network.status(block, memo, NOW_MS).at == "waiting"
        assert network.broadcast(block, memo) == memo  # already known
    any_world.peer.mine()
    assert any_world.network.broadcast(block, memo) == memo  # the nonce is too low
    assert any_world.network.status(block, memo, NOW_MS).at == "included"
    any_world.peer.mine(2)
    assert any_world.nonce() == 1


def test_a_dropped_transaction_is_sent_again(any_world: World) -> None:
    block, network = make_block(), any_world.network
    memo = any_world.send(block)
    any_world.peer.drop(hash_of(memo))
    at, memo = network.status(block, memo, NOW_MS)
    assert at == "dropped"
    memo = network.broadcast(block, memo)
    any_world.peer.mine()
    assert network.status(block, memo, NOW_MS).at == "included"


def test_two_attesters_that_send_the_same_bytes_pay_once(any_world: World) -> None:
    block = make_block()
    memo = any_world.network.prepare(block, {})
    for _ in range(2):
        any_world.network.broadcast(block, memo)
    any_world.peer.mine(2)
    assert any_world.nonce() == 1


def test_two_attesters_that_prepared_at_once_exclude_each_other(any_world: World) -> None:
    """Only one memo is stored; but even if both were sent, one alone could be mined."""
    block, other = make_block(1), make_block(2)
    memo, late = any_world.network.prepare(block, {}), any_world.network.prepare(other, {})
    assert parse_memo(memo).nonce == parse_memo(late).nonce
    memo = any_world.network.broadcast(block, memo)
    late = any_world.network.broadcast(other, late)
    assert parse_memo(late).underpriced
    any_world.peer.mine()
    assert any_world.network.status(block, memo, NOW_MS).at == "included"
    assert any_world.network.status(other, late, NOW_MS).at == "waiting"
    any_world.peer.mine(FINAL)
    assert any_world.network.status(other, late, NOW_MS).at == "void"
    assert any_world.nonce() == 1


# Fees.


def test_a_base_fee_spike_is_outbid(any_world: World) -> None:
    block, network, peer = make_block(), any_world.network, any_world.peer
    memo = any_world.send(block)
    peer.set_base_fee(20 * GWEI)
    peer.mine()
    at, memo = network.status(block, memo, NOW_MS)
    assert at == "stuck"
    bumped = network.bump(block, memo)
    old, new = fees_of(bumped)
    assert [old] == fees_of(memo)
    assert 8 * new.tip >= 9 * old.tip
    assert new.max_fee >= 2 * 15 * GWEI
    memo = network.broadcast(block, bumped)
    peer.mine()
    at, memo = network.status(block, memo, NOW_MS)
    assert at == "included"
    assert any_world.nonce() == 1
    attestation = network.proof(block, memo)
    assert attestation is not None
    verify_offline(attestation, block, trusted(peer, attestation))


def test_a_base_fee_above_the_cap_is_waited_for(any_world: World) -> None:
    """It is never paid; and when it has come down, the same bytes are good again."""
    block, network, peer = make_block(), any_world.network, any_world.peer
    memo = any_world.send(block)
    peer.drop(hash_of(memo))
    peer.set_base_fee(500 * GWEI)
    peer.mine()
    with pytest.raises(FeeCap):
        network.prepare(make_block(2), {})
    at, memo = network.status(block, memo, NOW_MS)
    assert at == "stuck"
    memo = network.bump(block, memo)
    assert fees_of(memo)[-1].max_fee == 100 * GWEI  # the cap
    with pytest.raises(FeeCap):
        network.bump(block, memo)
    assert FeeCap.name == "fee-cap"
    peer.set_base_fee(GWEI)
    peer.mine()
    at, memo = network.status(block, memo, NOW_MS)
    assert at == "dropped"
    memo = network.broadcast(block, memo)
    peer.mine()
    assert network.status(block, memo, NOW_MS).at == "included"


def test_an_offer_that_the_node_refuses_is_raised_or_reported(world: World) -> None:
    """anvil keeps nothing that is below the base fee."""
    block, network, peer = make_block(), world.network, world.peer
    memo = network.prepare(block, {})
    peer.set_base_fee(20 * GWEI)
    memo = network.broadcast(block, memo)
    assert parse_memo(memo).underpriced
    at, memo = network.status(block, memo, NOW_MS)
    assert at == "stuck"
    capped = replace(world, cap_gwei=fees_of(memo)[0].max_fee // GWEI).network
    with pytest.raises(FeeCap):
        capped.broadcast(block, memo)
    assert capped.status(block, memo, NOW_MS).at == "dropped"  # no bump is left: try it again
    peer.mine()
    memo = network.broadcast(block, network.bump(block, memo))
    assert not parse_memo(memo).underpriced
    peer.mine()
    assert network.status(block, memo, NOW_MS).at == "included"


def test_what_waits_too_long_is_bumped(any_world: World) -> None:
    block, network = make_block(), any_world.network
    memo = any_world.send(block)
    at, memo = network.status(block, memo, NOW_MS)
    assert at == "waiting"
    at, memo = network.status(block, memo, NOW_MS + STUCK_MS)
    assert at == "waiting"
    at, memo = network.status(block, memo, NOW_MS + STUCK_MS + 1)
    assert at == "stuck"
    memo = network.broadcast(block, network.bump(block, memo))
    at, memo = network.status(block, memo, NOW_MS + 2 * STUCK_MS)
    assert at == "waiting"  # the replacement has its own time
    any_world.peer.mine()
    assert network.status(block, memo, NOW_MS).at == "included"


# Replacements, and nonces that others use.


def test_the_original_is_found_when_it_is_mined_instead_of_its_replacement(
    any_world: World,
) -> None:
    block, network, peer = make_block(), any_world.network, any_world.peer
    memo = network.bump(block, any_world.send(block))  # stored, and the attester dies
    peer.mine()
    at, memo = network.status(block, network.broadcast(block, memo), NOW_MS)
    assert at == "included"
    check_inclusion(any_world, block, memo, offer=0)


def test_the_replacement_is_found_when_it_is_mined_instead_of_the_original(
    any_world: World,
) -> None:
    block, network, peer = make_block(), any_world.network, any_world.peer
    memo = any_world.send(block)
    memo = network.broadcast(block, network.bump(block, memo))
    peer.mine()
    at, memo = network.status(block, memo, NOW_MS)
    assert at == "included"
    check_inclusion(any_world, block, memo, offer=1)


def check_inclusion(world: World, block: Block, memo: Memo, offer: int) -> None:
    number, _ = place_of(memo)
    assert hash_of(memo, offer) in block_at(world.peer, number)["transactions"]
    assert world.nonce() == 1
    attestation = world.network.proof(block, memo)
    assert attestation is not None
    verify_offline(attestation, block, trusted(world.peer, attestation))


def test_a_replacement_that_was_lost_is_sent_again_while_the_original_waits(
    any_world: World,
) -> None:
    block, network = make_block(), any_world.network
    memo = network.bump(block, any_world.send(block))
    at, memo = network.status(block, memo, NOW_MS)
    assert at == "dropped"
    memo = network.broadcast(block, memo)
    any_world.peer.mine()
    assert hash_of(memo, 1) in block_at(any_world.peer, "latest")["transactions"]


def test_a_leftover_at_our_nonce_is_outbid(any_world: World) -> None:
    """Sent with our key by somebody, such as a deployment that was restored."""
    block, network = make_block(), any_world.network
    any_world.send_foreign(nonce=0, fee=4 * GWEI)
    memo = network.prepare(block, {})
    assert parse_memo(memo).nonce == 0
    memo = network.broadcast(block, memo)
    assert parse_memo(memo).underpriced
    while parse_memo(memo).underpriced:
        assert network.status(block, memo, NOW_MS).at == "stuck"
        memo = network.broadcast(block, network.bump(block, memo))
    any_world.peer.mine()
    assert network.status(block, memo, NOW_MS).at == "included"
    assert any_world.nonce() == 1


def test_a_nonce_that_is_used_by_another_transaction_is_void_once_that_is_final(
    any_world: World,
) -> None:
    block, network, peer = make_block(), any_world.network, any_world.peer
    memo = network.prepare(block, {})
    any_world.send_foreign(nonce=0)
    peer.mine()
    memo = network.broadcast(block, memo)
    assert network.status(block, memo, NOW_MS).at == "waiting"
    assert network.proof(block, memo) is None
    peer.mine(FINAL - 1)
    assert network.status(block, memo, NOW_MS).at == "void"
    memo = move(network, block, memo)
    assert parse_memo(memo).nonce == 1
    peer.mine()
    assert network.status(block, memo, NOW_MS).at == "included"


def test_nothing_is_void_while_nothing_is_final(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A chain so young that it has no such block."""
    with running_anvil(tmp_path_factory.mktemp("young")) as peer:
        world, block = World(peer, confirmations=50).funded(), make_block()
        memo = world.network.prepare(block, {})
        world.send_foreign(nonce=0)
        peer.mine()
        assert world.network.status(block, memo, NOW_MS).at == "waiting"


def test_a_gap_of_nonces_is_filled_by_the_next_attempt(any_world: World) -> None:
    """A leftover that waits for a nonce below its own does not hold us up."""
    block, network = make_block(), any_world.network
    any_world.send_foreign(nonce=1)
    memo = any_world.send(block)
    assert parse_memo(memo).nonce == 0
    any_world.peer.mine()
    assert network.status(block, memo, NOW_MS).at == "included"
    assert any_world.nonce() == 2
    assert parse_memo(network.prepare(make_block(2), memo)).nonce == 2


def test_an_attempt_behind_a_gap_waits_and_is_not_bumped(world: World, anvil: Anvil) -> None:
    """A reorg undid the attempt before it, which is going to be included again."""
    first, second, network = make_block(1), make_block(2), world.network
    one = world.send(first)
    anvil.mine()
    at, one = network.status(first, one, NOW_MS)
    assert at == "included"
    anvil.reorg(1)
    assert world.nonce() == 0
    two = network.prepare(second, one)
    assert parse_memo(two).nonce == 1
    two = network.broadcast(second, two)
    at, two = network.status(second, two, NOW_MS)
    assert at == "waiting"
    assert network.status(second, two, NOW_MS + 10 * STUCK_MS).at == "waiting"
    one = move(network, first, one)
    anvil.mine()
    assert network.status(first, one, NOW_MS).at == "included"
    assert network.status(second, two, NOW_MS).at == "included"
    assert world.nonce() == 2


def test_a_node_that_does_not_know_what_was_final_is_not_used(world: World, anvil: Anvil) -> None:
    """It is far behind, or its chain began anew: another transaction with that nonce would be
    paid for, perhaps beside the first."""
    memo = world.send(make_block())
    anvil.mine(1 + FINAL)
    at, memo = world.network.status(make_block(), memo, NOW_MS)
    assert at == "final"
    with running_proxy(anvil.url) as proxy:
        proxy.alter["eth_getTransactionCount"] = lambda _: "0x0"
        with pytest.raises(Unreachable):
            world.network_at(proxy.url).prepare(make_block(2), memo)
    assert parse_memo(world.network.prepare(make_block(2), memo)).nonce == 1


def test_the_first_attempt_of_another_key_has_the_first_nonce_of_that_key(
    world: World, anvil: Anvil
) -> None:
    """The operator has changed the key: what the old one sent says nothing about the new one."""
    before: Memo = {}
    for height in (1, 2):
        before = world.send(make_block(height), before)
        anvil.mine(1 + FINAL)
        at, before = world.network.status(make_block(height), before, NOW_MS)
        assert at == "final"
    assert parse_memo(before).nonce == 1
    renewed, block = World(anvil).funded(), make_block(3)
    memo = renewed.send(block, before)
    assert parse_memo(memo).nonce == 0
    anvil.mine()
    assert renewed.network.status(block, memo, NOW_MS).at == "included"


def test_what_another_key_sent_is_judged_by_the_nonces_of_that_key(
    world: World, anvil: Anvil
) -> None:
    """The key is changed while an attempt waits. The new one has used that nonce already, which
    makes nothing void; and it can make nothing that excludes what waits."""
    block, renewed = make_block(), World(anvil).funded()
    renewed.send_foreign(nonce=0)
    anvil.mine(1 + FINAL)
    memo = world.network.prepare(block, {})
    assert renewed.network.status(block, memo, NOW_MS).at == "dropped"
    with pytest.raises(NetworkRefused, match="another key"):
        renewed.network.bump(block, memo)
    memo = renewed.network.broadcast(block, memo)
    anvil.mine()
    assert renewed.network.status(block, memo, NOW_MS).at == "included"


# Reorgs.


def test_nothing_is_proven_before_it_was_seen_to_be_included(any_world: World) -> None:
    """What is in a block, and what is deep enough, is said by one look at the chain: a proof that
    knew of more would be about a block that nobody found deep enough."""
    block, network = make_block(), any_world.network
    memo = any_world.send(block)
    any_world.peer.mine()
    assert network.proof(block, memo) is None
    assert prove(network, block, memo).type == "evm"


def test_a_node_that_does_not_have_it_any_more_proves_nothing(world: World, anvil: Anvil) -> None:
    """Such as another one behind the same address, which is behind the first."""
    block = make_block()
    memo = world.send(block)
    anvil.mine()
    memo = world.network.status(block, memo, NOW_MS).memo
    with running_proxy(anvil.url) as proxy:
        proxy.alter["eth_getTransactionReceipt"] = lambda _: None
        with pytest.raises(Unreachable, match="the chain changed"):
            world.network_at(proxy.url).proof(block, memo)


def test_a_transaction_that_a_reorg_moves_is_proven_where_it_is_now(
    world: World, anvil: Anvil
) -> None:
    block, network = make_block(), world.network
    memo = world.send(block)
    anvil.mine(2)
    at, memo = network.status(block, memo, NOW_MS)
    assert at == "included"
    old = network.proof(block, memo)
    assert old is not None
    anvil.reorg(2, [(raw_of(memo), 1)])
    at, moved = network.status(block, memo, NOW_MS)
    assert at == "included"
    assert place_of(moved)[0] == place_of(memo)[0] + 1
    with pytest.raises(Unreachable, match="the chain changed"):
        network.proof(block, memo)  # it is not where this memo remembers it
    new = network.proof(block, moved)
    assert new is not None
    assert new != old
    verify_offline(new, block, trusted(anvil, new))
    with pytest.raises(Invalid):  # the height has another block now
        verify_offline(old, block, [header_at(anvil, place_of(memo)[0])])
    anvil.mine(FINAL)
    assert network.status(block, moved, NOW_MS).at == "final"


def header_at(peer: EthereumPeer, number: int) -> ChainHeader:
    said = block_at(peer, number)
    return ChainHeader(number, said["hash"], encode_header(said))


def test_a_transaction_that_a_reorg_removes_is_sent_again_and_proven_anew(
    world: World, anvil: Anvil
) -> None:
    block, network = make_block(), world.network
    memo = world.send(block)
    anvil.mine()
    at, memo = network.status(block, memo, NOW_MS)
    assert at == "included"
    old = network.proof(block, memo)
    anvil.reorg(1)
    at, memo = network.status(block, memo, NOW_MS)
    assert at == "dropped"
    assert parse_memo(memo).included is None
    assert network.proof(block, memo) is None
    memo = network.broadcast(block, memo)
    anvil.mine()
    at, memo = network.status(block, memo, NOW_MS)
    assert at == "included"
    new = network.proof(block, memo)
    assert new is not None
    assert new != old
    verify_offline(new, block, trusted(anvil, new))
    anvil.mine(FINAL)
    assert network.status(block, memo, NOW_MS).at == "final"
    assert world.nonce() == 1


# Wallet and chain.


def test_an_empty_wallet_stops_preparing_until_it_is_filled(any_world: World) -> None:
    block, network, peer = make_block(), any_world.network, any_world.peer
    peer.fund(any_world.address, 1_000)
    with pytest.raises(EmptyWallet):
        network.prepare(block, {})
    any_world.funded()
    assert parse_memo(network.prepare(block, {})).nonce == 0


def test_an_empty_wallet_stops_sending_until_it_is_filled(any_world: World) -> None:
    block, network, peer = make_block(), any_world.network, any_world.peer
    memo = network.prepare(block, {})
    peer.fund(any_world.address, 1_000)
    with pytest.raises(EmptyWallet):
        network.broadcast(block, memo)
    with pytest.raises(EmptyWallet):
        network.bump(block, memo)
    assert network.status(block, memo, NOW_MS).at == "dropped"
    any_world.funded()
    memo = network.broadcast(block, memo)
    peer.mine()
    assert network.status(block, memo, NOW_MS).at == "included"


def test_another_chain_is_noticed_whatever_is_asked(any_world: World) -> None:
    block, url = make_block(), any_world.peer.url
    memo = any_world.send(block)
    any_world.peer.mine()
    included = any_world.network.status(block, memo, NOW_MS).memo
    other = any_world.network_at(url, chain="eip155:1")
    for ask in (
        lambda: other.prepare(block, {}),
        lambda: other.bump(block, memo),
        lambda: other.status(block, memo, NOW_MS),
        lambda: other.proof(block, included),
    ):
        with pytest.raises(WrongNetwork):
            ask()


def test_a_transaction_for_another_chain_is_not_sent(any_world: World) -> None:
    """The url was changed to a node of another chain after it was signed."""
    block = make_block()
    with running_proxy(any_world.peer.url) as proxy:
        proxy.alter["eth_chainId"] = lambda _: "0x1"
        elsewhere = any_world.network_at(proxy.url, chain="eip155:1")
        memo = elsewhere.prepare(block, {})
    with pytest.raises(WrongNetwork):
        any_world.network_at(any_world.peer.url, chain="eip155:1").broadcast(block, memo)
    assert any_world.nonce() == 0


# The chain's clock.


@pytest.mark.parametrize("ahead_s", [1, 365 * 86_400], ids=["on-time", "a-year-ahead"])
def test_a_block_time_far_ahead_is_an_interval_and_no_reason_to_refuse(
    tmp_path_factory: pytest.TempPathFactory, ahead_s: int
) -> None:
    with running_anvil(tmp_path_factory.mktemp("clock")) as peer:
        world, block = World(peer).funded(), make_block()
        timestamp_s = int(block_at(peer, "latest")["timestamp"], 16) + ahead_s
        memo = world.send(block)
        peer.set_next_time(timestamp_s)
        peer.mine(1 + FINAL)
        at, memo = world.network.status(block, memo, NOW_MS)
        assert at == "final"
        attestation = world.network.proof(block, memo)
        assert attestation is not None
        sighting = verify_offline(attestation, block, trusted(peer, attestation))
        assert sighting.earliest_ms == timestamp_s * 1_000


def test_a_block_time_before_submission_is_an_interval_and_no_reason_to_refuse(
    world: World, anvil: Anvil
) -> None:
    """Our block says that it is of a time that the chain's block is before."""
    timestamp_s = int(block_at(anvil, "latest")["timestamp"], 16)
    block = make_block(timestamp_ms=(timestamp_s + 10 * 86_400) * 1_000)
    memo = world.send(block)
    anvil.mine()
    attestation = prove(world.network, block, memo)
    sighting = verify_offline(attestation, block, trusted(anvil, attestation))
    assert sighting.latest_ms < block.timestamp_ms
