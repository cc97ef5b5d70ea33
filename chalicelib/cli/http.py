"""HTTP to a Tally service: retries with patience, and problems (RFC 9457) turned into sentences."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from time import monotonic, sleep
from types import TracebackType
from typing import Protocol, Self
from urllib.parse import urlsplit

import click
import httpx

from ..proof.jcs import JsonValue
from .failure import Failure, Misused, Unfinished

PATIENCE_S = 120.0
"""A request that fails in passing is tried again for so long."""

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
_TELL_AT_S = 4.0
"""When the pauses have grown so long, the person who waits is told why."""

TIMEOUT = httpx.Timeout(40.0, connect=10.0)
"""API Gateway ends a request after 29 s."""

_PASSING = frozenset({429, 500, 502, 503, 504})
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_PROBLEM_CHARS = 500


class Refused(Unfinished):
    """The service answered with an error that asking again does not mend."""

    def __init__(self, status: int, type_: str, detail: str):
        super().__init__(f"the service refused: {detail}", {"problem": type_})
        self.status = status
        self.type = type_
        self.detail = detail


def check_url(url: str) -> str:
    """The service's address without a final slash. Tokens travel over TLS, or stay on this host."""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise Misused(f"{url!r} is not an address: {error}") from error
    host = parts.hostname or ""
    local = host in _LOOPBACK or host.endswith(".localhost")
    if not host or parts.query or parts.fragment or parts.scheme not in ("http", "https"):
        raise Misused(f"{url!r} is not the address of a service, such as https://tally.example.org")
    if parts.scheme == "http" and not local:
        raise Misused(f"{url} is not encrypted; use https://")
    return url.rstrip("/")


Body = bytes | Callable[[], bytes] | None
"""What is sent, or what makes it anew for each attempt."""

Request = tuple[str, str, Body, dict[str, str]]
"""Method, URL, body, headers."""


class Tokens(Protocol):
    """Access tokens for the requests that need one."""

    def current(self) -> str:
        """A token that is good for another minute."""

    def refused(self, token: str) -> bool:
        """The service refused ``token`` with 401; true when another one can be had."""


@dataclass(slots=True)
class Http:
    """Requests to one service. What fails in passing is tried again for ``PATIENCE_S``."""

    url: str
    tokens: Tokens | None = None
    client: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=TIMEOUT))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.client.close()

    def get(self, path: str, accept: str = "application/json") -> httpx.Response:
        return self.send("GET", self.url + path, headers={"Accept": accept})

    def send(
        self,
        method: str,
        url: str,
        *,
        content: Body = None,
        headers: dict[str, str] | None = None,
        authorised: bool = False,
    ) -> httpx.Response:
        """The answer, below 400; raises Refused, or Failure when the service is out of reach."""
        request = (method, url, content, headers or {})
        deadline_s = monotonic() + PATIENCE_S
        pause_s = FIRST_PAUSE_S
        while True:
            answer, trouble = self._attempt(request, authorised)
            if answer is not None and answer.status_code < 400:
                return answer
            if answer is not None and answer.status_code not in _PASSING:
                raise refusal(answer)
            wait_s = max(_retry_after_s(answer), pause_s * random.uniform(0.5, 1.0))
            if monotonic() + wait_s > deadline_s:
                raise Unfinished(f"cannot reach {self.url}: {trouble}. Run the same command again")
            if pause_s == _TELL_AT_S:
                click.echo(f"tally: {self.url}: {trouble}; trying again", err=True)
            sleep(wait_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    def _attempt(self, request: Request, authorised: bool) -> tuple[httpx.Response | None, str]:
        """One attempt, or two when the service takes our token for expired before we do."""
        if not authorised or self.tokens is None:
            return self._once(request, None)
        token = self.tokens.current()
        answer, trouble = self._once(request, token)
        if answer is not None and answer.status_code == 401 and self.tokens.refused(token):
            return self._once(request, self.tokens.current())
        return answer, trouble

    def _once(self, request: Request, token: str | None) -> tuple[httpx.Response | None, str]:
        """The answer if there was one, and what to say if it was the last."""
        method, url, content, headers = request
        if token is not None:
            headers = {**headers, "Authorization": f"Bearer {token}"}
        if callable(content):
            content = content()
        try:
            answer = self.client.request(method, url, content=content, headers=headers)
        except httpx.TransportError as error:
            return None, str(error) or type(error).__name__
        except (httpx.InvalidURL, httpx.HTTPError) as error:
            raise Unfinished(f"cannot ask {url}: {error}") from error
        return answer, f"it answers {answer.status_code} {answer.reason_phrase}"


def _retry_after_s(answer: httpx.Response | None) -> float:
    """What Retry-After asks for (RFC 9110 §10.2.3), at most ``LONGEST_PAUSE_S``; 0 if nothing."""
    text = "" if answer is None else answer.headers.get("Retry-After", "")
    if text.isascii() and text.isdigit():
        return min(float(text), LONGEST_PAUSE_S)
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    seconds = (until.astimezone(UTC) - datetime.now(UTC)).total_seconds()
    return min(max(seconds, 0.0), LONGEST_PAUSE_S)


def refusal(answer: httpx.Response) -> Refused:
    """What a problem document says, or what can be said of an answer that is none."""
    status = f"{answer.status_code} {answer.reason_phrase}".strip()
    try:
        problem = read_json(answer)
    except Failure:
        return Refused(answer.status_code, "", f"{status} from {answer.request.url}")
    texts = {name: problem.get(name) for name in ("type", "detail", "title")}
    detail = texts["detail"] or texts["title"] or f"{status} from {answer.request.url}"
    return Refused(answer.status_code, problem_name(texts["type"]), str(detail)[:_PROBLEM_CHARS])


def problem_name(type_: object) -> str:
    """The last part of a problem's type: its stable name."""
    return type_.rsplit("/", 1)[-1] if isinstance(type_, str) else ""


def read_json(answer: httpx.Response) -> dict[str, JsonValue]:
    try:
        value = json.loads(answer.content)
    except ValueError as error:
        raise _no_service(answer) from error
    if not isinstance(value, dict):
        raise _no_service(answer)
    return value


def _no_service(answer: httpx.Response) -> Failure:
    return Unfinished(f"{answer.request.url} did not answer with JSON; is this a Tally service?")
