"""Delivering: every event comes at least once, whatever fails, and no try is made twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise
from threading import Barrier, Thread

import pytest

from chalicelib.notary.limits import (
    PUBLIC_S,
    WEBHOOK_AGE_MS,
    WEBHOOK_JITTER,
    WEBHOOK_PAGE,
    WEBHOOK_RUN_MS,
    WEBHOOK_TRIES,
    WEBHOOK_WAITS_MS,
)
from chalicelib.notary.ports import Conflict, OutcomeUnknown
from chalicelib.notary.public_url import Answer
from chalicelib.notary.webhooks.deliveries import (
    GONE,
    Deliverer,
    announce,
    deliver_due,
    replay,
    untold,
)
from chalicelib.notary.webhooks.endpoints import enable_endpoint
from chalicelib.notary.webhooks.events import (
    Delivery,
    Endpoint,
    Event,
    WrongSeal,
    format_secret,
    format_signatures,
    new_event,
)
from tests.fakes import Clock
from tests.webhook_fakes import MemorySealer, MemoryWebhooks, Receivers

TENANT, OTHER = "university", "hospital"
MINUTE_MS = 60_000
DAY_MS = 86_400_000
SECRET = format_secret(bytes(32))


def job_event(number: int = 0, type_: str = "job.failed") -> Event:
    return new_event(type_, 0, {"job": f"{number:064x}"})


@dataclass
class World:
    """Some endpoints, their receivers, and a clock that the test moves."""

    store: MemoryWebhooks = field(default_factory=MemoryWebhooks)
    sealer: MemorySealer = field(default_factory=MemorySealer)
    clock: Clock = field(default_factory=Clock)
    told: list[Delivery] = field(default_factory=list)
    chance: float = 0.0
    number: int = 0

    def __post_init__(self) -> None:
        self.receivers = Receivers(self.clock)

    def endpoint(self, name: str = "a", tenant: str = TENANT) -> Endpoint:
        events = frozenset({"job.failed", "webhook.test"})
        id_, url = f"ep_{name}", f"https://{name}.example/hooks"
        sealed = self.sealer.seal(tenant, id_, SECRET)
        return self.store.put_endpoint(Endpoint(id_, tenant, url, (sealed,), events))

    def happen(self, count: int = 1) -> list[Event]:
        """So many events, announced."""
        events = [job_event(self.number + each) for each in range(count)]
        self.number += count
        for event in events:
            announce(self.store, TENANT, event, self.clock())
        return events

    def deliverer(self) -> Deliverer:
        return Deliverer(
            self.store,
            self.sealer,
            self.receivers,
            "https://tally.example",
            self.clock,
            lambda: self.chance,
            self.told.append,
        )

    def run(self) -> list[Delivery]:
        return deliver_due(self.deliverer())

    def later(self, ms: int = MINUTE_MS) -> list[Delivery]:
        self.clock.tick(ms)
        return self.run()

    def delivery(self, event: Event, name: str = "a") -> Delivery:
        found = self.store.delivery(f"ep_{name}", event.id)
        assert found is not None
        return found

    def answer(self, status: int | None, name: str = "a", retry_after_s: int = 0) -> None:
        """What that receiver answers from now on; None: it cannot be reached."""
        answer = None if status is None else Answer(status, retry_after_s=retry_after_s)
        self.receivers.answers[f"https://{name}.example/hooks"] = answer


class TestAnnouncing:
    def test_queues_for_every_endpoint_of_the_tenant_that_wants_it(self) -> None:
        world = World()
        world.endpoint("a")
        world.endpoint("b")
        world.endpoint("c", OTHER)
        event = job_event()
        queued = announce(world.store, TENANT, event, world.clock())
        assert [each.endpoint for each in queued] == ["ep_a", "ep_b"]
        entry = {"entry": "0" * 64, "issuer": "did:web:university.example"}
        unwanted = new_event("document.erased", 0, entry)
        assert announce(world.store, TENANT, unwanted, world.clock()) == []

    def test_leaves_out_one_that_is_disabled(self) -> None:
        world = World()
        world.store.put_endpoint(replace(world.endpoint(), disabled="by its tenant"))
        assert announce(world.store, TENANT, job_event(), world.clock()) == []

    def test_again_changes_nothing_even_after_delivery(self) -> None:
        world = World()
        world.endpoint()
        [event] = world.happen()
        world.run()
        rows = dict(world.store.rows)
        assert announce(world.store, TENANT, event, world.clock.tick()) == []
        assert world.store.rows == rows
        world.later(DAY_MS)
        assert world.receivers.ids() == [event.id]

    @pytest.mark.parametrize("done", [False, True])
    def test_is_done_again_by_whoever_does_not_know(
        self, done: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world = World()
        for name in "ab":
            world.endpoint(name)
        put = world.store.put

        def lose(delivery: Delivery) -> Delivery:
            if done:
                put(delivery)
            raise OutcomeUnknown("lost")

        with monkeypatch.context() as patch:
            patch.setattr(world.store, "put", lose)
            with pytest.raises(OutcomeUnknown):
                announce(world.store, TENANT, job_event(), world.clock())
        announce(world.store, TENANT, job_event(), world.clock())
        world.run()
        assert world.receivers.ids() == [job_event().id] * 2


class TestOneDelivery:
    def test_is_done_with_the_first_2xx(self) -> None:
        world = World()
        world.endpoint()
        [event] = world.happen()
        [changed] = world.run()
        assert (changed.state, changed.tries, changed.problem) == ("done", 1, "")
        assert world.delivery(event) == changed
        world.later(DAY_MS)
        assert len(world.receivers.got) == 1

    def test_is_signed_as_it_is_posted(self) -> None:
        world = World()
        world.endpoint()
        [event] = world.happen()
        world.answer(500)
        world.run()
        world.later()
        for posted, at_ms in zip(world.receivers.got, (0, MINUTE_MS), strict=True):
            at_s = (world.clock() - MINUTE_MS + at_ms) // 1000
            assert posted.headers["webhook-timestamp"] == str(at_s)
            expected = format_signatures([SECRET], event.id, at_s, posted.body)
            assert posted.headers["webhook-signature"] == expected

    @pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
    def test_any_2xx_is_success(self, status: int) -> None:
        world = World()
        world.endpoint()
        [event] = world.happen()
        world.answer(status)
        world.run()
        assert world.delivery(event).state == "done"

    @pytest.mark.parametrize(
        "status", [100, 199, 300, 301, 302, 307, 308, 400, 401, 404, 409, 429, 500, 502, 503, 504]
    )
    def test_anything_else_is_failure_redirects_too(self, status: int) -> None:
        world = World()
        world.endpoint()
        [event] = world.happen()
        world.answer(status)
        world.run()
        held = world.delivery(event)
        assert (held.state, held.tries, held.problem) == ("due", 1, f"status-{status}")
        assert world.told == [replace(held, version=held.version - 1)]

    def test_no_answer_is_failure(self) -> None:
        world = World()
        world.endpoint()
        [event] = world.happen()
        world.answer(None)
        world.run()
        assert (world.delivery(event).problem, world.delivery(event).tries) == ("no-connection", 1)

    def test_comes_when_the_receiver_is_back(self) -> None:
        world = World()
        world.endpoint()
        [event] = world.happen()
        world.answer(None)
        world.run()
        world.answer(200)
        world.later()
        held = world.delivery(event)
        assert (held.state, held.tries, held.problem) == ("done", 2, "")

    def test_is_tried_ever_more_rarely_over_three_days(self) -> None:
        world = World()
        world.endpoint()
        world.happen()
        world.answer(500)
        start_ms = world.clock()
        for _ in range(5 * 24 * 60):
            world.later()
        at_ms = [each.at_ms for each in world.receivers.got]
        gaps = [after - before for before, after in pairwise(at_ms)]
        assert gaps == list(WEBHOOK_WAITS_MS)
        assert len(at_ms) == WEBHOOK_TRIES
        assert 3 * DAY_MS < at_ms[-1] - start_ms < 4 * DAY_MS

    @pytest.mark.parametrize("chance", [0.0, 0.5, 0.999])
    def test_chance_makes_waits_longer_and_never_shorter(self, chance: float) -> None:
        world = World(chance=chance)
        world.endpoint()
        [event] = world.happen()
        world.answer(500)
        world.run()
        first_ms = WEBHOOK_WAITS_MS[0]
        wait_ms = world.delivery(event).due_ms - world.clock()
        assert wait_ms == first_ms + int(first_ms * WEBHOOK_JITTER * chance)

    def test_no_wait_is_shorter_than_a_request(self) -> None:
        assert min(WEBHOOK_WAITS_MS) > 2 * 1000 * PUBLIC_S
        assert sorted(WEBHOOK_WAITS_MS) == list(WEBHOOK_WAITS_MS)
        assert len(WEBHOOK_WAITS_MS) == WEBHOOK_TRIES - 1

    def test_waits_as_long_as_the_receiver_asks_within_reason(self) -> None:
        for asked_s, expected_ms in ((10, MINUTE_MS), (600, 600_000), (10**7, DAY_MS)):
            world = World()
            world.endpoint()
            [event] = world.happen()
            world.answer(503, retry_after_s=asked_s)
            world.run()
            assert world.delivery(event).due_ms - world.clock() == expected_ms


class TestDeadLetters:
    def world(self) -> tuple[World, Event]:
        """An endpoint that was down too long."""
        world = World()
        world.endpoint()
        [event] = world.happen()
        world.answer(500)
        for wait_ms in (0, *WEBHOOK_WAITS_MS):
            world.later(wait_ms)
        return world, event

    def test_are_what_failed_too_often(self) -> None:
        world, event = self.world()
        held = world.delivery(event)
        assert (held.state, held.tries, held.problem) == ("dead", WEBHOOK_TRIES, "status-500")
        world.answer(200)
        world.later(DAY_MS)
        assert len(world.receivers.got) == WEBHOOK_TRIES

    def test_are_replayed_with_the_same_id(self) -> None:
        world, event = self.world()
        world.answer(200)
        [again] = replay(world.store, "ep_a", world.clock())
        assert (again.state, again.tries, again.problem) == ("due", 0, "")
        world.run()
        assert world.delivery(event).state == "done"
        assert set(world.receivers.ids()) == {event.id}
        assert replay(world.store, "ep_a", world.clock()) == []

    def test_have_all_their_tries_again_when_replayed(self) -> None:
        world, event = self.world()
        replay(world.store, "ep_a", world.clock())
        for wait_ms in (0, *WEBHOOK_WAITS_MS):
            world.later(wait_ms)
        assert world.delivery(event).state == "dead"
        assert len(world.receivers.got) == 2 * WEBHOOK_TRIES

    def test_that_somebody_else_replays_are_left_to_them(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world, _ = self.world()
        monkeypatch.setattr(world.store, "put", _conflict)
        assert replay(world.store, "ep_a", world.clock()) == []

    def test_are_also_what_is_old_and_was_tried(self) -> None:
        """What waits for an endpoint that is down does not wait for ever."""
        world = World()
        world.endpoint()
        events = world.happen(3)
        world.answer(None)
        world.later(WEBHOOK_AGE_MS + 1)
        assert [world.delivery(event).tries for event in events] == [1, 0, 0]
        world.later(2 * MINUTE_MS)
        assert [world.delivery(event).tries for event in events] == [1, 1, 0]
        world.later(2 * MINUTE_MS)
        assert [world.delivery(event).tries for event in events] == [1, 1, 1]
        world.later(2 * MINUTE_MS)
        assert [world.delivery(event).state for event in events] == ["dead"] * 3
        assert len(world.receivers.got) == 3

    def test_what_was_never_tried_is_tried_however_old(self) -> None:
        """Ours may have been the outage."""
        world = World()
        world.endpoint()
        [event] = world.happen()
        world.later(10 * WEBHOOK_AGE_MS)
        assert world.delivery(event).state == "done"

    def test_is_one_whose_deliverer_died_in_the_last_try(self) -> None:
        world = World()
        world.endpoint()
        [event] = world.happen()
        held = world.delivery(event)
        world.store.put(replace(held, tries=WEBHOOK_TRIES, problem="status-500"))
        world.run()
        assert world.delivery(event).state == "dead"
        assert world.receivers.got == []


class TestGone:
    def test_disables_the_endpoint(self) -> None:
        world = World()
        world.endpoint()
        events = world.happen(2)
        world.answer(410)
        world.run()
        held = world.store.endpoint(TENANT, "ep_a")
        assert held is not None
        assert held.disabled == GONE
        assert [world.delivery(event).state for event in events] == ["dead", "due"]
        assert (world.delivery(events[0]).problem, len(world.receivers.got)) == (GONE, 1)
        world.later(DAY_MS)
        assert announce(world.store, TENANT, job_event(99), world.clock()) == []
        assert len(world.receivers.got) == 1

    def test_is_over_when_the_tenant_enables_it_again(self) -> None:
        world = World()
        world.endpoint()
        events = world.happen(2)
        world.answer(410)
        world.run()
        world.answer(200)
        enable_endpoint(world.store, TENANT, "ep_a", 0)
        replay(world.store, "ep_a", world.clock())
        world.later()
        assert [world.delivery(event).state for event in events] == ["done", "done"]

    @pytest.mark.parametrize("error", [Conflict, OutcomeUnknown])
    def test_is_said_again_if_the_endpoint_was_changed_meanwhile(
        self, error: type[Exception], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world = World()
        world.endpoint()
        events = world.happen(2)
        world.answer(410)

        def fail(_: object) -> Endpoint:
            raise error

        with monkeypatch.context() as patch:
            patch.setattr(world.store, "put_endpoint", fail)
            world.run()
        assert [world.delivery(event).state for event in events] == ["dead", "due"]
        world.later()
        held = world.store.endpoint(TENANT, "ep_a")
        assert held is not None
        assert held.disabled == GONE


class TestManyDeliveries:
    def test_come_in_one_run_page_after_page(self) -> None:
        world = World()
        world.endpoint()
        events = world.happen(2 * WEBHOOK_PAGE + 1)
        assert len(world.run()) == len(events)
        assert sorted(world.receivers.ids()) == sorted(event.id for event in events)

    @pytest.mark.parametrize("status", [None, 429, 502, 503, 504])
    def test_leave_a_receiver_alone_that_has_too_much_to_do(self, status: int | None) -> None:
        world = World()
        world.endpoint()
        world.happen(5)
        world.answer(status)
        world.run()
        assert len(world.receivers.got) == 1

    @pytest.mark.parametrize("status", [400, 404, 500])
    def test_are_not_held_up_by_one_that_fails(self, status: int) -> None:
        world = World()
        world.endpoint()
        world.happen(5)
        world.answer(status)
        world.run()
        assert len(set(world.receivers.ids())) == 5

    def test_of_one_endpoint_do_not_hold_up_anothers(self) -> None:
        world = World()
        world.endpoint("a")
        world.endpoint("b")
        events = world.happen(3)
        world.answer(None)
        world.run()
        assert [world.delivery(event, "b").state for event in events] == ["done"] * 3

    def test_that_take_too_long_are_left_to_the_next_run(self) -> None:
        world = World()
        world.endpoint()
        world.happen(5)
        world.receivers.after = lambda: world.clock.tick(WEBHOOK_RUN_MS)
        world.run()
        assert len(world.receivers.got) == 2
        world.receivers.after = lambda: None
        world.run()
        assert len(set(world.receivers.ids())) == 5

    @pytest.mark.parametrize(("chance", "first"), [(0.0, "a"), (0.4, "b"), (0.99, "c")])
    def test_begin_with_any_of_the_endpoints(
        self, chance: float, first: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("chalicelib.notary.webhooks.deliveries.WEBHOOK_THREADS", 1)
        world = World(chance=chance)
        for name in "abc":
            world.endpoint(name)
        world.happen()
        world.run()
        assert world.receivers.got[0].url == f"https://{first}.example/hooks"
        assert len(world.receivers.got) == 3

    def test_that_the_index_still_shows_are_not_tried_twice_in_a_run(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world = World()
        world.endpoint()
        world.happen(2)
        stale = world.store.due("ep_a", world.clock(), 9)
        monkeypatch.setattr(world.store, "due", lambda *_: stale)
        world.run()
        world.run()
        assert len(world.receivers.got) == 2

    def test_a_store_that_fails_for_one_endpoint_holds_up_no_other(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world = World()
        for name in "ab":
            world.endpoint(name)
        [event] = world.happen()
        due = world.store.due

        def fail(endpoint: str, now_ms: int, limit: int) -> list[Delivery]:
            if endpoint == "ep_a":
                raise RuntimeError(endpoint)
            return due(endpoint, now_ms, limit)

        monkeypatch.setattr(world.store, "due", fail)
        with pytest.raises(RuntimeError):
            world.run()
        assert world.delivery(event, "b").state == "done"

    def test_a_secret_that_does_not_open_holds_up_no_other_and_spends_no_try(self) -> None:
        world = World()
        for name in "ab":
            world.endpoint(name)
        held = world.store.endpoint(TENANT, "ep_a")
        assert held is not None
        stolen = world.sealer.seal(OTHER, "ep_a", SECRET)
        world.store.put_endpoint(replace(held, secrets=(stolen,)))
        [event] = world.happen()
        with pytest.raises(WrongSeal):
            world.run()
        assert world.delivery(event, "b").state == "done"
        assert (world.delivery(event).state, world.delivery(event).tries) == ("due", 0)

    def test_nothing_is_told_where_nobody_listens(self) -> None:
        world = World()
        world.endpoint()
        world.happen()
        world.answer(500)
        deliverer = world.deliverer()
        silent = Deliverer(
            world.store, world.sealer, world.receivers, "", world.clock, deliverer.chance
        )
        assert silent.tell is untold
        deliver_due(silent)
        assert len(world.receivers.got) == 1

    def test_without_endpoints_nothing_is_done(self) -> None:
        assert World().run() == []


def _conflict(_: object) -> Delivery:
    raise Conflict("somebody else was faster")


class Died(BaseException):
    """The deliverer died here."""


FAULTS = ("lost", "unknown-lost", "unknown-done", "conflict", "died-before", "died-after")


def meet(kind: str, put: Callable[[Delivery], Delivery], delivery: Delivery) -> Delivery:
    """One write that fails in this way."""
    if kind in ("unknown-done", "died-after"):
        put(delivery)
    if kind.startswith("unknown"):
        raise OutcomeUnknown(kind)
    if kind == "conflict":
        raise Conflict(kind)
    raise Died if kind.startswith("died") else RuntimeError(kind)


class TestFaults:
    @pytest.mark.parametrize("kind", FAULTS)
    @pytest.mark.parametrize("write", range(6))
    def test_any_write_may_fail(
        self, kind: str, write: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Every write of three deliveries × every way to fail: each event comes, one may come
        twice, and never twice at one of its times."""
        world = World()
        world.endpoint()
        events = world.happen(3)
        put, count = world.store.put, 0

        def fail_once(delivery: Delivery) -> Delivery:
            nonlocal count
            count += 1
            if count - 1 != write:
                return put(delivery)
            return meet(kind, put, delivery)

        monkeypatch.setattr(world.store, "put", fail_once)
        for _ in range(4):
            try:
                world.later(WEBHOOK_WAITS_MS[1])
            except (Died, RuntimeError):
                continue
        assert count > write
        assert [world.delivery(event).state for event in events] == ["done"] * 3
        assert set(world.receivers.ids()) == {event.id for event in events}
        assert len(world.receivers.got) - len(events) in (0, 1)
        tries = [(each.headers["webhook-id"], each.at_ms) for each in world.receivers.got]
        assert len(set(tries)) == len(tries)

    @pytest.mark.parametrize("moment", ["before", "after"])
    def test_the_deliverer_may_die_while_it_posts(self, moment: str) -> None:
        world = World()
        world.endpoint()
        [event] = world.happen()

        def die() -> None:
            raise Died

        setattr(world.receivers, moment, die)
        with pytest.raises(Died):
            world.run()
        setattr(world.receivers, moment, lambda: None)
        world.run()
        assert len(world.receivers.got) == (moment == "after"), "not before its next time"
        world.later()
        assert world.delivery(event).state == "done"
        assert set(world.receivers.ids()) == {event.id}

    def test_what_failed_with_the_write_lost_counts_as_a_try(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An endpoint that kills each of its deliverers is not tried for ever."""
        world = World()
        world.endpoint()
        [event] = world.happen()

        def die() -> None:
            raise Died

        world.receivers.before = die
        for wait_ms in (0, *WEBHOOK_WAITS_MS, DAY_MS):
            try:
                world.later(wait_ms)
            except Died:
                continue
        held = world.delivery(event)
        assert (held.state, held.tries) == ("dead", WEBHOOK_TRIES)


class TestSeveralDeliverers:
    def test_a_second_one_while_the_first_posts_posts_nothing(self) -> None:
        world = World()
        world.endpoint()
        [event] = world.happen()
        inside: list[int] = []

        def run_another() -> None:
            if not inside:
                inside.append(1)
                world.run()

        world.receivers.before = run_another
        world.run()
        assert world.receivers.ids() == [event.id]
        assert world.delivery(event).state == "done"

    def test_one_that_read_before_the_other_claimed_posts_nothing(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world = World()
        world.endpoint()
        [event] = world.happen()
        due, inside = world.store.due, list[int]()

        def read_then_wait(endpoint: str, now_ms: int, limit: int) -> list[Delivery]:
            found = due(endpoint, now_ms, limit)
            if not inside:
                inside.append(1)
                world.run()
            return found

        monkeypatch.setattr(world.store, "due", read_then_wait)
        assert world.run() == []
        assert world.receivers.ids() == [event.id]

    @pytest.mark.parametrize("status", [200, 500])
    def test_at_once_make_each_try_once(self, status: int) -> None:
        world = World()
        for name in "ab":
            world.endpoint(name)
        events = world.happen(40)
        world.answer(status)
        start = Barrier(4)
        runs: list[list[Delivery]] = []

        def run() -> None:
            start.wait()
            runs.append(world.run())

        for _ in range(3):
            threads = [Thread(target=run) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert len(runs) == 12
        tries = [(each.url, each.headers["webhook-id"]) for each in world.receivers.got]
        assert len(tries) == len(set(tries)) == 2 * len(events)
        assert sum(map(len, runs)) == 2 * len(events)
