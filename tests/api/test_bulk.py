"""Bulk: a CBOR sequence as one job, sent at once or through a presigned upload."""

from __future__ import annotations

import json

import pytest

from chalicelib.api import handlers
from chalicelib.notary import limits
from chalicelib.notary.ports import Upload
from chalicelib.proof.hashes import sha256
from chalicelib.proof.receipt import parse_receipt
from tests.api.world import CBOR_SEQ, URL, World, id_of, problem_of


def lines_of(body: bytes) -> list[dict[str, object]]:
    return [json.loads(line) for line in body.splitlines()]


def test_a_bulk_integrated_within_the_wait_is_done(world: World) -> None:
    entries = [world.statement() for _ in range(3)]
    response = world.submit(b"".join(entries), CBOR_SEQ, Prefer="wait=5")
    assert response.status_code == 201
    job = response.json_body
    assert response.headers["Location"] == f"{URL}/v1/jobs/{job['job']}"
    assert response.headers["Preference-Applied"] == "wait=5"
    assert (job["state"], job["items"], job["accepted"], job["integrated"]) == ("done", 3, 3, 3)
    page = world.get(f"/v1/jobs/{job['job']}/receipts", **world.bearer())
    lines = lines_of(page.body)
    assert [line["item"] for line in lines] == [0, 1, 2]
    assert [line["entry_id"] for line in lines] == [id_of(entry) for entry in entries]
    assert "Link" not in page.headers


def test_each_line_holds_the_receipts_own_bytes(world: World) -> None:
    entry = world.statement()
    job = world.submit(entry, CBOR_SEQ, Prefer="wait=5").json_body["job"]
    (line,) = world.get(f"/v1/jobs/{job}/receipts", **world.bearer()).body.splitlines()
    _, _, receipt = line.partition(b'"receipt": ')
    assert parse_receipt(receipt[:-1] + b"\n").statement.entry == entry


def test_a_broken_item_is_rejected_by_number_and_the_rest_goes_on(world: World) -> None:
    good, other = world.statement(), world.statement()
    broken = world.statement()
    broken = broken[:-1] + bytes([broken[-1] ^ 1])
    job = world.submit(good + broken + b"\x00" + other, CBOR_SEQ, Prefer="wait=5").json_body
    assert (job["items"], job["accepted"], job["integrated"]) == (4, 2, 2)
    rejected = {item["item"]: item["type"] for item in job["rejected"]}
    assert rejected == {1: "wrong-signature", 2: "malformed-statement"}
    assert job["rejected_count"] == 2
    page = world.get(f"/v1/jobs/{job['job']}/receipts", **world.bearer())
    assert [line["item"] for line in lines_of(page.body)] == [0, 3]


def test_a_bulk_of_nothing_good_is_done_and_leaves_no_entry(world: World) -> None:
    response = world.submit(b"\x00\x01", CBOR_SEQ, Prefer="wait=5")
    assert response.status_code == 201
    assert (response.json_body["state"], response.json_body["accepted"]) == ("done", 0)
    head = world.service.log.chain.head()
    assert head is not None
    assert head.block.size == 0


def test_a_bulk_that_is_not_integrated_in_time_is_a_job_to_ask_for(idle: World) -> None:
    response = idle.submit(idle.statement(), CBOR_SEQ)
    assert (response.status_code, response.headers["Retry-After"]) == (303, "1")
    assert response.json_body["state"] == "integrating"
    path = response.headers["Location"]
    assert idle.get(path, **idle.bearer()).json_body["integrated"] == 0
    assert idle.get(f"{path}/receipts", **idle.bearer()).body == b""
    idle.integrate()
    assert idle.get(path, **idle.bearer()).json_body["state"] == "done"


def test_a_bulk_that_was_set_aside_says_why(idle: World) -> None:
    body = idle.statement()
    job = idle.submit(body, CBOR_SEQ).json_body["job"]
    idle.service.log.pending.set_aside(job, "its items are not there")
    response = idle.submit(body, CBOR_SEQ)
    assert (response.status_code, problem_of(response)) == (409, "set-aside")
    status = idle.get(f"/v1/jobs/{job}", **idle.bearer()).json_body
    assert (status["state"], status["problem"]) == ("failed", "set-aside: its items are not there")


@pytest.mark.parametrize("integrated", [True, False])
def test_the_same_bytes_again_are_the_same_job(idle: World, integrated: bool) -> None:
    body = idle.statement() + idle.statement()
    first = idle.submit(body, CBOR_SEQ)
    if integrated:
        idle.integrate()
    again = idle.submit(body, CBOR_SEQ)
    assert again.status_code == (201 if integrated else 303)
    assert again.headers["Location"] == first.headers["Location"]
    idle.integrate()
    head = idle.service.log.chain.head()
    assert head is not None
    assert head.block.size == 3


def test_too_many_bytes_are_refused_unread(world: World) -> None:
    before = world.stored()
    response = world.submit(bytes(limits.BULK_BYTES + 1), CBOR_SEQ)
    assert (response.status_code, problem_of(response)) == (413, "too-many-bytes")
    assert world.stored() == before


def test_too_many_items_are_refused_together(world: World) -> None:
    before = world.stored()
    response = world.submit(bytes(limits.BULK_ITEMS + 1), CBOR_SEQ)
    assert (response.status_code, problem_of(response)) == (413, "too-many-items")
    assert world.stored() == before


def test_a_job_is_not_given_as_a_receipt(world: World) -> None:
    before = world.stored()
    response = world.submit(world.statement(), CBOR_SEQ, Accept="application/cose")
    assert problem_of(response) == "not-acceptable"
    assert world.stored() == before


def test_receipts_come_in_pages(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chalicelib.api.jobs.RECEIPTS_PAGE", 2)
    entries = [world.statement() for _ in range(3)]
    job = world.submit(b"".join(entries), CBOR_SEQ, Prefer="wait=5").json_body["job"]
    first = world.get(f"/v1/jobs/{job}/receipts", **world.bearer())
    assert [line["item"] for line in lines_of(first.body)] == [0, 1]
    link = first.headers["Link"]
    assert link == f'<{URL}/v1/jobs/{job}/receipts?from=2>; rel="next"'
    second = world.get(link[1:].partition(">")[0], **world.bearer())
    assert [line["item"] for line in lines_of(second.body)] == [2]


@pytest.mark.parametrize(
    "query", ["from=-1", "from=+1", "from=1_0", "from=01", "from=", "from=1&from=2", "form=1"]
)
def test_a_query_that_is_not_plain_decimal_is_refused(world: World, query: str) -> None:
    job = world.submit(world.statement(), CBOR_SEQ, Prefer="wait=5").json_body["job"]
    response = world.get(f"/v1/jobs/{job}/receipts?{query}", **world.bearer())
    assert (response.status_code, problem_of(response)) == (400, "bad-query")


def test_another_tenants_job_is_not_there(world: World) -> None:
    job = world.submit(world.statement(), CBOR_SEQ, Prefer="wait=5").json_body["job"]
    for path in (f"/v1/jobs/{job}", f"/v1/jobs/{job}/receipts"):
        mine, theirs = (
            world.get(path, **world.bearer()),
            world.get(path, **world.bearer("hospital")),
        )
        assert mine.status_code == 200
        assert (theirs.status_code, problem_of(theirs)) == (404, "no-such-job")


@pytest.mark.parametrize("job", ["0" * 64, "0" * 63, "A" * 64, "..", "%2e%2e"])
def test_a_job_that_is_not_there_is_not_there(world: World, job: str) -> None:
    assert problem_of(world.get(f"/v1/jobs/{job}", **world.bearer())) == "no-such-job"


def test_the_same_bytes_of_two_tenants_are_two_jobs(world: World) -> None:
    body = world.statement()
    ours = world.submit(body, CBOR_SEQ, Prefer="wait=5").json_body
    theirs = world.submit(body, CBOR_SEQ, tenant="hospital", Prefer="wait=5").json_body
    assert ours["job"] != theirs["job"]
    assert (ours["accepted"], theirs["accepted"]) == (1, 0)
    assert theirs["rejected"][0]["type"] == "not-your-issuer"


class TestUploads:
    @staticmethod
    def open(world: World, body: bytes, tenant: str = "college") -> Upload:
        request = {"bytes": len(body), "sha-256": sha256(body).hex()}
        response = world.post_json("/v1/uploads", request, **world.bearer(tenant))
        assert response.status_code == 201
        answer = response.json_body
        assert response.headers["Location"] == f"{URL}/v1/jobs/{answer['job']}"
        assert answer["expires_s"] == limits.UPLOAD_EXPIRES_S
        upload = answer["upload"]
        return Upload(upload["url"], upload["method"], upload["headers"])

    @staticmethod
    def notify(*uploads: Upload) -> list[tuple[str, str]]:
        keys = [upload.url.removeprefix("memory:") for upload in uploads]
        return [
            (f"m{n}", json.dumps({"Records": [{"s3": {"object": {"key": key}}}]}))
            for n, key in enumerate(keys)
        ]

    def job(self, upload: Upload) -> str:
        return upload.url.rpartition("/")[2]

    def test_what_is_uploaded_is_admitted_and_integrated(self, world: World) -> None:
        body = world.statement() + world.statement()
        upload = self.open(world, body)
        path = f"/v1/jobs/{self.job(upload)}"
        assert world.get(path, **world.bearer()).json_body["state"] == "uploading"
        world.uploads.put(upload, body)
        assert handlers.admit_uploads(self.notify(upload)) == {"batchItemFailures": []}
        job = world.get(path, **world.bearer()).json_body
        assert (job["state"], job["accepted"], job["integrated"]) == ("done", 2, 2)

    def test_the_same_upload_again_is_the_same_job(self, world: World) -> None:
        body = world.statement()
        first = self.open(world, body)
        world.uploads.put(first, body)
        handlers.admit_uploads(self.notify(first))
        assert self.job(self.open(world, body)) == self.job(first)
        handlers.admit_uploads(self.notify(first, first))
        head = world.service.log.chain.head()
        assert head is not None
        assert head.block.size == 2

    def test_another_tenants_upload_is_not_there(self, world: World) -> None:
        upload = self.open(world, world.statement())
        response = world.get(f"/v1/jobs/{self.job(upload)}", **world.bearer("hospital"))
        assert problem_of(response) == "no-such-job"

    def test_an_upload_of_too_many_items_fails_with_its_problem(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("chalicelib.notary.admit.UPLOAD_ITEMS", 1)
        body = world.statement() + world.statement()
        upload = self.open(world, body)
        world.uploads.put(upload, body)
        assert handlers.admit_uploads(self.notify(upload)) == {"batchItemFailures": []}
        job = world.get(f"/v1/jobs/{self.job(upload)}", **world.bearer()).json_body
        assert (job["state"], job["accepted"]) == ("failed", 0)
        assert "too-many-items" in job["problem"]

    def test_a_job_whose_notification_was_lost_is_admitted_when_its_owner_looks(
        self, world: World
    ) -> None:
        body = world.statement()
        upload = self.open(world, body)
        path = f"/v1/jobs/{self.job(upload)}"
        world.uploads.put(upload, body)
        world.clock.tick(limits.REMIND_MS)
        assert problem_of(world.get(path, **world.bearer("hospital"))) == "no-such-job"
        assert world.remind.jobs == []
        world.remind.then = lambda _: handlers.admit_uploads(self.notify(upload))
        assert world.get(path, **world.bearer()).json_body["state"] == "uploading"
        assert world.remind.jobs == [self.job(upload)]
        assert world.get(path, **world.bearer()).json_body["state"] == "done"

    def test_a_notification_for_an_object_that_is_gone_comes_again(self, world: World) -> None:
        upload = self.open(world, world.statement())
        failures = handlers.admit_uploads(self.notify(upload))
        assert failures == {"batchItemFailures": [{"itemIdentifier": "m0"}]}

    @pytest.mark.parametrize(
        "request_body",
        [
            b"",
            b"[]",
            b"{}",
            b'{"bytes": 1, "sha-256": "00"}',
            b'{"bytes": "1", "sha-256": "' + b"0" * 64 + b'"}',
            b'{"bytes": -1, "sha-256": "' + b"0" * 64 + b'"}',
            b'{"bytes": 1.5, "sha-256": "' + b"0" * 64 + b'"}',
            b'{"bytes": 0, "sha-256": "' + b"0" * 64 + b'"}',
            b'{"bytes": 1, "bytes": 2, "sha-256": "' + b"0" * 64 + b'"}',
            b'{"bytes": NaN, "sha-256": "' + b"0" * 64 + b'"}',
            b'{"bytes": 1, "sha-256": "' + b"0" * 64 + b'", "tenant": "hospital"}',
            b'\xef\xbb\xbf{"bytes": 1, "sha-256": "' + b"0" * 64 + b'"}',
        ],
    )
    def test_a_request_that_is_not_exact_opens_nothing(
        self, world: World, request_body: bytes
    ) -> None:
        before = world.stored()
        response = world.post_json("/v1/uploads", request_body, **world.bearer())
        assert (response.status_code, problem_of(response)) == (400, "malformed-json")
        assert world.stored() == before

    def test_too_many_bytes_are_not_announced(self, world: World) -> None:
        request = {"bytes": limits.UPLOAD_BYTES + 1, "sha-256": "0" * 64}
        before = world.stored()
        response = world.post_json("/v1/uploads", request, **world.bearer())
        assert (response.status_code, problem_of(response)) == (413, "too-many-bytes")
        assert world.stored() == before

    def test_a_huge_request_is_refused_unread(self, world: World) -> None:
        response = world.post_json("/v1/uploads", b" " * 2_000, **world.bearer())
        assert problem_of(response) == "too-many-bytes"
