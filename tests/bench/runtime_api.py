"""Lambda's Runtime API on loopback, as far as a runtime's first request: its initialisation ends
when it asks for the next invocation."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from time import perf_counter

PREFIX = "/2018-06-01/runtime"
TIMEOUT_S = 60


class InitFailed(Exception):
    """The runtime reported that the handler cannot be loaded, or said nothing in time."""


class RuntimeApi(ThreadingHTTPServer):
    """Notes when each runtime is ready, or what it reports, and never has an invocation."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.heard: Queue[float | str] = Queue()
        self.over = threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def server_close(self) -> None:
        self.over.set()
        self.shutdown()
        super().server_close()


class _Answer(BaseHTTPRequestHandler):
    server: RuntimeApi

    def do_GET(self) -> None:
        assert self.path == f"{PREFIX}/invocation/next", self.path
        self.server.heard.put(perf_counter())
        self.server.over.wait(TIMEOUT_S)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.heard.put(f"{self.path}: {body.decode()}")
        self.send_response(202)
        self.end_headers()

    def log_message(self, format: str, *_: object) -> None:
        """Say nothing."""


def init_s(task: Path, handler: str, path: Sequence[Path], settings: Mapping[str, str]) -> float:
    """Seconds from the start of the interpreter until the runtime client awslambdaric, having
    loaded ``handler`` from the directory ``task``, asks for work; raises InitFailed."""
    api = RuntimeApi()
    environ = {
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{api.server_port}",
        "AWS_LAMBDA_FUNCTION_NAME": "bench",
        "AWS_REGION": "us-east-1",
        "LAMBDA_TASK_ROOT": str(task),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": ":".join(map(str, (task, *path))),
        **settings,
    }
    started = perf_counter()
    # -S: what the development environment does at every start is none of Lambda's.
    command = [sys.executable, "-S", "-m", "awslambdaric", handler]
    process = subprocess.Popen(command, cwd=task, env=environ, stderr=subprocess.DEVNULL)
    try:
        heard = api.heard.get(timeout=TIMEOUT_S)
    finally:
        process.kill()
        process.wait()
        api.server_close()
    if isinstance(heard, str):
        raise InitFailed(heard)
    return heard - started
