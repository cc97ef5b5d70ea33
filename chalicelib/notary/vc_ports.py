"""What the W3C VC API needs of this service's other parts: its status lists, and who keeps keys."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, NamedTuple, Protocol

from ..proof.document import Canonicalization
from ..proof.hashes import Hash
from ..proof.receipt import HolderPart
from .checks import Caller
from .ports import Signer

if TYPE_CHECKING:
    from .issue import StatusPlace


class StatusLists(Protocol):
    """The status lists that this service serves, as they stand."""

    def value(self, url: str, index: int, now_ms: int) -> int:
        """The value at an index of the list at a URL of this service, whose list for the purpose
        revocation or suspension is at ``…/revocation`` or ``…/suspension`` (0, or 1 if it is set),
        and whose token status list is at ``…`` (0 valid, 1 invalid, 2 suspended).

        Raises CannotTell if there is no such list or index, or the list is too old at ``now_ms``.
        """
        ...


class Order(NamedTuple):
    """What is to be issued. ``placed``: it has a place in this service's status lists. ``once`` is
    the caller's name for it, ``request`` the digest of all that was asked: the same name with
    another request is refused."""

    issuer: str
    profile: str
    canonicalization: Canonicalization
    placed: bool
    once: str
    request: Hash


class Issued(NamedTuple):
    """A document that is signed and accepted for the log, and what its holder keeps of it."""

    document: bytes
    entry_id: Hash
    holder: HolderPart


Make = Callable[[Signer, "StatusPlace | None"], bytes]
"""What makes the document, with the issuer's key, for its place in status lists if it has one."""


class Custodian(Protocol):
    """Whoever keeps issuers' keys, signs with them and registers what was signed."""

    def issuers(self, tenant: str) -> Collection[str]:
        """The ids of the tenant's active issuers whose Ed25519 keys are kept."""
        ...

    def issue(self, caller: Caller, order: Order, make: Make) -> Issued:
        """Register what ``make`` makes with the issuer's key.

        ``make`` counts once for each ``order.once`` of the caller's tenant: a repeated order, also
        after a crash, gives what was issued then. Raises Refused, OutcomeUnknown or Busy."""
        ...
