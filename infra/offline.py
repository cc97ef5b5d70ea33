"""Verifies receipts in a process that cannot reach the network, and shows that it cannot.

``verify_offline`` starts this module as a child. Where the kernel allows it the child lives in a
network namespace of its own, in which not even 127.0.0.1 exists (``unshare --net``); everywhere
an audit hook (PEP 578), which nothing can remove, refuses each socket and each new process. The
child tries to reach the service before it verifies, and verifies nothing if it can.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TIMEOUT_S = 2.0
_FORBIDDEN = ("socket.", "subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.fork")


class OfflineError(Exception):
    """The child could not be cut off, or could not verify."""


class NetworkRefused(Exception):
    """The audit hook refused a socket or a process."""


@dataclass(frozen=True, slots=True)
class Pair:
    """``at`` is the RFC 3339 time as of which to verify; now if it is empty."""

    document: Path
    receipt: Path
    at: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """What tally-verify said: its exit code, and the checks that failed and passed, with why."""

    code: int
    failed: dict[str, str]
    passed: dict[str, str]


@dataclass(frozen=True, slots=True)
class Offline:
    """``judged`` is in the order of the pairs; ``walls`` says what cut the process off."""

    judged: tuple[Judged, ...]
    walls: tuple[str, ...]


def verify_offline(pairs: Sequence[Pair], policy: Path, service: tuple[str, int]) -> Offline:
    """Run tally-verify on each pair in a child without network; ``service`` is a host and port
    that this process can reach, as the child must not. Raises OfflineError."""
    if not reaches(service):
        raise OfflineError(f"{service[0]}:{service[1]} does not answer even here")
    order = {
        "service": service,
        "policy": str(policy.resolve()),
        "pairs": [
            [str(pair.document.resolve()), str(pair.receipt.resolve()), pair.at] for pair in pairs
        ],
    }
    wall = _kernel_wall()
    child = [*wall, sys.executable, "-m", __name__, "kernel" if wall else "hook"]
    done = subprocess.run(
        child, input=json.dumps(order), capture_output=True, text=True, cwd=_root()
    )
    if done.returncode:
        raise OfflineError((done.stderr or done.stdout).strip())
    answer = json.loads(done.stdout)
    judged = tuple(Judged(**item) for item in answer["judged"])
    return Offline(judged, tuple(answer["walls"]))


def _root() -> Path:
    return Path(__file__).resolve().parent.parent


def _kernel_wall() -> list[str]:
    """The command that starts another in an empty network namespace; none where that is refused."""
    unshare = shutil.which("unshare")
    if unshare is None:
        return []
    command = [unshare, "--net"] if os.geteuid() == 0 else [unshare, "--map-root-user", "--net"]
    allowed = subprocess.run([*command, "true"], capture_output=True).returncode == 0
    return command if allowed else []


def reaches(service: tuple[str, int]) -> bool:
    """Whether a TCP connection opens."""
    try:
        with socket.create_connection(service, TIMEOUT_S):
            return True
    except OSError:
        return False


def refuse_network() -> None:
    """From now on no Python code of this process opens a socket or starts a process."""
    sys.addaudithook(_refuse)


def _refuse(event: str, _arguments: tuple[object, ...]) -> None:
    if event.startswith(_FORBIDDEN):
        raise NetworkRefused(event)


def _cut_off(service: tuple[str, int], wall: str) -> list[str]:
    """Cut this process off, and try to break out; the walls that held."""
    walls = []
    if wall == "kernel":
        if reaches(service):
            raise OfflineError("the kernel's namespace has a network")
        walls.append("the kernel gives it no network")
    refuse_network()
    try:
        reaches(service)
    except NetworkRefused:
        return [*walls, "Python refuses every socket"]
    raise OfflineError("Python still opens sockets")


def _judge(policy: str, document: str, receipt: str, at: str) -> dict[str, Any]:
    from chalicelib.proof import command

    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        when = ["--at", at] if at else []
        code = command.main([document, receipt, "--policy", policy, "--json", *when])
    checks = json.loads(printed.getvalue())["checks"] if code in (0, 1, 2) else []
    said = {
        result: {each["check"]: each["detail"] for each in checks if each["result"] == result}
        for result in ("fail", "pass")
    }
    return {"code": code, "failed": said["fail"], "passed": said["pass"]}


def main() -> int:
    order = json.load(sys.stdin)
    host, port = order["service"]
    try:
        walls = _cut_off((host, port), sys.argv[1])
    except OfflineError as error:
        print(error, file=sys.stderr)
        return 1
    judged = [_judge(order["policy"], *pair) for pair in order["pairs"]]
    print(json.dumps({"walls": walls, "judged": judged}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
