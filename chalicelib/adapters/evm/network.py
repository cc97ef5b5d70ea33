"""``Network`` of an Ethereum-like chain: a transaction to ourselves that carries the block hash.

One nonce an attempt. Whatever is signed for it excludes the rest, and the attempt is included when
any of it is: so every replacement is kept and looked up. The first nonce that is in no block is
taken, whatever waits there already: if that is somebody's with our key (a leftover of a restore),
either ours replaces it, bump by bump, or it is included and ours becomes void and is made again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ...notary.limits import GREATEST_CAP_GWEI
from ...notary.networks import (
    EmptyWallet,
    FalseProof,
    Memo,
    NetworkRefused,
    Standing,
    Unreachable,
    WrongNetwork,
)
from ...proof.block import Block
from ...proof.errors import ProofError
from ...proof.evm.evidence import evm_attestation, evm_calldata, verify_evm
from ...proof.evm.transaction import Transaction, parse_transaction
from ...proof.policy import ChainHeader
from ...proof.receipt import Attestation
from ..jsonrpc import JsonRpc, RpcError
from ..secp256k1 import ChainSigner
from .block import fetch_proof
from .json import format_data
from .memo import EvmMemo, Offer, format_memo, parse_memo
from .node import EvmNode, Head, Place
from .wallet import (
    GWEI,
    USUAL_TIP,
    FeeCap,
    Fees,
    address_of,
    bumped_fees,
    can_bump,
    first_fees,
    gas_of,
    sign_transaction,
)

_CHAIN = re.compile(r"eip155:([1-9][0-9]{0,15})")

_KNOWN = re.compile(r"already ?known|already imported|\bknown transaction", re.IGNORECASE)
_SPENT = re.compile(r"nonce (is )?too low|oldnonce|nonce has already been used", re.IGNORECASE)
_POOR = re.compile(r"insufficient ?funds|enough funds|exceeds account balance", re.IGNORECASE)
_CHEAP = re.compile(
    r"underpriced|less than block base fee|replacement ?not ?allowed|fee ?too ?low|gas price below",
    re.IGNORECASE,
)
"""How geth, erigon, reth, nethermind, besu, anvil and hardhat put it; codes do not tell these
apart. A refusal that is not among them is reported as it is."""


@dataclass(frozen=True, slots=True)
class EvmChain:
    """One chain, and what we are willing to do there.

    ``chain`` is its CAIP-2 id. A block is final when the node's finalized tag has reached it or,
    with ``confirmations``, when it is the newest of so many blocks. No transaction offers more
    than ``max_fee_gwei`` per gas. What waits for longer than ``stuck_after_ms`` is bumped.
    """

    chain: str
    max_fee_gwei: int
    stuck_after_ms: int
    confirmations: int | None = None

    def __post_init__(self) -> None:
        if not _CHAIN.fullmatch(self.chain):
            raise ValueError(f"{self.chain!r} is not the CAIP-2 id of an Ethereum-like chain")
        if not 0 < self.max_fee_gwei <= GREATEST_CAP_GWEI:
            raise ValueError(f"a fee cap is from 1 to {GREATEST_CAP_GWEI} gwei")
        if self.confirmations is not None and self.confirmations < 1:
            raise ValueError("there is at least 1 confirmation")

    @property
    def id(self) -> int:
        return int(self.chain.partition(":")[2])

    @property
    def cap(self) -> int:
        """In wei per gas."""
        return self.max_fee_gwei * GWEI


class EvmNetwork:
    """``serial``: a nonce is used once, so the next attempt waits until this one is included."""

    serial = True

    def __init__(self, config: EvmChain, rpc: JsonRpc, signer: ChainSigner) -> None:
        self._config = config
        self._node = EvmNode(rpc)
        self._signer = signer

    @property
    def name(self) -> str:
        return self._config.chain

    @property
    def check(self) -> str:
        return f"attestation:evm:{self._config.chain}"

    def prepare(self, block: Block, before: Memo) -> Memo:
        self._check_chain()
        nonce = self._next_nonce(parse_memo(before) if before else None)
        fees = first_fees(self._node.latest().base_fee, self._tip(), self._config.cap)
        return format_memo(EvmMemo(nonce, (self._offer(block, nonce, fees),)))

    def bump(self, block: Block, memo: Memo) -> Memo:
        self._check_chain()
        was = parse_memo(memo)
        if _sender(was) != address_of(self._signer):
            raise NetworkRefused("another key signed it, and its nonce is that key's")
        base_fee = self._node.latest().base_fee
        fees = bumped_fees(was.newest.fees, base_fee, self._tip(), self._config.cap)
        offers = (*was.offers, self._offer(block, was.nonce, fees))
        return format_memo(EvmMemo(was.nonce, offers))

    def broadcast(self, block: Block, memo: Memo) -> Memo:  # noqa: ARG002 - the port's
        was = parse_memo(memo)
        return format_memo(was._replace(underpriced=not self._send(was)))

    def status(self, block: Block, memo: Memo, now_ms: int) -> Standing:  # noqa: ARG002
        self._check_chain()
        was = parse_memo(memo)
        latest = self._node.latest()
        final = self._final_number(latest)
        place = self._find(was)
        if place is not None:
            return self._included(was, place, final)
        was = was._replace(included=None, final=False)
        if self._node.knows(was.newest.hash):
            return self._waiting(was, latest, now_ms)
        return self._unknown(was, latest, final)

    def proof(self, block: Block, memo: Memo) -> Attestation | None:
        """Where ``status`` saw it and nowhere else: only that place was found deep enough."""
        was = parse_memo(memo)
        if was.included is None:
            return None
        self._check_chain()
        for offer in reversed(was.offers):
            if self._node.place(offer.hash) == was.included:
                return self._prove(block, offer, was.included)
        raise Unreachable("the chain changed while it was looked at")

    def _check_chain(self) -> None:
        found = self._node.chain_id()
        if found != self._config.id:
            raise WrongNetwork(f"the node is of eip155:{found}, not of {self._config.chain}")

    def _tip(self) -> int:
        tip = self._node.tip()
        return USUAL_TIP if tip is None else tip

    def _next_nonce(self, before: EvmMemo | None) -> int:
        """The first that is in no block. Our own included transaction counts even if this node
        does not know it (any more): if a reorg undid it, it is going to be included again. One of
        another key, which the operator has changed since, does not count."""
        ours = address_of(self._signer)
        nonce = self._node.nonce(ours)
        if before is None or nonce > before.nonce or _sender(before) != ours:
            return nonce
        if before.final:
            raise Unreachable("the node does not know yet what was final already")
        return before.nonce + 1

    def _offer(self, block: Block, nonce: int, fees: Fees) -> Offer:
        """The signed transaction with these fees; raises EmptyWallet if we could not pay them."""
        ours, data = address_of(self._signer), evm_calldata(block.hash)
        gas = gas_of(data)
        balance = self._node.balance(ours)
        if balance < gas * fees.max_fee:
            raise EmptyWallet(f"{format_data(ours)} has {balance} wei of {gas * fees.max_fee}")
        transaction = Transaction(
            self._config.id, nonce, fees.tip, fees.max_fee, gas, ours, 0, data
        )
        signed = sign_transaction(self._signer, transaction)
        return Offer(signed.raw, signed.hash, fees)

    def _send(self, was: EvmMemo) -> bool:
        """Whether the node took the newest, or has it. That its nonce is used already is for
        status."""
        try:
            self._node.send(was.newest.raw)
        except RpcError as error:
            message = error.message
            if _KNOWN.search(message) or _SPENT.search(message):
                return True
            if _POOR.search(message):
                raise EmptyWallet("the balance does not cover the fee") from error
            if _CHEAP.search(message):
                if not can_bump(was.newest.fees, self._config.cap):
                    raise FeeCap("the node asks for more, and the cap allows no bump") from error
                return False
            self._check_chain()
            # It may only say one of these in words of its own.
            if not self._node.knows(was.newest.hash) and not self._is_used(was):
                raise
        return True

    def _is_used(self, was: EvmMemo) -> bool:
        """Whether a transaction with its nonce is in a block."""
        return self._node.nonce(_sender(was)) > was.nonce

    def _final_number(self, latest: Head) -> int:
        """The greatest height that is final; -1 if none is."""
        if self._config.confirmations is not None:
            return max(latest.number - self._config.confirmations + 1, -1)
        finalized = self._node.head("finalized")
        return -1 if finalized is None else finalized.number

    def _find(self, memo: EvmMemo) -> Place | None:
        places = (self._node.place(offer.hash) for offer in reversed(memo.offers))
        return next((place for place in places if place is not None), None)

    def _included(self, was: EvmMemo, place: Place, final: int) -> Standing:
        is_final = place.number <= final
        memo = EvmMemo(was.nonce, was.offers, included=place, final=is_final)
        return Standing("final" if is_final else "included", format_memo(memo))

    def _waiting(self, was: EvmMemo, latest: Head, now_ms: int) -> Standing:
        """The newest waits: does it offer enough, and has it not waited for too long?"""
        since_ms = now_ms if was.waiting_ms is None else was.waiting_ms
        memo = format_memo(was._replace(waiting_ms=since_ms, underpriced=False))
        if was.newest.fees.max_fee < latest.base_fee:
            return Standing("stuck", memo)
        if now_ms - since_ms <= self._config.stuck_after_ms:
            return Standing("waiting", memo)
        # To offer more does not help while an earlier nonce is missing.
        is_next = self._node.nonce(_sender(was)) == was.nonce
        return Standing("stuck" if is_next else "waiting", memo)

    def _unknown(self, was: EvmMemo, latest: Head, final: int) -> Standing:
        """Neither in a block nor waiting: is its nonce used, is it too cheap, or just lost?"""
        memo = format_memo(was)
        if self._is_used(was):
            if final < 0 or self._node.nonce(_sender(was), final) <= was.nonce:
                return Standing("waiting", memo)
            place = self._find(was)  # once more: it may have been included meanwhile
            return Standing("void", memo) if place is None else self._included(was, place, final)
        refused = was.underpriced and can_bump(was.newest.fees, self._config.cap)
        is_stuck = refused or was.newest.fees.max_fee < latest.base_fee
        return Standing("stuck" if is_stuck else "dropped", memo)

    def _prove(self, block: Block, offer: Offer, place: Place) -> Attestation:
        found = fetch_proof(self._node, place.block, offer.raw)
        trusted = [ChainHeader(place.number, place.block.hex(), found.header)]
        try:
            verify_evm(self.name, found.header, found.index, found.nodes, block.hash, trusted)
        except ProofError as error:
            raise FalseProof(f"the evidence of {self.name} does not verify: {error}") from error
        return evm_attestation(self.name, found.header, found.index, found.nodes)


def _sender(memo: EvmMemo) -> bytes:
    """The address whose nonce it is: that of the key which signed, whatever the key is now."""
    return parse_transaction(memo.newest.raw).sender()
