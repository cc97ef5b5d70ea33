"""Reading a whole log again, block by block, and finding the first thing that is wrong.

Only the bundles and the blocks' times are believed; everything else is computed from them anew and
compared with what is stored: links, tiles, roots, block hashes, checkpoints, signatures.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple, NoReturn, Protocol

from ..proof.block import Block, Link, format_link, parse_link, verify_block_signature
from ..proof.checkpoint import Checkpoint, parse_checkpoint_text
from ..proof.errors import ProofError
from ..proof.hashes import sha256
from ..proof.limits import HASH_BYTES, TILE_WIDTH
from ..proof.note import Note, UnknownSigners, VerifierKey, parse_note, verify_note
from ..proof.payload import Register, StatusChange, Supersede
from ..proof.statement import parse_statement
from ..proof.tiles import Bundle, parse_bundle
from .batch import Grown, RightEdge, item_ids, plan_block
from .index import lineage_key
from .ports import Row


class AuditFailure(Exception):
    """The first thing that is wrong: what, where, what was expected there and what was found."""

    def __init__(self, what: str, where: str, expected: object, found: object) -> None:
        super().__init__(f"{where}: {what}: expected {_show(expected)}, found {_show(found)}")
        self.what = what
        self.where = where
        self.expected = _show(expected)
        self.found = _show(found)


def _show(value: object) -> str:
    """Long bytes by their length and beginning."""
    if not isinstance(value, bytes):
        return "nothing" if value is None else str(value)
    return value.hex() if len(value) <= 32 else f"{len(value)} bytes {value[:16].hex()}…"


def check_same(what: str, where: str, expected: object, found: object) -> None:
    if found != expected:
        raise AuditFailure(what, where, _where_they_differ(expected, found), found)


def _where_they_differ(expected: object, found: object) -> object:
    if not (isinstance(expected, bytes) and isinstance(found, bytes)):
        return expected
    pairs = enumerate(zip(expected, found, strict=False))
    at = next((n for n, (a, b) in pairs if a != b), min(len(expected), len(found)))
    return f"{_show(expected)}, which differs from byte {at} on"


class LogReader(Protocol):
    """What is public of a log, from its store or over the network."""

    def checkpoint(self) -> bytes | None: ...

    def objects(self, paths: Sequence[str]) -> list[bytes | None]:
        """Tiles and bundles, in order."""

    def row(self, height: int) -> Row | None:
        """The block with its signatures; ``staging`` may be empty. The newest published block may
        be without signatures for a moment, or not be there yet."""


class AuditedBlock(NamedTuple):
    """A block that is right, its row, and the block before it."""

    previous: Block
    row: Row
    grown: Grown


@dataclass(slots=True)
class History:
    """What is known of the log so far: the entry id of every leaf, the lineage keys of the
    registers, and of each statement's id whose document it is about (None where it can be no
    target)."""

    block: Block
    edge: RightEdge = field(default_factory=lambda: RightEdge([], (), b""))
    leaves: list[bytes] = field(default_factory=list)
    lineages: set[bytes] = field(default_factory=set)
    documents: dict[bytes, bytes | None] = field(default_factory=dict)


def read_checkpoint(
    reader: LogReader, key: VerifierKey, witnesses: Iterable[VerifierKey] = ()
) -> Checkpoint | None:
    """The published checkpoint, verified, with the lines of these witnesses; None when nothing had
    to be published yet."""
    data = reader.checkpoint()
    if data is None:
        first = reader.row(1)
        if first is not None and first.applied:
            raise AuditFailure("there is none", "checkpoint", "that of the newest block", None)
        return None
    return _read_note(data, key, "checkpoint", witnesses)


def _read_note(
    data: bytes, key: VerifierKey, where: str, witnesses: Iterable[VerifierKey] = ()
) -> Checkpoint:
    try:
        note: Note = parse_note(data)
        verify_note(note, [key])
        with suppress(UnknownSigners):  # whether they are enough is the verifier's business
            verify_note(note, witnesses)
        checkpoint = parse_checkpoint_text(note.text)
    except ProofError as error:
        raise AuditFailure("not a checkpoint of this log", where, key.name, error) from error
    check_same("the origin of the checkpoint", where, key.name, checkpoint.origin)
    return checkpoint


def read_blocks(
    reader: LogReader,
    key: VerifierKey,
    published: Checkpoint,
    history: History,
    *,
    unlisted: bool = False,
) -> Iterator[AuditedBlock]:
    """Every block up to the published checkpoint, each once it is found right and ``history``
    holds it; raises AuditFailure.

    A block is published before it is readable. So the newest published one may lack its signatures,
    and, if ``unlisted``, its row: then its link entry stands in, and all but the block signature
    is checked.
    """
    while history.block.size < published.size:
        audited = _read_block(reader, key, published, history, unlisted=unlisted)
        history.block, history.edge = audited.grown.block, audited.grown.edge
        yield audited
    newest = Checkpoint(key.name, history.block.size, history.block.root)
    check_same("the checkpoint is that of no block", "checkpoint", newest, published)


def _read_block(
    reader: LogReader,
    key: VerifierKey,
    published: Checkpoint,
    history: History,
    *,
    unlisted: bool,
) -> AuditedBlock:
    previous = history.block
    where = f"block {previous.height + 1}"
    row = reader.row(previous.height + 1)
    if row is None and unlisted:
        row = _unlisted_row(reader, published, history)
    if row is None:
        raise AuditFailure("the block is missing", where, "a row", None)
    _check_row(row.block, previous, where)
    entries = _read_entries(reader, history, row.block.size)
    ids = item_ids(entries)
    link = format_link(Link(previous.height + 1, previous.hash, row.block.timestamp_ms))
    check_same("the link entry", f"entry {previous.size}", link, entries[0])
    lineages = _check_statements(history, entries, ids)
    time_ms = row.block.timestamp_ms
    grown = plan_block(previous, history.edge, entries[1:], ids[1:], lineages, time_ms)
    if grown.block.root != row.block.root:
        _blame(reader, grown, row.block, where)
    check_objects(reader, grown)
    if row.checkpoint or row.applied or row.block.size != published.size:
        _check_signatures(row, key, where)
    history.leaves += ids
    return AuditedBlock(previous, row, grown)


def _unlisted_row(reader: LogReader, published: Checkpoint, history: History) -> Row | None:
    """The row of the newest published block, by the link entry that opens it; None when it is not
    exactly one block that is not there."""
    previous = history.block
    first, *others = _read_entries(reader, history, published.size)
    link = _find_link(first)
    if link is None or any(map(_find_link, others)):
        return None
    block = Block(
        previous.origin,
        previous.height + 1,
        previous.hash,
        published.size,
        published.root,
        link.timestamp_ms,
    )
    return Row(block, staging="")


def _find_link(entry: bytes) -> Link | None:
    try:
        return parse_link(entry)
    except ProofError:
        return None


def _blame(reader: LogReader, grown: Grown, block: Block, where: str) -> NoReturn:
    """The root hash is not that of the entries: name the entry, if its stored leaf hash knows
    better, or else the block."""
    tiles = [each for each in grown.objects if each.key.startswith("tile/0/")]
    stored = reader.objects([each.key for each in tiles])
    start = (block.size - 1) // TILE_WIDTH - len(tiles) + 1
    for number, (tile, found) in enumerate(zip(tiles, stored, strict=True), start):
        for at in range(0, len(tile.data), HASH_BYTES):
            leaf, kept = tile.data[at : at + HASH_BYTES], (found or b"")[at : at + HASH_BYTES]
            entry = f"entry {number * TILE_WIDTH + at // HASH_BYTES}"
            check_same("the leaf hash of the entry", entry, kept, leaf)
    raise AuditFailure("the root hash", where, grown.block.root, block.root)


def _check_row(block: Block, previous: Block, where: str) -> None:
    check_same("the height", where, previous.height + 1, block.height)
    check_same("the origin", where, previous.origin, block.origin)
    check_same("the previous block hash", where, previous.hash, block.previous)
    if block.size <= previous.size:
        raise AuditFailure("the size", where, f"more than {previous.size}", block.size)
    if block.timestamp_ms < previous.timestamp_ms:
        expected = f"at least {previous.timestamp_ms}"
        raise AuditFailure("the time went back", where, expected, block.timestamp_ms)


def _read_entries(reader: LogReader, history: History, size: int) -> list[bytes]:
    """The entries of the block of ``size``, out of the bundles that were written with it."""
    start = history.block.size
    places = [
        Bundle(number, min(TILE_WIDTH, size - number * TILE_WIDTH))
        for number in range(start // TILE_WIDTH, (size - 1) // TILE_WIDTH + 1)
    ]
    stored = reader.objects([place.path for place in places])
    entries: list[bytes] = []
    for place, data in zip(places, stored, strict=True):
        entries += _read_bundle(place, data)
    before = history.edge.entries
    for number, (expected, found) in enumerate(zip(before, entries, strict=False)):
        index = start - len(before) + number
        check_same("an entry that was already logged", f"entry {index}", expected, found)
    return entries[len(before) :]


def _read_bundle(place: Bundle, data: bytes | None) -> tuple[bytes, ...]:
    if data is None:
        raise AuditFailure("the bundle is missing", place.path, f"{place.width} entries", None)
    try:
        return parse_bundle(data, place.width)
    except ProofError as error:
        raise AuditFailure(
            "the bundle cannot be read", place.path, f"{place.width} entries", error
        ) from error


def _check_statements(
    history: History, entries: Sequence[bytes], ids: Sequence[bytes]
) -> list[bytes | None]:
    """All but the link are statements, none twice, no sub registered twice, each target there;
    their lineage keys."""
    first = history.block.size + 1
    return [
        _check_statement(history, entry, entry_id, f"entry {index}")
        for index, (entry, entry_id) in enumerate(zip(entries[1:], ids[1:], strict=True), first)
    ]


def _check_statement(history: History, entry: bytes, entry_id: bytes, where: str) -> bytes | None:
    try:
        statement = parse_statement(entry).statement
    except ProofError as error:
        raise AuditFailure("not a statement", where, "a signed statement", error) from error
    if entry_id in history.documents:
        raise AuditFailure("the entry is in the log twice", where, "a new entry", entry_id)
    document = sha256(f"{statement.iss} {statement.sub}".encode())[:16]
    payload = statement.payload
    if isinstance(payload, Supersede | StatusChange):
        check_same("the target", where, document, history.documents.get(payload.target))
    is_version = isinstance(payload, Register | Supersede)
    history.documents[entry_id] = document if is_version else None
    return _check_sub(history, statement.sub, where) if isinstance(payload, Register) else None


def _check_sub(history: History, sub: str, where: str) -> bytes:
    lineage = lineage_key(sub)
    if lineage in history.lineages:
        raise AuditFailure("the sub is registered twice", where, "a new sub", sub)
    history.lineages.add(lineage)
    return lineage


def check_objects(reader: LogReader, grown: Grown) -> None:
    """What is public of a block is stored byte for byte."""
    planned = [each for each in grown.objects if each.bucket == "tiles"]
    stored = reader.objects([each.key for each in planned])
    for each, found in zip(planned, stored, strict=True):
        check_same("the object", each.key, each.data, found)


def _check_signatures(row: Row, key: VerifierKey, where: str) -> None:
    block = row.block
    checkpoint = _read_note(row.checkpoint, key, f"{where}, checkpoint")
    expected = Checkpoint(block.origin, block.size, block.root)
    check_same("the checkpoint", where, expected, checkpoint)
    assert key.loaded is not None, "a log's key is Ed25519"
    try:
        verify_block_signature(block, key.loaded, row.signature)
    except ProofError as error:
        raise AuditFailure("the block signature", where, "one of the log key", error) from error
