"""Webhooks and DID documents over the wire: what comes is signed, and nobody is led elsewhere."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence

import pytest

from chalicelib.adapters.public_http import PublicHttp
from chalicelib.notary.issuers.did_web import NotInControl, verify_control
from chalicelib.notary.webhooks.deliveries import Deliverer, announce, deliver_due
from chalicelib.notary.webhooks.events import Delivery, Endpoint, format_secret, new_event
from chalicelib.proof.keys import format_jwk
from tests.fakes import START_MS, Clock, key_named
from tests.webhook_fakes import MemorySealer, MemoryWebhooks

from .servers import (
    METADATA,
    NAME,
    PUBLIC,
    Authority,
    Connections,
    Script,
    Server,
    answer,
    make_authority,
    say,
    serving,
)

KEYS = [bytes([number] * 32) for number in (1, 2)]
EVENT = new_event("webhook.test", START_MS, {})
SEALER = MemorySealer()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("authority"), NAME)


def deliver(client: PublicHttp, url: str, clock: Clock, store: MemoryWebhooks) -> Delivery:
    """One event to an endpoint at that URL, tried once more."""
    if not store.endpoints():
        secrets = tuple(SEALER.seal("t", "ep_1", format_secret(key)) for key in KEYS)
        store.put_endpoint(Endpoint("ep_1", "t", url, secrets, frozenset({EVENT.type})))
        announce(store, "t", EVENT, clock())
    [changed] = deliver_due(Deliverer(store, SEALER, client.post, "", clock, lambda: 0.0))
    return changed


def verify(request: bytes, key: bytes) -> bytes:
    """What a receiver does (Standard Webhooks, Verifying signatures): the body, if it is signed."""
    head, _, body = request.partition(b"\r\n\r\n")
    lines = [line.partition(": ") for line in head.decode().split("\r\n")[1:]]
    headers = {name.lower(): value for name, _, value in lines}
    message = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(key, message, hashlib.sha256).digest()).decode()
    assert f"v1,{expected}" in headers["webhook-signature"].split(" ")
    return body


@pytest.mark.parametrize("key", KEYS)
def test_a_receiver_with_either_secret_takes_the_event(authority: Authority, key: bytes) -> None:
    with serving(authority, say(answer(b"", status="202 Accepted"))) as server:
        done = deliver(server.client(authority), server.url("/h?k=1"), Clock(), MemoryWebhooks())
    assert done.state == "done"
    [request] = server.requests
    assert request.startswith(b"POST /h?k=1 HTTP/1.1\r\n")
    assert json.loads(verify(request, key)) == {
        "type": "webhook.test",
        "timestamp": "2026-09-21T14:13:20.000Z",
        "data": {},
    }


def test_a_redirect_is_a_failure_and_leads_nowhere(authority: Authority) -> None:
    data = answer(b"", f"Location: http://{METADATA}/", status="307 Temporary Redirect")
    with serving(authority, say(data)) as server:
        connect = Connections(server.port)
        client = server.client(authority, PUBLIC, connect=connect)
        failed = deliver(client, server.url(), Clock(), MemoryWebhooks())
    assert (failed.state, failed.problem) == ("due", "status-307")
    assert connect.made == [(PUBLIC, server.port)]


def test_a_name_that_is_bound_anew_between_two_tries_gets_nothing(authority: Authority) -> None:
    told = iter([[PUBLIC], [METADATA]])

    def resolve(host: str) -> Sequence[str]:
        return next(told)

    with serving(authority, say(answer(b"", status="500 Oh"))) as server:
        connect = Connections(server.port)
        client = server.client(authority, resolve=resolve, connect=connect)
        clock, store = Clock(), MemoryWebhooks()
        assert deliver(client, server.url(), clock, store).problem == "status-500"
        clock.tick(60_000)
        assert deliver(client, server.url(), clock, store).problem == "private-address"
    assert connect.made == [(PUBLIC, server.port)]


def document(did: str) -> Script:
    key = format_jwk(key_named("an issuer").public)
    method = {"id": "#a", "type": "JsonWebKey", "controller": did, "publicKeyJwk": key}
    value = {"id": did, "verificationMethod": [method], "assertionMethod": ["#a"]}
    return say(answer(json.dumps(value).encode(), "Content-Type: application/did+json"))


def at_443(server: Server, authority: Authority) -> PublicHttp:
    connect = Connections(server.port)
    return server.client(authority, PUBLIC, connect=connect, ports={443})


@pytest.mark.parametrize(
    ("did", "path"),
    [
        (f"did:web:{NAME}", b"/.well-known/did.json"),
        (f"did:web:{NAME}:faculty:law", b"/faculty/law/did.json"),
    ],
)
def test_an_issuer_shows_its_key_at_its_domain(authority: Authority, did: str, path: bytes) -> None:
    with serving(authority, document(did)) as server:
        get = at_443(server, authority).get
        verify_control(did, [key_named("an issuer").public], get, START_MS)
        with pytest.raises(NotInControl):
            verify_control(did, [key_named("a stranger").public], get, START_MS)
    assert {request.split(b" ")[1] for request in server.requests} == {path}
