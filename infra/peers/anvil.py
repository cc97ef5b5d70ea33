"""anvil: an Ethereum node with a chain of its own, for tests and the demo."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..local_cloud import HOST, free_port
from .ethereum import EthereumPeer
from .process import PEERS, running

BINARY = PEERS / "node_modules" / ".bin" / "anvil"


class Anvil(EthereumPeer):
    """A running anvil."""

    def reorg(self, depth: int, transactions: Sequence[tuple[str, int]] = ()) -> None:
        """Replace the newest ``depth`` blocks with as many new ones, which hold only the raw
        ``transactions`` given, each with the place of its block (0: the oldest). Those that the
        old blocks held are not waiting again."""
        self.own("reorg", depth, [[raw, block] for raw, block in transactions])


@contextlib.contextmanager
def running_anvil(
    state: Path,
    *,
    chain_id: int = 31337,
    finality: int = 2,
    block_time: float | None = None,
) -> Iterator[Anvil]:
    """An anvil that mines on command, or every ``block_time`` seconds.

    ``finality`` is the number of slots in an epoch: the finalized block is two epochs behind.
    """
    port = free_port()
    command: list[str | Path] = [BINARY, "--host", HOST, "--port", str(port), "--silent"]
    command += ["--chain-id", str(chain_id), "--slots-in-an-epoch", str(finality)]
    command += ["--no-mining"] if block_time is None else ["--block-time", str(block_time)]
    peer = Anvil(f"http://{HOST}:{port}", chain_id, "anvil")
    with running("anvil", command, peer.is_ready, state=state):
        yield peer
