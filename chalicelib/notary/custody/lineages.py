"""New lineages for what is issued in custody: with places in status lists, for credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from ..status.allot import allot_entries
from ..status.bit_lists import bits_url
from ..status.places import StatusPlace
from .records import Lineage

if TYPE_CHECKING:
    from .documents import Desk


def new_lineages(desk: Desk, iss: str, count: int) -> list[Lineage]:
    """Lineages that nobody else gets. Where the service keeps no lists, they have no places. Those
    that are never used cost nothing. Raises Refused."""
    if desk.log.lists is None:
        return [random_lineage(desk) for _ in range(count)]
    allotted = allot_entries(desk.log, desk.registry, desk.caller, iss, count, desk.custody.random)
    url = desk.custody.public_url
    return [
        Lineage(each.sub, StatusPlace(bits_url(url, each.list), each.index)) for each in allotted
    ]


def random_lineage(desk: Desk) -> Lineage:
    return Lineage(UUID(bytes=desk.custody.random(16), version=4).urn)
