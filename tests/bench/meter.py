"""What AWS would charge for: requests counted at the client, sized as DynamoDB sizes them.

Not counted: storage, data transfer, logs, alarms, a Lambda's initialisation, access tokens (one in
ten minutes per client), and what costs the same however much is notarised: empty receives of SQS's
poller, the sweep once a minute. Every attempt that reaches the service counts, also a refused one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from math import ceil
from threading import Lock
from time import perf_counter
from typing import Any, NamedTuple, TypeVar

from boto3.session import Session

from tests.contracts.stores import INDEXES

T = TypeVar("T")

USD = {
    "API Gateway requests": 3.50e-6,
    "Lambda requests": 0.20e-6,
    "Lambda GB-seconds": 0.0000133,
    "DynamoDB write units": 0.625e-6,
    "DynamoDB read units": 0.125e-6,
    "SQS requests": 0.40e-6,
    "S3 PUT": 5e-6,
    "S3 GET": 0.40e-6,
    "KMS requests": 15e-6,
}
"""On-demand prices, us-east-1, arm64."""

WRITE_UNIT, READ_UNIT = 1_024, 4_096
_TRANSACTIONAL = 2
_READS = frozenset({"GetItem", "Query"})
_S3_GETS = frozenset({"GetObject", "HeadObject"})

Item = Mapping[str, Any]
Place = tuple[str, str]
"""A table, and an item's key as text."""


class Held(NamedTuple):
    """An item's bytes, and the indexes of its table that it stands in."""

    size: int = 0
    indexes: frozenset[str] = frozenset()


class Meter:
    """Watches the clients of a session, and the invocations that it is asked to run.

    ``look`` reads an item without being watched: an update is charged for the whole item."""

    def __init__(self, session: Session, look: Callable[[str, Item], Item]) -> None:
        self.counts: defaultdict[str, float] = defaultdict(float)
        self._look = look
        self._held: dict[Place, Held] = {}
        self._one = Lock()
        session.events.register("before-parameter-build", _remember)
        session.events.register("after-call", self._count)

    def invoke(self, memory_mb: int, work: Callable[[], T]) -> T:
        """Run a Lambda function's work: one request, and its time as AWS bills it."""
        started = perf_counter()
        try:
            return work()
        finally:
            billed_s = ceil((perf_counter() - started) * 1_000) / 1_000
            self.add({"Lambda requests": 1, "Lambda GB-seconds": billed_s * memory_mb / 1_024})

    def add(self, amounts: Mapping[str, float]) -> None:
        with self._one:  # the attester's networks run in threads
            for name, amount in amounts.items():
                self.counts[name] += amount

    def take(self) -> dict[str, float]:
        """What was counted since the last time."""
        counted = dict(self.counts)
        self.counts.clear()
        return counted

    def _count(self, parsed: Any, model: Any, context: dict[str, Any], **_: Any) -> None:
        service, operation, params = model.service_model.service_name, model.name, context["params"]
        match service:
            case "dynamodb":
                kind = "read" if operation in _READS else "write"
                units = getattr(self, f"_{kind}_units")(operation, params, parsed)
                self.add({f"DynamoDB {kind} units": units})
            case "s3":
                self.add({"S3 GET" if operation in _S3_GETS else "S3 PUT": 1})
            case "sqs" if operation != "ReceiveMessage" or parsed.get("Messages"):
                self.add({"SQS requests": 1})
            case "kms":
                self.add({"KMS requests": 1})

    def _read_units(self, operation: str, params: Item, parsed: Item) -> float:
        items = parsed.get("Items", []) if operation == "Query" else [parsed.get("Item", {})]
        units = max(1, ceil(sum(map(item_size, items)) / READ_UNIT))
        return units if params.get("ConsistentRead") else units / 2

    def _write_units(self, operation: str, params: Any, parsed: Item) -> int:
        match operation:
            case "PutItem" | "UpdateItem" | "DeleteItem":
                return self._units(operation.removesuffix("Item"), params)
            case "BatchWriteItem":
                writes = [
                    self._units(kind.removesuffix("Request"), {"TableName": table, **request})
                    for table, requests in params["RequestItems"].items()
                    for each in requests
                    for kind, request in each.items()
                ]
                return sum(writes)
            case "TransactWriteItems":
                items = (pair for each in params["TransactItems"] for pair in each.items())
                return _TRANSACTIONAL * sum(self._units(kind, request) for kind, request in items)
        raise AssertionError(f"the service makes no {operation}")

    def _units(self, kind: str, request: Any) -> int:
        """Units of one write: of the larger of the item before it and after it, in the table and in
        each index that holds it."""
        table = request["TableName"]
        place = _place(table, request["Item"] if kind == "Put" else request["Key"])
        before, after = self._held.get(place, Held()), Held()
        if kind == "Put":
            after = _hold(table, request["Item"])
        elif kind == "Update":
            after = _hold(table, self._look(table, request["Key"]))
        self._held[place] = after
        places = 1 + len(before.indexes | after.indexes)
        return places * _write_units(before.size, after.size)


KEYS = frozenset({"pk", "height", "shard", "id", "job", "kind", "network"})
"""The key attributes of all our tables."""


def _hold(table: str, item: Item) -> Held:
    """Indexes hold the items that have their keys; ours hold them whole."""
    indexes = INDEXES.get(table.partition("-")[0], {})
    return Held(
        item_size(item), frozenset(n for n, keys in indexes.items() if keys.keys() <= item.keys())
    )


def _place(table: str, item: Item) -> Place:
    return table, str(sorted((name, str(item[name])) for name in item.keys() & KEYS))


def _write_units(*sizes: int) -> int:
    return max(1, ceil(max(sizes) / WRITE_UNIT))


def item_size(item: Item) -> int:
    """The bytes of an item as DynamoDB counts them: names, values, and the frames of lists."""
    return sum(len(name.encode()) + _value_size(value) for name, value in item.items())


def _value_size(value: Mapping[str, Any]) -> int:
    [(kind, content)] = value.items()
    match kind:
        case "S":
            return len(content.encode())
        case "N":
            return ceil(len(content.lstrip("-")) / 2) + 1
        case "B":
            return len(bytes(content))
        case "L":
            return 3 + sum(1 + _value_size(each) for each in content)
    return 1  # BOOL


def _remember(params: Any, context: dict[str, Any], **_: Any) -> None:
    context["params"] = params


def price(counted: Mapping[str, float]) -> float:
    """US dollars."""
    return sum(USD[name] * amount for name, amount in counted.items())


def add_up(parts: Iterable[Mapping[str, float]]) -> dict[str, float]:
    total: defaultdict[str, float] = defaultdict(float)
    for part in parts:
        for name, amount in part.items():
            total[name] += amount
    return dict(total)
