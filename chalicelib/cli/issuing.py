"""A run over a roster: plan, make, register, hand out, reconcile. Each step may be killed and is
taken up again by the same command."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from ..proof.hashes import Hash
from .http import Http
from .issued import Issued, IssuedList
from .journal import STATE, Rejection, open_journal
from .keyfile import IssuerSigner
from .making import RECEIPTS, Maker, Planned, Shelves
from .notarise import notarise
from .prepare import Order
from .reconciliation import FILE, Reconciliation
from .trust import trust_of


@dataclass(slots=True)
class Run:
    """A run over one roster, into ``out``."""

    maker: Maker
    signer: IssuerSigner
    out: Path
    result: Reconciliation
    stem: str
    planned: list[Planned] = field(default_factory=list)

    def plan(self, issued: IssuedList) -> None:
        signed = _signed_names(self.out / RECEIPTS)
        roster = self.result.roster
        self.planned, self.result.refused = self.maker.plan(roster, issued, signed, self.stem)

    def finish(self, issued: IssuedList, http: Http, policy: Path | None) -> None:
        """Make, register, hand out; whatever interrupts, the same command takes it up again."""
        trust = None if policy is None else trust_of(policy)
        shelves = Shelves(self.out)
        shelves.prepare()
        (self.out / FILE).unlink(missing_ok=True)
        documents = self._make(issued, shelves)
        order = Order(self.signer, self.maker.issuing.profile.name, "auto", self.maker.now_s)
        outcome = notarise(documents, order, http, self.out / RECEIPTS, trust)
        for planned in self.planned:
            self._settle(planned, issued, shelves, outcome.rejected)
        self.result.write(self.out)

    def _make(self, issued: IssuedList, shelves: Shelves) -> dict[str, Path]:
        """Every credential is made afterwards; what is to be registered, by name."""
        made = self.maker.make_new(self.planned, issued)
        documents: dict[str, Path] = {}
        for planned in self.planned:
            for known in self._known(planned, issued):
                path = shelves.put(known, partial(self._bytes_of, made, planned, known))
                documents[path.name] = path
        return documents

    def _bytes_of(self, made: Mapping[Hash, bytes], planned: Planned, known: Issued) -> bytes:
        return made.get(known.sha256) or self.maker.make_again(planned.row, known)

    def _known(self, planned: Planned, issued: IssuedList) -> list[Issued]:
        return [issued.by_document[planned.document][form] for form in self.maker.forms]

    def _settle(
        self,
        planned: Planned,
        issued: IssuedList,
        shelves: Shelves,
        rejected: Mapping[str, Rejection],
    ) -> None:
        why: dict[str, Rejection] = {}
        for known in self._known(planned, issued):
            if known.document_name in rejected:
                why[known.document_name] = rejected[known.document_name]
            else:
                shelves.hand_out(known)
        if why:
            self.result.rejected.append((planned, why))
        else:
            self.result.issued.append(planned)


def _signed_names(receipts: Path) -> set[str]:
    """The documents that a statement was signed for, and not refused by the service."""
    if not (receipts / STATE).exists():
        return set()
    with open_journal(receipts) as journal:
        return {name for name, n in journal.current.items() if n not in journal.rejected}
