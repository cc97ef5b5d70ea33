"""8,000 diplomas from a roster, through the deployed service, while a twentieth of the calls that
its functions make goes wrong and the registrar's command is killed twice: every row is issued
exactly once, or rejected by name."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from chalicelib.cli.journal import open_journal
from chalicelib.notary.entries import read_entries
from chalicelib.notary.ports import Issuer, IssuerKey
from chalicelib.proof.payload import Register
from chalicelib.proof.statement import parse_statement
from infra.deploy import Deployment
from infra.graduates import format_roster, make_graduates, with_columns
from infra.local_cloud import deploy_locally, free_port, running

from .bad_network import BadNetwork, bad_network

GRADUATES = 8_000
SHARE = 0.05
ROOT = Path(__file__).resolve().parents[2]
REGISTRY = "did:web:registry.scale.example"
PATIENCE_S = 600

BAD = {
    3: {"Date of birth": "31 July 2003"},
    4_001: {"Level": "wizard"},
    7_999: {"Full name": "=HYPERLINK(1)"},
}
"""Rows, from 1, that cannot be issued, and why."""


@dataclass(frozen=True)
class Office:
    """A registrar's desk: her roster, her key, what she issues into, and the service."""

    path: Path
    deployment: Deployment
    network: BadNetwork

    @property
    def out(self) -> Path:
        return self.path / "issued"

    def start(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "chalicelib.cli", "issue", "graduates.csv"]
        options = ["--profile", "education/diploma", "--key", "key.json", "--skip-bad", "--json"]
        place = ["--url", self.deployment.url, "--out", str(self.out)]
        return subprocess.Popen(
            [*command, *options, *place],
            cwd=self.path,
            env={**os.environ, "PYTHONPATH": str(ROOT), "TALLY_CONFIG": os.devnull},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def count(self, pattern: str) -> int:
        return sum(1 for _ in self.out.glob(pattern))

    def kill_once(self, pattern: str, at_least: int) -> None:
        """Kill a run, without warning, once it has so many files."""
        run = self.start()
        deadline = time.monotonic() + PATIENCE_S
        while self.count(pattern) < at_least:
            assert run.poll() is None, run.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        os.killpg(run.pid, signal.SIGKILL)
        run.communicate()
        assert not (self.out / "reconciliation.json").exists()

    def finish(self) -> dict[str, Any]:
        """Run to the end; a service that was out of reach is asked again by the same command."""
        for _ in range(5):
            run = self.start()
            printed, said = run.communicate(timeout=PATIENCE_S)
            if run.returncode != 2:  # unfinished: run the same command again
                assert run.returncode == 1, said  # there are rows that were rejected
                facts: dict[str, Any] = json.loads(printed)
                return facts
        raise AssertionError(said)


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    path = tmp_path_factory.mktemp("scale")
    port = free_port()
    with (
        bad_network(port) as network,
        running(path / "cloud", port, network=network.url) as cloud,
    ):
        office = Office(path, deploy_locally(cloud), network)
        _enrol(office)
        rows = make_graduates(GRADUATES)
        for number, changes in BAD.items():
            rows[number - 1] = with_columns(rows[number - 1], changes)
        (path / "graduates.csv").write_bytes(format_roster(rows))
        yield office


def _enrol(office: Office) -> None:
    from chalicelib.cli.keyfile import read_key

    make = ["keys", "new", "--issuer", REGISTRY, "--out", "key.json"]
    subprocess.run(
        [sys.executable, "-m", "chalicelib.cli", *make],
        cwd=office.path,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
    )
    key = read_key(office.path / "key.json").key.public
    names = {"en": "A Large University", "zh": "大大学"}
    office.deployment.service.registry.put_issuer(
        Issuer(REGISTRY, "large", names, (IssuerKey(key, 0),))
    )


def registered(office: Office) -> list[bytes]:
    """Every register of that issuer in the log, read from the store itself."""
    log = office.deployment.service.log
    head = log.chain.head()
    assert head is not None
    entries: list[bytes] = []
    for first in range(0, head.block.size, 4_096):
        wanted = range(first, min(first + 4_096, head.block.size))
        entries += read_entries(log, wanted, head.block.size).values()
    statements = [entry for entry in entries if entry.startswith(b"\xd2\x84")]
    return [
        entry
        for entry in statements
        if isinstance(parse_statement(entry).statement.payload, Register)
    ]


def test_every_row_is_issued_exactly_once_or_rejected_by_name(office: Office) -> None:
    office.network.share = SHARE
    office.kill_once(".tally/made/*.sd-jwt", GRADUATES // 4)
    office.kill_once("receipts/*.receipt.json", GRADUATES // 4)
    facts = office.finish()
    office.network.share = 0.0
    print(dict(office.network.calls), dict(office.network.faults))

    assert facts["in"] == GRADUATES == len(facts["issued"]) + len(facts["rejected"])
    assert {each["row"] for each in facts["rejected"]} == {number + 1 for number in BAD}
    assert all(each["faults"] for each in facts["rejected"])
    issued = Counter(each["row"] for each in facts["issued"])
    assert set(issued.values()) == {1}
    assert office.count("credentials/*.sd-jwt") == office.count("receipts/*.receipt.json")
    assert office.count("credentials/*.sd-jwt") == GRADUATES - len(BAD)

    in_log = Counter(registered(office))
    assert set(in_log.values()) == {1}
    with open_journal(office.out / "receipts") as journal:
        assert set(in_log) == {each.statement.entry for each in journal.signed}
    assert len(in_log) == GRADUATES - len(BAD)

    met = office.network.faults
    assert min(met[kind] for kind in ("failed", "throttled", "done, timed out")) >= 1, met
