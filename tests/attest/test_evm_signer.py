"""Our transactions are those that eth-account makes and reads: the wallet, without a node."""

from __future__ import annotations

import random

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hexbytes import HexBytes
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.adapters.evm.memo import EvmMemo, Offer, format_memo, parse_memo
from chalicelib.adapters.evm.network import EvmChain
from chalicelib.adapters.evm.node import Place
from chalicelib.adapters.evm.wallet import (
    FeeCap,
    Fees,
    address_of,
    bumped_fees,
    can_bump,
    first_fees,
    gas_of,
    sign_transaction,
)
from chalicelib.adapters.secp256k1 import LocalSecp256k1
from chalicelib.notary.limits import GREATEST_CAP_GWEI
from chalicelib.proof.evm.transaction import Transaction, format_address, parse_transaction
from chalicelib.proof.hashes import Hash, sha256
from chalicelib.proof.jcs import format_jcs, parse_ijson

from .evm_accounts import Account, TypedTransaction

FEES = st.integers(0, 10**16)


def random_transaction(dice: random.Random, to: bytes) -> Transaction:
    """Of any size: small numbers and great ones, with zero bytes at either end."""

    def number(bits: int) -> int:
        return dice.getrandbits(dice.randrange(bits + 1))

    return Transaction(
        chain_id=1 + number(31),
        nonce=number(63),
        tip=number(80),
        max_fee=number(90),
        gas=number(40),
        to=to,
        value=number(100),
        data=dice.choice((b"", b"\0", b"TLLY\x01" + dice.randbytes(32), dice.randbytes(100))),
    )


def as_others_say(transaction: Transaction) -> dict[str, object]:
    return {
        "type": 2,
        "chainId": transaction.chain_id,
        "nonce": transaction.nonce,
        "maxPriorityFeePerGas": transaction.tip,
        "maxFeePerGas": transaction.max_fee,
        "gas": transaction.gas,
        "to": transaction.to,
        "value": transaction.value,
        "data": transaction.data,
        "accessList": (),
    }


@pytest.mark.parametrize("seed", range(8))
def test_eth_account_reads_what_we_sign_and_finds_our_address(seed: int) -> None:
    """A thousand random transactions of eight keys."""
    dice = random.Random(seed)
    signer = LocalSecp256k1(ec.generate_private_key(ec.SECP256K1()))
    address = format_address(address_of(signer))
    for _ in range(125):
        transaction = random_transaction(dice, dice.randbytes(20))
        signed = sign_transaction(signer, transaction)
        assert Account.recover_transaction(signed.raw) == address
        theirs = TypedTransaction.from_bytes(HexBytes(signed.raw)).as_dict()
        said = as_others_say(transaction)
        assert {name: theirs[name] for name in said} == said
        assert parse_transaction(signed.raw) == signed


@pytest.mark.parametrize("seed", range(8))
def test_we_read_what_eth_account_signs_and_find_its_address(seed: int) -> None:
    """Another thousand."""
    dice = random.Random(100 + seed)
    account = Account.create()
    for _ in range(125):
        transaction = random_transaction(dice, dice.randbytes(20))
        theirs = Account.sign_transaction(as_others_say(transaction), account.key)
        signed = parse_transaction(bytes(theirs.raw_transaction))
        assert signed.transaction == transaction
        assert signed.hash == bytes(theirs.hash)
        assert format_address(signed.sender()) == account.address


def test_a_key_that_signs_other_digests_is_not_used() -> None:
    """As moto's KMS does, which hashes again what it is told is a digest."""

    class HashesAgain(LocalSecp256k1):
        def sign(self, digest: bytes) -> bytes:
            return super().sign(sha256(digest))

    signer = HashesAgain(ec.generate_private_key(ec.SECP256K1()))
    with pytest.raises(AssertionError):
        sign_transaction(signer, Transaction(1, 0, 1, 2, 21_000, bytes(20), 0, b""))


@given(FEES, FEES, st.integers(1, 9 * 10**15))
def test_no_offer_is_above_the_cap_or_below_what_is_needed(base: int, tip: int, cap: int) -> None:
    if base + tip > cap:
        with pytest.raises(FeeCap):
            first_fees(base, tip, cap)
    else:
        fees = first_fees(base, tip, cap)
        assert base + tip <= fees.max_fee <= cap
        assert fees.tip == tip


@given(st.integers(0, 10**15), st.integers(0, 10**15), FEES, FEES, st.integers(1, 9 * 10**15))
def test_a_bump_raises_both_fees_by_an_eighth_or_more(
    max_fee: int, tip: int, base: int, present_tip: int, cap: int
) -> None:
    old = Fees(max_fee, min(tip, max_fee))
    if not can_bump(old, cap):
        with pytest.raises(FeeCap):
            bumped_fees(old, base, present_tip, cap)
        return
    new = bumped_fees(old, base, present_tip, cap)
    for was, now in zip(old, new, strict=True):
        assert now > was
        assert 8 * now >= 9 * was
    assert new.tip <= new.max_fee <= cap
    assert new.max_fee == cap or new.max_fee >= 2 * base + present_tip


def test_the_gas_is_that_of_the_floor_of_eip_7623() -> None:
    """Four tokens a byte that is not zero, at 10 gas each."""
    assert gas_of(b"") == 21_000
    assert gas_of(b"\1" * 37) == 22_480
    assert gas_of(b"\0" * 37) == 21_370


HASHES = st.builds(Hash, st.binary(min_size=32, max_size=32))
NUMBERS = st.integers(0, 2**53 - 1)


@given(
    st.builds(
        EvmMemo,
        nonce=NUMBERS,
        offers=st.lists(
            st.builds(Offer, st.binary(), HASHES, st.builds(Fees, NUMBERS, NUMBERS)), min_size=1
        ).map(tuple),
        included=st.none() | st.builds(Place, NUMBERS, HASHES),
        final=st.booleans(),
        waiting_ms=st.none() | NUMBERS,
        underpriced=st.booleans(),
    )
)
def test_a_memo_survives_its_storage_as_json(memo: EvmMemo) -> None:
    stored = parse_ijson(format_jcs(format_memo(memo)))
    assert isinstance(stored, dict)
    assert parse_memo(stored) == memo


def test_a_chain_is_configured_with_sense() -> None:
    good = EvmChain("eip155:1", GREATEST_CAP_GWEI, 0, 1)
    assert (good.id, good.cap) == (1, GREATEST_CAP_GWEI * 10**9)
    for chain in ("eip155:0", "eip155:01", "eip155:x", "bip122:1", "eip155:1\n", "1"):
        with pytest.raises(ValueError, match="CAIP-2"):
            EvmChain(chain, 1, 0)
    for cap in (0, GREATEST_CAP_GWEI + 1):
        with pytest.raises(ValueError, match="fee cap"):
            EvmChain("eip155:1", cap, 0)
    with pytest.raises(ValueError, match="confirmation"):
        EvmChain("eip155:1", 1, 0, 0)
