"""``tally jobs``: what was sent, and a second person's word on it.

A person is who holds a key: whoever approves has another one than the job was sent or signed with.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import click

from ..proof.jcs import JsonValue
from ..proof.times import format_time
from .failure import Misused, Wrong, echo_json
from .http import Http, Refused, check_url, read_json
from .keyfile import read_key
from .settings import Group, json_option, key_option, token_option, url_option
from .submit import JobStatus, fetch_job, read_job
from .tokens import tokens_for

F = TypeVar("F", bound=Callable[..., object])

SCOPE = "jobs:read jobs:approve"
_JOB = re.compile(r"[0-9a-f]{64}", re.ASCII)


@click.group(cls=Group)
def jobs() -> None:
    """Bulk submissions, and their approval by a second person."""


def _options(command: F) -> F:
    for option in (json_option, url_option, token_option, key_option):
        command = option(command)
    return click.argument("job", metavar="JOB")(command)


@jobs.command("show")
@_options
def show_job(job: str, key: Path, token: str | None, url: str, as_json: bool) -> None:
    """Show how far JOB is, and what somebody is asked to approve.

    JOB is a digest of the very statements: it is the one that its sender was told."""
    with _service(job, key, token, url) as http:
        _tell(fetch_job(http, job), as_json)


@jobs.command("approve")
@_options
def approve_job(job: str, key: Path, token: str | None, url: str, as_json: bool) -> None:
    """Let JOB, which somebody else sent, go on: its documents are registered.

    Look at it first: tally jobs show JOB."""
    with _service(job, key, token, url) as http:
        _tell(_decide(http, job, "approval", b""), as_json)


@jobs.command("reject")
@_options
@click.option("--reason", required=True, help="Why; without names of persons, for it is kept.")
def reject_job(
    job: str, key: Path, token: str | None, url: str, reason: str, as_json: bool
) -> None:
    """Stop JOB: none of its documents is registered."""
    with _service(job, key, token, url) as http:
        body = json.dumps({"reason": reason}).encode()
        _tell(_decide(http, job, "rejection", body), as_json)


@contextmanager
def _service(job: str, key: Path, token: str | None, url: str) -> Iterator[Http]:
    if not _JOB.fullmatch(job):
        raise Misused(f"{job!r} is no job: its id is 64 lower-case hex digits")
    signer = read_key(key)
    with Http(check_url(url)) as http:
        http.tokens = tokens_for(http, signer, token, SCOPE)
        yield http


def _decide(http: Http, job: str, word: str, body: bytes) -> JobStatus:
    """What is refused is told as it is; asking again after a lost answer changes nothing."""
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    try:
        answer = http.send(
            "POST",
            f"{http.url}/v1/jobs/{job}/{word}",
            content=body,
            headers=headers,
            authorised=True,
        )
    except Refused as refused:
        raise Wrong(refused.detail, {"problem": refused.type}) from refused
    return read_job(read_json(answer))


def _tell(job: JobStatus, as_json: bool) -> None:
    if as_json:
        echo_json(_facts(job))
        return
    click.echo(f"job {job.id}: {job.state}")
    items = "1 item" if job.items == 1 else f"{job.items} items"
    click.echo(f"  {items}, {job.accepted} accepted, {job.integrated} integrated")
    if job.problem:
        click.echo(f"  {job.problem}")
    if job.waiting:
        click.echo(f"  since {format_time(job.waiting.since_ms)} it waits for approval, to")
        for each in job.waiting.documents:
            click.echo(f"    {each}")


def _facts(job: JobStatus) -> dict[str, JsonValue]:
    facts: dict[str, JsonValue] = {
        "job": job.id,
        "state": job.state,
        "items": job.items,
        "accepted": job.accepted,
        "integrated": job.integrated,
        "problem": job.problem,
    }
    if job.waiting:
        waiting: list[JsonValue] = list(job.waiting.documents)
        facts |= {"since_ms": job.waiting.since_ms, "waiting": waiting}
    return facts
