"""One node of an Ethereum-like chain: the few methods that attesting needs, with typed answers.

Every method raises RpcError, or Unreachable for what is no answer. Nothing here is believed more
than that the node said it.
"""

from __future__ import annotations

from typing import NamedTuple

from ...notary.networks import Unreachable
from ...proof.hashes import Hash
from ...proof.jcs import JsonValue
from ..jsonrpc import JsonRpc, RpcError
from .json import (
    Members,
    format_data,
    read_data,
    read_hash,
    read_members,
    read_number,
    read_quantity,
)

_FULL: JsonValue = True
_HASHES: JsonValue = False
"""A block's transactions in full, or their hashes alone."""


class Head(NamedTuple):
    """A block's number, hash, and base fee in wei per gas."""

    number: int
    hash: Hash
    base_fee: int


class Place(NamedTuple):
    """The block that a transaction is in."""

    number: int
    block: Hash


class EvmNode:
    def __init__(self, rpc: JsonRpc) -> None:
        self._rpc = rpc

    def chain_id(self) -> int:
        return read_quantity(self._rpc.call("eth_chainId"), "chain id")

    def header(self, tag: str | int) -> Members | None:
        """The block with this tag or number, without its transactions, as the node tells it; None
        if there is none (yet)."""
        block = self._rpc.call("eth_getBlockByNumber", _at(tag), _HASHES)
        return None if block is None else read_members(block, "block")

    def head(self, tag: str | int = "latest") -> Head | None:
        """The block with this tag or number; None if there is none (yet)."""
        members = self.header(tag)
        if members is None:
            return None
        return Head(
            read_number(members.get("number"), "block number"),
            read_hash(members.get("hash"), "block hash"),
            read_quantity(members.get("baseFeePerGas"), "base fee"),
        )

    def latest(self) -> Head:
        head = self.head()
        if head is None:
            raise Unreachable("the node has no block")
        return head

    def tip(self) -> int | None:
        """What the node suggests as priority fee, in wei per gas; None if it does not."""
        try:
            return read_quantity(self._rpc.call("eth_maxPriorityFeePerGas"), "priority fee")
        except RpcError:
            return None

    def nonce(self, address: bytes, tag: str | int = "latest") -> int:
        """How many transactions of this address are in blocks, up to the one given."""
        count = self._rpc.call("eth_getTransactionCount", format_data(address), _at(tag))
        return read_number(count, "nonce")

    def balance(self, address: bytes) -> int:
        answer = self._rpc.call("eth_getBalance", format_data(address), "latest")
        return read_quantity(answer, "balance")

    def send(self, raw: bytes) -> None:
        self._rpc.call("eth_sendRawTransaction", format_data(raw))

    def knows(self, transaction: Hash) -> bool:
        """Whether the transaction waits, or is in a block."""
        answer = self._rpc.call("eth_getTransactionByHash", format_data(transaction))
        return answer is not None

    def place(self, transaction: Hash) -> Place | None:
        """Where the transaction is, if its block is at its height in the node's chain now."""
        answer = self._rpc.call("eth_getTransactionReceipt", format_data(transaction))
        if answer is None:
            return None
        members = read_members(answer, "receipt")
        if members.get("blockHash") is None:
            return None
        number = read_number(members.get("blockNumber"), "block number")
        block = read_hash(members.get("blockHash"), "block hash")
        head = self.head(number)
        return Place(number, block) if head is not None and head.hash == block else None

    def block(self, block: Hash) -> Members:
        """A block with its transactions in full, as the node tells it."""
        answer = self._rpc.call("eth_getBlockByHash", format_data(block), _FULL)
        return read_members(answer, "block")

    def raw_header(self, block: Hash) -> bytes:
        return read_data(self._rpc.call("debug_getRawHeader", format_data(block)), "header")

    def raw_transaction(self, block: Hash, index: int) -> bytes:
        method = "eth_getRawTransactionByBlockHashAndIndex"
        return read_data(self._rpc.call(method, format_data(block), hex(index)), "transaction")


def _at(tag: str | int) -> JsonValue:
    return hex(tag) if isinstance(tag, int) else tag
