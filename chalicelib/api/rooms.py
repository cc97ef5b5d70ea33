"""All rooms of the API."""

from __future__ import annotations

from . import (
    approvals,
    bulk,
    changes,
    dids,
    documents,
    entries,
    issuers,
    jobs,
    keys,
    lists,
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
from .vc import routes as vc

_MODULES = (
    *(entries, documents, bulk, changes, jobs, approvals, receipts, webhooks),
    *(issuers, lists, log, keys, dids, tokens, policy, verify, vc, witness, meta),
)

ROOMS = tuple(module.room for module in _MODULES)


def all_operations() -> list[Operation]:
    return [operation for room in ROOMS for operation in room.operations]
