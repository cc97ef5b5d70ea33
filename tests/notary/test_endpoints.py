"""A tenant's endpoints: added, given new secrets, disabled and enabled by that tenant alone."""

from __future__ import annotations

import pytest

from chalicelib.notary.endpoints import (
    DISABLED,
    add_endpoint,
    disable_endpoint,
    enable_endpoint,
    new_endpoint,
    retire_secret,
    rotate_secret,
)
from chalicelib.notary.limits import WEBHOOK_ENDPOINTS
from chalicelib.notary.ports import Conflict
from chalicelib.notary.public_url import ClosedPort, NotADomain, NotHttps, NotReached
from chalicelib.notary.refused import Refused
from chalicelib.notary.webhooks import Endpoint, MalformedEndpoint, format_secret
from tests.webhook_fakes import MemoryWebhooks

TENANT = "university"
URL = "https://university.example/hooks"
KEYS = [bytes([number] * 32) for number in range(4)]
SECRETS = [format_secret(key) for key in KEYS]


def made(url: str = URL, number: int = 0, tenant: str = TENANT) -> Endpoint:
    return new_endpoint(tenant, url, ["job.done"], bytes([number] * 16), KEYS[0])


@pytest.fixture
def store() -> MemoryWebhooks:
    return MemoryWebhooks()


def test_an_endpoint_is_stored_as_it_was_made(store: MemoryWebhooks) -> None:
    stored = add_endpoint(store, made())
    assert (stored.id, stored.version) == ("ep_" + "00" * 16, 1)
    assert stored.secrets == (SECRETS[0],)
    assert store.endpoints(TENANT) == [stored]


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
        add_endpoint(store, made(url))
    assert store.endpoints() == []


def test_a_tenant_has_few(store: MemoryWebhooks) -> None:
    for number in range(WEBHOOK_ENDPOINTS):
        add_endpoint(store, made(number=number))
    with pytest.raises(Refused, match="too-many-endpoints"):
        add_endpoint(store, made(number=99))
    add_endpoint(store, made(tenant="hospital"))


def test_an_id_is_used_once(store: MemoryWebhooks) -> None:
    add_endpoint(store, made())
    with pytest.raises(Conflict):
        add_endpoint(store, made("https://other.example/"))


def test_an_event_is_named_once() -> None:
    with pytest.raises(MalformedEndpoint):
        new_endpoint(TENANT, URL, ["job.done", "job.done"], bytes(16), KEYS[0])


def test_secrets_rotate_with_overlap(store: MemoryWebhooks) -> None:
    id_ = add_endpoint(store, made()).id
    assert rotate_secret(store, TENANT, id_, KEYS[1]).secrets == (SECRETS[1], SECRETS[0])
    assert rotate_secret(store, TENANT, id_, KEYS[2]).secrets == (SECRETS[2], SECRETS[1])
    assert retire_secret(store, TENANT, id_).secrets == (SECRETS[2],)
    assert retire_secret(store, TENANT, id_).secrets == (SECRETS[2],)


def test_one_is_disabled_and_enabled_again(store: MemoryWebhooks) -> None:
    id_ = add_endpoint(store, made()).id
    assert disable_endpoint(store, TENANT, id_).disabled == DISABLED
    assert enable_endpoint(store, TENANT, id_).disabled == ""


def test_another_tenants_is_not_there(store: MemoryWebhooks) -> None:
    id_ = add_endpoint(store, made()).id
    before = store.endpoints()
    with pytest.raises(Refused, match="no-such-endpoint"):
        rotate_secret(store, "hospital", id_, KEYS[1])
    with pytest.raises(Refused, match="no-such-endpoint"):
        disable_endpoint(store, "hospital", id_)
    assert store.endpoints() == before
