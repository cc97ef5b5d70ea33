"""Webhooks through the deployed service, to a receiver on this machine that knows the specification
alone."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from chalicelib.cli.http import Http
from chalicelib.cli.keyfile import IssuerSigner
from chalicelib.cli.submit import submit
from chalicelib.cli.tokens import sign_assertion
from infra.attesting import wake
from infra.deploy import Deployment
from infra.local_cloud import HOST, LocalCloud, deploy_locally
from tests.api.hooks import Unverified, verify
from tests.e2e.test_upload import ACADEMY, client_of, sign_document
from tests.fakes import key_named
from tests.outbound.servers import Server, answer, make_authority, say, serving

RECEIVER = "receiver.example"
PATIENCE_S = 60
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass
class Site:
    """The service with a receiver. ``read`` counts the requests that were looked at."""

    deployment: Deployment
    receiver: Server
    http: Http
    token: str = ""
    read: int = 0
    told: list[dict[str, Any]] = field(default_factory=list)

    def ask(self, method: str, path: str, value: object = None) -> Any:
        url, bearer = (
            f"{self.http.url}/v1/webhooks{path}",
            {"Authorization": f"Bearer {self.token}"},
        )
        response = httpx.request(method, url, json=value, headers=bearer, timeout=60)
        assert response.is_success or response.status_code == 400, response.text
        return response.json() if response.content else None

    def sign_in(self) -> None:
        endpoint = f"{self.http.url}/oauth/token"
        signer = IssuerSigner(ACADEMY, key_named(ACADEMY))
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION,
            "client_assertion": sign_assertion(signer, endpoint, int(time.time())),
            "scope": "webhooks:manage",
        }
        self.token = httpx.post(endpoint, data=form, timeout=60).json()["access_token"]

    def received_until(self, good: Callable[[dict[str, Any]], bool], *secrets: str) -> None:
        """Run the deliverer until such an event came; every one must be good for each secret."""
        end_s = time.monotonic() + PATIENCE_S
        while not any(map(good, self.told)):
            assert time.monotonic() < end_s, self.told
            wake(self.deployment, "deliverer")
            for request in self.receiver.requests[self.read :]:
                self.read += 1
                self.told += [self.verified(request, secret) for secret in secrets][:1]

    def verified(self, request: bytes, secret: str) -> dict[str, Any]:
        head, _, body = request.partition(b"\r\n\r\n")
        lines = [line.partition(": ") for line in head.decode().split("\r\n")[1:]]
        headers = {name.lower(): value for name, _, value in lines}
        return verify(headers, body, secret, time.time())


@pytest.fixture(scope="module")
def site(local_cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    authority = make_authority(tmp_path_factory.mktemp("receiver"), RECEIVER)
    with serving(authority, say(answer(b"", status="204 No Content"))) as server:
        place = f"{HOST} {server.port} {authority.path}"
        deployment = deploy_locally(local_cloud, "hooked", "hooked.example/log", place)
        with client_of(deployment, ACADEMY, "academy") as http:
            site = Site(deployment, server, http)
            site.sign_in()
            yield site


def is_done(event: dict[str, Any]) -> bool:
    return bool(event["type"] == "job.done")


def test_what_happens_reaches_the_receiver_signed_and_secrets_rotate(site: Site) -> None:
    events = ["document.registered", "job.done"]
    url = site.receiver.url("/hooks", RECEIVER)
    made = site.ask("POST", "", {"url": url, "events": events})
    diploma = sign_document(1).statement
    assert submit(site.http, diploma.entry, 1, lambda _: None).integrated == 1
    site.received_until(is_done, made["secret"])
    [registered] = [each for each in site.told if each["type"] == "document.registered"]
    assert registered["data"]["entry"] == diploma.entry_id.hex()
    assert httpx.get(registered["data"]["link"]).status_code == 200
    assert [each["data"]["accepted"] for each in site.told if is_done(each)] == [1]

    rotated = site.ask("POST", f"/{made['id']}/secret")
    test = site.ask("POST", f"/{made['id']}/test")
    is_test = lambda event: bool(event["type"] == "webhook.test")  # noqa: E731
    site.received_until(is_test, made["secret"], rotated["secret"])
    found = site.ask("GET", f"/{made['id']}/deliveries/{test['event']}")
    assert (found["state"], found["tries"]) == ("done", 1)

    site.ask("POST", f"/{made['id']}/secret/retire")
    site.ask("POST", f"/{made['id']}/test")
    site.told.clear()
    site.received_until(is_test, rotated["secret"])
    with pytest.raises(Unverified):
        site.verified(site.receiver.requests[-1], made["secret"])
    ids = [
        request.partition(b"webhook-id: ")[2].split(b"\r\n")[0]
        for request in site.receiver.requests
    ]
    assert len(set(ids)) == len(ids) == 4, "each event once"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://169.254.169.254/latest/meta-data/", "not-a-domain"),
        (f"https://{HOST}/", "not-a-domain"),
        (f"http://{RECEIVER}/", "not-https"),
        (f"https://{RECEIVER}:22/", "closed-port"),
    ],
)
def test_a_tenant_cannot_name_this_machine_or_another_port(
    site: Site, url: str, reason: str
) -> None:
    refused = site.ask("POST", "", {"url": url, "events": ["job.done"]})
    assert (refused["status"], refused["reason"]) == (400, reason)


def test_no_secret_and_no_url_is_in_any_log_or_table(site: Site, local_cloud: LocalCloud) -> None:
    """As an operator reads them."""
    made = site.ask(
        "POST", "", {"url": site.receiver.url("/canary", RECEIVER), "events": ["job.done"]}
    )
    session, endpoint = local_cloud.session(), local_cloud.endpoint
    table = site.deployment.outputs["WebhooksTable"]
    items = session.client("dynamodb", endpoint_url=endpoint).scan(TableName=table)["Items"]
    stored = json.dumps(items, default=str)
    assert made["id"] in stored
    assert "whsec_" not in stored
    logs = session.client("logs", endpoint_url=endpoint)
    read = []
    for group in logs.describe_log_groups()["logGroups"]:
        name = group["logGroupName"]
        read += [each["message"] for each in logs.filter_log_events(logGroupName=name)["events"]]
    lines = "".join(read)
    assert '"route":"/v1/webhooks"' in lines
    for word in ("whsec_", made["secret"].removeprefix("whsec_"), RECEIVER, "canary"):
        assert word not in lines
