"""HTTPS to URLs that strangers name: did:web documents, webhooks.

The host is looked up once, every address is judged, and the connection goes to one of those very
addresses: a name that means something else a moment later (rebinding) changes nothing. TLS is
checked for the host's name all the same. No redirect is followed, no proxy of the environment is
used, nothing is decompressed. A request has one deadline, from the look-up to the last byte.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cache
from http.client import HTTPConnection, HTTPException, HTTPResponse
from queue import Empty, SimpleQueue
from threading import Thread

from ..notary.limits import ANSWER_BYTES, PUBLIC_ADDRESSES, PUBLIC_S
from ..notary.public_url import (
    HTTPS_ONLY,
    HTTPS_PORT,
    Answer,
    AnswerTooLarge,
    BrokenAnswer,
    NoConnection,
    NotTrusted,
    OutOfTime,
    PublicUrl,
    UnknownHost,
    check_address,
    parse_public_url,
)
from .http import PunctualResponse

Resolve = Callable[[str], Sequence[str]]
"""The addresses of a host; raises OSError."""

Connect = Callable[[str, int, float], socket.socket]
"""A connection to an address and port, within so many seconds; raises OSError."""

_RETRY_AFTER_DIGITS = 7


def resolve_host(host: str) -> list[str]:
    """``Resolve`` by the system's resolver."""
    found = socket.getaddrinfo(host, HTTPS_PORT, type=socket.SOCK_STREAM)
    return [str(sockaddr[0]) for *_, sockaddr in found]


def connect_to(address: str, port: int, timeout_s: float) -> socket.socket:
    """``Connect``. An address is not looked up again."""
    return socket.create_connection((address, port), timeout_s)


def public_tls() -> ssl.SSLContext:
    """What the system's certificate authorities vouch for, by the names that certificates list."""
    return tls_by(None)


@cache
def tls_by(certificates: str | None) -> ssl.SSLContext:
    """What those in a file vouch for, or the system's."""
    context = ssl.create_default_context(cafile=certificates)
    context.hostname_checks_common_name = False
    context.set_alpn_protocols(["http/1.1"])
    return context


@dataclass(frozen=True)
class PublicHttp:
    """``ports`` are those that a URL may name. ``also`` are addresses that are used although they
    are not public: for tests, whose servers are on this machine."""

    resolve: Resolve = resolve_host
    connect: Connect = connect_to
    tls: Callable[[], ssl.SSLContext] = public_tls
    ports: Collection[int] = HTTPS_ONLY
    also: Collection[str] = ()
    timeout_s: float = PUBLIC_S
    max_bytes: int = ANSWER_BYTES

    def reach(self, url: str) -> None:
        """``notary.public_url.Reach``."""
        self._look_up(parse_public_url(url, self.ports).host, _Deadline(self.timeout_s))

    def get(self, url: str) -> Answer:
        """``notary.public_url.Get``: at most ``max_bytes`` of body."""
        with self._answer("GET", url, b"", {}) as response:
            body = response.read(self.max_bytes + 1)
            if len(body) > self.max_bytes:
                raise AnswerTooLarge(f"the answer has more than {self.max_bytes} bytes")
            if response.length:
                raise BrokenAnswer("the answer ends too early")
            return _answer(response, body)

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """``notary.public_url.Post``."""
        with self._answer("POST", url, body, headers) as response:
            return _answer(response, b"")

    @contextmanager
    def _answer(
        self, method: str, url: str, body: bytes, headers: Mapping[str, str]
    ) -> Iterator[HTTPResponse]:
        place = parse_public_url(url, self.ports)
        deadline = _Deadline(self.timeout_s)
        addresses = self._look_up(place.host, deadline)
        try:
            with (
                closing(self._open(place, addresses, deadline)) as sock,
                closing(_exchange(sock, place, method, body, headers, deadline)) as response,
            ):
                yield response
        except TimeoutError:
            raise OutOfTime("there was no whole answer in time") from None
        except ssl.SSLError:
            raise NotTrusted("TLS with the host failed") from None
        except (HTTPException, OSError):
            raise BrokenAnswer("there was no whole answer in HTTP") from None

    def _look_up(self, host: str, deadline: _Deadline) -> list[str]:
        """Addresses that were judged, all of them: one that is not public refuses the host."""
        found = list(dict.fromkeys(_in_time(lambda: self.resolve(host), deadline)))
        if not found:
            raise UnknownHost("the host has no addresses")
        return [text if text in self.also else str(check_address(text)) for text in found]

    def _open(
        self, place: PublicUrl, addresses: Sequence[str], deadline: _Deadline
    ) -> ssl.SSLSocket:
        """TLS with the first address that takes the connection; none may take all the time."""
        tried = addresses[:PUBLIC_ADDRESSES]
        for number, address in enumerate(tried):
            timeout_s = deadline.left_s() / (len(tried) - number)
            try:
                raw = self.connect(address, place.port, timeout_s)
            except OSError:
                continue
            try:
                raw.settimeout(deadline.left_s())
                return self.tls().wrap_socket(raw, server_hostname=place.host)
            except BaseException:
                raw.close()
                raise
        deadline.left_s()
        raise NoConnection("no address of the host takes connections")


def of_this_machine(receiver: str) -> PublicHttp:
    """For tests on the local cloud. ``receiver`` is ``ADDRESS PORT FILE``: every host that anybody
    names is then at this address, may be called at this port, and is known by the certificates in
    this file."""
    address, port, certificates = receiver.split(" ", 2)
    return PublicHttp(
        resolve=lambda _: [address],
        tls=lambda: tls_by(certificates),
        ports={*HTTPS_ONLY, int(port)},
        also={address},
    )


class _Deadline:
    def __init__(self, timeout_s: float) -> None:
        self._at = time.monotonic() + timeout_s

    def left_s(self) -> float:
        """Seconds that are left, more than none; raises OutOfTime."""
        left_s = self._at - time.monotonic()
        if left_s <= 0:
            raise OutOfTime("there was no whole answer in time")
        return left_s


def _in_time(resolve: Callable[[], Sequence[str]], deadline: _Deadline) -> Sequence[str]:
    """What it returns, in time. The system's resolver has no deadline, so it gets a thread, which
    is left behind if it takes too long."""
    found: SimpleQueue[Sequence[str]] = SimpleQueue()

    def look_up() -> None:
        try:
            found.put(resolve())
        except (OSError, UnicodeError):
            found.put(())

    Thread(target=look_up, daemon=True).start()
    try:
        return found.get(timeout=deadline.left_s())
    except Empty:
        raise OutOfTime("the host was not found in time") from None


class _Connection(HTTPConnection):
    """Sends over the socket that it is given, and never opens another."""

    default_port = HTTPS_PORT
    auto_open = 0
    response_class = PunctualResponse


def _exchange(
    sock: ssl.SSLSocket,
    place: PublicUrl,
    method: str,
    body: bytes,
    headers: Mapping[str, str],
    deadline: _Deadline,
) -> HTTPResponse:
    """Send the request, and read the head of the answer."""
    connection = _Connection(place.host, place.port)
    connection.sock = sock
    connection.putrequest(method, place.target, skip_accept_encoding=True)
    for name, value in _all_headers(method, body, headers):
        connection.putheader(name, value)
    sock.settimeout(deadline.left_s())
    connection.endheaders()
    sock.settimeout(deadline.left_s())
    connection.send(body)
    sock.settimeout(deadline.left_s())
    response = connection.getresponse()
    if response.getheader("Content-Encoding", "identity") != "identity":
        raise BrokenAnswer("the answer is compressed, and nobody asked for that")
    return response


def _all_headers(method: str, body: bytes, headers: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    yield "Accept-Encoding", "identity"
    yield "User-Agent", "Tally"
    yield "Connection", "close"
    yield from headers.items()
    if method == "POST":
        yield "Content-Length", str(len(body))


def _answer(response: HTTPResponse, body: bytes) -> Answer:
    media = response.getheader("Content-Type", "").partition(";")[0].strip().lower()
    return Answer(response.status, body, media, _retry_after_s(response))


def _retry_after_s(response: HTTPResponse) -> int:
    """Of the two forms of the header (RFC 9110 §10.2.3) the seconds are read, the date is not."""
    text = response.getheader("Retry-After", "").strip()
    if not (text.isascii() and text.isdecimal() and len(text) <= _RETRY_AFTER_DIGITS):
        return 0
    return int(text)
