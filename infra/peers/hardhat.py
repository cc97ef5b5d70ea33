"""Hardhat 2: another Ethereum node, tested against for what it does differently from anvil."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

from ..local_cloud import HOST, free_port
from .ethereum import EthereumPeer
from .process import PEERS, running

BINARY = PEERS / "node_modules" / ".bin" / "hardhat"
ENVIRON = {"HARDHAT_DISABLE_TELEMETRY_PROMPT": "true"}


@contextlib.contextmanager
def running_hardhat(state: Path, *, chain_id: int = 31338) -> Iterator[EthereumPeer]:
    """A Hardhat node that mines on command. Its finalized block is always the newest one."""
    _write_project(state, chain_id)
    port = free_port()
    command: list[str | Path] = [BINARY, "node", "--hostname", HOST, "--port", str(port)]
    peer = EthereumPeer(f"http://{HOST}:{port}", chain_id, "hardhat")
    with running("hardhat", command, peer.is_ready, state=state, environ=ENVIRON):
        yield peer


def _write_project(state: Path, chain_id: int) -> None:
    """Hardhat runs only in a project that it is installed in."""
    state.mkdir(parents=True, exist_ok=True)
    mining = {"auto": False, "interval": 0}
    config = {"networks": {"hardhat": {"chainId": chain_id, "mining": mining}}}
    (state / "package.json").write_text("{}\n")
    (state / "hardhat.config.js").write_text(f"module.exports = {json.dumps(config)};\n")
    modules = state / "node_modules"
    if not modules.is_symlink():
        modules.symlink_to(PEERS / "node_modules")
