"""What everybody may read about issuers, and receipts that carry it."""

from __future__ import annotations

import json
from base64 import b64decode

import pytest

from chalicelib.api import jobs
from chalicelib.notary.limits import STATUS_RENEW_MS
from chalicelib.proof.entry_status import parse_entry_status
from chalicelib.proof.hashes import Hash, sha256
from chalicelib.proof.issuer_profile import parse_profile
from chalicelib.proof.receipt import parse_receipt
from chalicelib.proof.statement import StatusChange, parse_statement
from tests.api.world import CBOR_SEQ, COLLEGE, HOSPITAL, NOW_S, World, id_of, problem_of

PROFILE = "application/vnd.tally.issuer+json"
STATUS = "application/vnd.tally.status+json"


@pytest.fixture
def diploma(world: World) -> bytes:
    """Registered by the college, whose papers are published."""
    world.register_notary()
    world.publish()
    entry = world.statement(sub=world.sub())
    assert world.submit(entry, Prefer="wait=5").status_code == 201
    return entry


def revoke(world: World, entry: bytes) -> None:
    change = StatusChange("revoke", Hash(bytes.fromhex(id_of(entry))), "other", NOW_S)
    sub = parse_statement(entry).statement.sub
    revoked = world.statement(sub=sub, payload=change)
    assert world.submit(revoked, Prefer="wait=5").status_code == 201
    world.publish()


class TestProfiles:
    def test_the_newest_may_be_kept_for_five_minutes(self, world: World, diploma: bytes) -> None:
        response = world.get(f"/v1/issuers/{COLLEGE}/profile")
        assert response.status_code == 200
        assert response.headers["Content-Type"] == PROFILE
        assert response.headers["Cache-Control"] == "public, max-age=300"
        assert parse_profile(response.body).id == COLLEGE

    def test_colons_may_be_written_otherwise(self, world: World, diploma: bytes) -> None:
        response = world.get(f"/v1/issuers/{COLLEGE.replace(':', '%3A')}/profile")
        assert parse_profile(response.body).id == COLLEGE

    def test_one_by_its_digest_may_be_kept_for_ever(self, world: World, diploma: bytes) -> None:
        newest = world.get(f"/v1/issuers/{COLLEGE}/profile").body
        old = world.get(f"/v1/issuers/{COLLEGE}/profile/{sha256(newest).hex()}")
        assert old.body == newest
        assert "immutable" in old.headers["Cache-Control"]

    def test_one_that_waits_for_the_log_is_not_yet_there(self, idle: World) -> None:
        idle.register_notary()
        path = f"/v1/issuers/{COLLEGE}/profile"
        assert problem_of(idle.get(path)) == "no-such-document"
        idle.integrate = lambda: None  # type: ignore[method-assign]
        idle.publish()
        assert problem_of(idle.get(path)) == "no-such-document"
        del idle.integrate
        idle.integrate()
        assert idle.get(path).status_code == 200


class TestStatus:
    def test_the_newest_list_has_what_was_registered(self, world: World, diploma: bytes) -> None:
        revoke(world, diploma)
        response = world.get(f"/v1/issuers/{COLLEGE}/status")
        assert response.headers["Content-Type"] == STATUS
        assert response.headers["Cache-Control"] == "public, max-age=300"
        [change] = parse_entry_status(response.body).changes
        assert (change.kind, change.entry.hex()) == ("revoke", id_of(diploma))
        digest = sha256(response.body).hex()
        old = world.get(f"/v1/issuers/{COLLEGE}/status/{digest}")
        assert old.body == response.body
        assert "immutable" in old.headers["Cache-Control"]

    def test_a_divided_list_is_read_in_parts(
        self, world: World, diploma: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("chalicelib.notary.publish.LIST_CHANGES", 0)
        revoke(world, diploma)
        path = f"/v1/issuers/{COLLEGE}/status"
        assert problem_of(world.get(path)) == "no-such-document"
        mine = id_of(diploma)[:2]
        [change] = parse_entry_status(world.get(f"{path}/{mine}").body).changes
        assert change.entry.hex() == id_of(diploma)

    def test_an_issuer_without_changes_has_an_empty_list(
        self, world: World, diploma: bytes
    ) -> None:
        listed = parse_entry_status(world.get(f"/v1/issuers/{HOSPITAL}/status").body)
        assert (listed.issuer, listed.changes) == (HOSPITAL, ())


@pytest.mark.parametrize("document", ["profile", "status"])
class TestStrangers:
    @pytest.mark.parametrize("issuer", ["did:web:stranger.example", "x" * 2_000, "did%3Aweb%3Ax"])
    def test_there_is_nothing_about_strangers(
        self, world: World, diploma: bytes, document: str, issuer: str
    ) -> None:
        response = world.get(f"/v1/issuers/{issuer}/{document}")
        assert (response.status_code, problem_of(response)) == (404, "no-such-document")

    @pytest.mark.parametrize("digest", ["0" * 64, "A" * 64, "x"])
    def test_nor_of_another_digest(
        self, world: World, diploma: bytes, document: str, digest: str
    ) -> None:
        response = world.get(f"/v1/issuers/{COLLEGE}/{document}/{digest}")
        assert (response.status_code, problem_of(response)) == (404, "no-such-document")

    def test_nor_of_another_issuer(self, world: World, diploma: bytes, document: str) -> None:
        digest = sha256(world.get(f"/v1/issuers/{HOSPITAL}/{document}").body).hex()
        response = world.get(f"/v1/issuers/{COLLEGE}/{document}/{digest}")
        assert (response.status_code, problem_of(response)) == (404, "no-such-document")


class TestReceipts:
    def test_a_receipt_carries_what_is_served(self, world: World, diploma: bytes) -> None:
        receipt = parse_receipt(world.get(f"/v1/receipts/{id_of(diploma)}").body)
        assert receipt.issuer is not None
        assert receipt.status is not None
        assert receipt.issuer.document == world.get(f"/v1/issuers/{COLLEGE}/profile").body
        assert receipt.status.document == world.get(f"/v1/issuers/{COLLEGE}/status").body

    def test_an_old_list_is_renewed_once_somebody_wanted_it(
        self, world: World, diploma: bytes
    ) -> None:
        first = world.get(f"/v1/issuers/{COLLEGE}/status").body
        world.clock.tick(STATUS_RENEW_MS)
        world.publish()
        assert world.get(f"/v1/issuers/{COLLEGE}/status").body == first
        world.get(f"/v1/receipts/{id_of(diploma)}")
        world.publish()
        assert world.get(f"/v1/issuers/{COLLEGE}/status").body != first

    def test_a_page_of_a_job_carries_them_too_and_asks(self, world: World, diploma: bytes) -> None:
        first = world.get(f"/v1/issuers/{COLLEGE}/status").body
        body = b"".join(world.statement() for _ in range(3))
        job = world.submit(body, CBOR_SEQ, Prefer="wait=5").json_body["job"]
        world.clock.tick(STATUS_RENEW_MS)
        page = world.get(f"/v1/jobs/{job}/receipts", **world.bearer())
        lines = [json.loads(line) for line in page.body.splitlines()]
        assert {b64decode(line["receipt"]["status"]["document"]) for line in lines} == {first}
        world.publish()
        assert world.get(f"/v1/issuers/{COLLEGE}/status").body != first

    def test_a_page_ends_before_it_is_too_large_for_an_answer(
        self, world: World, diploma: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        body = b"".join(world.statement() for _ in range(5))
        job = world.submit(body, CBOR_SEQ, Prefer="wait=5").json_body["job"]
        path = f"/v1/jobs/{job}/receipts"
        line = len(world.get(path, **world.bearer()).body) // 5
        monkeypatch.setattr(jobs, "PAGE_BYTES", 2 * line + line // 2)
        items = []
        while path:
            page = world.get(path, **world.bearer())
            lines = [json.loads(line)["item"] for line in page.body.splitlines()]
            assert len(lines) <= 2
            items += lines
            path = page.headers.get("Link", "<>").partition(">")[0][1:]
        assert items == [0, 1, 2, 3, 4]
        monkeypatch.setattr(jobs, "PAGE_BYTES", 1)
        alone = world.get(f"/v1/jobs/{job}/receipts", **world.bearer())
        assert len(alone.body.splitlines()) == 1
