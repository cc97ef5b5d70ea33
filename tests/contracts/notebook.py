"""What functions send to AWS, noted on its way, and what their policies permit."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, cast

from boto3.session import Session

POLICIES = Path(__file__).parents[2] / ".chalice"

Permission = tuple[str, str]
"""An action and a resource by its name in the template, such as WorkBucket/jobs/*."""

ISSUER_KEYS = "any key with the deployment's tag"

NOT_OURS = ("logs:", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
"""What Lambda itself does in the function's name."""


class Notebook:
    """Who sent what: the permissions that each function needed. ``resources`` are the names in the
    template of tables, buckets, keys and the queue."""

    def __init__(self, ours: Session, functions: Sequence[str]) -> None:
        self.needed: dict[str, set[Permission]] = {function: set() for function in functions}
        self.resources: dict[str, str] = {}
        self.issuer_keys: set[str] = set()
        self._who = ""
        ours.events.register("provide-client-params", cast("Any", self._note))

    @contextmanager
    def acting_as(self, function: str) -> Iterator[None]:
        self._who = function
        yield
        self._who = ""

    def _note(self, params: Mapping[str, Any], event_name: str, **_: object) -> None:
        if self._who:
            aws, operation = event_name.split(".")[1:]
            self.needed[self._who].update(self._permissions(aws, operation, params))

    def _permissions(
        self, aws: str, operation: str, params: Mapping[str, Any]
    ) -> Iterator[Permission]:
        if operation == "TransactWriteItems":
            for item in params["TransactItems"]:
                for verb, write in item.items():
                    yield f"dynamodb:{verb}Item", self.resources[write["TableName"]]
        elif operation == "BatchWriteItem":
            for name in params["RequestItems"]:
                yield "dynamodb:BatchWriteItem", self.resources[name]
        elif operation == "ListObjectVersions":
            yield "s3:ListBucketVersions", self.resources[params["Bucket"]]
        elif aws == "s3":
            verb = operation.replace("Head", "Get") + ("Version" if "VersionId" in params else "")
            yield f"s3:{verb}", f"{self.resources[params['Bucket']]}/{params['Key']}"
        else:
            [name] = [params[each] for each in ("TableName", "QueueUrl", "KeyId") if each in params]
            index = f"/index/{params['IndexName']}" if "IndexName" in params else ""
            resource = ISSUER_KEYS if name in self.issuer_keys else self.resources[name]
            yield f"{aws}:{operation}", f"{resource}{index}"


def permitted(function: str) -> set[Permission]:
    """What the function's policy allows, without what Lambda needs."""
    policy = json.loads((POLICIES / f"policy-{function}.json").read_text("utf-8"))
    found: set[Permission] = set()
    for statement in policy["Statement"]:
        resources = statement["Resource"]
        for resource in resources if isinstance(resources, list) else [resources]:
            place = resource["Fn::GetAtt"][0] if "Fn::GetAtt" in resource else resource["Fn::Sub"]
            name = place.replace("${", "").replace(".Arn}", "")
            name = ISSUER_KEYS if place.endswith(":key/*") else name
            found |= {(action, name) for action in statement["Action"]}
    return {each for each in found if not each[0].startswith(NOT_OURS)}


def allows(permission: Permission, needed: Permission) -> bool:
    return permission[0] == needed[0] and fnmatchcase(needed[1], permission[1])
