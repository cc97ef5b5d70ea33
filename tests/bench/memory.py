"""The sequencer's peak memory: a process of its own, with the real adapters, on the local cloud."""

from __future__ import annotations

import subprocess
import sys

from chalicelib.adapters.aws import Clients
from chalicelib.bootstrap import service_from_env
from chalicelib.notary.sequence import create_log
from infra.local_cloud import LocalCloud
from infra.package import ROOT

from .measure import Results
from .places import make_settings
from .samples import make_entry
from .sequencing import JOB, put_pending

PROCESS = """\
import os, re
from pathlib import Path
from chalicelib.bootstrap import service_from_env
from chalicelib.notary.sequence import drain
service = service_from_env(os.environ)
blocks = drain(service.log, service.clock_ms)
status = Path("/proc/self/status").read_text()
print(blocks[0].size, re.search(r"VmHWM:\\s+(\\d+) kB", status)[1])
"""
"""Linux's getrusage would give the peak of whoever started the process, if that is higher."""


def measure(cloud: LocalCloud, entries: int = 100_000) -> Results:
    """Megabytes, when one batch holds this many entries of 400 bytes."""
    clients = Clients(cloud.session(), cloud.endpoint)
    settings = make_settings(clients)
    service = service_from_env(settings, clients)
    create_log(service.log)
    put_pending(service.log, JOB, [make_entry(number) for number in range(entries)])
    environ = {**cloud.environ, **settings}
    done = subprocess.run(
        [sys.executable, "-c", PROCESS],
        cwd=ROOT, env=environ, capture_output=True, text=True, check=True,
    )  # fmt: skip
    size, peak_kib = map(int, done.stdout.split())
    assert size == entries + 1, "one block holds them all"
    return {"sequencer_peak_mb": peak_kib * 1_024 / 1e6}
