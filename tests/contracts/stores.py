"""The same ports on three implementations: the fake, moto and the local cloud."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Literal

from boto3.session import Session
from mypy_boto3_dynamodb.literals import KeyTypeType
from mypy_boto3_dynamodb.type_defs import (
    CreateTableInputTypeDef,
    GlobalSecondaryIndexUnionTypeDef,
    KeySchemaElementTypeDef,
)

from chalicelib.adapters.aws import Clients
from chalicelib.adapters.dynamodb_attempts import BY_HEIGHT, OPEN, DynamoAttempts
from chalicelib.adapters.dynamodb_bit_lists import DynamoBitLists
from chalicelib.adapters.dynamodb_chain import DynamoChain
from chalicelib.adapters.dynamodb_documents import KEPT, UNTIL, DynamoDocuments
from chalicelib.adapters.dynamodb_jobs import DynamoJobs
from chalicelib.adapters.dynamodb_notices import DynamoNotices
from chalicelib.adapters.dynamodb_pending import DynamoPending
from chalicelib.adapters.dynamodb_registry import DynamoRegistry
from chalicelib.adapters.dynamodb_webhooks import QUEUE
from chalicelib.adapters.s3_objects import S3Objects
from chalicelib.notary.custody.records import Documents
from chalicelib.notary.networks import Attempts
from chalicelib.notary.notices import Notices
from chalicelib.notary.ports import Chain, Jobs, Objects, Pending, Registry
from chalicelib.notary.status.bit_lists import BitLists

ORIGIN = "contracts.tally.test/log"

Keys = dict[str, Literal["S", "N"]]
KEYS: dict[str, Keys] = {
    "log": {"pk": "S", "height": "N"},
    "pending": {"shard": "S", "id": "S"},
    "jobs": {"job": "S"},
    "registry": {"kind": "S", "id": "S"},
    "attempts": {"network": "S", "height": "N"},
    "documents": {"id": "S"},
    "webhooks": {"of": "S", "id": "S"},
}
"""The keys of each table: the partition's, then the sort key."""

INDEXES: dict[str, dict[str, Keys]] = {
    "attempts": {BY_HEIGHT: {"height": "N", "network": "S"}, OPEN: {OPEN: "S", "height": "N"}},
    "documents": {KEPT: {KEPT: "S", UNTIL: "N"}},
    "webhooks": {QUEUE: {QUEUE: "S", "due_ms": "N"}},
}
"""The keys of each table's indexes, likewise."""

ROLES: list[KeyTypeType] = ["HASH", "RANGE"]


@dataclass(frozen=True)
class Stores:
    chain: Chain
    jobs: Jobs
    pending: Pending
    registry: Registry
    attempts: Attempts
    notices: Notices
    lists: BitLists
    documents: Documents
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
    attempts: str
    documents: str
    webhooks: str
    bucket: str
    work: str


def session() -> Session:
    """Of nobody in particular: neither moto nor the local cloud knows accounts."""
    return Session("test", "test", region_name="us-east-1")


def make_places(clients: Clients) -> Places:
    name = uuid.uuid4().hex
    for table in KEYS:
        make_table(clients, table, name)
    for bucket in ("bucket", "work"):
        clients.s3.create_bucket(Bucket=f"{bucket}-{name}")
    return Places(*(f"{place}-{name}" for place in (*KEYS, "bucket", "work")))


def make_table(clients: Clients, table: str, name: str) -> str:
    """One of the tables, under a name of its own; that name."""
    keys, indexes = KEYS[table], INDEXES.get(table, {})
    kinds = {key: kind for each in (keys, *indexes.values()) for key, kind in each.items()}
    request: CreateTableInputTypeDef = {
        "TableName": f"{table}-{name}",
        "KeySchema": _schema(keys),
        "AttributeDefinitions": [
            {"AttributeName": key, "AttributeType": kind} for key, kind in kinds.items()
        ],
        "BillingMode": "PAY_PER_REQUEST",
    }
    if indexes:
        request["GlobalSecondaryIndexes"] = _indexes(indexes)
    clients.dynamodb.create_table(**request)
    return f"{table}-{name}"


def _schema(keys: Keys) -> list[KeySchemaElementTypeDef]:
    return [{"AttributeName": key, "KeyType": role} for key, role in zip(keys, ROLES, strict=False)]


def _indexes(indexes: dict[str, Keys]) -> list[GlobalSecondaryIndexUnionTypeDef]:
    return [
        {"IndexName": name, "KeySchema": _schema(keys), "Projection": {"ProjectionType": "ALL"}}
        for name, keys in indexes.items()
    ]


def make_stores(clients: Clients, places: Places, origin: str = ORIGIN) -> Stores:
    return Stores(
        chain=DynamoChain(clients, places.log, places.jobs, origin),
        jobs=DynamoJobs(clients, places.jobs),
        pending=DynamoPending(clients, places.pending),
        registry=DynamoRegistry(clients, places.registry),
        attempts=DynamoAttempts(clients, places.attempts),
        notices=DynamoNotices(clients, places.registry),
        lists=DynamoBitLists(clients, places.registry),
        documents=DynamoDocuments(clients, places.documents),
        objects=S3Objects(clients, places.bucket),
        others=S3Objects(clients, places.work),
    )
