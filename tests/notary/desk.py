"""A notary's desk: an issuer with its key, statements about its documents, and a log to put them
in. Everything follows from the numbers that tests give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from uuid import UUID

from chalicelib.notary.admit import Caller, admit_bulk, admit_statement
from chalicelib.notary.log import Log
from chalicelib.notary.ports import Issuer, IssuerKey, Job, Row
from chalicelib.notary.receipts import locate, receipt_of
from chalicelib.notary.sequence import create_log, drain, sequence
from chalicelib.proof.block import Block
from chalicelib.proof.hashes import Hash, sha256
from chalicelib.proof.merkle import verify_inclusion
from chalicelib.proof.note import verify_note
from chalicelib.proof.payload import Payload, Register, StatusChange, Supersede
from chalicelib.proof.receipt import Receipt
from chalicelib.proof.statement import entry_id, sign_statement
from tests.fakes import START_MS, Clock, MemoryRegistry, key_named, memory_log

UNIVERSITY = "did:web:cambrian.example"
HOSPITAL = "did:web:mercy.example"
NOTARY = "did:web:notary.example"
KEY = key_named(UNIVERSITY)
IAT = START_MS // 1000
CALLER = Caller("cambrian", "client", frozenset({"entries:write"}))


def sub_of(number: int) -> str:
    return f"urn:uuid:{UUID(int=number << 80 | 4 << 76 | 8 << 60, version=4)}"


@cache
def registered(number: int, *, sub: int | None = None) -> bytes:
    """The register entry of document ``number``, in the lineage ``sub`` (its own by default)."""
    digest = sha256(b"document %d" % number)
    return signed(
        Register("education/diploma", "raw", digest, digest), number if sub is None else sub
    )


def signed(payload: Payload, sub: int, *, iat: int = IAT, iss: str = UNIVERSITY) -> bytes:
    return sign_statement(payload, iss, sub_of(sub), iat, key_named(iss))


def superseded(target: bytes, sub: int) -> bytes:
    digest = sha256(b"second version")
    return signed(Supersede("education/diploma", "raw", digest, digest, entry_id(target)), sub)


def revoked(target: bytes, sub: int) -> bytes:
    return signed(StatusChange("revoke", entry_id(target), "issued-in-error", IAT), sub)


def issuer_of(id: str, tenant: str, *, notary: bool = False) -> Issuer:
    return Issuer(id, tenant, {"en": id, "zh": id}, (IssuerKey(key_named(id).public, 0),), notary)


def registry() -> MemoryRegistry:
    return MemoryRegistry(
        issuer_of(UNIVERSITY, "cambrian"),
        issuer_of(HOSPITAL, "mercy"),
        issuer_of(NOTARY, "cambrian", notary=True),
    )


@dataclass
class Desk:
    log: Log = field(default_factory=memory_log)
    registry: MemoryRegistry = field(default_factory=registry)
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        if self.log.chain.head() is None:
            create_log(self.log)

    def submit(self, *entries: bytes) -> list[Hash]:
        return [
            admit_statement(each, CALLER, self.registry, self.log, self.clock()) for each in entries
        ]

    def submit_bulk(self, entries: Sequence[bytes]) -> Job:
        body = b"".join(entries)
        return admit_bulk(body, CALLER, self.registry, self.log, self.clock())

    def drain(self) -> list[Block]:
        return drain(self.log, self.clock)

    def step(self, max_entries: int = 100_000) -> Block | None:
        return sequence(self.log, self.clock.tick(), max_entries=max_entries)

    def job(self, job: Job) -> Job:
        found = self.log.jobs.get(job.id)
        assert found is not None
        return found

    def head(self) -> Row:
        head = self.log.chain.head()
        assert head is not None
        return head

    def receipt(self, entry: bytes) -> Receipt:
        """The entry's receipt, whose inclusion and checkpoint are verified."""
        receipt = receipt_of(self.log, locate(self.log, entry_id(entry).hex()))
        registered, size = receipt.registered, receipt.registered.block.size
        proof, root = registered.proof, registered.block.root
        verify_inclusion(entry_id(entry), proof.index, size, proof.path, root)
        verify_note(proof.checkpoint_note, [self.log.vkey])
        assert receipt.statement.entry == entry
        return receipt
