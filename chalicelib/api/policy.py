"""``GET /v1/policy``: a policy that trusts this log and its registry, to begin with.

A verifier decides by itself whom to trust; this document is a convenience, not evidence.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ..notary.own_policy import own_policy
from ..proof.jcs import JsonValue
from . import media
from .operation import Call
from .request import Reply
from .room import Room

if TYPE_CHECKING:
    from ..bootstrap import Service

room = Room(__name__)


@room.operation(
    "GET",
    "/v1/policy",
    summary="A verification policy made of this log's key and its registered issuers",
    gives={200: (media.JSON,)},
    returns=("Policy",),
)
def show_policy(call: Call) -> Reply:
    policy = policy_of(call.service)
    body = json.dumps(policy, ensure_ascii=False, indent=1).encode() + b"\n"
    return Reply(200, media.JSON, body, {"Cache-Control": "no-cache"})


def policy_of(service: Service) -> dict[str, JsonValue]:
    outside = service.outside().config
    return own_policy(service.log.vkey, service.registry.issuers(), outside)
