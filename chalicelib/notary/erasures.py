"""What the service kept of a document is destroyed, and its notary says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from ..proof.erasure import KEPT_COPIES, make_erasure, sign_erasure
from ..proof.hashes import Hash
from .notices import Notary


class Left(Protocol):
    """What is left of a document whose copies are destroyed."""

    @property
    def entry_id(self) -> Hash | None:
        """The entry that was signed for it; None if none was."""


Destroy = Callable[[str, str], Left | None]
"""Destroys for ever what is kept of a document, by tenant and id, and is idempotent: once it has
returned nothing is kept. None if the tenant has no such document; raises OutcomeUnknown."""


def erase_kept(
    destroy: Destroy, notary: Notary, tenant: str, id: str, clock_ms: Callable[[], int]
) -> bytes | None:
    """The notary's erasure receipt, signed once nothing is kept any more; empty where there is no
    entry to name, None where there is no such document. Asked again it says the same, later."""
    left = destroy(tenant, id)
    if left is None or left.entry_id is None:
        return None if left is None else b""
    erasure = make_erasure(notary.id, [left.entry_id], clock_ms(), [KEPT_COPIES])
    return sign_erasure(erasure, notary.signer)
