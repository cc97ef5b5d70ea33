"""Checkpoints (C2SP tlog-checkpoint): the text of a log's signed tree head, and nothing else.

The text is three lines: origin, tree size, base64 root hash. The log signs it as a plain note under
a key named as its origin. Extension lines, which the format allows, are refused: monitors cannot
audit them, and ours has none.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from .errors import Malformed
from .hashes import EMPTY_ROOT, Hash
from .limits import HASH_BYTES
from .note import Note, NoteSignature, VerifierKey, format_note
from .text import format_base64, parse_base64, parse_decimal

_CONTROL = re.compile(r"[\x00-\x1f]")


class MalformedCheckpoint(Malformed):
    """Not the three lines of a checkpoint."""


class WrongEmptyRoot(MalformedCheckpoint):
    """A tree without leaves, with a root hash that is not that of the empty tree."""


class Checkpoint(NamedTuple):
    """What a log says of itself: its name, its number of leaves, its root hash."""

    origin: str
    size: int
    root: Hash


def parse_checkpoint_text(text: bytes) -> Checkpoint:
    """Read the text of a checkpoint note, final newline included.

    Raises MalformedCheckpoint, MalformedDecimal, MalformedBase64.
    """
    try:
        origin, size, root, rest = text.decode().split("\n")
    except ValueError as error:
        raise MalformedCheckpoint("a checkpoint is three lines: origin, size, root") from error
    raw = parse_base64(root)
    if rest or not origin or _CONTROL.search(origin) or len(raw) != HASH_BYTES:
        raise MalformedCheckpoint("a checkpoint is an origin, a size and a root of 32 bytes")
    checkpoint = Checkpoint(origin, parse_decimal(size), Hash(raw))
    if checkpoint.size == 0 and checkpoint.root != EMPTY_ROOT:
        raise WrongEmptyRoot("the empty tree has one root only")
    return checkpoint


def format_checkpoint_text(checkpoint: Checkpoint) -> bytes:
    """Write the text that the log signs and witnesses cosign."""
    origin, size, root = checkpoint
    return f"{origin}\n{size}\n{format_base64(root)}\n".encode()


def format_signed_checkpoint(checkpoint: Checkpoint, key: VerifierKey, signature: bytes) -> bytes:
    """Write the checkpoint note with the log's own signature, 64 bytes over its text."""
    assert key.name == checkpoint.origin, "a log signs under its origin"
    line = NoteSignature(key.name, key.key_id, signature)
    return format_note(Note(format_checkpoint_text(checkpoint), (line,)))
