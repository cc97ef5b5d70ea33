"""Publishing the status lists of W3C and IETF: statuses follow from the changes in the log, and
versions are signed when there is news of a list, or an old one is wanted.

As with all that the publisher does (see ``publish``), what is made has the name of its digest, and
a list moves by one conditional write, which stores the signed notices before they are submitted.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ...proof.credentials.data_integrity import sign_credential
from ...proof.credentials.status_list import REVOCATION, SUSPENSION, format_status_list
from ...proof.credentials.token_status_list import (
    INVALID,
    SUSPENDED,
    VALID,
    sign_token_status_list,
    status_bits,
)
from ...proof.entry_status import SUPERSEDE
from ...proof.hashes import Hash, leaf_hash, sha256
from ...proof.jcs import format_jcs
from ...proof.limits import STATUS_FRESH_MS
from ...proof.payload import Register, Supersede
from ...proof.statement import parse_statement
from ...proof.times import format_time
from ..apply import create_same
from ..changes import News
from ..entries import read_entries, read_objects
from ..index import KEY_BYTES, find
from ..limits import LIST_GENERATIONS, LIST_TARGETS, LIST_TTL_S, STATUS_RENEW_MS
from ..log import Log
from ..ports import Conflict, OutcomeUnknown, Single
from ..published import place
from ..rows import Rows
from .bit_lists import FORMS, TOKEN, Allotment, BitList, BitLists, Form, ListId, bits_key, bits_url
from .places import Place, decode_sub, place_of
from .statuses import Mark, Statuses, change_statuses, format_statuses, parse_statuses

if TYPE_CHECKING:
    from ..publish import Publisher

VALUES = {"suspend": SUSPENDED, "reinstate": VALID, "revoke": INVALID, SUPERSEDE: INVALID}
"""What an entry's status is after a change."""

_PURPOSES = {REVOCATION: INVALID, SUSPENSION: SUSPENDED}
"""The status whose entries have their bit set."""

Marks = Mapping[ListId, Sequence[tuple[int, Mark]]]
"""For each list the changes of it, with their indices in the log, in order."""


def publish_bits(publisher: Publisher, rows: Rows, news: News) -> list[int | None]:
    """Bring every list up to date; of each how many notices were submitted, or None when somebody
    else was at it, or nobody knows: then the same news are read again."""
    log, lists = publisher.log, publisher.log.lists
    assert lists is not None, "a publisher has a place for lists"
    # After the log was read: an issuer's secret is older than the first entry that has a place.
    marks = _marks(log, rows, news, lists.allotments())
    asked = lists.asked()
    known = {each.id: each for each in lists.all()}
    waiting = [leaf_hash(each.entry) for bits in known.values() for each in bits.waiting]
    found = find(log.work, log.runs, waiting, rows.size)
    run = _Run(publisher, lists, rows, news, marks, asked, found)
    ids = known.keys() | marks.keys() | {id_ for id_, _ in asked}
    return [run.serve(known.get(id_, BitList(id_))) for id_ in sorted(ids)]


def _marks(log: Log, rows: Rows, news: News, allotments: Sequence[Allotment]) -> Marks:
    """What the news are to lists. A supersede also opens the list of the newer entry."""
    placed = [
        (read, where)
        for each in allotments
        for read in news.changes.get(each.issuer, ())
        if (where := _place(each.secret, read.sub)) is not None
    ]
    generations = find_generations(log, rows, {read.change.entry for read, _ in placed})
    marks: dict[ListId, list[tuple[int, Mark]]] = {}
    for read, where in placed:
        generation = generations.get(read.change.entry)
        if generation is None:
            continue
        id_ = ListId(read.issuer, where.page, generation)
        mark = Mark(where.position, VALUES[read.change.kind], read.change.effective)
        marks.setdefault(id_, []).append((read.index, mark))
        if read.change.kind == SUPERSEDE and generation < LIST_GENERATIONS:
            marks.setdefault(id_._replace(generation=generation + 1), [])
    return marks


def _place(secret: bytes, sub: str) -> Place | None:
    number = decode_sub(secret, sub)
    return None if number is None else place_of(secret, number)


def find_generations(log: Log, rows: Rows, entries: Collection[Hash]) -> dict[Hash, int]:
    """How many supersedes lead from a register to each of these entries, as their targets tell one
    after the other. Those of more than ``LIST_GENERATIONS`` are left out."""
    every, found = sorted(entries), dict[Hash, int]()
    for first in range(0, len(every), LIST_TARGETS):
        at = {entry: entry for entry in every[first : first + LIST_TARGETS]}
        for generation in range(LIST_GENERATIONS + 1):
            payloads = _read_payloads(log, rows, set(at.values()))
            steps = [(entry, payloads.get(target)) for entry, target in at.items()]
            found |= {entry: generation for entry, step in steps if isinstance(step, Register)}
            at = {entry: step.target for entry, step in steps if isinstance(step, Supersede)}
            if not at:
                break
    return found


def _read_payloads(log: Log, rows: Rows, entries: Collection[Hash]) -> dict[Hash, object]:
    """What those of these entries say that the log holds."""
    indices = find(log.work, log.runs, entries, rows.size)
    stored = read_entries(log, indices.values(), rows.size)
    return {
        entry: parse_statement(stored[indices[entry[:KEY_BYTES]]]).statement.payload
        for entry in entries
        if entry[:KEY_BYTES] in indices
    }


@dataclass(frozen=True, slots=True)
class _Run:
    publisher: Publisher
    lists: BitLists
    rows: Rows
    news: News
    marks: Marks
    asked: Mapping[tuple[ListId, str], int]
    found: Mapping[bytes, int]

    @property
    def read_s(self) -> int:
        return self.news.read_ms // 1000

    def serve(self, known: BitList) -> int | None:
        """Bring one list up to date: see ``publish_bits``."""
        log = self.publisher.log
        try:
            forms = {name: self._settled(form) for name, form in known.forms.items()}
            now = self._renewed(replace(known, forms=forms))
            if now != known or not known.version:
                self.lists.put(now)
            return sum(
                log.pending.add(Single(leaf_hash(each.entry).hex(), each.entry, None))
                for each in now.waiting
            )
        except (Conflict, OutcomeUnknown):
            return None

    def _settled(self, form: Form) -> Form:
        served = place(self.rows, form.waiting, self.found)
        return form if served is None else Form(served, form.waiting_ms)

    def _renewed(self, known: BitList) -> BitList:
        """With the changes that it lacks, and newer versions of the forms that are old and wanted;
        of all its forms, if statuses are others now."""
        marks = [mark for at, mark in self.marks.get(known.id, ()) if at >= known.size]
        is_due = known.due_s is not None and known.due_s <= self.read_s
        wanted = [form for form in FORMS if self._is_wanted(known, form)]
        if not (marks or is_due or wanted):
            return known
        before = self._statuses(known)
        statuses = change_statuses(before, marks, self.read_s)
        if statuses != before:
            known = self._with_statuses(known, statuses)
        if statuses.values != before.values:
            wanted = [form for form in FORMS if form in wanted or form in known.forms]
        forms = {form: self._signed(known, form, statuses.values) for form in wanted}
        return replace(known, forms={**known.forms, **forms})

    def _is_wanted(self, known: BitList, form: str) -> bool:
        newest_ms = known.forms.get(form, Form()).newest_ms
        is_old = self.news.read_ms - newest_ms >= STATUS_RENEW_MS
        return is_old and self.asked.get((known.id, form), 0) > newest_ms

    def _statuses(self, known: BitList) -> Statuses:
        if known.statuses is None:
            return Statuses()
        [data] = read_objects(self.publisher.log.tiles, [bits_key(known.statuses)])
        return parse_statuses(data)

    def _with_statuses(self, known: BitList, statuses: Statuses) -> BitList:
        digest = self._store(format_statuses(statuses))
        return replace(known, statuses=digest, size=self.news.size, due_s=statuses.due_s)

    def _signed(self, known: BitList, form: str, values: bytes) -> Form:
        """A newer version of a list, with its notice."""
        publisher, iat = self.publisher, self.read_s
        url = bits_url(publisher.public_url, known.id, form)
        document = (
            self._token(url, values) if form == TOKEN else self._credential(url, form, values)
        )
        self._store(document)
        notice = publisher.notary.about_list(url, document, iat)
        return replace(known.forms.get(form, Form()), waiting=notice, waiting_ms=iat * 1000)

    def _store(self, data: bytes) -> Hash:
        digest = sha256(data)
        create_same(self.publisher.log.tiles, bits_key(digest), data)
        return digest

    def _token(self, url: str, values: bytes) -> bytes:
        """Signed with the statement key: KMS takes no more than 4,096 bytes for Ed25519."""
        notary = self.publisher.notary
        return sign_token_status_list(
            url,
            values,
            notary.signer,
            kid=notary.method,
            iat=self.read_s,
            exp=self.read_s + STATUS_FRESH_MS // 1000,
            ttl=LIST_TTL_S,
        ).encode()

    def _credential(self, url: str, purpose: str, values: bytes) -> bytes:
        notary, from_ms = self.publisher.notary, self.read_s * 1000
        value = format_status_list(
            url,
            notary.id,
            purpose,
            status_bits(values, _PURPOSES[purpose]),
            valid_from=format_time(from_ms),
            valid_until=format_time(from_ms + STATUS_FRESH_MS),
        )
        signer, method = notary.list_signer, notary.list_method
        return format_jcs(sign_credential(value, signer, method, created=format_time(from_ms)))
