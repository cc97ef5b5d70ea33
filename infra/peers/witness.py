"""aics-witness: a C2SP witness that somebody else wrote, in an environment of its own.

It wants Python 3.12 or newer, so it is not among our own requirements: where there is none,
``is_installed`` says so.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.error import URLError
from urllib.request import urlopen

from ..local_cloud import HOST, free_port
from ..package import ROOT
from .process import PeerError, running

BIN = ROOT / ".venv-witness" / "bin"
WITNESS = BIN / "aics-witness"
NAME = "peer.witness.test/w1"
_READY_S = 1.0


class WitnessPeer(NamedTuple):
    """A running witness: its submission prefix and its verifier key. ``config`` is its file."""

    url: str
    vkey: str
    config: Path

    def remembered(self, origin: str) -> int | None:
        """The size of the newest tree of a log that it cosigned."""
        status = json.loads(_run("status", self.config, "--json"))
        sizes = [log["size"] for log in status["logs"] if log["origin"] == origin]
        return int(sizes[0]) if sizes and sizes[0] is not None else None

    def evidence(self, origin: str) -> list[str]:
        """The requests that it refused although the log had signed them."""
        kept = json.loads(_run("evidence", self.config, "--origin", origin))
        return [str(each["request"]) for each in kept]


def is_installed() -> bool:
    return WITNESS.exists()


@contextlib.contextmanager
def running_witness(state: Path, origin: str, vkey: str) -> Iterator[WitnessPeer]:
    """A witness of the log ``origin`` with this verifier key. What it remembers is in ``state``,
    and it goes on from there. Raises PeerError."""
    if not is_installed():
        raise PeerError("aics-witness is not installed: it needs Python 3.12 or newer")
    state.mkdir(parents=True, exist_ok=True)
    config = state / "witness.json"
    name = () if config.exists() else ("--name", NAME)
    own_vkey = _run("init", config, *name).strip()
    _run("add-log", config, "--origin", origin, "--vkey", vkey)
    address = f"{HOST}:{free_port()}"
    peer = WitnessPeer(f"http://{address}", own_vkey, config)
    command: list[str | Path] = [WITNESS, "serve", "--config", config, "--listen", address]
    with running("aics-witness", command, lambda: _is_ready(peer), state=state):
        yield peer


def _is_ready(peer: WitnessPeer) -> bool:
    try:
        with urlopen(f"{peer.url}/healthz", timeout=_READY_S) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def _run(command: str, config: Path, *options: str) -> str:
    done = subprocess.run(
        [WITNESS, command, "--config", config, *options],
        cwd=config.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise PeerError(f"aics-witness {command} failed: {done.stderr.strip()}")
    return done.stdout
