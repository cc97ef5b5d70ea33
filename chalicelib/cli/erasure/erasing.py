"""An erasure: planned, kept as an intent, done, and then said in a signed receipt.

``OUT/.tally/erasing.json`` says from before anything is destroyed until all of it is what is to go.
Every step can be made again, so whatever interrupts, the same command finishes it. What is kept of
an erased document depends on its entry alone: ``OUT/erased/<entry id>.receipt.json``, its receipt
without the holder's part, and ``<entry id>.erasure.json``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ...proof.erasure import (
    CREDENTIAL_FILES,
    JOURNAL_LINES,
    RECEIPT_SALTS,
    SEEDS,
    make_erasure,
    sign_erasure,
)
from ...proof.errors import Malformed
from ...proof.hashes import Hash
from ...proof.jcs import JsonValue, parse_ijson
from ...proof.members import read_hash, read_list, read_members, read_object, read_text
from ...proof.receipt import format_receipt, parse_receipt
from ...proof.statement import SignedStatement
from ..failure import Misused, Unfinished
from ..filenames import original_name
from ..files import replace_file, shown
from ..journal import ERASING, JOURNAL, STATE
from ..keyfile import IssuerSigner
from ..prepare import RECEIPT_SUFFIX
from ..receipts import ENDINGS as EXPORTS
from ..rosters.issued import DOCUMENT_ENDINGS, ENDINGS, ISSUED
from ..rosters.making import CREDENTIALS, MADE
from ..rosters.reconciliation import FILE as RECONCILIATION
from .destroying import destroy_file, rewrite_file, sync_directory
from .selecting import Chosen, Place, Shelf

ERASED = "erased"
ERASURE_SUFFIX = ".erasure.json"
_CHANGES = ("suspend", "reinstate", "revoke")


@dataclass(frozen=True, slots=True)
class Plan:
    """``iss`` is whose key says so; ``entries`` has the words for what is destroyed of each;
    ``issued`` are names in the list; ``documents`` are those in journals, and ``files``, as paths
    below the directory."""

    iss: str
    entries: Mapping[Hash, tuple[str, ...]]
    issued: tuple[str, ...]
    documents: tuple[str, ...]
    files: tuple[str, ...]

    def format(self) -> bytes:
        entries: dict[str, JsonValue] = {e.hex(): list(words) for e, words in self.entries.items()}
        return json.dumps(
            {
                "iss": self.iss,
                "entries": entries,
                "issued": list(self.issued),
                "documents": list(self.documents),
                "files": list(self.files),
            }
        ).encode()


def parse_plan(data: bytes) -> Plan:
    """Raises Malformed."""
    names = ("iss", "entries", "issued", "documents", "files")
    members = read_members(parse_ijson(data), "plan", names)
    entries = read_object(members["entries"], "entries")
    return Plan(
        read_text(members["iss"], "iss"),
        {read_hash(entry, "entry"): _texts(words, "words") for entry, words in entries.items()},
        *(_texts(members[name], name) for name in ("issued", "documents", "files")),
    )


def _texts(value: JsonValue, what: str) -> tuple[str, ...]:
    return tuple(read_text(item, what) for item in read_list(value, what))


def make_plan(shelf: Shelf, chosen: Chosen, signer: IssuerSigner) -> Plan:
    """What is to go; raises Misused if another issuer's key is needed, or if a change of status of
    a document was interrupted."""
    entries: dict[Hash, set[str]] = {}
    files = [path for name in chosen.issued for path in _credential_files(shelf.out, name)]
    made = [path.name for path in files if path.exists()]
    for place, name in chosen.documents:
        for statement, words in _statements(place, name):
            _check_issuer(statement, signer)
            entries.setdefault(statement.entry_id, set()).update(words)
            of = {issued for issued in chosen.issued if name in _document_names(issued)}
            entries[statement.entry_id].update(SEEDS for _ in of)
            if any(each.startswith(f"{issued}.") for each in made for issued in of):
                entries[statement.entry_id].add(CREDENTIAL_FILES)
        files += _receipt_files(place, name)
    return Plan(
        signer.iss,
        {entry: tuple(sorted(words)) for entry, words in sorted(entries.items()) if words},
        chosen.issued,
        tuple(_below(shelf.out, place.path / name) for place, name in chosen.documents),
        tuple(_below(shelf.out, path) for path in dict.fromkeys(_with_temporary(files))),
    )


def _below(out: Path, path: Path) -> str:
    return str(path.relative_to(out))


def _document_names(issued: str) -> list[str]:
    return [issued + ending for ending in DOCUMENT_ENDINGS.values()]


def _statements(place: Place, name: str) -> Iterator[tuple[SignedStatement, set[str]]]:
    """What was ever signed for a document, and what there is to destroy of it."""
    for version in place.versions(name):
        receipt = place.receipt(version)
        if receipt is not None:
            yield receipt.statement, {RECEIPT_SALTS} if receipt.document else set()
    if place.journal is not None:
        for number in place.numbers_of(name):
            yield place.journal.signed[number].statement, {JOURNAL_LINES}


def _check_issuer(statement: SignedStatement, signer: IssuerSigner) -> None:
    if statement.statement.iss != signer.iss:
        raise Misused(
            f"the entry {statement.entry_id.hex()} is of {statement.statement.iss}, but the key of "
            f"{signer.iss}: give the key of its issuer"
        )


def _credential_files(out: Path, name: str) -> list[Path]:
    """Those that there are or may be, and the versions that were put aside."""
    endings = dict.fromkeys((*ENDINGS.values(), *DOCUMENT_ENDINGS.values()))
    names = [name + ending for ending in endings]
    aside = (out / CREDENTIALS).glob("*.superseded-*")
    return [
        *(shelf / each for shelf in (out / CREDENTIALS, out / STATE / MADE) for each in names),
        *sorted(path for path in aside if original_name(path.name) in names),
    ]


def _receipt_files(place: Place, name: str) -> list[Path]:
    files = []
    for version in place.versions(name):
        receipt = place.receipt_path(version)
        for kind in _CHANGES:
            change = receipt.with_name(f"{receipt.name}.{kind}")
            if change.exists():
                raise Misused(
                    f"{shown(change)} was not sent: run tally {kind} again, or remove it if it is "
                    "not to be; then erase"
                )
        files += [receipt, *(place.path / (version + ending) for ending in EXPORTS.values())]
    return files


def _with_temporary(files: Sequence[Path]) -> Iterator[Path]:
    """The files, and what a power cut left of writing them; nobody knows whose receipt.tmp is."""
    for path in files:
        yield path
        left = f".{path.name[:200]}."
        for other in path.parent.glob(".*.tmp") if path.parent.is_dir() else ():
            if other.name.startswith(left):
                yield other
        if path.name.endswith(RECEIPT_SUFFIX):
            yield path.parent / STATE / "receipt.tmp"


def keep_intent(out: Path, plan: Plan) -> None:
    path = out / STATE / ERASING
    path.parent.mkdir(mode=0o700, exist_ok=True)
    replace_file(path, plan.format())
    path.chmod(0o600)
    sync_directory(path.parent)


def read_intent(out: Path) -> Plan | None:
    """The erasure that has begun there; None if none has."""
    path = out / STATE / ERASING
    try:
        return parse_plan(path.read_bytes())
    except FileNotFoundError:
        return None
    except Malformed as error:
        raise Unfinished(f"{shown(path)} was damaged: {error}; keep it and ask for help") from error


def carry_out(shelf: Shelf, plan: Plan, signer: IssuerSigner, now_ms: int) -> None:
    """Do all of it, or what is left of it; each step leaves nothing to do when done again."""
    if plan.iss != signer.iss:
        raise Misused(f"the erasure that has begun is of {plan.iss}: give the key of that issuer")
    (shelf.out / ERASED).mkdir(mode=0o700, exist_ok=True)
    for name in plan.files:
        if name.endswith(RECEIPT_SUFFIX):
            _keep_bare(shelf.out, shelf.out / name)
    _destroy_lines(shelf, plan)
    _rewrite_reconciliation(shelf.out / RECONCILIATION, plan)
    for name in plan.files:
        destroy_file(shelf.out / name)
    for entry, words in plan.entries.items():
        _sign(shelf.out / ERASED / f"{entry.hex()}{ERASURE_SUFFIX}", entry, words, signer, now_ms)
    destroy_file(shelf.out / STATE / ERASING)


def _keep_bare(out: Path, path: Path) -> None:
    """Keep a receipt without the holder's part, under a name that tells nothing."""
    try:
        receipt = parse_receipt(path.read_bytes())
    except (FileNotFoundError, Malformed):
        return
    bare = out / ERASED / f"{receipt.statement.entry_id.hex()}{RECEIPT_SUFFIX}"
    replace_file(bare, format_receipt(replace(receipt, document=None)))


def _destroy_lines(shelf: Shelf, plan: Plan) -> None:
    if shelf.issued is not None and plan.issued:
        rewrite_file(shelf.out / STATE / ISSUED, shelf.issued.without(plan.issued))
    for place in shelf.places:
        if place.journal is not None:
            numbers = {
                number
                for name in plan.documents
                if (shelf.out / name).parent == place.path
                for number in place.numbers_of(Path(name).name)
            }
            if numbers:
                rewrite_file(place.path / STATE / JOURNAL, place.journal.without(numbers))


def _rewrite_reconciliation(path: Path, plan: Plan) -> None:
    """Rows keep their number there, and lose the rest."""
    try:
        value = json.loads(path.read_bytes())
        for list_ in ("issued", "rejected"):
            value[list_] = [
                {"row": item["row"], ERASED: True} if item.get("name") in plan.issued else item
                for item in value[list_]
            ]
    except FileNotFoundError:
        return
    except (ValueError, LookupError, TypeError, AttributeError):
        destroy_file(path)
        return
    rewrite_file(path, json.dumps(value, ensure_ascii=False, indent=1).encode() + b"\n")


def _sign(path: Path, entry: Hash, words: Sequence[str], signer: IssuerSigner, now_ms: int) -> None:
    if not path.exists():
        erasure = make_erasure(signer.iss, [entry], now_ms, words)
        replace_file(path, sign_erasure(erasure, signer.key))
        sync_directory(path.parent)
