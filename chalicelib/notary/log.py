"""A log: its name, its key, and the places where it is kept; and why it refuses to go on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from ..proof.hashes import Hash
from ..proof.note import VerifierKey, ed25519_vkey
from .index import RunCache
from .networks import Attempts
from .ports import Chain, Jobs, Objects, Pending, Row, Signer

if TYPE_CHECKING:
    from .notices import Notices
    from .status.bit_lists import BitLists
    from .witnesses import Witnesses

CHECKPOINT = "checkpoint"
"""The key of the published checkpoint in the public bucket."""


class Refusal(Exception):
    """The log would be harmed by going on: an operator must look first. ``name`` is stable."""

    name: ClassVar[str]


class NotCreated(Refusal):
    """The log has no block 0 yet."""

    name = "not-created"


class ClockWentBack(Refusal):
    """Our clock shows a time before that of the newest block."""

    name = "clock-went-back"


class StaleRestore(Refusal):
    """What is published is ahead of the hash chain: the chain was restored from an old state."""

    name = "stale-restore"


class MissingStaging(Refusal):
    """A committed block is not applied, and what it holds is nowhere to be read."""

    name = "missing-staging"


class HistoryFork(Refusal):
    """Stored bytes are not those that this history demands."""

    name = "history-fork"


def untold(id: str, reason: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Log:
    """``tiles`` is the public bucket (checkpoint and tiles), ``work`` the private one (staging,
    index, jobs, uploads), ``attempts`` what outside parties attested, ``notices`` what the notary
    registered about issuers, ``lists`` the status lists of W3C and IETF. ``puts`` objects are
    written side by side. ``tell_aside`` is told of each submission that is set aside, and why
    (``name: detail``); maybe more than once."""

    origin: str
    signer: Signer
    chain: Chain
    tiles: Objects
    work: Objects
    pending: Pending
    jobs: Jobs
    attempts: Attempts
    witnesses: Witnesses | None = None
    notices: Notices | None = None
    lists: BitLists | None = None
    puts: int = 8
    tell_aside: Callable[[str, str], None] = field(default=untold, repr=False, compare=False)
    runs: RunCache = field(default_factory=RunCache, repr=False, compare=False)

    @property
    def vkey(self) -> VerifierKey:
        """The key that verifies the log's checkpoints; its name is the origin."""
        return ed25519_vkey(self.origin, self.signer.public.x)

    @property
    def kid(self) -> Hash:
        return self.signer.public.kid

    def readable(self) -> Row:
        """The newest row whose every object is in place: the head, or the one before it while the
        head is not sealed. Raises NotCreated."""
        head = self.chain.head()
        if head is None:
            raise NotCreated(f"{self.origin} has no block 0: create the log first")
        if head.checkpoint or head.block.height == 0:
            return head
        before = self.chain.row(head.block.height - 1)
        assert before is not None, "a block is committed after the one before it"
        return before
