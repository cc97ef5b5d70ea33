"""A desk with a publisher, and what its receipts say about issuers and entries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import count
from uuid import UUID

from chalicelib.notary.log import Log
from chalicelib.notary.notices import IssuerNotices, Listed, Notary
from chalicelib.notary.publish import Publisher, publish
from chalicelib.proof.entry_status import (
    EntryStatus,
    judge_status,
    parse_entry_status,
    read_ms_of,
)
from chalicelib.proof.hashes import Hash, sha256
from chalicelib.proof.issuer_profile import IssuerProfile, check_profile, parse_profile
from chalicelib.proof.merkle import verify_inclusion
from chalicelib.proof.note import verify_note
from chalicelib.proof.payload import IssuerNotice, StatusChange, StatusListNotice
from chalicelib.proof.receipt import Evidence, Receipt
from chalicelib.proof.statement import entry_id, verify_statement
from tests.fakes import key_named
from tests.notary.desk import NOTARY, UNIVERSITY, Desk, signed

URL = "https://notary.example/main"


def counted_uuids() -> Callable[[], UUID]:
    numbers = count(1)
    return lambda: UUID(int=next(numbers) << 80 | 4 << 76 | 8 << 60, version=4)


@dataclass
class PublishingDesk(Desk):
    """``told`` are the problems that the publisher told of."""

    told: list[tuple[str, str]] = field(default_factory=list)
    notary: Notary = field(
        default_factory=lambda: Notary(NOTARY, key_named(NOTARY), key_named("lists"))
    )

    def publisher(self, log: Log | None = None) -> Publisher:
        return Publisher(
            log=log or self.log,
            registry=self.registry,
            notary=self.notary,
            public_url=URL,
            clock_ms=self.clock,
            tell=lambda issuer, problem: self.told.append((issuer, problem)),
        )

    def publish(self) -> int:
        """What one run of the publisher submits; nothing of it is integrated yet."""
        self.clock.tick()
        return publish(self.publisher())

    def round(self) -> int:
        """A run of the publisher, then of the sequencer."""
        submitted = self.publish()
        self.clock.tick()
        self.drain()
        return submitted

    def change(self, kind: str, target: bytes, sub: int, effective: int | None = None) -> bytes:
        """A statement about ``target`` that takes effect now, or at ``effective`` (seconds)."""
        at_s = self.clock() // 1000 if effective is None else effective
        return signed(StatusChange(kind, entry_id(target), "other", at_s), sub)

    def integrate(self, *entries: bytes) -> None:
        self.submit(*entries)
        self.clock.tick()
        self.drain()

    def notices(self, issuer: str = UNIVERSITY) -> IssuerNotices:
        assert self.log.notices is not None
        found = self.log.notices.get(issuer)
        assert found is not None
        return found

    def listed(self, issuer: str = UNIVERSITY) -> Listed:
        """The one list of an issuer."""
        [listed] = self.notices(issuer).lists
        return listed

    def document(self, key: str) -> bytes:
        data = self.log.tiles.get(key)
        assert data is not None
        return data

    def list_of(self, digest: Hash | None) -> EntryStatus:
        assert digest is not None
        return parse_entry_status(self.document(f"status/{digest.hex()}"))

    def profile(self, receipt: Receipt) -> IssuerProfile:
        """The profile in a receipt, whose registration is verified."""
        assert receipt.issuer is not None
        notice = self.check(receipt.issuer)
        assert isinstance(notice, IssuerNotice)
        assert notice.issuer == receipt.statement.statement.iss
        return parse_profile(receipt.issuer.document)

    def status(self, receipt: Receipt) -> EntryStatus:
        """The status list in a receipt, whose registration is verified."""
        assert receipt.status is not None
        notice = self.check(receipt.status)
        assert isinstance(notice, StatusListNotice)
        status = parse_entry_status(receipt.status.document)
        whole = f"{URL}/v1/issuers/{receipt.statement.statement.iss}/status"
        assert notice.list == (f"{whole}/{status.prefix}" if status.prefix else whole)
        return status

    def check(self, evidence: Evidence) -> IssuerNotice | StatusListNotice:
        statement, registered = evidence.statement, evidence.registered
        proof, block = registered.proof, registered.block
        verify_inclusion(statement.entry_id, proof.index, block.size, proof.path, block.root)
        verify_note(proof.checkpoint_note, [self.log.vkey])
        payload = verify_statement(statement, self.notary.signer.public).payload
        assert isinstance(payload, IssuerNotice | StatusListNotice)
        assert statement.statement.iss == NOTARY
        assert payload.sha256 == sha256(evidence.document)
        return payload

    def judge(self, entry: bytes, at_ms: int | None = None) -> str:
        """What a verifier finds in the entry's receipt; by default of this moment."""
        receipt = self.receipt(entry)
        assert receipt.status is not None
        told, _ = judge_status(
            self.status(receipt),
            entry_id(entry),
            self.log.origin,
            receipt.statement.statement.iss,
            self.clock() if at_ms is None else at_ms,
            read_ms_of(receipt.status),
        )
        return told

    def issuer_at_registration(self, entry: bytes) -> str:
        receipt = self.receipt(entry)
        assert receipt.issuer is not None
        told, _ = check_profile(
            self.profile(receipt),
            receipt.statement.statement.iss,
            receipt.registered.block.timestamp_ms,
            receipt.issuer.registered.block.timestamp_ms,
        )
        return told

    def rename(self, **changes: object) -> None:
        """Change what the registry knows of the university."""
        known = self.registry.issuer(UNIVERSITY)
        assert known is not None
        self.registry.put_issuer(replace(known, **changes))  # type: ignore[arg-type]
