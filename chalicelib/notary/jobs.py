"""What became of a bulk submission: its state, its counts, and what was rejected and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from struct import unpack
from typing import Any

from .accepted import Rejected, read_numbers, read_rejected
from .batch import REFUSED, SUB_NOT_NEW, placed_key
from .entries import read_objects
from .held import read_held
from .limits import REJECTED_LISTED
from .log import Log
from .ports import Job, JobState


def job_status(log: Log, job: Job) -> dict[str, Any]:
    """The JSON of ``GET /v1/jobs/{id}``. ``accepted`` and ``integrated`` do not count the items
    that were refused when their batch was made; those are among the rejected. ``approval`` says
    what waits for a second person."""
    job = as_readable(log, job)
    placed = placed_of(log, job)
    refused = placed.count(REFUSED)
    problem = _problem(log, job)
    status: dict[str, Any] = {
        "job": job.id,
        "state": "failed" if problem else _state(job),
        "items": job.items,
        "accepted": job.accepted - refused,
        "integrated": job.integrated - refused,
        "rejected": [each._asdict() for each in _rejected(log, job, placed)],
        "rejected_count": job.items - job.accepted + refused,
    }
    if problem:
        status["problem"] = problem
    held = read_held(log.work, job.id) if job.state == "awaiting-approval" else None
    if held:
        status["approval"] = held.facts()
    return status


def as_readable(log: Log, job: Job) -> Job:
    """The job as far as readers may see it: without a placement whose block is not readable yet,
    so that whatever counts as integrated has its receipt."""
    if not job.placements:
        return job
    height = log.readable().block.height
    return replace(job, placements=tuple(p for p in job.placements if p.height <= height))


def _state(job: Job) -> JobState:
    """The state in the table, or ``done`` once everything accepted is integrated."""
    if job.state == "integrating" and job.integrated == job.accepted:
        return "done"
    return job.state


def _problem(log: Log, job: Job) -> str:
    """Why the job failed, as ``name: detail``; empty while it has not."""
    if _state(job) != "integrating":
        return job.problem
    reason = log.pending.aside(job.id)
    return f"set-aside: {reason}" if reason else ""


def placed_of(log: Log, job: Job, first: int = 0) -> list[int]:
    """The indices of the job's accepted items from ``first`` on, as far as they are integrated;
    REFUSED for those that were refused when their batch was made."""
    placements = [each for each in job.placements if each.last > first]
    if not placements:
        return []
    stored = read_objects(log.work, [placed_key(job.id, each.first) for each in placements])
    indices = [index for data in stored for index in unpack(f">{len(data) // 8}Q", data)]
    return indices[max(first - placements[0].first, 0) :]


def _rejected(log: Log, job: Job, placed: Sequence[int]) -> list[Rejected]:
    rejected = read_rejected(log.work, job.id) if job.items > job.accepted else []
    if REFUSED in placed:
        name, _, detail = SUB_NOT_NEW.partition(": ")
        numbers = read_numbers(log.work, job.id)
        rejected += [
            Rejected(number, name, detail)
            for number, index in zip(numbers, placed, strict=False)
            if index == REFUSED
        ]
    return sorted(rejected)[:REJECTED_LISTED]
