"""Webhooks through the API and the scheduled function: who may do what, and what receivers get."""

from __future__ import annotations

import json

import pytest

from chalicelib.notary.limits import WEBHOOK_BYTES, WEBHOOK_ENDPOINTS, WEBHOOK_WAITS_MS
from chalicelib.notary.ports import Conflict, OutcomeUnknown
from chalicelib.notary.public_url import Answer
from chalicelib.notary.webhooks.deliveries import GONE
from chalicelib.notary.webhooks.endpoints import DISABLED
from chalicelib.notary.webhooks.events import parse_secret
from tests.api.hooks import DAY_MS, TARGET, Hooks, Unverified, verify
from tests.api.world import (
    CBOR_SEQ,
    COLLEGE,
    HOSPITAL_TENANT,
    URL,
    World,
    id_of,
    problem_of,
)

WEBHOOK = "ep_" + "0" * 32
EVENT = "evt_" + "0" * 64


@pytest.fixture
def hooks(world: World) -> Hooks:
    return Hooks(world)


class TestCreating:
    def test_shows_the_secret_once(self, hooks: Hooks) -> None:
        created = hooks.create("job.done", "document.registered")
        made = created.json_body
        assert created.headers["Location"] == f"{URL}/v1/webhooks/{made['id']}"
        assert created.headers["Cache-Control"] == "private, no-store"
        assert len(parse_secret(made.pop("secret"))) == 32
        assert made == {
            "id": made["id"],
            "url": TARGET,
            "events": ["document.registered", "job.done"],
            "secrets": 1,
        }
        assert hooks.ask("GET", f"/{made['id']}").json_body == made
        assert hooks.ask("GET", "").json_body == {"webhooks": [made]}

    def test_makes_another_id_and_secret_each_time(self, hooks: Hooks) -> None:
        one, two = hooks.made(), hooks.made()
        assert one["id"] != two["id"]
        assert one["secret"] != two["secret"]

    def test_keeps_the_secret_out_of_store_and_log(
        self, hooks: Hooks, capsys: pytest.CaptureFixture[str]
    ) -> None:
        made = hooks.made()
        rotated = hooks.post(f"/{made['id']}/secret").json_body
        hooks.post(f"/{made['id']}/test")
        hooks.deliver()
        logged = capsys.readouterr().err
        stored = repr([(each, each.secrets) for each in hooks.store.endpoints()])
        for secret in (made["secret"], rotated["secret"]):
            assert secret.removeprefix("whsec_") not in logged + stored
        assert TARGET.partition("//")[2] not in logged

    def test_ends_at_some_number(self, hooks: Hooks) -> None:
        for _ in range(WEBHOOK_ENDPOINTS):
            hooks.made()
        refused = hooks.create()
        assert (refused.status_code, problem_of(refused)) == (409, "too-many-endpoints")
        hooks.made(tenant=HOSPITAL_TENANT)

    @pytest.mark.parametrize(
        "value",
        [
            {},
            {"url": TARGET},
            {"events": ["job.done"]},
            {"url": TARGET, "events": []},
            {"url": TARGET, "events": "job.done"},
            {"url": TARGET, "events": ["job.done", "job.done"]},
            {"url": TARGET, "events": ["job.*"]},
            {"url": TARGET, "events": [7]},
            {"url": 7, "events": ["job.done"]},
            {"url": TARGET, "events": ["job.done"], "secret": "whsec_AAAA"},
            {"url": TARGET, "events": ["job.done"], "networks": ["127.0.0.0/8"]},
            {"url": TARGET, "events": ["job.done"], "tenant": "hospital"},
            [TARGET],
        ],
    )
    def test_takes_url_and_events_and_nothing_else(self, hooks: Hooks, value: object) -> None:
        refused = hooks.ask("POST", "", value)
        assert (refused.status_code, problem_of(refused)) == (400, "malformed-json")
        assert hooks.store.endpoints() == []

    def test_takes_no_more_bytes_than_it_needs(self, hooks: Hooks) -> None:
        refused = hooks.create(url=TARGET + "x" * WEBHOOK_BYTES)
        assert (refused.status_code, problem_of(refused)) == (413, "too-many-bytes")

    def test_is_not_done_by_a_token_for_something_else(self, hooks: Hooks) -> None:
        for scope in ("entries:write jobs:read", ""):
            bearer = hooks.world.bearer(scope=scope)
            refused = hooks.world.get("/v1/webhooks", **bearer)
            assert (refused.status_code, problem_of(refused)) == (403, "insufficient-scope")
        assert hooks.world.get("/v1/webhooks").status_code == 401


ALL_OF_ONE = [
    ("GET", ""),
    ("DELETE", ""),
    ("POST", "/secret"),
    ("POST", "/secret/retire"),
    ("POST", "/enable"),
    ("POST", "/disable"),
    ("POST", "/test"),
    ("GET", f"/deliveries/{EVENT}"),
    ("GET", "/dead-letters"),
    ("POST", "/replay"),
]


class TestAnothersWebhook:
    @pytest.mark.parametrize(("method", "path"), ALL_OF_ONE)
    def test_looks_like_none(self, hooks: Hooks, method: str, path: str) -> None:
        made = hooks.made()
        before = hooks.store.endpoints()
        for id_, tenant in ((made["id"], HOSPITAL_TENANT), (WEBHOOK, "college"), ("x", "college")):
            refused = hooks.ask(method, f"/{id_}{path}", tenant=tenant)
            assert (refused.status_code, problem_of(refused)) == (404, "no-such-endpoint")
        assert (hooks.store.endpoints(), hooks.store.rows) == (before, {})
        assert hooks.ask("GET", "", tenant=HOSPITAL_TENANT).json_body == {"webhooks": []}

    def test_hears_nothing_of_ours(self, hooks: Hooks) -> None:
        hooks.made(tenant=HOSPITAL_TENANT, url="https://hospital.example/hooks")
        hooks.made()
        hooks.world.submit(hooks.world.statement())
        hooks.deliver()
        assert [each.url for each in hooks.receivers.got] == [TARGET]


class TestChanging:
    def test_two_secrets_sign_during_rotation_and_one_after_it(self, hooks: Hooks) -> None:
        made = hooks.made()
        rotated = hooks.post(f"/{made['id']}/secret").json_body
        assert rotated["secrets"] == 2
        hooks.post(f"/{made['id']}/test")
        hooks.deliver()
        retired = hooks.post(f"/{made['id']}/secret/retire").json_body
        assert (retired["secrets"], "secret" in retired) == (1, False)
        hooks.world.clock.tick()
        hooks.post(f"/{made['id']}/test")
        hooks.deliver()
        during, after = hooks.receivers.got
        for secret in (made["secret"], rotated["secret"]):
            assert hooks.verified(during, secret)["type"] == "webhook.test"
        assert hooks.verified(after, rotated["secret"])["type"] == "webhook.test"
        with pytest.raises(Unverified):
            hooks.verified(after, made["secret"])

    def test_one_that_is_deleted_is_forgotten_and_gets_nothing_more(self, hooks: Hooks) -> None:
        made = hooks.made()
        hooks.post(f"/{made['id']}/test")
        assert hooks.ask("DELETE", f"/{made['id']}").status_code == 204
        assert hooks.ask("DELETE", f"/{made['id']}").status_code == 404
        hooks.deliver()
        assert hooks.receivers.got == []

    def test_one_that_is_disabled_waits_and_misses_what_happens(self, hooks: Hooks) -> None:
        made = hooks.made()
        queued = hooks.post(f"/{made['id']}/test").json_body["event"]
        assert hooks.post(f"/{made['id']}/disable").json_body["disabled"] == DISABLED
        refused = hooks.post(f"/{made['id']}/test")
        assert (refused.status_code, problem_of(refused)) == (409, "endpoint-disabled")
        hooks.world.submit(hooks.world.statement())
        hooks.deliver()
        assert hooks.receivers.got == []
        assert "disabled" not in hooks.post(f"/{made['id']}/enable").json_body
        hooks.deliver()
        assert hooks.receivers.ids() == [queued]
        hooks.world.submit(hooks.world.statement())
        hooks.deliver()
        assert len(hooks.receivers.got) == 2

    @pytest.mark.parametrize("path", ["/secret", "/secret/retire", "/disable", "/enable"])
    @pytest.mark.parametrize(
        ("error", "answer"),
        [(Conflict, (409, "changed-meanwhile")), (OutcomeUnknown, (503, "webhook-in-doubt"))],
    )
    def test_what_was_not_done_or_is_in_doubt_is_told_so(
        self,
        hooks: Hooks,
        path: str,
        error: type[Exception],
        answer: tuple[int, str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        made = hooks.made()

        def fail(_: object) -> None:
            raise error

        monkeypatch.setattr(hooks.store, "put_endpoint", fail)
        refused = hooks.post(f"/{made['id']}{path}")
        assert (refused.status_code, problem_of(refused)) == answer
        assert "whsec" not in repr(refused.body)


class TestWhatHappens:
    def test_reaches_the_receiver_signed(self, hooks: Hooks) -> None:
        made = hooks.made()
        entry = hooks.world.statement()
        hooks.world.submit(entry)
        hooks.deliver()
        [posted] = hooks.receivers.got
        told = hooks.verified(posted, made["secret"])
        assert told["type"] == "document.registered"
        assert told["data"] == {
            "entry": id_of(entry),
            "issuer": COLLEGE,
            "index": 1,
            "link": f"{URL}/v1/receipts/{id_of(entry)}",
        }
        assert hooks.world.get(told["data"]["link"]).status_code == 200
        hooks.deliver(DAY_MS)
        assert len(hooks.receivers.got) == 1

    @pytest.mark.parametrize("name", ["id", "timestamp", "signature", "body"])
    def test_is_refused_when_anything_was_changed(self, hooks: Hooks, name: str) -> None:
        secret = hooks.made()["secret"]
        for _ in range(2):
            hooks.world.submit(hooks.world.statement())
            hooks.deliver(1_000)
        first, second = hooks.receivers.got
        headers, body = dict(first.headers), second.body if name == "body" else first.body
        if name != "body":
            headers[f"webhook-{name}"] = second.headers[f"webhook-{name}"]
        with pytest.raises(Unverified):
            verify(headers, body, secret, first.at_ms / 1000)

    def test_is_refused_with_anothers_secret_and_when_it_is_old(self, hooks: Hooks) -> None:
        secret = hooks.made()["secret"]
        hooks.world.submit(hooks.world.statement())
        hooks.deliver()
        [posted] = hooks.receivers.got
        with pytest.raises(Unverified):
            hooks.verified(posted, hooks.made()["secret"])
        with pytest.raises(Unverified):
            verify(posted.headers, posted.body, secret, posted.at_ms / 1000 + 301)

    def test_to_a_job_is_told_once_for_all_of_a_large_one(self, hooks: Hooks) -> None:
        hooks.made()
        entries = [hooks.world.statement() for _ in range(101)]
        job = hooks.world.submit(b"".join(entries), CBOR_SEQ).json_body["job"]
        hooks.deliver()
        [posted] = hooks.receivers.got
        told = json.loads(posted.body)
        assert (told["type"], told["data"]["job"]) == ("job.done", job)
        assert (told["data"]["accepted"], told["data"]["rejected"]) == (101, 0)

    def test_to_a_bulk_of_which_nothing_was_accepted_is_told(self, hooks: Hooks) -> None:
        hooks.made()
        answer = hooks.world.submit(b"\x00\x01", CBOR_SEQ)
        hooks.deliver()
        [posted] = hooks.receivers.got
        assert json.loads(posted.body)["data"] == {
            "job": answer.json_body["job"],
            "accepted": 0,
            "rejected": 2,
            "link": f"{URL}/v1/jobs/{answer.json_body['job']}",
        }

    def test_is_not_told_of_the_time_before_the_webhook(self, hooks: Hooks) -> None:
        hooks.world.submit(hooks.world.statement())
        hooks.made()
        hooks.deliver()
        assert hooks.receivers.got == []


class TestFailing:
    def test_receivers_are_tried_again_ever_more_rarely_until_it_is_a_dead_letter(
        self, hooks: Hooks
    ) -> None:
        made = hooks.made()
        hooks.receivers.answers[TARGET] = Answer(500)
        place = hooks.post(f"/{made['id']}/test").headers["Location"].removeprefix(URL)
        path = place.removeprefix("/v1/webhooks")
        tries = []
        for wait_ms in (0, *(wait_ms * 5 // 4 for wait_ms in WEBHOOK_WAITS_MS)):
            hooks.deliver(wait_ms)
            found = hooks.ask("GET", path).json_body
            tries.append((found["state"], found["tries"], found["problem"]))
        due = [("due", number, "status-500") for number in range(1, 10)]
        assert tries == [*due, ("dead", 10, "status-500")]
        letters = hooks.ask("GET", f"/{made['id']}/dead-letters").json_body["dead_letters"]
        assert [(each["event"], each["type"]) for each in letters] == [
            (hooks.receivers.ids()[0], "webhook.test")
        ]
        hooks.receivers.answers[TARGET] = Answer(204)
        assert hooks.post(f"/{made['id']}/replay").json_body == {"replayed": 1}
        assert hooks.post(f"/{made['id']}/replay").json_body == {"replayed": 0}
        hooks.deliver()
        assert hooks.ask("GET", path).json_body["state"] == "done"
        assert len(set(hooks.receivers.ids())) == 1
        hooks.verified(hooks.receivers.got[-1], made["secret"])

    def test_a_receiver_that_is_gone_is_disabled(self, hooks: Hooks) -> None:
        made = hooks.made()
        hooks.receivers.answers[TARGET] = Answer(410)
        hooks.post(f"/{made['id']}/test")
        hooks.deliver()
        assert hooks.ask("GET", f"/{made['id']}").json_body["disabled"] == GONE
        hooks.receivers.answers[TARGET] = Answer(200)
        hooks.post(f"/{made['id']}/enable")
        hooks.post(f"/{made['id']}/replay")
        hooks.deliver()
        assert len(hooks.receivers.got) == 2

    def test_no_such_delivery(self, hooks: Hooks) -> None:
        made = hooks.made()
        for event in (EVENT, "x"):
            refused = hooks.ask("GET", f"/{made['id']}/deliveries/{event}")
            assert (refused.status_code, problem_of(refused)) == (404, "no-such-delivery")
