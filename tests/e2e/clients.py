"""OpenTimestamps clients that we did not write, in Python and JavaScript, judging a file."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from infra.peers.process import PEERS

OTS = Path(sys.executable).with_name("ots")

READ_OTS = """
const fs = require('fs'), ots = require('opentimestamps');
const bytes = Uint8Array.from(fs.readFileSync(process.argv[1]));
const file = ots.DetachedTimestampFile.deserialize(bytes);
const found = [];
file.timestamp.allAttestations().forEach((attestation, message) => {
  if (attestation.height !== undefined)
    found.push([Buffer.from(message).reverse().toString('hex'), attestation.height]);
});
const digest = Buffer.from(file.fileDigest()).toString('hex');
const written = Buffer.from(file.serializeToBytes()).toString('hex');
console.log(JSON.stringify({digest, found, written}));
"""
"""What the JavaScript client finds in a file: the digest, and pairs of root (as displayed) and
height."""


def ots_verify(file: Path, node: str) -> subprocess.CompletedProcess[str]:
    """The Python client verifies the document beside ``file`` with a node of regtest."""
    command: list[str | Path] = [OTS, "--no-cache", "--btc-regtest", "--bitcoin-node", node]
    return subprocess.run([*command, "verify", file], capture_output=True, text=True)


def ots_in_javascript(file: Path) -> dict[str, Any]:
    """See ``READ_OTS``."""
    done = subprocess.run(["node", "-e", READ_OTS, file], cwd=PEERS, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    read: dict[str, Any] = json.loads(done.stdout)
    return read


def merkle_root(header: str) -> str:
    """The root in a Bitcoin header in hex, as it is displayed."""
    return bytes.fromhex(header)[36:68][::-1].hex()


@contextlib.contextmanager
def serving_headers(headers: Sequence[dict[str, Any]]) -> Iterator[str]:
    """The address of what stands in for a Bitcoin node and knows only these headers."""
    hashes = {each["height"]: each["hash"] for each in headers}
    known = {each["hash"]: each["header"] for each in headers}
    answers = {"getblockhash": hashes.get, "getblockheader": known.get}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if asked["method"] == "getblockcount":
                result = max(hashes)
            else:
                result = answers[asked["method"]](asked["params"][0])
            body = json.dumps({"id": asked["id"], "result": result, "error": None}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://tally:nobody@127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
