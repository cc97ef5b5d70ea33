"""Blocks told in JSON are turned into the bytes that their hash is over; and nodes that lie, are
slow, or talk nonsense.

The node is real; what it says is altered by a proxy in front of it, the one mock in these tests.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from eth_hash.auto import keccak

from chalicelib.adapters.evm.block import encode_header, encode_transaction
from chalicelib.adapters.evm.memo import parse_memo
from chalicelib.adapters.evm.wallet import USUAL_TIP
from chalicelib.adapters.jsonrpc import RpcError
from chalicelib.notary.limits import ANSWER_BYTES, EVM_RAW_TRANSACTIONS
from chalicelib.notary.networks import (
    FalseProof,
    Memo,
    NetworkError,
    NetworkRefused,
    Unreachable,
)
from chalicelib.proof.block import Block
from infra.local_cloud import free_port
from infra.peers.anvil import Anvil, running_anvil

from .evm_accounts import Account
from .evm_proxy import Alter, Proxy, running_proxy
from .evm_world import (
    GWEI,
    NOW_MS,
    World,
    block_at,
    fees_of,
    hash_of,
    make_block,
    parts,
    place_of,
    prove,
    raw_of,
    trusted,
    verify_offline,
)

BLOCK = make_block()


@pytest.fixture(scope="module")
def anvil(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Anvil]:
    with running_anvil(tmp_path_factory.mktemp("anvil")) as peer:
        yield peer


@pytest.fixture(scope="module")
def proxied(anvil: Anvil) -> Iterator[Proxy]:
    with running_proxy(anvil.url) as proxy:
        yield proxy


@pytest.fixture
def proxy(proxied: Proxy) -> Proxy:
    """Honest at first."""
    proxied.make_honest()
    return proxied


@pytest.fixture(scope="module")
def mined(anvil: Anvil) -> tuple[World, Memo]:
    """An attempt that is in a block beside another's transaction."""
    anvil.set_base_fee(GWEI)
    world = World(anvil).funded()
    accounts: Any = anvil.call("eth_accounts")
    anvil.call("eth_sendTransaction", {"from": accounts[0], "to": accounts[1], "value": "0x1"})
    memo = world.send(BLOCK)
    anvil.mine()
    at, memo = world.network.status(BLOCK, memo, NOW_MS)
    assert at == "included"
    return world, memo


# What nodes tell, in bytes.

FEES = {"maxFeePerGas": 10**11, "maxPriorityFeePerGas": 10**9}
ACCESS = [{"address": "0x" + "0a" * 20, "storageKeys": ["0x" + "00" * 32, "0x" + "ff" * 32]}]
KINDS: dict[str, dict[str, Any]] = {
    "before-eip-155": {"gasPrice": 10**9, "chainId": None},
    "legacy": {"gasPrice": 10**9},
    "eip-2930": {"type": 1, "gasPrice": 10**9, "accessList": ACCESS},
    "eip-1559": {"type": 2, **FEES, "accessList": []},
    "eip-4844": {
        "type": 3,
        **FEES,
        "accessList": ACCESS,
        "maxFeePerBlobGas": 7,
        "blobVersionedHashes": [b"\1" + bytes(31), b"\1" + b"\xff" * 31],
    },
    "eip-7702": {"type": 4, **FEES, "accessList": []},
}


def sign_random(dice: random.Random, kind: str) -> tuple[dict[str, Any], Any]:
    """A transaction of this kind, and eth-account's signature of it."""
    account = Account.create()
    transaction: dict[str, Any] = {
        "chainId": 31337,
        "nonce": dice.choice((0, 1, 127, 128, dice.getrandbits(40))),
        "gas": dice.getrandbits(24),
        "to": account.address if kind == "eip-4844" or dice.random() < 0.7 else b"",
        "value": dice.choice((0, 127, 128, dice.getrandbits(80))),
        "data": dice.choice((b"", b"\0", dice.randbytes(40))),
        **KINDS[kind],
    }
    if kind == "eip-7702":
        transaction["to"] = account.address
        code = {"chainId": dice.choice((0, 31337)), "address": account.address, "nonce": 0}
        transaction["authorizationList"] = [account.sign_authorization(code)]
    if transaction["chainId"] is None:
        del transaction["chainId"]
    return transaction, Account.sign_transaction(transaction, account.key)


def tell(value: Any) -> Any:
    """As nodes write it in JSON."""
    match value:
        case int():
            return hex(value)
        case bytes():
            return "0x" + value.hex()
        case list() | tuple():
            return [tell(item) for item in value]
        case _:
            return value


def tell_transaction(transaction: dict[str, Any], signed: Any) -> dict[str, Any]:
    said = {name: tell(value) for name, value in transaction.items() if name != "authorizationList"}
    said |= {"input": said.pop("data"), "to": said["to"] if said["to"] != "0x" else None}
    said |= {name: tell(int(getattr(signed, name))) for name in ("v", "r", "s")}
    if "authorizationList" in transaction:
        said["authorizationList"] = [
            {
                "chainId": tell(each.chain_id),
                "address": tell(bytes(each.address)),
                "nonce": tell(each.nonce),
                "yParity": tell(each.y_parity),
                "r": tell(each.r),
                "s": tell(each.s),
            }
            for each in transaction["authorizationList"]
        ]
    return said


@pytest.mark.parametrize("kind", KINDS)
def test_transactions_told_in_json_have_the_bytes_that_eth_account_signed(kind: str) -> None:
    dice = random.Random(kind)
    for _ in range(30):
        transaction, signed = sign_random(dice, kind)
        assert encode_transaction(tell_transaction(transaction, signed)) == signed.raw_transaction


def test_a_transaction_of_a_type_to_come_is_not_guessed() -> None:
    assert encode_transaction({"type": "0x7e"}) is None


def test_headers_told_in_json_have_the_hash_of_their_block(anvil: Anvil) -> None:
    anvil.mine(2)
    for number in range(3):
        said = block_at(anvil, number)
        assert "0x" + keccak(encode_header(said)).hex() == said["hash"]


def test_a_header_with_a_field_of_another_name_is_fetched_as_it_is(
    mined: tuple[World, Memo], proxy: Proxy
) -> None:
    """As after the next change of the protocol: the new field is not known to us by its name."""
    world, memo = mined
    number, block = place_of(memo)
    header = encode_header(block_at(world.peer, number))
    proxy.alter["eth_getBlockByHash"] = without("requestsHash")
    with pytest.raises(RpcError):  # anvil does not know the method
        world.network_at(proxy.url).proof(BLOCK, memo)
    proxy.alter["debug_getRawHeader"] = lambda _: "0x" + header.hex()
    attestation = world.network_at(proxy.url).proof(BLOCK, memo)
    assert attestation == world.network.proof(BLOCK, memo)
    proxy.alter["debug_getRawHeader"] = lambda _: "0x" + header[:-1].hex() + "00"
    with pytest.raises(FalseProof):
        world.network_at(proxy.url).proof(BLOCK, memo)
    assert block_at(world.peer, number)["hash"] == block


def test_a_transaction_of_a_type_to_come_is_fetched_as_it_is(
    mined: tuple[World, Memo], proxy: Proxy
) -> None:
    world, memo = mined
    proxy.alter["eth_getBlockByHash"] = in_transaction(0, type="0x7e")
    attestation = world.network_at(proxy.url).proof(BLOCK, memo)
    assert attestation == world.network.proof(BLOCK, memo)
    assert "eth_getRawTransactionByBlockHashAndIndex" in proxy.asked
    proxy.alter["eth_getRawTransactionByBlockHashAndIndex"] = lambda raw: raw[:-2] + "00"
    with pytest.raises(FalseProof):
        world.network_at(proxy.url).proof(BLOCK, memo)


def test_not_every_transaction_of_a_large_block_is_fetched_by_itself(
    mined: tuple[World, Memo], proxy: Proxy
) -> None:
    world, memo = mined
    unknown = [{"type": "0x7e"}] * (EVM_RAW_TRANSACTIONS + 1)
    proxy.alter["eth_getBlockByHash"] = in_transactions(lambda _: unknown)
    with pytest.raises(Unreachable, match="unknown types"):
        world.network_at(proxy.url).proof(BLOCK, memo)
    assert "eth_getRawTransactionByBlockHashAndIndex" not in proxy.asked


# Lies.


def constant(value: Any) -> Alter:
    return lambda _: value


def without(name: str) -> Alter:
    return lambda said: {key: value for key, value in said.items() if key != name}


def with_members(**members: Any) -> Alter:
    return lambda said: {**said, **members}


def in_transaction(index: int, **members: Any) -> Alter:
    def alter(said: dict[str, Any]) -> dict[str, Any]:
        transactions = list(said["transactions"])
        transactions[index] = {**transactions[index], **members}
        return {**said, "transactions": transactions}

    return alter


def in_transactions(change: Callable[[list[Any]], list[Any]]) -> Alter:
    return lambda said: {**said, "transactions": change(said["transactions"])}


LIES: dict[str, dict[str, Alter]] = {
    "ours-is-not-there": {"eth_getBlockByHash": in_transactions(lambda all_: [])},
    "another-is-missing": {
        "eth_getBlockByHash": in_transactions(
            lambda all_: [each for each in all_ if each["input"] != "0x"]
        )
    },
    "one-more": {"eth_getBlockByHash": in_transactions(lambda all_: [*all_, all_[0]])},
    "in-another-order": {"eth_getBlockByHash": in_transactions(lambda all_: all_[::-1])},
    "another-is-altered": {"eth_getBlockByHash": in_transaction(0, value="0x2", nonce="0x9")},
    "all-are-altered": {
        "eth_getBlockByHash": in_transactions(lambda all_: [{**each, "r": "0x1"} for each in all_])
    },
    "another-header": {
        "eth_getBlockByHash": with_members(timestamp="0x1"),
        "debug_getRawHeader": lambda _: "0xc0",
    },
    "another-transactions-root": {
        "eth_getBlockByHash": with_members(transactionsRoot="0x" + "11" * 32),
        "debug_getRawHeader": lambda _: "0x",
    },
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_about_a_block_is_a_false_proof(
    mined: tuple[World, Memo], proxy: Proxy, lie: str
) -> None:
    world, memo = mined
    assert world.network_at(proxy.url).proof(BLOCK, memo) is not None
    proxy.alter = LIES[lie]
    with pytest.raises(FalseProof) as caught:
        world.network_at(proxy.url).proof(BLOCK, memo)
    assert FalseProof.name == "false-proof"
    assert "http" not in str(caught.value)


def test_an_inclusion_that_never_was_is_a_false_proof(
    mined: tuple[World, Memo], anvil: Anvil, proxy: Proxy
) -> None:
    """The node says that our transaction is in a block that exists, but does not hold it."""
    world = World(anvil).funded()
    memo = world.network.prepare(make_block(7), {})
    receipt = anvil.call("eth_getTransactionReceipt", hash_of(mined[1]))
    proxy.alter["eth_getTransactionReceipt"] = lambda _: receipt
    liar = world.network_at(proxy.url)
    at, memo = liar.status(make_block(7), memo, NOW_MS)
    assert at in ("included", "final")
    with pytest.raises(FalseProof):
        liar.proof(make_block(7), memo)
    at, memo = world.network.status(make_block(7), memo, NOW_MS)  # an honest one is asked
    assert at == "dropped"


def test_a_block_at_another_height_than_is_said_is_a_false_proof(
    mined: tuple[World, Memo], proxy: Proxy
) -> None:
    world, memo = mined
    number, block = place_of(memo)
    said = {**block_at(world.peer, number), "number": hex(number + 1)}
    proxy.alter["eth_getTransactionReceipt"] = with_members(blockNumber=hex(number + 1))
    proxy.alter["eth_getBlockByNumber"] = lambda _: said
    with pytest.raises(FalseProof):
        prove(world.network_at(proxy.url), BLOCK, memo)
    assert said["hash"] == block


def test_a_block_of_no_type_2_header_is_a_false_proof(
    mined: tuple[World, Memo], proxy: Proxy
) -> None:
    """Its hash is right, its fields are not those of a header."""
    world, memo = mined
    number, _ = place_of(memo)
    said = {**block_at(world.peer, number, full=True), "miner": "0x"}
    hash_ = "0x" + keccak(encode_header(said)).hex()
    proxy.alter["eth_getTransactionReceipt"] = with_members(blockHash=hash_)
    proxy.alter["eth_getBlockByNumber"] = with_members(hash=hash_)
    proxy.alter["eth_getBlockByHash"] = lambda _: said
    with pytest.raises(FalseProof):
        prove(world.network_at(proxy.url), BLOCK, memo)


def test_a_receipt_of_a_block_that_is_not_in_the_chain_is_no_inclusion(
    mined: tuple[World, Memo], proxy: Proxy
) -> None:
    world, memo = mined
    proxy.alter["eth_getTransactionReceipt"] = with_members(blockHash="0x" + "11" * 32)
    network = world.network_at(proxy.url)
    as_for_what_waits = with_members(blockHash=None, blockNumber=None)  # some nodes say so
    for alter in (proxy.alter["eth_getTransactionReceipt"], as_for_what_waits):
        proxy.alter["eth_getTransactionReceipt"] = alter
        with pytest.raises(Unreachable, match="the chain changed"):
            network.proof(BLOCK, memo)
        at, after = network.status(BLOCK, memo, NOW_MS)
        assert at == "waiting"
        assert parse_memo(after).included is None
        assert network.proof(BLOCK, after) is None


def test_an_inclusion_between_two_questions_is_no_void(anvil: Anvil, proxy: Proxy) -> None:
    """At the first look it is nowhere; then its nonce is used, by itself."""
    world, block = World(anvil).funded(), make_block(3)
    memo = world.send(block)
    looks = iter([True])
    anvil.mine(6)
    proxy.alter["eth_getTransactionReceipt"] = lambda said: None if next(looks, False) else said
    proxy.alter["eth_getTransactionByHash"] = lambda _: None
    assert world.network_at(proxy.url).status(block, memo, NOW_MS).at == "final"


# Nodes that cannot be used.


def asks(world: World, network: Any, memo: Memo) -> dict[str, Callable[[], object]]:
    return {
        "prepare": lambda: network.prepare(make_block(9), {}),
        "broadcast": lambda: network.broadcast(BLOCK, memo),
        "status": lambda: network.status(BLOCK, memo, NOW_MS),
        "bump": lambda: network.bump(BLOCK, memo),
        "proof": lambda: network.proof(BLOCK, memo),
    }


OPERATIONS = ("prepare", "broadcast", "status", "bump", "proof")


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_node_that_is_down_is_unreachable(mined: tuple[World, Memo], operation: str) -> None:
    world, memo = mined
    network = world.network_at(f"http://someone:secret@127.0.0.1:{free_port()}")
    with pytest.raises(Unreachable) as caught:
        asks(world, network, memo)[operation]()
    assert "127.0.0.1" not in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_node_that_is_slow_is_unreachable(
    mined: tuple[World, Memo], proxy: Proxy, operation: str
) -> None:
    world, memo = mined
    proxy.slow_s = 0.3
    network = world.network_at(proxy.url, timeout_s=0.1)
    with pytest.raises(Unreachable):
        asks(world, network, memo)[operation]()


NONSENSE = {
    "nothing": b"",
    "html": b"<html>Bad gateway</html>",
    "an-array": b"[]",
    "a-number": b"7",
    "truncated": b'{"jsonrpc":"2.0","id":1,"resu',
    "an-error-without-a-code": b'{"error":{}}',
    "an-error-as-text": b'{"error":"no"}',
    "an-error-of-code-infinity": b'{"error":{"code":Infinity,"message":""}}',
    "an-error-of-code-1e999": b'{"error":{"code":1e999,"message":""}}',
    "an-error-of-code-nan": b'{"error":{"code":NaN,"message":""}}',
    "an-error-of-code-true": b'{"error":{"code":true,"message":""}}',
    "an-error-of-code-as-text": b'{"error":{"code":"-32000","message":""}}',
    "an-error-of-half-a-code": b'{"error":{"code":-32000.5,"message":""}}',
    "an-error-of-a-long-code": b'{"error":{"code":1%b,"message":""}}' % (b"0" * 4_000),
    "an-error-of-an-endless-code": b'{"error":{"code":1%b,"message":""}}' % (b"0" * 5_000),
    "no-utf-8": b'{"result":"\xff"}',
    "too-long": b'{"result":"' + b"0" * ANSWER_BYTES + b'"}',
    "deep": b"[" * 100_000,
}


@pytest.mark.parametrize("nonsense", NONSENSE)
def test_what_is_no_json_rpc_is_unreachable(
    mined: tuple[World, Memo], proxy: Proxy, nonsense: str
) -> None:
    world, memo = mined
    proxy.raw = NONSENSE[nonsense]
    for ask in asks(world, world.network_at(proxy.url), memo).values():
        with pytest.raises(Unreachable):
            ask()


def wrong(name: str, *values: Any) -> list[Alter]:
    return [with_members(**{name: value}) for value in values]


QUANTITIES: tuple[Any, ...] = (
    "0x",
    "0x01",
    "1",
    1,
    None,
    "0xg",
    "0x1_0",
    " 0x1",
    "0x-1",
    True,
    "0x" + "1" * 65,
)
HASHES: tuple[Any, ...] = ("0x", "0x11", "11" * 32, 7, "0x" + "g1" * 32, "0x" + "11" * 33, [])
WRONG: dict[str, tuple[str, list[Alter]]] = {
    "chain-id": ("eth_chainId", [constant(value) for value in QUANTITIES]),
    "block": ("eth_getBlockByHash", [lambda _: None, lambda _: [], lambda _: "0x"]),
    "transactions": ("eth_getBlockByHash", wrong("transactions", None, {}, ["0x" + "11" * 32])),
    "gas-used": ("eth_getBlockByHash", wrong("gasUsed", *QUANTITIES)),
    "parent": ("eth_getBlockByHash", wrong("parentHash", None, "11", "0x1", 5)),
    "receipt": ("eth_getTransactionReceipt", [lambda _: "0x", lambda _: []]),
    "receipt-number": ("eth_getTransactionReceipt", wrong("blockNumber", *QUANTITIES)),
    "receipt-number-2-to-the-53": ("eth_getTransactionReceipt", wrong("blockNumber", hex(2**53))),
    "receipt-hash": ("eth_getTransactionReceipt", wrong("blockHash", *HASHES)),
    "head": ("eth_getBlockByNumber", [lambda _: [], lambda _: "0x"]),
    "base-fee": ("eth_getBlockByNumber", wrong("baseFeePerGas", *QUANTITIES)),
    "head-hash": ("eth_getBlockByNumber", wrong("hash", *HASHES)),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_not_in_the_form_of_ethereum_is_unreachable(
    mined: tuple[World, Memo], proxy: Proxy, what: str
) -> None:
    """Quantities in shortest hex, data in whole bytes: a lax reader takes two for one."""
    world, memo = mined
    method, alters = WRONG[what]
    for alter in alters:
        proxy.alter = {method: alter}
        with pytest.raises(Unreachable):
            world.network_at(proxy.url).proof(BLOCK, memo)


@pytest.mark.parametrize(
    "method",
    ["eth_getTransactionCount", "eth_getBalance", "eth_maxPriorityFeePerGas"],
)
def test_nonsense_while_preparing_is_unreachable(
    mined: tuple[World, Memo], proxy: Proxy, method: str
) -> None:
    world, _ = mined
    nonsense: list[Any] = [*QUANTITIES, [], {}]
    for value in nonsense:
        proxy.alter = {method: constant(value)}
        with pytest.raises(Unreachable):
            world.network_at(proxy.url).prepare(make_block(9), {})


def test_a_node_without_blocks_is_unreachable(mined: tuple[World, Memo], proxy: Proxy) -> None:
    world, _ = mined
    proxy.alter["eth_getBlockByNumber"] = lambda _: None
    with pytest.raises(Unreachable):
        world.network_at(proxy.url).prepare(make_block(9), {})


def test_a_node_that_suggests_no_tip_gets_the_usual_one(anvil: Anvil, proxy: Proxy) -> None:
    world = World(anvil).funded()
    refused = b'{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no such method"}}'
    proxy.refuse = {"eth_maxPriorityFeePerGas": refused}
    memo = world.network_at(proxy.url).prepare(BLOCK, {})
    assert fees_of(memo)[0].tip == USUAL_TIP


@pytest.mark.parametrize(
    ("message", "outcome"),
    [
        ("already known", "sent"),
        ("ALREADY_EXISTS: already known", "sent"),
        ("AlreadyKnown", "sent"),
        ("Known transaction", "sent"),
        ("nonce too low: next nonce 5, tx nonce 4", "sent"),
        ("OldNonce, Current nonce: 5, nonce of rejected tx: 4", "sent"),
        ("replacement transaction underpriced", "underpriced"),
        ("transaction underpriced: gas tip cap 1, minimum needed 2", "underpriced"),
        ("ReplacementNotAllowed", "underpriced"),
        ("FeeTooLow, MaxFeePerGas too low", "underpriced"),
        ("Gas price below configured minimum gas price", "underpriced"),
        ("insufficient funds for gas * price + value: balance 0", "empty-wallet"),
        ("Upfront cost exceeds account balance", "empty-wallet"),
        ("txpool is full", "refused"),
        ("unknown transaction type", "refused"),
        ("intrinsic gas too low", "refused"),
        ("", "refused"),
    ],
)
def test_what_other_nodes_say_to_a_transaction_is_understood(
    anvil: Anvil, proxy: Proxy, message: str, outcome: str
) -> None:
    """The words of geth, erigon, nethermind and besu, which are not here to say them."""
    world = World(anvil).funded()
    memo = world.network.prepare(BLOCK, {})
    said = b'{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"%s"}}' % message.encode()
    proxy.refuse = {"eth_sendRawTransaction": said}
    network = world.network_at(proxy.url)
    if outcome in ("sent", "underpriced"):
        after = network.broadcast(BLOCK, memo)
        assert parse_memo(after).underpriced == (outcome == "underpriced")
    else:
        with pytest.raises(NetworkError) as caught:
            network.broadcast(BLOCK, memo)
        assert caught.value.name == outcome
        assert message == "" or message not in str(caught.value)
        assert isinstance(caught.value, NetworkRefused) == (outcome == "refused")


UNHEARD_OF = b'{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"tx in mempool, sorry"}}'


def test_a_refusal_in_unknown_words_is_none_if_the_node_has_the_transaction(
    anvil: Anvil, proxy: Proxy
) -> None:
    """Whether it waits or is in a block; the status then says where it stands."""
    world = World(anvil).funded()
    network, memo = world.network_at(proxy.url), world.network.prepare(BLOCK, {})
    proxy.refuse = {"eth_sendRawTransaction": UNHEARD_OF}
    with pytest.raises(NetworkRefused):
        network.broadcast(BLOCK, memo)
    anvil.call("eth_sendRawTransaction", raw_of(memo))
    assert network.broadcast(BLOCK, memo) == memo
    anvil.mine()
    assert network.broadcast(BLOCK, memo) == memo
    bumped = world.network.bump(BLOCK, memo)  # never sent, and the first one is in a block
    assert network.broadcast(BLOCK, bumped) == bumped
    assert network.status(BLOCK, bumped, NOW_MS).at == "included"


def test_the_evidence_is_the_same_whoever_carries_it(
    mined: tuple[World, Memo], proxy: Proxy
) -> None:
    world, memo = mined
    attestation = world.network_at(proxy.url).proof(BLOCK, memo)
    assert attestation is not None
    assert parts(attestation)[0] == "eip155:31337"
    verify_offline(attestation, BLOCK, trusted(world.peer, attestation))
    other = Block("tally.example/other", 1, BLOCK.previous, 1, BLOCK.root, NOW_MS)
    with pytest.raises(FalseProof):  # the transaction is of another block than is asked for
        world.network.proof(other, memo)
