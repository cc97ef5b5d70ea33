"""Statements to the service, as bulk: sent, followed until integrated, receipts fetched."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import monotonic, sleep

from ..notary.limits import BULK_BYTES, BULK_ITEMS, RECEIPTS_PAGE, WAIT_S
from ..proof.errors import Malformed
from ..proof.hashes import sha256
from ..proof.jcs import JsonValue, parse_ijson
from ..proof.members import JsonObject, read_integer, read_list, read_object, read_text
from ..proof.receipt import Receipt, read_receipt
from .failure import Unfinished
from .http import Http, problem_name, read_json
from .journal import Rejection

STALL_S = 600.0
"""A job that makes no progress for so long is left alone; a rerun takes it up again."""

_FIRST_PAUSE_S = 0.25
_LONGEST_PAUSE_S = 2.0
_SIDE_BY_SIDE = 4
_NEXT = re.compile(r"[?&]from=([0-9]+)[^>]*>\s*;[^,]*\brel=\"?next\b")


@dataclass(frozen=True, slots=True)
class Waiting:
    """Since when a job waits for a second person (POSIX milliseconds), and what it would do."""

    since_ms: int
    documents: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class JobStatus:
    """A bulk submission as the service sees it. ``rejected`` may list fewer than there are."""

    id: str
    state: str
    items: int
    accepted: int
    integrated: int
    rejected: dict[int, Rejection]
    rejected_count: int
    problem: str
    waiting: Waiting | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more comes of it by itself."""
        return self.state in ("done", "failed", "awaiting-approval")


def read_job(value: dict[str, JsonValue]) -> JobStatus:
    """The job in an answer; raises Failure when it is none."""
    try:
        return JobStatus(
            id=read_text(value.get("job"), "job"),
            state=read_text(value.get("state"), "state"),
            items=read_integer(value.get("items", 0), "items"),
            accepted=read_integer(value.get("accepted", 0), "accepted"),
            integrated=read_integer(value.get("integrated", 0), "integrated"),
            rejected=dict(_read_rejection(item) for item in _list(value.get("rejected"))),
            rejected_count=read_integer(value.get("rejected_count", 0), "rejected_count"),
            problem=read_text(value.get("problem", ""), "problem"),
            waiting=_read_waiting(value["approval"]) if "approval" in value else None,
        )
    except Malformed as error:
        raise Unfinished(f"the service answered with something that is no job: {error}") from error


def _read_waiting(value: JsonValue) -> Waiting:
    members = read_object(value, "approval")
    documents = (read_object(each, "documents") for each in _list(members.get("documents")))
    return Waiting(
        read_integer(members.get("since_ms"), "since_ms"),
        tuple(_describe(each) for each in documents),
    )


def _describe(members: JsonObject) -> str:
    issuer, kind, profile = (
        read_text(members.get(name), name) for name in ("issuer", "kind", "profile")
    )
    return f"{kind} {read_integer(members.get('items'), 'items')} {profile} of {issuer}"


def _list(value: JsonValue) -> list[JsonValue]:
    return [] if value is None else read_list(value, "rejected")


def _read_rejection(value: JsonValue) -> tuple[int, Rejection]:
    item = read_object(value, "rejected")
    type_ = problem_name(read_text(item.get("type"), "type"))
    detail = read_text(item.get("detail"), "detail")
    return read_integer(item.get("item"), "item"), Rejection(type_, detail)


def submit(http: Http, body: bytes, items: int, progress: Callable[[int], None]) -> JobStatus:
    """Send a CBOR sequence and follow its job to the end, or until it waits for a second person.
    The same bytes are the same job."""
    small = len(body) <= BULK_BYTES and items <= BULK_ITEMS
    job = _send(http, body) if small else _upload(http, body)
    return _follow(http, job, progress)


def _send(http: Http, body: bytes) -> JobStatus:
    headers = {
        "Content-Type": "application/cbor-seq",
        "Accept": "application/json",
        "Prefer": f"wait={WAIT_S}",
    }
    answer = http.send(
        "POST", f"{http.url}/entries", content=body, headers=headers, authorised=True
    )
    return read_job(read_json(answer))


def _upload(http: Http, body: bytes) -> JobStatus:
    request = json.dumps({"bytes": len(body), "sha-256": sha256(body).hex()}).encode()
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    answer = http.send(
        "POST", f"{http.url}/v1/uploads", content=request, headers=headers, authorised=True
    )
    opened = read_json(answer)
    job = fetch_job(http, str(opened.get("job")))
    if job.state == "uploading":
        _put(http, opened.get("upload"), body)
    return job


def _put(http: Http, upload: JsonValue, body: bytes) -> None:
    """The presigned put carries its own permission; our token is not for it."""
    try:
        members = read_object(upload, "upload")
        url, method = read_text(members.get("url"), "url"), read_text(members.get("method"), "PUT")
        given = read_object(members.get("headers"), "headers")
        headers = {name: read_text(value, name) for name, value in given.items()}
    except Malformed as error:
        raise Unfinished(f"the service opened no upload: {error}") from error
    answer = http.send(method, url, content=body, headers=headers)
    if not answer.is_success:
        # S3 redirects while a bucket is young (307) or elsewhere (301): it has kept nothing.
        raise Unfinished(
            f"the upload was not taken: the storage answers {answer.status_code} "
            f"{answer.reason_phrase}; run the same command again"
        )


def fetch_job(http: Http, id_: str) -> JobStatus:
    answer = http.send(
        "GET", f"{http.url}/v1/jobs/{id_}", headers={"Accept": "application/json"}, authorised=True
    )
    return read_job(read_json(answer))


def _follow(http: Http, job: JobStatus, progress: Callable[[int], None]) -> JobStatus:
    pause_s = _FIRST_PAUSE_S
    moved_s = monotonic()
    while not job.ended:
        sleep(pause_s)
        pause_s = min(pause_s * 1.5, _LONGEST_PAUSE_S)
        before, job = job, fetch_job(http, job.id)
        if (job.state, job.integrated) != (before.state, before.integrated):
            moved_s = monotonic()
        elif monotonic() - moved_s > STALL_S:
            raise Unfinished(
                f"the service has not integrated job {job.id} for {STALL_S / 60:.0f} minutes; "
                "nothing is lost, run the same command again later"
            )
        progress(job.integrated)
    return job


def job_receipts(http: Http, job: JobStatus) -> Iterator[tuple[int, Receipt]]:
    """Every receipt of a job with its item's number, several pages fetched side by side."""
    starts = range(0, job.items, RECEIPTS_PAGE)
    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        for lines in pool.map(lambda start: _span(http, job, start), starts):
            for line in lines:
                yield _read_line(line)


def _span(http: Http, job: JobStatus, start: int) -> list[bytes]:
    """The lines of the items from ``start`` to the next span's; a page may hold fewer or more."""
    lines: list[bytes] = []
    end = start + RECEIPTS_PAGE
    following: int | None = start
    while following is not None and following < end:
        answer = http.send(
            "GET",
            f"{http.url}/v1/jobs/{job.id}/receipts?from={following}",
            headers={"Accept": "application/x-ndjson"},
            authorised=True,
        )
        lines += answer.content.splitlines()
        match = _NEXT.search(answer.headers.get("Link", ""))
        before, following = following, int(match[1]) if match else None
        if following is not None and following <= before:
            raise Unfinished("the service's pages of receipts do not go on; run this again later")
    return lines


def _read_line(line: bytes) -> tuple[int, Receipt]:
    try:
        members = read_object(parse_ijson(line), "line")
        return read_integer(members.get("item"), "item"), read_receipt(members.get("receipt"))
    except Malformed as error:
        raise Unfinished(f"the service sent something that is no receipt: {error}") from error
