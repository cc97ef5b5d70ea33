"""HTTP to outside parties: one attempt, bounded in time and size, no redirects, no details told.

What goes wrong is an ``Unreachable`` whose text names neither URL nor answer, because both may
hold secrets, and log lines are safe to publish.
"""

from __future__ import annotations

import http.client
import io
import logging
import socket
import time
from base64 import b64encode
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import urllib3

from ..notary.limits import ANSWER_BYTES, NETWORK_S
from ..notary.networks import Unreachable

_CHUNK = 1 << 16

# A header line that it cannot read makes urllib3 log a warning with the whole URL, key and all.
logging.getLogger("urllib3").setLevel(logging.CRITICAL)


class Answer(NamedTuple):
    status: int
    body: bytes
    media: str


class Http:
    """Requests to one base URL, ``https://[user:password@]host[/path]``; plain http is for one's
    own nodes. ``timeout_s`` bounds connecting, and each request as a whole from then on."""

    def __init__(self, url: str, timeout_s: float = NETWORK_S) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("a network's url is https://host[:port][/path]")
        port = f":{parts.port}" if parts.port else ""
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        self._base = f"{parts.scheme}://{host}{port}{parts.path}".rstrip("/")
        self._headers: dict[str, str] = {}
        if parts.username is not None:
            secret = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
            self._headers["Authorization"] = f"Basic {b64encode(secret).decode()}"
        self._timeout_s = timeout_s
        self._pool = urllib3.PoolManager(retries=False)
        self._pool.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}

    def get(self, path: str = "", headers: Mapping[str, str] | None = None) -> Answer:
        return self._request("GET", path, None, headers)

    def post(
        self, path: str = "", body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        return self._request("POST", path, body, headers)

    def _request(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str] | None
    ) -> Answer:
        try:
            response = self._pool.request(
                method,
                self._base + path,
                body=body,
                headers={**self._headers, **(headers or {})},
                timeout=urllib3.Timeout(total=self._timeout_s),
                redirect=False,
                preload_content=False,
            )
            try:
                data = _read(response)
            finally:
                response.close()
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise Unreachable(f"no answer that can be used ({type(error).__name__})") from None
        media = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        return Answer(response.status, data, media)


def _read(response: urllib3.BaseHTTPResponse) -> bytes:
    chunks, size = [], 0
    for chunk in response.stream(_CHUNK):
        size += len(chunk)
        if size > ANSWER_BYTES:
            raise Unreachable(f"the answer has more than {ANSWER_BYTES} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


class _Punctual(io.RawIOBase):
    """What a socket receives until the time is up that the socket had for one read at first. A
    timeout of its own begins anew with every byte, so a server that trickles would never end."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket) -> None:
        self._raw = raw
        self._sock = sock
        self._timeout_s = sock.gettimeout()
        self._deadline = time.monotonic() + (self._timeout_s or 0.0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int | None:  # type: ignore[override]
        left_s = self._deadline - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("the answer took too long")
        self._sock.settimeout(left_s)
        try:
            return self._raw.readinto(buffer)
        finally:
            self._sock.settimeout(self._timeout_s)  # for the next request on this connection

    def close(self) -> None:
        self._raw.close()
        super().close()


class PunctualResponse(http.client.HTTPResponse):
    """Its status line, headers and body come in time, all together. urllib3 sets the socket's
    timeout to what is left of the request's just before."""

    def __init__(self, sock: socket.socket, *args: object, **options: object) -> None:
        super().__init__(sock, *args, **options)  # type: ignore[arg-type]
        self.fp = io.BufferedReader(_Punctual(self.fp.detach(), sock))


class _HttpConnection(urllib3.connection.HTTPConnection):
    response_class = PunctualResponse


class _HttpsConnection(urllib3.connection.HTTPSConnection):
    response_class = PunctualResponse


class _HttpPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _HttpConnection


class _HttpsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _HttpsConnection
