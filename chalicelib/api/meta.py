"""What the service says about itself: whether it is well, and what it can do."""

from __future__ import annotations

import json

from . import media
from .openapi import describe
from .operation import Call
from .problems import Problem
from .request import NOT_STORED, Reply
from .room import Room

room = Room(__name__)


@room.operation(
    "GET",
    "/healthz",
    summary="Whether the log can be read, and how fresh it is",
    gives={200: (media.JSON,)},
    returns=("Health",),
    problems=("not-ready",),
)
def show_health(call: Call) -> Reply:
    head = call.service.log.chain.head()
    if head is None:
        raise Problem("not-ready", "there is no log yet")
    health = {
        "status": "ok",
        "origin": call.service.log.origin,
        "height": head.block.height,
        "size": head.block.size,
        "timestamp_ms": head.block.timestamp_ms,
    }
    return Reply(200, media.JSON, json.dumps(health).encode(), NOT_STORED)


@room.operation(
    "GET",
    "/openapi.json",
    summary="This description (OpenAPI 3.1)",
    gives={200: (media.JSON,)},
    returns=("OpenApi",),
)
def show_openapi(call: Call) -> Reply:
    from .rooms import all_operations

    document = describe(all_operations(), call.service.public_url)
    return Reply(200, media.JSON, json.dumps(document).encode(), {"Cache-Control": "no-cache"})
