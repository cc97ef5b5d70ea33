"""What a log sends to a witness, and the size that a witness may answer (C2SP tlog-witness).

The request is the line ``old <size>``, a consistency path of at most 63 base64 lines from that
size, an empty line and the checkpoint note. A witness that remembers another size answers with it.
"""

from __future__ import annotations

import re
from binascii import a2b_base64, b2a_base64
from dataclasses import dataclass

from .errors import Malformed
from .hashes import Hash
from .limits import ADD_CHECKPOINT_BYTES, PROOF_HASHES
from .note import Note, format_note, parse_note
from .text import parse_decimal

SIZE_MEDIA_TYPE = "text/x.tlog.size"
"""The media type of a witness's answer that it remembers another size."""

_OLD = b"old "
_HEAD = re.compile(
    rb"%b([0-9]{1,19})\n((?:[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=\n){0,%d})\n" % (_OLD, PROOF_HASHES)
)
"""The old size and the path. Each line that matches is the canonical base64 of 32 bytes."""


class MalformedAddCheckpoint(Malformed):
    """Not an old size, a consistency path and a note."""


class MalformedSize(Malformed):
    """Not a size in decimal and a newline."""


@dataclass(frozen=True, slots=True)
class AddCheckpoint:
    """Cosign this note: the witness should remember the tree of ``old_size``, and ``path`` leads
    from that to the note's."""

    old_size: int
    path: tuple[Hash, ...]
    note: Note


def parse_add_checkpoint(data: bytes) -> AddCheckpoint:
    """Read a request. The note is read as a note, its text is left alone.

    Raises MalformedAddCheckpoint, MalformedDecimal, MalformedNote.
    """
    if len(data) > ADD_CHECKPOINT_BYTES:
        raise MalformedAddCheckpoint(f"a request has at most {ADD_CHECKPOINT_BYTES} bytes")
    head = _HEAD.match(data)
    if head is None:
        raise MalformedAddCheckpoint(
            f"a request is the line old <size>, at most {PROOF_HASHES} lines with the canonical"
            " base64 of 32 bytes each, an empty line and a checkpoint"
        )
    old_size, path = head.groups()
    hashes = tuple(Hash(a2b_base64(line)) for line in path.splitlines())
    return AddCheckpoint(parse_decimal(old_size.decode()), hashes, parse_note(data[head.end() :]))


def format_add_checkpoint(request: AddCheckpoint) -> bytes:
    """Write a request."""
    path = b"".join(map(b2a_base64, request.path))  # a newline after each
    return b"%b%d\n%b\n" % (_OLD, request.old_size, path) + format_note(request.note)


def parse_size(data: bytes) -> int:
    """Read the size that a witness remembers; raises MalformedSize, MalformedDecimal."""
    size, newline, rest = data.partition(b"\n")
    if not newline or rest or not size.isdigit():
        raise MalformedSize("a size is a decimal and a newline")
    return parse_decimal(size.decode())


def format_size(size: int) -> bytes:
    """Write the size that a witness remembers."""
    return b"%d\n" % size
