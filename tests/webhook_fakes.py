"""Webhooks in memory: the store with exact conditions, and receivers that keep what they get."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from threading import RLock

from chalicelib.notary.ports import Conflict
from chalicelib.notary.public_url import Answer, NoConnection
from chalicelib.notary.webhooks import Delivery, Endpoint, State

from .fakes import locked


class MemoryWebhooks:
    """``WebhookStore``."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._endpoints: dict[tuple[str, str], Endpoint] = {}
        self.rows: dict[tuple[str, str], Delivery] = {}

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

    def _queue(self, endpoint: str, state: State) -> list[Delivery]:
        rows = [row for (of, _), row in self.rows.items() if of == endpoint and row.state == state]
        return sorted(rows, key=lambda row: row.due_ms)


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
