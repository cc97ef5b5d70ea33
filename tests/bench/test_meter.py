"""The meter counts requests and units as AWS's price list defines them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.adapters.aws import Clients
from infra.local_cloud import LocalCloud
from tests.bench import spending
from tests.bench.meter import USD, Meter, add_up, item_size, price
from tests.contracts.stores import Places, make_places


@dataclass(frozen=True)
class Bench:
    clients: Clients
    meter: Meter
    places: Places


@pytest.fixture
def bench(local_cloud: LocalCloud) -> Bench:
    plain = Clients(local_cloud.session(), local_cloud.endpoint)
    session = local_cloud.session()
    meter = Meter(
        session,
        lambda table, key: plain.dynamodb.get_item(TableName=table, Key=dict(key))["Item"],
    )
    return Bench(Clients(session, local_cloud.endpoint), meter, make_places(plain))


def pending(id_: str, size: int) -> dict[str, Any]:
    """An item of the table pending with a given size."""
    item: dict[str, Any] = {"shard": {"S": "pending"}, "id": {"S": id_}}
    item["e"] = {"B": bytes(size - item_size(item) - 1)}
    return item


def test_the_size_of_an_item_is_that_of_its_names_and_values() -> None:
    item = {
        "shard": {"S": "é"},  # 5 + 2
        "height": {"N": "12345"},  # 6 + 4
        "e": {"B": bytes(10)},  # 1 + 10
        "applied": {"BOOL": True},  # 7 + 1
        "l": {"L": [{"L": [{"N": "1"}, {"N": "20"}]}]},  # 1 + 3 + 1 + (3 + 1 + 2 + 1 + 2)
    }
    assert item_size(item) == 7 + 10 + 11 + 8 + 14
    assert item_size(pending("a", 1_000)) == 1_000


@pytest.mark.parametrize(("size", "units"), [(1_024, 1), (1_025, 2), (4_000, 4)])
def test_a_put_is_charged_by_the_kilobyte(bench: Bench, size: int, units: int) -> None:
    table = bench.places.pending
    bench.clients.dynamodb.put_item(TableName=table, Item=pending("a", size))
    assert bench.meter.take() == {"DynamoDB write units": units}
    bench.clients.dynamodb.put_item(TableName=table, Item=pending("a", 100))
    assert bench.meter.take() == {"DynamoDB write units": units}, "the larger of old and new"


def test_a_put_whose_condition_fails_is_charged(bench: Bench) -> None:
    item = pending("a", 100)
    for _ in range(2):
        try:
            bench.clients.dynamodb.put_item(
                TableName=bench.places.pending,
                Item=item,
                ConditionExpression="attribute_not_exists(id)",
            )
        except ClientError:
            continue
    assert bench.meter.take() == {"DynamoDB write units": 2}


def test_reads_are_charged_by_4_kilobytes_and_half_unless_consistent(bench: Bench) -> None:
    table, dynamodb = bench.places.pending, bench.clients.dynamodb
    dynamodb.put_item(TableName=table, Item=pending("a", 4_097))
    bench.meter.take()
    key = {"shard": {"S": "pending"}, "id": {"S": "a"}}
    for consistent, units in ((True, 2), (False, 1)):
        dynamodb.get_item(TableName=table, Key=key, ConsistentRead=consistent)
        assert bench.meter.take() == {"DynamoDB read units": units}
    missing = {"shard": {"S": "pending"}, "id": {"S": "b"}}
    dynamodb.get_item(TableName=table, Key=missing, ConsistentRead=True)
    assert bench.meter.take() == {"DynamoDB read units": 1}


def test_a_query_is_charged_for_all_that_it_reads_together(bench: Bench) -> None:
    table, dynamodb = bench.places.pending, bench.clients.dynamodb
    for number in range(3):
        dynamodb.put_item(TableName=table, Item=pending(str(number), 1_400))
    bench.meter.take()
    dynamodb.query(
        TableName=table,
        KeyConditionExpression="#shard = :pending",
        ExpressionAttributeNames={"#shard": "shard"},
        ExpressionAttributeValues={":pending": {"S": "pending"}},
        ConsistentRead=True,
    )
    assert bench.meter.take() == {"DynamoDB read units": 2}


def test_transactions_cost_twice_and_updates_are_of_the_whole_item(bench: Bench) -> None:
    table, dynamodb = bench.places.pending, bench.clients.dynamodb
    dynamodb.transact_write_items(
        TransactItems=[{"Put": {"TableName": table, "Item": pending("a", 1_500)}}]
    )
    assert bench.meter.take() == {"DynamoDB write units": 2 * 2}
    dynamodb.update_item(
        TableName=table,
        Key={"shard": {"S": "pending"}, "id": {"S": "a"}},
        UpdateExpression="SET l = :l",
        ExpressionAttributeValues={":l": {"B": bytes(600)}},
    )
    assert bench.meter.take() == {"DynamoDB write units": 3}


def test_deletes_in_a_batch_are_charged_for_what_they_delete(bench: Bench) -> None:
    table, dynamodb = bench.places.pending, bench.clients.dynamodb
    for id_, size in (("a", 400), ("b", 1_900)):
        dynamodb.put_item(TableName=table, Item=pending(id_, size))
    bench.meter.take()
    keys = [{"shard": {"S": "pending"}, "id": {"S": id_}} for id_ in "ab"]
    dynamodb.batch_write_item(
        RequestItems={table: [{"DeleteRequest": {"Key": key}} for key in keys]}
    )
    assert bench.meter.take() == {"DynamoDB write units": 1 + 2}


def attempt(**more: str) -> dict[str, Any]:
    """An item of the table attempts with texts besides its key."""
    return {
        "network": {"S": "eip155:1"},
        "height": {"N": "1"},
        **{name: {"S": text} for name, text in more.items()},
    }


def test_a_write_is_charged_again_in_each_index_that_holds_the_item(bench: Bench) -> None:
    table, dynamodb = bench.places.attempts, bench.clients.dynamodb
    dynamodb.put_item(TableName=table, Item=attempt(open="eip155:1"))
    assert bench.meter.take() == {"DynamoDB write units": 3}, "the table, by-height and open"
    dynamodb.put_item(TableName=table, Item=attempt(memo="m" * 1_024))
    assert bench.meter.take() == {"DynamoDB write units": 3 * 2}, "it leaves open"
    dynamodb.put_item(TableName=table, Item=attempt())
    assert bench.meter.take() == {"DynamoDB write units": 2 * 2}


def test_objects_messages_and_signatures(bench: Bench) -> None:
    s3, sqs, kms = bench.clients.s3, bench.clients.sqs, bench.clients.kms
    queue = sqs.create_queue(QueueName=f"meter-{uuid.uuid4().hex}")["QueueUrl"]
    key = kms.create_key(KeySpec="ECC_NIST_EDWARDS25519", KeyUsage="SIGN_VERIFY")["KeyMetadata"]
    bench.meter.take()
    s3.put_object(Bucket=bench.places.work, Key="a", Body=b"a")
    s3.head_object(Bucket=bench.places.work, Key="a")
    s3.get_object(Bucket=bench.places.work, Key="a")
    assert sqs.receive_message(QueueUrl=queue).get("Messages") is None, "this is not counted"
    sqs.send_message(QueueUrl=queue, MessageBody="wake")
    [message] = sqs.receive_message(QueueUrl=queue)["Messages"]
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    kms.sign(KeyId=key["KeyId"], Message=b"a", SigningAlgorithm="ED25519_SHA_512")
    assert bench.meter.take() == {"S3 PUT": 1, "S3 GET": 2, "SQS requests": 3, "KMS requests": 1}


def test_an_invocation_is_billed_by_time_and_memory(bench: Bench) -> None:
    def thrice() -> str:
        return "done" * 3

    small, large = (bench.meter.invoke(memory, thrice) for memory in (512, 1_024))
    counted = bench.meter.take()
    assert small == large == "donedonedone"
    assert counted["Lambda requests"] == 2
    assert counted["Lambda GB-seconds"] >= 0.001 * 0.5 + 0.001, "each begun millisecond counts"


def test_prices_are_for_a_million_as_the_list_says() -> None:
    assert price({"API Gateway requests": 1e6, "S3 PUT": 1e6}) == pytest.approx(3.50 + 5.00)
    assert price(dict.fromkeys(USD, 1)) == pytest.approx(sum(USD.values()))
    assert add_up([{"S3 GET": 1}, {"S3 GET": 2, "S3 PUT": 1}]) == {"S3 GET": 3, "S3 PUT": 1}


@pytest.fixture
def stand(local_cloud: LocalCloud) -> Iterator[spending.Stand]:
    with spending.metered_stand(local_cloud) as stand:
        yield stand


def test_single_submissions_are_counted_stage_by_stage(stand: spending.Stand) -> None:
    submitted, sequenced, fetched = spending.notarise_singly(stand, 3)
    for counted in (submitted, fetched):
        assert counted["API Gateway requests"] == counted["Lambda requests"] == 3
    assert submitted["DynamoDB write units"] == 3, "one for each submission"
    assert submitted["SQS requests"] == 3, "one wake-up for each submission"
    assert (sequenced["SQS requests"], sequenced["Lambda requests"]) == (2, 1)
    # The log key is read once a process; checkpoint and block are signed once a block.
    assert sequenced["KMS requests"] == 3
    # Transaction: head and row, twice each; seal and mark; three removed from pending.
    assert sequenced["DynamoDB write units"] == 4 + 2 + 3
    # Staging, bundle, tile, tail of the index, checkpoint.
    assert sequenced["S3 PUT"] == 5


def test_a_bulk_is_one_request_and_one_wake_up(stand: spending.Stand) -> None:
    submitted, sequenced, fetched = spending.notarise_in_bulk(stand, 5)
    assert submitted["API Gateway requests"] == submitted["SQS requests"] == 1
    assert submitted["S3 PUT"] == 1, "what was accepted"
    assert submitted["DynamoDB write units"] == 3, "job, its counts, pending"
    assert sequenced["Lambda requests"] == 1
    assert fetched["API Gateway requests"] == 2, "status, and one page of receipts"
