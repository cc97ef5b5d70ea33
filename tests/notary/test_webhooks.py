"""Webhooks: what is told holds nobody's name, and is signed as Standard Webhooks says."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import replace

import pytest

from chalicelib.notary.webhooks.events import (
    EVENTS,
    Endpoint,
    Event,
    MalformedEndpoint,
    MalformedEvent,
    MalformedSecret,
    Value,
    format_headers,
    format_payload,
    format_secret,
    format_signatures,
    new_event,
    parse_secret,
)
from chalicelib.proof.errors import Malformed
from tests.fakes import START_MS

BASE = "https://tally.example"
OLD, NEW = (format_secret(bytes([number] * 32)) for number in (1, 2))
HASHES = [hashlib.sha256(name).hexdigest() for name in (b"an entry", b"its target", b"a job")]
SAMPLES: dict[str, Value] = {
    "entry": HASHES[0],
    "target": HASHES[1],
    "job": HASHES[2],
    "issuer": "did:web:university.example",
    "kind": "revoke",
    "index": 7,
    "accepted": 500,
    "rejected": 0,
}


def sample(type_: str) -> dict[str, Value]:
    return {name: SAMPLES[name] for name in EVENTS[type_].members}


def endpoint(*secrets: str) -> Endpoint:
    url = "https://university.example/hooks"
    return Endpoint("ep_1", "university", url, secrets, frozenset({"job.done"}))


class TestSignature:
    def test_is_that_of_the_reference_libraries(self) -> None:
        """The vector in the tests of standard-webhooks/libraries, in every language."""
        secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
        id_, payload = "msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}'
        signature = format_signatures([secret], id_, 1_614_265_330, payload)
        assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="

    def test_covers_id_time_and_body_of_a_request(self) -> None:
        event = new_event("job.done", START_MS, sample("job.done"))
        body = format_payload(event, BASE)
        headers = format_headers([OLD], event, START_MS + 999, body)
        key = base64.b64decode(OLD.removeprefix("whsec_"))
        message = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{body.decode()}"
        mac = hmac.new(key, message.encode(), hashlib.sha256).digest()
        assert headers == {
            "Content-Type": "application/json",
            "webhook-id": event.id,
            "webhook-timestamp": str(START_MS // 1000),
            "webhook-signature": f"v1,{base64.b64encode(mac).decode()}",
        }

    def test_is_made_with_both_secrets_during_rotation(self) -> None:
        event = new_event("webhook.test", START_MS, {})
        sent = [
            format_headers(secrets, event, START_MS, b"{}")["webhook-signature"]
            for secrets in ((OLD,), (NEW,), (NEW, OLD))
        ]
        assert sent[2] == f"{sent[1]} {sent[0]}"
        assert sent[0] != sent[1]


class TestSecret:
    @pytest.mark.parametrize("size", [24, 32, 64])
    def test_is_of_24_to_64_bytes(self, size: int) -> None:
        key = bytes(range(size))
        assert parse_secret(format_secret(key)) == key

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "whsec_",
            format_secret(bytes(23)),
            format_secret(bytes(65)),
            OLD.removeprefix("whsec_"),
            OLD.replace("whsec_", "whsk_"),
            OLD.rstrip("="),
            OLD + "\n",
            "whsec_" + "/" * 42 + "_=",
            "whsec_whsec_" + OLD.removeprefix("whsec_"),
        ],
    )
    def test_of_another_form_is_refused(self, text: str) -> None:
        with pytest.raises(MalformedSecret):
            parse_secret(text)

    def test_is_not_shown(self) -> None:
        assert "whsec" not in repr(endpoint(OLD, NEW))


class TestPayload:
    def test_is_type_time_and_data(self) -> None:
        event = new_event("job.done", START_MS, sample("job.done"))
        assert json.loads(format_payload(event, BASE)) == {
            "type": "job.done",
            "timestamp": "2026-09-21T14:13:20.000Z",
            "data": {
                "job": HASHES[2],
                "accepted": 500,
                "rejected": 0,
                "link": f"https://tally.example/v1/jobs/{HASHES[2]}",
            },
        }

    @pytest.mark.parametrize("type_", EVENTS)
    def test_of_every_type_is_small_and_always_the_same(self, type_: str) -> None:
        event = new_event(type_, START_MS, sample(type_))
        again = new_event(type_, START_MS, dict(reversed(sample(type_).items())))
        assert format_payload(event, BASE) == format_payload(again, BASE)
        assert len(format_payload(event, BASE)) < 1_000


class TestEventId:
    def test_follows_from_what_happened_whenever_it_is_told(self) -> None:
        first = new_event("status.changed", START_MS, sample("status.changed"))
        again = new_event("status.changed", START_MS + 1, sample("status.changed") | {"index": 8})
        assert first.id == again.id

    def test_is_another_for_another_thing_type_or_test(self) -> None:
        entries = [sample("document.registered") | {"entry": HASHES[number]} for number in (0, 1)]
        events = [
            new_event("document.registered", START_MS, entries[0]),
            new_event("document.registered", START_MS, entries[1]),
            new_event("document.superseded", START_MS, sample("document.superseded")),
            new_event("webhook.test", START_MS, {}),
            new_event("webhook.test", START_MS + 1, {}),
        ]
        assert len({event.id for event in events}) == len(events)

    @pytest.mark.parametrize("id_", ["", "evt_1", "evt_" + "A" * 64, "msg." + "0" * 64])
    def test_has_no_other_form(self, id_: str) -> None:
        """A full stop in an id would let one signature mean two messages."""
        with pytest.raises(MalformedEvent):
            Event(id_, "webhook.test", START_MS)


CANARY = "Ada Canary-Lovelace"
CANARIES = (CANARY, CANARY.lower().replace(" ", "-"), f"https://tally.example/{CANARY}", "诗雅")


class TestNoPersonalData:
    @pytest.mark.parametrize("type_", EVENTS)
    @pytest.mark.parametrize("canary", CANARIES)
    def test_goes_into_any_member(self, type_: str, canary: str) -> None:
        for name in EVENTS[type_].members:
            with pytest.raises(Malformed) as refused:
                new_event(type_, START_MS, sample(type_) | {name: canary})
            assert canary not in str(refused.value)

    @pytest.mark.parametrize("type_", EVENTS)
    @pytest.mark.parametrize("name", ["name", "student", "reason", "link", CANARY])
    def test_goes_into_a_member_of_its_own(self, type_: str, name: str) -> None:
        with pytest.raises(MalformedEvent):
            new_event(type_, START_MS, {**sample(type_), name: CANARY})

    def test_goes_into_a_type(self) -> None:
        with pytest.raises(MalformedEvent):
            new_event(CANARY, START_MS, {})

    @pytest.mark.parametrize("value", [-1, 2**53, True, 1.5, "7", None, [7], {}])
    def test_is_a_count(self, value: object) -> None:
        with pytest.raises(MalformedEvent):
            new_event("job.done", START_MS, {**sample("job.done"), "accepted": value})  # type: ignore[dict-item]

    @pytest.mark.parametrize("value", [7, None, ["0" * 64], HASHES[0].upper(), HASHES[0] + "\n"])
    def test_is_a_hash(self, value: object) -> None:
        with pytest.raises(MalformedEvent):
            new_event("job.failed", START_MS, {"job": value})  # type: ignore[dict-item]

    def test_is_left_out_with_a_member(self) -> None:
        with pytest.raises(MalformedEvent):
            new_event("job.failed", START_MS, {})


class TestEndpoint:
    @pytest.mark.parametrize("count", [0, 3])
    def test_has_one_secret_or_two(self, count: int) -> None:
        with pytest.raises(MalformedEndpoint):
            endpoint(*[OLD] * count)

    @pytest.mark.parametrize("events", [set(), {"job.*"}, {"job.done", "job.undone"}])
    def test_wants_events_that_there_are(self, events: set[str]) -> None:
        with pytest.raises(MalformedEndpoint):
            replace(endpoint(OLD), events=frozenset(events))
