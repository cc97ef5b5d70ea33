"""Our transactions on Ethereum-like chains: their gas, what they offer, how they are signed."""

from __future__ import annotations

from typing import NamedTuple

from ...notary.networks import NetworkRefused
from ...proof.evm.secp256k1 import RecoverableSignature, recover
from ...proof.evm.transaction import SignedTransaction, Transaction, address
from ..secp256k1 import ChainSigner

GWEI = 10**9
USUAL_TIP = GWEI
"""The priority fee offered where a node suggests none."""

TRANSACTION_GAS = 21_000
ZERO_GAS, BYTE_GAS = 4, 16
FLOOR_ZERO_GAS, FLOOR_BYTE_GAS = 10, 40
"""Gas of a transaction and of its calldata (Yellow Paper, appendix G; EIP-7623)."""


class FeeCap(NetworkRefused):
    """What the chain asks for is more than we are willing to pay."""

    name = "fee-cap"


class Fees(NamedTuple):
    """In wei per gas; the tip is part of ``max_fee``."""

    max_fee: int
    tip: int


def gas_of(data: bytes) -> int:
    """The gas of a transaction to an account without code: the greater of its intrinsic gas and
    of the floor of its calldata (EIP-7623)."""
    zeros = data.count(0)
    others = len(data) - zeros
    usual = ZERO_GAS * zeros + BYTE_GAS * others
    floor = FLOOR_ZERO_GAS * zeros + FLOOR_BYTE_GAS * others
    return TRANSACTION_GAS + max(usual, floor)


def first_fees(base_fee: int, tip: int, cap: int) -> Fees:
    """An offer that stays good while the base fee doubles, within the cap; raises FeeCap."""
    if base_fee + tip > cap:
        raise FeeCap(f"fees of {base_fee + tip} wei are more than the cap of {cap} wei per gas")
    return Fees(min(2 * base_fee + tip, cap), tip)


def bumped_fees(old: Fees, base_fee: int, tip: int, cap: int) -> Fees:
    """An offer that nodes take for a replacement, at least what is needed now if the cap allows;
    raises FeeCap."""
    least = Fees(*map(_bump, old))
    if least.max_fee > cap:
        raise FeeCap(f"a bump to {least.max_fee} wei is more than the cap of {cap} wei per gas")
    max_fee = min(max(least.max_fee, 2 * base_fee + tip), cap)
    return Fees(max_fee, min(max(least.tip, tip), max_fee))


def can_bump(old: Fees, cap: int) -> bool:
    return _bump(old.max_fee) <= cap


def _bump(fee: int) -> int:
    """+12.5 %, rounded up, and more than before: nodes ask for 10 or 12.5."""
    return fee + max(1, -(-fee // 8))


def address_of(signer: ChainSigner) -> bytes:
    return address(signer.public)


def sign_transaction(signer: ChainSigner, transaction: Transaction) -> SignedTransaction:
    """The transaction with its signature, and the parity that recovers to the signer's key."""
    digest = transaction.digest
    rs = signer.sign(digest)
    r, s = int.from_bytes(rs[:32], "big"), int.from_bytes(rs[32:], "big")
    for parity in (0, 1):
        signature = RecoverableSignature(r, s, parity)
        if recover(digest, signature) == signer.public:
            return SignedTransaction(transaction, signature)
    raise AssertionError("the key does not sign the digests that it is given")
