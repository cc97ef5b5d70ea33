"""What is measured: 2 KB documents, statements about them, and their receipts in a large log."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from uuid import UUID

from chalicelib.proof.block import Block, block_to_be_signed
from chalicelib.proof.checkpoint import Checkpoint, format_checkpoint_text
from chalicelib.proof.document import Canonicalization, commit, digest_document
from chalicelib.proof.hashes import Hash, leaf_hash, sha256
from chalicelib.proof.note import Note, NoteSignature
from chalicelib.proof.payload import Register
from chalicelib.proof.receipt import HolderPart, Inclusion, Receipt, format_receipt
from chalicelib.proof.statement import SignedStatement, parse_statement, sign_statement
from chalicelib.proof.tiles import grow, plan_inclusion, prove_inclusion_from_tiles
from chalicelib.proof.tlogproof import TlogProof
from tests.proof.world import ISSUER, ISSUER_KEY, LOG, ORIGIN, REGISTERED_MS, log_vkey, some_hash

DOCUMENT_BYTES = 2_048
ENTRY_BYTES = 400


def make_document(number: int) -> bytes:
    """A diploma as indented JSON, 2,048 bytes in UTF-8; every seventh graduate's name is written
    with a character beyond U+FFFF, which makes RFC 8785 sort by other units than Python does."""
    diploma = {
        "@context": ["https://www.w3.org/ns/credentials/v2"],
        "type": ["VerifiableCredential", "OpenBadgeCredential"],
        "id": f"urn:uuid:{UUID(bytes=sha256(b'%d' % number)[:16], version=4)}",
        "issuer": {"type": "Profile", "name": "Prifysgol Cambria 寒武纪大学"},
        "validFrom": "2026-07-09T10:00:00Z",
        "credentialSubject": {
            "identifier": f"S{number:08d}",
            "name": "Siân ap Gŵyn " + ("𠮷田" if number % 7 == 0 else "王芳"),
            "achievement": {
                "name": "Doctor of Philosophy",
                "creditsAvailable": 97.5,
                "criteria": {"narrative": ""},
                "results": [{"module": f"M{i:03d}", "credits": 20, "mark": 61} for i in range(8)],
            },
        },
    }
    text = json.dumps(diploma, ensure_ascii=False, indent=1)
    room = DOCUMENT_BYTES - len(text.encode())
    assert room > 0, "the narrative fills what is left"
    return text.replace('"narrative": ""', f'"narrative": "{"x" * room}"').encode()


def state(
    document: bytes, number: int, canonicalization: Canonicalization = "raw"
) -> tuple[HolderPart, bytes]:
    """The holder's part and the entry of a register statement about a document."""
    digests = digest_document(document, canonicalization)
    salt = sha256(b"salt %d" % number)
    sub = UUID(bytes=sha256(b"sub %d" % number)[:16], version=4).urn
    payload = Register("education/diploma", canonicalization, *commit(salt, digests))
    entry = sign_statement(payload, ISSUER, sub, REGISTERED_MS // 1000, ISSUER_KEY)
    return HolderPart(canonicalization, salt, digests.sha256, digests.sm3), entry


def make_entry(number: int) -> bytes:
    """400 bytes that begin as a statement does: sequencing looks no further."""
    return b"\xd2\x84" + sha256(b"entry %d" % number) * 12 + number.to_bytes(14, "big")


@dataclass(frozen=True, slots=True)
class Samples:
    """Documents and the files of their receipts, all in the middle of one log, in one block."""

    documents: list[bytes]
    files: list[bytes]


def fetch_samples(count: int, log_size: int) -> Samples:
    """Samples made by another process: a heap in which a million leaves have been scatters all that
    comes after, and no verifier has such a heap."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(make_samples, count, log_size).result()


def make_samples(count: int, log_size: int) -> Samples:
    documents = [make_document(number) for number in range(count)]
    stated = [state(document, number) for number, document in enumerate(documents)]
    statements = [parse_statement(entry) for _, entry in stated]
    inclusions = _include(statements, log_size)
    files = [
        format_receipt(Receipt(statement, inclusion, holder))
        for statement, inclusion, (holder, _) in zip(statements, inclusions, stated, strict=True)
    ]
    return Samples(documents, files)


def _include(statements: Sequence[SignedStatement], log_size: int) -> list[Inclusion]:
    first = log_size // 2
    leaves = [leaf_hash(index.to_bytes(8, "big")) for index in range(log_size)]
    leaves[first : first + len(statements)] = [each.entry_id for each in statements]
    growth = grow(0, [], leaves)
    tiles = {(tile.level, tile.index): data for tile, data in growth.tiles}
    block, note, signature = _sign(log_size, growth.root)
    inclusions = []
    for index in range(first, first + len(statements)):
        planned = plan_inclusion(index, log_size, log_size)
        wanted = {(tile.level, tile.index): tiles[tile.level, tile.index] for tile in planned}
        proof = TlogProof(index, prove_inclusion_from_tiles(index, log_size, wanted), note)
        checkpoint = Checkpoint(ORIGIN, log_size, growth.root)
        inclusions.append(Inclusion(proof, checkpoint, block, signature))
    return inclusions


def _sign(size: int, root: Hash) -> tuple[Block, Note, bytes]:
    height = max(2, size // 256)
    block = Block(ORIGIN, height, some_hash("previous"), size, root, REGISTERED_MS)
    text = format_checkpoint_text(Checkpoint(ORIGIN, size, root))
    note = Note(text, (NoteSignature(ORIGIN, log_vkey().key_id, LOG.sign(text)),))
    return block, note, LOG.sign(block_to_be_signed(block, LOG.public.kid))
