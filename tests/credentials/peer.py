"""Runs jobs in Node with the npm packages of ``.peers`` (peer.mjs)."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from infra.peers.process import PEERS

SCRIPT = Path(__file__).with_name("peer.mjs")
TIMEOUT_S = 120


class Outcome(NamedTuple):
    """What a job returned, or the error that it ended in."""

    value: Any
    error: str | None

    def accepted(self) -> Any:
        """The value; AssertionError with the peer's words if there is none."""
        assert self.error is None, self.error
        return self.value


Ask = Callable[..., Outcome]


def run(place: Path, jobs: list[dict[str, Any]]) -> list[Outcome]:
    """The outcomes of jobs, in one process."""
    request = place / "jobs.json"
    request.write_text(json.dumps(jobs))
    done = subprocess.run(
        ["node", "--input-type=module", "-", str(request)],
        input=SCRIPT.read_text(),
        cwd=PEERS,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    assert done.returncode == 0, f"{done.stderr}\n(the peers are installed by make setup)"
    outcomes = json.loads(done.stdout)
    assert len(outcomes) == len(jobs)
    return [Outcome(found.get("value"), found.get("error")) for found in outcomes]


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    """Ask the peers to do one job."""
    return lambda job, **given: run(tmp_path, [{"job": job, **given}])[0]


@pytest.fixture
def ask_all(tmp_path: Path) -> Callable[[list[dict[str, Any]]], list[Outcome]]:
    """Ask the peers to do many jobs in one process."""
    return lambda jobs: run(tmp_path, jobs)
