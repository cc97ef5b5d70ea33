"""An OpenTimestamps calendar for tests: it aggregates hashes and anchors them in a regtest node.

Its proofs are made by python-opentimestamps, not by code of ours. It is served by threads of this
process, and can be told to fail.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from bitcoin.core import CBlock  # type: ignore[import-untyped]
from opentimestamps.bitcoin import make_timestamp_from_block  # type: ignore[import-untyped]
from opentimestamps.core.notary import PendingAttestation  # type: ignore[import-untyped]
from opentimestamps.core.op import OpAppend, OpSHA256  # type: ignore[import-untyped]
from opentimestamps.core.serialize import (  # type: ignore[import-untyped]
    BytesSerializationContext,
)
from opentimestamps.core.timestamp import (  # type: ignore[import-untyped]
    Timestamp,
    make_merkle_tree,
)

from ..local_cloud import HOST
from .bitcoin import BitcoinPeer

MEDIA_TYPE = "application/vnd.opentimestamps.v1"
POLL_S = 0.02
_OP_RETURN_32 = b"\x6a\x20"


class Calendar:
    """``status`` other than 200 is answered to everything, ``delay_s`` waited before, and ``lie``
    turns every proof into what is sent instead. ``asked`` lists the requests."""

    def __init__(self, bitcoin: BitcoinPeer) -> None:
        self.bitcoin = bitcoin
        self.url = ""
        self.status = 200
        self.delay_s = 0.0
        self.lie: Callable[[bytes], bytes] | None = None
        self.asked: list[str] = []
        self._lock = threading.Lock()
        self._waiting: list[Timestamp] = []
        self._complete: dict[bytes, Timestamp] = {}

    def repair(self) -> None:
        self.status, self.delay_s, self.lie = 200, 0.0, None

    def submit(self, digest: bytes) -> bytes:
        """A pending proof of a commitment that is to be anchored."""
        proof = Timestamp(digest)
        commitment = proof.ops.add(OpAppend(os.urandom(16))).ops.add(OpSHA256())
        commitment.attestations.add(PendingAttestation(self.url))
        self.adopt(commitment.msg)
        return serialize(proof)

    def adopt(self, commitment: bytes) -> None:
        """Anchor it with the next, whoever made it a commitment."""
        with self._lock:
            self._waiting.append(Timestamp(commitment))

    def anchor(self) -> int:
        """Anchor all that waits in one transaction and mine it: the height of its block."""
        with self._lock:
            stamps, self._waiting = self._waiting, []
        # One leaf alone would be its own root; two make a tree.
        tip = make_merkle_tree([*stamps, Timestamp(os.urandom(32))])
        self.bitcoin.pay([(0, _OP_RETURN_32 + tip.msg)])
        (hash_,) = self.bitcoin.mine()
        height = self.bitcoin.height
        block = CBlock.deserialize(self.bitcoin.block(hash_))
        tip.merge(make_timestamp_from_block(tip.msg, block, height))
        with self._lock:
            self._complete |= {stamp.msg: stamp for stamp in stamps}
        return height

    def complete(self, commitment: bytes) -> bytes | None:
        with self._lock:
            stamp = self._complete.get(commitment)
        return None if stamp is None else serialize(stamp)

    def forget(self) -> None:
        """Anchor again all that was anchored."""
        with self._lock:
            self._waiting += [Timestamp(commitment) for commitment in self._complete]
            self._complete = {}


def serialize(proof: Timestamp) -> bytes:
    context = BytesSerializationContext()
    proof.serialize(context)
    data: bytes = context.getbytes()
    return data


@contextlib.contextmanager
def running_calendar(bitcoin: BitcoinPeer) -> Iterator[Calendar]:
    """A calendar that anchors when it is told to."""
    calendar = Calendar(bitcoin)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(calendar.complete(bytes.fromhex(self.path.rpartition("/")[2])))

        def do_POST(self) -> None:
            self._answer(calendar.submit(self.rfile.read(int(self.headers["Content-Length"]))))

        def _answer(self, proof: bytes | None) -> None:
            calendar.asked.append(f"{self.command} {self.path}")
            time.sleep(calendar.delay_s)
            status = 404 if proof is None and calendar.status == 200 else calendar.status
            body = proof if proof is not None and status == 200 else b"not here\n"
            with contextlib.suppress(ConnectionError):  # who asked may not have waited
                self.send_response(status)
                self.send_header("Content-Type", MEDIA_TYPE)
                self.end_headers()
                self.wfile.write(calendar.lie(body) if calendar.lie else body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer((HOST, 0), Handler)
    calendar.url = f"http://{HOST}:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(POLL_S,))
    thread.start()
    try:
        yield calendar
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
