"""AWS clients, made at their first use, and what their errors mean for a write.

A client is made when something calls it, and boto3 is imported with the first one: both dominate a
Lambda's cold start, and most requests need one or two of the four services.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from threading import RLock
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from ..notary.ports import Busy

if TYPE_CHECKING:
    from boto3.session import Session
    from botocore.awsrequest import AWSResponse
    from botocore.client import BaseClient
    from botocore.exceptions import ClientError
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

CONNECT_S = 2
READ_S = 8
STREAM_S = 20
ATTEMPTS = 5
THREADS = 8

Name = Literal["dynamodb", "kms", "s3", "sqs"]
In = TypeVar("In")
Out = TypeVar("Out")


THROTTLED = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "SlowDown",
        "ThrottlingException",
        "TransactionConflictException",
    }
)
"""Errors that say the request was refused for load, before anything was done."""

LOADED = ("dynamodb", "kms", "s3.GetObject", "s3.HeadObject")
"""Whose refusals for load are Busy. A put to S3 has its own words for that, and so have the
transactions, which are sent once; a hint to SQS may be lost."""


class Clients:
    """The clients of one process. Region, credentials and ``AWS_ENDPOINT_URL`` are boto3's."""

    def __init__(self, session: Session | None = None, endpoint_url: str | None = None) -> None:
        self._session = session
        self._endpoint_url = endpoint_url
        self._lock = RLock()

    @cached_property
    def dynamodb(self) -> DynamoDBClient:
        return cast("DynamoDBClient", self._make("dynamodb", READ_S, attempts=ATTEMPTS))

    @cached_property
    def dynamodb_once(self) -> DynamoDBClient:
        """For transactions: botocore would repeat one whose outcome is unknown."""
        return cast("DynamoDBClient", self._make("dynamodb", READ_S, attempts=1, loaded=()))

    @cached_property
    def s3(self) -> S3Client:
        return cast("S3Client", self._make("s3", STREAM_S, attempts=ATTEMPTS))

    @cached_property
    def sqs(self) -> SQSClient:
        return cast("SQSClient", self._make("sqs", READ_S, attempts=2))

    @cached_property
    def kms(self) -> KMSClient:
        return cast("KMSClient", self._make("kms", READ_S, attempts=ATTEMPTS))

    def _make(
        self, service: Name, read_s: int, *, attempts: int, loaded: Iterable[str] = LOADED
    ) -> BaseClient:
        from boto3.session import Session
        from botocore.config import Config

        config = Config(
            connect_timeout=CONNECT_S,
            read_timeout=read_s,
            retries={"mode": "standard", "total_max_attempts": attempts},
            max_pool_connections=2 * THREADS,
            tcp_keepalive=True,
            signature_version="s3v4" if service == "s3" else None,
        )
        with self._lock:  # a session is not safe to share between threads; its clients are
            self._session = self._session or Session()
            made = self._session.client(service, endpoint_url=self._endpoint_url, config=config)
        for calls in loaded:
            made.meta.events.register(f"after-call.{calls}", raise_if_busy)
        return made


def raise_if_busy(http_response: AWSResponse, parsed: Mapping[str, Any], **_: object) -> None:
    """Called by botocore when its retries are spent, before it raises a ClientError."""
    code = parsed.get("Error", {}).get("Code")
    if http_response.status_code == 503 or code in THROTTLED:
        raise Busy(f"AWS answered {code} again and again: try later")


def code_of(error: ClientError) -> str:
    """The service's name for the error, such as ``ConditionalCheckFailedException``."""
    return error.response.get("Error", {}).get("Code", "")


def status_of(error: ClientError) -> int:
    return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)


def was_repeated(error: ClientError) -> bool:
    """Whether botocore had sent the request before: then this may answer its own first try."""
    return error.response.get("ResponseMetadata", {}).get("RetryAttempts", 0) > 0


def never_sent(error: Exception) -> bool:
    """Whether the connection was never made, so that nothing can have been done."""
    from botocore import exceptions as e

    return isinstance(error, e.EndpointConnectionError | e.ConnectTimeoutError)


def may_be_done(error: Exception) -> bool:
    """Whether a write that failed so may nevertheless have happened.

    It may after a connection that broke, a time-out, an answer that cannot be read, and a 5xx.
    """
    from botocore import exceptions as e
    from botocore.parsers import ResponseParserError

    if isinstance(error, e.ClientError):
        return status_of(error) >= 500
    lost = e.HTTPClientError | e.ConnectionError | e.IncompleteReadError | ResponseParserError
    return isinstance(error, lost) and not never_sent(error)


def back_off(attempt: int) -> None:
    """Sleep at random up to 50 ms, doubled with each attempt (numbered from 0), at most 1 s."""
    time.sleep(random.uniform(0, min(1.0, 0.05 * 2**attempt)))


def side_by_side(work: Callable[[In], Out], items: Iterable[In]) -> list[Out]:
    """The results in order, several at a time; the first exception is raised when all ended."""
    inputs = list(items)
    if len(inputs) < 2:
        return [work(item) for item in inputs]
    with ThreadPoolExecutor(min(THREADS, len(inputs))) as pool:
        return list(pool.map(work, inputs))
