"""The limits of a request: servers that trickle, and what is written to the log.

The servers are sockets that speak just enough HTTP to misbehave.
"""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import logging
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from chalicelib.adapters.http import Http
from chalicelib.notary.networks import Unreachable
from infra.local_cloud import HOST

PAUSE_S = 0.05
PIECES = 90
TIMEOUT_S = 0.3
SECRET = "a-key-in-the-path"


class Trickler:
    """Answers one request with ``head``, and then ``piece`` by ``piece``. ``finished``: it came to
    the end, because who asked was still there."""

    def __init__(self, head: bytes, piece: bytes, pieces: int, tls: ssl.SSLContext | None) -> None:
        self._head, self._piece, self._pieces, self._tls = head, piece, pieces, tls
        self._gone = threading.Event()
        self._listener = socket.create_server((HOST, 0))
        self._listener.settimeout(10.0)
        scheme = "https" if tls else "http"
        self.url = f"{scheme}://{HOST}:{self._listener.getsockname()[1]}/{SECRET}"
        self.finished = False
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        connection, _ = self._listener.accept()
        if self._tls:
            connection = self._tls.wrap_socket(connection, server_side=True)
        with connection, contextlib.suppress(OSError):
            connection.recv(1 << 16)
            connection.sendall(self._head)
            for _ in range(self._pieces):
                if self._gone.wait(PAUSE_S):
                    return
                connection.sendall(self._piece)
            self.finished = True

    def close(self) -> None:
        self._gone.set()
        self._thread.join()
        self._listener.close()


@contextlib.contextmanager
def trickling(
    head: bytes, piece: bytes = b"", pieces: int = PIECES, tls: ssl.SSLContext | None = None
) -> Iterator[Trickler]:
    server = Trickler(head, piece, pieces, tls)
    try:
        yield server
    finally:
        server.close()


OK = b"HTTP/1.1 200 OK\r\n"
TRICKLES = {
    "a body of a length": (OK + b"Content-Length: %d\r\n\r\n" % PIECES, b"x"),
    "a body in chunks": (OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    "a body to the end": (OK + b"\r\n", b"x"),
    "a status line": (b"HTTP/1.1 200 ", b"O"),
    "lines of a header": (OK, b"X: x\r\n"),
    "a long line of a header": (OK + b"X: ", b"x"),
    "the word to continue": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
}


@pytest.mark.parametrize("name", TRICKLES)
def test_a_server_that_trickles_is_out_of_time_like_one_that_says_nothing(name: str) -> None:
    threads = threading.active_count()
    with trickling(*TRICKLES[name]) as server:
        with pytest.raises(Unreachable):
            Http(server.url, TIMEOUT_S).get()
        assert not server.finished
    assert threading.active_count() == threads


def test_it_is_the_same_over_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(self_signed(tmp_path))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "server.pem"))
    for head, piece in TRICKLES.values():
        with trickling(head, piece, tls=tls) as server:
            with pytest.raises(Unreachable):
                Http(server.url, TIMEOUT_S).get()
            assert not server.finished
    with trickling(OK + b"Content-Length: 5\r\n\r\n", b"x", 5, tls) as server:
        assert Http(server.url).get().body == b"xxxxx"


def self_signed(place: Path) -> Path:
    """A key, and its certificate for this host."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a trickling server")])
    now = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - day)
        .not_valid_after(now + day)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))]), False
        )
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = place / "server.pem"
    path.write_bytes(secret + certificate.public_bytes(pem))
    return path


def test_a_slow_answer_within_the_time_is_one() -> None:
    head = OK + b"Content-Length: 5\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
    with trickling(head, b"x", 5) as server:
        assert Http(server.url).get() == (200, b"xxxxx", "text/plain")


def test_the_next_request_on_the_connection_has_all_its_time() -> None:
    """And not what the one before had left."""
    body = b"Content-Length: 2\r\n\r\nok"
    with socket.create_server((HOST, 0)) as listener:
        http = Http(f"http://{HOST}:{listener.getsockname()[1]}", 5.0)
        asked: list[bytes] = []

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                for _ in range(2):
                    asked.append(connection.recv(1 << 16))
                    connection.sendall(OK + body)

        thread = threading.Thread(target=serve)
        thread.start()
        assert [http.get("/1").body, http.get("/2").body] == [b"ok", b"ok"]
        thread.join()
    assert [line.split()[1] for line in asked] == [b"/1", b"/2"]


def test_what_a_server_says_makes_no_line_of_the_log_that_holds_the_url(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """urllib3 warns of a header that it cannot read, with the URL, whose path may be a key."""
    caplog.set_level(logging.DEBUG)
    head = OK + b"Content-Length: 0\r\nno header\r\nX: x\r\n\r\n"
    with trickling(head, pieces=0) as server, contextlib.suppress(Unreachable):
        Http(server.url).post("", b"x")
    assert SECRET not in caplog.text
