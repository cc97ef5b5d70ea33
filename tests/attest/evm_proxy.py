"""A liar in front of a real node: forwards JSON-RPC and alters answers on the way.

The only mock in these tests: real nodes do not lie, lose answers, or say nothing on demand.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from chalicelib.adapters.http import Http
from infra.local_cloud import HOST

Alter = Callable[[Any], Any]


@dataclass
class Proxy:
    """Honest, until one of these is set.

    ``alter`` changes results by method; ``refuse`` are whole answers by method, of which the node
    never hears; ``lose`` names methods whose answers are lost after the node has acted on them;
    ``raw`` are bytes sent instead of every answer; ``slow_s`` delays them. ``asked`` are the
    methods that were called.
    """

    upstream: Http
    url: str = ""
    alter: dict[str, Alter] = field(default_factory=dict)
    refuse: dict[str, bytes] = field(default_factory=dict)
    lose: set[str] = field(default_factory=set)
    raw: bytes | None = None
    slow_s: float = 0.0
    asked: list[str] = field(default_factory=list)

    def make_honest(self) -> None:
        self.alter, self.refuse, self.lose, self.asked = {}, {}, set(), []
        self.raw, self.slow_s = None, 0.0

    def answer(self, body: bytes) -> bytes | None:
        method = json.loads(body)["method"]
        self.asked.append(method)
        time.sleep(self.slow_s)
        if method in self.refuse:
            return self.refuse[method]
        answer = self.upstream.post("", body, {"Content-Type": "application/json"}).body
        if method in self.lose:
            return None
        if self.raw is not None:
            return self.raw
        if method in self.alter:
            said = json.loads(answer)
            altered = self.alter[method](said.get("result"))
            answer = json.dumps({"jsonrpc": "2.0", "id": said["id"], "result": altered}).encode()
        return answer


@contextlib.contextmanager
def running_proxy(upstream: str) -> Iterator[Proxy]:
    proxy = Proxy(Http(upstream))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            answer = proxy.answer(body)
            if answer is None:
                self.close_connection = True
                return
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing is logged."""

    server = ThreadingHTTPServer((HOST, 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    proxy.url = f"http://{HOST}:{server.server_address[1]}"
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
