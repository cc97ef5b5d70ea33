"""Builds the service from its configuration; the only place that knows every adapter."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec

from .adapters.aws import Clients
from .adapters.bitcoin.network import BitcoinNetwork
from .adapters.bitcoin.node import BitcoinNode
from .adapters.bitcoin.transaction import p2wpkh_script, segwit_address
from .adapters.chain_headers import fetch_headers
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
from .adapters.evm.network import EvmChain, EvmNetwork
from .adapters.evm.wallet import address_of
from .adapters.http import Http
from .adapters.jsonrpc import JsonRpc
from .adapters.kms_custody import KmsDataKeys, KmsIssuerKeys
from .adapters.kms_sealer import KmsSealer
from .adapters.kms_signer import KmsSigner
from .adapters.opentimestamps import CalendarNetwork
from .adapters.public_http import PublicHttp, of_this_machine
from .adapters.rfc3161 import TsaNetwork
from .adapters.s3_objects import S3Objects, S3Uploads
from .adapters.secp256k1 import ChainSigner, KmsSecp256k1, LocalSecp256k1
from .adapters.sqs_wake import SqsRemind, SqsWake
from .adapters.witness import HttpWitness
from .notary.attest import Attester, Party
from .notary.custody import Custody
from .notary.deliveries import Deliverer
from .notary.log import Log
from .notary.networks import Attempt, Network
from .notary.notices import Notary
from .notary.outside import NetworkConfig, Outside, WitnessConfig, parse_outside
from .notary.ports import Registry, Remind, Signer, Uploads, Wake
from .notary.public_url import Get, Post, Reach
from .notary.publish import Publisher
from .notary.telling import Teller
from .notary.vc_lists import ServedLists
from .notary.vc_ports import Custodian, StatusLists
from .notary.webhooks import Delivery, Sealer, WebhookStore
from .notary.witnesses import WITNESSES, Witnesses
from .notary.witnessing import WitnessService
from .proof.errors import Malformed
from .proof.evm.transaction import format_address
from .proof.policy import ChainHeader


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
    custodian: Custodian | None = None


@dataclass(frozen=True, slots=True)
class Parties:
    """The outside parties that attest, ready for use, and the configuration they follow from."""

    config: Outside = field(default_factory=Outside)
    networks: tuple[Party, ...] = ()
    witnesses: Witnesses | None = None


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


def check_outside(config: Outside) -> None:
    """Raises Malformed for what can be read and is no configuration of parties all the same."""
    try:
        build_parties(config, LocalSecp256k1(ec.generate_private_key(ec.SECP256K1())))
    except ValueError as error:
        raise Malformed(str(error)) from error


class OutsideParties:
    """The configured parties; made anew only when an operator has changed the configuration, so
    that connections live as long as the process."""

    def __init__(self, registry: Registry, signer: ChainSigner) -> None:
        self._registry = registry
        self._signer = signer
        self._text: str | None = None
        self._parties = Parties()

    def __call__(self) -> Parties:
        text = self._registry.outside()
        if text is not None and text != self._text:
            self._parties = build_parties(parse_outside(text.encode()), self._signer)
            self._text = text
        return self._parties


def chain_addresses(signer: ChainSigner) -> dict[str, str]:
    """By namespace, and the output script that every Bitcoin chain knows the key by."""
    script = p2wpkh_script(signer.public)
    return {
        "eip155": format_address(address_of(signer)),
        "bip122": segwit_address("bc", script),
        "script": script.hex(),
    }


Headers = tuple[str, tuple[ChainHeader, ...]]


def headers_from(url: str, wanted: Iterable[tuple[str, int]]) -> Headers:
    """See ``chain_headers.fetch_headers``."""
    return fetch_headers(url, wanted)


def build_parties(config: Outside, signer: ChainSigner) -> Parties:
    networks = [
        Party(_network(each, signer), 1_000 * each.numbers["every_s"], each.fallback)
        for each in config.networks
    ]
    witnesses = None if config.witnesses is None else _witnesses(config.witnesses)
    return Parties(config, tuple(networks), witnesses)


def _network(config: NetworkConfig, signer: ChainSigner) -> Network:
    match config.type:
        case "evm":
            return _evm(config, signer)
        case "bitcoin":
            return _bitcoin(config, signer)
        case "opentimestamps":
            node = BitcoinNode(JsonRpc(Http(config.texts["node"])), config.texts["chain"])
            return CalendarNetwork(
                config.texts["name"],
                Http(config.url),
                node,
                confirmations=config.numbers["confirmations"],
            )
        case "rfc3161":
            return TsaNetwork(config.texts["name"], Http(config.url), config.certificates)


def _evm(config: NetworkConfig, signer: ChainSigner) -> EvmNetwork:
    chain = EvmChain(
        chain=config.texts["chain"],
        max_fee_gwei=config.numbers["max_fee_gwei"],
        stuck_after_ms=1_000 * config.numbers["stuck_s"],
        confirmations=config.numbers["confirmations"] or None,
    )
    return EvmNetwork(chain, JsonRpc(Http(config.url)), signer)


def _bitcoin(config: NetworkConfig, signer: ChainSigner) -> BitcoinNetwork:
    return BitcoinNetwork(
        BitcoinNode(JsonRpc(Http(config.url)), config.texts["chain"]),
        signer,
        config.texts["coin"],
        fee_floor=config.numbers["min_fee_rate"],
        fee_cap=config.numbers["max_fee_rate"],
        confirmations=config.numbers["confirmations"],
        stuck_after_ms=1_000 * config.numbers["stuck_s"],
    )


def _witnesses(config: WitnessConfig) -> Witnesses | None:
    """Those whose cosignatures can be checked here; None where there are none."""
    timeout_s = config.timeout_ms / 1_000
    witnesses = [
        HttpWitness(Http(config.policy.urls[name], timeout_s), key, name)
        for name, key in config.policy.witnesses.items()
        if key.loaded is not None
    ]
    return Witnesses(tuple(witnesses), config.policy, timeout_s) if witnesses else None
