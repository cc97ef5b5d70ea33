"""A desk whose tenants have webhooks, and what these are told."""

from __future__ import annotations

from dataclasses import dataclass, field

from chalicelib.notary.webhooks.events import EVENTS, Delivery, Endpoint
from chalicelib.notary.webhooks.telling import Teller, tell_news
from chalicelib.proof.statement import entry_id
from tests.notary.desk import Desk, registered
from tests.webhook_fakes import MemoryWebhooks

TENANT, OTHER = "cambrian", "mercy"

JUNK = b"\x00"
"""An item that is no statement."""


def id_of(entry: bytes) -> str:
    return entry_id(entry).hex()


def many(count: int, first: int = 100) -> list[bytes]:
    return [registered(first + number) for number in range(count)]


@dataclass
class TellingDesk(Desk):
    store: MemoryWebhooks = field(default_factory=MemoryWebhooks)

    def endpoint(
        self,
        name: str = "a",
        tenant: str = TENANT,
        *events: str,
        since: int = 0,
        disabled: str = "",
    ) -> Endpoint:
        """An endpoint that wants these events, or all there are."""
        wanted, url = frozenset(events or EVENTS), f"https://{name}.example/"
        made = Endpoint(f"ep_{name}", tenant, url, ("sealed",), wanted, since, disabled)
        return self.store.put_endpoint(made)

    def teller(self) -> Teller:
        return Teller(self.log, self.registry, self.store, self.clock)

    def tell(self) -> int:
        self.clock.tick()
        return tell_news(self.teller())

    def told(self, name: str = "a") -> list[Delivery]:
        """What is queued for that endpoint, in the order of the types and ids."""
        rows = [row for (of, _), row in self.store.rows.items() if of == f"ep_{name}"]
        return sorted(rows, key=lambda row: (row.event.type, row.event.id))

    def types(self, name: str = "a") -> list[str]:
        return [each.event.type for each in self.told(name)]
