"""What a million documents cost on AWS, from real runs of all our code against the local cloud.

Handlers run in this process, one invocation after another as AWS's sandboxes run them, so that
their AWS requests pass a meter; queue, tables, buckets and keys are the local cloud's. The queue is
polled as Lambda does it: up to ten messages a batch, deleted together when the handler is done.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

from chalice.test import Client, HTTPResponse

import app as entry_point
from chalicelib.adapters.aws import Clients
from chalicelib.api import handlers, wiring
from chalicelib.bootstrap import Service, service_from_env
from chalicelib.notary.limits import RECEIPTS_PAGE
from chalicelib.notary.sequence import create_log
from chalicelib.proof.statement import entry_id
from infra.local_cloud import LocalCloud
from infra.package import ROOT

from .measure import Results
from .meter import USD, Meter, add_up, price
from .people import enrol, new_entries, token_form
from .places import URL, make_settings

MILLION = 1_000_000
STATEMENT, CBOR_SEQ = "application/scitt-statement+cose", "application/cbor-seq"
FORM = "application/x-www-form-urlencoded"
RECEIPT = "application/vnd.tally.receipt+json"


@dataclass(frozen=True, slots=True)
class Stand:
    """The service in this process, on metered clients; ``memory`` of each function in MB."""

    service: Service
    meter: Meter
    clients: Clients
    queue: str
    memory: Mapping[str, int]
    token: str

    def request(self, method: str, path: str, body: bytes = b"", **headers: str) -> HTTPResponse:
        """A request through API Gateway."""
        self.meter.add({"API Gateway requests": 1})
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        headers["Authorization"] = f"Bearer {self.token}"
        with Client(entry_point.app) as client:
            send = client.http.request
            return self.meter.invoke(
                self.memory["api_handler"], lambda: send(method, path, headers, body)
            )

    def poll(self) -> int:
        """Work off the queue; the number of the sequencer's invocations."""
        sqs, count = self.clients.sqs, 0
        while messages := sqs.receive_message(
            QueueUrl=self.queue, MaxNumberOfMessages=10, VisibilityTimeout=360
        ).get("Messages"):
            ids = [message["MessageId"] for message in messages]
            failed = self.meter.invoke(
                self.memory["sequencer"], partial(handlers.sequence_wakes, ids)
            )
            assert not failed["batchItemFailures"], failed
            sqs.delete_message_batch(
                QueueUrl=self.queue,
                Entries=[
                    {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                    for number, message in enumerate(messages)
                ],
            )
            count += 1
        return count


@contextmanager
def metered_stand(cloud: LocalCloud) -> Iterator[Stand]:
    """The service on new tables, buckets, queue and keys of the local cloud, with an empty log."""
    plain = Clients(cloud.session(), cloud.endpoint)
    session = cloud.session()
    meter = Meter(
        session,
        lambda table, key: plain.dynamodb.get_item(TableName=table, Key=dict(key))["Item"],
    )
    clients = Clients(session, cloud.endpoint)
    environ = make_settings(plain)
    service = service_from_env(environ, clients)
    create_log(service.log)
    enrol(service)
    memory = _memory()
    wiring.use(service)
    try:
        stand = Stand(service, meter, clients, environ["TALLY_WAKE_QUEUE_URL"], memory, "")
        form = token_form(f"{URL}/oauth/token")
        reply = stand.request("POST", "/oauth/token", form, Content_Type=FORM)
        assert reply.status_code == 200, reply.body
        meter.take()
        yield replace(stand, token=json.loads(reply.body)["access_token"])
    finally:
        wiring.use(None)


def _memory() -> dict[str, int]:
    config = json.loads((ROOT / ".chalice" / "config.json").read_text("utf-8"))
    functions = config["lambda_functions"]
    return {name: function["lambda_memory_size"] for name, function in functions.items()}


def notarise_singly(stand: Stand, documents: int) -> list[dict[str, float]]:
    """Submit each with a request of its own, let the sequencer work, fetch each receipt: what was
    counted in each of the three."""
    entries = list(new_entries(documents))
    for entry in entries:
        reply = stand.request("POST", "/entries", entry, Content_Type=STATEMENT, Accept=RECEIPT)
        assert reply.status_code == 303, reply.body
    submitted = stand.meter.take()
    stand.poll()
    sequenced = stand.meter.take()
    for entry in entries:
        reply = stand.request("GET", f"/entries/{entry_id(entry).hex()}", Accept=RECEIPT)
        assert reply.status_code == 200, reply.body
    return [submitted, sequenced, stand.meter.take()]


def notarise_in_bulk(stand: Stand, documents: int) -> list[dict[str, float]]:
    """The same with one request for all of them, and pages of receipts."""
    body = b"".join(new_entries(documents))
    reply = stand.request("POST", "/entries", body, Content_Type=CBOR_SEQ)
    assert reply.status_code == 303, reply.body
    job = json.loads(reply.body)["job"]
    submitted = stand.meter.take()
    stand.poll()
    sequenced = stand.meter.take()
    status = stand.request("GET", f"/v1/jobs/{job}")
    assert json.loads(status.body)["integrated"] == documents, status.body
    for start in range(0, documents, RECEIPTS_PAGE):
        page = stand.request("GET", f"/v1/jobs/{job}/receipts?from={start}")
        assert page.status_code == 200, page.body
    return [submitted, sequenced, stand.meter.take()]


def measure(cloud: LocalCloud, documents: int = 500, bulk: int = 1_000) -> Results:
    """US dollars per million documents, when the log already holds some.

    Single: one POST each, answered 303, and all that follows until they are in the log. The receipt
    is not in it, because how to get it is the client's choice; a GET for each is printed beside.
    Bulk: one POST for all, the job's status, and every receipt."""
    with metered_stand(cloud) as stand:
        notarise_singly(stand, min(documents, 20))
        submitted, sequenced, fetched = notarise_singly(stand, documents)
        in_bulk = add_up(notarise_in_bulk(stand, bulk))
    single = add_up([submitted, sequenced])
    _tell("single", single, documents)
    _tell("bulk", in_bulk, bulk)
    receipt_usd = price(fetched) / documents * MILLION
    print(f"  fetching each receipt with a GET of its own: ${receipt_usd:.2f} more")
    return {
        "usd_per_million_single": price(single) / documents * MILLION,
        "usd_per_million_bulk": price(in_bulk) / bulk * MILLION,
    }


def _tell(kind: str, counted: Mapping[str, float], documents: int) -> None:
    print(f"  {kind}, per document:")
    for name, amount in counted.items():
        usd = USD[name] * amount / documents * MILLION
        print(f"    {amount / documents:9.4f} {name:<22} ${usd:.4f} a million")
