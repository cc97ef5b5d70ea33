"""What an attempt on an Ethereum-like chain remembers: a nonce, and all that was signed for it."""

from __future__ import annotations

from typing import NamedTuple

from ...notary.networks import Memo
from ...proof.hashes import Hash
from ...proof.jcs import JsonValue
from ...proof.members import read_hash, read_hex, read_integer, read_list, read_members
from .node import Place
from .wallet import Fees


class Offer(NamedTuple):
    """A signed transaction in the bytes that are sent, its hash, and what it offers."""

    raw: bytes
    hash: Hash
    fees: Fees


class EvmMemo(NamedTuple):
    """``offers`` are the transactions with this nonce, each offering more than the one before.

    ``included`` is where one of them was seen last, ``final`` that it will stay there.
    ``waiting_ms`` is when the newest was first seen to wait. ``underpriced``: the node refused the
    newest because it offers too little.
    """

    nonce: int
    offers: tuple[Offer, ...]
    included: Place | None = None
    final: bool = False
    waiting_ms: int | None = None
    underpriced: bool = False

    @property
    def newest(self) -> Offer:
        return self.offers[-1]


_OPTIONAL = ("included", "final", "waiting_ms", "underpriced")


def parse_memo(memo: Memo) -> EvmMemo:
    """What ``format_memo`` wrote; anything else is our own bug, and a Malformed."""
    members = read_members(dict(memo), "memo", ("nonce", "transactions"), _OPTIONAL)
    waiting = members.get("waiting_ms")
    return EvmMemo(
        nonce=read_integer(members["nonce"], "nonce"),
        offers=tuple(_parse_offer(each) for each in read_list(members["transactions"], "memo")),
        included=_parse_place(members["included"]) if "included" in members else None,
        final=members.get("final") is True,
        waiting_ms=None if waiting is None else read_integer(waiting, "waiting_ms"),
        underpriced=members.get("underpriced") is True,
    )


def format_memo(memo: EvmMemo) -> dict[str, JsonValue]:
    value: dict[str, JsonValue] = {
        "nonce": memo.nonce,
        "transactions": [_format_offer(offer) for offer in memo.offers],
    }
    if memo.included is not None:
        value["included"] = {"number": memo.included.number, "block": memo.included.block.hex()}
    if memo.waiting_ms is not None:
        value["waiting_ms"] = memo.waiting_ms
    if memo.final:
        value["final"] = True
    if memo.underpriced:
        value["underpriced"] = True
    return value


def _parse_offer(value: JsonValue) -> Offer:
    members = read_members(value, "transaction", ("raw", "hash", "max_fee", "tip"))
    return Offer(
        raw=read_hex(members["raw"], "raw"),
        hash=read_hash(members["hash"], "hash"),
        fees=Fees(
            max_fee=read_integer(members["max_fee"], "max_fee"),
            tip=read_integer(members["tip"], "tip"),
        ),
    )


def _format_offer(offer: Offer) -> dict[str, JsonValue]:
    return {
        "raw": offer.raw.hex(),
        "hash": offer.hash.hex(),
        "max_fee": offer.fees.max_fee,
        "tip": offer.fees.tip,
    }


def _parse_place(value: JsonValue) -> Place:
    members = read_members(value, "included", ("number", "block"))
    return Place(read_integer(members["number"], "number"), read_hash(members["block"], "block"))
