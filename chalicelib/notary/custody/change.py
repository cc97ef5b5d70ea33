"""Suspending, reinstating and revoking for issuers whose key is in KMS.

Unlike an issue it needs no Idempotency-Key: a change that is said twice is refused as impossible
once the log has the first, and of two that race every verifier counts the first.
"""

from __future__ import annotations

from ...proof.hashes import Hash
from ...proof.payload import StatusChange
from ...proof.statement import SignedStatement, parse_entry, sign_statement
from ..admit import admit_statement
from ..entries import read_entries
from ..receipts import index_of
from ..refused import Refused
from .documents import Desk
from .orders import key_in_custody


def change_status(desk: Desk, change: StatusChange) -> Hash:
    """Sign what becomes of an entry of the caller's with its issuer's key, and accept it; returns
    the id of the statement. An issuer that is suspended or closed may still do so. Raises Refused,
    as admission does."""
    target = _target(desk, change.target)
    iss, sub = target.statement.iss, target.statement.sub
    key = key_in_custody(desk.registry.issuer(iss), desk.caller.tenant, desk.now_ms)
    signer = desk.custody.issuer_keys.signer(key)
    entry = sign_statement(change, iss, sub, desk.now_ms // 1_000, signer)
    return admit_statement(entry, desk.caller, desk.registry, desk.log, desk.now_ms)


def _target(desk: Desk, id: Hash) -> SignedStatement:
    index = index_of(desk.log, id)
    if index is not None:
        size = desk.log.readable().block.size
        entry = parse_entry(read_entries(desk.log, [index], size)[index])
        if isinstance(entry, SignedStatement) and entry.entry_id == id:
            return entry
    raise Refused("unknown-target", "the log does not hold the target: wait for its receipt")
