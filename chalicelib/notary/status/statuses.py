"""Statuses: what lists of W3C and IETF are made from, and what changes do to them."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from ...proof.credentials.status_list import ZLIB, inflate
from ...proof.credentials.token_status_list import BITS, INVALID, set_status, status_value
from ...proof.text import format_base64, parse_base64
from .places import PAGE_PLACES


class Mark(NamedTuple):
    """The status at ``position`` becomes ``value`` at ``effective`` (seconds)."""

    position: int
    value: int
    effective: int


@dataclass(frozen=True, slots=True)
class Statuses:
    """What lists are made from: a status for each position, and in order of the log the changes
    that count and are not yet effective."""

    values: bytes = bytes(PAGE_PLACES * BITS // 8)
    ahead: tuple[Mark, ...] = ()

    @property
    def due_s(self) -> int | None:
        """When the next of these is effective."""
        return min((mark.effective for mark in self.ahead), default=None)


def change_statuses(before: Statuses, marks: Iterable[Mark], now_s: int) -> Statuses:
    """With further changes in order of the log, as they are at a time: ``possible_changes`` says
    what counts, and ``judge_status`` what is effective (both in ``entry_status``)."""
    counted = {mark.position: mark.value for mark in before.ahead}
    every = list(before.ahead)
    for mark in marks:
        at = mark.position
        value = counted[at] if at in counted else status_value(before.values, BITS, at)
        if value not in (INVALID, mark.value):
            counted[at] = mark.value
            every.append(mark)
    values, ahead = bytearray(before.values), dict[int, list[Mark]]()
    for mark in every:
        if mark.effective <= now_s:
            set_status(values, mark.position, mark.value)
            ahead.pop(mark.position, None)
        else:
            ahead.setdefault(mark.position, []).append(mark)
    return Statuses(bytes(values), tuple(mark for each in ahead.values() for mark in each))


def format_statuses(statuses: Statuses) -> bytes:
    packed = format_base64(zlib.compress(statuses.values, 9))
    return json.dumps({"statuses": packed, "ahead": statuses.ahead}).encode()


def parse_statuses(data: bytes) -> Statuses:
    members = json.loads(data)
    values = inflate(parse_base64(members["statuses"]), ZLIB)
    return Statuses(values, tuple(Mark(*each) for each in members["ahead"]))
