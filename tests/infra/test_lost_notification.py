"""An upload whose notification S3 never sent is admitted by the deployed worker all the same."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from urllib.request import Request, urlopen

from chalicelib.bootstrap import system_clock_ms
from chalicelib.cli.http import Http
from chalicelib.notary.admit import Caller, open_upload, remind_of_upload
from chalicelib.notary.limits import REMIND_MS
from chalicelib.notary.ports import Job
from chalicelib.proof.hashes import sha256
from infra.deploy import Deployment
from tests.contracts.cloud_log import register

PATIENCE_S = 60


@contextmanager
def no_notifications(deployed: Deployment) -> Iterator[None]:
    """S3 puts that nobody hears of."""
    s3 = deployed.session.client("s3", endpoint_url=deployed.endpoint_url)
    bucket = deployed.outputs["WorkBucket"]
    kept = s3.get_bucket_notification_configuration(Bucket=bucket)
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
    try:
        yield
    finally:
        s3.put_bucket_notification_configuration(
            Bucket=bucket,
            NotificationConfiguration={"QueueConfigurations": kept["QueueConfigurations"]},
        )


def upload_unheard(deployed: Deployment, body: bytes) -> Job:
    service = deployed.service
    caller = Caller("university", "", frozenset())
    jobs, uploads = service.log.jobs, service.uploads
    job, upload = open_upload(len(body), sha256(body), caller, jobs, uploads)
    request = Request(upload.url, body, upload.headers, method=upload.method)
    with no_notifications(deployed), urlopen(request) as answer:
        assert answer.status == 200
    return job


def test_it_is_admitted_once_its_owner_has_looked_at_an_overdue_job(
    deployed: Deployment, registrar: Http
) -> None:
    job = upload_unheard(deployed, register(uuid.uuid4().hex).entry)
    service = replace(deployed.service, clock_ms=lambda: system_clock_ms() + REMIND_MS)
    jobs, uploads = service.log.jobs, service.uploads
    assert jobs.get(job.id) == job, "nobody has heard of it"
    remind_of_upload(job, jobs, uploads, service.remind, service.clock_ms())
    url = f"{deployed.url}/v1/jobs/{job.id}"
    deadline = time.monotonic() + PATIENCE_S
    while (status := registrar.send("GET", url, authorised=True).json())["state"] != "done":
        assert time.monotonic() < deadline, status
        time.sleep(0.2)
    assert (status["accepted"], status["rejected"]) == (1, [])
