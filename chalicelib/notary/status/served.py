"""Serving status lists of W3C and IETF: the newest registered version, while it is fresh."""

from __future__ import annotations

from typing import NamedTuple

from ...proof.hashes import leaf_hash
from ...proof.limits import STATUS_FRESH_MS
from ..entries import read_objects
from ..index import find
from ..limits import STATUS_RENEW_MS
from ..log import Log
from ..published import place
from ..rows import Rows
from .bit_lists import BitLists, Form, ListId, bits_key


class NoSuchList(Exception):
    """Nobody was allotted a place on this list."""


class NotFresh(Exception):
    """There is no version that is fresh; a newer one was asked for."""


class Served(NamedTuple):
    """A version, which speaks for so many seconds more, at least one."""

    document: bytes
    fresh_s: int


def serve_list(log: Log, id: ListId, form: str, now_ms: int) -> Served:
    """A list in one form. Raises NoSuchList or NotFresh."""
    assert log.lists is not None, "lists are served from where they are kept"
    found = _find(log, log.lists, id, form)
    if now_ms - found.newest_ms >= STATUS_RENEW_MS:
        log.lists.ask(id, form, now_ms)
    fresh_s = (found.served_ms + STATUS_FRESH_MS - now_ms) // 1000
    if found.served is None or fresh_s < 1:
        raise NotFresh
    [document] = read_objects(log.tiles, [bits_key(found.served.document)])
    return Served(document, fresh_s)


def _find(log: Log, lists: BitLists, id: ListId, form: str) -> Form:
    """The form as it now is: what waited is served as soon as the log holds its notice."""
    known = lists.get(id)
    if known is None:
        _check_allotted(lists, id)
        return Form()
    found = known.forms.get(form, Form())
    if found.waiting is None:
        return found
    rows = Rows(log, log.readable())
    indices = find(log.work, log.runs, [leaf_hash(found.waiting.entry)], rows.size)
    served = place(rows, found.waiting, indices)
    return found if served is None else Form(served, found.waiting_ms)


def _check_allotted(lists: BitLists, id: ListId) -> None:
    """A list of a later generation is made when the log has an entry of that generation."""
    allotment = lists.allotment(id.issuer)
    if allotment is None or id.generation or not allotment.has_page(id.page):
        raise NoSuchList
