"""``tally operator issuer add``: only with keys that the issuer's own domain says are its own."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from chalicelib import bootstrap
from chalicelib.adapters.public_http import PublicHttp
from chalicelib.bootstrap import Service
from chalicelib.notary.issuers.did_web import did_url
from chalicelib.notary.public_url import Answer, OutOfTime
from chalicelib.proof.times import format_time
from tests.cli.desk import tally, tally_json
from tests.cli.operators import UNIVERSITY, Websites, add, checked, kid_of, make_key, shown
from tests.fakes import START_MS
from tests.outbound.servers import (
    METADATA,
    NAME,
    PUBLIC,
    Authority,
    Connections,
    Server,
    answer,
    make_authority,
    say,
    serving,
)

PLACE = did_url(UNIVERSITY)
DID_JSON = "Content-Type: application/did+json"


def test_a_key_that_the_domain_publishes_is_let_in(
    service: Service, websites: Websites, key: Path
) -> None:
    websites.publish(UNIVERSITY, key)
    done = tally(*checked(key))
    assert (done.exit_code, done.stderr) == (0, "")
    assert websites.asked == [PLACE]
    [known] = shown()["keys"]
    assert (known["kid"], known["control"]) == (
        kid_of(key),
        {"at_ms": START_MS, "unchecked": None},
    )
    told = tally("operator", "issuer", "show", UNIVERSITY).stdout
    assert f"control of the domain was checked on {format_time(START_MS)}" in told


def test_what_cannot_be_asked_is_not_let_in_and_says_what_to_do(
    service: Service, websites: Websites, key: Path
) -> None:
    done = tally(*checked(key))
    assert done.exit_code == 2
    assert f"could not check that {UNIVERSITY} controls its domain" in done.stderr
    assert PLACE in done.stderr
    assert service.registry.issuers() == []


def replaced(value: dict[str, object], **different: object) -> Answer:
    return Answer(200, json.dumps({**value, **different}).encode(), "application/did+json")


OTHERWISE = ["another key", "another issuer", "no assertion", "somebody else's", "junk", "private"]


@pytest.mark.parametrize("name", OTHERWISE)
def test_what_the_domain_says_otherwise_is_refused(
    service: Service, websites: Websites, key: Path, tmp_path: Path, name: str
) -> None:
    other = make_key(tmp_path, "other")
    websites.publish(UNIVERSITY, key)
    page = websites.pages[PLACE]
    assert isinstance(page, Answer)
    value = json.loads(page.body)
    method = value["verificationMethod"][0]
    match name:
        case "another key":
            websites.publish(UNIVERSITY, other)
        case "another issuer":
            stranger = make_key(tmp_path, "stranger", "did:web:stranger.example")
            websites.publish("did:web:stranger.example", stranger, at=UNIVERSITY)
        case "no assertion":
            websites.pages[PLACE] = replaced(value, assertionMethod=[])
        case "somebody else's":
            foreign = {**method, "controller": "did:web:stranger.example"}
            websites.pages[PLACE] = replaced(value, verificationMethod=[foreign])
        case "junk":
            websites.pages[PLACE] = page._replace(body=page.body[:-2])
        case "private":
            jwk = json.loads((tmp_path / "key.json").read_text())
            leaked = {**method, "publicKeyJwk": jwk}
            websites.pages[PLACE] = replaced(value, verificationMethod=[leaked])
    done = tally(*checked(key))
    assert (done.exit_code, "does not confirm it" in done.stderr) == (1, True)
    assert service.registry.issuers() == []


@pytest.mark.parametrize(
    "page",
    [
        Answer(404),
        Answer(301),
        Answer(503),
        Answer(200, b"{}", "text/html"),
        OutOfTime("there was no whole answer in time"),
    ],
    ids=["absent", "elsewhere", "down", "a page for people", "slow"],
)
def test_an_outage_is_no_answer(
    service: Service, websites: Websites, key: Path, page: Answer | OutOfTime
) -> None:
    websites.pages[PLACE] = page
    assert tally(*checked(key)).exit_code == 2
    assert service.registry.issuers() == []


def test_a_further_key_is_asked_about_and_the_first_is_not(
    service: Service, websites: Websites, key: Path, tmp_path: Path
) -> None:
    tally(*add(key))
    new = make_key(tmp_path, "new")
    assert tally(*checked(new)).exit_code == 2
    websites.publish(UNIVERSITY, new)
    assert tally(*checked(new)).exit_code == 0
    assert [each["control"]["unchecked"] for each in shown()["keys"]] == [
        "an invented domain",
        None,
    ]


def test_a_file_is_asked_about_too(
    service: Service, websites: Websites, key: Path, tmp_path: Path
) -> None:
    jwk = {n: v for n, v in json.loads(key.read_text()).items() if n not in ("iss", "kid")}
    value = {"id": UNIVERSITY, "tenant": "u", "names": {"en": "U", "zh": "大"}}
    path = tmp_path / "issuer.json"
    path.write_text(json.dumps({**value, "keys": [{"jwk": jwk}]}))
    assert tally("operator", "issuer", "add", path).exit_code == 2
    websites.publish(UNIVERSITY, key)
    assert tally("operator", "issuer", "add", path).exit_code == 0
    path.write_text(json.dumps({**value, "status": "suspended", "keys": []}))
    websites.pages.clear()
    assert tally("operator", "issuer", "add", path).exit_code == 0
    assert shown()["status"] == "suspended"


class TestUnchecked:
    def test_is_done_with_a_warning_and_remembered(self, service: Service, key: Path) -> None:
        done = tally(*add(key, unchecked="the domain is invented"))
        assert done.exit_code == 0
        assert "WARNING: nobody checked" in done.stderr
        assert kid_of(key) in done.stderr
        told = tally("operator", "issuer", "list").stdout
        assert "control of the domain was NOT checked" in told
        assert "the domain is invented" in told

    def test_asks_nobody(self, service: Service, websites: Websites, key: Path) -> None:
        tally(*add(key))
        assert websites.asked == []

    @pytest.mark.parametrize("reason", ["", " ", "x\u200b", "x" * 301])
    def test_needs_a_reason(self, service: Service, key: Path, reason: str) -> None:
        done = tally(*add(key, unchecked=reason))
        assert (done.exit_code, "--unchecked" in done.stderr) == (64, True)
        assert service.registry.issuers() == []

    def test_warns_once_for_a_key(self, service: Service, key: Path) -> None:
        tally(*add(key))
        assert tally(*add(key)).stderr == ""

    def test_can_be_made_good(self, service: Service, websites: Websites, key: Path) -> None:
        tally(*add(key))
        assert tally("operator", "issuer", "check", UNIVERSITY).exit_code == 2
        assert shown()["keys"][0]["control"]["unchecked"] == "an invented domain"
        websites.publish(UNIVERSITY, key)
        assert tally("operator", "issuer", "check", UNIVERSITY).exit_code == 0
        assert shown()["keys"][0]["control"]["unchecked"] is None
        stranger = "did:web:stranger.example"
        assert tally("operator", "issuer", "check", stranger).exit_code == 64


class TestLookalikes:
    def test_are_refused_with_the_name_of_the_other(
        self, service: Service, websites: Websites, key: Path, tmp_path: Path
    ) -> None:
        tally(*add(key))
        alike = "did:web:un1versity.example"
        new = make_key(tmp_path, "alike", alike)
        websites.publish(alike, new)
        done = tally(*checked(new))
        assert done.exit_code == 1
        assert f"{alike} looks like {UNIVERSITY}" in done.stderr
        assert websites.asked == []
        assert tally(*checked(new, "--lookalike-of", "did:web:other.example")).exit_code == 1
        assert tally(*checked(new, "--lookalike-of", UNIVERSITY)).exit_code == 0

    def test_of_nobody_mislead_all_the_same(self, service: Service, tmp_path: Path) -> None:
        done = tally(*add(make_key(tmp_path, "x", "did:web:xn--n1aahb.example")))
        assert (done.exit_code, "read as coco" in done.stderr) == (1, True)
        assert service.registry.issuers() == []

    def test_that_are_in_already_can_be_given_keys(
        self, service: Service, key: Path, tmp_path: Path
    ) -> None:
        tally(*add(key))
        alike = make_key(tmp_path, "alike", "did:web:un1versity.example")
        tally(*add(alike, "--lookalike-of", UNIVERSITY))
        more = make_key(tmp_path, "more", "did:web:un1versity.example")
        assert tally(*add(more)).exit_code == 0


class TestTheDidDocument:
    def test_is_what_the_check_wants(
        self, service: Service, websites: Websites, key: Path, tmp_path: Path
    ) -> None:
        new = make_key(tmp_path, "new")
        assert f"served as application/did+json at {PLACE}" in tally("keys", "did", key).stderr
        websites.publish(UNIVERSITY, key, new)
        assert tally(*checked(key)).exit_code == tally(*checked(new)).exit_code == 0
        assert tally_json("keys", "did", key, new)["id"] == UNIVERSITY

    def test_is_of_one_issuer(self, key: Path, tmp_path: Path) -> None:
        stranger = make_key(tmp_path, "stranger", "did:web:stranger.example")
        assert tally("keys", "did", key, stranger).exit_code == 64
        plain = tmp_path / "plain.json"
        members = json.loads(key.read_text())
        plain.write_text(json.dumps({n: v for n, v in members.items() if n != "iss"}))
        assert tally("keys", "did", plain).exit_code == 64
        assert tally("keys", "did", tmp_path / "key.json").exit_code == 64


ADDRESSES = {
    "the metadata of the machine": [METADATA],
    "this machine": ["127.0.0.1"],
    "this machine in IPv6": ["::1"],
    "the metadata in IPv6": ["fd00:ec2::254"],
    "mapped into IPv6": [f"::ffff:{METADATA}"],
    "through NAT64": ["64:ff9b::a9fe:a9fe"],
    "a private network": ["10.0.0.1"],
    "one good and one private": [PUBLIC, "192.168.0.1"],
}


class Network:
    """The command over real TLS, to a server of this machine that takes the issuer's place whatever
    address is asked. ``told`` are the addresses that each look-up gives, the last one for ever."""

    def __init__(self, server: Server, authority: Authority, *told: list[str]) -> None:
        self.connect = Connections(server.port)
        self._told = list(told)
        self.client = server.client(
            authority, resolve=self._resolve, connect=self.connect, ports={443}, also=()
        )

    def _resolve(self, host: str) -> list[str]:
        assert host == NAME
        return self._told.pop(0) if len(self._told) > 1 else self._told[0]

    def use(self, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
        connected = replace(service, get=self.client.get)
        monkeypatch.setattr(bootstrap, "service_from_env", lambda _: connected)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("authority"), NAME)


def page(key: Path) -> bytes:
    return answer(tally("keys", "did", key).stdout.encode(), DID_JSON)


def test_over_the_network_a_key_is_let_in(
    service: Service, key: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(authority, say(page(key))) as server:
        network = Network(server, authority, [PUBLIC])
        network.use(service, monkeypatch)
        assert tally(*checked(key)).exit_code == 0
    assert network.connect.made == [(PUBLIC, 443)]
    [request] = server.requests
    assert request.startswith(b"GET /.well-known/did.json HTTP/1.1\r\n")


@pytest.mark.parametrize("name", ADDRESSES)
def test_addresses_that_are_not_public_are_not_connected_to(
    service: Service,
    key: Path,
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    with serving(authority, say(page(key))) as server:
        network = Network(server, authority, ADDRESSES[name])
        network.use(service, monkeypatch)
        done = tally(*checked(key))
    assert (done.exit_code, "not a public one" in done.stderr) == (2, True)
    assert network.connect.made == []
    assert service.registry.issuers() == []


def test_a_name_that_is_rebound_is_judged_at_each_look_up(
    service: Service, key: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One look-up for one question: the address that was judged is the one that is used."""
    with serving(authority, say(page(key))) as server:
        network = Network(server, authority, [PUBLIC], [METADATA])
        network.use(service, monkeypatch)
        assert tally(*checked(key)).exit_code == 0
        assert tally("operator", "issuer", "check", UNIVERSITY).exit_code == 2
    assert network.connect.made == [(PUBLIC, 443)]


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("to", [f"http://{METADATA}/latest/", "https://other.example/did.json"])
def test_redirects_are_not_followed(
    service: Service,
    key: Path,
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    to: str,
) -> None:
    moved = answer(b"", f"Location: {to}", status=f"{status} Moved")
    with serving(authority, say(moved)) as server:
        network = Network(server, authority, [PUBLIC])
        network.use(service, monkeypatch)
        assert tally(*checked(key)).exit_code == 2
    assert len(server.requests) == 1
    assert service.registry.issuers() == []


def test_another_hosts_certificate_is_not_the_issuers(
    service: Service, key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = make_authority(tmp_path, "other.example")
    with serving(other, say(page(key))) as server:
        Network(server, other, [PUBLIC]).use(service, monkeypatch)
        assert tally(*checked(key)).exit_code == 2
    assert service.registry.issuers() == []


@pytest.mark.parametrize("id_", ["did:web:localhost", "did:web:127.0.0.1", "did:web:2852039166"])
def test_ids_that_are_no_domain_are_not_looked_up(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, id_: str
) -> None:
    def never(host: str) -> list[str]:
        raise AssertionError(f"{host} was looked up")

    connected = replace(service, get=PublicHttp(resolve=never).get)
    monkeypatch.setattr(bootstrap, "service_from_env", lambda _: connected)
    assert tally(*checked(make_key(tmp_path, "x", id_))).exit_code == 2
    assert service.registry.issuers() == []
