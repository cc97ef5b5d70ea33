"""A proxy before a real node that fails and lies when told to, which nodes cannot be."""

from __future__ import annotations

import contextlib
import json
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from infra.local_cloud import HOST
from infra.peers.bitcoin import BitcoinPeer

Lie = Callable[[Any], Any]


class Proxy:
    """``lies`` by method: what becomes of the result. ``errors`` by method: a JSON-RPC error, and
    the node is not asked. ``lost``: the node gets the call, nobody gets the answer. ``raw`` is
    answered to everything. ``delay_s`` is waited first. ``asked`` lists the methods."""

    def __init__(self) -> None:
        self.url = ""
        self.lies: dict[str, Lie] = {}
        self.errors: dict[str, tuple[int, str]] = {}
        self.lost: set[str] = set()
        self.raw: bytes | None = None
        self.delay_s = 0.0
        self.asked: list[str] = []

    def change(self, method: str, answer: dict[str, Any]) -> dict[str, Any]:
        lie = self.lies.get(method)
        return answer if lie is None else {**answer, "result": lie(answer["result"])}


@contextlib.contextmanager
def running_proxy(peer: BitcoinPeer) -> Iterator[Proxy]:
    proxy = Proxy()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            method = json.loads(body)["method"]
            proxy.asked.append(method)
            time.sleep(proxy.delay_s)
            headers = {name: self.headers[name] for name in ("Authorization", "Content-Type")}
            if method in proxy.errors:
                code, message = proxy.errors[method]
                self._answer({"error": {"code": code, "message": message}})
                return
            request = urllib.request.Request(f"http://{HOST}:{peer.port}/", body, headers)
            with urllib.request.urlopen(request) as response:
                answer = proxy.change(method, json.load(response))
            if method in proxy.lost:
                self.close_connection = True
                return
            self._answer(answer)

        def _answer(self, answer: dict[str, Any]) -> None:
            with contextlib.suppress(ConnectionError):  # who asked may not have waited
                self.send_response(200)
                self.end_headers()
                self.wfile.write(json.dumps(answer).encode() if proxy.raw is None else proxy.raw)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer((HOST, 0), Handler)
    proxy.url = peer.url.replace(f":{peer.port}", f":{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
