"""From the rows of a roster to credentials on disk, each made once whatever interrupts.

A credential is made in memory, then kept in the list of what was issued, then written to
``DIR/.tally/made``; it comes to ``DIR/credentials`` only once the log has it. What is missing or
damaged in either place is made again from the list, and is the same bytes: so files need not be
synced to disk one by one.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...notary.issue import Issuing, issuer_part, make_open_badge, make_sd_jwt_vc
from ...notary.roster.reading import Row
from ...proof.hashes import Hash, sha256
from ...proof.limits import SALT_BYTES
from ...proof.times import format_time
from ..failure import Unfinished
from ..filenames import aside_name
from ..files import replace_file, shown, why
from ..journal import STATE
from .allotted import Allotted
from .issued import ENDINGS, SD_JWT_VC, Issued, IssuedList
from .planning import Planned

CREDENTIALS = "credentials"
RECEIPTS = "receipts"
MADE = "made"
_NO_DIGEST = Hash(bytes(32))


Allot = Callable[[int], Sequence[Allotted]]
"""So many new lineages, of the service."""


@dataclass(frozen=True, slots=True)
class Maker:
    """Makes credentials in ``forms``, from the file ``roster``, with ``now_s`` as the time of new
    ones, and with places in status lists if ``listed``."""

    issuing: Issuing
    forms: tuple[str, ...]
    now_s: int
    listed: bool
    roster: str

    def make_new(
        self, planned: Sequence[Planned], issued: IssuedList, allot: Allot
    ) -> dict[Hash, bytes]:
        """Make what is not made yet, and keep it in the list; return the bytes by digest."""
        missing = [
            (each, form) for each in planned for form in self.forms if each.made(form) is None
        ]
        count = sum(form not in each.olds for each, form in missing) if self.listed else 0
        fresh = iter(allot(count) if count else ())
        made: dict[Hash, bytes] = {}
        new: list[Issued] = []
        for each, form in missing:
            draft = self._draft(each, form, fresh)
            data = self._make(each.row, draft)
            new.append(draft._replace(sha256=sha256(data)))
            made[new[-1].sha256] = data
        issued.add(new)
        return made

    def _draft(self, planned: Planned, form: str, fresh: Iterator[Allotted]) -> Issued:
        """A new credential, but for its digest. What supersedes another one has its place, in the
        lists of the next generation."""
        old = planned.olds.get(form)
        if old is None:
            allotted = next(fresh, None)
        else:
            allotted = old.issued.allotted if self.listed else None
        return Issued(
            document=planned.document,
            claims=planned.claims,
            form=form,
            name=planned.name,
            seed=secrets.token_bytes(SALT_BYTES),
            iat=self.now_s,
            kid=self.issuing.key.public.kid,
            sha256=_NO_DIGEST,
            allotted=allotted,
            target=old and old.signed.entry_id,
            generation=old.issued.generation + 1 if old else 0,
            roster=self.roster,
        )

    def make_again(self, row: Row, known: Issued) -> bytes:
        """The bytes that the list knows; raises Unfinished if they cannot be made any more."""
        data = self._make(row, known)
        if sha256(data) != known.sha256:
            raise Unfinished(
                f"{known.name}{ENDINGS[known.form]} is missing or damaged, and was made with "
                f"another key or version: bring it back to {CREDENTIALS} from a backup"
            )
        return data

    def _make(self, row: Row, known: Issued) -> bytes:
        issuing, claims, seed, place = self.issuing, row.claims, known.seed, known.place
        if known.form == SD_JWT_VC:
            return make_sd_jwt_vc(issuing, claims, seed, known.iat, row.holder, place).encode()
        return make_open_badge(issuing, claims, seed, format_time(known.iat * 1_000), place)


@dataclass(frozen=True, slots=True)
class Shelves:
    """Where credentials are: ``made`` until the log has them, then ``credentials``."""

    out: Path

    @property
    def made(self) -> Path:
        return self.out / STATE / MADE

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
        part = _files(known, data)[known.document_name]
        if _bytes_of(document) != part:
            replace_file(document, part, durable=False)
        return document

    def hand_out(self, known: Issued, old: Issued | None) -> None:
        """The log has it: from now on it is among the credentials. ``old`` is what it supersedes,
        whose files are kept under other names."""
        whole = known.name + ENDINGS[known.form]
        data = _bytes_of(self.made / whole)
        if data is None or sha256(data) != known.sha256:
            return
        if old is not None:
            self._put_aside(old, known.generation)
        # The whole SD-JWT last: once it is there, all of it is.
        for name in dict.fromkeys((known.document_name, whole)):
            made = self.made / name
            if made.exists():
                made.replace(self.credentials / name)

    def _put_aside(self, old: Issued, generation: int) -> None:
        """As copies, so that none is lost or taken for another whatever interrupts; and on disk,
        for nobody can make them again."""
        data = _bytes_of(self.credentials / (old.name + ENDINGS[old.form]))
        if data is None or sha256(data) != old.sha256:
            return
        for name, part in _files(old, data).items():
            replace_file(self.credentials / aside_name(name, generation), part)


def _files(known: Issued, data: bytes) -> dict[str, bytes]:
    """A credential's files: what is registered of it, then the whole."""
    document = issuer_part(data.decode()).encode() if known.form == SD_JWT_VC else data
    return {known.document_name: document, known.name + ENDINGS[known.form]: data}


def _bytes_of(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Unfinished(f"cannot read {shown(path)}: {why(error)}") from error
