"""A second person's word: jobs of issuers that ask for it are admitted by one and let go on by
another.

A job waits in the state ``awaiting-approval`` with its checks behind it. Whoever approves neither
sent it nor signed any of it. The statements are then checked again, for meanwhile keys may have
ended and documents been revoked. Each step may be repeated, by anybody, after any failure: the move
of the job's state decides, and what follows it is done by whoever comes next.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from ..proof.statement import parse_statement
from .accepted import accepted_key, parse_accepted, read_numbers
from .admit import known_job, resume
from .checks import Caller, check_statements
from .custody.documents import Desk
from .held import person_of
from .log import Log
from .ports import Conflict, Job
from .refused import Refused

WAITING = "awaiting-approval"


def approve(job: Job, desk: Desk) -> Job:
    """Let the job go on; one whose statements would be refused by now fails, and so does one of
    which nothing is kept any more for its sender to have. Raises Refused."""
    log, caller = desk.log, desk.caller
    if job.state == WAITING:
        entries = _entries(log, job)
        _check_person(job, entries, caller)
        problem = _problem(job, entries, desk)
        with suppress(Conflict):  # somebody was faster: what they decided holds
            if problem:
                log.jobs.fail(job.id, problem)
            else:
                log.jobs.approve(job.id, caller.person)
        job = known_job(log.jobs, job.id)
    if not job.decider:
        raise _not_waiting(job)
    return resume(job, log)


def reject(job: Job, reason: str, log: Log) -> Job:
    """Fail the job; also by who sent it, for nothing comes of it. Raises Refused."""
    if job.state == WAITING:
        with suppress(Conflict):  # somebody was faster: what they decided holds
            log.jobs.fail(job.id, f"not-approved: {reason}")
        job = known_job(log.jobs, job.id)
    if job.state != "failed":
        raise _not_waiting(job)
    return job


def _entries(log: Log, job: Job) -> list[bytes]:
    data = log.work.get(accepted_key(job.id))
    assert data is not None, "it was written before the job began to wait"
    return parse_accepted(data, 0, job.accepted).entries


def _check_person(job: Job, entries: Sequence[bytes], caller: Caller) -> None:
    kids = {parse_statement(entry).statement.kid for entry in entries}
    own = {job.sender, *(person_of("", kid.hex()) for kid in kids)}
    if not (caller.person and job.sender) or caller.person in own:
        raise Refused(
            "same-person",
            "whoever sent or signed a job does not approve it: somebody else does, with a key or "
            "account of their own",
        )


def _problem(job: Job, entries: Sequence[bytes], desk: Desk) -> str:
    """Why the job cannot go on by now, ``name: detail``; empty when it can."""
    kept = desk.custody.documents.get(job.id)
    if kept is not None and kept.is_gone(desk.now_ms):
        return "document-gone: what was made of the roster is destroyed: send it anew"
    owner = Caller(job.tenant, client="", scopes=frozenset())
    log = desk.log
    checked = check_statements(entries, owner, desk.registry, log, desk.now_ms, signed=True)
    for number, each in zip(read_numbers(log.work, job.id), checked, strict=True):
        if isinstance(each, Refused):
            return f"{each.name}: item {number}: {each.detail}"
    return ""


def _not_waiting(job: Job) -> Refused:
    why = f": {job.problem}" if job.problem else ""
    return Refused("not-awaiting-approval", f"the job is in the state {job.state}{why}")
