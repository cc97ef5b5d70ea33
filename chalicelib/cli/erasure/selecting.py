"""Which documents of a directory are meant: by the names of their files, by entry ids, or by what
their credentials claim. A document that was issued in two forms is one, and goes as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from unicodedata import normalize

from ...notary.profiles import profiles
from ...notary.roster.columns import find_pointer
from ...proof.credential_checks import VCT
from ...proof.credentials.sd_jwt import parse_sd_jwt, reveal_claims
from ...proof.errors import Malformed, ProofError
from ...proof.hashes import Hash
from ...proof.jcs import JsonValue, parse_ijson
from ...proof.receipt import Receipt, parse_receipt
from ..failure import Misused
from ..filenames import original_name
from ..files import shown
from ..journal import Journal
from ..prepare import RECEIPT_SUFFIX
from ..rosters.issued import DOCUMENT_ENDINGS, ENDINGS, OPEN_BADGES, SD_JWT_VC, IssuedList
from ..rosters.making import RECEIPTS, Shelves

_ISSUED_ENDINGS = sorted({*ENDINGS.values(), *DOCUMENT_ENDINGS.values()})


@dataclass(frozen=True, slots=True)
class Place:
    """A receipts directory, and its journal if it has one."""

    path: Path
    journal: Journal | None

    def numbers_of(self, name: str) -> list[int]:
        signed = self.journal.signed if self.journal else []
        return [n for n, each in enumerate(signed) if each.name == name != ""]

    def versions(self, name: str) -> list[str]:
        """The document's name, and those of its versions that were superseded and put aside."""
        found = {
            path.name.removesuffix(RECEIPT_SUFFIX)
            for path in self.path.glob(f"*.superseded-*{RECEIPT_SUFFIX}")
        }
        return [name, *sorted(each for each in found if original_name(each) == name)]

    def receipt_path(self, name: str) -> Path:
        return self.path / (name + RECEIPT_SUFFIX)

    def receipt(self, name: str) -> Receipt | None:
        """The receipt of a document, if it is there and can be read."""
        try:
            return parse_receipt(self.receipt_path(name).read_bytes())
        except (FileNotFoundError, Malformed):
            return None

    def has(self, name: str) -> bool:
        return bool(self.numbers_of(name)) or any(
            self.receipt_path(each).exists() for each in self.versions(name)
        )


@dataclass(frozen=True, slots=True)
class Shelf:
    """A directory that ``tally issue`` or ``tally notarise`` wrote into, with all that it knows."""

    out: Path
    issued: IssuedList | None
    places: Sequence[Place]

    @property
    def names(self) -> set[str]:
        """Of what was issued, without endings."""
        return {each.name for each in self.issued.all()} if self.issued else set()


@dataclass(frozen=True, slots=True)
class Chosen:
    """``issued`` are names in the list of what was issued, ``documents`` a place and the name of a
    document that has its receipt or its line there; ``unread`` could not be searched for claims."""

    issued: tuple[str, ...]
    documents: tuple[tuple[Place, str], ...]
    unread: tuple[str, ...]


def choose(
    shelf: Shelf,
    names: Sequence[str],
    entries: Sequence[Hash],
    claims: Sequence[tuple[str, str]],
    *,
    missing_ok: bool,
) -> Chosen:
    """What is meant by any of the names and entries, and by all of the claims; raises Misused for
    what means nothing, unless that is as it should be."""
    issued: dict[str, None] = {}
    documents: dict[tuple[int, str], None] = {}
    found = [(name, *_by_name(shelf, name)) for name in names]
    found += [(f"the entry {entry.hex()}", *_by_entry(shelf, entry)) for entry in entries]
    said = _claims_of(shelf) if claims else {}
    if claims:
        saying = [name for name, each in said.items() if _says_all(each, claims)]
        found.append(("a credential with these claims", saying, []))
    for told, listed, at in found:
        if not (listed or at or missing_ok):
            raise Misused(f"{told}: there is no such document in {shown(shelf.out)}")
        issued.update(dict.fromkeys(listed))
        documents.update(dict.fromkeys(at))
    for number, place in enumerate(shelf.places):
        for name in issued:
            both = (name + ending for ending in DOCUMENT_ENDINGS.values())
            documents.update(dict.fromkeys((number, each) for each in both if place.has(each)))
    unread = tuple(name for name, each in said.items() if each is None)
    return Chosen(tuple(issued), tuple((shelf.places[n], name) for n, name in documents), unread)


_Found = tuple[list[str], list[tuple[int, str]]]


def _by_name(shelf: Shelf, given: str) -> _Found:
    """By a file's name: of a credential, a document or its receipt, or without its ending."""
    name = Path(given).name.removesuffix(RECEIPT_SUFFIX)
    original = original_name(name)
    stems = [original.removesuffix(each) for each in ("", *_ISSUED_ENDINGS)]
    listed = [stem for stem in dict.fromkeys(stems) if stem in shelf.names]
    return listed, [] if listed else _in_places(shelf, name) or _in_places(shelf, original)


def _in_places(shelf: Shelf, name: str) -> list[tuple[int, str]]:
    return [(n, name) for n, place in enumerate(shelf.places) if place.has(name)]


def _by_entry(shelf: Shelf, entry: Hash) -> _Found:
    names = {name for place in shelf.places for name in _names_of(place, entry)}
    found = [_by_name(shelf, name) for name in sorted(names)]
    return [name for listed, _ in found for name in listed], [at for _, ats in found for at in ats]


def _names_of(place: Place, entry: Hash) -> Iterator[str]:
    signed = place.journal.signed if place.journal else []
    yield from (each.name for each in signed if each.name and each.statement.entry_id == entry)
    for path in sorted(place.path.glob(f"*{RECEIPT_SUFFIX}")):
        name = path.name.removesuffix(RECEIPT_SUFFIX)
        receipt = place.receipt(name)
        if receipt is not None and receipt.statement.entry_id == entry:
            yield name


def _claims_of(shelf: Shelf) -> dict[str, JsonValue]:
    """What each issued document's credential says, by its name; None if it cannot be read."""
    shelves = Shelves(shelf.out)
    return {name: _read_claims(shelves, name) for name in sorted(shelf.names)}


def _says_all(said: JsonValue, claims: Sequence[tuple[str, str]]) -> bool:
    return all(_says(said, column, value) for column, value in claims)


def _read_claims(shelves: Shelves, name: str) -> JsonValue:
    """What a credential says, in whichever form there is; None if none can be read."""
    for place in (shelves.credentials, shelves.made):
        try:
            return _revealed((place / (name + ENDINGS[SD_JWT_VC])).read_text("ascii"))
        except (OSError, ProofError, UnicodeDecodeError):
            pass
        try:
            return parse_ijson((place / (name + ENDINGS[OPEN_BADGES])).read_bytes())
        except (OSError, Malformed):
            pass
    return None


def _revealed(text: str) -> JsonValue:
    return dict(reveal_claims(parse_sd_jwt(text)).claims)


def _says(claims: JsonValue, column: str, value: str) -> bool:
    profile = _profile_of(claims)
    pointer = find_pointer(column, profiles()[profile]) if profile else column
    found = claims
    for step in (pointer or "").split("/")[1:]:
        if isinstance(found, list):
            found = {str(at): item for at, item in enumerate(found)}
        found = (
            found.get(step.replace("~1", "/").replace("~0", "~"))
            if isinstance(found, dict)
            else None
        )
    said = found if isinstance(found, str | int) and not isinstance(found, bool) else None
    return said is not None and normalize("NFC", str(said)) == normalize("NFC", value.strip())


def _profile_of(claims: JsonValue) -> str | None:
    """The profile that an SD-JWT VC names; a badge names none, and its claims are its own."""
    vct = claims.get("vct") if isinstance(claims, dict) else None
    name = vct.removeprefix(VCT) if isinstance(vct, str) else ""
    return name if name in profiles() else None


def places_of(out: Path) -> list[Path]:
    """The directories with receipts: of documents, and of credentials."""
    return [path for path in (out, out / RECEIPTS) if path.is_dir()]
