"""The same ports on three implementations: the fake, moto and the local cloud."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Literal

from boto3.session import Session
from mypy_boto3_dynamodb.literals import KeyTypeType

from chalicelib.adapters.aws import Clients
from chalicelib.adapters.dynamodb_chain import DynamoChain
from chalicelib.adapters.dynamodb_jobs import DynamoJobs
from chalicelib.adapters.dynamodb_pending import DynamoPending
from chalicelib.adapters.dynamodb_registry import DynamoRegistry
from chalicelib.adapters.s3_objects import S3Objects
from chalicelib.notary.ports import Chain, Jobs, Objects, Pending, Registry

ORIGIN = "contracts.tally.test/log"

Keys = dict[str, Literal["S", "N"]]
KEYS: dict[str, Keys] = {
    "log": {"pk": "S", "height": "N"},
    "pending": {"shard": "S", "id": "S"},
    "jobs": {"job": "S"},
    "registry": {"kind": "S", "id": "S"},
}
"""The keys of each table: the partition's, then the sort key."""

ROLES: list[KeyTypeType] = ["HASH", "RANGE"]


@dataclass(frozen=True)
class Stores:
    chain: Chain
    jobs: Jobs
    pending: Pending
    registry: Registry
    objects: Objects
    others: Objects
    """A second bucket."""


@dataclass(frozen=True)
class Places:
    """Tables and buckets of one test, or of several processes that share them."""

    log: str
    pending: str
    jobs: str
    registry: str
    bucket: str
    work: str


def session() -> Session:
    """Of nobody in particular: neither moto nor the local cloud knows accounts."""
    return Session("test", "test", region_name="us-east-1")


def make_places(clients: Clients) -> Places:
    name = uuid.uuid4().hex
    for table, keys in KEYS.items():
        clients.dynamodb.create_table(
            TableName=f"{table}-{name}",
            KeySchema=[
                {"AttributeName": key, "KeyType": role}
                for key, role in zip(keys, ROLES, strict=False)
            ],
            AttributeDefinitions=[
                {"AttributeName": key, "AttributeType": kind} for key, kind in keys.items()
            ],
            BillingMode="PAY_PER_REQUEST",
        )
    for bucket in ("bucket", "work"):
        clients.s3.create_bucket(Bucket=f"{bucket}-{name}")
    return Places(*(f"{place}-{name}" for place in (*KEYS, "bucket", "work")))


def make_stores(clients: Clients, places: Places, origin: str = ORIGIN) -> Stores:
    return Stores(
        chain=DynamoChain(clients, places.log, places.jobs, origin),
        jobs=DynamoJobs(clients, places.jobs),
        pending=DynamoPending(clients, places.pending),
        registry=DynamoRegistry(clients, places.registry),
        objects=S3Objects(clients, places.bucket),
        others=S3Objects(clients, places.work),
    )
