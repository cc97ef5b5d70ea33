"""A publishing desk whose issuer makes credentials with places in status lists."""

from __future__ import annotations

from dataclasses import dataclass, field

from chalicelib.notary.checks import Caller
from chalicelib.notary.entries import read_entries
from chalicelib.notary.ports import Single
from chalicelib.notary.status.allot import Allotted, allot_entries
from chalicelib.notary.status.bit_lists import TOKEN, BitList, BitLists, ListId
from chalicelib.notary.status.served import serve_list
from chalicelib.proof.credentials.jose import parse_jws
from chalicelib.proof.credentials.token_status_list import (
    StatusReference,
    token_status,
    verify_token_status_list,
)
from chalicelib.proof.hashes import sha256
from chalicelib.proof.payload import (
    Payload,
    Register,
    StatusChange,
    StatusListNotice,
    Supersede,
)
from chalicelib.proof.statement import SignedStatement, entry_id, parse_entry, sign_statement
from tests.fakes import Clock, key_named
from tests.notary.desk import IAT, UNIVERSITY
from tests.notary.publishing import URL, PublishingDesk

CALLER = Caller("cambrian", "client", frozenset())
PROFILE = "education/diploma"


@dataclass
class Lineage:
    """``entries`` are its register and supersedes, as far as they were made here."""

    allotted: Allotted
    clock: Clock
    entries: list[bytes] = field(default_factory=list)

    @property
    def sub(self) -> str:
        return self.allotted.sub

    def register(self, iss: str = UNIVERSITY) -> bytes:
        digest = sha256(self.sub.encode())
        return self._made(self._sign(Register(PROFILE, "raw", digest, digest), iss))

    def supersede(self, target: bytes) -> bytes:
        digest = sha256(target)
        payload = Supersede(PROFILE, "raw", digest, digest, entry_id(target))
        return self._made(self._sign(payload))

    def change(
        self, kind: str, target: bytes, effective: int | None = None, iss: str = UNIVERSITY
    ) -> bytes:
        """Takes effect now, or at ``effective`` (seconds)."""
        at_s = self.clock() // 1000 if effective is None else effective
        return self._sign(StatusChange(kind, entry_id(target), "other", at_s), iss)

    def _made(self, entry: bytes) -> bytes:
        self.entries.append(entry)
        return entry

    def _sign(self, payload: Payload, iss: str = UNIVERSITY) -> bytes:
        return sign_statement(payload, iss, self.sub, IAT, key_named(iss))


@dataclass
class ListingDesk(PublishingDesk):
    @property
    def lists(self) -> BitLists:
        assert self.log.lists is not None
        return self.log.lists

    def lineage(self) -> Lineage:
        [allotted] = allot_entries(self.log, self.registry, CALLER, UNIVERSITY, 1, random=bytes)
        return Lineage(allotted, self.clock)

    def want(self, id: ListId, *forms: str) -> None:
        for form in forms or (TOKEN,):
            self.lists.ask(id, form, self.clock())

    def known(self, id: ListId) -> BitList:
        found = self.lists.get(id)
        assert found is not None
        return found

    def value(self, lineage: Lineage, generation: int = 0) -> int:
        """The status of the lineage's entry, in the token status list that is served now."""
        id_ = lineage.allotted.list._replace(generation=generation)
        served = serve_list(self.log, id_, TOKEN, self.clock())
        key = self.notary.signer.public
        found = verify_token_status_list(parse_jws(served.document.decode()), key)
        reference = StatusReference(
            lineage.allotted.index, f"{URL}/v1/issuers/{UNIVERSITY}/lists/{id_.name}"
        )
        return token_status(reference, found, self.clock())

    def list_notices(self) -> list[StatusListNotice]:
        """Those in the log."""
        size = self.head().block.size
        entries = read_entries(self.log, range(size), size).values()
        parsed = [each for each in map(parse_entry, entries) if isinstance(each, SignedStatement)]
        payloads = [each.statement.payload for each in parsed]
        return [each for each in payloads if isinstance(each, StatusListNotice)]

    def integrate_unchecked(self, *entries: bytes) -> None:
        """What admission does not look at, as a damaged table would have it."""
        for each in entries:
            self.log.pending.add(Single(entry_id(each).hex(), each, None))
        self.clock.tick()
        self.drain()
