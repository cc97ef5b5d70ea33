"""A tenant's endpoints: added, given new secrets, disabled and enabled by that tenant alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.notary.limits import WEBHOOK_ENDPOINTS
from chalicelib.notary.ports import Conflict
from chalicelib.notary.public_url import ClosedPort, NotADomain, NotHttps, NotReached
from chalicelib.notary.refused import Refused
from chalicelib.notary.webhooks.deliveries import GONE
from chalicelib.notary.webhooks.endpoints import (
    DISABLED,
    add_endpoint,
    disable_endpoint,
    enable_endpoint,
    new_endpoint,
    queue_test,
    retire_secret,
    rotate_secret,
)
from chalicelib.notary.webhooks.events import Endpoint, MalformedEndpoint, format_secret
from tests.fakes import START_MS, check_url
from tests.webhook_fakes import MemorySealer, MemoryWebhooks

TENANT = "university"
URL = "https://university.example/hooks"
SECRETS = [format_secret(bytes([number] * 32)) for number in range(4)]
SEALER = MemorySealer()


def made(url: str = URL, number: int = 0, tenant: str = TENANT) -> Endpoint:
    id_ = bytes([number] * 16)
    return new_endpoint(
        tenant, url, ["job.done"], sealer=SEALER, secret=SECRETS[0], number=id_, height=7
    )


def add(store: MemoryWebhooks, endpoint: Endpoint) -> Endpoint:
    return add_endpoint(store, endpoint, check_url)


def opened(endpoint: Endpoint) -> list[str]:
    return [SEALER.open(endpoint.tenant, endpoint.id, each) for each in endpoint.secrets]


@pytest.fixture
def store() -> MemoryWebhooks:
    return MemoryWebhooks()


def test_an_endpoint_is_stored_as_it_was_made(store: MemoryWebhooks) -> None:
    stored = add(store, made())
    assert (stored.id, stored.since, stored.version) == ("ep_" + "00" * 16, 7, 1)
    assert opened(stored) == [SECRETS[0]]
    assert store.endpoints(TENANT) == [stored]


def test_no_secret_is_stored_as_it_is() -> None:
    assert SECRETS[0] not in "".join(made().secrets)


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("http://university.example/hooks", NotHttps),
        ("https://169.254.169.254/latest/meta-data", NotADomain),
        ("https://[fd00:ec2::254]/", NotADomain),
        ("https://localhost/", NotADomain),
        ("https://university.example:8443/", ClosedPort),
    ],
)
def test_one_that_is_nowhere_public_is_not_stored(
    store: MemoryWebhooks, url: str, error: type[NotReached]
) -> None:
    with pytest.raises(error):
        add(store, made(url))
    assert store.endpoints() == []


def test_a_tenant_has_few(store: MemoryWebhooks) -> None:
    for number in range(WEBHOOK_ENDPOINTS):
        add(store, made(number=number))
    with pytest.raises(Refused, match="too-many-endpoints"):
        add(store, made(number=99))
    add(store, made(tenant="hospital"))


def test_an_id_is_used_once(store: MemoryWebhooks) -> None:
    add(store, made())
    with pytest.raises(Conflict):
        add(store, made("https://other.example/"))


@pytest.mark.parametrize("events", [[], ["job.done", "job.done"], ["job.*"]])
def test_events_are_some_that_there_are_each_once(events: list[str]) -> None:
    with pytest.raises(MalformedEndpoint):
        new_endpoint(
            TENANT, URL, events, sealer=SEALER, secret=SECRETS[0], number=bytes(16), height=0
        )


def test_secrets_rotate_with_overlap(store: MemoryWebhooks) -> None:
    id_ = add(store, made()).id

    def rotate(number: int) -> list[str]:
        return opened(rotate_secret(store, TENANT, id_, SECRETS[number], SEALER))

    assert rotate(1) == [SECRETS[1], SECRETS[0]]
    assert rotate(2) == [SECRETS[2], SECRETS[0]], "receivers may know the oldest alone"
    assert opened(retire_secret(store, TENANT, id_)) == [SECRETS[2]]
    assert opened(retire_secret(store, TENANT, id_)) == [SECRETS[2]]


@pytest.mark.parametrize("why", [DISABLED, GONE])
def test_one_is_disabled_and_told_of_what_comes_after_it_is_enabled(
    store: MemoryWebhooks, why: str
) -> None:
    id_ = add(store, made()).id
    disabled = disable_endpoint(store, TENANT, id_)
    assert disabled.disabled == DISABLED
    store.put_endpoint(replace(disabled, disabled=why))
    enabled = enable_endpoint(store, TENANT, id_, 12)
    assert (enabled.disabled, enabled.since) == ("", 12)


def test_enabling_one_that_is_enabled_leaves_nothing_out(store: MemoryWebhooks) -> None:
    id_ = add(store, made()).id
    assert enable_endpoint(store, TENANT, id_, 12).since == 7


def test_a_test_is_queued_for_that_endpoint_whatever_it_wants(store: MemoryWebhooks) -> None:
    id_ = add(store, made()).id
    add(store, made(number=1))
    queued = queue_test(store, TENANT, id_, START_MS)
    assert (queued.event.type, queued.state, queued.due_ms) == ("webhook.test", "due", START_MS)
    assert list(store.rows.values()) == [queued]


def test_none_is_queued_for_one_that_is_disabled(store: MemoryWebhooks) -> None:
    id_ = add(store, made()).id
    disable_endpoint(store, TENANT, id_)
    with pytest.raises(Refused, match="endpoint-disabled"):
        queue_test(store, TENANT, id_, START_MS)


def test_another_tenants_is_not_there(store: MemoryWebhooks) -> None:
    id_ = add(store, made()).id
    before = store.endpoints()
    with pytest.raises(Refused, match="no-such-endpoint"):
        rotate_secret(store, "hospital", id_, SECRETS[1], SEALER)
    with pytest.raises(Refused, match="no-such-endpoint"):
        disable_endpoint(store, "hospital", id_)
    with pytest.raises(Refused, match="no-such-endpoint"):
        queue_test(store, "hospital", id_, START_MS)
    assert (store.endpoints(), store.rows) == (before, {})
