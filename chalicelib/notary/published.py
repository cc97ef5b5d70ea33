"""What the notary registered about issuers, as receipts carry it: profiles and status lists."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ..proof.checkpoint import parse_checkpoint_text
from ..proof.entry_status import parse_entry_status, read_ms_of
from ..proof.hashes import Hash, leaf_hash
from ..proof.note import parse_note
from ..proof.payload import Register, Supersede
from ..proof.receipt import Evidence, Inclusion, Receipt
from ..proof.statement import SignedStatement, parse_statement
from ..proof.tiles import prove_inclusions_from_tiles
from ..proof.tlogproof import TlogProof
from .entries import read_entries, read_objects, read_tiles
from .index import KEY_BYTES, find
from .limits import STATUS_RENEW_MS
from .log import Log
from .notices import IssuerNotices, Listed, Placed, Waiting, profile_key, status_key
from .ports import Row
from .rows import Rows


@dataclass(frozen=True, slots=True)
class Wanted:
    """A statement that the log holds since block ``height``, whose receipt is being made."""

    statement: SignedStatement
    height: int


@dataclass(frozen=True, slots=True)
class Papers:
    """What goes into a receipt; None where nothing was registered."""

    issuer: Evidence | None = None
    status: Evidence | None = None


def settle(log: Log, rows: Rows, notices: IssuerNotices) -> IssuerNotices:
    """The same, as it now is: what waited and is in the log has its place."""
    ids = [leaf_hash(each.entry) for each in notices.waiting]
    if not ids:
        return notices
    found = find(log.work, log.runs, ids, rows.size)
    profile = place(rows, notices.next_profile, found)
    if profile is not None:
        profiles = (*notices.profiles, profile)
        notices = replace(notices, profiles=profiles, next_profile=None)
    return replace(notices, lists=tuple(_settle(rows, each, found) for each in notices.lists))


def _settle(rows: Rows, listed: Listed, found: Mapping[bytes, int]) -> Listed:
    status = place(rows, listed.next_status, found)
    return listed if status is None else replace(listed, status=status, next_status=None)


def place(rows: Rows, waiting: Waiting | None, found: Mapping[bytes, int]) -> Placed | None:
    """Where a notice is, by what the index was found to hold of its entry; None while it waits."""
    if waiting is None:
        return None
    index = found.get(leaf_hash(waiting.entry)[:KEY_BYTES])
    if index is None:
        return None
    return Placed(waiting.document, index, rows.holding(index).block.height)


def find_notices(log: Log, rows: Rows, issuer: str) -> IssuerNotices | None:
    """What is registered about an issuer by now; None where nothing ever was."""
    notices = log.notices.get(issuer) if log.notices else None
    return None if notices is None else settle(log, rows, notices)


def read_papers(
    log: Log, rows: Rows, wanted: Mapping[int, Wanted], largest: int
) -> dict[int, Papers]:
    """For each index what was registered about the issuer: the profile that stood when its block
    was made, and the newest status list, if that has at most ``largest`` bytes. Each issuer, notice
    and document is read once."""
    issuers = {each.statement.statement.iss for each in wanted.values()}
    notices = {issuer: find_notices(log, rows, issuer) for issuer in issuers}
    chosen = {index: _choose(each, notices, rows) for index, each in wanted.items()}
    profiles = _read_evidence(log, rows, {profile for profile, _ in chosen.values()}, profile_key)
    lists = _read_evidence(log, rows, {status for _, status in chosen.values()}, status_key)
    lists = {each: found for each, found in lists.items() if len(found.document) <= largest}
    return {
        index: Papers(profiles.get(profile), lists.get(status))
        for index, (profile, status) in chosen.items()
    }


def _choose(
    wanted: Wanted, notices: Mapping[str, IssuerNotices | None], rows: Rows
) -> tuple[Placed | None, Placed | None]:
    """The notices of a profile and of a status list that belong into a receipt."""
    statement = wanted.statement.statement
    found = notices[statement.iss]
    if found is None:
        return None, None
    profile, status = found.profile_at(wanted.height), None
    # Of a change of status nobody asks what became of it.
    if isinstance(statement.payload, Register | Supersede):
        status = found.list_of(wanted.statement.entry_id).status
    return _held(profile, rows), _held(status, rows)


def _held(placed: Placed | None, rows: Rows) -> Placed | None:
    """None for what a chain that was restored since does not hold."""
    return placed if placed and placed.index < rows.size else None


def _read_evidence(
    log: Log, rows: Rows, places: Iterable[Placed | None], key: Callable[[Hash], str]
) -> dict[Placed | None, Evidence]:
    """The evidence for each notice. What outside parties attested of its block is left out: no
    check looks at it, and each receipt would carry it."""
    placed = [each for each in places if each is not None]
    entries = read_entries(log, [each.index for each in placed], rows.size)
    documents = read_objects(log.tiles, [key(each.document) for each in placed])
    groups = [(rows.at(each.height), [each.index]) for each in placed]
    tiles = read_tiles(log, groups, rows.size)
    return {
        each: Evidence(
            document, parse_statement(entries[each.index]), _inclusion(row, each.index, tiles)
        )
        for each, document, (row, _) in zip(placed, documents, groups, strict=True)
    }


def _inclusion(row: Row, index: int, tiles: dict[tuple[int, int], bytes]) -> Inclusion:
    note = parse_note(row.checkpoint)
    [path] = prove_inclusions_from_tiles([index], row.block.size, tiles)
    checkpoint = parse_checkpoint_text(note.text)
    return Inclusion(TlogProof(index, path, note), checkpoint, row.block, row.signature)


def ask_for_lists(log: Log, receipts: Iterable[Receipt], now_ms: int) -> None:
    """Let the publisher know whose status lists are wanted, and too old or too large to be there.
    A first list is registered without being asked for."""
    if log.notices is None:
        return
    old = [each for each in receipts if _is_old(each, now_ms)]
    without = {each.statement.statement.iss for each in old if each.status is None}
    notices = {issuer: log.notices.get(issuer) for issuer in without}
    parts = {part for each in old for part in _parts(each, notices)}
    for issuer, prefix in sorted(parts):
        log.notices.ask(issuer, prefix, now_ms)


def _parts(
    receipt: Receipt, notices: Mapping[str, IssuerNotices | None]
) -> Sequence[tuple[str, str]]:
    """The issuer, and how the ids begin of the entries that its list is about, if it has one."""
    signed, held = receipt.statement, receipt.status
    issuer = signed.statement.iss
    if held is not None:
        return [(issuer, parse_entry_status(held.document).prefix)]
    found = notices[issuer]
    return [(issuer, found.list_of(signed.entry_id).prefix)] if found else []


def _is_old(receipt: Receipt, now_ms: int) -> bool:
    if not isinstance(receipt.statement.statement.payload, Register | Supersede):
        return False
    if receipt.status is None:
        return True
    return now_ms - read_ms_of(receipt.status) >= STATUS_RENEW_MS
