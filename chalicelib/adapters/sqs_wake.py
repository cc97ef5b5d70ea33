"""The queues: a message tells a worker that there is something to do."""

from __future__ import annotations

import json
import logging

from ..notary.admit import upload_key
from .aws import Clients

LOGGER = logging.getLogger(__name__)


class SqsWake:
    """``Wake``. A hint that cannot be sent is logged and lost: what it hints at is durable, and
    the sequencer's schedule finds it."""

    def __init__(self, clients: Clients, queue_url: str) -> None:
        self._clients = clients
        self._queue_url = queue_url

    def __call__(self) -> None:
        _send(self._clients, self._queue_url, "wake")


class SqsRemind:
    """``Remind``, in the form of S3's own notifications, so that the worker reads one form."""

    def __init__(self, clients: Clients, queue_url: str) -> None:
        self._clients = clients
        self._queue_url = queue_url

    def __call__(self, job: str) -> None:
        notification = {"Records": [{"s3": {"object": {"key": upload_key(job)}}}]}
        _send(self._clients, self._queue_url, json.dumps(notification))


def _send(clients: Clients, queue_url: str, body: str) -> None:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        clients.sqs.send_message(QueueUrl=queue_url, MessageBody=body)
    except (BotoCoreError, ClientError) as error:
        LOGGER.warning("a hint was not sent, a later one must do: %s", error)
