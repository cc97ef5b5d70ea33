"""A witness over HTTP (C2SP tlog-witness): cosignatures of checkpoints, checked as they come."""

from __future__ import annotations

import time
from collections.abc import Callable

from ..notary.limits import COSIGNED_AHEAD_S, COSIGNED_BEHIND_S
from ..notary.networks import FalseProof, NetworkRefused, Unreachable
from ..notary.witnesses import LogForked, OldSizeConflict, SignatureRefused, UnknownLog
from ..proof.checkpoint import parse_checkpoint_text
from ..proof.errors import Malformed, ProofError
from ..proof.note import (
    COSIGNATURE,
    NoteSignature,
    VerifierKey,
    parse_cosignature,
    parse_signatures,
    verify_signature,
)
from ..proof.tlogwitness import (
    SIZE_MEDIA_TYPE,
    AddCheckpoint,
    format_add_checkpoint,
    parse_size,
)
from .http import Answer, Http

_PATH = "/add-checkpoint"
_HEADERS = {"Content-Type": "text/plain; charset=utf-8"}
_OK, _TOO_MANY = 200, 429
_REFUSALS = range(400, 500)


def system_clock_s() -> int:
    return int(time.time())


class HttpWitness:
    """``Witness``. The base URL of ``http`` is the witness's submission prefix, ``name`` the
    policy's name for it."""

    def __init__(
        self, http: Http, key: VerifierKey, name: str, clock_s: Callable[[], int] = system_clock_s
    ) -> None:
        assert key.type == COSIGNATURE, "this is the only type that can be checked here"
        self._http = http
        self._key = key
        self._name = name
        self._clock_s = clock_s

    @property
    def name(self) -> str:
        return self._name

    @property
    def key(self) -> VerifierKey:
        return self._key

    def add_checkpoint(self, request: AddCheckpoint) -> NoteSignature:
        answer = self._http.post(_PATH, format_add_checkpoint(request), _HEADERS)
        if answer.status != _OK:
            raise _refusal(request, answer)
        return self._check(request.note.text, answer.body)

    def _check(self, text: bytes, body: bytes) -> NoteSignature:
        """Its line, as old as it says; lines of other keys are ignored."""
        try:
            lines = parse_signatures(body)
        except Malformed as error:
            raise Unreachable("the answer is not signature lines") from error
        own = [line for line in lines if line[:2] == (self._key.name, self._key.key_id)]
        if not own:
            raise FalseProof("no line of the answer is by the witness's key")
        for line in own:
            self._verify(text, line)
        return own[-1]

    def _verify(self, text: bytes, line: NoteSignature) -> None:
        try:
            verify_signature(self._key, text, line.signature)
        except ProofError as error:
            raise FalseProof("the cosignature does not verify") from error
        behind_s = self._clock_s() - parse_cosignature(line.signature).timestamp_s
        if not -COSIGNED_AHEAD_S <= behind_s <= COSIGNED_BEHIND_S:
            raise FalseProof(f"the cosignature is dated {behind_s} s before our clock")


Refusal = NetworkRefused | OldSizeConflict | Unreachable


def _refusal(request: AddCheckpoint, answer: Answer) -> Refusal:
    match answer.status:
        case 403:
            return SignatureRefused("it knows this log under another key")
        case 404:
            return UnknownLog("it does not know this log")
        case 409:
            return _conflict(request, answer)
        case 422:
            return LogForked("it remembers another tree")
    if answer.status in _REFUSALS and answer.status != _TOO_MANY:
        return NetworkRefused(f"HTTP {answer.status}")
    return Unreachable(f"HTTP {answer.status}")


def _conflict(request: AddCheckpoint, answer: Answer) -> Refusal:
    size = parse_checkpoint_text(request.note.text).size
    try:
        known = parse_size(answer.body) if answer.media == SIZE_MEDIA_TYPE else None
    except Malformed:
        known = None
    if request.old_size == size and known in (None, size):
        # tlog-witness v1.0.0 answers so to another root of the same size; later versions 422.
        return LogForked("it remembers another tree of the same size")
    if known is None or known == request.old_size:
        return Unreachable("the answer 409 names no other size")
    return OldSizeConflict(known)
