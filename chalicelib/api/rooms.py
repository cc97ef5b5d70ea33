"""All rooms of the API."""

from __future__ import annotations

from . import (
    entries,
    issuers,
    jobs,
    keys,
    log,
    meta,
    policy,
    receipts,
    tokens,
    verify,
    webhooks,
    witness,
)
from .operation import Operation

_MODULES = (
    *(entries, jobs, receipts, issuers, webhooks),
    *(log, keys, tokens, policy, verify, witness, meta),
)

ROOMS = tuple(module.room for module in _MODULES)


def all_operations() -> list[Operation]:
    return [operation for room in ROOMS for operation in room.operations]
