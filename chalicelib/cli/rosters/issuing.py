"""A run over a roster: plan, make, register, hand out, reconcile. Each step may be killed and is
taken up again by the same command."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from ...proof.errors import Malformed
from ...proof.hashes import Hash
from ...proof.receipt import parse_receipt
from ..http import Http
from ..journal import Rejection
from ..keyfile import IssuerSigner
from ..notarise import notarise, settle
from ..prepare import RECEIPT_SUFFIX, Lineage, Order
from ..trust import Trust, trust_of
from .allotted import ask_allotted
from .issued import Issued, IssuedList
from .making import RECEIPTS, Maker, Shelves
from .planning import Planned, Planner, Stated, read_statements
from .reconciliation import FILE, Reconciliation


@dataclass(slots=True)
class Run:
    """A run over one roster, into ``out``."""

    planner: Planner
    maker: Maker
    signer: IssuerSigner
    out: Path
    result: Reconciliation
    planned: list[Planned] = field(default_factory=list)

    @property
    def receipts(self) -> Path:
        return self.out / RECEIPTS

    def plan(self, issued: IssuedList) -> None:
        statements = read_statements(self.receipts)
        self.planned, self.result.refused = self.planner.plan(
            self.result.roster, self.result.name, issued, statements
        )

    def finish(self, issued: IssuedList, http: Http, policy: Path | None) -> None:
        """Make, register, hand out; whatever interrupts, the same command takes it up again."""
        trust = None if policy is None else trust_of(policy)
        shelves = Shelves(self.out)
        shelves.prepare()
        (self.out / FILE).unlink(missing_ok=True)
        if self._settle_olds(shelves, http, trust):
            self.plan(issued)
        documents = self._make(issued, shelves, http)
        profile = self.maker.issuing.profile.name
        lineages = self._lineages(issued)
        # What may be one that was erased is refused before, by row.
        order = Order(self.signer, profile, "auto", self.maker.now_s, lineages, again=True)
        outcome = notarise(documents, order, http, self.receipts, trust)
        self.result.entries = outcome.entries
        for planned in self.planned:
            self._hand_out(planned, issued, shelves, outcome.rejected)
        self.result.write(self.out)

    def _settle_olds(self, shelves: Shelves, http: Http, trust: Trust | None) -> bool:
        """Register what an interrupted run signed and this one corrects: nothing can be superseded
        that is not in the log. True if there was any."""
        olds = {
            old.issued.document_name: old
            for planned in self.planned
            for form, old in planned.olds.items()
            if form not in planned.before
        }
        left = [name for name, old in olds.items() if not self._has_receipt(old)]
        rejected = settle(left, http, self.receipts, trust).rejected if left else {}
        for name in olds.keys() - rejected.keys():
            shelves.hand_out(olds[name].issued, olds[name].old)
        return bool(left)

    def _has_receipt(self, old: Stated) -> bool:
        path = self.receipts / (old.issued.document_name + RECEIPT_SUFFIX)
        try:
            return parse_receipt(path.read_bytes()).statement.entry == old.signed.entry
        except (FileNotFoundError, Malformed):
            return False

    def _make(self, issued: IssuedList, shelves: Shelves, http: Http) -> dict[str, Path]:
        """Every credential is made afterwards; what is to be registered, by name."""
        made = self.maker.make_new(
            self.planned, issued, lambda count: ask_allotted(http, self.signer.iss, count)
        )
        documents: dict[str, Path] = {}
        for planned in self.planned:
            for known in self._known(planned, issued):
                path = shelves.put(known, partial(self._bytes_of, made, planned, known))
                documents[path.name] = path
        return documents

    def _bytes_of(self, made: Mapping[Hash, bytes], planned: Planned, known: Issued) -> bytes:
        return made.get(known.sha256) or self.maker.make_again(planned.row, known)

    def _known(self, planned: Planned, issued: IssuedList) -> list[Issued]:
        """The row's credentials; what was made last is the newest in the list."""
        newest = issued.by_document[planned.document]
        return [planned.made(form) or newest[form][-1] for form in self.maker.forms]

    def _lineages(self, issued: IssuedList) -> dict[str, Lineage]:
        lineages: dict[str, Lineage] = {}
        for planned in self.planned:
            for known in self._known(planned, issued):
                old = planned.olds.get(known.form)
                if old is not None:
                    sub = old.signed.statement.sub
                    lineages[known.document_name] = Lineage(sub, old.signed)
                elif known.allotted is not None:
                    lineages[known.document_name] = Lineage(known.allotted.sub)
        return lineages

    def _hand_out(
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
                old = planned.olds.get(known.form)
                shelves.hand_out(known, old and old.issued)
        if why:
            self.result.rejected.append((planned, why))
        else:
            self.result.issued.append(planned)
