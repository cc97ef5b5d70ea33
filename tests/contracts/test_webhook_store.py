"""``WebhookStore``: written on condition of versions, so two deliverers never make one try."""

from __future__ import annotations

import uuid
from dataclasses import replace
from threading import Barrier, Thread

import pytest

from chalicelib.adapters.aws import Clients
from chalicelib.adapters.dynamodb_webhooks import DynamoWebhooks
from chalicelib.notary.limits import WEBHOOK_KEEP_S
from chalicelib.notary.ports import Conflict, OutcomeUnknown
from chalicelib.notary.webhooks.deliveries import Deliverer, announce, deliver_due
from chalicelib.notary.webhooks.events import (
    Delivery,
    Endpoint,
    State,
    WebhookStore,
    format_secret,
    new_event,
)
from tests.fakes import START_MS, Clock
from tests.webhook_fakes import MemorySealer, MemoryWebhooks, Receivers

from .stores import make_table
from .wire import Wire, answer_lost, request_lost

SEALER = MemorySealer()
NEW, OLD = (
    SEALER.seal("university", "ep_1", format_secret(bytes([number] * 32))) for number in (1, 2)
)
ENDPOINT = Endpoint(
    id="ep_1",
    tenant="university",
    url="https://university.example/hooks?key=1",
    secrets=(NEW, OLD),
    events=frozenset({"job.done", "status.changed"}),
    since=7,
)
EVENT = new_event("job.done", START_MS - 5, {"job": "ab" * 32, "accepted": 500, "rejected": 0})
DELIVERY = Delivery("ep_1", "university", EVENT, "due", START_MS, START_MS)


def numbered(number: int, **members: object) -> Delivery:
    """Another delivery to the same endpoint, due so many milliseconds later."""
    event = new_event("job.failed", START_MS, {"job": f"{number:064x}"})
    return replace(DELIVERY, event=event, due_ms=START_MS + number, **members)  # type: ignore[arg-type]


def make_webhooks(clients: Clients) -> DynamoWebhooks:
    return DynamoWebhooks(clients, make_table(clients, "webhooks", uuid.uuid4().hex))


@pytest.fixture
def fake_webhooks() -> MemoryWebhooks:
    return MemoryWebhooks()


@pytest.fixture
def moto_webhooks(moto_clients: Clients) -> DynamoWebhooks:
    return make_webhooks(moto_clients)


@pytest.fixture
def local_cloud_webhooks(local_clients: Clients) -> DynamoWebhooks:
    return make_webhooks(local_clients)


@pytest.fixture(params=["fake", "moto", "local_cloud"])
def webhooks(request: pytest.FixtureRequest) -> WebhookStore:
    found: WebhookStore = request.getfixturevalue(f"{request.param}_webhooks")
    return found


class TestEndpoints:
    def test_are_none_at_first(self, webhooks: WebhookStore) -> None:
        assert webhooks.endpoint("university", "ep_1") is None
        assert webhooks.endpoints() == webhooks.endpoints("university") == []

    def test_come_back_whole(self, webhooks: WebhookStore) -> None:
        stored = webhooks.put_endpoint(replace(ENDPOINT, disabled="gone"))
        assert stored == replace(ENDPOINT, disabled="gone", version=1)
        assert webhooks.endpoint("university", "ep_1") == stored
        assert webhooks.endpoints() == [stored]

    def test_are_their_tenants(self, webhooks: WebhookStore) -> None:
        for id_, tenant in (("ep_2", "uni"), ("ep_3", "university"), ("ep_1", "university")):
            webhooks.put_endpoint(replace(ENDPOINT, id=id_, tenant=tenant))
        assert [each.id for each in webhooks.endpoints("university")] == ["ep_1", "ep_3"]
        assert [each.id for each in webhooks.endpoints("uni")] == ["ep_2"]
        assert webhooks.endpoints("") == []
        assert sorted(each.id for each in webhooks.endpoints()) == ["ep_1", "ep_2", "ep_3"]
        assert webhooks.endpoint("uni", "ep_1") is None

    @pytest.mark.parametrize("tenant", ["", "大学 №1/endpoint", "x" * 3_000])
    def test_belong_to_tenants_of_any_name(self, webhooks: WebhookStore, tenant: str) -> None:
        stored = webhooks.put_endpoint(replace(ENDPOINT, tenant=tenant))
        assert webhooks.endpoints(tenant) == [stored]
        assert webhooks.endpoint(tenant, "ep_1") == stored

    def test_are_written_from_the_stored_version_alone(self, webhooks: WebhookStore) -> None:
        first = webhooks.put_endpoint(ENDPOINT)
        with pytest.raises(Conflict):
            webhooks.put_endpoint(replace(ENDPOINT, secrets=(OLD,)))
        second = webhooks.put_endpoint(replace(first, secrets=(NEW,)))
        with pytest.raises(Conflict):
            webhooks.put_endpoint(replace(first, disabled="gone"))
        assert second.version == 2
        assert webhooks.endpoint("university", "ep_1") == second

    def test_are_removed(self, webhooks: WebhookStore) -> None:
        webhooks.put_endpoint(ENDPOINT)
        webhooks.put(DELIVERY)
        for _ in range(2):
            webhooks.remove_endpoint("university", "ep_1")
            assert webhooks.endpoints() == []
        webhooks.put_endpoint(replace(ENDPOINT, url="https://other.example/"))


class TestDeliveries:
    def test_are_none_at_first(self, webhooks: WebhookStore) -> None:
        assert webhooks.delivery("ep_1", EVENT.id) is None
        assert webhooks.due("ep_1", START_MS, 9) == webhooks.dead("ep_1", 9) == []

    @pytest.mark.parametrize("state", ["due", "done", "dead"])
    def test_come_back_whole(self, webhooks: WebhookStore, state: State) -> None:
        whole = replace(DELIVERY, state=state, tries=3, problem="status-503", due_ms=START_MS + 7)
        stored = webhooks.put(whole)
        assert stored == replace(whole, version=1)
        assert webhooks.delivery("ep_1", EVENT.id) == stored

    def test_are_queued_once(self, webhooks: WebhookStore) -> None:
        stored = webhooks.put(DELIVERY)
        with pytest.raises(Conflict):
            webhooks.put(replace(DELIVERY, due_ms=START_MS + 9))
        assert webhooks.delivery("ep_1", EVENT.id) == stored
        webhooks.put(replace(DELIVERY, endpoint="ep_2"))

    def test_are_claimed_once(self, webhooks: WebhookStore) -> None:
        queued = webhooks.put(DELIVERY)
        claimed = webhooks.put(replace(queued, tries=1, due_ms=START_MS + 60_000))
        with pytest.raises(Conflict):
            webhooks.put(replace(queued, tries=1, due_ms=START_MS + 60_001))
        assert webhooks.delivery("ep_1", EVENT.id) == claimed

    def test_are_due_in_their_order_up_to_now(self, webhooks: WebhookStore) -> None:
        for number in (30, 10, 20, 40):
            webhooks.put(numbered(number))
        webhooks.put(numbered(5, state="done"))
        webhooks.put(numbered(6, state="dead"))
        webhooks.put(numbered(7, endpoint="ep_2"))
        due = webhooks.due("ep_1", START_MS + 30, 9)
        assert [each.due_ms - START_MS for each in due] == [10, 20, 30]
        due = webhooks.due("ep_1", START_MS + 30, 2)
        assert [each.due_ms - START_MS for each in due] == [10, 20]
        assert due[0] == replace(numbered(10), version=1)

    def test_are_dead_letters_until_they_are_due_again(self, webhooks: WebhookStore) -> None:
        for number in (2, 1, 3):
            webhooks.put(numbered(number, state="dead"))
        webhooks.put(numbered(4))
        dead = webhooks.dead("ep_1", 2)
        assert [each.due_ms - START_MS for each in dead] == [1, 2]
        webhooks.put(replace(dead[0], state="due"))
        assert [each.due_ms - START_MS for each in webhooks.dead("ep_1", 9)] == [2, 3]

    def test_move_through_a_whole_run(self, webhooks: WebhookStore) -> None:
        clock = Clock()
        webhooks.put_endpoint(ENDPOINT)
        receivers = Receivers(clock)
        deliverer = Deliverer(
            webhooks, SEALER, receivers, "https://tally.example", clock, lambda: 0.0
        )
        announce(webhooks, "university", EVENT, clock())
        assert [each.state for each in deliver_due(deliverer)] == ["done"]
        assert announce(webhooks, "university", EVENT, clock()) == []
        assert deliver_due(deliverer) == []
        assert receivers.ids() == [EVENT.id]


class TestTheHeightThatWasTold:
    def test_is_0_at_first(self, webhooks: WebhookStore) -> None:
        assert webhooks.told() == 0

    def test_moves_from_what_it_is_alone(self, webhooks: WebhookStore) -> None:
        webhooks.advance(0, 7)
        webhooks.advance(7, 9)
        for before in (0, 7, 8, 10):
            with pytest.raises(Conflict):
                webhooks.advance(before, 11)
        assert webhooks.told() == 9
        assert webhooks.endpoints() == []


def test_several_deliverers_at_once_make_each_try_once(
    local_cloud_webhooks: DynamoWebhooks,
) -> None:
    clock = Clock(START_MS + 30)
    local_cloud_webhooks.put_endpoint(ENDPOINT)
    for number in range(30):
        local_cloud_webhooks.put(numbered(number))
    receivers = Receivers(clock)
    start = Barrier(3)
    runs: list[list[Delivery]] = []

    def run() -> None:
        start.wait()
        runs.append(
            deliver_due(Deliverer(local_cloud_webhooks, SEALER, receivers, "", clock, lambda: 0.0))
        )

    threads = [Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(map(len, runs)) == len(receivers.ids()) == len(set(receivers.ids())) == 30


class TestOnTheWire:
    """What only DynamoDB has: answers that are lost, and a time to live."""

    def test_a_write_that_was_repeated_is_no_conflict(
        self, local_cloud_webhooks: DynamoWebhooks, network: Wire
    ) -> None:
        network.meet("PutItem", answer_lost)
        assert local_cloud_webhooks.put(DELIVERY).version == 1
        network.meet("PutItem", answer_lost)
        assert local_cloud_webhooks.put_endpoint(ENDPOINT).version == 1

    def test_what_stays_in_doubt_is_unknown(
        self, local_cloud_webhooks: DynamoWebhooks, network: Wire
    ) -> None:
        network.meet("PutItem", *[request_lost] * 9)
        with pytest.raises(OutcomeUnknown):
            local_cloud_webhooks.put(DELIVERY)
        network.mend()
        assert local_cloud_webhooks.delivery("ep_1", EVENT.id) is None

    def test_another_error_is_not_a_conflict(self, moto_clients: Clients) -> None:
        nowhere = DynamoWebhooks(moto_clients, "no-such-table")
        with pytest.raises(moto_clients.dynamodb.exceptions.ResourceNotFoundException):
            nowhere.put(DELIVERY)

    def test_every_delivery_is_kept_for_a_month_after_it_was_due(
        self, moto_clients: Clients, moto_webhooks: DynamoWebhooks
    ) -> None:
        moto_webhooks.put(DELIVERY)
        [item] = moto_clients.dynamodb.scan(TableName=moto_webhooks._table)["Items"]
        assert int(item["expires_s"]["N"]) == START_MS // 1000 + WEBHOOK_KEEP_S
