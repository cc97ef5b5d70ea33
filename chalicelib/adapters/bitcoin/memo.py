"""What an attempt in Bitcoin remembers, as JSON: the coin, every transaction that was signed to
spend it, and what has been seen of them."""

from __future__ import annotations

from dataclasses import dataclass

from ...notary.networks import Memo
from ...proof.jcs import JsonValue
from ...proof.members import (
    read_hex,
    read_integer,
    read_list,
    read_members,
    read_object,
    read_text,
)
from .node import Tip
from .transaction import Outpoint, format_outpoint, parse_outpoint


@dataclass(frozen=True, slots=True)
class Send:
    """One signed transaction, and its fee in satoshis."""

    txid: str
    raw: bytes
    fee: int


@dataclass(frozen=True, slots=True)
class Spending:
    """``start`` is the coin of the configuration from which ``coin`` descends; ``parent`` the block
    that confirmed ``coin``; ``rivals`` exclude the transaction that made it. ``since`` is the
    height when it was prepared. Every one of ``sends`` spends ``coin``, the newest last.

    ``included`` is the transaction that was found, and its block. ``waiting_ms``: since when the
    newest one is expected. The chain was searched up to ``scanned``; at ``lost`` the coin was
    seen to be spent by somebody else."""

    start: str
    coin: Outpoint
    sats: int
    parent: Tip
    rivals: tuple[str, ...]
    since: int
    sends: tuple[Send, ...]
    included: tuple[str, Tip] | None = None
    waiting_ms: int | None = None
    scanned: Tip | None = None
    lost: Tip | None = None

    @property
    def newest(self) -> Send:
        return self.sends[-1]

    @property
    def txids(self) -> list[str]:
        return [send.txid for send in self.sends]


def write_memo(spending: Spending) -> Memo:
    memo: dict[str, JsonValue] = {
        "start": spending.start,
        "coin": format_outpoint(spending.coin),
        "sats": spending.sats,
        "parent": _write_tip(spending.parent),
        "rivals": list(spending.rivals),
        "since": spending.since,
        "sends": [{"txid": s.txid, "raw": s.raw.hex(), "fee": s.fee} for s in spending.sends],
    }
    if spending.included is not None:
        txid, block = spending.included
        memo["included"] = {"txid": txid, "block": _write_tip(block)}
    if spending.waiting_ms is not None:
        memo["waiting_ms"] = spending.waiting_ms
    for name, tip in (("scanned", spending.scanned), ("lost", spending.lost)):
        if tip is not None:
            memo[name] = _write_tip(tip)
    return memo


def read_memo(memo: Memo) -> Spending:
    """Raises Malformed for what is not a memo of ours."""
    required = ("start", "coin", "sats", "parent", "rivals", "since", "sends")
    optional = ("included", "waiting_ms", "scanned", "lost")
    members = read_members(dict(memo), "memo", required, optional)
    return Spending(
        start=read_text(members["start"], "start"),
        coin=parse_outpoint(read_text(members["coin"], "coin")),
        sats=read_integer(members["sats"], "sats"),
        parent=_read_tip(members["parent"]),
        rivals=tuple(read_text(item, "rival") for item in read_list(members["rivals"], "rivals")),
        since=read_integer(members["since"], "since"),
        sends=tuple(_read_send(item) for item in read_list(members["sends"], "sends")),
        included=_read_included(members["included"]) if "included" in members else None,
        waiting_ms=(
            read_integer(members["waiting_ms"], "waiting_ms") if "waiting_ms" in members else None
        ),
        scanned=_read_tip(members["scanned"]) if "scanned" in members else None,
        lost=_read_tip(members["lost"]) if "lost" in members else None,
    )


def _read_send(value: JsonValue) -> Send:
    send = read_members(value, "send", ("txid", "raw", "fee"))
    return Send(
        read_text(send["txid"], "txid"),
        read_hex(send["raw"], "raw"),
        read_integer(send["fee"], "fee"),
    )


def _read_included(value: JsonValue) -> tuple[str, Tip]:
    included = read_object(value, "included")
    return read_text(included["txid"], "txid"), _read_tip(included["block"])


def _write_tip(tip: Tip) -> JsonValue:
    return {"height": tip.height, "hash": tip.hash}


def _read_tip(value: JsonValue) -> Tip:
    tip = read_members(value, "block", ("height", "hash"))
    return Tip(read_integer(tip["height"], "height"), read_text(tip["hash"], "hash"))
