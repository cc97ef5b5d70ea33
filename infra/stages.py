"""The demo's stages: commands run as their users would run them, timed, and checked."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from .package import BIN

T = TypeVar("T")
Facts = dict[str, Any]
Command = Sequence[str | Path]


class DemoError(Exception):
    """Something is not as it should be; the sentence says what."""


def stage(tell: Callable[[T], str], do: Callable[[], T]) -> tuple[T, float]:
    """Do one thing, and print how long it took and what came of it."""
    started_s = time.monotonic()
    done = do()
    seconds = time.monotonic() - started_s
    print(f"{seconds:6.1f} s  {tell(done)}", flush=True)
    return done, seconds


def call(command: Command, settings: Mapping[str, str], work: Path) -> str:
    """Run a command of .venv/bin as a user would; its standard output. Raises DemoError."""
    environ = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(work),
        "LANG": "C.UTF-8",
        "TALLY_CONFIG": os.devnull,
        **settings,
    }
    program, *arguments = map(str, command)
    done = subprocess.run(
        [str(BIN / program), *arguments], env=environ, capture_output=True, text=True
    )
    if done.returncode:
        said = (done.stderr or done.stdout).strip()
        raise DemoError(f"{program} {arguments[0]} ended with {done.returncode}: {said}")
    return done.stdout


def call_json(command: Command, settings: Mapping[str, str], work: Path) -> Facts:
    facts: Facts = json.loads(call([*command, "--json"], settings, work))
    return facts


def expect(what: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise DemoError(f"{what}: {found}, where {wanted} was expected")
