"""A network between the functions and the cloud on which a share of the calls goes wrong.

A proxy on 127.0.0.1. Of every kind of fault comes one after the other: the service fails, it
refuses for load, and it does what it was asked to but the answer is lost, at once or by a time-out.
"""

from __future__ import annotations

import http.client
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from random import Random
from typing import Literal

from chalicelib.adapters.aws import READ_S

HOST = "127.0.0.1"
Kind = Literal["failed", "throttled", "done, answer lost", "done, timed out"]
_KINDS: tuple[Kind, ...] = ("failed", "throttled", "done, answer lost")
TIME_OUTS = 2
"""Answers that are really waited for in vain; each takes as long as the functions' patience."""

_OWN = frozenset({"connection", "keep-alive", "transfer-encoding", "host", "expect"})
"""Headers that are one connection's own (RFC 9110 §7.6.1)."""


class BadNetwork:
    """``share`` is the part of the calls that go wrong: none at first. ``calls`` and ``faults``
    count what came through."""

    def __init__(self, cloud_port: int, seed: int) -> None:
        self.share = 0.0
        self.calls: Counter[str] = Counter()
        self.faults: Counter[Kind] = Counter()
        self.cloud_port = cloud_port
        self._random = Random(seed)
        self._numbers = count()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(
            (HOST, 0), type("Handler", (_Handler,), {"network": self})
        )
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self._server.server_port}"

    def next_fault(self, operation: str) -> Kind | None:
        with self._lock:
            self.calls[operation] += 1
            if self._random.random() >= self.share:
                return None
            kind = _KINDS[next(self._numbers) % len(_KINDS)]
            # Only what may be done twice without waiting for it is really waited for.
            if kind == "done, answer lost" and self.faults["done, timed out"] < TIME_OUTS:
                kind = "done, timed out"
            self.faults[kind] += 1
            return kind

    def serve(self) -> None:
        self._server.serve_forever()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def bad_network(cloud_port: int, seed: int = 1088) -> Iterator[BadNetwork]:
    network = BadNetwork(cloud_port, seed)
    thread = threading.Thread(target=network.serve, daemon=True)
    thread.start()
    try:
        yield network
    finally:
        network.stop()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    network: BadNetwork

    def _meet(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        kind = self.network.next_fault(self._operation())
        if kind in ("failed", "throttled"):
            self._refuse(throttled=kind == "throttled")
            return
        status, headers, answer = self._forward(body)
        if kind == "done, timed out":
            time.sleep(READ_S + 1)
        if kind is None:
            self._answer(status, headers, answer)
        else:
            self.close_connection = True

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _meet  # noqa: N815 - as http.server calls them

    def _operation(self) -> str:
        target = self.headers.get("X-Amz-Target", "")
        return target.rpartition(".")[2] or f"S3 {self.command}"

    def _forward(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        cloud = http.client.HTTPConnection(HOST, self.network.cloud_port, timeout=60)
        sent = {name: value for name, value in self.headers.items() if name.lower() not in _OWN}
        cloud.request(self.command, self.path, body, sent)
        got = cloud.getresponse()
        answer = got.status, got.getheaders(), got.read()
        cloud.close()
        return answer

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in (*_OWN, "content-length"):
                self.send_header(name, value)
        held = {name.lower(): value for name, value in headers}.get("content-length")
        length = held if held and self.command == "HEAD" else str(len(body))
        self.send_header("Content-Length", length)
        self.end_headers()
        self.wfile.write(body)

    def _refuse(self, *, throttled: bool) -> None:
        """As the services that speak JSON word it, or S3, which has no target."""
        if "X-Amz-Target" in self.headers:
            name = "ThrottlingException" if throttled else "InternalServerError"
            status, body = 400 if throttled else 500, f'{{"__type":"{name}","message":"{name}"}}'
        else:
            name = "SlowDown" if throttled else "InternalError"
            status = 503 if throttled else 500
            body = f"<Error><Code>{name}</Code><Message>{name}</Message></Error>"
        self._answer(status, [], b"" if self.command == "HEAD" else body.encode())

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the counts tell."""
