"""What attesting needs from outside: networks that attest, and the table of attempts.

A *network* is one outside party that attests to block hashes: a public chain (named by its CAIP-2
id), a calendar (``opentimestamps:<name>``), a time-stamp authority (``rfc3161:<name>``). An
*attempt* is one network's attestation of one block, as far as it has come:

    planned → prepared → sent → included → final

``planned``: chosen, nothing made yet. ``prepared``: what will be sent is stored. ``sent``: it was
handed over at least once. ``included``: the network took it, and may yet undo that (a reorg: back
to ``sent``). ``final``: it will not change any more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal, NamedTuple, Protocol

from ..proof.block import Block
from ..proof.hashes import Hash
from ..proof.jcs import JsonValue
from ..proof.receipt import Attestation

State = Literal["planned", "prepared", "sent", "included", "final"]

Memo = Mapping[str, JsonValue]
"""What an adapter must remember about an attempt, in JSON that only it reads; empty at first."""


class NetworkError(Exception):
    """A network could not be used as it should. ``name`` is stable; the text is safe to publish: it
    holds no URL and nothing that came from the network but numbers, hashes and names."""

    name: ClassVar[str] = "network-error"


class Unreachable(NetworkError):
    """No answer, too late, too long, or not in the protocol: try later."""

    name = "unreachable"


class NetworkRefused(NetworkError):
    """It answered that it will not do this, for a reason that is not one of those below."""

    name = "refused"


class WrongNetwork(NetworkError):
    """It is not the chain or authority that the configuration says."""

    name = "wrong-network"


class FalseProof(NetworkError):
    """It answered with evidence that does not verify."""

    name = "false-proof"


class EmptyWallet(NetworkError):
    """There is not enough money for the fee; the attempt stays in the queue."""

    name = "empty-wallet"


class Standing(NamedTuple):
    """Where a sent attempt stands now, and the memo from now on.

    ``waiting``: known to the network, nothing to do. ``dropped``: the network does not know it (any
    more): broadcast the same bytes again. ``stuck``: it offers too little: bump. ``void``: it can
    never be included, finally: prepare again. ``included``, ``final``: as the states.
    """

    at: Literal["waiting", "dropped", "stuck", "void", "included", "final"]
    memo: Memo


class Network(Protocol):
    """One network. Every operation may raise NetworkError and nothing else; none keeps state.

    What ``prepare`` and ``bump`` return is stored before ``broadcast`` is called, so nothing is
    ever sent that is not stored. ``prepare`` and ``bump`` therefore send nothing. All that are
    bumped from one ``prepare`` exclude each other: at most one of them can be included. Whatever
    is fetched is verified before it is returned.
    """

    @property
    def name(self) -> str:
        """Unique and stable: the key of its attempts."""

    @property
    def check(self) -> str:
        """The check of the verifier that its evidence serves, such as ``attestation:rfc3161``."""

    @property
    def serial(self) -> bool:
        """True when one attempt must be included before the next one is prepared."""

    def prepare(self, block: Block, before: Memo) -> Memo:
        """Make what will be sent. ``before`` is the memo of the network's newest attempt that is
        included or final, empty if there is none."""

    def broadcast(self, block: Block, memo: Memo) -> Memo:
        """Send it, once more or for the first time: idempotent."""

    def status(self, block: Block, memo: Memo, now_ms: int) -> Standing:
        """Ask where it stands."""

    def bump(self, block: Block, memo: Memo) -> Memo:
        """Make what replaces it: the same but for a higher offer."""

    def proof(self, block: Block, memo: Memo) -> Attestation | None:
        """The evidence for receipts, as far as there is any: verified for the block's hash."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One network's attestation of one block.

    ``block`` is the block's hash, None in attempts that were stored before it was: after a restore
    another block may stand at that height. ``evidence`` is what receipts carry. ``tries`` counts
    failures in a row, ``problem`` names the last one (empty after a success); before ``due_ms``
    nothing is tried again. ``version`` counts writes: 0 is not yet stored.
    """

    network: str
    height: int
    state: State
    planned_ms: int
    memo: Memo = field(default_factory=dict)
    evidence: Attestation | None = None
    tries: int = 0
    problem: str = ""
    due_ms: int = 0
    version: int = 0
    block: Hash | None = None


class Attempts(Protocol):
    """The table of attempts. ``of_block`` and ``unfinished`` may lag by a moment; the rest is
    strongly consistent."""

    def get(self, network: str, height: int) -> Attempt | None: ...

    def newest(self, network: str) -> Attempt | None:
        """The network's attempt at the greatest height."""

    def before(self, network: str, height: int) -> Attempt | None:
        """The network's attempt at the greatest height below this one."""

    def of_block(self, height: int) -> list[Attempt]:
        """All attempts for one block, in order of network."""

    def unfinished(self, network: str) -> list[Attempt]:
        """The network's attempts that are not final, in order of height."""

    def put(self, attempt: Attempt) -> Attempt:
        """Write it with the next version, on condition that its own version is the stored one (0:
        none is stored); the attempt as stored. Raises Conflict or OutcomeUnknown."""

    def mark_full(self, height: int, checks: Sequence[str]) -> None:
        """Remember that the block is fully attested by these checks. Idempotent."""

    def is_full(self, height: int) -> bool: ...

    def newest_full(self) -> int | None:
        """The greatest height that is fully attested."""
