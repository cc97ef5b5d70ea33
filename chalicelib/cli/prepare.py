"""Documents become signed statements, here and nowhere else: only statements leave this machine."""

from __future__ import annotations

import os
import secrets
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

from ..notary.limits import UPLOAD_BYTES, UPLOAD_ITEMS
from ..notary.profiles import Profile, profiles
from ..proof.document import Canonicalization, commit, digest_document
from ..proof.errors import Malformed
from ..proof.limits import SALT_BYTES
from ..proof.receipt import HolderPart
from ..proof.statement import (
    Register,
    SignedStatement,
    Supersede,
    parse_statement,
    sign_statement,
)
from .failure import Misused
from .files import shown, why
from .journal import Journal, Rejection, Signed
from .keyfile import IssuerSigner

RECEIPT_SUFFIX = ".receipt.json"
MAY_BE_ERASED = Rejection(
    "may-be-erased",
    "documents were erased from this --out, which knows no more which ones: this may be one of "
    "them. If it is another, choose another --out; to register it all the same, give --again",
)
_NAME_BYTES = 255
"""What file systems take for one name."""


class Lineage(NamedTuple):
    """The lineage that a document is registered in, by its ``sub``; and the document in it that it
    supersedes, if it does."""

    sub: str
    old: SignedStatement | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """How documents are to be stated: by whom, when (POSIX seconds), as what, digested how; and in
    which lineages, by name: the others begin new ones. ``again``: even what may be erased."""

    signer: IssuerSigner
    profile: str
    canonicalization: Literal["raw", "jcs", "auto"]
    now_s: int
    lineages: Mapping[str, Lineage] = field(default_factory=dict)
    again: bool = False

    def old(self, name: str) -> SignedStatement | None:
        """What this document supersedes."""
        return self.lineages[name].old if name in self.lineages else None

    def canonicalization_of(self, name: str) -> Canonicalization:
        """FHIR and PDF are always raw; on ``auto`` JSON is what its profile says."""
        if self.canonicalization != "auto":
            return self.canonicalization
        json = name.lower().endswith(".json")
        return "jcs" if json and self._profile.canonicalization == "jcs" else "raw"

    @property
    def _profile(self) -> Profile:
        return profiles()[self.profile]

    def check(self) -> None:
        if self.canonicalization == "jcs" and self._profile.blind:
            raise Misused(f"{self.profile} documents are notarised as raw bytes, never as jcs")


@dataclass(slots=True)
class Prepared:
    """``wanted`` maps the number of a statement in the journal to its document's name; ``new``
    are not in the journal yet; ``rejected`` never leave this machine."""

    wanted: dict[int, str] = field(default_factory=dict)
    new: list[Signed] = field(default_factory=list)
    rejected: dict[str, Rejection] = field(default_factory=dict)


def name_documents(paths: Sequence[Path]) -> dict[str, Path]:
    """Documents by file name, which names the receipt: two files cannot share one."""
    named: dict[str, Path] = {}
    for path in paths:
        known = named.setdefault(path.name, path)
        if known is not path and known.resolve() != path.resolve():
            raise Misused(
                f"{shown(known)} and {shown(path)} have one name, so their receipts would too; "
                "rename one, or notarise them into different --out directories"
            )
    return named


def prepare(
    documents: Mapping[str, Path],
    order: Order,
    journal: Journal,
    out: Path,
    advance: Callable[[], None],
) -> Prepared:
    """Read, digest and sign what the journal does not hold. Nothing is written."""
    prepared = Prepared()
    for name, path in documents.items():
        found = _prepare_one(name, path, order, journal, out)
        if isinstance(found, Rejection):
            prepared.rejected[name] = found
        elif isinstance(found, Signed):
            prepared.wanted[len(journal.signed) + len(prepared.new)] = name
            prepared.new.append(found)
        else:
            prepared.wanted[found] = name
        advance()
    return prepared


def _prepare_one(
    name: str, path: Path, order: Order, journal: Journal, out: Path
) -> int | Signed | Rejection:
    """The number of the statement there is, a new one, or why there is none."""
    canonicalization = order.canonicalization_of(name)
    try:
        digests = digest_document(path.read_bytes(), canonicalization)
    except OSError as error:
        return Rejection("unreadable", f"cannot read {shown(path)}: {why(error)}")
    except Malformed as error:
        return Rejection(
            "malformed-document",
            f"{type(error).__name__}: {error}. Correct it, or notarise its bytes as they are with "
            "--canonicalization raw",
        )
    if len(os.fsencode(name + RECEIPT_SUFFIX)) > _NAME_BYTES:
        return Rejection("name-too-long", "the receipt's name would be too long; rename it")
    number = journal.current.get(name)
    holder = HolderPart(canonicalization, b"", digests.sha256, digests.sm3)
    if number is not None and number not in journal.rejected:
        known, old = journal.signed[number], order.old(name)
        changed = not _same_document(known.holder, holder)
        if old is None or known.statement.entry_id != old.entry_id or not changed:
            return _compare(known, holder, order) or number
    if number is None and journal.erased and not order.again:
        return MAY_BE_ERASED
    if number is None and (out / (name + RECEIPT_SUFFIX)).exists():
        return Rejection(
            "receipt-exists",
            f"{name}{RECEIPT_SUFFIX} is already in {shown(out)} and was not made by this journal; "
            "move it away, or choose another --out",
        )
    return sign(name, holder, order)


def _compare(signed: Signed, found: HolderPart, order: Order) -> Rejection | None:
    """Whether what was signed under this name is what is asked for now."""
    known, statement = signed.holder, signed.statement.statement
    payload = statement.payload
    assert isinstance(payload, Register | Supersede), "the journal holds documents only"
    was = (payload.profile, known.canonicalization, statement.iss)
    target = payload.target if isinstance(payload, Supersede) else None
    old = order.old(signed.name)
    if target != (old and old.entry_id):
        return Rejection(
            "already-notarised",
            "it was notarised here in place of another document, or of none; choose another --out",
        )
    if was != (order.profile, found.canonicalization, order.signer.iss):
        return Rejection(
            "already-notarised",
            f"it was notarised here as {was[0]}, {was[1]}, by {was[2]}; give the same options "
            "again, or choose another --out",
        )
    if not _same_document(known, found):
        return Rejection(
            "document-changed",
            "it is not the document that was notarised here under this name; bring the old one "
            "back, or give the new one another name",
        )
    return None


def _same_document(one: HolderPart, other: HolderPart) -> bool:
    return (one.sha256, one.sm3) == (other.sha256, other.sm3)


def sign(name: str, digests: HolderPart, order: Order) -> Signed:
    """A new statement with a new salt, in the lineage that is ordered or in a new one."""
    salt = secrets.token_bytes(SALT_BYTES)
    holder = HolderPart(digests.canonicalization, salt, digests.sha256, digests.sm3)
    new = Register(order.profile, holder.canonicalization, *commit(salt, holder))
    lineage = order.lineages.get(name) or Lineage(uuid.uuid4().urn)
    payload = new if lineage.old is None else Supersede(*new, lineage.old.entry_id)
    entry = sign_statement(payload, order.signer.iss, lineage.sub, order.now_s, order.signer.key)
    return Signed(name, holder, parse_statement(entry))


def plan_batches(journal: Journal, wanted: Iterable[int]) -> list[list[int]]:
    """The wanted numbers that no batch holds yet, in as few bodies as the limits allow.

    They are in order of entry id, which is random: so the place of an entry in the log does not
    tell, once its document is erased, between which others that one stood.
    """
    known = {number for batch in journal.batches for number in batch}
    batches: list[list[int]] = []
    total = 0
    new = [number for number in wanted if number not in known]
    for number in sorted(new, key=lambda n: journal.signed[n].statement.entry_id):
        size = len(journal.signed[number].statement.entry)
        if not batches or total + size > UPLOAD_BYTES or len(batches[-1]) == UPLOAD_ITEMS:
            batches.append([])
            total = 0
        batches[-1].append(number)
        total += size
    return batches
