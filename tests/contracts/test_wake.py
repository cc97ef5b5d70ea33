"""``Wake`` and ``Remind``: hints that arrive when they can, and harm nothing when they cannot."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable

import pytest

from chalicelib.adapters.aws import Clients
from chalicelib.adapters.sqs_wake import SqsRemind, SqsWake
from chalicelib.api.handlers import uploaded_jobs

from . import wire
from .wire import Fault, Wire

JOB = "a" * 64


def make_queue(clients: Clients) -> str:
    return clients.sqs.create_queue(QueueName=uuid.uuid4().hex)["QueueUrl"]


def received(clients: Clients, queue: str) -> list[str]:
    answer = clients.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
    return [message["Body"] for message in answer.get("Messages", [])]


@pytest.mark.parametrize("place", ["moto", "local"])
def test_a_wake_up_is_one_message(place: str, request: pytest.FixtureRequest) -> None:
    clients: Clients = request.getfixturevalue(f"{place}_clients")
    queue = make_queue(clients)
    SqsWake(clients, queue)()
    assert received(clients, queue) == ["wake"]


@pytest.mark.parametrize("place", ["moto", "local"])
def test_a_reminder_is_one_message_that_names_its_job(
    place: str, request: pytest.FixtureRequest
) -> None:
    clients: Clients = request.getfixturevalue(f"{place}_clients")
    queue = make_queue(clients)
    SqsRemind(clients, queue)(JOB)
    [message] = received(clients, queue)
    assert uploaded_jobs(message) == [JOB]


@pytest.mark.parametrize("fault", [wire.request_lost, wire.refusal(403, "AccessDenied")])
@pytest.mark.parametrize(
    "send", [lambda *at: SqsWake(*at)(), lambda *at: SqsRemind(*at)(JOB)], ids=["wake", "remind"]
)
def test_a_hint_that_is_lost_is_logged_and_nothing_else(
    send: Callable[[Clients, str], None],
    local_clients: Clients,
    network: Wire,
    fault: Fault,
    caplog: pytest.LogCaptureFixture,
) -> None:
    queue = make_queue(local_clients)
    network.meet("SendMessage", *[fault] * 9)
    with caplog.at_level(logging.WARNING):
        send(local_clients, queue)
    assert received(local_clients, queue) == []
    assert "a hint was not sent" in caplog.text
