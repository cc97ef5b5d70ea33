"""The journal of a receipts directory: what was signed there, kept before anything is sent.

``DIR/.tally/journal.jsonl`` is append-only, a JSON object a line:

- ``document``: a document's name, digests and salt, and the statement signed for it
- ``batch``: which documents, by their number among the document lines, travel as one body
- ``rejected``: a document that the service refused for good, and why
- ``erased``: what is left of a document whose salt was destroyed: the statement alone

A rerun sends the same batches with the same bytes, which the service takes as the same
submission; so whatever was interrupted, nothing is registered twice. A rejected document may be
signed anew, and one that supersedes another may have its name: the later line counts, unless it is
such a one and was rejected. The file holds salts: ``tally erase`` destroys their lines too. Of an
erased document the bytes stay, so that the batch it travelled in stays the same submission; by name
nobody knows it any more.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from ..proof.document import check_canonicalization, commit
from ..proof.errors import Malformed
from ..proof.hashes import Hash
from ..proof.jcs import JsonValue
from ..proof.limits import HASH_BYTES, SALT_BYTES
from ..proof.members import (
    JsonObject,
    MalformedMember,
    read_base64,
    read_hash,
    read_hex,
    read_integer,
    read_list,
    read_members,
    read_object,
    read_text,
)
from ..proof.receipt import HolderPart
from ..proof.statement import Register, SignedStatement, Supersede, parse_statement
from ..proof.text import format_base64
from .failure import Unfinished
from .files import shown, why

if sys.platform != "win32":
    import fcntl

STATE = ".tally"
JOURNAL = "journal.jsonl"
ERASING = "erasing.json"
"""An erasure that has begun: what it is to destroy. While it is there nothing else is done."""

_ZERO = Hash(bytes(HASH_BYTES))
_NOBODY = HolderPart("raw", b"", _ZERO, _ZERO)


@dataclass(frozen=True, slots=True)
class Signed:
    """A document's name and holder's part, and the statement that its issuer signed. Of one that
    was erased the name is empty, and the holder's part nobody's."""

    name: str
    holder: HolderPart
    statement: SignedStatement


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a document was refused: a problem's stable name, and what to do."""

    type: str
    detail: str


@dataclass(slots=True)
class Journal:
    """``signed`` by number; ``current`` is the number that counts for a name, ``numbers`` is by
    entry id; of those in ``erased`` the statement alone is left."""

    file: BinaryIO
    signed: list[Signed] = field(default_factory=list)
    batches: list[tuple[int, ...]] = field(default_factory=list)
    rejected: dict[int, Rejection] = field(default_factory=dict)
    current: dict[str, int] = field(default_factory=dict)
    numbers: dict[Hash, int] = field(default_factory=dict)
    erased: set[int] = field(default_factory=set)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.file.close()

    def add(self, signed: Sequence[Signed]) -> None:
        """Keep statements; they are on disk afterwards."""
        self._append([_write_signed(item) for item in signed])
        for item in signed:
            self._know(item)

    def plan(self, batches: Sequence[Sequence[int]]) -> None:
        """Keep which statements travel together; nothing is sent that is not in a batch."""
        self._append([_write_batch(batch) for batch in batches])
        self.batches += [tuple(batch) for batch in batches]

    def reject(self, rejections: dict[int, Rejection]) -> None:
        new = {n: r for n, r in rejections.items() if n not in self.rejected}
        self._append([_write_rejection(n, r) for n, r in new.items()])
        for number, rejection in new.items():
            self._know_rejected(number, rejection)

    def without(self, numbers: Container[int]) -> bytes:
        """The whole file with nothing but the statements of these documents, which come last, in
        order of their ids: where they stood would tell between whom."""
        gone = {n for n in range(len(self.signed)) if n in self.erased or n in numbers}
        kept = [n for n in range(len(self.signed)) if n not in gone]
        order = [*kept, *sorted(gone, key=lambda n: self.signed[n].statement.entry_id)]
        place = {n: at for at, n in enumerate(order)}
        write = {True: _write_erased, False: _write_signed}
        return _write_lines(
            [
                *(write[n in gone](self.signed[n]) for n in order),
                *(_write_batch([place[n] for n in batch]) for batch in self.batches),
                *(_write_rejection(place[n], reason) for n, reason in self.rejected.items()),
            ]
        )

    def _append(self, lines: Sequence[dict[str, JsonValue]]) -> None:
        if not lines:
            return
        self.file.write(_write_lines(lines))
        self.file.flush()
        os.fsync(self.file.fileno())

    def _know(self, signed: Signed) -> None:
        self.current[signed.name] = self.numbers[signed.statement.entry_id] = len(self.signed)
        self.signed.append(signed)

    def _know_rejected(self, number: int, rejection: Rejection) -> None:
        self.rejected[number] = rejection
        name, before = self.signed[number].name, self.superseded(number)
        if before is not None and self.current[name] == number:
            self.current[name] = before

    def superseded(self, number: int) -> int | None:
        """The document of the same name that this one supersedes, if it does."""
        payload = self.signed[number].statement.statement.payload
        before = self.numbers.get(payload.target) if isinstance(payload, Supersede) else None
        same = before is not None and self.signed[before].name == self.signed[number].name
        return before if same else None

    def generation(self, number: int) -> int:
        """How many documents had the name of this one before it, each superseded by the next."""
        before = self.superseded(number)
        return 0 if before is None else 1 + self.generation(before)

    def read(self, line: bytes) -> None:
        """Take in one line of the file; raises Malformed."""
        try:
            value = read_object(json.loads(line), "line")
        except ValueError as error:
            raise Malformed(str(error)) from error
        match value.get("type"):
            case "document":
                self._know(_read_signed(value))
            case "erased":
                members = read_members(value, "erased", ("type", "entry"))
                statement = parse_statement(read_base64(members["entry"], "entry"))
                self.erased.add(len(self.signed))
                self.numbers[statement.entry_id] = len(self.signed)
                self.signed.append(Signed("", _NOBODY, statement))
            case "batch":
                members = read_members(value, "batch", ("type", "documents"))
                items = read_list(members["documents"], "documents")
                self.batches.append(tuple(self._number(item) for item in items))
            case "rejected":
                members = read_members(value, "rejected", ("type", "document", "problem", "detail"))
                texts = (read_text(members[name], name) for name in ("problem", "detail"))
                self._know_rejected(self._number(members["document"]), Rejection(*texts))
            case _:
                raise MalformedMember(
                    "a line is a document, a batch, a rejected or an erased document"
                )

    def _number(self, value: JsonValue) -> int:
        number = read_integer(value, "document")
        if number >= len(self.signed):
            raise MalformedMember(f"there is no document {number}")
        return number


def _write_lines(lines: Sequence[dict[str, JsonValue]]) -> bytes:
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def _write_batch(batch: Sequence[int]) -> dict[str, JsonValue]:
    return {"type": "batch", "documents": list(batch)}


def _write_rejection(number: int, reason: Rejection) -> dict[str, JsonValue]:
    return {
        "type": "rejected",
        "document": number,
        "problem": reason.type,
        "detail": reason.detail,
    }


def _write_erased(signed: Signed) -> dict[str, JsonValue]:
    return {"type": "erased", "entry": format_base64(signed.statement.entry)}


def _write_signed(signed: Signed) -> dict[str, JsonValue]:
    holder = signed.holder
    return {
        "type": "document",
        "name": signed.name,
        "canonicalization": holder.canonicalization,
        "sha-256": holder.sha256.hex(),
        "sm3": holder.sm3.hex(),
        "salt": holder.salt.hex(),
        "entry": format_base64(signed.statement.entry),
    }


def _read_signed(value: JsonObject) -> Signed:
    names = ("type", "name", "canonicalization", "sha-256", "sm3", "salt", "entry")
    members = read_members(dict(value), "document", names)
    holder = HolderPart(
        canonicalization=check_canonicalization(read_text(members["canonicalization"], "form")),
        salt=read_hex(members["salt"], "salt", SALT_BYTES),
        sha256=read_hash(members["sha-256"], "sha-256"),
        sm3=read_hash(members["sm3"], "sm3"),
    )
    statement = parse_statement(read_base64(members["entry"], "entry"))
    payload = statement.statement.payload
    if not isinstance(payload, Register | Supersede):
        raise MalformedMember("the statement registers no document")
    if commit(holder.salt, holder) != (payload.sha256, payload.sm3):
        raise MalformedMember("salt and digests are not those of the statement")
    return Signed(read_text(members["name"], "name"), holder, statement)


def open_journal(directory: Path, *, erasing: bool = False) -> Journal:
    """Open or make the journal of a receipts directory, for this process alone; ``erasing`` to go
    on with an erasure that has begun there."""
    journal = Journal(open_state(directory, JOURNAL, erasing=erasing))
    try:
        _load(journal, directory / STATE / JOURNAL)
    except BaseException:
        journal.file.close()
        raise
    return journal


def open_state(directory: Path, name: str, *, erasing: bool) -> BinaryIO:
    """A file of ``directory``'s state to read and append to, made if it is not there, for this
    process alone."""
    path = directory / STATE / name
    if not erasing:
        check_no_erasure(directory)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError as error:
        raise Unfinished(f"cannot write in {shown(directory)}: {why(error)}") from error
    file = os.fdopen(descriptor, "r+b")
    try:
        lock(file, path)
    except BaseException:
        file.close()
        raise
    return file


def check_no_erasure(directory: Path) -> None:
    """Raises Unfinished while an erasure has begun there and is not finished."""
    if (directory / STATE / ERASING).exists():
        raise Unfinished(
            f"an erasure in {shown(directory)} was interrupted; finish it first with: "
            f"tally erase --out {shown(directory)}"
        )


def lock(file: BinaryIO, path: Path) -> None:
    """Have the file, which is still that at ``path``, for this process alone."""
    if sys.platform != "win32":
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Another command may have put a new file in its place since it was opened.
            if os.fstat(file.fileno()).st_ino != path.stat().st_ino:
                raise BlockingIOError
        except OSError as error:
            raise Unfinished(
                f"another tally command is writing to {shown(path.parent.parent)}; wait for its end"
            ) from error


def _load(journal: Journal, path: Path) -> None:
    data = journal.file.read()
    whole = data.rfind(b"\n") + 1
    for number, line in enumerate(data[:whole].splitlines(), start=1):
        try:
            journal.read(line)
        except ValueError as error:
            raise Unfinished(
                f"{shown(path)}, line {number}: {error}. The journal was damaged; keep it, bring "
                "it back from a backup, or notarise what is missing into another --out"
            ) from error
    # What follows the last newline was being written when the power went: it was never sent.
    journal.file.truncate(whole)
