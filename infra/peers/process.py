"""One peer: a process on 127.0.0.1 that is started, waited for, and stopped by its process id."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from ..package import ROOT

PEERS = ROOT / ".peers"
START_S = 30.0
STOP_S = 10.0


class PeerError(Exception):
    """A peer does not run; the sentence says what to do."""


@contextlib.contextmanager
def running(
    name: str,
    command: Sequence[str | Path],
    ready: Callable[[], bool],
    *,
    state: Path,
    environ: Mapping[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """A running peer, once ``ready`` answers true. ``state`` is its directory, where ``name.log``
    keeps what it prints. It gets PATH, HOME (``state``) and ``environ``, and nothing else of ours.
    Raises PeerError."""
    state.mkdir(parents=True, exist_ok=True)
    log = state / f"{name}.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [str(part) for part in command],
            cwd=state,
            env={"PATH": os.environ.get("PATH", os.defpath), "HOME": str(state), **(environ or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C is for us; we end it when we are done
        )
    try:
        _wait(name, process, ready, log)
        yield process
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(
    name: str, process: subprocess.Popen[bytes], ready: Callable[[], bool], log: Path
) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        if ready():
            return
        time.sleep(0.05)
    raise PeerError(f"{name} did not start: see {log} (the peers are installed by make setup)")
