"""Approvals: a second person lets a job go on, or stops it."""

from __future__ import annotations

import json

from ..notary.approval import approve, reject
from ..notary.jobs import job_status
from ..notary.ports import Job
from ..notary.refused import Refused
from ..notary.webhooks.telling import tell_of_failure
from ..proof.errors import Malformed
from ..proof.issuer_profile import check_issuer_text
from ..proof.members import read_text
from . import media
from .documents import desk_of
from .jobs import JOB, own_job
from .operation import JOBS_APPROVE, Call
from .problems import Problem
from .request import PRIVATE, Reply
from .room import Room

room = Room(__name__)

REASON_BYTES = 4_096


@room.operation(
    "POST",
    "/v1/jobs/{job}/approval",
    summary="Approve a job that somebody else sent and signed",
    scope=JOBS_APPROVE,
    parameters=JOB,
    gives={200: (media.JSON,)},
    returns=("Job",),
    problems=("no-such-job", "same-person", "not-awaiting-approval", "outcome-unknown"),
)
def approve_job(call: Call) -> Reply:
    job = own_job(call)
    try:
        job = approve(job, desk_of(call))
    except Refused:
        _tell_if_failed(call, job)
        raise
    call.service.wake()
    return _reply(call, job)


@room.operation(
    "POST",
    "/v1/jobs/{job}/rejection",
    summary="Fail a job that awaits approval, for a reason",
    scope=JOBS_APPROVE,
    parameters=JOB,
    takes=(media.JSON,),
    gives={200: (media.JSON,)},
    reads="JobRejection",
    returns=("Job",),
    problems=("no-such-job", "not-awaiting-approval", "malformed-json"),
)
def reject_job(call: Call) -> Reply:
    call.request.limit(REASON_BYTES)
    members = call.request.json(("reason",))
    try:
        reason = check_issuer_text(read_text(members["reason"], "reason"), "reason")
    except Malformed as error:
        raise Problem("malformed-json", str(error)) from error
    job = reject(own_job(call), reason, call.service.log)
    _tell_if_failed(call, job)
    return _reply(call, job)


def _tell_if_failed(call: Call, job: Job) -> None:
    """The sender's webhooks, whatever was at fault; telling twice is telling once."""
    now = call.service.log.jobs.get(job.id)
    if now is not None and now.state == "failed":
        tell_of_failure(call.service.webhooks, now, call.now_ms)


def _reply(call: Call, job: Job) -> Reply:
    body = json.dumps(job_status(call.service.log, job)).encode()
    return Reply(200, media.JSON, body, PRIVATE)
