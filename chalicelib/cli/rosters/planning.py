"""What becomes of each row of a roster: issued, issued before, put in place of an older credential,
or refused. Nothing is made here, or written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ...notary.issue import Issuing
from ...notary.roster.reading import Fault, Refused, Roster, Row
from ...proof.hashes import Hash
from ...proof.payload import Supersede
from ...proof.statement import SignedStatement
from ..filenames import safe_name
from ..journal import STATE, open_journal
from .issued import Issued, IssuedList

Statements = Mapping[tuple[str, Hash | None], SignedStatement]
"""What was signed and not refused by the service, by a document's name and what it supersedes."""


_MAY_BE_ERASED = (
    "may be one that was erased: this roster was issued from before, and what was erased since is "
    "known no more. If it is new, put it into a roster of its own, or give --again {}"
)


class Stated(NamedTuple):
    """A credential with the statement that was signed for it, and not refused by the service;
    ``old`` is what it supersedes."""

    issued: Issued
    signed: SignedStatement
    old: Issued | None


class Planned(NamedTuple):
    """A row that may be issued: the keyed digests of its document and of its claims, the name of
    its files, and by form: ``before`` is what was issued before and stays as it is, ``kept`` what
    was made and not issued yet, ``olds`` what either, or the one to be made, supersedes."""

    row: Row
    document: Hash
    claims: Hash
    name: str
    before: Mapping[str, Issued]
    kept: Mapping[str, Issued]
    olds: Mapping[str, Stated]

    def made(self, form: str) -> Issued | None:
        return self.before.get(form) or self.kept.get(form)


@dataclass(frozen=True, slots=True)
class Planner:
    """Plans credentials in ``forms``, with a place in status lists if ``listed``. What was issued
    with other claims is superseded if ``correct``, else refused. Rows whose documents may have been
    erased are refused but for ``again``. Files are named by the roster's column of names, or by
    ``stem`` and the row."""

    issuing: Issuing
    forms: tuple[str, ...]
    stem: str
    listed: bool = True
    correct: bool = False
    again: tuple[int, ...] = ()

    def plan(
        self, roster: Roster, name: str, issued: IssuedList, statements: Statements
    ) -> tuple[list[Planned], list[Refused]]:
        """Rows to issue, and all that are refused, by the roster, which has this name, or here."""
        planned: list[Planned] = []
        refused = list(roster.refused)
        documents = (self._document(row, issued) for row in roster.rows)
        doubtful = issued.may_be_erased(name, documents)
        for row in roster.rows:
            if doubtful and self._is_unknown(row, issued):
                found: Planned | str = _MAY_BE_ERASED.format(row.number)
            else:
                found = self._plan_row(row, issued, statements)
            if isinstance(found, Planned):
                planned.append(found)
            else:
                refused.append(Refused(row.number, (Fault("", "", found),), 1))
        return planned, sorted(refused)

    def _document(self, row: Row, issued: IssuedList) -> Hash:
        """The keyed digest that the document of a row is known by."""
        return issued.digest(self.issuing.iss, self.issuing.profile.name, *row.key)

    def _is_unknown(self, row: Row, issued: IssuedList) -> bool:
        known = self._document(row, issued) in issued.by_document
        return not known and row.number not in self.again

    def _plan_row(self, row: Row, issued: IssuedList, statements: Statements) -> Planned | str:
        """The row's plan, or the sentence that refuses it."""
        document = self._document(row, issued)
        claims = issued.digest(row.claims, row.holder)
        known = issued.by_document.get(document, {})
        stated = {form: _stated(versions, statements) for form, versions in known.items()}
        standing = {form: each[-1] for form, each in stated.items() if each}
        others = {f: each for f, each in standing.items() if each.issued.claims != claims}
        if refusal := self._refuse(others):
            return refusal
        before = {f: each.issued for f, each in standing.items() if f not in others}
        older = {f: each[-2] for f, each in stated.items() if f in before and len(each) > 1}
        kept = {
            form: versions[-1]
            for form, versions in known.items()
            if form not in before and self._would_make(versions[-1], claims, others.get(form))
        }
        name = issued.name_for(document, safe_name(row.name) or f"{self.stem}-{row.number:04}")
        return Planned(row, document, claims, name, before, kept, {**older, **others})

    def _refuse(self, others: Mapping[str, Stated]) -> str:
        """Why credentials with other claims than the row's stand in its way, if they do."""
        names = sorted({each.issued.name for each in others.values()})
        if not names:
            return ""
        was = f"was issued before, as {names[0]}, with other claims"
        if not self.correct:
            return f"{was}: give --correct to supersede that one"
        if others.keys() - set(self.forms):
            return f"{was} in a form that is not asked for: give --form both to correct all"
        return ""

    def _would_make(self, known: Issued, claims: Hash, old: Stated | None) -> bool:
        listed = self.listed and (old is None or old.issued.allotted is not None)
        return (
            (known.claims, known.kid) == (claims, self.issuing.key.public.kid)
            and known.target == (old and old.signed.entry_id)
            and (known.allotted is not None) == listed
        )


def _stated(versions: Sequence[Issued], statements: Statements) -> list[Stated]:
    """Those of one document in one form that have statements, in order: each supersedes the one
    before. Of several that would supersede the same one, the last that was made was signed."""
    by_target = {each.target: each for each in versions}
    found: list[Stated] = []
    target: Hash | None = None
    while target in by_target:
        issued = by_target[target]
        signed = statements.get((issued.document_name, target))
        if signed is None:
            break
        found.append(Stated(issued, signed, found[-1].issued if found else None))
        target = signed.entry_id
    return found


def read_statements(receipts: Path) -> Statements:
    """The statements in the journal of a receipts directory, which need not be there."""
    if not (receipts / STATE).exists():
        return {}
    with open_journal(receipts) as journal:
        return {
            (each.name, _target(each.statement)): each.statement
            for number, each in enumerate(journal.signed)
            if number not in journal.rejected
        }


def _target(signed: SignedStatement) -> Hash | None:
    payload = signed.statement.payload
    return payload.target if isinstance(payload, Supersede) else None
