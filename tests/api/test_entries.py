"""``/entries``: one signed statement in, its receipt out, however often it is sent."""

from __future__ import annotations

import pytest

from chalicelib.proof.cbor import Tag, decode
from chalicelib.proof.policy import read_policy
from chalicelib.proof.receipt import parse_receipt
from chalicelib.proof.verify import verify
from tests.api.world import COLLEGE, URL, World, id_of, problem_of
from tests.fakes import START_MS

RECEIPT = "application/vnd.tally.receipt+json"
COSE_RECEIPT = "application/scitt-receipt+cose"


def test_a_statement_integrated_within_the_wait_is_answered_with_its_receipt(world: World) -> None:
    entry = world.statement()
    response = world.submit(entry, Prefer="wait=5", Accept=RECEIPT)
    assert response.status_code == 201
    assert response.headers["Location"] == f"{URL}/entries/{id_of(entry)}"
    assert response.headers["Preference-Applied"] == "wait=5"
    receipt = parse_receipt(response.body)
    assert receipt.statement.entry == entry
    policy = read_policy(world.get("/v1/policy").json_body)
    verdict = verify(None, receipt, policy, START_MS)
    results = {check.name: check.result for check in verdict.checks}
    assert results["inclusion"] == results["log"] == results["block"] == results["issuer"] == "pass"


def test_the_receipt_is_cose_unless_the_client_asks_for_json(world: World) -> None:
    response = world.submit(world.statement(), Prefer="wait=5")
    assert response.headers["Content-Type"] == COSE_RECEIPT
    receipt = decode(response.body)
    assert isinstance(receipt, Tag)
    assert receipt.number == 18


def test_a_statement_that_is_not_integrated_in_time_is_accepted_with_its_location(
    idle: World,
) -> None:
    entry = idle.statement()
    response = idle.submit(entry)
    assert response.status_code == 303
    assert response.body == b""
    assert response.headers["Location"] == f"{URL}/entries/{id_of(entry)}"
    assert response.headers["Retry-After"] == "1"
    assert idle.wake.count == 1
    pending = idle.get(response.headers["Location"])
    assert (pending.status_code, pending.headers["Retry-After"]) == (302, "1")
    idle.integrate()
    assert idle.get(response.headers["Location"]).status_code == 200


def test_waiting_ends_when_the_preferred_time_is_over(idle: World) -> None:
    assert idle.submit(idle.statement(), Prefer="wait=1").status_code == 303


def test_the_same_bytes_again_are_the_same_registration(world: World) -> None:
    entry = world.statement()
    first = world.submit(entry, Prefer="wait=5", Accept=RECEIPT)
    again = world.submit(entry, Prefer="wait=5", Accept=RECEIPT)
    assert (again.status_code, again.body) == (201, first.body)
    assert again.headers["Location"] == first.headers["Location"]
    world.integrate()
    head = world.service.log.chain.head()
    assert head is not None
    assert head.block.size == 2, "a link and the entry, once"


def test_the_same_bytes_again_before_integration_are_still_one(idle: World) -> None:
    entry = idle.statement()
    assert idle.submit(entry).status_code == idle.submit(entry).status_code == 303
    idle.integrate()
    head = idle.service.log.chain.head()
    assert head is not None
    assert head.block.size == 2


@pytest.mark.parametrize("locator", ["id", "index"])
def test_an_entry_is_found_by_its_id_and_by_its_index(world: World, locator: str) -> None:
    entry = world.statement()
    created = world.submit(entry, Prefer="wait=5", Accept=RECEIPT)
    path = (
        id_of(entry) if locator == "id" else str(parse_receipt(created.body).registered.proof.index)
    )
    found = world.get(f"/entries/{path}", Accept=RECEIPT)
    assert (found.status_code, found.body) == (200, created.body)


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        ("", COSE_RECEIPT),
        ("*/*", COSE_RECEIPT),
        ("application/cose", "application/cose"),
        ("application/cbor, application/cose", "application/cose"),
        ("application/*;q=0.1, application/vnd.tally.receipt+json", RECEIPT),
        ("application/json", "application/json"),
        ("application/scitt-receipt+cose;q=0, application/cose;q=0.001", "application/cose"),
    ],
)
def test_a_receipt_comes_in_the_form_that_is_accepted(
    world: World, accept: str, media: str
) -> None:
    headers = {"Accept": accept} if accept else {}
    response = world.submit(world.statement(), Prefer="wait=5", **headers)
    assert (response.status_code, response.headers["Content-Type"]) == (201, media)


@pytest.mark.parametrize("accept", ["text/html", "application/xml, image/*", "nonsense"])
def test_what_cannot_be_answered_acceptably_is_not_stored(world: World, accept: str) -> None:
    before = world.stored()
    response = world.submit(world.statement(), Accept=accept)
    assert (response.status_code, problem_of(response)) == (406, "not-acceptable")
    assert world.stored() == before


@pytest.mark.parametrize("media", ["", "application/json", "application/octet-stream", "cose"])
def test_a_body_of_another_media_type_is_not_stored(world: World, media: str) -> None:
    before = world.stored()
    response = world.submit(world.statement(), media)
    assert (response.status_code, problem_of(response)) == (415, "unsupported-media-type")
    assert "application/cose" in response.headers["Accept-Post"]
    assert world.stored() == before


def test_a_compressed_body_is_not_guessed_at(world: World) -> None:
    response = world.submit(world.statement(), Content_Encoding="gzip")
    assert problem_of(response) == "unsupported-media-type"


@pytest.mark.parametrize(
    ("locator", "status", "name"),
    [
        ("00" * 32, 404, "no-such-entry"),
        ("999", 404, "no-such-entry"),
        ("AB" * 32, 400, "bad-locator"),
        ("ab", 400, "bad-locator"),
        ("+1", 400, "bad-locator"),
        ("01", 400, "bad-locator"),
        ("1_0", 400, "bad-locator"),
        ("%D9%A3", 400, "bad-locator"),
        ("0", 404, "no-receipt"),
    ],
)
def test_a_locator_that_leads_nowhere_is_a_problem(
    world: World, locator: str, status: int, name: str
) -> None:
    world.submit(world.statement(), Prefer="wait=5")
    for path in ("/entries/", "/v1/receipts/"):
        response = world.get(path + locator)
        assert (response.status_code, problem_of(response)) == (status, name)


def test_a_submission_that_was_set_aside_says_why(idle: World) -> None:
    sub = idle.sub()
    first, second = (idle.statement(sub=sub, payload=idle.register(salt)) for salt in "ab")
    assert idle.submit(first).status_code == idle.submit(second).status_code == 303
    idle.integrate()
    states = {idle.get(f"/entries/{id_of(entry)}").status_code for entry in (first, second)}
    assert states == {200, 409}
    loser = next(e for e in (first, second) if idle.get(f"/entries/{id_of(e)}").status_code == 409)
    response = idle.get(f"/entries/{id_of(loser)}")
    assert problem_of(response) == "set-aside"
    assert "sub" in response.json_body["detail"]


def test_the_issuer_of_the_receipt_is_named_by_its_entry(world: World) -> None:
    response = world.submit(world.statement(), Prefer="wait=5", Accept=RECEIPT)
    assert parse_receipt(response.body).statement.statement.iss == COLLEGE
