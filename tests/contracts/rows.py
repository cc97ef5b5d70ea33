"""Rows of a hash chain that look like those of a log."""

from __future__ import annotations

from chalicelib.notary.ports import Row
from chalicelib.proof.block import GENESIS, Block
from chalicelib.proof.hashes import sha256

from .stores import ORIGIN

GENESIS_ROW = Row(GENESIS(ORIGIN), staging="", applied=True)


def following(row: Row, *, said: str = "") -> Row:
    """A row that may follow ``row``; another one for each thing ``said``."""
    block = row.block
    height, size = block.height + 1, block.size + 3
    return Row(
        Block(ORIGIN, height, block.hash, size, sha256(said.encode()), block.timestamp_ms + 1),
        staging=f"staging/{height}",
    )
