"""The reconciliation of a roster: rows in = issued + rejected, each row named, in
``DIR/reconciliation.json``. While a run is unfinished there is none."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ...notary.roster.columns import shown as shown_column
from ...notary.roster.reading import Fault, Refused, Roster
from ...proof.hashes import Hash
from ...proof.jcs import JsonValue
from ..filenames import aside_name
from ..files import replace_file, shown
from ..journal import Rejection
from ..prepare import RECEIPT_SUFFIX
from .issued import DOCUMENT_ENDINGS, ENDINGS
from .making import CREDENTIALS, RECEIPTS
from .planning import Planned, Stated

FILE = "reconciliation.json"


@dataclass(slots=True)
class Reconciliation:
    """What became of the rows of ``roster``: ``issued``, in ``forms``, and ``rejected`` for their
    faults, or by the service, for the reason of each document. ``entries`` are the ids of what was
    signed, by the document's name."""

    path: Path
    roster: Roster
    forms: tuple[str, ...]
    issued: list[Planned] = field(default_factory=list)
    refused: Sequence[Refused] = ()
    rejected: list[tuple[Planned, Mapping[str, Rejection]]] = field(default_factory=list)
    entries: Mapping[str, Hash] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The roster's, without its directory."""
        return shown(self.path.name)

    @property
    def wrong(self) -> int:
        return len(self.refused) + len(self.rejected)

    def facts(self) -> dict[str, JsonValue]:
        rejected = [
            *((each.number, _refusal(each)) for each in self.refused),
            *((each.row.number, _rejection(each, why)) for each, why in self.rejected),
        ]
        rejected.sort(key=lambda item: item[0])
        return {
            "roster": self.name,
            "encoding": self.roster.encoding,
            "notes": list(self.roster.notes),
            "in": self.roster.total,
            "issued": [self._issue(each) for each in self.issued],
            "rejected": [facts for _, facts in rejected],
        }

    def _issue(self, planned: Planned) -> JsonValue:
        name = planned.name
        documents = [name + DOCUMENT_ENDINGS[form] for form in self.forms]
        superseded = [self._superseded(planned.olds[f]) for f in self.forms if f in planned.olds]
        return {
            "row": planned.row.number,
            "name": name,
            "before": all(form in planned.before for form in self.forms),
            "credentials": [f"{CREDENTIALS}/{name}{ENDINGS[form]}" for form in self.forms],
            "receipts": [f"{RECEIPTS}/{document}{RECEIPT_SUFFIX}" for document in documents],
            **({"supersedes": superseded} if superseded else {}),
        }

    def _superseded(self, old: Stated) -> JsonValue:
        """The old credential, where it is kept now, and the entries that name each other."""
        issued, generation = old.issued, old.issued.generation + 1
        whole = aside_name(issued.name + ENDINGS[issued.form], generation)
        receipt = aside_name(issued.document_name, generation) + RECEIPT_SUFFIX
        facts: dict[str, JsonValue] = {
            "credential": f"{CREDENTIALS}/{whole}",
            "receipt": f"{RECEIPTS}/{receipt}",
            "entry_id": old.signed.entry_id.hex(),
        }
        if issued.document_name in self.entries:
            facts["by"] = self.entries[issued.document_name].hex()
        return facts

    def write(self, out: Path) -> None:
        text = json.dumps(self.facts(), ensure_ascii=False, indent=1)
        replace_file(out / FILE, text.encode() + b"\n")


def _refusal(refused: Refused) -> JsonValue:
    return {
        "row": refused.number,
        "faults": [fault._asdict() for fault in refused.faults],
        "count": refused.total,
    }


def _rejection(planned: Planned, why: Mapping[str, Rejection]) -> JsonValue:
    return {
        "row": planned.row.number,
        "name": planned.name,
        "problems": [
            {"document": shown(name), "problem": reason.type, "detail": reason.detail}
            for name, reason in sorted(why.items())
        ],
    }


def describe_fault(row: int, fault: Fault) -> str:
    """``row 7, 'Date of award' /awarded_on: must be a date…``"""
    column = f", {shown_column(fault.column)}" if fault.column else ""
    pointer = f" {fault.pointer}" if fault.pointer else ""
    return f"row {row}{column}{pointer}: {fault.sentence}"
