"""What was issued into a directory: kept before anything of it is signed into the log.

``DIR/.tally/issued.jsonl`` is append-only, a JSON object a line, one for each credential: under
which keyed digests its document and its claims are known, its file's name and digest, and the seed
that all its random parts come from; its lineage and its place in status lists, if it has one; what
it supersedes, if it corrects another one; and its roster's file. So a rerun makes the same bytes,
whatever interrupted, and the roster of another year does not issue a document again.
``DIR/.tally/issued.key`` is the key of the digests, without which the list matches nobody. Seeds
are kept as salts are, and ``tally erase`` destroys both.

A line ``{"erased": [rosters' files]}`` is what is left of those. Whose documents these were is
known no more, so rows that the list does not know are looked at again (``may_be_erased``).
"""

from __future__ import annotations

import hmac
import json
import os
import secrets
from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, NamedTuple
from unicodedata import normalize

from ...notary.status.places import StatusPlace, place_in
from ...proof.errors import Malformed
from ...proof.hashes import Hash
from ...proof.jcs import JsonValue, format_jcs, parse_ijson
from ...proof.limits import SALT_BYTES
from ...proof.members import (
    MalformedMember,
    read_hash,
    read_hex,
    read_integer,
    read_list,
    read_members,
    read_object,
    read_text,
)
from ..failure import Unfinished
from ..files import create_file, shown, why
from ..journal import STATE, open_state
from .allotted import Allotted, read_allotted, write_allotted

SD_JWT_VC = "sd-jwt-vc"
OPEN_BADGES = "open-badges"
ENDINGS = {SD_JWT_VC: ".sd-jwt", OPEN_BADGES: ".json"}
DOCUMENT_ENDINGS = {SD_JWT_VC: ".jwt", OPEN_BADGES: ".json"}
"""The file that is registered: of an SD-JWT the issuer's JWT alone, which withholding does not
change."""

ISSUED = "issued.jsonl"
_KEY = "issued.key"
_ERASED = "erased"
_MEMBERS = ("document", "claims", "form", "name", "seed", "iat", "kid", "sha-256")
_OPTIONAL = ("status", "supersedes", "roster")


class Issued(NamedTuple):
    """A credential in one form. ``document`` is the keyed digest of issuer, profile and natural
    key, ``claims`` that of the claims; ``name`` that of the files without their ending; ``iat``
    POSIX seconds; ``kid`` the key that signed; ``sha256`` the digest of the credential's file.
    ``allotted`` is its lineage, None for one that no status list tells of. ``target`` is the
    entry that it supersedes, as the ``generation``-th to do so in its lineage; ``roster`` the name
    of the file that it was first issued from."""

    document: Hash
    claims: Hash
    form: str
    name: str
    seed: bytes
    iat: int
    kid: Hash
    sha256: Hash
    allotted: Allotted | None = None
    target: Hash | None = None
    generation: int = 0
    roster: str = ""

    @property
    def place(self) -> StatusPlace | None:
        """Where status lists tell of this credential."""
        return place_in(self.allotted.place, self.generation) if self.allotted else None

    @property
    def document_name(self) -> str:
        """What is registered, by its file's name."""
        return self.name + DOCUMENT_ENDINGS[self.form]


@dataclass(slots=True)
class IssuedList:
    """``by_document`` has what was made of a document by form, in that order, be it issued or not;
    ``names`` is whose a name is. ``erased`` are the rosters that something was erased from; None
    while nothing was."""

    key: bytes
    file: BinaryIO | None = None
    by_document: dict[Hash, dict[str, list[Issued]]] = field(default_factory=dict)
    names: dict[str, Hash] = field(default_factory=dict)
    erased: frozenset[str] | None = None

    def digest(self, *parts: JsonValue) -> Hash:
        """Of values in NFC: two spellings of one name are one."""
        text = normalize("NFC", format_jcs(list(parts)).decode())
        return Hash(hmac.digest(self.key, text.encode(), "sha256"))

    def name_for(self, document: Hash, wanted: str) -> str:
        """The name of this document's files: the one it has, else the one that is wanted, with a
        number if another document has it. File systems may not tell capitals apart."""
        known = self.by_document.get(document)
        if known:
            return next(iter(known.values()))[0].name
        name, number = wanted, 1
        while self.names.setdefault(_folded(name), document) != document:
            number += 1
            name = f"{wanted}-{number}"
        return name

    def know(self, issued: Issued) -> None:
        forms = self.by_document.setdefault(issued.document, {})
        forms.setdefault(issued.form, []).append(issued)
        self.names[_folded(issued.name)] = issued.document

    def add(self, issued: Sequence[Issued]) -> None:
        """Keep credentials; they are on disk afterwards."""
        self._append([_write(item) for item in issued])
        for item in issued:
            self.know(item)

    def may_be_erased(self, roster: str, documents: Iterable[Hash]) -> bool:
        """Whether what was erased may be in this roster: it was erased from, by its name, or some
        document of it is in the list, so that it may be one of those under another name."""
        if self.erased is None:
            return False
        return roster in self.erased or any(each in self.by_document for each in documents)

    def all(self) -> Iterator[Issued]:
        """Every credential; those of one document in one form in their order."""
        for forms in self.by_document.values():
            for versions in forms.values():
                yield from versions

    def without(self, names: Container[str]) -> bytes:
        """The whole file without the credentials of these names, and that they were erased."""
        rosters = {each.roster for each in self.all() if each.name in names} - {""}
        erased: dict[str, JsonValue] = {_ERASED: [*sorted(rosters | (self.erased or set()))]}
        return _write_lines([erased, *(_write(e) for e in self.all() if e.name not in names)])

    def read(self, line: bytes) -> None:
        """Take in one line of the file; raises Malformed."""
        value = read_object(parse_ijson(line), "line")
        if _ERASED in value:
            names = read_list(read_members(value, "line", (_ERASED,))[_ERASED], _ERASED)
            self.erased = frozenset(read_text(name, _ERASED) for name in names)
        else:
            self.know(_read(value))

    def _append(self, lines: Sequence[dict[str, JsonValue]]) -> None:
        assert self.file is not None, "the list was opened to be written"
        self.file.write(_write_lines(lines))
        self.file.flush()
        os.fsync(self.file.fileno())


def _write_lines(lines: Sequence[dict[str, JsonValue]]) -> bytes:
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def _folded(name: str) -> str:
    return normalize("NFC", name).casefold()


def _write(issued: Issued) -> dict[str, JsonValue]:
    values = (value.hex() if isinstance(value, bytes) else value for value in issued[:8])
    line: dict[str, JsonValue] = dict(zip(_MEMBERS, values, strict=True))
    if issued.allotted is not None:
        line["status"] = write_allotted(issued.allotted)
    if issued.target is not None:
        line["supersedes"] = {"entry": issued.target.hex(), "generation": issued.generation}
    if issued.roster:
        line["roster"] = issued.roster
    return line


def _read(value: JsonValue) -> Issued:
    members = read_members(value, "credential", _MEMBERS, _OPTIONAL)
    target, generation = None, 0
    if "supersedes" in members:
        target, generation = _read_superseded(members["supersedes"])
    return Issued(
        document=read_hash(members["document"], "document"),
        claims=read_hash(members["claims"], "claims"),
        form=_read_form(members["form"]),
        name=read_text(members["name"], "name"),
        seed=read_hex(members["seed"], "seed", SALT_BYTES),
        iat=read_integer(members["iat"], "iat"),
        kid=read_hash(members["kid"], "kid"),
        sha256=read_hash(members["sha-256"], "sha-256"),
        allotted=read_allotted(members["status"]) if "status" in members else None,
        target=target,
        generation=generation,
        roster=read_text(members.get("roster", ""), "roster"),
    )


def _read_superseded(value: JsonValue) -> tuple[Hash, int]:
    members = read_members(value, "supersedes", ("entry", "generation"))
    generation = read_integer(members["generation"], "generation")
    if generation == 0:
        raise MalformedMember("what supersedes another is of generation 1 or more")
    return read_hash(members["entry"], "entry"), generation


def _read_form(value: JsonValue) -> str:
    form = read_text(value, "form")
    if form not in ENDINGS:
        raise MalformedMember(f"form is one of {', '.join(ENDINGS)}")
    return form


def read_issued(directory: Path) -> IssuedList:
    """What was issued there so far; nothing is written, or waited for."""
    path = directory / STATE / ISSUED
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return IssuedList(secrets.token_bytes(SALT_BYTES))
    except OSError as error:
        raise Unfinished(f"cannot read {shown(path)}: {why(error)}") from error
    issued = IssuedList(_read_key(directory, bool(data)) or secrets.token_bytes(SALT_BYTES))
    _load(issued, path, data)
    return issued


@contextmanager
def open_issued(directory: Path, *, erasing: bool = False) -> Iterator[IssuedList]:
    """The list, made if it is not there, for this process alone; ``erasing`` to go on with an
    erasure that has begun there."""
    with open_state(directory, ISSUED, erasing=erasing) as file:
        data = file.read()
        key = _read_key(directory, bool(data)) or _make_key(directory)
        issued = IssuedList(key, file)
        # What follows the last newline was being written when the power went: nothing came of it.
        file.truncate(_load(issued, directory / STATE / ISSUED, data))
        yield issued


def _load(issued: IssuedList, path: Path, data: bytes) -> int:
    """Take in the whole lines; return how many bytes they have."""
    whole = data.rfind(b"\n") + 1
    for number, line in enumerate(data[:whole].splitlines(), start=1):
        try:
            issued.read(line)
        except Malformed as error:
            raise Unfinished(
                f"{shown(path)}, line {number}: {error}. The list was damaged; bring it back from "
                "a backup, for without it documents would be issued twice"
            ) from error
    return whole


def _read_key(directory: Path, needed: bool) -> bytes | None:
    """The key of the digests; None where none is needed yet and none that is whole is there."""
    path = directory / STATE / _KEY
    try:
        return read_hex(path.read_text().rstrip("\n"), "the key", SALT_BYTES)
    except (OSError, ValueError) as error:
        if not needed:
            return None
        text = why(error) if isinstance(error, OSError) else str(error)
        raise Unfinished(
            f"cannot read {shown(path)}: {text}. Bring it back from a backup, for without it "
            "documents would be issued twice"
        ) from error


def _make_key(directory: Path) -> bytes:
    key = secrets.token_bytes(SALT_BYTES)
    path = directory / STATE / _KEY
    path.unlink(missing_ok=True)
    create_file(path, key.hex().encode() + b"\n", 0o600)
    return key
