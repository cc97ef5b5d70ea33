"""Transactions of type 2: read exactly, and their senders derived from their signatures."""

from __future__ import annotations

from contextlib import suppress

import pytest
import rlp  # type: ignore[import-untyped]
from eth_hash.auto import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.proof.errors import Malformed
from chalicelib.proof.evm.rlp import MalformedInteger, MalformedRlp, TrailingRlp, TruncatedRlp
from chalicelib.proof.evm.secp256k1 import N, RecoverableSignature, SignatureOutOfRange
from chalicelib.proof.evm.transaction import (
    MalformedTransaction,
    SignedTransaction,
    Transaction,
    format_address,
    parse_transaction,
)

from .vectors import load_vectors

VECTORS = {n: v for n, v in load_vectors("evm").items() if n.startswith("transaction-")}
ERRORS = {
    error.__name__: error
    for error in (
        MalformedTransaction,
        MalformedInteger,
        MalformedRlp,
        TrailingRlp,
        TruncatedRlp,
        SignatureOutOfRange,
    )
}
GOOD = bytes.fromhex(VECTORS["transaction-good"]["raw"])

U64 = st.integers(0, 2**64 - 1)
U256 = st.integers(0, 2**256 - 1)
TRANSACTIONS = st.builds(
    Transaction,
    chain_id=st.integers(1, 2**64 - 1),
    nonce=U64,
    tip=U256,
    max_fee=U256,
    gas=U64,
    to=st.binary(min_size=20, max_size=20),
    value=U256,
    data=st.binary(max_size=300),
)
SIGNATURES = st.builds(
    RecoverableSignature, st.integers(1, N - 1), st.integers(1, N // 2), st.integers(0, 1)
)


def as_others_write(transaction: Transaction, *signature: int) -> bytes:
    fields = [
        transaction.chain_id,
        transaction.nonce,
        transaction.tip,
        transaction.max_fee,
        transaction.gas,
        transaction.to,
        transaction.value,
        transaction.data,
        [],
        *signature,
    ]
    encoded: bytes = b"\x02" + rlp.encode(fields)
    return encoded


@pytest.mark.parametrize("name", VECTORS)
def test_transaction_vector(name: str) -> None:
    vector = VECTORS[name]
    raw = bytes.fromhex(vector["raw"])
    if "error" in vector:
        with pytest.raises(ERRORS[vector["error"]]):
            parse_transaction(raw)
        return
    signed = parse_transaction(raw)
    transaction = signed.transaction
    assert signed.raw == raw
    assert signed.hash.hex() == vector["hash"]
    assert signed.sender().hex() == vector["sender"]
    for name in ("chain_id", "nonce", "tip", "max_fee", "gas", "value"):
        assert getattr(transaction, name) == int(vector[name])
    assert (transaction.to.hex(), transaction.data.hex()) == (vector["to"], vector["data"])


@given(TRANSACTIONS, SIGNATURES)
def test_transactions_are_written_as_others_write_them_and_read_again(
    transaction: Transaction, signature: RecoverableSignature
) -> None:
    r, s, parity = signature
    signed = SignedTransaction(transaction, signature)
    assert signed.raw == as_others_write(transaction, parity, r, s)
    assert signed.hash == keccak(signed.raw)
    assert transaction.digest == keccak(as_others_write(transaction))
    assert parse_transaction(signed.raw) == signed


@settings(deadline=None)
@given(st.integers(0, len(GOOD)), st.integers(0, 3), st.binary(max_size=3))
def test_any_mutation_is_another_transaction_or_refused(at: int, cut: int, put: bytes) -> None:
    raw = GOOD[:at] + put + GOOD[at + cut :]
    with suppress(Malformed):
        assert parse_transaction(raw).raw == raw


@given(st.binary(max_size=200))
def test_any_bytes_are_a_transaction_or_refused(raw: bytes) -> None:
    for data in (raw, b"\x02" + raw):
        with suppress(Malformed):
            assert parse_transaction(data).raw == data


@pytest.mark.parametrize(
    "text",
    [
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
        "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
        "0x52908400098527886E0F7030069857D2E4169EE7",
        "0xde709f2102306220921060314715629080e2fb77",
    ],
)
def test_addresses_are_shown_with_their_checksum(text: str) -> None:
    """The examples of EIP-55."""
    assert format_address(bytes.fromhex(text[2:])) == text
