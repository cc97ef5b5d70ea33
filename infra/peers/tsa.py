"""A time-stamp authority: ``openssl ts`` behind HTTP (RFC 3161 §3.4), for tests and the demo.

Its authority of certificates, its own certificate and both keys are made at the first start, in its
state directory, and stay there.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Literal

from ..local_cloud import HOST
from .process import PeerError

Fault = Literal["down", "slow", "garbage", "error", "refusing", "other-imprint", "replay"]
"""``down``: no answer. ``slow``: none before the peer stops. ``garbage``: bytes that are no
response. ``error``: an HTTP status of 503. ``refusing``: a proper refusal. ``other-imprint``: a
token over another hash. ``replay``: the last good response once more."""

KeyKind = Literal["ec", "rsa"]

OPENSSL_S = 30.0
QUERY_BYTES = 10_000

_NEW_KEY = {
    "ec": ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
    "rsa": ("-newkey", "rsa:2048"),
}
# Only the signer is embedded: with a line "certs" some clients refuse the answer.
_CONFIG = """\
[req]
distinguished_name = name
[name]
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[signer]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[tsa]
default_tsa = granting
[granting]
serial = serial
signer_cert = tsa.pem
signer_key = tsa.key
signer_digest = sha256
default_policy = 1.3.6.1.4.1.32473.1
digests = sha256
accuracy = secs:1
ess_cert_id_alg = sha256
[refusing]
serial = serial
signer_cert = tsa.pem
signer_key = tsa.key
signer_digest = sha256
default_policy = 1.3.6.1.4.1.32473.1
digests = sha512
"""


@dataclass(slots=True)
class Tsa:
    """A running authority. ``certificate_pem`` is the root that its tokens lead to; set ``fault``
    to make it fail, and None to mend it."""

    url: str
    state: Path
    certificate_pem: str
    fault: Fault | None = None
    asked: int = 0
    _last: bytes = b""
    _one: threading.Lock = field(default_factory=threading.Lock)
    _stopping: threading.Event = field(default_factory=threading.Event)

    def answer(self, query: bytes) -> tuple[int, bytes] | None:
        """HTTP status and TimeStampResp to a TimeStampReq, or what the fault makes of them; None:
        no answer."""
        self.asked += 1
        match self.fault:
            case "down":
                return None
            case "slow":
                self._stopping.wait(OPENSSL_S)
                return None
            case "error":
                return 503, b""
            case "garbage":
                return 200, b"\x30\x82garbage"
            case "refusing":
                return 200, self._reply(query, "refusing")
            case "other-imprint":
                return 200, self._reply(_other_imprint(query), "granting")
            case "replay":
                return 200, self._last
        self._last = self._reply(query, "granting")
        return 200, self._last

    def stop(self) -> None:
        self._stopping.set()

    def _reply(self, query: bytes, section: str) -> bytes:
        # One at a time: openssl counts serial numbers in a file.
        with self._one:
            (self.state / "query.tsq").write_bytes(query)
            command = ("ts", "-reply", "-config", "tsa.cnf", "-section", section)
            _openssl(self.state, *command, "-queryfile", "query.tsq", "-out", "reply.tsr")
            return (self.state / "reply.tsr").read_bytes()


def _other_imprint(query: bytes) -> bytes:
    """The query with one bit of its SHA-256 imprint flipped."""
    at = query.index(b"\x04\x20") + 2
    return query[:at] + bytes((query[at] ^ 1,)) + query[at + 1 :]


@contextlib.contextmanager
def running_tsa(state: Path, name: str = "tsa", key: KeyKind = "ec") -> Iterator[Tsa]:
    """A time-stamp authority on 127.0.0.1, in threads of this process. Raises PeerError."""
    state.mkdir(parents=True, exist_ok=True)
    if not (state / "tsa.pem").exists():
        _make_authority(state, name, key)
    server = _Server(state)
    tsa = server.tsa
    thread = threading.Thread(target=server.serve_forever, name=name, daemon=True)
    thread.start()
    try:
        yield tsa
    finally:
        tsa.stop()
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, state: Path) -> None:
        super().__init__((HOST, 0), _Handler)
        url = f"http://{HOST}:{self.server_port}"
        self.tsa = Tsa(url, state, (state / "ca.pem").read_text())


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        query = self.rfile.read(min(int(self.headers["Content-Length"]), QUERY_BYTES))
        if self.headers["Content-Type"] != "application/timestamp-query":
            self.send_error(415)
        elif (answer := self.server.tsa.answer(query)) is not None:
            status, body = answer
            self.send_response(status)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: what it did is in the answers."""


def _make_authority(state: Path, name: str, key: KeyKind) -> None:
    (state / "tsa.cnf").write_text(_CONFIG)
    (state / "serial").write_text("01\n")
    make = ("req", "-x509", "-config", "tsa.cnf", "-nodes", "-days", "3650", *_NEW_KEY[key])
    root = ("-extensions", "ca", "-subj", f"/O=Tally test peers/CN={name} root")
    _openssl(state, *make, *root, "-keyout", "ca.key", "-out", "ca.pem")
    signer = ("-extensions", "signer", "-subj", f"/O=Tally test peers/CN={name}")
    issuer = ("-CA", "ca.pem", "-CAkey", "ca.key")
    _openssl(state, *make, *signer, *issuer, "-keyout", "tsa.key", "-out", "tsa.pem")


def _openssl(state: Path, *arguments: str) -> None:
    """Run openssl in the state directory. Raises PeerError."""
    try:
        done = subprocess.run(
            ("openssl", *arguments),
            cwd=state,
            env={"PATH": os.environ.get("PATH", os.defpath), "HOME": str(state)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=OPENSSL_S,
        )
    except FileNotFoundError as error:
        raise PeerError("the time-stamp authority needs openssl: apt-get install openssl") from (
            error
        )
    if done.returncode:
        raise PeerError(f"openssl {arguments[0]} failed: {done.stderr.strip()}")
