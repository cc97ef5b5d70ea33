"""The receipt: everything needed to verify one document offline.

A receipt file is RFC 8785 JSON and a newline, at most ``RECEIPT_BYTES``. Parsing is exact: every
value is read into its type, and writing the types again must give the same bytes. So there is one
spelling of every receipt, and a changed byte is a malformed receipt or another value.
"""

from __future__ import annotations

import re
from binascii import unhexlify
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeVar

from .block import Block
from .checkpoint import Checkpoint, parse_checkpoint_text
from .document import CANONICALIZATIONS
from .hashes import Hash
from .jcs import JsonValue, format_jcs, parse_ijson
from .layout import RECEIPT
from .limits import ATTESTATIONS, RECEIPT_BYTES, SALT_BYTES
from .members import (
    JsonObject,
    MalformedMember,
    read_base64,
    read_hash,
    read_hex,
    read_integer,
    read_list,
    read_members,
    read_object,
    read_text,
)
from .note import Note
from .statement import SignedStatement, parse_statement
from .text import format_base64
from .tlogproof import TlogProof, format_tlog_proof, parse_tlog_proof, parse_usual_proof

MEDIA_TYPE = "application/vnd.tally.receipt+json"

SIGNATURE_BYTES = 64

EVM = "evm"
OPENTIMESTAMPS = "opentimestamps"
RFC3161 = "rfc3161"
"""The types of attestation that can be checked; others are kept and reported."""

T = TypeVar("T")


class MalformedReceipt(MalformedMember):
    """Not a receipt."""


class ReceiptTooLarge(MalformedReceipt):
    """More than ``RECEIPT_BYTES``; not even read."""


class NonCanonicalReceipt(MalformedReceipt):
    """Readable, but not the one spelling (RFC 8785 and a newline) that this receipt has."""


class HolderPart(NamedTuple):
    """What only the document's holder has: the salt, and the digests of the document itself."""

    canonicalization: Literal["raw", "jcs"]
    salt: bytes
    sha256: Hash
    sm3: Hash


@dataclass(frozen=True, slots=True)
class Attestation:
    """Outside evidence for a block. Unknown types are kept as they are; they prove nothing."""

    type: str
    members: JsonObject


@dataclass(frozen=True, slots=True)
class Inclusion:
    """An entry's place in a block: proof and checkpoint (C2SP tlog-proof), the block's header and
    its signature (64 bytes), and what attests to it."""

    proof: TlogProof
    checkpoint: Checkpoint
    block: Block
    signature: bytes
    attestations: tuple[Attestation, ...] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """A public document of the notary (an issuer's profile, a status list) and its statement."""

    document: bytes
    statement: SignedStatement
    registered: Inclusion


@dataclass(frozen=True, slots=True)
class Receipt:
    """``registered`` is the block that first held the entry; ``attested`` a later, better one."""

    statement: SignedStatement
    registered: Inclusion
    document: HolderPart | None = None
    attested: Inclusion | None = None
    issuer: Evidence | None = None
    status: Evidence | None = None


def parse_receipt(data: bytes) -> Receipt:
    """Read a receipt file; raises Malformed and nothing else, whatever the bytes."""
    if len(data) > RECEIPT_BYTES:
        raise ReceiptTooLarge(f"a receipt has at most {RECEIPT_BYTES} bytes, not {len(data)}")
    receipt = _parse_usual(data)
    if receipt is None:
        receipt = read_receipt(parse_ijson(data))
        if format_receipt(receipt) != data:
            raise NonCanonicalReceipt("a receipt is RFC 8785 JSON and one newline")
    return receipt


def _parse_usual(data: bytes) -> Receipt | None:
    """A receipt in the usual layout, each value in it read by its exact reader; None for others."""
    usual = RECEIPT.fullmatch(data)
    if usual is None:
        return None
    *holder, entry, height, previous, signature, timestamp_ms, text = usual.groups()
    proof = parse_usual_proof(text)
    plain = b"" if proof else text.replace(rb"\n", b"\n")
    if not proof and (b"\\" in plain or b"\n" in text):
        return None
    receipt = Receipt(
        statement=parse_statement(read_base64(entry.decode("latin-1"), "receipt: entry")),
        registered=_inclusion(
            read_integer(int(height), "registered: height"),
            Hash(unhexlify(previous)),
            read_integer(int(timestamp_ms), "registered: timestamp_ms"),
            read_base64(signature.decode("latin-1"), "registered: signature", SIGNATURE_BYTES),
            (),
            *(proof or _read_proof(plain)),
        ),
        document=_take_holder(*holder) if holder[0] else None,
    )
    return receipt if proof or _is_plain(receipt.registered.proof.checkpoint_note) else None


def _take_holder(canonicalization: bytes, salt: bytes, sha256: bytes, sm3: bytes) -> HolderPart:
    return HolderPart(
        canonicalization="jcs" if canonicalization == b"jcs" else "raw",
        salt=unhexlify(salt),
        sha256=Hash(unhexlify(sha256)),
        sm3=Hash(unhexlify(sm3)),
    )


def _is_plain(note: Note) -> bool:
    """Whether all its code points are such that I-JSON cannot refuse them."""
    names = "".join([name for name, _, _ in note.signatures])
    return note.text.isascii() and names.isascii()


def format_receipt(receipt: Receipt) -> bytes:
    return format_jcs(write_receipt(receipt)) + b"\n"


def read_receipt(value: JsonValue) -> Receipt:
    """The receipt in a JSON value (its one spelling is not checked here)."""
    what = "receipt"
    members = read_members(
        value, what, ("v", "entry", "registered"), ("document", "attested", "issuer", "status")
    )
    if type(members["v"]) is not int or members["v"] != 1:
        raise MalformedReceipt("receipt: v is the integer 1")
    return Receipt(
        statement=parse_statement(read_base64(members["entry"], "receipt: entry")),
        registered=_read_inclusion(members["registered"], "registered"),
        document=_optional(members, "document", _read_holder),
        attested=_optional(members, "attested", _read_inclusion),
        issuer=_optional(members, "issuer", _read_evidence),
        status=_optional(members, "status", _read_evidence),
    )


def _optional(members: JsonObject, name: str, read: Callable[[JsonValue, str], T]) -> T | None:
    return read(members[name], name) if name in members else None


def write_receipt(receipt: Receipt) -> dict[str, JsonValue]:
    value: dict[str, JsonValue] = {
        "v": 1,
        "entry": format_base64(receipt.statement.entry),
        "registered": _write_inclusion(receipt.registered),
    }
    if receipt.document is not None:
        value["document"] = write_holder(receipt.document)
    if receipt.attested is not None:
        value["attested"] = _write_inclusion(receipt.attested)
    if receipt.issuer is not None:
        value["issuer"] = _write_evidence(receipt.issuer)
    if receipt.status is not None:
        value["status"] = _write_evidence(receipt.status)
    return value


def _read_holder(value: JsonValue, what: str) -> HolderPart:
    members = read_members(value, what, ("canonicalization", "salt", "sha-256", "sm3"))
    canonicalization = members["canonicalization"]
    if canonicalization not in CANONICALIZATIONS:
        raise MalformedReceipt(f"{what}: canonicalization is one of {', '.join(CANONICALIZATIONS)}")
    return HolderPart(
        canonicalization=canonicalization,
        salt=read_hex(members["salt"], f"{what}: salt", SALT_BYTES),
        sha256=read_hash(members["sha-256"], f"{what}: sha-256"),
        sm3=read_hash(members["sm3"], f"{what}: sm3"),
    )


def write_holder(holder: HolderPart) -> dict[str, JsonValue]:
    """As receipts have it."""
    return {
        "canonicalization": holder.canonicalization,
        "salt": holder.salt.hex(),
        "sha-256": holder.sha256.hex(),
        "sm3": holder.sm3.hex(),
    }


def _read_inclusion(value: JsonValue, what: str) -> Inclusion:
    members = read_members(value, what, ("proof", "block", "attestations"))
    block = read_members(
        members["block"], f"{what}: block", ("height", "previous", "timestamp_ms", "signature")
    )
    text = read_text(members["proof"], f"{what}: proof").encode()
    return _inclusion(
        read_integer(block["height"], f"{what}: height"),
        read_hash(block["previous"], f"{what}: previous"),
        read_integer(block["timestamp_ms"], f"{what}: timestamp_ms"),
        read_base64(block["signature"], f"{what}: signature", SIGNATURE_BYTES),
        _read_attestations(members["attestations"], what),
        *_read_proof(text),
    )


def _read_proof(text: bytes) -> tuple[TlogProof, Checkpoint]:
    proof = parse_tlog_proof(text)
    return proof, parse_checkpoint_text(proof.checkpoint_note.text)


def _inclusion(
    height: int,
    previous: Hash,
    timestamp_ms: int,
    signature: bytes,
    attestations: tuple[Attestation, ...],
    proof: TlogProof,
    checkpoint: Checkpoint,
) -> Inclusion:
    origin, size, root = checkpoint
    block = Block(origin, height, previous, size, root, timestamp_ms)
    return Inclusion(proof, checkpoint, block, signature, attestations)


def _write_inclusion(inclusion: Inclusion) -> dict[str, JsonValue]:
    block = inclusion.block
    return {
        "proof": format_tlog_proof(inclusion.proof).decode(),
        "block": {
            "height": block.height,
            "previous": block.previous.hex(),
            "timestamp_ms": block.timestamp_ms,
            "signature": format_base64(inclusion.signature),
        },
        "attestations": [{"type": a.type, **a.members} for a in inclusion.attestations],
    }


def _read_evidence(value: JsonValue, what: str) -> Evidence:
    members = read_members(value, what, ("document", "entry", "registered"))
    return Evidence(
        document=read_base64(members["document"], f"{what}: document"),
        statement=parse_statement(read_base64(members["entry"], f"{what}: entry")),
        registered=_read_inclusion(members["registered"], f"{what}: registered"),
    )


def _write_evidence(evidence: Evidence) -> dict[str, JsonValue]:
    return {
        "document": format_base64(evidence.document),
        "entry": format_base64(evidence.statement.entry),
        "registered": _write_inclusion(evidence.registered),
    }


_ATTESTATION_TYPE = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_CAIP2 = re.compile(r"[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}")


def _read_attestations(value: JsonValue, what: str) -> tuple[Attestation, ...]:
    items = read_list(value, f"{what}: attestations")
    if len(items) > ATTESTATIONS:
        raise MalformedReceipt(f"{what}: there are at most {ATTESTATIONS} attestations")
    read = tuple(read_attestation(item, f"{what}: attestation") for item in items)
    if sum(attestation.type == OPENTIMESTAMPS for attestation in read) > 1:
        raise MalformedReceipt(f"{what}: time stamps of one block are one proof")
    return read


def read_attestation(value: JsonValue, what: str) -> Attestation:
    members = dict(read_object(value, what))
    type_ = read_text(members.pop("type", None), f"{what}: type")
    if not _ATTESTATION_TYPE.fullmatch(type_):
        raise MalformedReceipt(f"{what}: type is lower-case letters, digits and hyphens")
    match type_:
        case "opentimestamps":
            read_base64(read_members(members, what, ("proof",))["proof"], f"{what}: proof")
        case "rfc3161":
            read_base64(read_members(members, what, ("token",))["token"], f"{what}: token")
        case "evm":
            _check_evm(read_members(members, what, ("chain", "header", "index", "nodes")), what)
    return Attestation(type_, members)


def _check_evm(members: JsonObject, what: str) -> None:
    if not _CAIP2.fullmatch(read_text(members["chain"], f"{what}: chain")):
        raise MalformedReceipt(f"{what}: chain is a CAIP-2 id such as eip155:1")
    read_base64(members["header"], f"{what}: header")
    read_integer(members["index"], f"{what}: index")
    for node in read_list(members["nodes"], f"{what}: nodes"):
        read_base64(node, f"{what}: node")
