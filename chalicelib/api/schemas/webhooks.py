"""Webhooks: endpoints, their secrets, and deliveries."""

from __future__ import annotations

from typing import get_args

from ...notary.webhooks.deliveries import GONE
from ...notary.webhooks.endpoints import DISABLED
from ...notary.webhooks.events import EVENTS, State
from .parts import INTEGER, TEXT, URL, Schema, list_of, object_of, ref

_EVENTS = {"type": "array", "items": {"enum": list(EVENTS)}, "minItems": 1, "uniqueItems": True}
_WEBHOOK: Schema = {
    "id": {"type": "string", "pattern": "^ep_[0-9a-f]{32}$"},
    "url": URL,
    "events": _EVENTS,
    "secrets": {"enum": [1, 2]},
}
_WEBHOOK_DISABLED: Schema = {"disabled": {"enum": [DISABLED, GONE]}}

SCHEMAS: dict[str, Schema] = {
    "WebhookRequest": object_of({"url": URL, "events": _EVENTS}),
    "Webhook": object_of(_WEBHOOK, _WEBHOOK_DISABLED),
    "NewSecret": object_of({**_WEBHOOK, "secret": TEXT}, _WEBHOOK_DISABLED),
    "Webhooks": object_of({"webhooks": list_of(ref("Webhook"))}),
    "Delivery": object_of(
        {
            "event": {"type": "string", "pattern": "^evt_[0-9a-f]{64}$"},
            "type": {"enum": list(EVENTS)},
            "timestamp_ms": INTEGER,
            "state": {"enum": list(get_args(State))},
            "tries": INTEGER,
        },
        {"problem": TEXT, "due_ms": INTEGER},
    ),
    "DeadLetters": object_of({"dead_letters": list_of(ref("Delivery"))}),
    "Replayed": object_of({"replayed": INTEGER}),
}
