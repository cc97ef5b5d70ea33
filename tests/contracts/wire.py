"""The network between us and AWS, on which a request or its answer can be lost.

A ``Wire`` sits under every client of a session (botocore's ``before-send`` event) and meets the
next requests of an operation with the faults it was given, in order; then all goes through.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from types import SimpleNamespace
from typing import Any, NoReturn, cast
from urllib.parse import urlsplit

import pytest
from boto3.session import Session
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ConnectionClosedError, EndpointConnectionError, ReadTimeoutError
from botocore.httpsession import URLLib3Session

KILLED = 9
"""The exit code of a process that a fault has killed."""

Fault = Callable[[AWSPreparedRequest], AWSResponse]


class Wire:
    def __init__(self, session: Session) -> None:
        self.mend()
        session.events.register("before-send", cast("Any", self._meet))

    def mend(self) -> None:
        """From here on all goes through, and nothing was sent yet."""
        self._faults: dict[str, list[Fault]] = {}
        self.sent: list[str] = []

    def meet(self, operation: str, *faults: Fault) -> None:
        self._faults[operation] = list(faults)

    def _meet(
        self, request: AWSPreparedRequest, event_name: str, **_: object
    ) -> AWSResponse | None:
        operation = event_name.rpartition(".")[2]
        self.sent.append(operation)
        faults = self._faults.get(operation)
        return faults.pop(0)(request) if faults else None


WRITES = (
    "PutObject",
    "PutItem",
    "UpdateItem",
    "DeleteItem",
    "TransactWriteItems",
    "BatchWriteItem",
    "SendMessage",
)


TABLE = re.compile(rb'"([a-z]+)-[0-9a-f]{32}"')


class WriteCounter:
    """Counts the writes of a session, and meets one of them with a fault, in every attempt.

    ``names`` tells operation and place of each write, in order.
    """

    def __init__(self, session: Session) -> None:
        self.arm(None)
        session.events.register("before-send", cast("Any", self._count))

    def arm(self, fault: Fault | None, at: int = -1) -> None:
        """Count from 0 again, and meet write number ``at`` with ``fault``."""
        self.names: list[str] = []
        self._fault, self._at = fault, at
        self._call = ""

    def _count(
        self, request: AWSPreparedRequest, event_name: str, **_: object
    ) -> AWSResponse | None:
        operation = event_name.rpartition(".")[2]
        if operation not in WRITES:
            return None
        call = str(request.headers["amz-sdk-invocation-id"])  # the same in every attempt
        if call != self._call:
            self._call = call
            self.names.append(f"{operation} {place_of(request)}")
        if self._fault is None or len(self.names) - 1 != self._at:
            return None
        return self._fault(request)


def place_of(request: AWSPreparedRequest) -> str:
    """The table, or the key of the object, without what differs from run to run."""
    name = urlsplit(request.url).path.partition("/")[2].partition("/")[2]
    if isinstance(request.body, bytes) and (table := TABLE.search(request.body)):
        name = table[1].decode()
    return re.sub(r"[0-9a-f]{64}|[0-9]+", "#", name)


def send(request: AWSPreparedRequest) -> AWSResponse:
    response: AWSResponse = URLLib3Session().send(request)
    return response


def request_lost(request: AWSPreparedRequest) -> AWSResponse:
    """It never arrived, and we cannot know that."""
    raise ConnectionClosedError(endpoint_url=request.url)


def answer_lost(request: AWSPreparedRequest) -> AWSResponse:
    """It was done, and nobody told us."""
    assert send(request).status_code < 300, "the request itself must succeed"
    raise ReadTimeoutError(endpoint_url=request.url)


def done_but_reported_failed(request: AWSPreparedRequest) -> AWSResponse:
    assert send(request).status_code < 300, "the request itself must succeed"
    return failed(request)


def killed_before(request: AWSPreparedRequest) -> NoReturn:
    os._exit(KILLED)


def killed_after(request: AWSPreparedRequest) -> NoReturn:
    assert send(request).status_code < 300, "the request itself must succeed"
    os._exit(KILLED)


def failed(request: AWSPreparedRequest) -> AWSResponse:
    return refusal(500, "InternalServerError")(request)


def never_connected(request: AWSPreparedRequest) -> AWSResponse:
    raise EndpointConnectionError(endpoint_url=request.url)


def throttled(request: AWSPreparedRequest) -> AWSResponse:
    return refusal(400, "ThrottlingException")(request)


def cancelled(*reasons: str) -> Fault:
    """A transaction that was cancelled for these reasons, one for each item."""
    return refusal(
        400,
        "TransactionCanceledException",
        CancellationReasons=[{"Code": reason} for reason in reasons],
    )


def refusal(status: int, code: str, **members: object) -> Fault:
    """An error as DynamoDB words it."""
    kind = f"com.amazonaws.dynamodb.v20120810#{code}"
    return _answer(status, json.dumps({"__type": kind, "message": code, **members}).encode())


def s3_refusal(status: int, code: str) -> Fault:
    """An error as S3 words it."""
    return _answer(status, f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode())


def unprocessed(*keys: Mapping[str, object]) -> Fault:
    """BatchWriteItem did nothing but tell which deletions it left undone."""

    def fault(request: AWSPreparedRequest) -> AWSResponse:
        table = next(iter(json.loads(cast("bytes", request.body))["RequestItems"]))
        left = [{"DeleteRequest": {"Key": key}} for key in keys]
        return _answer(200, json.dumps({"UnprocessedItems": {table: left}}).encode())(request)

    return fault


def _answer(status: int, body: bytes) -> Fault:
    return lambda request: AWSResponse(request.url, status, HTTPHeaders(), _Body(body))


class _Body(BytesIO):
    def stream(self) -> Iterator[bytes]:
        yield self.read()


def without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """botocore's pauses between attempts are not what these tests are about."""
    monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=lambda _: None))
    monkeypatch.setattr(
        "chalicelib.adapters.aws.time", SimpleNamespace(sleep=lambda _: None, time=time.time)
    )
