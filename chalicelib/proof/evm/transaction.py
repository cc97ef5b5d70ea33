"""Transactions with a fee market (EIP-1559, type 2 of EIP-2718), their signatures and senders.

``raw = 02 ‖ rlp([chain id, nonce, tip, max fee, gas, to, value, data, access list, parity, r,
s])``; what is signed is the Keccak-256 hash of the same without the last three. Only transactions
to an address and without an access list are read, because those that we send are such.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import Malformed
from ..hashes import Hash
from .keccak import keccak256
from .rlp import Rlp, decode_rlp, encode_rlp, format_integer, read_bytes, read_integer
from .secp256k1 import RecoverableSignature, check_signature, recover

TYPE = b"\x02"
ADDRESS_BYTES = 20
_WORD = 32


class MalformedTransaction(Malformed):
    """Not a signed transaction of type 2 to an address, without an access list."""


@dataclass(frozen=True, slots=True)
class Transaction:
    """Fees are per gas, amounts in wei. ``tip`` is max_priority_fee_per_gas, ``to`` 20 bytes."""

    chain_id: int
    nonce: int
    tip: int
    max_fee: int
    gas: int
    to: bytes
    value: int
    data: bytes

    @property
    def digest(self) -> Hash:
        """What its sender signs."""
        return keccak256(TYPE + encode_rlp(self._fields()))

    def _fields(self) -> list[Rlp]:
        numbers = (self.chain_id, self.nonce, self.tip, self.max_fee, self.gas)
        return [*map(format_integer, numbers), self.to, format_integer(self.value), self.data, []]


@dataclass(frozen=True, slots=True)
class SignedTransaction:
    transaction: Transaction
    signature: RecoverableSignature

    @property
    def raw(self) -> bytes:
        """As it is sent, and as it stands in the block's trie."""
        r, s, parity = self.signature
        signature = map(format_integer, (parity, r, s))
        return TYPE + encode_rlp([*self.transaction._fields(), *signature])

    @property
    def hash(self) -> Hash:
        return keccak256(self.raw)

    def sender(self) -> bytes:
        """The address whose key signed; raises NoSigner. It costs a recovery."""
        return address(recover(self.transaction.digest, self.signature))


def parse_transaction(raw: bytes) -> SignedTransaction:
    """Read a signed transaction; raises Malformed. Whether its signature is anybody's is not
    checked here."""
    if raw[:1] != TYPE:
        raise MalformedTransaction("a transaction of type 2 begins with 02")
    fields = decode_rlp(raw[1:])
    if isinstance(fields, bytes) or len(fields) != 12:
        raise MalformedTransaction("a transaction of type 2 has 12 fields")
    data, access = fields[7], fields[8]
    if not isinstance(data, bytes) or access != []:
        raise MalformedTransaction("the data is a string, the access list empty")
    transaction = Transaction(
        chain_id=read_integer(fields[0], "chain id"),
        nonce=read_integer(fields[1], "nonce"),
        tip=read_integer(fields[2], "max priority fee per gas", _WORD),
        max_fee=read_integer(fields[3], "max fee per gas", _WORD),
        gas=read_integer(fields[4], "gas limit"),
        to=read_bytes(fields[5], "to", ADDRESS_BYTES),
        value=read_integer(fields[6], "value", _WORD),
        data=data,
    )
    parity = read_integer(fields[9], "parity", 1)
    r, s = read_integer(fields[10], "r", _WORD), read_integer(fields[11], "s", _WORD)
    signature = check_signature(RecoverableSignature(r, s, parity))
    return SignedTransaction(transaction, signature)


def address(public: bytes) -> bytes:
    """The 20 bytes of a public point 04 ‖ x ‖ y (Yellow Paper, appendix F)."""
    return keccak256(public[1:])[-ADDRESS_BYTES:]


def format_address(value: bytes) -> str:
    """0x and hex digits whose case is a checksum (EIP-55)."""
    digits = value.hex()
    marks = keccak256(digits.encode()).hex()
    return "0x" + "".join(
        digit.upper() if mark >= "8" else digit for digit, mark in zip(digits, marks, strict=False)
    )
