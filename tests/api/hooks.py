"""A world whose tenants have webhooks, and a receiver that knows the specification alone."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from chalice.test import Client, HTTPResponse

import app as entry_point
from chalicelib.adapters.public_http import PublicHttp
from chalicelib.api import wiring
from chalicelib.notary.limits import HEARTBEAT_MS
from tests.api.world import COLLEGE_TENANT, JSON, World
from tests.webhook_fakes import MemoryWebhooks, Posted, Receivers

TARGET = "https://college.example/hooks?key=1"
SCOPE = "webhooks:manage"
TOLERANCE_S = 300
DAY_MS = 24 * HEARTBEAT_MS


class Unverified(Exception):
    """A receiver refuses the request."""


def verify(headers: Mapping[str, str], body: bytes, secret: str, now_s: float) -> dict[str, Any]:
    """What a receiver does by Standard Webhooks, Verifying webhook authenticity: HMAC-SHA256 over
    id, timestamp and body joined by full stops, under the base64 part of the secret."""
    id_, timestamp = headers["webhook-id"], headers["webhook-timestamp"]
    if abs(now_s - int(timestamp)) > TOLERANCE_S:
        raise Unverified("too old, or of the future")
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = b".".join([id_.encode(), timestamp.encode(), body])
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    for each in headers["webhook-signature"].split(" "):
        version, _, signature = each.partition(",")
        if version == "v1" and hmac.compare_digest(signature, expected):
            found: dict[str, Any] = json.loads(body)
            return found
    raise Unverified("no signature is ours")


def scheduled() -> dict[str, Any]:
    with Client(entry_point.app) as client:
        return client.events.generate_cw_event("aws.events", "Scheduled Event", {}, [])


class Hooks:
    """The world, as a tenant with webhooks and its receiver see it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.store = cast(MemoryWebhooks, world.service.webhooks)
        self.receivers = cast(Receivers, world.service.post)

    def through(self, client: PublicHttp) -> None:
        """Reach tenants' hosts by the wire."""
        self.world.service = replace(self.world.service, reach=client.reach, post=client.post)
        wiring.use(self.world.service)

    def ask(
        self, method: str, path: str, value: object = None, tenant: str = COLLEGE_TENANT
    ) -> HTTPResponse:
        now_s = self.world.clock() // 1000
        bearer = self.world.bearer(tenant, scope=SCOPE, iat=now_s, exp=now_s + 600)
        body = b"" if value is None else json.dumps(value).encode()
        sent = {**bearer, **({} if value is None else {"Content-Type": JSON})}
        return self.world.request(method, f"/v1/webhooks{path}", body, sent)

    def post(self, path: str, tenant: str = COLLEGE_TENANT) -> HTTPResponse:
        return self.ask("POST", path, tenant=tenant)

    def create(self, *events: str, url: str = TARGET, tenant: str = COLLEGE_TENANT) -> HTTPResponse:
        wanted = events or ("document.registered", "job.done", "job.failed")
        return self.ask("POST", "", {"url": url, "events": list(wanted)}, tenant)

    def made(self, *events: str, url: str = TARGET, tenant: str = COLLEGE_TENANT) -> dict[str, Any]:
        created = self.create(*events, url=url, tenant=tenant)
        assert created.status_code == 201, created.body
        found: dict[str, Any] = created.json_body
        return found

    def deliver(self, later_ms: int = 0) -> None:
        """The scheduled function, after some time."""
        self.world.clock.tick(later_ms)
        entry_point.deliverer(scheduled(), None)

    def verified(self, posted: Posted, secret: str) -> dict[str, Any]:
        return verify(posted.headers, posted.body, secret, posted.at_ms / 1000)
