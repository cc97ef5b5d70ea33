"""Each function's IAM policy permits what it sends.

The local cloud enforces no policies, so here the requests of each function are noted on their way
and held against ``.chalice/policy-*.json``.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from urllib.request import Request, urlopen

import pytest

from chalicelib.adapters.aws import Clients
from chalicelib.api import wiring
from chalicelib.api.handlers import (
    admit_uploads,
    attest_blocks,
    publish_documents,
    sequence_wakes,
    sweep,
)
from chalicelib.bootstrap import service_from_env, system_clock_ms
from chalicelib.notary.accepted import accepted_key
from chalicelib.notary.limits import CUSTODY_MS, HEARTBEAT_MS, REMIND_MS, STATUS_RENEW_MS
from chalicelib.notary.ports import Single
from chalicelib.notary.profiles import profiles
from chalicelib.notary.publish import register_notary
from chalicelib.notary.sequence import create_log, sequence
from chalicelib.notary.witnessing import know_log
from chalicelib.proof.hashes import sha256
from chalicelib.proof.note import cosignature_vkey, format_vkey
from chalicelib.proof.statement import StatusChange, entry_id, parse_statement
from infra.peers.anvil import Anvil, running_anvil
from infra.template import ENVIRONMENT

from ..api.hooks import Hooks
from ..api.vc_world import credential
from ..api.world import CBOR_SEQ, COLLEGE, COLLEGE_TENANT, URL, World, issuer
from ..fakes import START_MS, check_url, key_named, memory_log
from ..webhook_fakes import Receivers
from .delivering import WANTED, deliver_all
from .notebook import Notebook, allows, permitted
from .stores import ORIGIN, Places, make_places, session

POISON = Single("f" * 64, b"no statement", None)

FUNCTIONS = (
    *("api-handler", "sequencer", "admit-upload", "sweep"),
    *("attester", "publisher", "deliverer"),
)


def make_environ(clients: Clients, places: Places) -> dict[str, str]:
    """What a function of a deployed service finds in its environment."""
    log_key = clients.kms.create_key(KeySpec="ECC_NIST_EDWARDS25519", KeyUsage="SIGN_VERIFY")
    token_key = clients.kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    chain_key = clients.kms.create_key(KeySpec="ECC_SECG_P256K1", KeyUsage="SIGN_VERIFY")
    witness_key = clients.kms.create_key(KeySpec="ECC_NIST_EDWARDS25519", KeyUsage="SIGN_VERIFY")
    webhook_key = clients.kms.create_key(KeySpec="SYMMETRIC_DEFAULT")
    notary_key = clients.kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    status_key = clients.kms.create_key(KeySpec="ECC_NIST_EDWARDS25519", KeyUsage="SIGN_VERIFY")
    custody_key = clients.kms.create_key()
    return {
        "TALLY_ORIGIN": ORIGIN,
        "TALLY_PUBLIC_URL": URL,
        "TALLY_LOG_TABLE": places.log,
        "TALLY_PENDING_TABLE": places.pending,
        "TALLY_JOBS_TABLE": places.jobs,
        "TALLY_REGISTRY_TABLE": places.registry,
        "TALLY_ATTEMPTS_TABLE": places.attempts,
        "TALLY_DOCUMENTS_TABLE": places.documents,
        "TALLY_WEBHOOKS_TABLE": places.webhooks,
        "TALLY_LOG_BUCKET": places.bucket,
        "TALLY_WORK_BUCKET": places.work,
        "TALLY_WAKE_QUEUE_URL": clients.sqs.create_queue(QueueName=places.log)["QueueUrl"],
        "TALLY_UPLOADS_QUEUE_URL": clients.sqs.create_queue(QueueName=places.jobs)["QueueUrl"],
        "TALLY_LOG_KEY": log_key["KeyMetadata"]["KeyId"],
        "TALLY_TOKEN_KEY": token_key["KeyMetadata"]["KeyId"],
        "TALLY_CHAIN_KEY": chain_key["KeyMetadata"]["KeyId"],
        "TALLY_WITNESS_KEY": witness_key["KeyMetadata"]["KeyId"],
        "TALLY_NOTARY_ID": "host",
        "TALLY_NOTARY_KEY": notary_key["KeyMetadata"]["KeyId"],
        "TALLY_STATUS_KEY": status_key["KeyMetadata"]["KeyId"],
        "TALLY_CUSTODY_KEY": custody_key["KeyMetadata"]["KeyId"],
        "TALLY_WEBHOOK_KEY": webhook_key["KeyMetadata"]["KeyId"],
    }


class Life:
    """A service on the local cloud, whose functions do all that they ever do."""

    def __init__(self, endpoint_url: str) -> None:
        ours = session()
        self.notebook = Notebook(ours, FUNCTIONS)
        self._clients = Clients(ours, endpoint_url)
        self._environ = make_environ(self._clients, make_places(self._clients))
        self.notebook.resources = {
            place: ENVIRONMENT[setting] for setting, place in self._environ.items()
        }
        self.world = World(sequencing=False)
        self.receivers = Receivers(self.world.clock)
        with self.acting_as(""):
            create_log(self.world.service.log)
            college = issuer(COLLEGE, COLLEGE_TENANT, self.world.college)
            self.world.service.registry.put_issuer(college)
            service = self.world.service
            assert service.notary is not None
            register_notary(service.notary, service.registry, service.log)

    def overwrite(self, key: str, data: bytes) -> None:
        """As somebody who has damaged the work bucket."""
        bucket = self._environ["TALLY_WORK_BUCKET"]
        self._clients.s3.put_object(Bucket=bucket, Key=key, Body=data)

    @contextmanager
    def acting_as(self, function: str) -> Iterator[None]:
        """In a new process, as it were: nothing is known yet."""
        service = service_from_env(self._environ, self._clients)
        self.world.service = replace(
            service, clock_ms=self.world.clock, reach=check_url, post=self.receivers
        )
        wiring.use(self.world.service)
        with self.notebook.acting_as(function):
            yield
        wiring.use(None)


@pytest.fixture(scope="module")
def anvil(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Anvil]:
    with running_anvil(tmp_path_factory.mktemp("anvil")) as peer:
        yield peer


def let_attest(life: Life, anvil: Anvil) -> None:
    """A chain that answers and a witness that does not."""
    service = life.world.service
    anvil.fund(service.addresses()["eip155"])
    witness = format_vkey(cosignature_vkey("w", key_named("w").public.x))
    config = {
        "networks": [{"type": "evm", "chain": anvil.chain, "url": anvil.url, "every_s": 0}],
        "witnesses": {"policy": f"witness w {witness} http://127.0.0.1:1\nquorum w\n"},
    }
    service.registry.put_outside(json.dumps(config))


def ask_for_a_cosignature(life: Life) -> None:
    """A foreign log asks, as the operators of both have agreed."""
    log = memory_log("foreign.example")
    create_log(log)
    sequence(log, START_MS + HEARTBEAT_MS)
    service = life.world.service
    assert service.witness is not None
    know_log(service.witness.states, format_vkey(log.vkey))
    checkpoint = log.tiles.get("checkpoint")
    assert checkpoint is not None
    with life.acting_as("api-handler"):
        answer = life.world.request("POST", "/add-checkpoint", body=b"old 0\n\n" + checkpoint)
        assert answer.status_code == 200


@pytest.fixture(scope="module")
def notebook(endpoint_url: str, anvil: Anvil) -> Notebook:
    life = Life(endpoint_url)
    with life.acting_as(""):
        let_attest(life, anvil)
    ask_for_a_cosignature(life)
    world = life.world
    now_s = system_clock_ms() // 1000
    world.clock.now_ms = now_s * 1000 + 2 * REMIND_MS  # so an upload seems to have lain for long
    single, bulk, uploaded = world.statement(), world.statement() + b"junk", world.statement()
    with life.acting_as("api-handler"):
        webhook = Hooks(world).made(*WANTED)["id"]
    with life.acting_as("api-handler"):
        assertion = world.assertion(iat=now_s, exp=now_s + 300)
        token = world.ask_token(assertion).json_body["access_token"]
        bearer = {"Authorization": f"Bearer {token}"}
        assert world.submit(single, **bearer).status_code == 303
        job = world.submit(bulk, CBOR_SEQ, **bearer).json_body["job"]
        upload = open_upload(world, uploaded, bearer)
        looked_at = world.get(f"/v1/jobs/{upload.removeprefix('uploads/')}", **bearer)
        assert looked_at.json_body["state"] == "uploading"
    with life.acting_as("admit-upload"):
        notice = json.dumps({"Records": [{"s3": {"object": {"key": upload}}}]})
        assert admit_uploads([("1", notice)]) == {"batchItemFailures": []}
    fail_upload(life, bearer)
    for function in ("sequencer", "sweep"):
        integrate_twice(life, function, bearer)
    with life.acting_as("attester"):
        attest_blocks()
    publish_all(life, single, bearer)
    deliver_all(life, webhook)
    with life.acting_as("api-handler"):
        read_everything(world, bearer, entry_id(single).hex(), job)
    issue_and_destroy(life, now_s)
    ask_for_a_second_person(life)
    return life.notebook


def ask_for_a_second_person(life: Life) -> None:
    """One job is approved, another rejected."""
    world, second = life.world, key_named("the second person")
    now_s = world.clock() // 1000
    college = issuer(COLLEGE, COLLEGE_TENANT, world.college, second)
    with life.acting_as(""):
        world.service.registry.put_issuer(replace(college, approval=True))
    with life.acting_as("api-handler"):
        bearers = []
        for key in (world.college, second):
            assertion = world.assertion(key, iat=now_s, exp=now_s + 300)
            token = world.ask_token(assertion).json_body["access_token"]
            bearers.append({"Authorization": f"Bearer {token}"})
        sender, other = bearers
        for word, body in (("approval", b""), ("rejection", b'{"reason": "no"}')):
            job = world.submit(world.statement(), CBOR_SEQ, **sender).json_body["job"]
            headers = {**other, "Content-Type": "application/json"}
            decided = world.request("POST", f"/v1/jobs/{job}/{word}", body, headers)
            assert decided.status_code == 200


def publish_all(life: Life, single: bytes, bearer: dict[str, str]) -> None:
    """At first, when there is news, and when a new list is wanted; each time it is integrated."""
    for kind in ("suspend", "revoke"):
        with life.acting_as("publisher"):
            publish_documents()
        with life.acting_as("sequencer"):
            integrate("sequencer")
        with life.acting_as("api-handler"):
            change = StatusChange(kind, entry_id(single), "other", life.world.clock() // 1000)
            sub = parse_statement(single).statement.sub
            changed = life.world.statement(payload=change, sub=sub)
            assert life.world.submit(changed, **bearer).status_code == 303
        with life.acting_as("sequencer"):
            integrate("sequencer")
    life.world.clock.tick(STATUS_RENEW_MS)
    with life.acting_as("api-handler"):
        assert "status" in life.world.get(f"/v1/receipts/{entry_id(single).hex()}").json_body
        ask_for_a_list(life.world, bearer)
    with life.acting_as("publisher"):
        publish_documents()
    with life.acting_as("sequencer"):
        integrate("sequencer")


def ask_for_a_list(world: World, bearer: dict[str, str]) -> None:
    """With a place on it, whose lineage was revoked."""
    asked = {"issuer": COLLEGE, "count": 1}
    answer = world.post_json("/v1/status-entries", asked, **bearer)
    [entry] = answer.json_body["entries"]
    for form in ("", "/revocation"):
        assert world.get(entry["list"] + form).status_code == 503


def fail_upload(life: Life, bearer: dict[str, str]) -> None:
    """What was announced is not what lies there."""
    with life.acting_as("api-handler"):
        opened = open_upload(life.world, b"announced", bearer)
    life.overwrite(opened, b"something")
    with life.acting_as("admit-upload"):
        notice = json.dumps({"Records": [{"s3": {"object": {"key": opened}}}]})
        assert admit_uploads([("1", notice)]) == {"batchItemFailures": []}


def open_upload(world: World, data: bytes, bearer: dict[str, str]) -> str:
    """Announce an object and put it; its key."""
    announced = {"bytes": len(data), "sha-256": sha256(data).hex()}
    opened = world.post_json("/v1/uploads", announced, **bearer).json_body
    put(opened["upload"], data)
    return f"uploads/{opened['job']}"


def integrate_twice(life: Life, function: str, bearer: dict[str, str]) -> None:
    """Meeting poison, statements, jobs, tiles to read and a checkpoint to replace."""
    for _ in range(2):
        with life.acting_as("api-handler"):
            assert life.world.submit(life.world.statement(), **bearer).status_code == 303
            assert life.world.submit(life.world.statement(), CBOR_SEQ, **bearer).status_code == 303
            poisoned = life.world.submit(life.world.statement(), CBOR_SEQ, **bearer)
        life.overwrite(accepted_key(poisoned.json_body["job"]), b"nothing that can be read")
        life.world.service.log.pending.add(POISON)
        with life.acting_as(function):
            integrate(function)


def issue_and_destroy(life: Life, now_s: int) -> None:
    """What is issued with a key in KMS is asked for again, destroyed and told of, or purged."""
    world = life.world
    with life.acting_as(""):
        key = world.take_custody(id_=COLLEGE)
    life.notebook.issuer_keys.add(key.arn)
    with life.acting_as("api-handler"):
        Hooks(world).made("document.erased")
    with life.acting_as("api-handler"):
        bearer = world.bearer(scope="documents:issue", iat=now_s, exp=now_s + 600)
        order = {"issuer": COLLEGE, "profile": "generic/file", "document": "AAAA"}
        for name in ("one", "other"):
            issued = world.issue(order, name, **bearer)
            again = world.issue(order, name, **bearer)
            assert (issued.status_code, again.status_code) == (303, 303)
            where = issued.headers["Location"]
            assert world.get(where, **bearer).status_code == 200
        assert world.request("DELETE", where, headers=bearer).status_code == 200
        asked = {"credential": credential()}
        assert world.post_json("/credentials/issue", asked, **bearer).status_code == 201
    issue_a_roster(life, bearer)
    world.clock.tick(CUSTODY_MS)
    with life.acting_as("sweep"):
        sweep()
    assert world.service.custody.documents.expired(world.clock(), 1) == []
    world.clock.tick(-CUSTODY_MS)


def issue_a_roster(life: Life, bearer: dict[str, str]) -> None:
    world = life.world
    line = json.dumps({"claims": profiles()["education/diploma"].sample})
    where = f"/v1/jobs?issuer={COLLEGE}&profile=education/diploma"
    headers = {"Content-Type": "application/x-ndjson", "Idempotency-Key": '"roster"', **bearer}
    with life.acting_as("api-handler"):
        opened = world.request("POST", where, line.encode(), headers)
        assert opened.status_code == 201
    key = f"uploads/{opened.json_body['job']}"
    with life.acting_as("admit-upload"):
        notice = json.dumps({"Records": [{"s3": {"object": {"key": key}}}]})
        assert admit_uploads([("1", notice)]) == {"batchItemFailures": []}
    with life.acting_as("api-handler"):
        results = world.get(f"/v1/jobs/{opened.json_body['job']}/results", **bearer)
        assert results.status_code == 200


def put(upload: Mapping[str, Any], data: bytes) -> None:
    request = Request(upload["url"], data, upload["headers"], method=upload["method"])
    with urlopen(request) as answer:
        assert answer.status == 200


def integrate(function: str) -> None:
    if function == "sweep":
        sweep()
    else:
        assert sequence_wakes(["1"]) == {"batchItemFailures": []}


def read_everything(world: World, bearer: dict[str, str], locator: str, job: str) -> None:
    receipt = world.get(f"/v1/receipts/{locator}")
    assert receipt.status_code == 200
    paths = [
        f"/entries/{locator}",
        f"/v1/jobs/{job}",
        f"/v1/jobs/{job}/receipts",
        "/checkpoint",
        f"/tile/entries/000.p/{world.service.log.readable().block.size}",
        "/v1/blocks",
        "/v1/blocks/1",
        "/v1/policy",
        f"/v1/issuers/{COLLEGE}/profile",
        f"/v1/issuers/{COLLEGE}/status",
        f"/v1/issuers/{COLLEGE}/lists/0",
        "/.well-known/did.json",
        "/healthz",
        "/.well-known/scitt-keys",
        "/.well-known/jwks.json",
    ]
    for path in paths:
        assert world.request("GET", path, headers=bearer).status_code == 200, path
    judged = world.post_json("/v1/verify", {"receipt": b64encode(receipt.body).decode()})
    assert judged.status_code == 200


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_may_do_what_it_does(notebook: Notebook, function: str) -> None:
    permissions = permitted(function)
    needed = notebook.needed[function]
    assert needed
    refused = {each for each in needed if not any(allows(one, each) for one in permissions)}
    assert refused == set()
