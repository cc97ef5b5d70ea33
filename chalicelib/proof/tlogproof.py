"""Proofs of logging as text (C2SP tlog-proof@v1): index, inclusion path, checkpoint note.

The format's optional ``extra`` line is refused: nothing signs it, and a receipt needs none.
"""

from __future__ import annotations

import re
from binascii import a2b_base64, b2a_base64
from dataclasses import dataclass
from struct import unpack

from .checkpoint import Checkpoint
from .errors import Malformed
from .hashes import Hash, hashes_of
from .layout import PROOF
from .limits import NOTE_BYTES, PROOF_HASHES
from .note import KEY_ID_BYTES, Note, NoteSignature, format_note, parse_note
from .text import parse_decimal

_MAGIC = b"c2sp.org/tlog-proof@v1"
_INDEX = b"index "
_HEAD = re.compile(
    rb"%b\n%b([^\n]*)\n((?:[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=\n){0,%d})\n"
    % (re.escape(_MAGIC), _INDEX, PROOF_HASHES)
)
"""The index and the path. In the base64 of 32 bytes the last digit has two bits to spare, which are
zero: so a line that matches is canonical."""
_HEAD_BYTES = 64 + PROOF_HASHES * 45


class MalformedTlogProof(Malformed):
    """Not a tlog-proof@v1, or one with extra data."""


@dataclass(frozen=True, slots=True)
class TlogProof:
    """Where an entry is, the path from it, and the checkpoint note to which the path leads."""

    index: int
    path: tuple[Hash, ...]
    checkpoint_note: Note


def parse_tlog_proof(data: bytes) -> TlogProof:
    """Read a proof without extra data. The note is read as a note, its text is left alone.

    Raises MalformedTlogProof, MalformedDecimal, MalformedNote.
    """
    if len(data) > _HEAD_BYTES + NOTE_BYTES:
        raise MalformedTlogProof("a tlog-proof has a path of at most 63 hashes and one note")
    head = _HEAD.match(data)
    if head is None:
        raise MalformedTlogProof(
            "a tlog-proof is c2sp.org/tlog-proof@v1, an index line, a path of at most"
            f" {PROOF_HASHES} lines, each the canonical base64 of 32 bytes, an empty line, a note"
        )
    index, path = head.groups()
    nodes = hashes_of(map(a2b_base64, path.splitlines()))
    return TlogProof(parse_decimal(index.decode("latin-1")), nodes, parse_note(data[head.end() :]))


def parse_usual_proof(text: bytes) -> tuple[TlogProof, Checkpoint] | None:
    """Read a proof as it stands in a JSON string, with the text of its note; None where it has
    another layout than the usual one (layout.PROOF), or is none."""
    usual = PROOF.fullmatch(text)
    if usual is None:
        return None
    index, path, origin, size, root, lines = usual.groups()
    # 44 digits and an escaped newline to a line: to unpack them is twice as fast as to split them.
    nodes = hashes_of(map(a2b_base64, unpack("44s2x" * (len(path) // 46), path)))
    signatures = tuple([_usual_signature(line) for line in lines[:-2].split(rb"\n")])
    proof = TlogProof(int(index), nodes, Note(b"\n".join((origin, size, root, b"")), signatures))
    return proof, Checkpoint(origin.decode(), int(size), Hash(a2b_base64(root)))


def _usual_signature(line: bytes) -> NoteSignature:
    _, name, text = line.split(b" ")
    raw = a2b_base64(text)
    return NoteSignature(name.decode(), raw[:KEY_ID_BYTES], raw[KEY_ID_BYTES:])


def format_tlog_proof(proof: TlogProof) -> bytes:
    """Write a proof, without extra data."""
    path = b"".join(map(b2a_base64, proof.path))  # a newline after each
    head = b"%b\n%b%d\n%b\n" % (_MAGIC, _INDEX, proof.index, path)
    return head + format_note(proof.checkpoint_note)
