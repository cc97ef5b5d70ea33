"""A tenant's webhook endpoints: added, given a new secret, disabled and enabled again, tested.

Randomness is an argument: ids and secrets come from whoever calls, and secrets are stored sealed.
Every change is one conditional write; raises Conflict or OutcomeUnknown, and then nothing else was
changed: ask again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..limits import WEBHOOK_ENDPOINTS
from ..public_url import Reach
from ..refused import Refused
from .events import Delivery, Endpoint, Sealer, WebhookStore, check_event_types, new_event

DISABLED = "disabled-by-tenant"


def add_endpoint(store: WebhookStore, endpoint: Endpoint, reach: Reach) -> Endpoint:
    """Store a new endpoint whose URL can be used now. It is judged again whenever something is
    posted, for what its host's addresses are may change. Raises NotReached and Refused."""
    if len(store.endpoints(endpoint.tenant)) >= WEBHOOK_ENDPOINTS:
        raise Refused(
            "too-many-endpoints", f"a tenant has at most {WEBHOOK_ENDPOINTS}: delete one first"
        )
    reach(endpoint.url)
    return store.put_endpoint(endpoint)


def new_endpoint(
    tenant: str,
    url: str,
    events: Sequence[str],
    *,
    sealer: Sealer,
    secret: str,
    number: bytes,
    height: int,
) -> Endpoint:
    """An endpoint to be added, which is told of what comes after block ``height``. Its id is made
    of ``number``, 16 random bytes. Raises MalformedEndpoint."""
    check_event_types(events)
    id_ = f"ep_{number.hex()}"
    sealed = sealer.seal(tenant, id_, secret)
    return Endpoint(id_, tenant, url, (sealed,), frozenset(events), since=height)


def rotate_secret(
    store: WebhookStore, tenant: str, id: str, secret: str, sealer: Sealer
) -> Endpoint:
    """Sign with a new secret, and with the oldest one too until ``retire_secret``. Of two that are
    there already the newer is replaced: receivers may not have it yet, if its answer was lost."""
    held = held_endpoint(store, tenant, id)
    sealed = sealer.seal(tenant, id, secret)
    return store.put_endpoint(replace(held, secrets=(sealed, held.secrets[-1])))


def retire_secret(store: WebhookStore, tenant: str, id: str) -> Endpoint:
    """Sign with the newest secret alone."""
    held = held_endpoint(store, tenant, id)
    return store.put_endpoint(replace(held, secrets=held.secrets[:1]))


def disable_endpoint(store: WebhookStore, tenant: str, id: str) -> Endpoint:
    """Post nothing to it and queue nothing for it; what is queued waits."""
    return store.put_endpoint(replace(held_endpoint(store, tenant, id), disabled=DISABLED))


def enable_endpoint(store: WebhookStore, tenant: str, id: str, height: int) -> Endpoint:
    """Go on where it was disabled, by its tenant or because it was gone. What happened meanwhile,
    in blocks up to ``height``, is not told."""
    held = held_endpoint(store, tenant, id)
    since = height if held.disabled else held.since
    return store.put_endpoint(replace(held, disabled="", since=since))


def queue_test(store: WebhookStore, tenant: str, id: str, now_ms: int) -> Delivery:
    """Queue ``webhook.test``, whether it is among the endpoint's events or not."""
    held = held_endpoint(store, tenant, id)
    if held.disabled:
        raise Refused("endpoint-disabled", "nothing is posted to it: enable it first")
    event = new_event("webhook.test", now_ms, {})
    return store.put(Delivery(id, tenant, event, "due", now_ms, now_ms))


def held_endpoint(store: WebhookStore, tenant: str, id: str) -> Endpoint:
    """The tenant's endpoint; raises Refused."""
    held = store.endpoint(tenant, id)
    if held is None:
        raise Refused("no-such-endpoint", "there is no such endpoint of yours")
    return held
