"""Being a witness of other logs (C2SP tlog-witness): remember each one's newest tree, and cosign
only what continues it.

What is remembered moves by a conditional write before a cosignature leaves, so of two trees that do
not continue each other at most one is ever cosigned, whatever crashes or runs at once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

from ..proof.checkpoint import Checkpoint, WrongEmptyRoot, parse_checkpoint_text
from ..proof.errors import Malformed, ProofError
from ..proof.hashes import EMPTY_ROOT, Hash
from ..proof.merkle import verify_consistency
from ..proof.note import (
    Cosignature,
    NoteSignature,
    VerifierKey,
    cosignature_message,
    cosignature_vkey,
    format_cosignature,
    format_signatures,
    parse_vkey,
    verify_note,
    verify_signature,
)
from ..proof.tlogwitness import AddCheckpoint, parse_add_checkpoint
from .limits import COSIGN_REPEAT_S, COSIGN_SKEW_S
from .ports import Busy, Conflict, Signer
from .refused import Refused

_RACES = 8
"""Requests for one log that may be faster than this one before it gives up."""


@dataclass(frozen=True, slots=True)
class WitnessedLog:
    """A log that this witness knows, with its keys, and the newest tree that it cosigned: that of
    the empty log at first. ``line`` is the signature line that it answered then, at
    ``cosigned_s`` (POSIX seconds); ``version`` counts the trees, and 0 is none yet."""

    origin: str
    keys: tuple[VerifierKey, ...]
    size: int = 0
    root: Hash = EMPTY_ROOT
    cosigned_s: int = 0
    line: bytes = b""
    version: int = 0


class WitnessStates(Protocol):
    """What the witness remembers. Reads are strongly consistent."""

    def get(self, origin: str) -> WitnessedLog | None: ...

    def logs(self) -> list[WitnessedLog]:
        """All of them, in order of origin."""

    def put_log(self, origin: str, key: VerifierKey) -> None:
        """Know the log of this origin by this key, too. What is remembered of it stays as it is.
        Idempotent."""

    def advance(self, new: WitnessedLog) -> None:
        """Remember size, root, time and line of a log that is known, on condition that the stored
        version is the one before ``new.version``. Raises Conflict, or OutcomeUnknown."""


@dataclass(frozen=True, slots=True)
class WitnessService:
    """This deployment as a witness: its name, its key, which signs nothing else, and its memory."""

    states: WitnessStates
    signer: Signer
    name: str

    @property
    def vkey(self) -> VerifierKey:
        """The key that verifies its cosignatures."""
        return cosignature_vkey(self.name, self.signer.public.x)


class SizeConflict(Exception):
    """The request starts from another size than the remembered one, which is ``size``."""

    def __init__(self, size: int) -> None:
        super().__init__(f"the remembered tree has {size} entries")
        self.size = size


def know_log(states: WitnessStates, vkey: str) -> WitnessedLog:
    """Witness the log that this verifier key names, from now on; raises Malformed when it is none
    that signs checkpoints."""
    key = parse_vkey(vkey)
    if key.loaded is None:
        raise Malformed(f"keys of type {key.type} cannot be checked here")
    states.put_log(key.name, key)
    known = states.get(key.name)
    assert known is not None, "it was put"
    return known


def add_checkpoint(
    request: bytes, states: WitnessStates, signer: Signer, name: str, now_s: int
) -> bytes:
    """The signature line with which ``name`` cosigns the requested checkpoint at ``now_s`` (POSIX
    seconds). Raises Refused, SizeConflict, Busy, or OutcomeUnknown."""
    asked = _parse(request)
    for _ in range(_RACES):
        known = states.get(asked.checkpoint.origin)
        if known is None:
            raise Refused("unknown-log", "checkpoints of this origin are not cosigned here")
        _check(asked, known)
        if _is_repeat(asked.checkpoint, known, now_s):
            return known.line
        time_s = _time_after(known, now_s)
        new = replace(
            known,
            size=asked.checkpoint.size,
            root=asked.checkpoint.root,
            cosigned_s=time_s,
            line=_sign(asked.request.note.text, signer, name, time_s),
            version=known.version + 1,
        )
        try:
            states.advance(new)  # from here on nothing that contradicts this is cosigned
        except Conflict:
            continue
        return new.line
    raise Busy("others have checkpoints of this log cosigned at the same time: try again")


class _Asked(NamedTuple):
    request: AddCheckpoint
    checkpoint: Checkpoint


def _parse(data: bytes) -> _Asked:
    try:
        request = parse_add_checkpoint(data)
        return _Asked(request, parse_checkpoint_text(request.note.text))
    except WrongEmptyRoot as error:
        raise Refused("inconsistent-checkpoint", str(error)) from error
    except Malformed as error:
        raise Refused("malformed-checkpoint", str(error)) from error


def _check(asked: _Asked, known: WitnessedLog) -> None:
    """The checks of tlog-witness in its order. Raises Refused or SizeConflict."""
    request, checkpoint = asked
    try:
        verify_note(request.note, known.keys)
    except ProofError as error:
        raise Refused("not-signed-by-log", str(error)) from error
    if request.old_size > checkpoint.size:
        raise Refused("malformed-checkpoint", "the old size is larger than the checkpoint's")
    if request.old_size != known.size:
        raise SizeConflict(known.size)
    try:
        verify_consistency(known.size, known.root, checkpoint.size, checkpoint.root, request.path)
    except ProofError as error:
        raise Refused("inconsistent-checkpoint", str(error)) from error


def _is_repeat(checkpoint: Checkpoint, known: WitnessedLog, now_s: int) -> bool:
    same = (checkpoint.size, checkpoint.root) == (known.size, known.root)
    return same and bool(known.line) and 0 <= now_s - known.cosigned_s < COSIGN_REPEAT_S


def _time_after(known: WitnessedLog, now_s: int) -> int:
    """The time of the next cosignature, which is never before that of the last one."""
    if now_s < known.cosigned_s - COSIGN_SKEW_S:
        raise Busy(f"our clock is {known.cosigned_s - now_s} s behind our last cosignature")
    return max(now_s, known.cosigned_s)


def _sign(text: bytes, signer: Signer, name: str, time_s: int) -> bytes:
    """The signature line of a cosignature of a checkpoint's text, verified."""
    key = cosignature_vkey(name, signer.public.x)
    raw = signer.sign(cosignature_message(text, time_s))
    signature = format_cosignature(Cosignature(time_s, raw))
    verify_signature(key, text, signature)
    return format_signatures([NoteSignature(key.name, key.key_id, signature)])
