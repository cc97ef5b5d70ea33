"""Requests to whom strangers name: only to public addresses, in time, and by nobody's detour."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from chalicelib.adapters.public_http import PublicHttp, connect_to, public_tls, resolve_host
from chalicelib.notary.issuers.did_web import NoDidDocument, verify_control
from chalicelib.notary.public_url import (
    AnswerTooLarge,
    BrokenAnswer,
    ClosedPort,
    NoConnection,
    NotADomain,
    NotHttps,
    NotReached,
    NotTrusted,
    OutOfTime,
    PrivateAddress,
    UnknownHost,
)
from infra.local_cloud import HOST

from .servers import (
    METADATA,
    NAME,
    PUBLIC,
    Authority,
    Connections,
    Script,
    answer,
    make_authority,
    pour,
    say,
    serving,
    trickle,
)

SHORT_S = 0.3
OK = b"HTTP/1.1 200 OK\r\n"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("authority"), NAME)


def never_connected(address: str, port: int, timeout_s: float) -> socket.socket:
    raise AssertionError(f"a connection to {address}")


class TestAnswer:
    def test_has_status_body_and_media_type(self, authority: Authority) -> None:
        script = say(answer(b"{}", "Content-Type: Application/JSON; charset=utf-8"))
        with serving(authority, script) as server:
            found = server.client(authority).get(server.url())
        assert found == (200, b"{}", "application/json", 0)

    def test_is_asked_for_by_name(self, authority: Authority) -> None:
        with serving(authority, say(answer(b"{}"))) as server:
            server.client(authority).get(server.url("/a/did.json?x=%20"))
        assert server.names == [NAME]
        [request] = server.requests
        line, *lines = request.split(b"\r\n")
        assert line == b"GET /a/did.json?x=%20 HTTP/1.1"
        assert f"Host: {NAME}:{server.port}".encode() in lines
        assert b"Accept-Encoding: identity" in lines

    def test_on_the_usual_port_the_host_is_the_name_alone(self, authority: Authority) -> None:
        with serving(authority, say(answer(b"{}"))) as server:
            connect = Connections(server.port)
            client = server.client(authority, PUBLIC, connect=connect, ports={443})
            client.get(f"https://{NAME}/")
        assert connect.made == [(PUBLIC, 443)]
        assert f"Host: {NAME}".encode() in server.requests[0].split(b"\r\n")

    def test_of_a_post_is_its_head(self, authority: Authority) -> None:
        with serving(authority, say(answer(b"x" * 9, "Retry-After: 120"))) as server:
            client = server.client(authority)
            found = client.post(server.url(), b'{"a":1}', {"webhook-id": "evt_1"})
        assert found == (200, b"", "", 120)
        [request] = server.requests
        head, _, body = request.partition(b"\r\n\r\n")
        assert body == b'{"a":1}'
        assert head.startswith(b"POST /did.json HTTP/1.1\r\n")
        assert {b"Content-Length: 7", b"webhook-id: evt_1"} <= set(head.split(b"\r\n"))

    @pytest.mark.parametrize(
        ("text", "seconds"),
        [
            ("0", 0),
            ("9999999", 9_999_999),
            ("10000000", 0),
            ("-1", 0),
            ("1.5", 0),
            ("²", 0),
            ("Fri, 31 Dec 1999 23:59:59 GMT", 0),
        ],
    )
    def test_may_say_when_to_ask_again(self, authority: Authority, text: str, seconds: int) -> None:
        data = answer(b"", status="503 No").replace(b"\r\n\r\n", b"\r\n") + (
            f"Retry-After: {text}\r\n\r\n".encode("latin-1", "replace")
        )
        with serving(authority, say(data)) as server:
            found = server.client(authority).post(server.url(), b"", {})
        assert (found.status, found.retry_after_s) == (503, seconds)

    @pytest.mark.parametrize("status", [204, 400, 404, 500])
    def test_may_be_any_status(self, authority: Authority, status: int) -> None:
        with serving(authority, say(answer(b"", status=f"{status} x"))) as server:
            assert server.client(authority).get(server.url()).status == status

    def test_may_come_in_chunks(self, authority: Authority) -> None:
        data = OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n3;x=y\r\ncde\r\n0\r\n\r\n"
        with serving(authority, say(data)) as server:
            assert server.client(authority).get(server.url()).body == b"abcde"


class TestRedirect:
    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    @pytest.mark.parametrize(
        "to", [f"http://{METADATA}/latest/meta-data/", "https://other.example/", "/did.json"]
    )
    def test_is_an_answer_and_is_not_followed(
        self, authority: Authority, status: int, to: str
    ) -> None:
        data = answer(b"", f"Location: {to}", status=f"{status} Moved")
        with serving(authority, say(data)) as server:
            connect = Connections(server.port)
            client = server.client(authority, PUBLIC, connect=connect)
            assert client.get(server.url()).status == status
            assert client.post(server.url(), b"{}", {}).status == status
        assert connect.made == [(PUBLIC, server.port)] * 2
        assert len(server.requests) == 2

    def test_is_no_did_document(self, authority: Authority) -> None:
        data = answer(b"", f"Location: http://{METADATA}/", status="302 Found")
        with serving(authority, say(data)) as server:
            connect = Connections(server.port)
            client = server.client(authority, PUBLIC, connect=connect, ports={443})
            with pytest.raises(NoDidDocument):
                verify_control(f"did:web:{NAME}", [], client.get, 0)
        assert connect.made == [(PUBLIC, 443)]


class TestAddresses:
    @pytest.mark.parametrize(
        "address",
        [
            "127.0.0.1",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.0.1",
            "100.64.0.1",
            METADATA,
            "0.0.0.0",
            "224.0.0.1",
            "::1",
            "::",
            f"::ffff:{METADATA}",
            "64:ff9b::a9fe:a9fe",
            "2002:a9fe:a9fe::1",
            "2001:0:a9fe:a9fe::1",
            "fd00:ec2::254",
            "fe80::1%eth0",
            "fe80::1",
            "ff02::1",
            "not an address",
        ],
    )
    @pytest.mark.parametrize("where", ["alone", "first", "last"])
    def test_that_are_not_public_refuse_the_host(self, address: str, where: str) -> None:
        others = {"alone": [address], "first": [address, PUBLIC], "last": [PUBLIC] * 5 + [address]}
        client = PublicHttp(resolve=lambda _: others[where], connect=never_connected)
        with pytest.raises(PrivateAddress):
            client.get(f"https://{NAME}/")
        with pytest.raises(PrivateAddress):
            client.post(f"https://{NAME}/", b"{}", {})

    @pytest.mark.parametrize(
        ("url", "error"),
        [
            (f"https://{METADATA}/latest/meta-data/", NotADomain),
            ("https://[::ffff:169.254.169.254]/", NotADomain),
            ("https://2852039166/", NotADomain),
            ("https://localhost/", NotADomain),
            (f"http://{NAME}/", NotHttps),
            (f"https://{NAME}:8443/", ClosedPort),
        ],
    )
    def test_are_not_even_looked_up_for_a_url_that_is_refused(
        self, url: str, error: type[NotReached]
    ) -> None:
        looked_up: list[str] = []

        def resolve(host: str) -> Sequence[str]:
            looked_up.append(host)
            return [PUBLIC]

        with pytest.raises(error):
            PublicHttp(resolve=resolve, connect=never_connected).get(url)
        assert looked_up == []

    def test_are_looked_up_once_and_the_one_that_was_judged_is_used(
        self, authority: Authority
    ) -> None:
        """Rebinding: from the second look-up on, the name is that of the metadata service."""
        told = iter([[PUBLIC], *[[METADATA]] * 9])
        with serving(authority, say(answer(b"{}"))) as server:
            connect = Connections(server.port)
            options = {"resolve": lambda _: next(told), "connect": connect}
            client = server.client(authority, **options)
            assert client.get(server.url()).status == 200
            with pytest.raises(PrivateAddress):
                client.get(server.url())
        assert connect.made == [(PUBLIC, server.port)]

    def test_the_resolver_of_the_system_is_asked_once(
        self, authority: Authority, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """And no other part of the request asks it again for the name."""
        asked: list[object] = []
        real = socket.getaddrinfo

        def note(host: object, *arguments: object, **options: object) -> object:
            asked.append(host)
            return real(HOST, *arguments, **options)  # type: ignore[arg-type]

        monkeypatch.setattr(socket, "getaddrinfo", note)
        with serving(authority, say(answer(b"{}"))) as server:
            server.client(authority, resolve=resolve_host).get(server.url())
        assert asked.count(NAME) == 1
        assert set(asked) <= {NAME, HOST}

    def test_are_tried_one_after_the_other(self, authority: Authority) -> None:
        first = "2606:2800:220:1:248:1893:25c8:1946"
        with serving(authority, say(answer(b"{}"))) as server:
            connect = Connections(server.port, first)
            client = server.client(authority, first, first, PUBLIC, connect=connect)
            assert client.get(server.url()).status == 200
        assert connect.made == [(first, server.port), (PUBLIC, server.port)]

    def test_that_take_no_connections_are_few(self) -> None:
        addresses = [f"93.184.215.{number}" for number in range(50)]
        connect = Connections(0, *addresses)
        client = PublicHttp(resolve=lambda _: addresses, connect=connect)
        with pytest.raises(NoConnection):
            client.get(f"https://{NAME}/")
        assert len(connect.made) == 3

    @pytest.mark.parametrize("error", [socket.gaierror(), OSError(), UnicodeError()])
    def test_may_not_be_found(self, error: Exception) -> None:
        def resolve(host: str) -> Sequence[str]:
            raise error

        with pytest.raises(UnknownHost):
            PublicHttp(resolve=resolve, connect=never_connected).get(f"https://{NAME}/")

    def test_may_be_none(self) -> None:
        with pytest.raises(UnknownHost):
            PublicHttp(resolve=lambda _: [], connect=never_connected).get(f"https://{NAME}/")

    def test_of_this_machine_are_used_by_default_by_nobody(self) -> None:
        """The allowance is the tests' own."""
        client = PublicHttp(resolve=lambda _: [HOST], connect=never_connected)
        assert (list(client.also), list(client.ports)) == ([], [443])
        with pytest.raises(PrivateAddress):
            client.get(f"https://{NAME}/")


class TestTls:
    def refused(self, authority: Authority, trusted: Authority) -> None:
        with serving(authority, say(answer(b"{}"))) as server:
            with pytest.raises(NotTrusted):
                server.client(trusted).post(server.url(), b"secret", {})
            assert server.requests == []

    def test_by_an_unknown_authority_is_refused(self, authority: Authority, tmp_path: Path) -> None:
        self.refused(authority, make_authority(tmp_path, NAME))

    def test_for_another_name_is_refused(self, tmp_path: Path) -> None:
        other = make_authority(tmp_path, "other.example", f"x.{NAME}")
        self.refused(other, other)

    def test_for_a_common_name_is_refused(self, tmp_path: Path) -> None:
        other = make_authority(tmp_path, common_name=NAME)
        self.refused(other, other)

    def test_for_the_address_is_refused(self, tmp_path: Path) -> None:
        other = make_authority(tmp_path, HOST)
        self.refused(other, other)

    def test_is_needed(self, authority: Authority) -> None:
        with serving(None, say(answer(b"{}"))) as server:
            with pytest.raises(NotTrusted):
                server.client(authority).post(server.url(), b"secret", {})
            assert all(b"secret" not in request for request in server.requests)

    def test_trusts_the_systems_authorities_alone(self, authority: Authority) -> None:
        context = public_tls()
        assert context.check_hostname
        assert not context.hostname_checks_common_name
        with serving(authority, say(answer(b"{}"))) as server, pytest.raises(NotTrusted):
            server.client(authority, tls=public_tls).get(server.url())


@pytest.fixture
def proxied(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], int]]:
    """The environment names a proxy; how many connections it had."""
    with socket.create_server((HOST, 0)) as proxy:
        proxy.setblocking(False)
        for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://{HOST}:{proxy.getsockname()[1]}")

        def count() -> int:
            try:
                proxy.accept()
            except BlockingIOError:
                return 0
            return 1

        yield count


def test_a_proxy_of_the_environment_is_not_used(
    authority: Authority, proxied: Callable[[], int]
) -> None:
    with serving(authority, say(answer(b"{}"))) as server:
        assert server.client(authority).get(server.url()).status == 200
    assert proxied() == 0


HEAD = OK + b"Content-Length: 90\r\n\r\n"
SLOW = {
    "nothing": trickle(b"", b""),
    "a status line": trickle(b"HTTP/1.1 200 ", b"O"),
    "lines of a header": trickle(OK, b"X: x\r\n"),
    "a long line of a header": trickle(OK + b"X: ", b"x"),
    "the word to continue": trickle(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
}
SLOW_BODIES = {
    "a body of a length": trickle(HEAD, b"x"),
    "a body in chunks": trickle(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    "a body to the end": trickle(OK + b"\r\n", b"x"),
    "trailers": trickle(OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X: x\r\n"),
}


class TestTime:
    """A server that trickles for ever is out of time. If it were not, the test would not end."""

    @pytest.mark.parametrize("name", [*SLOW, *SLOW_BODIES])
    def test_is_up_for_one_that_trickles(self, authority: Authority, name: str) -> None:
        script = {**SLOW, **SLOW_BODIES}[name]
        with serving(authority, script) as server, pytest.raises(OutOfTime):
            server.client(authority, timeout_s=SHORT_S).get(server.url())

    @pytest.mark.parametrize("name", SLOW)
    def test_is_up_for_a_receiver_too(self, authority: Authority, name: str) -> None:
        with serving(authority, SLOW[name]) as server, pytest.raises(OutOfTime):
            server.client(authority, timeout_s=SHORT_S).post(server.url(), b"{}", {})

    @pytest.mark.parametrize("name", SLOW_BODIES)
    def test_is_not_spent_on_what_a_receiver_says(self, authority: Authority, name: str) -> None:
        with serving(authority, SLOW_BODIES[name]) as server:
            assert server.client(authority).post(server.url(), b"{}", {}).status == 200

    def test_is_up_for_one_that_never_speaks_tls(self, authority: Authority) -> None:
        with socket.create_server((HOST, 0)) as listener:
            port = listener.getsockname()[1]
            with serving(None, say(b"")) as server:
                client = server.client(
                    authority,
                    PUBLIC,
                    timeout_s=SHORT_S,
                    connect=lambda _, __, timeout_s: connect_to(HOST, port, timeout_s),
                )
                with pytest.raises(OutOfTime):
                    client.get(server.url())

    def test_is_up_for_a_resolver_that_hangs(self) -> None:
        released = threading.Event()

        def resolve(host: str) -> Sequence[str]:
            released.wait()
            return [PUBLIC]

        client = PublicHttp(resolve=resolve, connect=never_connected, timeout_s=SHORT_S)
        try:
            with pytest.raises(OutOfTime):
                client.get(f"https://{NAME}/")
        finally:
            released.set()

    def test_is_shared_by_the_addresses(self) -> None:
        given: list[float] = []

        def connect(address: str, port: int, timeout_s: float) -> socket.socket:
            given.append(timeout_s)
            raise TimeoutError

        addresses = ["93.184.215.1", "93.184.215.2", "93.184.215.3"]
        client = PublicHttp(resolve=lambda _: addresses, connect=connect, timeout_s=60.0)
        with pytest.raises(NoConnection):
            client.get(f"https://{NAME}/")
        assert [round(each) for each in given] == [20, 30, 60]

    def test_may_be_up_after_the_last_address(self) -> None:
        client = PublicHttp(
            resolve=lambda _: [PUBLIC], connect=Connections(0, PUBLIC), timeout_s=-1.0
        )
        with pytest.raises(OutOfTime):
            client.get(f"https://{NAME}/")


class TestSize:
    def test_of_an_answer_has_an_end(self, authority: Authority) -> None:
        with serving(authority, say(answer(b"x" * 100))) as server:
            assert len(server.client(authority, max_bytes=100).get(server.url()).body) == 100
            with pytest.raises(AnswerTooLarge):
                server.client(authority, max_bytes=99).get(server.url())

    @pytest.mark.parametrize(
        "script",
        [
            pour(OK + b"Content-Length: 1000000000000\r\n\r\n", b"x" * 4_096),
            pour(OK + b"\r\n", b"x" * 4_096),
            pour(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"fff\r\n" + b"x" * 4_095 + b"\r\n"),
        ],
        ids=["by its length", "to the end", "in chunks"],
    )
    def test_without_end_is_refused(self, authority: Authority, script: Script) -> None:
        with serving(authority, script) as server, pytest.raises(AnswerTooLarge):
            server.client(authority, max_bytes=100_000).get(server.url())


BROKEN = {
    "nothing": b"",
    "no HTTP": b"SSH-2.0-OpenSSH_9.2\r\n",
    "another version": b"HTTP/9.9 200 OK\r\n\r\n",
    "no status": b"HTTP/1.1 OK\r\n\r\n",
    "a status of four digits": b"HTTP/1.1 2000 OK\r\n\r\n",
    "a long status line": b"HTTP/1.1 200 " + b"x" * 70_000 + b"\r\n\r\n",
    "a long header": OK + b"X: " + b"x" * 70_000 + b"\r\n\r\n",
    "many headers": OK + b"X: x\r\n" * 200 + b"\r\n",
    "half a body": OK + b"Content-Length: 10\r\n\r\nxxxxx",
    "no body": OK + b"Content-Length: 10\r\n\r\n",
    "half a chunk": OK + b"Transfer-Encoding: chunked\r\n\r\na\r\nxxxxx",
    "no last chunk": OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nxxxxx\r\n",
    "a chunk of no size": OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nxx\r\n0\r\n\r\n",
    "a compressed body": OK + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\x1f\x8b",
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_answer_is_none(authority: Authority, name: str) -> None:
    with serving(authority, say(BROKEN[name])) as server, pytest.raises(BrokenAnswer):
        server.client(authority).get(server.url())


def test_what_is_refused_tells_nothing_of_url_address_or_answer(
    authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    said: list[str] = []
    for data in BROKEN.values():
        with serving(authority, say(data + b"secret")) as server:
            for addresses in ((HOST,), (METADATA,), (PUBLIC,)):
                client = server.client(authority, *addresses, connect=Connections(1, PUBLIC))
                try:
                    client.get(server.url("/secret?key=secret"))
                except NotReached as error:
                    said.append(f"{error} {error.__context__ and error.__suppress_context__}")
    text = " ".join(said) + caplog.text
    assert len(said) == 3 * len(BROKEN)
    for secret in ("secret", NAME, METADATA, PUBLIC, HOST):
        assert secret not in text
