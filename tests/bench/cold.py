"""A Lambda's cold initialisation: the packaged zip under the real runtime client, and a handler
that does nothing."""

from __future__ import annotations

import compileall
import sysconfig
import zipfile
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from infra.package import make_package
from infra.template import ENVIRONMENT

from .measure import Results
from .runtime_api import init_s

HANDLER = "app.app"
"""API Gateway's function; the others come with the same file."""

RUNTIME = ("awslambdaric", "runtime_client*", "snapshot_restore_py", "simplejson")
"""The runtime client and what it imports, apart from everything else that is installed here."""

BARE = "def app(event, context):\n    return {}\n"


def measure(rounds: int = 11) -> Results:
    """Seconds of wall time from the interpreter's start to the first request for an invocation.

    AWS clients are made when a request needs them, which is not part of this."""
    settings = dict.fromkeys(ENVIRONMENT, "https://tally.example")
    with TemporaryDirectory() as directory:
        place = Path(directory)
        runtime = link_runtime(place / "runtime")
        tasks = {"cold_init_s": _unpack(place / "task"), "bare_init_s": _bare(place / "bare")}
        spent: dict[str, list[float]] = {name: [] for name in tasks}
        for _ in range(rounds):
            for name, task in tasks.items():
                spent[name].append(init_s(task, HANDLER, [runtime], settings))
    return {name: median(values) for name, values in spent.items()}


def link_runtime(place: Path) -> Path:
    place.mkdir()
    for pattern in RUNTIME:
        for path in Path(sysconfig.get_path("platlib")).glob(pattern):
            (place / path.name).symlink_to(path)
    return place


def _unpack(task: Path) -> Path:
    with zipfile.ZipFile(make_package("local").code) as archive:
        archive.extractall(task)
    return task


def _bare(task: Path) -> Path:
    task.mkdir()
    (task / "app.py").write_text(BARE)
    compileall.compile_dir(str(task), quiet=1)
    return task
