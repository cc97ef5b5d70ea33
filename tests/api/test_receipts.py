"""``/v1/receipts``: the receipt in each of its forms, once the entry is integrated."""

from __future__ import annotations

import pytest

from chalicelib.api import wiring
from chalicelib.proof.export import export_cose, export_tlog_proof
from chalicelib.proof.receipt import Receipt, parse_receipt
from tests.api.world import World, id_of, problem_of
from tests.fakes import memory_service

COSE_RECEIPT = "application/scitt-receipt+cose"


def bytes_of(receipt: Receipt, media: str, world: World) -> bytes:
    if media == "text/vnd.c2sp.tlog-proof":
        return export_tlog_proof(receipt)
    return export_cose(receipt, world.service.log.kid)


def test_a_receipt_is_json_unless_asked_otherwise(world: World) -> None:
    entry = world.statement()
    world.submit(entry, Prefer="wait=5")
    response = world.get(f"/v1/receipts/{id_of(entry)}")
    assert response.headers["Content-Type"] == "application/vnd.tally.receipt+json"
    assert parse_receipt(response.body).statement.entry == entry


@pytest.mark.parametrize("media", [COSE_RECEIPT, "text/vnd.c2sp.tlog-proof"])
def test_its_exports_are_those_that_anybody_can_make_of_it(world: World, media: str) -> None:
    entry = world.statement()
    world.submit(entry, Prefer="wait=5")
    receipt = parse_receipt(world.get(f"/v1/receipts/{id_of(entry)}").body)
    response = world.get(f"/v1/receipts/{id_of(entry)}", Accept=media)
    assert (response.status_code, response.headers["Content-Type"]) == (200, media)
    assert response.body == bytes_of(receipt, media, world)


def test_a_pending_entry_has_no_receipt_yet(idle: World) -> None:
    entry = idle.statement()
    idle.submit(entry)
    response = idle.get(f"/v1/receipts/{id_of(entry)}")
    assert (response.status_code, problem_of(response)) == (404, "not-integrated")
    assert response.headers["Retry-After"] == "1"


def test_a_form_that_receipts_do_not_have_is_not_acceptable(world: World) -> None:
    assert problem_of(world.get("/v1/receipts/1", Accept="application/pdf")) == "not-acceptable"


def test_where_there_is_no_log_there_are_no_receipts_yet(world: World) -> None:
    wiring.use(memory_service())
    assert problem_of(world.get("/v1/receipts/1")) == "not-ready"
