"""A tenant's webhook endpoints: added, given a new secret, disabled and enabled again.

Randomness is an argument: ids and keys come from whoever calls. Every change is one conditional
write; raises Conflict or OutcomeUnknown, and then nothing else was changed: ask again.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from .limits import WEBHOOK_ENDPOINTS
from .public_url import HTTPS_ONLY, parse_public_url
from .refused import Refused
from .webhooks import Endpoint, MalformedEndpoint, WebhookStore, format_secret

DISABLED = "disabled-by-tenant"


def add_endpoint(
    store: WebhookStore, endpoint: Endpoint, ports: Collection[int] = HTTPS_ONLY
) -> Endpoint:
    """Store a new endpoint. What its host's addresses are is judged whenever something is posted,
    for that may change. Raises NotReached for its URL, and Refused."""
    parse_public_url(endpoint.url, ports)
    if len(store.endpoints(endpoint.tenant)) >= WEBHOOK_ENDPOINTS:
        raise Refused("too-many-endpoints", f"a tenant has at most {WEBHOOK_ENDPOINTS} endpoints")
    return store.put_endpoint(endpoint)


def new_endpoint(
    tenant: str, url: str, events: Collection[str], id_: bytes, key: bytes
) -> Endpoint:
    """An endpoint to be added, with 16 random bytes for its id and 24 to 64 for its secret.
    Raises MalformedEndpoint."""
    if len(set(events)) != len(events):
        raise MalformedEndpoint("an event is there twice")
    return Endpoint(f"ep_{id_.hex()}", tenant, url, (format_secret(key),), frozenset(events))


def rotate_secret(store: WebhookStore, tenant: str, id: str, key: bytes) -> Endpoint:
    """Sign with a new secret, and with the one before it too until ``retire_secret``."""
    held = _held(store, tenant, id)
    return store.put_endpoint(replace(held, secrets=(format_secret(key), held.secrets[0])))


def retire_secret(store: WebhookStore, tenant: str, id: str) -> Endpoint:
    """Sign with the newest secret alone."""
    held = _held(store, tenant, id)
    return store.put_endpoint(replace(held, secrets=held.secrets[:1]))


def disable_endpoint(store: WebhookStore, tenant: str, id: str) -> Endpoint:
    """Post nothing to it and queue nothing for it; what is queued waits."""
    return store.put_endpoint(replace(_held(store, tenant, id), disabled=DISABLED))


def enable_endpoint(store: WebhookStore, tenant: str, id: str) -> Endpoint:
    """Go on where it was disabled, by its tenant or because it was gone."""
    return store.put_endpoint(replace(_held(store, tenant, id), disabled=""))


def _held(store: WebhookStore, tenant: str, id: str) -> Endpoint:
    held = store.endpoint(tenant, id)
    if held is None:
        raise Refused("no-such-endpoint", "there is no such endpoint of yours")
    return held
