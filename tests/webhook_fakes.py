"""Webhooks in memory: the store with exact conditions, and receivers that keep what they get."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from threading import RLock

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from chalicelib.notary.ports import Conflict
from chalicelib.notary.public_url import Answer, NoConnection
from chalicelib.notary.webhooks.events import Delivery, Endpoint, State, WrongSeal
from chalicelib.proof.text import MalformedBase64, format_base64, parse_base64

from .fakes import locked


class MemoryWebhooks:
    """``WebhookStore``."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._endpoints: dict[tuple[str, str], Endpoint] = {}
        self.rows: dict[tuple[str, str], Delivery] = {}
        self.height = 0

    @locked
    def endpoint(self, tenant: str, id: str) -> Endpoint | None:
        return self._endpoints.get((tenant, id))

    @locked
    def endpoints(self, tenant: str | None = None) -> list[Endpoint]:
        found = [self._endpoints[key] for key in sorted(self._endpoints)]
        return [each for each in found if tenant in (None, each.tenant)]

    @locked
    def put_endpoint(self, endpoint: Endpoint) -> Endpoint:
        key = (endpoint.tenant, endpoint.id)
        held = self._endpoints.get(key)
        if (held.version if held else 0) != endpoint.version:
            raise Conflict(f"the endpoint {endpoint.id} is at another version")
        self._endpoints[key] = replace(endpoint, version=endpoint.version + 1)
        return self._endpoints[key]

    @locked
    def remove_endpoint(self, tenant: str, id: str) -> None:
        self._endpoints.pop((tenant, id), None)

    @locked
    def delivery(self, endpoint: str, event: str) -> Delivery | None:
        return self.rows.get((endpoint, event))

    @locked
    def due(self, endpoint: str, now_ms: int, limit: int) -> list[Delivery]:
        return [row for row in self._queue(endpoint, "due") if row.due_ms <= now_ms][:limit]

    @locked
    def dead(self, endpoint: str, limit: int) -> list[Delivery]:
        return self._queue(endpoint, "dead")[:limit]

    @locked
    def put(self, delivery: Delivery) -> Delivery:
        key = (delivery.endpoint, delivery.event.id)
        held = self.rows.get(key)
        if (held.version if held else 0) != delivery.version:
            raise Conflict(f"the delivery of {delivery.event.id} is at another version")
        self.rows[key] = replace(delivery, version=delivery.version + 1)
        return self.rows[key]

    @locked
    def told(self) -> int:
        return self.height

    @locked
    def advance(self, before: int, after: int) -> None:
        if self.height != before:
            raise Conflict("the height is another")
        self.height = after

    def _queue(self, endpoint: str, state: State) -> list[Delivery]:
        rows = [row for (of, _), row in self.rows.items() if of == endpoint and row.state == state]
        return sorted(rows, key=lambda row: row.due_ms)


class MemorySealer:
    """``Sealer``, with a key in memory."""

    def __init__(self) -> None:
        self._key = AESGCM(sha256(b"webhooks").digest())

    def seal(self, tenant: str, endpoint: str, secret: str) -> str:
        nonce = sha256(secret.encode()).digest()[:12]
        context = f"{tenant} {endpoint}".encode()
        return format_base64(nonce + self._key.encrypt(nonce, secret.encode(), context))

    def open(self, tenant: str, endpoint: str, sealed: str) -> str:
        context = f"{tenant} {endpoint}".encode()
        try:
            data = parse_base64(sealed)
            return self._key.decrypt(data[:12], data[12:], context).decode()
        except (InvalidTag, MalformedBase64, ValueError):
            raise WrongSeal("it opens for another endpoint, if at all") from None


@dataclass
class Posted:
    url: str
    body: bytes
    headers: Mapping[str, str]
    at_ms: int


@dataclass
class Receivers:
    """``Post`` to servers in memory. ``answers`` says what a URL's server answers, 200 if it says
    nothing; ``before`` is called when a request comes, ``after`` when its answer is on its way."""

    clock_ms: Callable[[], int]
    answers: dict[str, Answer | None] = field(default_factory=dict)
    got: list[Posted] = field(default_factory=list)
    before: Callable[[], object] = lambda: None
    after: Callable[[], object] = lambda: None

    def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        self.before()
        self.got.append(Posted(url, body, dict(headers), self.clock_ms()))
        answer = self.answers.get(url, Answer(200))
        self.after()
        if answer is None:
            raise NoConnection("no address of the host takes connections")
        return answer

    def ids(self, url: str | None = None) -> list[str]:
        """The ids of the events that came, in order."""
        return [each.headers["webhook-id"] for each in self.got if url in (None, each.url)]
