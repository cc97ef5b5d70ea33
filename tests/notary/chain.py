"""A network in memory: stands in for real ones where what matters is what the attester does with
it. The real ones are used in tests/attest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from chalicelib.notary.networks import EmptyWallet, Memo, Standing, Unreachable
from chalicelib.proof.block import Block
from chalicelib.proof.jcs import JsonValue
from chalicelib.proof.receipt import Attestation

Trouble = Callable[[str], None]


def no_trouble(operation: str) -> None:
    """Nothing goes wrong."""


@dataclass
class MemoryNetwork:
    """A chain whose transactions are ``<block hash>/<nonce>/<fee>``: those of one nonce exclude
    each other. One that is not serial has a nonce for each block. ``trouble`` is called with the
    name of each operation and may raise before it; ``after`` once it is done, so that its answer
    is lost."""

    name: str = "eip155:1"
    check: str = "attestation:evm:eip155:1"
    serial: bool = True
    money: int = 1_000
    fee: int = 1
    pool: dict[str, str] = field(default_factory=dict)
    mined: dict[str, str] = field(default_factory=dict)
    """Nonce → transaction."""
    deep: set[str] = field(default_factory=set)
    """Mined transactions that will not be undone."""
    sent: list[str] = field(default_factory=list)
    hidden: bool = False
    """Whether what is mined cannot be proved."""
    trouble: Trouble = no_trouble
    after: Trouble = no_trouble

    def prepare(self, block: Block, before: Memo) -> Memo:
        self.trouble("prepare")
        if self.money < self.fee:
            raise EmptyWallet("there is no money for the fee")
        nonce = str(len(self.mined)) if self.serial else block.hash.hex()
        self.after("prepare")
        return {"nonce": nonce, "raws": [f"{block.hash.hex()}/{nonce}/{self.fee}"]}

    def broadcast(self, block: Block, memo: Memo) -> Memo:
        self.trouble("broadcast")
        raw = str(_raws(memo)[-1])
        if str(memo["nonce"]) not in self.mined:
            self.pool[str(memo["nonce"])] = raw
        self.sent.append(raw)
        self.after("broadcast")
        return memo

    def status(self, block: Block, memo: Memo, now_ms: int) -> Standing:
        self.trouble("status")
        nonce = str(memo["nonce"])
        mined = self.mined.get(nonce)
        if mined is not None:
            if mined not in _raws(memo):
                return Standing("void" if mined in self.deep else "waiting", memo)
            return Standing("final" if mined in self.deep else "included", memo)
        pooled = self.pool.get(nonce)
        if pooled is None or pooled not in _raws(memo):
            return Standing("dropped", memo)
        return Standing("stuck" if int(pooled.split("/")[2]) < self.fee else "waiting", memo)

    def bump(self, block: Block, memo: Memo) -> Memo:
        self.trouble("bump")
        raw = f"{block.hash.hex()}/{memo['nonce']}/{self.fee}"
        return {**memo, "raws": [*_raws(memo), raw]}

    def proof(self, block: Block, memo: Memo) -> Attestation | None:
        self.trouble("proof")
        mined = self.mined.get(str(memo["nonce"]))
        proved = mined in _raws(memo) and not self.hidden
        return Attestation("memory", {"transaction": mined}) if proved else None

    def mine(self) -> None:
        """Take what pays enough out of the pool."""
        for nonce, raw in list(self.pool.items()):
            if int(raw.split("/")[2]) >= self.fee:
                self.mined[nonce] = self.pool.pop(nonce)

    def finalise(self) -> None:
        self.mine()
        self.deep |= set(self.mined.values())

    def reorg(self) -> None:
        """Undo what is not deep; it is not put back into the pool."""
        self.mined = {nonce: raw for nonce, raw in self.mined.items() if raw in self.deep}

    def blocks(self) -> list[str]:
        """The hash of the block that each mined transaction attests."""
        return [raw.split("/")[0] for raw in self.mined.values()]


def _raws(memo: Memo) -> list[JsonValue]:
    raws = memo["raws"]
    assert isinstance(raws, list)
    return list(raws)


def unreachable(*operations: str) -> Trouble:
    """Those operations find nobody (all, if none is named)."""

    def raise_for(operation: str) -> None:
        if not operations or operation in operations:
            raise Unreachable("no answer")

    return raise_for
