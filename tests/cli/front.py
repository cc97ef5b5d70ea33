"""The service in memory behind a real HTTP server on the loopback, which can be told to misbehave.

Faults are asked for before a request comes: ``answer`` gives what is said instead of the service,
``after`` is done between the service's work and its answer.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self, cast

from chalicelib.api import wiring
from chalicelib.api.problems import BASE, MEDIA_TYPE
from chalicelib.bootstrap import system_clock_ms
from chalicelib.notary.admit import admit_upload
from chalicelib.notary.ports import Upload
from chalicelib.proof.hashes import Hash
from tests.api.world import World
from tests.fakes import MemoryObjects, MemoryUploads


@dataclass(slots=True)
class Canned:
    """An answer instead of the service's; ``status`` 0 hangs up after the service did its work."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


def problem(status: int, name: str, detail: str) -> Canned:
    body = {"type": f"{BASE}{name}", "detail": detail}
    return Canned(status, json.dumps(body).encode(), {"Content-Type": MEDIA_TYPE})


@dataclass
class FrontUploads(MemoryUploads):
    """Permits puts to this server."""

    url: str = ""

    def presign(self, key: str, size: int, sha256: Hash, expires_s: int) -> Upload:
        upload = super().presign(key, size, sha256, expires_s)
        return Upload(f"{self.url}/bucket/{key}", upload.method, upload.headers)


@dataclass
class Allotted:
    """What the service allotted: the counts that were ``asked`` for, and all ``entries``."""

    asked: list[int] = field(default_factory=list)
    entries: list[dict[str, Any]] = field(default_factory=list)

    def note(self, request: bytes, answer: bytes) -> None:
        self.asked.append(json.loads(request)["count"])
        self.entries += json.loads(answer)["entries"]


class Front:
    """``seen`` counts requests by method and path, such as ``POST /entries``."""

    def __init__(self, world: World) -> None:
        self.seen: Counter[str] = Counter()
        self.faults: dict[str, list[Canned]] = {}
        self.after: dict[str, Callable[[], object]] = {}
        self._lock = threading.RLock()
        self._world = world
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.01,), daemon=True
        )
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.allotted = Allotted()
        self.uploads = FrontUploads(cast(MemoryObjects, world.service.log.work), url=self.url)
        self.service = replace(
            world.service,
            public_url=self.url,
            clock_ms=system_clock_ms,
            uploads=self.uploads,
        )
        world.service = self.service
        wiring.use(self.service)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, request: str, *answers: Canned) -> None:
        """What the next requests such as ``POST /entries`` get; then the service answers again."""
        self.faults.setdefault(request, []).extend(answers)

    def token(self) -> str:
        """A token that an operator handed out."""
        now_s = self.service.clock_ms() // 1000
        claims = {"iss": self.url, "aud": self.url, "sub": "did:web:university.example"}
        return self._world.token("university", **claims, iat=now_s, exp=now_s + 600)

    def handle(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Canned | None:
        """The answer to send; None hangs up."""
        name = f"{method} {path.partition('?')[0]}"
        with self._lock:
            self.seen[name] += 1
            canned = self.faults[name].pop(0) if self.faults.get(name) else None
            if canned is not None and canned.status:
                return canned
            answer = self._serve(method, path, headers, body)
            self.after.get(name, int)()
            return None if canned is not None else answer

    def _serve(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Canned:
        if path.startswith("/bucket/"):
            return self._put(path.removeprefix("/bucket/"), body)
        response = self._world.request(method, path, body, headers)
        if (path, response.status_code) == ("/v1/status-entries", 201):
            self.allotted.note(body, response.body)
        return Canned(response.status_code, response.body, dict(response.headers))

    def _put(self, key: str, body: bytes) -> Canned:
        """What S3 and its event to the admission worker do."""
        self.uploads.put(Upload(f"memory:{key}", "PUT", {}), body)
        service = self.service
        admit_upload(
            key.rsplit("/", maxsplit=1)[-1], service.registry, service.log, service.clock_ms()
        )
        self.uploads.destroy(key)
        service.wake()
        return Canned(200)

    def _handler(front: Front) -> type[BaseHTTPRequestHandler]:  # noqa: N805 - self is the handler
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: object) -> None:
                pass

            def _any(self) -> None:
                size = int(self.headers.get("content-length", "0"))
                body = self.rfile.read(size)
                answer = front.handle(self.command, self.path, dict(self.headers), body)
                if answer is None:
                    self.close_connection = True
                    return
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    if name.lower() not in ("content-length", "connection"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            do_GET = do_POST = do_PUT = do_DELETE = _any  # noqa: N815 - the names that the library calls

        return Handler
