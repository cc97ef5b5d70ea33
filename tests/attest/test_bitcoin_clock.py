"""Bitcoin's clock is its miners': what it says is told, and nothing is refused by it."""

from __future__ import annotations

from chalicelib.proof.block import Block
from chalicelib.proof.hashes import sha256
from infra.peers.bitcoin import BitcoinPeer

from .bitcoin_peers import mined, proof_of, saw, wallet

pytest_plugins = ("tests.attest.bitcoin_fixtures",)

DAY_MS = 86_400_000


def test_a_block_time_before_submission_is_an_interval_and_no_reason_to_refuse(
    bitcoin: BitcoinPeer,
) -> None:
    """Our block says that it is of a time that Bitcoin's block is days before."""
    newest = bitcoin.block(bitcoin.call("getbestblockhash"))
    time_s = int.from_bytes(newest[68:72], "little")
    ahead_ms = time_s * 1_000 + 10 * DAY_MS
    block = Block("tally.test/log", 1, sha256(b"before"), 5, sha256(b"root"), ahead_ms)
    ours = wallet(bitcoin, "before submission")
    memo = mined(bitcoin, ours, block)
    bitcoin.mine(2)
    standing = ours.status(block, memo, 0)
    assert standing.at == "final"
    sighting = saw(bitcoin, proof_of(ours, block, standing.memo), block)
    assert sighting.earliest_ms < sighting.latest_ms < ahead_ms
