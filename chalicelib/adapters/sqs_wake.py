"""The queue ``wake``: a message tells the sequencer that something is pending."""

from __future__ import annotations

import logging

from .aws import Clients

LOGGER = logging.getLogger(__name__)


class SqsWake:
    """``Wake``. A hint that cannot be sent is logged and lost: what it hints at is durable, and
    the sequencer's schedule finds it."""

    def __init__(self, clients: Clients, queue_url: str) -> None:
        self._clients = clients
        self._queue_url = queue_url

    def __call__(self) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            self._clients.sqs.send_message(QueueUrl=self._queue_url, MessageBody="wake")
        except (BotoCoreError, ClientError) as error:
            LOGGER.warning("no wake-up was sent, the schedule must find the submission: %s", error)
