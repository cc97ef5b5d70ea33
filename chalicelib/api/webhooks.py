"""A tenant's webhooks: added, listed, changed, tested and removed, and their dead letters.

A secret is in the answer that made it, and in no other.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ..notary.limits import WEBHOOK_BYTES, WEBHOOK_PAGE
from ..notary.ports import Conflict, OutcomeUnknown
from ..notary.public_url import NotReached
from ..notary.webhooks.deliveries import replay
from ..notary.webhooks.endpoints import (
    add_endpoint,
    disable_endpoint,
    enable_endpoint,
    held_endpoint,
    new_endpoint,
    queue_test,
    retire_secret,
    rotate_secret,
)
from ..notary.webhooks.events import Delivery, Endpoint, format_secret
from ..proof.errors import Malformed
from ..proof.members import read_list, read_text
from . import media
from .operation import WEBHOOKS_MANAGE, Call
from .problems import Problem
from .request import PRIVATE, Reply
from .room import Room

room = Room(__name__)

NUMBER_BYTES = 16
SECRET_BYTES = 32

_PATH = "/v1/webhooks/{webhook}"
_WEBHOOK = {"webhook": "a webhook's id"}
_CHANGES = ("no-such-endpoint", "changed-meanwhile", "webhook-in-doubt")
_ONE = {
    "scope": WEBHOOKS_MANAGE,
    "parameters": _WEBHOOK,
    "gives": {200: (media.JSON,)},
    "returns": ("Webhook",),
}


@room.operation(
    "POST",
    "/v1/webhooks",
    summary="Have events posted to a URL; the answer holds the secret that verifies them",
    scope=WEBHOOKS_MANAGE,
    takes=(media.JSON,),
    gives={201: (media.JSON,)},
    headers={"Location": "the webhook"},
    reads="WebhookRequest",
    returns=("NewSecret",),
    problems=(
        *("malformed-json", "unusable-url", "too-many-endpoints"),
        *("changed-meanwhile", "webhook-in-doubt"),
    ),
)
def create_webhook(call: Call) -> Reply:
    call.request.limit(WEBHOOK_BYTES)
    service, secret = call.service, _new_secret()
    try:
        url, events = _read_request(call)
        made = new_endpoint(
            call.caller.tenant,
            url,
            events,
            sealer=service.sealer,
            secret=secret,
            number=os.urandom(NUMBER_BYTES),
            height=service.log.readable().block.height,
        )
    except Malformed as error:
        raise Problem("malformed-json", str(error)) from error
    with _one_change():
        endpoint = add_endpoint(service.webhooks, made, service.reach)
    headers = {**PRIVATE, "Location": call.url(f"/v1/webhooks/{endpoint.id}")}
    body = {**_format(endpoint), "secret": secret}
    return Reply(201, media.JSON, json.dumps(body).encode(), headers)


@room.operation(
    "GET",
    "/v1/webhooks",
    summary="The tenant's webhooks",
    scope=WEBHOOKS_MANAGE,
    gives={200: (media.JSON,)},
    returns=("Webhooks",),
)
def list_webhooks(call: Call) -> Reply:
    found = call.service.webhooks.endpoints(call.caller.tenant)
    return _reply({"webhooks": [_format(each) for each in found]})


@room.operation("GET", _PATH, summary="A webhook", problems=("no-such-endpoint",), **_ONE)
def show_webhook(call: Call) -> Reply:
    return _reply(_format(_held(call)))


@room.operation(
    "DELETE",
    _PATH,
    summary="Forget a webhook, with its secrets",
    scope=WEBHOOKS_MANAGE,
    parameters=_WEBHOOK,
    gives={204: ()},
    problems=("no-such-endpoint", "outcome-unknown"),
)
def delete_webhook(call: Call) -> Reply:
    held = _held(call)
    call.service.webhooks.remove_endpoint(held.tenant, held.id)
    return Reply(204, headers=PRIVATE)


@room.operation(
    "POST",
    f"{_PATH}/secret",
    summary="Sign with a new secret, and with the one before it too until that is retired",
    problems=_CHANGES,
    **{**_ONE, "returns": ("NewSecret",)},
)
def rotate_webhook_secret(call: Call) -> Reply:
    service, secret = call.service, _new_secret()
    with _one_change():
        changed = rotate_secret(service.webhooks, *_named(call), secret, service.sealer)
    return _reply({**_format(changed), "secret": secret})


@room.operation(
    "POST",
    f"{_PATH}/secret/retire",
    summary="Sign with the newest secret alone",
    problems=_CHANGES,
    **_ONE,
)
def retire_webhook_secret(call: Call) -> Reply:
    with _one_change():
        return _reply(_format(retire_secret(call.service.webhooks, *_named(call))))


@room.operation(
    "POST",
    f"{_PATH}/disable",
    summary="Post nothing to it and queue nothing for it; what is queued waits",
    problems=_CHANGES,
    **_ONE,
)
def disable_webhook(call: Call) -> Reply:
    with _one_change():
        return _reply(_format(disable_endpoint(call.service.webhooks, *_named(call))))


@room.operation(
    "POST",
    f"{_PATH}/enable",
    summary="Go on posting to it, with what was queued and what happens from now on",
    problems=_CHANGES,
    **_ONE,
)
def enable_webhook(call: Call) -> Reply:
    height = call.service.log.readable().block.height
    with _one_change():
        return _reply(_format(enable_endpoint(call.service.webhooks, *_named(call), height)))


@room.operation(
    "POST",
    f"{_PATH}/test",
    summary="Queue webhook.test; it is delivered within a minute or two",
    scope=WEBHOOKS_MANAGE,
    parameters=_WEBHOOK,
    gives={202: (media.JSON,)},
    headers={"Location": "what became of it"},
    returns=("Delivery",),
    problems=(*_CHANGES, "endpoint-disabled"),
)
def send_test(call: Call) -> Reply:
    with _one_change():
        queued = queue_test(call.service.webhooks, *_named(call), call.now_ms)
    place = call.url(f"/v1/webhooks/{queued.endpoint}/deliveries/{queued.event.id}")
    body = json.dumps(_format_delivery(queued)).encode()
    return Reply(202, media.JSON, body, {**PRIVATE, "Location": place})


@room.operation(
    "GET",
    f"{_PATH}/deliveries/{{event}}",
    summary="What became of one event on its way to a webhook",
    scope=WEBHOOKS_MANAGE,
    parameters={**_WEBHOOK, "event": "an event's id, as in the header webhook-id"},
    gives={200: (media.JSON,)},
    returns=("Delivery",),
    problems=("no-such-endpoint", "no-such-delivery"),
)
def show_delivery(call: Call) -> Reply:
    id_ = call.request.params["event"]
    found = call.service.webhooks.delivery(_held(call).id, id_) if _EVENT.fullmatch(id_) else None
    if found is None:
        raise Problem("no-such-delivery")
    return _reply(_format_delivery(found))


@room.operation(
    "GET",
    f"{_PATH}/dead-letters",
    summary=f"Events that could not be delivered; at most {WEBHOOK_PAGE}",
    scope=WEBHOOKS_MANAGE,
    parameters=_WEBHOOK,
    gives={200: (media.JSON,)},
    returns=("DeadLetters",),
    problems=("no-such-endpoint",),
)
def list_dead_letters(call: Call) -> Reply:
    found = call.service.webhooks.dead(_held(call).id, WEBHOOK_PAGE)
    return _reply({"dead_letters": [_format_delivery(each) for each in found]})


@room.operation(
    "POST",
    f"{_PATH}/replay",
    summary=f"Try dead letters again, at most {WEBHOOK_PAGE}: repeat it until there are none",
    scope=WEBHOOKS_MANAGE,
    parameters=_WEBHOOK,
    gives={200: (media.JSON,)},
    returns=("Replayed",),
    problems=("no-such-endpoint",),
)
def replay_dead_letters(call: Call) -> Reply:
    again = replay(call.service.webhooks, _held(call).id, call.now_ms)
    return _reply({"replayed": len(again)})


_ID = re.compile(r"ep_[0-9a-f]{32}", re.ASCII)
_EVENT = re.compile(r"evt_[0-9a-f]{64}", re.ASCII)


def _named(call: Call) -> tuple[str, str]:
    """The caller's tenant and the id in the path; others' webhooks look like none."""
    id_ = call.request.params["webhook"]
    if not _ID.fullmatch(id_):
        raise Problem("no-such-endpoint")
    return call.caller.tenant, id_


def _held(call: Call) -> Endpoint:
    return held_endpoint(call.service.webhooks, *_named(call))


def _read_request(call: Call) -> tuple[str, Sequence[str]]:
    members = call.request.json(("url", "events"))
    events = [read_text(each, "an event") for each in read_list(members["events"], "events")]
    return read_text(members["url"], "url"), events


def _new_secret() -> str:
    return format_secret(os.urandom(SECRET_BYTES))


@contextmanager
def _one_change() -> Iterator[None]:
    try:
        yield
    except Conflict as error:
        raise Problem("changed-meanwhile") from error
    except OutcomeUnknown as error:
        raise Problem("webhook-in-doubt") from error
    except NotReached as error:
        raise Problem("unusable-url", str(error), members={"reason": error.name}) from error


def _format(endpoint: Endpoint) -> dict[str, object]:
    disabled = {"disabled": endpoint.disabled} if endpoint.disabled else {}
    return {
        "id": endpoint.id,
        "url": endpoint.url,
        "events": sorted(endpoint.events),
        "secrets": len(endpoint.secrets),
        **disabled,
    }


def _format_delivery(delivery: Delivery) -> dict[str, object]:
    facts: dict[str, object] = {
        "event": delivery.event.id,
        "type": delivery.event.type,
        "timestamp_ms": delivery.event.at_ms,
        "state": delivery.state,
        "tries": delivery.tries,
    }
    if delivery.problem:
        facts["problem"] = delivery.problem
    return {**facts, "due_ms": delivery.due_ms} if delivery.state == "due" else facts


def _reply(value: object) -> Reply:
    return Reply(200, media.JSON, json.dumps(value).encode(), PRIVATE)
