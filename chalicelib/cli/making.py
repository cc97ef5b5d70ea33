"""From the rows of a roster to credentials on disk, each made once whatever interrupts.

A credential is made in memory, then kept in the list of what was issued, then written to
``DIR/.tally/made``; it comes to ``DIR/credentials`` only once the log has it. What is missing or
damaged in either place is made again from the list, and is the same bytes: so files need not be
synced to disk one by one.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ..notary.issue import Issuing, issuer_part, make_open_badge, make_sd_jwt_vc
from ..notary.roster.reading import Fault, Refused, Roster, Row
from ..proof.hashes import Hash, sha256
from ..proof.limits import SALT_BYTES
from ..proof.times import format_time
from .failure import Unfinished
from .filenames import safe_name
from .files import replace_file, shown, why
from .issued import DOCUMENT_ENDINGS, ENDINGS, SD_JWT_VC, Issued, IssuedList
from .journal import STATE

CREDENTIALS = "credentials"
RECEIPTS = "receipts"
_MADE = "made"


class Planned(NamedTuple):
    """A row that may be issued: the keyed digests of its document and of its claims, the name of
    its files, and what of it was made before and stays as it is, by form."""

    row: Row
    document: Hash
    claims: Hash
    name: str
    before: Mapping[str, Issued]


@dataclass(frozen=True, slots=True)
class Maker:
    """Makes credentials in ``forms``, with ``now_s`` as the time of new ones."""

    issuing: Issuing
    forms: tuple[str, ...]
    now_s: int

    def plan(
        self, roster: Roster, issued: IssuedList, signed: Container[str], stem: str
    ) -> tuple[list[Planned], list[Refused]]:
        """Rows to issue, and all that are refused: those of the roster, and those whose document
        was issued before with other claims. ``signed`` has the names that the receipts' journal
        holds. Files are named by the roster's column of names, or by ``stem`` and the row."""
        planned: list[Planned] = []
        refused = list(roster.refused)
        for row in roster.rows:
            document = issued.digest(self.issuing.iss, self.issuing.profile.name, *row.key)
            claims = issued.digest(row.claims, row.holder)
            known = issued.by_document.get(document, {})
            bound = {f: each for f, each in known.items() if each.document_name in signed}
            other = next((each for each in bound.values() if each.claims != claims), None)
            if other is not None:
                refused.append(_issued_before(row, other))
                continue
            # What no statement was made for was not issued: with other claims it is made anew.
            same = {f: each for f, each in known.items() if self._would_make(each, claims)}
            name = issued.name_for(document, safe_name(row.name) or f"{stem}-{row.number:04}")
            planned.append(Planned(row, document, claims, name, {**same, **bound}))
        return planned, sorted(refused)

    def _would_make(self, known: Issued, claims: Hash) -> bool:
        return (known.claims, known.kid) == (claims, self.issuing.key.public.kid)

    def make_new(self, planned: Sequence[Planned], issued: IssuedList) -> dict[Hash, bytes]:
        """Make what was not issued before, and keep it in the list; return the bytes by digest."""
        made: dict[Hash, bytes] = {}
        new: list[Issued] = []
        kid = self.issuing.key.public.kid
        for each in planned:
            for form in self.forms:
                if form not in each.before:
                    seed = secrets.token_bytes(SALT_BYTES)
                    data = self._make(each.row, form, seed, self.now_s)
                    digest = sha256(data)
                    made[digest] = data
                    facts = (each.document, each.claims, form, each.name, seed)
                    new.append(Issued(*facts, self.now_s, kid, digest))
        issued.add(new)
        return made

    def make_again(self, row: Row, known: Issued) -> bytes:
        """The bytes that the list knows; raises Unfinished if they cannot be made any more."""
        data = self._make(row, known.form, known.seed, known.iat)
        if sha256(data) != known.sha256:
            raise Unfinished(
                f"{known.name}{ENDINGS[known.form]} is missing or damaged, and was made with "
                f"another key or version: bring it back to {CREDENTIALS} from a backup"
            )
        return data

    def _make(self, row: Row, form: str, seed: bytes, at_s: int) -> bytes:
        if form == SD_JWT_VC:
            return make_sd_jwt_vc(self.issuing, row.claims, seed, at_s, row.holder).encode()
        return make_open_badge(self.issuing, row.claims, seed, format_time(at_s * 1_000))


def _issued_before(row: Row, other: Issued) -> Refused:
    sentence = f"was issued before, as {other.name}, with other claims: supersede that one"
    return Refused(row.number, (Fault("", "", sentence),), 1)


@dataclass(frozen=True, slots=True)
class Shelves:
    """Where credentials are: ``made`` until the log has them, then ``credentials``."""

    out: Path

    @property
    def made(self) -> Path:
        return self.out / STATE / _MADE

    @property
    def credentials(self) -> Path:
        return self.out / CREDENTIALS

    def prepare(self) -> None:
        try:
            for place in (self.made, self.credentials):
                place.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise Unfinished(f"cannot write in {shown(self.out)}: {why(error)}") from error

    def put(self, known: Issued, make: Callable[[], bytes]) -> Path:
        """The file to register, of a credential that is whole afterwards, in either place."""
        name = known.name + ENDINGS[known.form]
        for place in (self.credentials, self.made):
            data = _bytes_of(place / name)
            if data is not None and sha256(data) == known.sha256:
                break
        else:
            place, data = self.made, make()
            replace_file(place / name, data, durable=False)
        document = place / known.document_name
        if known.form == SD_JWT_VC:
            jwt = issuer_part(data.decode()).encode()
            if _bytes_of(document) != jwt:
                replace_file(document, jwt, durable=False)
        return document

    def hand_out(self, known: Issued) -> None:
        """The log has it: from now on it is among the credentials."""
        # The whole SD-JWT last: once it is there, all of it is.
        for ending in (DOCUMENT_ENDINGS[known.form], ENDINGS[known.form]):
            made = self.made / (known.name + ending)
            if made.exists():
                made.replace(self.credentials / made.name)


def _bytes_of(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Unfinished(f"cannot read {shown(path)}: {why(error)}") from error
