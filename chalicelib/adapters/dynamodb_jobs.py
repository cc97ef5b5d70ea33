"""The job table ``jobs``. Only ``DynamoChain.commit`` moves a cursor (``integrated``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from ..notary.ports import Conflict, Job, JobState, Placement
from .aws import Clients, code_of
from .dynamodb import CONDITION_FAILED, doubt_told

if TYPE_CHECKING:
    from .dynamodb import Item


_ADMISSION: tuple[JobState, ...] = ("uploading", "admitting")


class DynamoJobs:
    """``Jobs``."""

    def __init__(self, clients: Clients, table: str) -> None:
        self._clients = clients
        self._table = table

    @doubt_told()
    def create(self, job: Job) -> bool:
        from botocore.exceptions import ClientError

        try:
            self._clients.dynamodb.put_item(
                TableName=self._table,
                Item=_item(job),
                ConditionExpression="attribute_not_exists(job)",
            )
        except ClientError as error:
            if code_of(error) == CONDITION_FAILED:
                return False
            raise
        return True

    def get(self, id: str) -> Job | None:
        answer = self._clients.dynamodb.get_item(
            TableName=self._table, Key={"job": {"S": id}}, ConsistentRead=True
        )
        return _job(answer["Item"]) if "Item" in answer else None

    def admit(self, id: str, items: int, accepted: int) -> None:
        self._count(id, "integrating", items, accepted)

    def hold(self, id: str, items: int, accepted: int) -> None:
        self._count(id, "awaiting-approval", items, accepted)

    def _count(self, id: str, state: JobState, items: int, accepted: int) -> None:
        values: Item = {":items": {"N": str(items)}, ":accepted": {"N": str(accepted)}}
        update = ", item_count = :items, accepted = :accepted"
        if self._move(id, _ADMISSION, state, update, values):
            return
        job = self.get(id)
        if job is None or job.state == "failed" or (job.items, job.accepted) != (items, accepted):
            raise Conflict(f"job {id} is unknown, has failed, or was admitted otherwise")

    def approve(self, id: str, decider: str) -> None:
        values: Item = {":decider": {"S": decider}}
        if self._move(id, ("awaiting-approval",), "integrating", ", decider = :decider", values):
            return
        job = self.get(id)
        if job is None or not job.decider:
            raise Conflict(f"job {id} is unknown, or did not wait for approval")

    def fail(self, id: str, problem: str) -> None:
        values: Item = {":problem": {"S": problem}}
        before: tuple[JobState, ...] = (*_ADMISSION, "awaiting-approval")
        if self._move(id, before, "failed", ", problem = :problem", values):
            return
        job = self.get(id)
        if job is None or job.state != "failed":
            raise Conflict(f"job {id} is unknown, or was admitted")

    @doubt_told()
    def may_remind(self, id: str, now_ms: int, every_ms: int) -> bool:
        from botocore.exceptions import ClientError

        try:
            self._clients.dynamodb.update_item(
                TableName=self._table,
                Key={"job": {"S": id}},
                UpdateExpression="SET reminded_ms = :now",
                ConditionExpression="attribute_exists(job) AND"
                " (attribute_not_exists(reminded_ms) OR reminded_ms <= :before)",
                ExpressionAttributeValues={
                    ":now": {"N": str(now_ms)},
                    ":before": {"N": str(now_ms - every_ms)},
                },
            )
        except ClientError as error:
            if code_of(error) == CONDITION_FAILED:
                return False
            raise
        return True

    @doubt_told()
    def _move(
        self, id: str, before: tuple[JobState, ...], state: JobState, update: str, values: Item
    ) -> bool:
        """Move from one of those states to ``state``; False when the job is in none of them."""
        from botocore.exceptions import ClientError

        states: Item = {f":from{n}": {"S": each} for n, each in enumerate(before)}
        try:
            self._clients.dynamodb.update_item(
                TableName=self._table,
                Key={"job": {"S": id}},
                UpdateExpression=f"SET #state = :state{update}",
                ConditionExpression=f"#state IN ({', '.join(states)})",
                ExpressionAttributeNames={"#state": "state"},
                ExpressionAttributeValues={":state": {"S": state}, **states, **values},
            )
        except ClientError as error:
            if code_of(error) == CONDITION_FAILED:
                return False
            raise
        return True


def _item(job: Job) -> Item:
    placements = [(placed.first, placed.last, placed.height) for placed in job.placements]
    return {
        "job": {"S": job.id},
        "tenant": {"S": job.tenant},
        "state": {"S": job.state},
        "item_count": {"N": str(job.items)},
        "accepted": {"N": str(job.accepted)},
        "integrated": {"N": str(job.integrated)},
        "placements": {"L": [{"L": [{"N": str(n)} for n in placed]} for placed in placements]},
        "problem": {"S": job.problem},
        "sender": {"S": job.sender},
        "decider": {"S": job.decider},
    }


def _job(item: Item) -> Job:
    return Job(
        id=item["job"]["S"],
        tenant=item["tenant"]["S"],
        state=cast("JobState", item["state"]["S"]),
        items=int(item["item_count"]["N"]),
        accepted=int(item["accepted"]["N"]),
        placements=tuple(
            Placement(*(int(number["N"]) for number in placed["L"]))
            for placed in item["placements"]["L"]
        ),
        problem=item["problem"]["S"],
        sender=_text(item, "sender"),
        decider=_text(item, "decider"),
    )


def _text(item: Item, name: str) -> str:
    """Empty for what jobs of older versions do not have."""
    return item[name]["S"] if name in item else ""
