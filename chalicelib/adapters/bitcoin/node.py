"""A Bitcoin node by its RPC: Bitcoin Core from 0.21, without ``txindex``, or bcoin.

Everything that comes from it is read strictly: what is not in the protocol is ``Unreachable``,
hashes that do not fit what they are said to be of are ``FalseProof``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from ...notary.networks import FalseProof, Unreachable, WrongNetwork
from ...proof.bitcoin.evidence import HEADER_BYTES, parse_bitcoin_header
from ...proof.errors import Malformed
from ...proof.jcs import JsonValue
from ...proof.members import read_hex, read_integer, read_list, read_object
from ...proof.policy import ChainHeader
from ..jsonrpc import JsonRpc, RpcError

SATS = 100_000_000
"""Satoshis in a bitcoin."""

_CHAIN = re.compile(r"bip122:[0-9a-f]{32}")
_OUT_OF_RANGE = -8
_BYTES, _DECODED = False, True
_WITHOUT_MEMPOOL = False
_TARGET_BLOCKS = 6
"""A fee is asked for that confirms within about an hour."""

T = TypeVar("T")


class MalformedAmount(Malformed):
    """Not a number of bitcoins."""


class Tip(NamedTuple):
    """A block of the best chain; hashes and transaction ids are as Bitcoin displays them."""

    height: int
    hash: str


class Coin(NamedTuple):
    """An unspent output, confirmed ``confirmations`` blocks deep in the chain of ``tip``."""

    sats: int
    script: bytes
    confirmations: int
    coinbase: bool
    tip: str


class BitcoinNode:
    """A node of ``chain``, the CAIP-2 id: ``bip122:`` and 32 hex digits of its genesis block."""

    def __init__(self, rpc: JsonRpc, chain: str) -> None:
        if not _CHAIN.fullmatch(chain):
            raise ValueError("a Bitcoin chain is bip122: and 32 hex digits of its genesis block")
        self.chain = chain
        self._rpc = rpc

    def check_chain(self) -> None:
        """Raises WrongNetwork when the node is of another chain."""
        genesis = self.block_hash(0)
        if genesis is None or f"bip122:{genesis[:32]}" != self.chain:
            raise WrongNetwork(f"the node is not of {self.chain}")

    def tip(self) -> Tip:
        hash_ = self._read(_read_display, "getbestblockhash")
        return Tip(self._height(hash_), hash_)

    def block_hash(self, height: int) -> str | None:
        """The hash of the best chain's block at this height; None above its tip."""
        try:
            return self._read(_read_display, "getblockhash", height)
        except RpcError as error:
            if error.code != _OUT_OF_RANGE:
                raise
            return None

    def has(self, block: Tip) -> bool:
        """Whether the block is in the best chain."""
        return self.block_hash(block.height) == block.hash

    def header(self, height: int) -> ChainHeader | None:
        """The header at this height in the best chain, with the hash that it really has; None
        above the tip. Raises FalseProof for bytes that are not of the block that was asked for."""
        hash_ = self.block_hash(height)
        if hash_ is None:
            return None
        data = self._read(_read_header, "getblockheader", hash_, _BYTES)
        if parse_bitcoin_header(data).hash != hash_:
            raise FalseProof(f"the header of block {height} has another hash than its own")
        return ChainHeader(height, hash_, data)

    def txids(self, hash_: str) -> list[str]:
        """The ids of a block's transactions in their order."""
        return self._read(_read_txids, "getblock", hash_, _DECODED)

    def coin(self, txid: str, vout: int) -> Coin | None:
        """An output that is confirmed, and not spent by anything confirmed; else None."""
        return self._read(_read_coin, "gettxout", txid, vout, _WITHOUT_MEMPOOL)

    def confirmed_by(self, coin: Coin) -> Tip:
        """The block that confirmed a coin, as far as the best chain has not changed since."""
        height = self._height(coin.tip) - coin.confirmations + 1
        hash_ = self.block_hash(height) if height >= 0 else None
        if hash_ is None:
            raise Unreachable("the chain changed while it was looked at")
        return Tip(height, hash_)

    def waits(self, txid: str) -> bool:
        """Whether the transaction waits in the node's mempool."""
        try:
            self._rpc.call("getmempoolentry", txid)
        except RpcError as error:
            # Core says -5, bcoin -1, which it says of everything: the text decides.
            if "not in mempool" not in error.message.lower():
                raise
            return False
        return True

    def fee_rate(self) -> int | None:
        """Satoshis for a virtual byte, rounded up, that the node thinks enough; None if unknown."""
        return self._read(_read_fee_rate, "estimatesmartfee", _TARGET_BLOCKS)

    def send(self, raw: bytes) -> None:
        """Hand over a transaction. Raises RpcError when the node will not have it."""
        self._rpc.call("sendrawtransaction", raw.hex())

    def _height(self, hash_: str) -> int:
        return self._read(_read_height, "getblockheader", hash_, _DECODED)

    def _read(self, read: Callable[[JsonValue, str], T], method: str, *params: JsonValue) -> T:
        try:
            return read(self._rpc.call(method, *params), method)
        except Malformed as error:
            raise Unreachable(f"{method}: the answer is not as expected") from error


def _read_display(value: JsonValue, what: str) -> str:
    return read_hex(value, what, 32).hex()


def _read_height(value: JsonValue, what: str) -> int:
    return read_integer(read_object(value, what).get("height"), what)


def _read_header(value: JsonValue, what: str) -> bytes:
    return read_hex(value, what, HEADER_BYTES)


def _read_txids(value: JsonValue, what: str) -> list[str]:
    return [
        _read_display(item, what) for item in read_list(read_object(value, what).get("tx"), what)
    ]


def _read_coin(value: JsonValue, what: str) -> Coin | None:
    if value is None:
        return None
    members = read_object(value, what)
    script = read_object(members.get("scriptPubKey"), what)
    return Coin(
        sats=_read_sats(members.get("value"), what),
        script=read_hex(script.get("hex"), what),
        confirmations=read_integer(members.get("confirmations"), what),
        coinbase=members.get("coinbase") is True,
        tip=_read_display(members.get("bestblock"), what),
    )


def _read_fee_rate(value: JsonValue, what: str) -> int | None:
    """Core calls it ``feerate`` and leaves it out, bcoin calls it ``fee`` and says -1."""
    members = read_object(value, what)
    rate = members.get("feerate", members.get("fee"))
    if rate is None or rate == -1:
        return None
    return math.ceil(_read_sats(rate, what) / 1000)


def _read_sats(value: JsonValue, what: str) -> int:
    """An amount in bitcoins. A float holds all amounts that exist, to the satoshi."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 21e6:
        raise MalformedAmount(f"{what}: an amount is a number of bitcoins")
    return round(value * SATS)
