"""TLS servers on this machine, for a host that only tests know.

Each speaks as much HTTP as its script says, so that it can misbehave in any way.
"""

from __future__ import annotations

import contextlib
import datetime
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from chalicelib.adapters.public_http import PublicHttp, Resolve, connect_to
from infra.local_cloud import HOST

NAME = "university.example"
PUBLIC = "93.184.215.14"
METADATA = "169.254.169.254"
PAUSE_S = 0.05

Script = Callable[[socket.socket, threading.Event], None]
"""What is done with a connection whose request was read, until the event is set."""


@dataclass(frozen=True)
class Authority:
    """A certificate authority with one certificate, for ``names``. ``path`` holds what the server
    needs, and what those need who trust it."""

    path: Path

    def server(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path)
        return context

    def trusted(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.path))
        context.hostname_checks_common_name = False
        return context


def make_authority(place: Path, *names: str, common_name: str = "a server") -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])
    now = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)
    builder = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - day)
        .not_valid_after(now + day)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
    )
    if names:
        alternatives = x509.SubjectAlternativeName([x509.DNSName(each) for each in names])
        builder = builder.add_extension(alternatives, False)
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = place / f"{common_name.replace(' ', '-')}.pem"
    path.write_bytes(secret + builder.sign(key, hashes.SHA256()).public_bytes(pem))
    return Authority(path)


@dataclass
class Server:
    """``requests`` are what came, whole; ``names`` what the clients took it for (SNI)."""

    port: int
    requests: list[bytes] = field(default_factory=list)
    names: list[str | None] = field(default_factory=list)

    def client(self, authority: Authority, *addresses: str, **options: object) -> PublicHttp:
        """Whoever trusts that authority, and is told these addresses for every host."""
        resolve: Resolve = lambda _: addresses or (HOST,)  # noqa: E731
        arguments: dict[str, object] = {
            "resolve": resolve,
            "tls": authority.trusted,
            "ports": {self.port},
            "also": {HOST},
            "timeout_s": 5.0,
        }
        return PublicHttp(**{**arguments, **options})  # type: ignore[arg-type]

    def url(self, target: str = "/did.json", host: str = NAME) -> str:
        return f"https://{host}:{self.port}{target}"


class Connections:
    """``Connect`` to a server of this machine whatever the address, which is noted."""

    def __init__(self, port: int, *failing: str) -> None:
        self.made: list[tuple[str, int]] = []
        self._port, self._failing = port, failing

    def __call__(self, address: str, port: int, timeout_s: float) -> socket.socket:
        self.made.append((address, port))
        if address in self._failing:
            raise ConnectionRefusedError
        return connect_to(HOST, self._port, timeout_s)


@contextlib.contextmanager
def serving(authority: Authority | None, script: Script) -> Iterator[Server]:
    """A server that meets every connection with the script; without authority it has no TLS."""
    listener = socket.create_server((HOST, 0))
    server, gone = Server(listener.getsockname()[1]), threading.Event()
    tls = authority.server() if authority else None
    if tls:
        tls.sni_callback = lambda _sock, name, _context: server.names.append(name)
    meet = partial(_meet, server, tls, script, gone)
    thread = threading.Thread(target=_accept, args=(listener, meet, gone))
    thread.start()
    try:
        yield server
    finally:
        gone.set()
        thread.join()
        listener.close()


def _accept(
    listener: socket.socket, meet: Callable[[socket.socket], None], gone: threading.Event
) -> None:
    listener.settimeout(PAUSE_S)
    while not gone.is_set():
        with contextlib.suppress(TimeoutError):
            connection, _ = listener.accept()
            with connection, contextlib.suppress(OSError):
                connection.settimeout(5.0)
                meet(connection)


def _meet(
    server: Server,
    tls: ssl.SSLContext | None,
    script: Script,
    gone: threading.Event,
    connection: socket.socket,
) -> None:
    spoken = tls.wrap_socket(connection, server_side=True) if tls else connection
    with spoken:
        # What comes without TLS is no request, and has no end that could be waited for.
        server.requests.append(_read_request(spoken) if tls else spoken.recv(1 << 16))
        script(spoken, gone)


def _read_request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(1 << 16)
        if not piece:
            return data
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-l")), 0
    )
    while len(body) < length:
        body += connection.recv(1 << 16)
    return head + b"\r\n\r\n" + body


def say(data: bytes) -> Script:
    """Send these bytes, and close."""

    def script(connection: socket.socket, _: threading.Event) -> None:
        connection.sendall(data)

    return script


def trickle(head: bytes, piece: bytes) -> Script:
    """Send the head, and then piece by piece for ever."""

    def script(connection: socket.socket, gone: threading.Event) -> None:
        connection.sendall(head)
        while not gone.wait(PAUSE_S):
            connection.sendall(piece)

    return script


def pour(head: bytes, piece: bytes) -> Script:
    """The same, as fast as it goes."""

    def script(connection: socket.socket, gone: threading.Event) -> None:
        connection.sendall(head)
        while not gone.is_set():
            connection.sendall(piece)

    return script


def answer(body: bytes, *lines: str, status: str = "200 OK") -> bytes:
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *lines]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body
