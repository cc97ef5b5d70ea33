"""Builds the service from its configuration; it and ``parties`` alone know every adapter."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from .adapters.aws import Clients
from .adapters.dynamodb_attempts import DynamoAttempts
from .adapters.dynamodb_bit_lists import DynamoBitLists
from .adapters.dynamodb_chain import DynamoChain
from .adapters.dynamodb_documents import DynamoDocuments
from .adapters.dynamodb_jobs import DynamoJobs
from .adapters.dynamodb_notices import DynamoNotices
from .adapters.dynamodb_pending import DynamoPending
from .adapters.dynamodb_registry import DynamoRegistry
from .adapters.dynamodb_webhooks import DynamoWebhooks
from .adapters.dynamodb_witness import DynamoWitnessStates
from .adapters.kms_custody import KmsDataKeys, KmsIssuerKeys
from .adapters.kms_sealer import KmsSealer
from .adapters.kms_signer import KmsSigner
from .adapters.public_http import PublicHttp, of_this_machine
from .adapters.s3_objects import S3Objects, S3Uploads
from .adapters.secp256k1 import KmsSecp256k1
from .adapters.sqs_wake import SqsRemind, SqsWake
from .notary.attest import Attester
from .notary.custody.records import Custody
from .notary.log import Log
from .notary.networks import Attempt
from .notary.notices import Notary
from .notary.ports import Registry, Remind, Signer, Uploads, Wake
from .notary.public_url import Get, Post, Reach
from .notary.publish import Publisher
from .notary.vc.lists import ServedLists
from .notary.vc.ports import StatusLists
from .notary.webhooks.deliveries import Deliverer
from .notary.webhooks.events import Delivery, Sealer, WebhookStore
from .notary.webhooks.telling import Teller
from .notary.witnesses import WITNESSES
from .notary.witnessing import WitnessService
from .parties import OutsideParties, Parties, chain_addresses


class MissingSetting(Exception):
    """An environment variable that the service needs is not set."""


class MisplacedSetting(Exception):
    """An environment variable is set that may be set for the local cloud alone."""


@dataclass(frozen=True, slots=True)
class Service:
    """Everything that an entry point needs. ``clock_ms`` is the time in POSIX milliseconds,
    ``addresses`` are where the chain key gets its money, by namespace of CAIP-2; ``notary`` signs
    the notices about issuers, ``custody`` is for issuers who hold no key. ``reach`` judges URLs of
    strangers, ``post`` and ``get`` use them."""

    log: Log
    registry: Registry
    uploads: Uploads
    wake: Wake
    remind: Remind
    token_signer: Signer
    witness: WitnessService | None
    notary: Notary | None
    custody: Custody
    webhooks: WebhookStore
    sealer: Sealer
    reach: Reach
    post: Post
    outside: Callable[[], Parties]
    addresses: Callable[[], Mapping[str, str]]
    get: Get
    public_url: str
    clock_ms: Callable[[], int]
    status_lists: StatusLists


def system_clock_ms() -> int:
    return time.time_ns() // 1_000_000


def service_from_env(environ: Mapping[str, str], clients: Clients | None = None) -> Service:
    """The service on AWS, or on the local cloud at ``AWS_ENDPOINT_URL``. Nothing is connected,
    and no client made, before it is used. Raises MissingSetting."""

    def setting(name: str) -> str:
        value = environ.get(name)
        if not value:
            raise MissingSetting(f"set {name}: source the settings.sh that the deployment wrote")
        return value

    clients = clients or Clients()
    registry = DynamoRegistry(clients, setting("TALLY_REGISTRY_TABLE"))
    chain_signer = KmsSecp256k1(clients, setting("TALLY_CHAIN_KEY"))
    public = public_http(environ)
    log = _log(setting, clients)
    return Service(
        log=log,
        registry=registry,
        uploads=S3Uploads(clients, setting("TALLY_WORK_BUCKET")),
        wake=SqsWake(clients, setting("TALLY_WAKE_QUEUE_URL")),
        remind=SqsRemind(clients, setting("TALLY_UPLOADS_QUEUE_URL")),
        token_signer=KmsSigner(clients, setting("TALLY_TOKEN_KEY")),
        witness=_witness(setting, clients),
        notary=_notary(setting, clients),
        custody=_custody(setting, clients),
        webhooks=DynamoWebhooks(clients, setting("TALLY_WEBHOOKS_TABLE")),
        sealer=KmsSealer(clients, setting("TALLY_WEBHOOK_KEY")),
        reach=public.reach,
        post=public.post,
        outside=OutsideParties(registry, chain_signer),
        addresses=lambda: chain_addresses(chain_signer),
        get=PublicHttp().get,
        public_url=setting("TALLY_PUBLIC_URL"),
        clock_ms=system_clock_ms,
        status_lists=ServedLists(log, setting("TALLY_PUBLIC_URL")),
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
        notices=DynamoNotices(clients, setting("TALLY_REGISTRY_TABLE")),
        lists=DynamoBitLists(clients, setting("TALLY_REGISTRY_TABLE")),
    )


def _witness(setting: Callable[[str], str], clients: Clients) -> WitnessService:
    """This deployment as a witness of other logs."""
    return WitnessService(
        states=DynamoWitnessStates(clients, setting("TALLY_REGISTRY_TABLE")),
        signer=KmsSigner(clients, setting("TALLY_WITNESS_KEY")),
        name=f"{setting('TALLY_ORIGIN')}/witness",
    )


TEST_RECEIVER = "TALLY_TEST_RECEIVER"
"""A setting of tests on the local cloud alone: see ``of_this_machine``."""


def public_http(environ: Mapping[str, str]) -> PublicHttp:
    """The way to hosts that tenants name. Raises MisplacedSetting."""
    receiver = environ.get(TEST_RECEIVER)
    if not receiver:
        return PublicHttp()
    if "AWS_ENDPOINT_URL" not in environ:
        raise MisplacedSetting(f"unset {TEST_RECEIVER}: it is for tests on the local cloud alone")
    return of_this_machine(receiver)


NOTARY_OF_HOST = "host"
"""The setting for a notary whose id is did:web: and the host of the public URL."""


def _notary(setting: Callable[[str], str], clients: Clients) -> Notary:
    id_ = setting("TALLY_NOTARY_ID")
    if id_ == NOTARY_OF_HOST:
        id_ = f"did:web:{urlsplit(setting('TALLY_PUBLIC_URL')).hostname}"
    signer, list_signer = (
        KmsSigner(clients, setting(name)) for name in ("TALLY_NOTARY_KEY", "TALLY_STATUS_KEY")
    )
    return Notary(id_, signer, list_signer)


def _custody(setting: Callable[[str], str], clients: Clients) -> Custody:
    table = setting("TALLY_DOCUMENTS_TABLE")
    return Custody(
        documents=DynamoDocuments(clients, table),
        keys=KmsDataKeys(clients, setting("TALLY_CUSTODY_KEY")),
        issuer_keys=KmsIssuerKeys(clients, table),
        public_url=setting("TALLY_PUBLIC_URL"),
    )


def publisher_of(service: Service, tell: Callable[[str, str], None]) -> Publisher | None:
    """The service's publisher; None where there is no notary."""
    if service.notary is None:
        return None
    return Publisher(
        log=service.log,
        registry=service.registry,
        notary=service.notary,
        public_url=service.public_url,
        clock_ms=service.clock_ms,
        tell=tell,
    )


def teller_of(service: Service) -> Teller:
    return Teller(service.log, service.registry, service.webhooks, service.clock_ms)


def deliverer_of(service: Service, tell: Callable[[Delivery], None]) -> Deliverer:
    """The service's deliverer."""
    return Deliverer(
        store=service.webhooks,
        sealer=service.sealer,
        post=service.post,
        base_url=service.public_url,
        clock_ms=service.clock_ms,
        chance=random.random,
        tell=tell,
    )


def attester_of(service: Service, tell: Callable[[Attempt], None]) -> Attester:
    """The service's attester, over the parties as they are configured now."""
    parties = service.outside()
    log = replace(service.log, witnesses=parties.witnesses)
    checks = (WITNESSES,) if parties.witnesses else ()
    return Attester(log, parties.networks, service.clock_ms, checks, tell)
