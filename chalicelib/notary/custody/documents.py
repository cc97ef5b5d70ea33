"""Custodial issuing: a document, or claims, become a registered statement that is signed with the
issuer's key in KMS. One Idempotency-Key is one issue, whatever crashes and however many try.

The steps, each ended by a conditional write:

1. *claimed*: the record holds all randomness, under a lease;
2. *signed*: it holds the credential and the signed entry. This is the point from which there is one
   issue: who signed beside it finds another version, and what they signed is never submitted;
3. the entry is admitted as any statement is, which is idempotent;
4. *accepted*: the answer is whole, and is given again until the window ends.

Whoever comes next with the same key and body goes on from there. The lease only saves work: all
safety is in the conditions.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from ...proof.document import commit
from ...proof.hashes import Hash, sha256
from ...proof.limits import SALT_BYTES
from ...proof.payload import Register
from ...proof.receipt import HolderPart
from ...proof.statement import SignedStatement, entry_id, parse_statement, sign_statement
from ..admit import Caller, admit_statement
from ..limits import CUSTODY_LEASE_MS, CUSTODY_MS, PURGE_MS, PURGE_PAGE
from ..log import Log
from ..ports import Conflict, IssuerKey, OutcomeUnknown, Registry, Signer
from ..refused import Refused
from .lineages import new_lineages, random_lineage
from .orders import Claims, Made, Order, make, read_order
from .records import (
    Custody,
    Documents,
    Held,
    Lineage,
    Record,
    Secret,
    hash_tenant,
    open_record,
    record_id,
    tombstone,
)

ROUTE = "POST /v1/documents"
"""Part of what an Idempotency-Key is unique in."""

DESTROY_TRIES = 5


class InProgress(Exception):
    """Another request with the same Idempotency-Key works on this very issue."""


class Destroyed(Exception):
    """What was kept is destroyed, by its tenant's wish or by time. ``entry_id`` is that of the
    entry that was signed; None if none was."""

    def __init__(self, entry_id: Hash | None) -> None:
        super().__init__("what was kept of this document is destroyed")
        self.entry_id = entry_id


@dataclass(frozen=True, slots=True)
class Issued:
    """What the tenant gets: ``document`` is the holder's part of the receipt, ``credential`` empty
    where a document was sent."""

    id: str
    signed: SignedStatement
    profile: str
    document: HolderPart
    credential: bytes


@dataclass(frozen=True, slots=True)
class Desk:
    """What issuing needs, at one moment, for one caller."""

    custody: Custody
    registry: Registry
    log: Log
    caller: Caller
    now_ms: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be issued: for which issuer, with which of its keys in KMS, by which profile.
    ``make`` makes it; all its randomness is the secret's, or the signature's. ``placed``: it is a
    credential, which has a place in status lists."""

    iss: str
    key: IssuerKey
    profile: str
    make: Callable[[Signer, Secret], Made]
    placed: bool


def issue(desk: Desk, key: str, body: bytes) -> Issued:
    """Issue what the JSON ``body`` orders, once for this Idempotency-Key, or give the same answer
    again. Raises Refused, BrokenClaims, InProgress or Destroyed."""

    def plan() -> Plan:
        order = read_order(body, desk.caller.tenant, desk.registry, desk.now_ms)
        placed = isinstance(order.content, Claims)
        return Plan(order.iss, order.key, order.profile.name, partial(_make, order), placed)

    return issue_once(desk, ROUTE, key, sha256(body), plan)


def _make(order: Order, signer: Signer, secret: Secret) -> Made:
    return make(order, signer, secret.salt, secret.seed, secret.iat, secret.lineage.place)


def issue_once(desk: Desk, route: str, key: str, request: Hash, plan: Callable[[], Plan]) -> Issued:
    """Issue what is planned, once for the key in this route, or give the same answer again.

    ``request`` is the digest of all that was asked. ``plan`` is asked only while nothing is signed,
    and raises what refuses the request; then nothing is stored. Raises that, Refused for a key that
    came with another request, InProgress or Destroyed."""
    id_ = record_id(desk.caller.tenant, route, key)
    record = desk.custody.documents.get(id_)
    if record is None:
        planned = plan()
        held = claim(desk, id_, request, _lineage(desk, planned))
        return _carry_on(desk, held, lambda: planned)
    held = open_again(desk, record, request)
    if held.record.state == "accepted":
        return _issued(held)
    return _carry_on(desk, _take_over(desk, held), plan)


def _lineage(desk: Desk, plan: Plan) -> Lineage:
    return new_lineages(desk, plan.iss, 1)[0] if plan.placed else random_lineage(desk)


def find(desk: Desk, id: str) -> Issued | None:
    """What was issued under this id, if it is the caller's; None while it is not accepted. Raises
    Destroyed."""
    record = _own(desk.custody.documents, desk.caller.tenant, id)
    if record is None:
        return None
    if record.is_gone(desk.now_ms):
        raise Destroyed(record.entry_id)
    if record.state != "accepted":
        return None
    return _issued(open_record(record, desk.custody.keys))


def destroy(documents: Documents, tenant: str, id: str) -> Record | None:
    """Destroy at once what is kept under this id, if it is the tenant's: salt, credential and the
    key that they are sealed with. Returns the tombstone, with the id of the entry if one was
    signed; None if there is no such record. Idempotent."""
    for _ in range(DESTROY_TRIES):
        record = _own(documents, tenant, id)
        if record is None or record.state == "gone":
            return record
        try:
            return _put(documents, tombstone(record))
        except Conflict:
            continue  # a request moved it meanwhile, or destroyed it
    raise OutcomeUnknown("the record moved again and again")


def purge(documents: Documents, now_ms: int, elapsed: Callable[[], float] = time.monotonic) -> int:
    """Destroy what is kept longer than its window; returns how many records that were."""
    ends, purged = elapsed() + PURGE_MS / 1_000, 0
    while elapsed() < ends:
        ids = documents.expired(now_ms, PURGE_PAGE)
        done = sum(_purge_one(documents, id_, now_ms) for id_ in ids)
        purged += done
        if not done or len(ids) < PURGE_PAGE:
            break
    return purged


def _purge_one(documents: Documents, id: str, now_ms: int) -> bool:
    record = documents.get(id)
    if record is None or record.state == "gone" or not record.is_gone(now_ms):
        return False
    try:
        _put(documents, tombstone(record))
    except Conflict:
        return False
    return True


def _own(documents: Documents, tenant: str, id: str) -> Record | None:
    record = documents.get(id)
    return record if record is not None and record.tenant == hash_tenant(tenant) else None


def open_again(desk: Desk, record: Record, request: Hash) -> Held:
    """The record of an earlier request with this key, which must have had this body; raises
    Refused or Destroyed."""
    if record.is_gone(desk.now_ms):
        raise Destroyed(record.entry_id)
    held = open_record(record, desk.custody.keys)
    if held.secret.request != request:
        raise Refused(
            "idempotency-key-reused",
            "this Idempotency-Key came with another body: send that, or use a new key",
        )
    return held


def claim(desk: Desk, id: str, request: Hash, lineage: Lineage) -> Held:
    """A new record, with all the randomness that it will need; raises InProgress for who comes
    second."""
    custody = desk.custody
    record = Record(
        id=id,
        tenant=hash_tenant(desk.caller.tenant),
        state="claimed",
        until_ms=desk.now_ms + CUSTODY_MS,
        lease_ms=desk.now_ms + CUSTODY_LEASE_MS,
    )
    key, wrapped = custody.keys.new(record.context)
    secret = Secret(
        request=request,
        salt=custody.random(SALT_BYTES),
        seed=custody.random(SALT_BYTES),
        lineage=lineage,
        iat=desk.now_ms // 1_000,
    )
    return _keep(desk, Held(replace(record, wrapped=wrapped), secret, key))


def _take_over(desk: Desk, held: Held) -> Held:
    """Hold what somebody has left unfinished, and no longer works on."""
    if desk.now_ms < held.record.lease_ms:
        raise InProgress
    record = replace(held.record, lease_ms=desk.now_ms + CUSTODY_LEASE_MS)
    return _keep(desk, replace(held, record=record))


def _carry_on(desk: Desk, held: Held, plan: Callable[[], Plan]) -> Issued:
    try:
        if held.record.state == "claimed":
            held = _sign(desk, held, plan())
        _admit(desk, held.record)
        held = _keep(desk, replace(held, record=replace(held.record, state="accepted")))
    except InProgress:
        raise
    except Exception:
        _let_go(desk, held.record)
        raise
    return _issued(held)


def _sign(desk: Desk, held: Held, plan: Plan) -> Held:
    secret, signer = held.secret, desk.custody.issuer_keys.signer(plan.key)
    made = plan.make(signer, secret)
    commitments = commit(secret.salt, made.document)
    payload = Register(plan.profile, made.document.canonicalization, *commitments)
    entry = sign_statement(payload, plan.iss, secret.lineage.sub, secret.iat, signer)
    record = replace(
        held.record, state="signed", entry=entry, entry_id=entry_id(entry), iss=plan.iss
    )
    secret = replace(secret, document=made.document, credential=made.credential)
    return _keep(desk, replace(held, record=record, secret=secret))


def _admit(desk: Desk, record: Record) -> None:
    """What an earlier request got accepted stays so, whatever the same checks would say by now."""
    assert record.entry_id is not None, "it is signed"
    if not desk.log.pending.contains(record.entry_id.hex()):
        admit_statement(record.entry, desk.caller, desk.registry, desk.log, desk.now_ms)


def _keep(desk: Desk, held: Held) -> Held:
    """Write the record with its secret; who comes too late is told to wait for the other."""
    try:
        stored = _put(desk.custody.documents, held.sealed(desk.custody.random))
    except Conflict as error:
        raise InProgress from error
    return replace(held, record=stored)


def _put(documents: Documents, record: Record) -> Record:
    """Write it, and settle by reading what became of a write that nobody knows about."""
    try:
        return documents.put(record)
    except OutcomeUnknown:
        found = documents.get(record.id)
        if found != replace(record, version=record.version + 1):
            raise
        return found


def _let_go(desk: Desk, record: Record) -> None:
    """So that the next request need not wait; if this fails, too, it waits."""
    with suppress(Exception):
        desk.custody.documents.put(replace(record, lease_ms=0))


def _issued(held: Held) -> Issued:
    document = held.secret.document
    assert document is not None, "it is signed"
    signed = parse_statement(held.record.entry)
    payload = signed.statement.payload
    assert isinstance(payload, Register), "nothing else is signed here"
    return Issued(held.record.id, signed, payload.profile, document, held.secret.credential)
