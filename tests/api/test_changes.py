"""What becomes of an entry whose issuer cannot sign, over HTTP."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from chalice.test import HTTPResponse

from chalicelib.proof.entry_status import parse_entry_status
from chalicelib.proof.receipt import parse_receipt
from chalicelib.proof.statement import StatusChange
from tests.api.test_documents import WAIT, of_claims, signed_by
from tests.api.world import COLLEGE, HOSPITAL_TENANT, NOW_S, World, problem_of


def issue(world: World) -> str:
    world.take_custody()
    answer = world.issue(of_claims(), **WAIT).json_body
    return str(answer["entry_id"])


def change(
    world: World, target: object, kind: str = "revoke", tenant: str = "college", **more: Any
) -> HTTPResponse:
    body = {"target": target, "kind": kind, "reason": "misconduct", **more}
    return world.post_json("/v1/status-changes", body, **world.issuing(tenant), **WAIT)


def test_an_entry_is_revoked_with_its_issuers_key(world: World) -> None:
    world.register_notary()
    entry = issue(world)
    response = change(world, entry)
    assert response.status_code == 201
    receipt = parse_receipt(response.body)
    payload = receipt.statement.statement.payload
    assert isinstance(payload, StatusChange)
    assert (payload.kind, payload.target.hex(), payload.reason) == ("revoke", entry, "misconduct")
    assert payload.effective == NOW_S
    assert response.headers["Location"].endswith(receipt.statement.entry_id.hex())
    world.publish()
    listed = parse_entry_status(world.get(f"/v1/issuers/{COLLEGE}/status").body)
    assert [(each.kind, each.entry.hex()) for each in listed.changes] == [("revoke", entry)]


def test_it_is_suspended_and_reinstated_from_a_day_on(world: World) -> None:
    entry = issue(world)
    assert change(world, entry, "suspend", effective=NOW_S + 1).status_code == 201
    assert change(world, entry, "reinstate", effective=NOW_S + 2).status_code == 201


def test_what_waits_is_found_at_its_location(idle: World) -> None:
    entry = issue(idle)
    idle.integrate()
    response = change(idle, entry)
    assert (response.status_code, response.headers["Retry-After"]) == (303, "1")
    idle.integrate()
    assert idle.get(response.headers["Location"]).status_code == 200


def test_an_issuer_that_is_closed_may_still_revoke(world: World) -> None:
    entry = issue(world)
    known = world.registry.issuer(COLLEGE)
    assert known is not None
    world.registry.put_issuer(replace(known, status="closed"))
    assert change(world, entry).status_code == 201


def test_a_second_revocation_is_impossible(world: World) -> None:
    entry = issue(world)
    first = change(world, entry)
    assert change(world, entry).body == first.body, "the same bytes are the same submission"
    world.clock.tick()
    response = change(world, entry)
    assert (response.status_code, problem_of(response)) == (409, "impossible-change")


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"target": "0" * 64}, "unknown-target"),
        ({"target": "x"}, "malformed-json"),
        ({"kind": "register"}, "malformed-json"),
        ({"reason": "Canary Name"}, "malformed-json"),
        ({"effective": -1}, "malformed-json"),
        ({"effective": NOW_S + 601}, "effective-in-future"),
        ({"note": "Canary"}, "malformed-json"),
    ],
    ids=str,
)
def test_a_bad_change_is_refused_and_nothing_is_stored(
    world: World, body: dict[str, object], problem: str
) -> None:
    whole = {"target": issue(world), "kind": "revoke", "reason": "misconduct", **body}
    before, signed = world.stored(), len(signed_by(world))
    response = world.post_json("/v1/status-changes", whole, **world.issuing())
    assert problem_of(response) == problem
    assert world.stored() == before
    assert len(signed_by(world)) - signed == (problem == "effective-in-future")


def test_of_another_tenants_entry_nothing_is_signed(world: World) -> None:
    entry = issue(world)
    signed = len(signed_by(world))
    response = change(world, entry, tenant=HOSPITAL_TENANT)
    assert (response.status_code, problem_of(response)) == (403, "not-your-issuer")
    assert len(signed_by(world)) == signed


def test_an_issuer_that_signs_itself_says_so_itself(world: World) -> None:
    entry = world.submit(world.statement(), Prefer="wait=5").headers["Location"][-64:]
    response = change(world, entry)
    assert (response.status_code, problem_of(response)) == (403, "no-custodial-key")


def test_what_only_resembles_an_entry_in_the_index_is_no_target(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The index knows the first half of an id alone."""
    monkeypatch.setattr("chalicelib.notary.custody.change.index_of", lambda *_: 1)
    entry = issue(world)
    assert change(world, entry).status_code == 201
    response = change(world, entry[:32] + "0" * 32)
    assert (response.status_code, problem_of(response)) == (409, "unknown-target")
