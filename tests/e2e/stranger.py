"""A second verifier, written from docs/formats.md and the standards with hashlib, cryptography and
cbor2 alone: what the demo leaves must convince somebody who has none of our code."""

from __future__ import annotations

import base64
import hashlib
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def leaf(entry: bytes) -> bytes:
    return sha256(b"\x00" + entry)


def node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right)


def root_of(leaves: list[bytes]) -> bytes:
    """RFC 6962 §2.1, as it is written there."""
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return node(root_of(leaves[:split]), root_of(leaves[split:]))


def root_from_path(entry: bytes, index: int, size: int, path: list[bytes]) -> bytes:
    """RFC 9162 §2.1.3.2."""
    assert 0 <= index < size
    here, last, root = index, size - 1, leaf(entry)
    for sibling in path:
        assert last > 0
        if here % 2 or here == last:
            root = node(sibling, root)
            while here % 2 == 0 and here:
                here, last = here >> 1, last >> 1
        else:
            root = node(root, sibling)
        here, last = here >> 1, last >> 1
    assert last == 0
    return root


@dataclass(frozen=True)
class LogKey:
    """A log's key in C2SP's vkey encoding: name, key id in hex, type 1 and 32 bytes of Ed25519."""

    name: str
    id: bytes
    public: bytes

    def verify(self, signature: bytes, message: bytes) -> None:
        Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)

    @property
    def thumbprint(self) -> bytes:
        """RFC 9679: SHA-256 of the COSE_Key with its required members."""
        return sha256(b"\xa3\x01\x01\x20\x06\x21\x58\x20" + self.public)


def read_vkey(text: str) -> LogKey:
    name, key_id, key = text.rstrip("\n").split("+", 2)
    encoded = base64.b64decode(key)
    assert encoded[0] == 1
    assert len(encoded) == 33
    assert sha256(name.encode() + b"\n" + encoded)[:4].hex() == key_id
    return LogKey(name, bytes.fromhex(key_id), encoded[1:])


def verify_checkpoint(note: str, key: LogKey) -> tuple[int, bytes]:
    """C2SP signed-note and tlog-checkpoint; size and root that the log signed."""
    text, _, signatures = note.partition("\n\n")
    text += "\n"
    origin, size, root = text.splitlines()
    assert origin == key.name
    for line in signatures.splitlines():
        dash, name, encoded = line.split(" ")
        signature = base64.b64decode(encoded)
        if dash == "—" and name == key.name and signature[:4] == key.id:
            key.verify(signature[4:], text.encode())
            return int(size), base64.b64decode(root)
    raise AssertionError("the checkpoint is not signed by this key")


def verify_tlog_proof(text: str, entry: bytes, key: LogKey) -> tuple[int, int, bytes]:
    """C2SP tlog-proof@v1; the entry's index, and the size and root of the tree it is in."""
    head, _, note = text.partition("\n\n")
    magic, index_line, *lines = head.split("\n")
    assert magic == "c2sp.org/tlog-proof@v1"
    index = int(index_line.removeprefix("index "))
    size, root = verify_checkpoint(note, key)
    path = [base64.b64decode(line) for line in lines]
    assert root_from_path(entry, index, size, path) == root
    return index, size, root


def verify_cose_receipt(data: bytes, entry: bytes, key: LogKey) -> tuple[int, int, bytes]:
    """RFC 9942 §5.2: a COSE_Sign1 over the root that entry and inclusion path lead to."""
    receipt = cbor2.loads(data)
    assert receipt.tag == 18
    protected, unprotected, payload, signature = receipt.value
    assert payload is None
    headers: dict[Any, Any] = cbor2.loads(protected)
    assert headers[1] == -8
    assert headers[4] == key.thumbprint
    assert headers[15][1] == key.name
    assert headers[395] == 1
    (proof,) = unprotected[396][-1]
    size, index, path = cbor2.loads(proof)
    root = root_from_path(entry, index, size, path)
    key.verify(signature, cbor2.dumps(["Signature1", protected, b"", root]))
    return index, size, root


def read_leaves(log: Path, size: int) -> list[bytes]:
    """The leaf hashes in the tiles of level 0."""
    data = b"".join(read_tile(log, "0", index, size) for index in range(-(-size // 256)))
    return [data[start : start + 32] for start in range(0, len(data), 32)]


def read_entries(log: Path, size: int) -> list[bytes]:
    """The entries in the bundles."""
    entries = []
    for index in range(-(-size // 256)):
        data = read_tile(log, "entries", index, size)
        while data:
            length = int.from_bytes(data[:2], "big")
            entries.append(data[2 : 2 + length])
            data = data[2 + length :]
    return entries


def read_tile(log: Path, level: str, index: int, size: int) -> bytes:
    """A file of C2SP tlog-tiles; all trees here have fewer than 256,000 leaves."""
    width = min(256, size - 256 * index)
    partial = "" if width == 256 else f".p/{width}"
    return (log / f"tile/{level}/{index:03}{partial}").read_bytes()


def block_hash(inclusion: dict[str, Any]) -> bytes:
    """Of a receipt's inclusion, by docs/formats.md alone."""
    note = inclusion["proof"].partition("\n\n")[2]
    origin, size, root = note.split("\n")[:3]
    block = inclusion["block"]
    header = struct.pack(
        ">B32sQ32sQ32sQ",
        1,
        sha256(origin.encode()),
        block["height"],
        bytes.fromhex(block["previous"]),
        int(size),
        base64.b64decode(root),
        block["timestamp_ms"],
    )
    return sha256(b"\x02" + header)
