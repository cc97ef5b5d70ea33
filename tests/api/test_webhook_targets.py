"""Where webhooks go: to public addresses alone, when they are made and whenever they are posted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from chalicelib.adapters.public_http import PublicHttp
from tests.api.hooks import Hooks
from tests.api.world import World, problem_of
from tests.outbound.servers import Authority, answer, make_authority, say, serving
from tests.outbound.test_public_http import METADATA, PUBLIC, Connections, never_connected

HOST = "college.example"
TARGET = f"https://{HOST}/hooks"

PRIVATE = (
    *("127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.0.1", "100.64.0.1", METADATA, "0.0.0.0"),
    *("224.0.0.1", "::1", "::", f"::ffff:{METADATA}", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1"),
    *("2001:0:a9fe:a9fe::1", "fd00:ec2::254", "fe80::1%eth0", "fe80::1", "ff02::1"),
)

URLS = [
    (f"https://{METADATA}/latest/meta-data/", "not-a-domain"),
    (f"https://[::ffff:{METADATA}]/", "not-a-domain"),
    ("https://[::1]/", "not-a-domain"),
    ("https://[fd00:ec2::254]/", "not-a-domain"),
    ("https://2852039166/", "not-a-domain"),
    ("https://0xa9fea9fe/", "not-a-domain"),
    ("https://0251.0376.0251.0376/", "not-a-domain"),
    ("https://127.1/", "not-a-domain"),
    ("https://localhost/", "not-a-domain"),
    ("https://college.example@127.0.0.1/", "not-a-domain"),
    ("https://college。example/", "not-a-domain"),
    (f"http://{HOST}/hooks", "not-https"),
    (f"file://{HOST}/etc/passwd", "not-https"),
    (f"gopher://{HOST}/", "not-https"),
    (f"https://{HOST}:8443/", "closed-port"),
    (f"https://{HOST}:22/", "closed-port"),
    (f"https://{HOST}/a b", "malformed-url"),
    (f"https://{HOST}/#fragment", "malformed-url"),
    ("", "malformed-url"),
]


@pytest.fixture
def hooks(world: World) -> Hooks:
    return Hooks(world)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("authority"), HOST)


@pytest.mark.parametrize(("url", "reason"), URLS)
def test_a_url_that_cannot_be_used_is_refused_and_nothing_is_looked_up_or_stored(
    hooks: Hooks, url: str, reason: str
) -> None:
    def never(host: str) -> Sequence[str]:
        raise AssertionError(f"{host} was looked up")

    hooks.through(PublicHttp(resolve=never, connect=never_connected))
    refused = hooks.create(url=url)
    assert (refused.status_code, problem_of(refused)) == (400, "unusable-url")
    assert refused.json_body["reason"] == reason
    assert hooks.store.endpoints() == []


@pytest.mark.parametrize("address", PRIVATE)
@pytest.mark.parametrize("others", [[], [PUBLIC]], ids=["alone", "behind a public one"])
def test_a_host_with_an_address_that_is_not_public_is_refused(
    hooks: Hooks, address: str, others: list[str]
) -> None:
    hooks.through(PublicHttp(resolve=lambda _: [*others, address], connect=never_connected))
    refused = hooks.create(url=TARGET)
    assert (refused.status_code, problem_of(refused)) == (400, "unusable-url")
    assert refused.json_body["reason"] == "private-address"
    assert address not in refused.json_body["detail"]
    assert hooks.store.endpoints() == []


def test_a_host_that_is_unknown_is_refused(hooks: Hooks) -> None:
    hooks.through(PublicHttp(resolve=lambda _: [], connect=never_connected))
    assert hooks.create(url=TARGET).json_body["reason"] == "unknown-host"


@pytest.mark.parametrize("address", PRIVATE)
def test_a_host_that_is_bound_anew_after_that_gets_nothing(hooks: Hooks, address: str) -> None:
    """Rebinding: public while it is judged, private when it is posted to."""
    told = iter([[PUBLIC]])
    hooks.through(PublicHttp(resolve=lambda _: next(told, [address]), connect=never_connected))
    made = hooks.made(url=TARGET)
    place = hooks.post(f"/{made['id']}/test").json_body["event"]
    hooks.deliver()
    found = hooks.ask("GET", f"/{made['id']}/deliveries/{place}").json_body
    assert (found["state"], found["tries"], found["problem"]) == ("due", 1, "private-address")


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"])
@pytest.mark.parametrize(
    "location", [f"http://{METADATA}/", "https://127.0.0.1/", f"https://{HOST}/other", "/other"]
)
def test_a_redirect_leads_nowhere(
    hooks: Hooks, authority: Authority, status: str, location: str
) -> None:
    script = say(answer(b"", f"Location: {location}", status=status))
    with serving(authority, script) as server:
        connect = Connections(server.port)
        client = server.client(authority, PUBLIC, connect=connect, ports={443}, also=())
        hooks.through(client)
        made = hooks.made(url=TARGET)
        event = hooks.post(f"/{made['id']}/test").json_body["event"]
        hooks.deliver()
    found = hooks.ask("GET", f"/{made['id']}/deliveries/{event}").json_body
    assert (found["state"], found["problem"]) == ("due", f"status-{status[:3]}")
    assert connect.made == [(PUBLIC, 443)]
    assert len(server.requests) == 1


def test_a_receiver_is_known_by_its_certificate(
    hooks: Hooks, authority: Authority, tmp_path: Path
) -> None:
    other = make_authority(tmp_path, "other.example")
    with serving(other, say(answer(b""))) as server:
        connect = Connections(server.port)
        hooks.through(server.client(other, PUBLIC, connect=connect, ports={443}, also=()))
        made = hooks.made(url=TARGET)
        event = hooks.post(f"/{made['id']}/test").json_body["event"]
        hooks.deliver()
    assert server.requests == []
    found = hooks.ask("GET", f"/{made['id']}/deliveries/{event}").json_body
    assert found["problem"] == "not-trusted"


def test_what_is_judged_is_what_is_connected_to(hooks: Hooks, authority: Authority) -> None:
    with serving(authority, say(answer(b"", status="204 No Content"))) as server:
        connect = Connections(server.port)
        hooks.through(server.client(authority, PUBLIC, connect=connect, ports={443}, also=()))
        made = hooks.made(url=TARGET)
        event = hooks.post(f"/{made['id']}/test").json_body["event"]
        assert connect.made == [], "to judge an address nobody connects to it"
        hooks.deliver()
    assert connect.made == [(PUBLIC, 443)]
    assert hooks.ask("GET", f"/{made['id']}/deliveries/{event}").json_body["state"] == "done"
