"""A whole log on the local cloud, which several processes share by its address."""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.adapters.aws import Clients
from chalicelib.adapters.dynamodb_attempts import DynamoAttempts
from chalicelib.adapters.dynamodb_chain import DynamoChain
from chalicelib.adapters.dynamodb_jobs import DynamoJobs
from chalicelib.adapters.dynamodb_pending import DynamoPending
from chalicelib.adapters.s3_objects import S3Objects
from chalicelib.notary.accepted import Item, accepted_key, format_accepted
from chalicelib.notary.index import lineage_key
from chalicelib.notary.log import Log
from chalicelib.notary.ports import Bulk, Job, Single
from chalicelib.proof.hashes import sha256
from chalicelib.proof.statement import Register, entry_id, sign_statement
from chalicelib.proof.tiles import Bundle, parse_bundle

from ..fakes import key_named
from .stores import ORIGIN, Places

ISSUER = "did:web:registrar.university.example"
REGISTRAR = key_named(ISSUER)
IAT = 1_790_000_000


@dataclass(frozen=True)
class Address:
    endpoint: str
    places: Places


def open_log(clients: Clients, places: Places, *, puts: int = 8) -> Log:
    return Log(
        origin=ORIGIN,
        signer=key_named(ORIGIN),
        chain=DynamoChain(clients, places.log, places.jobs, ORIGIN),
        tiles=S3Objects(clients, places.bucket),
        work=S3Objects(clients, places.work),
        pending=DynamoPending(clients, places.pending),
        jobs=DynamoJobs(clients, places.jobs),
        attempts=DynamoAttempts(clients, places.attempts),
        puts=puts,
    )


def clock_ms() -> int:
    return time.time_ns() // 1_000_000


def register(name: str) -> Single:
    """A signed register statement that follows from its name."""
    digest = sha256(name.encode())
    sub = uuid.UUID(bytes=digest[:16], version=4).urn
    payload = Register("education/diploma", "raw", digest, sha256(digest))
    entry = sign_statement(payload, ISSUER, sub, IAT, REGISTRAR)
    return Single(entry_id(entry).hex(), entry, lineage_key(sub))


def add_job(log: Log, id: str, singles: Sequence[Single]) -> None:
    """An admitted job of these items."""
    job = Job(id, "tenant", "admitting")
    items = [Item(number, one.entry, one.lineage) for number, one in enumerate(singles)]
    log.jobs.create(job)
    log.work.create(accepted_key(job.id), format_accepted(len(items), items, []))
    log.jobs.admit(job.id, len(items), len(items))
    log.pending.add(Bulk(job.id))


def statements_in(log: Log) -> Counter[bytes]:
    """How often each statement is in the log, read from what is published."""
    head = log.chain.head()
    assert head is not None
    entries: list[bytes] = []
    while len(entries) < head.block.size:
        index, width = len(entries) // 256, min(256, head.block.size - len(entries))
        path = Bundle(index, width).path
        data = log.tiles.get(path)
        assert data is not None, path
        entries += parse_bundle(data, width)
    return Counter(entry for entry in entries if entry.startswith(b"\xd2"))
