"""Custodial issuing in bulk: a roster for one issuer and profile becomes a job, of which a worker
makes and signs every row.

The roster waits sealed in the bucket, under the data key of a record as that of a single issue is;
what is made lies beside it, sealed likewise, a hundred rows to an object that is written once. So
a worker that dies, or two at once, make one issue of each row: what is stored first counts, and
only what is stored is submitted. Salts follow from the record's seed and the row's place.
When the record is destroyed, nothing of all this opens any more. Every row of the roster is an item
of the job, issued or rejected.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from ...proof.document import commit
from ...proof.hashes import sha256
from ...proof.keys import EDDSA
from ...proof.payload import Register
from ...proof.receipt import Receipt
from ...proof.statement import sign_statement
from ..accepted import Rejected, read_head, read_rejected
from ..admit import admit_made, known_job, upload_key
from ..limits import BULK_ISSUE_ROWS, SIGN_THREADS
from ..ports import Conflict, IssuerKey, Job
from ..receipts import job_receipts
from ..refused import Refused
from ..roster.reading import Refused as RefusedRow
from ..roster.reading import Row
from .documents import Desk, Destroyed, claim, open_again
from .lineages import new_lineages
from .orders import (
    Claims,
    Form,
    Order,
    check_order_length,
    check_profile,
    custodial_key,
    find_profile,
    make,
)
from .records import Held, Lineage, open_record, record_id
from .rosters import (
    Breach,
    MadeRow,
    Media,
    check_rows,
    format_rows,
    parse_rows,
    read_rows,
    refused_row,
)

ROUTE = "POST /v1/jobs"
_ROSTER = "roster"

NO_LINEAGE = Lineage("")
"""Each row has its own."""


class BulkOrder(NamedTuple):
    """What is to be issued: ``data`` has a row for each document."""

    issuer: str
    profile: str
    form: Form
    media: Media
    data: bytes


class NoResults(Exception):
    """The rows are not all made and approved yet, or none will be."""


class Result(NamedTuple):
    """What became of a row; ``receipt`` is None until it is integrated."""

    item: int
    row: MadeRow
    receipt: Receipt | None = None


def open_job(desk: Desk, key: str, order: BulkOrder) -> Job:
    """Take a roster for its worker, once for this Idempotency-Key. Raises Refused, InProgress or
    Destroyed."""
    sent = _format_order(order)
    id_ = record_id(desk.caller.tenant, ROUTE, key)
    record = desk.custody.documents.get(id_)
    if record is None:
        _check(desk, order)
        held = claim(desk, id_, sha256(sent), NO_LINEAGE)
    else:
        held = open_again(desk, record, sha256(sent))
    desk.log.jobs.create(Job(id_, desk.caller.tenant, "admitting", sender=desk.caller.person))
    # The store's own message about this object wakes the worker; the owner's look, if it is lost.
    _create(desk, upload_key(id_), held.seal(_ROSTER, sent, desk.custody.random))
    return known_job(desk.log.jobs, id_)


def issue_job(desk: Desk, id: str) -> Job:
    """Make what is not made of a job's rows, and submit them all. Idempotent: who comes after a
    failure goes on. What cannot be issued at all fails the job."""
    job = known_job(desk.log.jobs, id)
    if job.state == "failed":
        return job
    items: list[bytes | Refused] = []
    if read_head(desk.log.work, id) is None:
        try:
            items = _make_all(desk, id)
        except Refused as refused:
            desk.log.jobs.fail(id, f"{refused.name}: {refused.detail}")
            return known_job(desk.log.jobs, id)
    return admit_made(job, items, desk.registry, desk.log, desk.now_ms)


def read_results(desk: Desk, id: str, first: int) -> tuple[list[Result], int | None]:
    """What became of the items from ``first`` on, a page of them, and where the next page begins.
    Raises NoResults or Destroyed; Refused for what is no roster of the caller's."""
    record, job = desk.custody.documents.get(id), desk.log.jobs.get(id)
    if record is None or job is None or job.tenant != desk.caller.tenant:
        raise Refused("no-such-job", "nothing was issued for you by a job with this id")
    if record.is_gone(desk.now_ms):
        raise Destroyed(None)
    if job.state in ("admitting", "awaiting-approval", "failed"):
        raise NoResults  # what is signed is good for who looks at the signature alone
    number = first // BULK_ISSUE_ROWS
    rows = _read_made(desk, open_record(record, desk.custody.keys), number)
    start = number * BULK_ISSUE_ROWS
    numbered = [(start + at, row) for at, row in enumerate(rows) if start + at >= first]
    more = desk.log.work.size(_made_key(id, number + 1)) is not None
    return _settle(desk, job, numbered), (number + 1) * BULK_ISSUE_ROWS if more else None


def _settle(desk: Desk, job: Job, rows: Sequence[tuple[int, MadeRow]]) -> list[Result]:
    first = rows[0][0] if rows else 0
    page = job_receipts(desk.log, job, first, BULK_ISSUE_ROWS)
    receipts = {each.item: each.receipt for each in page}
    told = read_rejected(desk.log.work, job.id) if job.items > job.accepted else []
    rejected = {each.item: each for each in told}
    return [_result(item, row, receipts.get(item), rejected.get(item)) for item, row in rows]


def _result(item: int, row: MadeRow, receipt: Receipt | None, rejected: Rejected | None) -> Result:
    """A row that was made, and rejected when it was submitted, was not issued."""
    if row.entry and rejected is not None:
        breach = Breach("", f"was made, and rejected: {rejected.type}: {rejected.detail}")
        row = MadeRow(row.number, breaches=(breach,), total=1)
    return Result(item, row, receipt and replace(receipt, document=row.document))


def _check(desk: Desk, order: BulkOrder) -> None:
    """All that can be refused before anything is stored."""
    profile = find_profile(order.profile)
    check_profile(profile, claims=True)
    _key_of(desk, order)
    check_rows(order.data, order.media, profile)


def _key_of(desk: Desk, order: BulkOrder) -> IssuerKey:
    alg = EDDSA if order.form == "open-badges" else None
    issuer = desk.registry.issuer(order.issuer)
    return custodial_key(issuer, desk.caller.tenant, desk.now_ms, alg)


def _make_all(desk: Desk, id: str) -> list[bytes | Refused]:
    """Every row's entry, or why there is none, in order of item."""
    record, sealed = desk.custody.documents.get(id), desk.log.work.get(upload_key(id))
    if record is None or sealed is None or record.is_gone(desk.now_ms):
        raise Refused("document-gone", "the roster was destroyed before it was issued")
    held = open_record(record, desk.custody.keys)
    order = _parse_order(held.unseal(_ROSTER, sealed))
    key = _key_of(desk, order)
    rows = read_rows(order.data, order.media, find_profile(order.profile))
    items: list[bytes | Refused] = []
    for first in range(0, len(rows), BULK_ISSUE_ROWS):
        number = first // BULK_ISSUE_ROWS
        made = _read_made(desk, held, number)
        if not made:
            part = rows[first : first + BULK_ISSUE_ROWS]
            made = _make_part(desk, held, order, key, list(enumerate(part, first)))
            data = held.seal(_made_name(number), format_rows(made), desk.custody.random)
            _create(desk, _made_key(id, number), data)
            made = _read_made(desk, held, number)
        items += [_item(id, row) for row in made]
    return items


def _item(id: str, row: MadeRow) -> bytes | Refused:
    if row.entry:
        return row.entry
    where = f"row {row.number}: see GET /v1/jobs/{id}/results for what is wrong with it"
    return Refused("broken-claims", where)


def _make_part(
    desk: Desk,
    held: Held,
    order: BulkOrder,
    key: IssuerKey,
    rows: Sequence[tuple[int, Row | RefusedRow]],
) -> list[MadeRow]:
    """Lineages of a part that is made again, or twice, are other ones: what is stored first counts,
    and a lineage that is not used costs nothing."""
    lineages = new_lineages(desk, order.issuer, len(rows))
    with ThreadPoolExecutor(SIGN_THREADS) as pool:
        return list(pool.map(partial(_make_row, desk, held, order, key), rows, lineages))


def _make_row(
    desk: Desk,
    held: Held,
    order: BulkOrder,
    key: IssuerKey,
    numbered: tuple[int, Row | RefusedRow],
    lineage: Lineage,
) -> MadeRow:
    item, row = numbered
    if isinstance(row, RefusedRow):
        return refused_row(row)
    content = Claims(row.claims, order.form, row.holder)
    ordered = Order(order.issuer, key, find_profile(order.profile), content)
    try:
        check_order_length(ordered)
    except Refused as refused:
        breach = Breach("", f"{refused.name}: {refused.detail}")
        return MadeRow(row.number, breaches=(breach,), total=1)
    salt, seed = (_derive(held, item, purpose) for purpose in ("salt", "seed"))
    signer, iat = desk.custody.issuer_keys.signer(key), held.secret.iat
    document, credential = make(ordered, signer, salt, seed, iat, lineage.place)
    payload = Register(order.profile, document.canonicalization, *commit(salt, document))
    entry = sign_statement(payload, order.issuer, lineage.sub, iat, signer)
    return MadeRow(row.number, entry, document, credential)


def _derive(held: Held, item: int, purpose: str) -> bytes:
    return hmac.digest(held.secret.seed, f"tally row {item} {purpose}".encode(), "sha256")


def _read_made(desk: Desk, held: Held, number: int) -> list[MadeRow]:
    """The rows of a part, if it is made."""
    sealed = desk.log.work.get(_made_key(held.record.id, number))
    return [] if sealed is None else parse_rows(held.unseal(_made_name(number), sealed))


def _made_key(id: str, number: int) -> str:
    return f"custody/{id}/{number}"


def _made_name(number: int) -> str:
    return f"made {number}"


def _create(desk: Desk, key: str, data: bytes) -> None:
    try:
        desk.log.work.create(key, data)
    except Conflict:
        return  # an earlier request, or another worker, was faster


def _format_order(order: BulkOrder) -> bytes:
    """The order in a line of JSON, then the roster."""
    facts = (order.issuer, order.profile, order.form, order.media)
    return json.dumps(facts).encode() + b"\n" + order.data


def _parse_order(sent: bytes) -> BulkOrder:
    line, _, data = sent.partition(b"\n")
    issuer, profile, form, media = json.loads(line)
    return BulkOrder(issuer, profile, form, media, data)
