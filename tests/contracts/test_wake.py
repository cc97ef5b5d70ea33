"""``Wake``: a hint that arrives when it can, and harms nothing when it cannot."""

from __future__ import annotations

import logging
import uuid

import pytest

from chalicelib.adapters.aws import Clients
from chalicelib.adapters.sqs_wake import SqsWake

from . import wire
from .wire import Fault, Wire


def make_queue(clients: Clients) -> str:
    return clients.sqs.create_queue(QueueName=uuid.uuid4().hex)["QueueUrl"]


def received(clients: Clients, queue: str) -> list[str]:
    answer = clients.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
    return [message["Body"] for message in answer.get("Messages", [])]


@pytest.mark.parametrize("place", ["moto", "local"])
def test_a_hint_is_one_message(place: str, request: pytest.FixtureRequest) -> None:
    clients: Clients = request.getfixturevalue(f"{place}_clients")
    queue = make_queue(clients)
    SqsWake(clients, queue)()
    assert received(clients, queue) == ["wake"]


@pytest.mark.parametrize("fault", [wire.request_lost, wire.refusal(403, "AccessDenied")])
def test_a_hint_that_is_lost_is_logged_and_nothing_else(
    local_clients: Clients, network: Wire, fault: Fault, caplog: pytest.LogCaptureFixture
) -> None:
    queue = make_queue(local_clients)
    network.meet("SendMessage", *[fault] * 9)
    with caplog.at_level(logging.WARNING):
        SqsWake(local_clients, queue)()
    assert received(local_clients, queue) == []
    assert "no wake-up was sent" in caplog.text
