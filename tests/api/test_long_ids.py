"""Ids longer than a key of DynamoDB: strangers like any other, never an error of ours."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from chalicelib.adapters.aws import Clients
from chalicelib.adapters.dynamodb_registry import DynamoRegistry
from chalicelib.api import wiring
from tests.api.world import CBOR_SEQ, COLLEGE, World, problem_of

LONG = "did:web:college.example" + ":a-very-long-path" * 180


class Table:
    """A table that refuses what DynamoDB refuses: a sort key of more than 1,024 bytes."""

    def __init__(self) -> None:
        self.items: dict[tuple[str, str], Any] = {}

    def put_item(self, **request: Any) -> None:
        self.items[self._key(request["Item"])] = request["Item"]

    def get_item(self, **request: Any) -> Any:
        item = self.items.get(self._key(request["Key"]))
        return {"Item": item} if item else {}

    @staticmethod
    def _key(key: Any) -> tuple[str, str]:
        kind, name = key["kind"]["S"], key["id"]["S"]
        if len(name.encode()) > 1_024:
            raise ClientError({"Error": {"Code": "ValidationException"}}, "GetItem")
        return kind, name


@pytest.fixture
def kept(world: World) -> World:
    """The world, with its registry in such a table."""
    clients = cast("Clients", SimpleNamespace(dynamodb=Table()))
    registry = DynamoRegistry(clients, "registry")
    for issuer in world.registry.issuers():
        registry.put_issuer(issuer)
    wiring.use(replace(world.service, registry=registry))
    return world


def test_a_token_of_an_issuer_with_a_long_name_is_refused(kept: World) -> None:
    headers = kept.bearer(iss="https://" + "x" * 2_992)
    response = kept.submit(kept.statement(), **headers)
    assert (response.status_code, problem_of(response)) == (401, "invalid-token")


def test_an_assertion_of_a_client_with_a_long_name_is_refused(kept: World) -> None:
    response = kept.ask_token(kept.assertion(iss="x" * 3_000, sub="x" * 3_000))
    assert (response.status_code, problem_of(response)) == (401, "invalid-client")


def test_an_assertion_of_a_client_of_the_table_is_good(kept: World) -> None:
    assert kept.ask_token(kept.assertion(sub=COLLEGE)).status_code == 200


def test_a_statement_of_a_long_issuer_is_rejected_by_number_and_the_rest_goes_on(
    kept: World,
) -> None:
    items = [kept.statement(), kept.statement(iss=LONG), kept.statement()]
    job = kept.submit(b"".join(items), CBOR_SEQ, Prefer="wait=5").json_body
    assert (job["items"], job["accepted"], job["integrated"]) == (3, 2, 2)
    assert [(each["item"], each["type"]) for each in job["rejected"]] == [(1, "unknown-issuer")]
