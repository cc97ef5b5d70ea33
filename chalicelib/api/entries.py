"""``/entries``: SCITT's reference API for registration (SCRAPI §2.3 to §2.5)."""

from __future__ import annotations

import json

from ..notary.admit import admit_bulk, admit_statement
from ..notary.jobs import job_status
from ..notary.limits import BULK_BYTES, WAIT_S
from ..notary.ports import Job
from ..notary.webhooks.telling import tell_of_admission
from ..proof.hashes import Hash
from ..proof.limits import ENTRY_BYTES
from . import media
from .operation import ENTRIES_WRITE, Call
from .problems import Problem
from .receipts import LOCATOR, OFFERS, REFUSALS, find, reply_receipt
from .request import NOT_STORED, Reply
from .room import Room
from .waiting import poll

room = Room(__name__)

RETRY = {"Retry-After": "1"}

DECIDED = ("awaiting-approval", "failed")
"""States of a job that no waiting changes: a person decides, or did."""

STATEMENT_REFUSALS = (
    "entry-too-large",
    "malformed-cbor",
    "malformed-statement",
    "unknown-alg",
    "unknown-key",
    "unknown-issuer",
    "wrong-signature",
    "unknown-kind",
    "unknown-profile",
    "issued-in-future",
    "not-your-issuer",
    "sub-not-new",
    "unknown-target",
    "issuer-not-active",
    "approval-required",
    "effective-in-future",
    "effective-too-early",
    "impossible-change",
    "set-aside",
)


@room.operation(
    "POST",
    "/entries",
    summary="Register a signed statement, or a CBOR sequence of them",
    scope=ENTRIES_WRITE,
    takes=(media.STATEMENT, media.COSE, media.CBOR_SEQ),
    sends={"Prefer": f"wait=N: answer within N seconds, at most {WAIT_S} (RFC 7240)"},
    gives={201: (*OFFERS, media.JSON), 303: (media.JSON, "")},
    headers={
        "Location": "where the receipt, or the job, is found",
        "Retry-After": "seconds, while it is not integrated",
        "Preference-Applied": "the wait that was honoured",
    },
    returns=("Job", "Receipt"),
    problems=(*STATEMENT_REFUSALS, "not-acceptable", "too-many-items"),
)
def register(call: Call) -> Reply:
    if call.request.media_type == media.CBOR_SEQ:
        return _register_bulk(call)
    return _register_single(call)


def _register_single(call: Call) -> Reply:
    form = call.request.negotiate(OFFERS)
    entry = call.request.body
    if len(entry) > ENTRY_BYTES:
        raise Problem(
            "entry-too-large", f"an entry has at most {ENTRY_BYTES} bytes, not {len(entry)}"
        )
    service = call.service
    entry_id = admit_statement(entry, call.caller, service.registry, service.log, call.now_ms)
    headers = {"Location": call.url(f"/entries/{entry_id.hex()}"), **applied(call)}
    index = integrated_index(call, entry_id)
    if index is None:
        return Reply(303, headers={**headers, **RETRY})
    return reply_receipt(201, call, index, form, headers)


def integrated_index(call: Call, entry_id: Hash) -> int | None:
    """The entry's index if it is, or gets, integrated while the client waits."""
    log, id_ = call.service.log, entry_id.hex()

    def look() -> int | None:
        # What is pending needs no look at the index, which costs more than this read.
        return None if log.pending.contains(id_) else find(log, id_)

    index = look()
    if index is None:
        call.service.wake()
        index = poll(look, call.deadline)
    return index


def _register_bulk(call: Call) -> Reply:
    call.request.negotiate((media.JSON,))
    call.request.limit(BULK_BYTES)
    service = call.service
    body = call.request.body
    job = admit_bulk(body, call.caller, service.registry, service.log, call.now_ms)
    tell_of_admission(service.webhooks, job, call.now_ms)
    done = _integrated_job(call, job)
    status = job_status(service.log, done or job)
    if status["state"] == "failed" and job.state not in DECIDED:
        raise Problem("set-aside", status["problem"])
    headers = {"Location": call.url(f"/v1/jobs/{job.id}"), **applied(call)}
    if done is None and job.state not in DECIDED:
        headers |= RETRY
    return Reply(201 if done else 303, media.JSON, json.dumps(status).encode(), headers)


def _integrated_job(call: Call, job: Job) -> Job | None:
    """The job once it has nothing pending, if that is while the client waits, who does not wait for
    persons."""
    log = call.service.log
    if job.state in DECIDED:
        return None

    def look() -> Job | None:
        return None if log.pending.contains(job.id) else log.jobs.get(job.id)

    done = look()
    if done is None:
        call.service.wake()
        done = poll(look, call.deadline)
    return done


def applied(call: Call) -> dict[str, str]:
    """The header that says which wait was honoured."""
    wait_s = call.request.wait_s()
    return {} if wait_s is None else {"Preference-Applied": f"wait={wait_s}"}


@room.operation(
    "GET",
    "/entries/{locator}",
    summary="The state of a registration: its receipt once it is integrated",
    parameters=LOCATOR,
    gives={200: OFFERS, 302: ("",)},
    headers={"Location": "this resource", "Retry-After": "seconds, while it is not integrated"},
    returns=("Receipt",),
    problems=REFUSALS,
)
def show_entry(call: Call) -> Reply:
    form = call.request.negotiate(OFFERS)
    locator = call.request.params["locator"]
    index = find(call.service.log, locator)
    headers = {"Location": call.url(f"/entries/{locator}")}
    if index is None:
        return Reply(302, headers={**headers, **RETRY, **NOT_STORED})
    return reply_receipt(200, call, index, form, headers)
