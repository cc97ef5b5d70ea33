"""``POST /v1/verify``: the verdict that ``tally-verify`` gives, over HTTP."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.notary.limits import VERIFY_BYTES
from chalicelib.proof.document import commit, digest_document
from chalicelib.proof.receipt import HolderPart, format_receipt, parse_receipt
from chalicelib.proof.statement import Register
from tests.api.world import World, problem_of

DOCUMENT, SALT = b"A diploma", bytes(range(32))


def receipt_of(world: World) -> bytes:
    digests = digest_document(DOCUMENT, "raw")
    payload = Register("education/diploma", "raw", *commit(SALT, digests))
    accept = "application/vnd.tally.receipt+json"
    response = world.submit(world.statement(payload=payload), Prefer="wait=5", Accept=accept)
    holder = HolderPart("raw", SALT, digests.sha256, digests.sm3)
    return format_receipt(replace(parse_receipt(response.body), document=holder))


def ask(world: World, **members: Any) -> Any:
    encoded = {
        name: b64encode(value).decode() if isinstance(value, bytes) else value
        for name, value in members.items()
    }
    return world.post_json("/v1/verify", encoded)


def test_a_document_and_its_receipt_are_valid_under_our_own_policy(world: World) -> None:
    response = ask(world, receipt=receipt_of(world), document=DOCUMENT)
    assert response.status_code == 200
    assert response.json_body["verdict"] == "valid"
    assert response.json_body["at_ms"] == world.clock()


def test_another_document_is_invalid(world: World) -> None:
    response = ask(world, receipt=receipt_of(world), document=b"A forgery")
    assert response.json_body["verdict"] == "invalid"


def test_without_the_document_nobody_can_tell(world: World) -> None:
    assert ask(world, receipt=receipt_of(world)).json_body["verdict"] == "cannot tell"


def test_the_clients_policy_decides(world: World) -> None:
    receipt = receipt_of(world)
    policy = world.get("/v1/policy").json_body
    policy["issuers"] = []
    response = ask(world, receipt=receipt, document=DOCUMENT, policy=policy)
    assert response.json_body["verdict"] == "cannot tell"


def test_the_time_is_the_clients_if_it_says_one(world: World) -> None:
    response = ask(world, receipt=receipt_of(world), at="2030-01-01T00:00:00Z")
    assert response.json_body["at_ms"] == 1_893_456_000_000


@pytest.mark.parametrize("receipt", [b"", b"{}", b"\xff", b"[" * 1_000])
def test_an_unreadable_receipt_is_invalid(world: World, receipt: bytes) -> None:
    response = ask(world, receipt=receipt, document=DOCUMENT)
    assert (response.status_code, response.json_body["verdict"]) == (200, "invalid")


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"receipt": 1},
        {"receipt": "e3="},
        {"receipt": "e31="},
        {"receipt": "", "document": None},
        {"receipt": "", "at": "yesterday"},
        {"receipt": "", "salt": ""},
    ],
)
def test_a_request_that_is_not_exact_gets_no_verdict(
    world: World, members: dict[str, object]
) -> None:
    response = world.post_json("/v1/verify", members)
    assert (response.status_code, problem_of(response)) == (400, "malformed-json")


def test_an_unreadable_policy_gets_no_verdict(world: World) -> None:
    response = ask(world, receipt=b"{}", policy={"v": 2})
    assert problem_of(response) == "malformed-policy"


def test_a_body_that_is_too_large_is_refused_unread(world: World) -> None:
    response = world.post_json("/v1/verify", b" " * (VERIFY_BYTES + 1))
    assert (response.status_code, problem_of(response)) == (413, "too-many-bytes")
