"""What the DynamoDB adapters share: transactions with a known outcome, batches that finish."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from ..notary.ports import Busy, Conflict, OutcomeUnknown
from .aws import ATTEMPTS, THROTTLED, back_off, code_of, may_be_done, never_sent, was_repeated

if TYPE_CHECKING:
    from botocore.exceptions import ClientError
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import (
        AttributeValueTypeDef,
        PutItemInputTypeDef,
        QueryInputTypeDef,
        TransactWriteItemTypeDef,
        WriteRequestUnionTypeDef,
    )

    Item = dict[str, AttributeValueTypeDef]

CONDITION_FAILED = "ConditionalCheckFailedException"

CANCELLED_FOR_LOAD = frozenset(
    {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}
)


def transact(client: DynamoDBClient, items: Sequence[TransactWriteItemTypeDef]) -> None:
    """One TransactWriteItems with a client that makes one attempt.

    Repeats only what was certainly not done. Raises Conflict (a condition did not hold, nothing
    was written), OutcomeUnknown, or another error when nothing was written.
    """
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError

    for attempt in range(ATTEMPTS):
        try:
            client.transact_write_items(TransactItems=items)
        except (ClientError, BotoCoreError, ResponseParserError) as error:
            _raise_unless_refused_for_load(error)
            back_off(attempt)
        else:
            return
    raise Busy("DynamoDB refused the transaction again and again: try later")


def _raise_unless_refused_for_load(error: Exception) -> None:
    from botocore.exceptions import ClientError

    if never_sent(error):
        return
    if may_be_done(error):
        raise OutcomeUnknown("the transaction's answer was lost") from error
    if not isinstance(error, ClientError):
        raise error
    code = code_of(error)
    if code == "TransactionInProgressException":
        raise OutcomeUnknown("the same transaction is still in progress") from error
    if code == "TransactionCanceledException":
        _raise_unless_cancelled_for_load(error)
    elif code not in THROTTLED:
        raise error


def _raise_unless_cancelled_for_load(error: ClientError) -> None:
    reasons = {reason.get("Code") for reason in error.response.get("CancellationReasons", ())}
    if reasons & CANCELLED_FOR_LOAD:
        return
    if "ConditionalCheckFailed" in reasons:
        raise Conflict("a condition of the transaction did not hold") from error
    raise error


@contextmanager
def doubt_told() -> Iterator[None]:
    """Around a write with a client that repeats it: what stays in doubt after the last attempt is
    OutcomeUnknown, and so is a last attempt that was never sent, for an earlier one may have been.
    """
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError

    try:
        yield
    except (ClientError, BotoCoreError, ResponseParserError) as error:
        if may_be_done(error) or never_sent(error):
            raise OutcomeUnknown("the answer to the write was lost") from error
        raise


@contextmanager
def out_of_reach_told() -> Iterator[None]:
    """Around a read: a store that gives no answer is Busy, for the read may be asked for again."""
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError

    try:
        yield
    except (ClientError, BotoCoreError, ResponseParserError) as error:
        if may_be_done(error) or never_sent(error):
            raise Busy("DynamoDB does not answer: try later") from error
        raise


def query(client: DynamoDBClient, request: QueryInputTypeDef) -> Iterator[Item]:
    """The items of a Query, page after page."""
    while True:
        page = client.query(**request)
        yield from page["Items"]
        if "LastEvaluatedKey" not in page:
            return
        request = {**request, "ExclusiveStartKey": page["LastEvaluatedKey"]}


@doubt_told()
def write_batch(
    client: DynamoDBClient, table: str, requests: Sequence[WriteRequestUnionTypeDef]
) -> None:
    """One BatchWriteItem of at most 25 requests, with what it left undone until nothing is."""
    for attempt in range(ATTEMPTS):
        left = client.batch_write_item(RequestItems={table: requests})["UnprocessedItems"]
        if not left.get(table):
            return
        requests = left[table]
        back_off(attempt)
    raise Busy(f"DynamoDB left {len(requests)} writes undone again and again: try later")


def put_at(
    client: DynamoDBClient, table: str, item: Item, held: tuple[str, int], conflict: str
) -> None:
    """Put an item over the one whose attribute has the number held, or, when that is 0, where none
    is. Raises Conflict; not when botocore had sent the very same item before."""
    from botocore.exceptions import ClientError

    name, number = held
    request: PutItemInputTypeDef = {
        "TableName": table,
        "Item": item,
        "ConditionExpression": f"attribute_not_exists({name})",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    if number:
        request["ConditionExpression"] = f"{name} = :held"
        request["ExpressionAttributeValues"] = {":held": {"N": str(number)}}
    try:
        client.put_item(**request)
    except ClientError as error:
        if code_of(error) != CONDITION_FAILED:
            raise
        old = cast("dict[str, Item]", error.response).get("Item")
        if not was_repeated(error) or old != item:
            raise Conflict(conflict) from error
