"""bcoin: a Bitcoin node with a regtest chain of its own, for tests and the demo.

Its faucet is a script that anybody may spend (P2WSH of OP_TRUE), so there is no key to keep. bcoin
takes no replacements by fee; it spells regtest addresses with ``rb`` where Bitcoin Core writes
``bcrt``; and it answers ``sendrawtransaction`` before it has looked at the transaction.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ..local_cloud import HOST, free_port
from .process import PEERS, PeerError, running

NODE = PEERS / "node_modules" / "bcoin" / "bin" / "node"
REGTEST = "bip122:0f9188f13cb7b2c71f2a335e3a4fc328"
REWARD_SATS = 5_000_000_000
"""The reward of the first 149 blocks on regtest."""

FAUCET_COINS = 149
FAUCET = b"\x00\x20" + hashlib.sha256(b"\x51").digest()
"""The script of the faucet; its witness is the one item 51 (OP_TRUE)."""

ANSWER_S = 30.0
SEGWIT_HEIGHT = 432
"""Below, regtest knows no witnesses (BIP 9: three windows of 144 blocks)."""

_FEE = 2_000
_BYTES, _DECODED = False, True
_USER, _KEY = "tally", "regtest"


class BitcoinPeer:
    """A running node, once ``open_faucet`` was called its faucet has many coins."""

    chain = REGTEST

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"http://{_USER}:{_KEY}@{HOST}:{port}"
        self._coins: list[tuple[str, int]] = []
        """What the faucet has, the oldest first: transaction ids and satoshis, all of output 0."""

    def call(self, method: str, *params: object) -> Any:
        """One RPC; raises PeerError with the node's own words."""
        body = json.dumps({"id": 1, "method": method, "params": params}).encode()
        secret = base64.b64encode(f"{_USER}:{_KEY}".encode()).decode()
        headers = {"Authorization": f"Basic {secret}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"http://{HOST}:{self.port}/", body, headers)
        with urllib.request.urlopen(request, timeout=ANSWER_S) as answer:
            value = json.load(answer)
        if value["error"] is not None:
            raise PeerError(f"{method}: {value['error']['message']}")
        return value["result"]

    def is_ready(self) -> bool:
        try:
            return bool(self.call("getblockcount") >= 0)
        except OSError:
            return False

    @property
    def height(self) -> int:
        return int(self.call("getblockcount"))

    def mine(self, blocks: int = 1, script: bytes = FAUCET) -> list[str]:
        """The hashes of new blocks that hold what waits, their rewards to ``script``."""
        hashes: list[str] = self.call("generatetoaddress", blocks, self.address(script))
        return hashes

    def block(self, hash_: str) -> bytes:
        return bytes.fromhex(self.call("getblock", hash_, _BYTES))

    def txids(self, hash_: str) -> list[str]:
        ids: list[str] = self.call("getblock", hash_, _DECODED)["tx"]
        return ids

    def address(self, script: bytes) -> str:
        return str(self.call("decodescript", script.hex())["addresses"][0])

    def open_faucet(self) -> None:
        """Mine until witnesses are allowed, and put the first rewards into the faucet."""
        for hash_ in self.mine(SEGWIT_HEIGHT)[:FAUCET_COINS]:
            (txid,) = self.txids(hash_)
            self._coins.append((txid, REWARD_SATS))

    def send(self, raw: bytes) -> str:
        """Hand over a transaction and wait until the node has it; raises PeerError if it never
        does. The transaction's id."""
        txid = str(self.call("sendrawtransaction", raw.hex()))
        deadline = time.monotonic() + ANSWER_S
        while time.monotonic() < deadline:
            if self.waits(txid):
                return txid
            time.sleep(0.01)
        raise PeerError("the node did not take the transaction")

    def waits(self, txid: str) -> bool:
        return txid in self.call("getrawmempool")

    def pay(self, outputs: Sequence[tuple[int, bytes]]) -> str:
        """Send a faucet coin to these amounts (satoshis) and scripts; what is left over goes back
        to the faucet's newest coin. The id of the transaction, whose outputs follow its change."""
        txid, sats = self._next_coin()
        change = sats - sum(amount for amount, _ in outputs) - _FEE
        raw = _spend_faucet(txid, [(change, FAUCET), *outputs])
        paid = self.send(raw)
        self._coins.append((paid, change))
        return paid

    def _next_coin(self) -> tuple[str, int]:
        """The oldest that is there: what a reorganisation undid is not."""
        while True:
            coin = self._coins.pop(0)
            if self.call("gettxout", coin[0], 0) is not None:
                return coin

    def fund(self, script: bytes, sats: int) -> str:
        """A confirmed coin of ``script``, as ``txid:index``."""
        txid = self.pay([(sats, script)])
        self.mine()
        return f"{txid}:1"

    def forget(self, depth: int) -> None:
        """Undo the newest ``depth`` blocks. What was in them is gone, also from the mempool."""
        self.call("invalidateblock", self.call("getblockhash", self.height - depth + 1))

    def copy_from(self, other: BitcoinPeer) -> None:
        """Take over the other node's chain if it is the longer one: a reorganisation as the network
        makes it, where what was undone waits again (in bcoin only if something waits already)."""
        height, missing = other.height, []
        while height > self.height or not self.has(other, height):
            missing.append(other.call("getblockhash", height))
            height -= 1
        for hash_ in reversed(missing):
            self.call("submitblock", other.block(hash_).hex())

    def has(self, other: BitcoinPeer, height: int) -> bool:
        """Whether both have the same block at this height."""
        return bool(self.call("getblockhash", height) == other.call("getblockhash", height))


@contextlib.contextmanager
def running_bitcoin(state: Path) -> Iterator[BitcoinPeer]:
    """A node with an empty chain in memory; ``open_faucet`` makes it useful."""
    port = free_port()
    command: list[str | Path] = ["node", NODE, "--network", "regtest", "--memory", "true"]
    command += ["--no-wallet", "--listen", "false", "--workers", "false", "--prefix", state]
    command += ["--log-file", "false", "--log-level", "warning", "--api-key", _KEY]
    command += ["--http-host", HOST, "--http-port", str(port)]
    peer = BitcoinPeer(port)
    environ = {"NODE_BACKEND": "js"}
    with running("bitcoin", command, peer.is_ready, state=state, environ=environ):
        yield peer


def _spend_faucet(txid: str, outputs: Sequence[tuple[int, bytes]]) -> bytes:
    """A transaction with a witness (BIP 144) that spends output 0 of ``txid``."""
    written = b"".join(
        sats.to_bytes(8, "little") + bytes([len(script)]) + script for sats, script in outputs
    )
    return b"".join(
        (
            bytes.fromhex("02000000000101"),
            bytes.fromhex(txid)[::-1],
            bytes.fromhex("0000000000feffffff"),
            bytes([len(outputs)]),
            written,
            bytes.fromhex("01015100000000"),
        )
    )
