"""HTTP to outside parties: one attempt, bounded in time and size, no redirects, no details told.

What goes wrong is an ``Unreachable`` whose text names neither URL nor answer, because both may
hold secrets, and log lines are safe to publish.
"""

from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import urllib3

from ..notary.limits import ANSWER_BYTES, NETWORK_S
from ..notary.networks import Unreachable

_CHUNK = 1 << 16


class Answer(NamedTuple):
    status: int
    body: bytes
    media: str


class Http:
    """Requests to one base URL, ``https://[user:password@]host[/path]``; plain http is for one's
    own nodes. ``timeout_s`` bounds each request as a whole."""

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

    def get(self, path: str = "", headers: Mapping[str, str] | None = None) -> Answer:
        return self._request("GET", path, None, headers)

    def post(
        self, path: str = "", body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        return self._request("POST", path, body, headers)

    def _request(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str] | None
    ) -> Answer:
        deadline = time.monotonic() + self._timeout_s
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
                data = _read(response, deadline)
            finally:
                response.close()
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise Unreachable(f"no answer that can be used ({type(error).__name__})") from None
        media = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        return Answer(response.status, data, media)


def _read(response: urllib3.BaseHTTPResponse, deadline: float) -> bytes:
    """The body; a server that trickles it is out of time like one that says nothing."""
    chunks, size = [], 0
    for chunk in response.stream(_CHUNK):
        size += len(chunk)
        if size > ANSWER_BYTES:
            raise Unreachable(f"the answer has more than {ANSWER_BYTES} bytes")
        if time.monotonic() > deadline:
            raise Unreachable("the answer took too long")
        chunks.append(chunk)
    return b"".join(chunks)
