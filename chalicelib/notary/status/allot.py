"""Allotting: lineages for credentials to be made, each with a place in a status list."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from secrets import token_bytes

from ..checks import Caller, check_active, own_issuer
from ..log import Log
from ..ports import Registry
from ..refused import Refused
from .bit_lists import Allotment, ListId
from .places import PLACES, SECRET_BYTES, encode_sub, place_of


@dataclass(frozen=True, slots=True)
class Allotted:
    """A lineage's ``sub``, and its place in a list of the first generation."""

    sub: str
    list: ListId
    index: int


def allot_entries(
    log: Log,
    registry: Registry,
    caller: Caller,
    issuer: str,
    count: int,
    random: Callable[[int], bytes] = token_bytes,
) -> list[Allotted]:
    """New lineages for an issuer of the caller's, which nobody else gets; raises Refused."""
    assert log.lists is not None, "places are allotted where lists are kept"
    found = own_issuer(issuer, registry.issuer(issuer), caller)
    if isinstance(found, Refused):
        raise found
    check_active(found)
    allotment = log.lists.allot(issuer, count, random(SECRET_BYTES))
    if allotment.places > PLACES:
        raise Refused("no-more-places", f"{issuer} has used all {PLACES} of them")
    numbers = range(allotment.places - count, allotment.places)
    return [_allotted(allotment, number) for number in numbers]


def _allotted(allotment: Allotment, number: int) -> Allotted:
    place = place_of(allotment.secret, number)
    sub = encode_sub(allotment.secret, number)
    return Allotted(sub, ListId(allotment.issuer, place.page), place.position)
