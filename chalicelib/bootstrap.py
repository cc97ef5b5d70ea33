"""Builds the service from its configuration; the only place that knows every adapter."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .adapters.aws import Clients
from .adapters.dynamodb_attempts import DynamoAttempts
from .adapters.dynamodb_chain import DynamoChain
from .adapters.dynamodb_jobs import DynamoJobs
from .adapters.dynamodb_pending import DynamoPending
from .adapters.dynamodb_registry import DynamoRegistry
from .adapters.kms_signer import KmsSigner
from .adapters.s3_objects import S3Objects, S3Uploads
from .adapters.sqs_wake import SqsRemind, SqsWake
from .notary.log import Log
from .notary.ports import Registry, Remind, Signer, Uploads, Wake


class MissingSetting(Exception):
    """An environment variable that the service needs is not set."""


@dataclass(frozen=True, slots=True)
class Service:
    """Everything that an entry point needs. ``clock_ms`` is the time in POSIX milliseconds."""

    log: Log
    registry: Registry
    uploads: Uploads
    wake: Wake
    remind: Remind
    token_signer: Signer
    public_url: str
    clock_ms: Callable[[], int]


def system_clock_ms() -> int:
    return time.time_ns() // 1_000_000


def service_from_env(environ: Mapping[str, str], clients: Clients | None = None) -> Service:
    """The service on AWS, or on the local cloud at ``AWS_ENDPOINT_URL``. Nothing is connected,
    and no client made, before it is used. Raises MissingSetting."""

    def setting(name: str) -> str:
        value = environ.get(name)
        if not value:
            raise MissingSetting(f"set {name} (infra/ writes it into the functions' environment)")
        return value

    clients = clients or Clients()
    return Service(
        log=_log(setting, clients),
        registry=DynamoRegistry(clients, setting("TALLY_REGISTRY_TABLE")),
        uploads=S3Uploads(clients, setting("TALLY_WORK_BUCKET")),
        wake=SqsWake(clients, setting("TALLY_WAKE_QUEUE_URL")),
        remind=SqsRemind(clients, setting("TALLY_UPLOADS_QUEUE_URL")),
        token_signer=KmsSigner(clients, setting("TALLY_TOKEN_KEY")),
        public_url=setting("TALLY_PUBLIC_URL"),
        clock_ms=system_clock_ms,
    )


def _log(setting: Callable[[str], str], clients: Clients) -> Log:
    origin, jobs = setting("TALLY_ORIGIN"), setting("TALLY_JOBS_TABLE")
    return Log(
        origin=origin,
        signer=KmsSigner(clients, setting("TALLY_LOG_KEY")),
        chain=DynamoChain(clients, setting("TALLY_LOG_TABLE"), jobs, origin),
        tiles=S3Objects(clients, setting("TALLY_LOG_BUCKET")),
        work=S3Objects(clients, setting("TALLY_WORK_BUCKET")),
        pending=DynamoPending(clients, setting("TALLY_PENDING_TABLE")),
        jobs=DynamoJobs(clients, jobs),
        attempts=DynamoAttempts(clients, setting("TALLY_ATTEMPTS_TABLE")),
    )
