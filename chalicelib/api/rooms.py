"""All rooms of the API."""

from __future__ import annotations

from . import entries, jobs, keys, log, meta, policy, receipts, tokens, verify, witness
from .operation import Operation

ROOMS = tuple(
    module.room
    for module in (entries, jobs, receipts, log, keys, tokens, policy, verify, witness, meta)
)


def all_operations() -> list[Operation]:
    return [operation for room in ROOMS for operation in room.operations]
