"""Uploads and jobs: bulk submissions, how far they are, and their receipts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from ..notary.admit import open_upload, remind_of_upload
from ..notary.jobs import job_status
from ..notary.limits import (
    PAGE_BYTES,
    RECEIPTS_PAGE,
    UPLOAD_BYTES,
    UPLOAD_EXPIRES_S,
    UPLOAD_ITEMS,
)
from ..notary.ports import Job
from ..notary.published import ask_for_lists
from ..notary.receipts import JobReceipt, job_receipts
from ..proof.errors import Malformed
from ..proof.members import read_hash, read_integer
from ..proof.receipt import format_receipt
from . import media
from .operation import ENTRIES_WRITE, JOBS_READ, Call
from .problems import Problem
from .request import PRIVATE, Reply
from .room import Room

room = Room(__name__)

REQUEST_BYTES = 1_024
JOB = {"job": "a job id"}

JOB_ID = re.compile(r"[0-9a-f]{64}", re.ASCII)


@room.operation(
    "POST",
    "/v1/uploads",
    summary="Open a presigned upload for a CBOR sequence of signed statements",
    scope=ENTRIES_WRITE,
    takes=(media.JSON,),
    gives={201: (media.JSON,)},
    headers={"Location": "the job"},
    reads="UploadRequest",
    returns=("Upload",),
    problems=("malformed-json", "not-acceptable"),
)
def create_upload(call: Call) -> Reply:
    call.request.negotiate((media.JSON,))
    call.request.limit(REQUEST_BYTES)
    members = call.request.json(("bytes", "sha-256"))
    try:
        size = read_integer(members["bytes"], "bytes")
        digest = read_hash(members["sha-256"], "sha-256")
    except Malformed as error:
        raise Problem("malformed-json", str(error)) from error
    if size == 0:
        raise Problem("malformed-json", "bytes is at least 1")
    if size > UPLOAD_BYTES:
        raise Problem("too-many-bytes", f"an upload has at most {UPLOAD_BYTES} bytes")
    service = call.service
    job, upload = open_upload(size, digest, call.caller, service.log.jobs, service.uploads)
    body = {
        "job": job.id,
        "upload": {"url": upload.url, "method": upload.method, "headers": upload.headers},
        "expires_s": UPLOAD_EXPIRES_S,
        "items_at_most": UPLOAD_ITEMS,
    }
    headers = {**PRIVATE, "Location": call.url(f"/v1/jobs/{job.id}")}
    return Reply(201, media.JSON, json.dumps(body).encode(), headers)


@room.operation(
    "GET",
    "/v1/jobs/{job}",
    summary="How far a bulk submission is, and what of it was rejected",
    scope=JOBS_READ,
    parameters=JOB,
    gives={200: (media.JSON,)},
    returns=("Job",),
    problems=("no-such-job", "outcome-unknown"),
)
def show_job(call: Call) -> Reply:
    job, service = own_job(call), call.service
    remind_of_upload(job, service.log.jobs, service.uploads, service.remind, call.now_ms)
    status = job_status(service.log, job)
    return Reply(200, media.JSON, json.dumps(status).encode(), PRIVATE)


@room.operation(
    "GET",
    "/v1/jobs/{job}/receipts",
    summary="The receipts of the items integrated so far, one JSON object per line",
    scope=JOBS_READ,
    parameters=JOB,
    query={"from": "the first item, from 0"},
    gives={200: (media.NDJSON,)},
    headers={"Link": "the next page (RFC 8288), if there is one"},
    problems=("no-such-job",),
)
def list_job_receipts(call: Call) -> Reply:
    job = own_job(call)
    first = call.request.integer("from", 0, 0, UPLOAD_ITEMS)
    page = job_receipts(call.service.log, job, first, RECEIPTS_PAGE)
    ask_for_lists(call.service.log, (line.receipt for line in page), call.now_ms)
    lines = fill_page(format_line(each) for each in page)
    headers = dict(PRIVATE)
    if len(page) == RECEIPTS_PAGE or len(lines) < len(page):
        url = call.url(f"/v1/jobs/{job.id}/receipts?from={page[len(lines) - 1].item + 1}")
        headers["Link"] = f'<{url}>; rel="next"'
    return Reply(200, media.NDJSON, b"".join(lines), headers)


def fill_page(found: Iterable[bytes]) -> list[bytes]:
    """Those of the lines that fit into one answer; at least one, if there is one."""
    lines: list[bytes] = []
    size = 0
    for line in found:
        size += len(line)
        if lines and size > PAGE_BYTES:
            break
        lines.append(line)
    return lines


def format_line(line: JobReceipt) -> bytes:
    """One line: the receipt is spliced in as it is, so that its bytes stay the receipt's own."""
    facts = json.dumps({"item": line.item, "entry_id": line.entry_id.hex(), "index": line.index})
    receipt = format_receipt(line.receipt).rstrip(b"\n")
    return facts[:-1].encode() + b', "receipt": ' + receipt + b"}\n"


def own_job(call: Call) -> Job:
    """The job in the path, if it is the caller's: others' jobs look like none."""
    id_ = call.request.params["job"]
    job = call.service.log.jobs.get(id_) if JOB_ID.fullmatch(id_) else None
    if job is None or job.tenant != call.caller.tenant:
        raise Problem("no-such-job")
    return job
