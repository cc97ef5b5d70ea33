"""Rosters issued with the issuer's key in KMS: ``POST /v1/jobs``, and what became of each row."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ..notary.custody.documents import Destroyed, InProgress
from ..notary.custody.orders import FORMS, Form
from ..notary.jobs import job_status
from ..notary.limits import CUSTODY_BYTES
from ..notary.published import ask_for_lists
from ..notary.roster.limits import ROSTER_ROWS
from ..proof.jcs import JsonValue
from ..proof.receipt import format_receipt, write_holder
from . import media
from .documents import KEY_REFUSALS, credential_of, desk_of, read_key
from .jobs import JOB, JOB_ID, fill_page
from .operation import DOCUMENTS_ISSUE, Call
from .problems import Problem
from .receipts import splice
from .request import PRIVATE, Reply
from .room import Room

if TYPE_CHECKING:
    from ..notary.custody.bulk_issue import Result

room = Room(__name__)


@room.operation(
    "POST",
    "/v1/jobs",
    summary="Issue a roster with the issuer's key in KMS: CSV, or a line of JSON for each row",
    scope=DOCUMENTS_ISSUE,
    takes=(media.CSV, media.NDJSON),
    query={
        "issuer": "required: for whom",
        "profile": "required: by which profile, such as education/diploma",
        "form": f"one of {', '.join(FORMS)}; the first, if it is left out",
    },
    sends={"Idempotency-Key": "required: as for POST /v1/documents"},
    gives={201: (media.JSON,)},
    headers={"Location": "the job", "Retry-After": "seconds, until there may be results"},
    returns=("Job",),
    problems=(
        *("unreadable-roster", "blind-profile", "no-claims", "no-custodial-key"),
        *("unknown-issuer", "not-your-issuer", "issuer-not-active", "unknown-profile"),
        *("too-many-items", "not-acceptable", *KEY_REFUSALS),
    ),
)
def issue_roster(call: Call) -> Reply:
    from ..notary.custody import bulk_issue as use_case  # a cold start need not load it

    call.request.negotiate((media.JSON,))
    call.request.limit(CUSTODY_BYTES)
    key = read_key(call.request.headers.get("idempotency-key"))
    order = use_case.BulkOrder(
        issuer=call.request.one("issuer"),
        profile=call.request.one("profile"),
        form=_form(call.request.one("form", FORMS[0])),
        media="csv" if call.request.media_type == media.CSV else "ndjson",
        data=call.request.body,
    )
    try:
        job = use_case.open_job(desk_of(call), key, order)
    except InProgress as error:
        raise Problem("in-progress", headers={"Retry-After": "2"}) from error
    except Destroyed as error:
        detail = "what came of it is destroyed: see GET /v1/jobs; use a new Idempotency-Key"
        raise Problem("idempotency-key-spent", detail) from error
    status = json.dumps(job_status(call.service.log, job)).encode()
    headers = {**PRIVATE, "Location": call.url(f"/v1/jobs/{job.id}"), "Retry-After": "2"}
    return Reply(201, media.JSON, status, headers)


@room.operation(
    "GET",
    "/v1/jobs/{job}/results",
    summary="What became of each row of a roster, one JSON object per line",
    scope=DOCUMENTS_ISSUE,
    parameters=JOB,
    query={"from": "the first item, from 0"},
    gives={200: (media.NDJSON,)},
    headers={"Link": "the next page (RFC 8288), if there is one"},
    problems=("no-such-job", "no-results", "document-gone"),
)
def list_results(call: Call) -> Reply:
    from ..notary.custody import bulk_issue as use_case

    id_ = call.request.params["job"]
    if not JOB_ID.fullmatch(id_):
        raise Problem("no-such-job")
    first = call.request.integer("from", 0, 0, ROSTER_ROWS)
    try:
        results, next_ = use_case.read_results(desk_of(call), id_, first)
    except use_case.NoResults as error:
        raise Problem("no-results", headers={"Retry-After": "2"}) from error
    except Destroyed as error:
        raise Problem("document-gone", "GET /v1/jobs/{job}/receipts has the rest") from error
    ask_for_lists(call.service.log, (r.receipt for r in results if r.receipt), call.now_ms)
    lines = fill_page(format_line(each) for each in results)
    if len(lines) < len(results):
        next_ = results[len(lines)].item
    headers = dict(PRIVATE)
    if next_ is not None:
        url = call.url(f"/v1/jobs/{id_}/results?from={next_}")
        headers["Link"] = f'<{url}>; rel="next"'
    return Reply(200, media.NDJSON, b"".join(lines), headers)


def format_line(result: Result) -> bytes:
    row = result.row
    facts: dict[str, JsonValue] = {"item": result.item, "row": row.number}
    if row.document is None:
        facts["breaches"] = [each._asdict() for each in row.breaches]
        facts["breach_count"] = row.total
    else:
        facts["entry_id"] = row.entry_id.hex()
        facts["document"] = write_holder(row.document)
        facts["credential"] = credential_of(row.document, row.credential)
    line = json.dumps(facts, ensure_ascii=False, separators=(",", ":")).encode()
    if result.receipt is not None:
        line = splice(line, format_receipt(result.receipt))
    return line + b"\n"


def _form(text: str) -> Form:
    form = next((each for each in FORMS if each == text), None)
    if form is None:
        raise Problem("bad-query", f"form is one of {', '.join(FORMS)}")
    return form
