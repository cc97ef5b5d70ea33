"""What the service kept of a document is destroyed, and its notary and its webhooks say so."""

from __future__ import annotations

from collections.abc import Callable

from ..proof.erasure import KEPT_COPIES, make_erasure, sign_erasure
from .custody.documents import destroy
from .custody.records import Documents
from .notices import Notary
from .webhooks.events import WebhookStore
from .webhooks.telling import tell_of_erasure


def erase_kept(
    documents: Documents,
    store: WebhookStore,
    notary: Notary | None,
    tenant: str,
    id: str,
    clock_ms: Callable[[], int],
) -> bytes | None:
    """The notary's erasure receipt, signed once nothing is kept any more; empty where there is no
    entry to name, or no notary; None where the tenant has no such document. Idempotent: asked again
    it says the same, later, and webhooks are told once. Raises OutcomeUnknown."""
    left = destroy(documents, tenant, id)
    if left is None or left.entry_id is None:
        return None if left is None else b""
    erased_ms = clock_ms()
    tell_of_erasure(store, tenant, left, erased_ms)
    if notary is None:
        return b""
    erasure = make_erasure(notary.id, [left.entry_id], erased_ms, [KEPT_COPIES])
    return sign_erasure(erasure, notary.signer)
