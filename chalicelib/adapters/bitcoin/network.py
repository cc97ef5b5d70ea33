"""Bitcoin attests to a block by a transaction that holds its hash (OP_RETURN), sent directly.

Every attempt spends one coin of one key: the change of the attempt before it, or at first the coin
of the configuration. All that is ever signed for an attempt spends the same coin, so Bitcoin itself
lets at most one of it confirm. What was found is only believed as far as the best chain still
holds it; the evidence is an OpenTimestamps proof, made here and verified before it is returned.
"""

from __future__ import annotations

from dataclasses import replace

from ...notary.limits import BITCOIN_SCAN_BLOCKS
from ...notary.networks import (
    EmptyWallet,
    FalseProof,
    Memo,
    NetworkRefused,
    Standing,
    Unreachable,
)
from ...proof.bitcoin.evidence import prove_in_bitcoin, undisplay, verify_opentimestamps
from ...proof.bitcoin.opentimestamps import opentimestamps_attestation
from ...proof.block import Block
from ...proof.errors import ProofError
from ...proof.receipt import Attestation
from ..jsonrpc import RpcError
from ..secp256k1 import ChainSigner
from .memo import Send, Spending, read_memo, write_memo
from .node import BitcoinNode, Tip
from .transaction import (
    CHANGE,
    DUST_SATS,
    VBYTES,
    Outpoint,
    Payment,
    format_outpoint,
    p2wpkh_script,
    parse_outpoint,
    sign_payment,
    strip_witness,
    txid_of,
)

COINBASE_BLOCKS = 100
"""A coin that mining made is spent only when so many blocks confirm it (consensus rule)."""


class FeeCap(NetworkRefused):
    """To go on, more would have to be paid than the configuration allows."""

    name = "fee-cap"


class UnconfirmedCoin(NetworkRefused):
    """The coin is not there yet, or not any more after a reorganisation: try later."""

    name = "unconfirmed-coin"


class NotOurCoin(NetworkRefused):
    """The coin of the configuration is not locked to our key."""

    name = "not-our-coin"


class BitcoinNetwork:
    """``Network`` of one Bitcoin chain. ``coin`` is ``txid:index``, where spending starts; another
    one there makes it start anew. Fees are in satoshis for a virtual byte."""

    serial = True

    def __init__(
        self,
        node: BitcoinNode,
        signer: ChainSigner,
        coin: str,
        *,
        fee_floor: int,
        fee_cap: int,
        confirmations: int = 6,
        stuck_after_ms: int = 7_200_000,
    ) -> None:
        self._node = node
        self._signer = signer
        if not 1 <= fee_floor <= fee_cap:
            raise ValueError("fee_floor is at least 1 and at most fee_cap")
        if confirmations < 1:
            raise ValueError("there is at least 1 confirmation")
        self._start = format_outpoint(parse_outpoint(coin))
        self._fee_floor = fee_floor
        self._fee_cap = fee_cap
        self._confirmations = confirmations
        self._stuck_after_ms = stuck_after_ms

    @property
    def name(self) -> str:
        return self._node.chain

    @property
    def check(self) -> str:
        return f"attestation:opentimestamps:{self._node.chain}"

    def prepare(self, block: Block, before: Memo) -> Memo:
        self._node.check_chain()
        coin, rivals = self._next_coin(before)
        found = self._node.coin(*coin)
        if found is None:
            if self._node.waits(coin.txid):
                raise UnconfirmedCoin("the coin waits for its own confirmation")
            raise EmptyWallet("the coin is spent or unknown: configure another one")
        if found.script != p2wpkh_script(self._signer.public):
            raise NotOurCoin("the coin is not locked to the key of the configuration")
        if found.coinbase and found.confirmations < COINBASE_BLOCKS:
            raise UnconfirmedCoin(f"a mined coin needs {COINBASE_BLOCKS} confirmations")
        spending = Spending(
            start=self._start,
            coin=coin,
            sats=found.sats,
            parent=self._node.confirmed_by(found),
            rivals=rivals,
            since=self._node.tip().height,
            sends=(),
        )
        return write_memo(self._signed(block, spending, min(self._rate(), self._fee_cap) * VBYTES))

    def _next_coin(self, before: Memo) -> tuple[Outpoint, tuple[str, ...]]:
        """The coin to spend, and the transactions that would undo it."""
        last = read_memo(before) if before else None
        if last is None or last.start != self._start:
            return parse_outpoint(self._start), ()
        assert last.included is not None, "the attempt before is included"
        txid, block = last.included
        if not self._node.has(block):
            raise UnconfirmedCoin("the chain changed under the attempt before this one")
        return Outpoint(txid, CHANGE), tuple(other for other in last.txids if other != txid)

    def _rate(self) -> int:
        return max(self._fee_floor, self._node.fee_rate() or 0)

    def _signed(self, block: Block, spending: Spending, fee: int) -> Spending:
        change = spending.sats - fee
        if change < DUST_SATS:
            raise EmptyWallet(f"the coin has {spending.sats} satoshis, the fee is {fee}")
        payment = Payment(spending.coin, spending.sats, block.hash, change)
        raw = sign_payment(payment, self._signer)
        return replace(
            spending, sends=(*spending.sends, Send(txid_of(raw), raw, fee)), waiting_ms=None
        )

    def broadcast(self, block: Block, memo: Memo) -> Memo:  # noqa: ARG002
        spending = read_memo(memo)
        self._node.check_chain()
        try:
            self._node.send(spending.newest.raw)
        except RpcError:
            # It may only say that it has it already, in words that differ from node to node.
            if not self._waits(spending) and self._find(spending) is None:
                raise
        return memo

    def bump(self, block: Block, memo: Memo) -> Memo:
        spending = read_memo(memo)
        self._node.check_chain()
        least = _least_bump(spending.newest.fee)
        if least > self._fee_cap * VBYTES:
            raise FeeCap(f"the next fee would be {least} satoshis, above the cap")
        fee = min(max(least, self._rate() * VBYTES), self._fee_cap * VBYTES)
        return write_memo(self._signed(block, spending, fee))

    def status(self, block: Block, memo: Memo, now_ms: int) -> Standing:  # noqa: ARG002
        spending = read_memo(memo)
        self._node.check_chain()
        tip = self._node.tip()
        included = self._find(spending)
        if included is None:
            coin = self._node.coin(*spending.coin)
            if coin is not None or self._waits(spending):
                return self._outside(spending, now_ms)
            return self._search(spending, tip, now_ms)
        return self._inside(replace(spending, included=included), tip)

    def _find(self, spending: Spending) -> tuple[str, Tip] | None:
        """The transaction that is in the best chain, and its block: where it was, or where the
        node has its change."""
        if spending.included is not None and self._node.has(spending.included[1]):
            return spending.included
        for txid in reversed(spending.txids):
            change = self._node.coin(txid, CHANGE)
            if change is not None:
                block = self._node.confirmed_by(change)
                if txid not in self._node.txids(block.hash):
                    raise Unreachable("the chain changed while it was looked at")
                return txid, block
        return None

    def _waits(self, spending: Spending) -> bool:
        return any(self._node.waits(txid) for txid in spending.txids)

    def _inside(self, spending: Spending, tip: Tip) -> Standing:
        assert spending.included is not None
        _, block = spending.included
        memo = write_memo(replace(spending, waiting_ms=None, scanned=None, lost=None))
        final = tip.height - block.height + 1 >= self._confirmations
        return Standing("final" if final else "included", memo)

    def _outside(self, spending: Spending, now_ms: int) -> Standing:
        """It can still be included: it waits at the node or has to be sent again, and if that goes
        on for too long, more has to be offered, as far as that is allowed."""
        since_ms = now_ms if spending.waiting_ms is None else spending.waiting_ms
        memo = write_memo(
            replace(spending, included=None, waiting_ms=since_ms, scanned=None, lost=None)
        )
        waits = self._waits(spending)
        may_bump = _least_bump(spending.newest.fee) <= self._fee_cap * VBYTES
        if now_ms - since_ms >= self._stuck_after_ms and (waits or may_bump):
            return Standing("stuck", memo)
        return Standing("waiting" if waits else "dropped", memo)

    def _search(self, spending: Spending, tip: Tip, now_ms: int) -> Standing:
        """The coin is not there: it was spent, or the chain changed under it. Look at the blocks
        since it was prepared, some at a time, for what spent it or what it came from."""
        spending = replace(spending, included=None)
        seen = [block for block in (spending.lost, spending.scanned) if block is not None]
        if not all(self._node.has(block) for block in seen):
            spending = replace(spending, lost=None, scanned=None)
        lost_before = spending.lost
        first = max(0, spending.since - self._confirmations)
        if spending.scanned is not None:
            first = spending.scanned.height + 1
        last = min(tip.height, first + BITCOIN_SCAN_BLOCKS - 1)
        for height in range(first, last + 1):
            spending = self._look_into(spending, height, tip)
            if spending.included is not None:
                return self._inside(spending, tip)
        if last < tip.height:
            return Standing("waiting", write_memo(spending))
        if spending.lost is None:
            if not self._node.has(spending.parent):
                return self._outside(spending, now_ms)
            spending = replace(spending, lost=tip)
        # Not in the look that first sees it: a block may have come after ``tip`` was asked for, and
        # hold ours.
        final = lost_before is not None and tip.height - lost_before.height >= self._confirmations
        return Standing("void" if final else "waiting", write_memo(spending))

    def _look_into(self, spending: Spending, height: int, tip: Tip) -> Spending:
        hash_ = self._node.block_hash(height)
        if hash_ is None:
            raise Unreachable("the chain changed while it was looked at")
        block = Tip(height, hash_)
        held = set(self._node.txids(hash_))
        spending = replace(spending, scanned=block)
        if spending.coin.txid in held:
            spending = replace(spending, parent=block)
        if not held.isdisjoint(spending.rivals) and spending.lost is None:
            spending = replace(spending, lost=tip)
        for txid in spending.txids:
            if txid in held:
                spending = replace(spending, included=(txid, block))
        return spending

    def proof(self, block: Block, memo: Memo) -> Attestation | None:
        spending = read_memo(memo)
        if spending.included is None:
            return None
        self._node.check_chain()
        txid, (height, hash_) = spending.included
        header = self._node.header(height)
        if header is None or header.hash != hash_:
            raise Unreachable("the chain changed while it was looked at")
        txids = self._node.txids(hash_)
        if txid not in txids:
            raise FalseProof(f"block {height} does not hold the transaction that was found there")
        raw = next(send.raw for send in spending.sends if send.txid == txid)
        ids = [undisplay(other) for other in txids]
        proof = prove_in_bitcoin(block.hash, strip_witness(raw), ids, height)
        try:
            verify_opentimestamps(proof, block.hash, self._node.chain, [header])
        except ProofError as error:
            raise FalseProof(f"the node's block {height} does not verify") from error
        return opentimestamps_attestation(proof)


def _least_bump(fee: int) -> int:
    """The least fee that replaces: an eighth more, and a satoshi for each byte (BIP 125 rule 4)."""
    return max(-(-fee * 9 // 8), fee + VBYTES)
