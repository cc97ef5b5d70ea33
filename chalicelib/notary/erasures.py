"""What the service kept of a document is destroyed; a receipt and its tenant's webhooks say so.

The receipt is signed with the issuer's own key: what answers strangers signs with that anyway, and
needs no power over the notary's.
"""

from __future__ import annotations

from collections.abc import Callable

from ..proof.erasure import KEPT_COPIES, make_erasure, sign_erasure
from .custody.documents import destroy
from .custody.orders import key_in_custody
from .custody.records import Custody
from .ports import Registry
from .refused import Refused
from .webhooks.events import WebhookStore
from .webhooks.telling import tell_of_erasure


def erase_kept(
    custody: Custody,
    registry: Registry,
    store: WebhookStore,
    tenant: str,
    id: str,
    clock_ms: Callable[[], int],
) -> bytes | None:
    """The issuer's erasure receipt, signed once nothing is kept any more; empty where there is no
    entry to name, or the issuer has no key in KMS that is good now; None where the tenant has no
    such document. Idempotent: asked again it says the same, later, and webhooks are told once.
    Raises OutcomeUnknown."""
    left = destroy(custody.documents, tenant, id)
    if left is None or left.entry_id is None:
        return None if left is None else b""
    erased_ms = clock_ms()
    tell_of_erasure(store, tenant, left, erased_ms)
    try:
        key = key_in_custody(registry.issuer(left.iss), tenant, erased_ms)
    except Refused:
        return b""
    erasure = make_erasure(left.iss, [left.entry_id], erased_ms, [KEPT_COPIES])
    return sign_erasure(erasure, custody.issuer_keys.signer(key))
