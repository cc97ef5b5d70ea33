"""A roster is issued with the issuer's key in KMS: every row is issued or rejected, and named."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import pytest

from chalicelib.api import jobs
from chalicelib.api.handlers import admit_uploads
from chalicelib.notary.custody import bulk_issue
from chalicelib.notary.limits import CUSTODY_BYTES, CUSTODY_MS
from chalicelib.notary.profiles import profiles
from chalicelib.proof.credentials.data_integrity import verify_credential
from chalicelib.proof.credentials.sd_jwt import parse_sd_jwt
from chalicelib.proof.credentials.sd_jwt_vc import verify_sd_jwt_vc
from chalicelib.proof.keys import EDDSA, ES256, format_jwk
from tests.api.test_documents import check_receipt, documents_of, signed_by
from tests.api.world import COLLEGE, HOSPITAL, HOSPITAL_TENANT, World, problem_of
from tests.fakes import MemoryIssuerKeys, MemoryObjects, key_named

NDJSON = "application/x-ndjson"
SAMPLE: Any = profiles()["education/diploma"].sample
HEADER = "name,student_number,/award/title,/award/level,awarded_on"


def csv(*rows: str, header: str = HEADER) -> bytes:
    return (
        "\n".join((header.replace("name,student", "/name,/student", 1), *rows))
        .replace("awarded_on", "/awarded_on")
        .encode()
    )


def person(number: int, name: str = "") -> str:
    return f"{name or f'Person {number}'},S{number},Law,master,2025-07-09"


def claims_of(number: int, **different: object) -> dict[str, object]:
    return {**SAMPLE, "name": f"Person {number}", "student_number": f"S{number}", **different}


def lines(*rows: object) -> bytes:
    return b"\n".join(json.dumps(row).encode() for row in rows)


def work(world: World, job: str) -> dict[str, Any]:
    """What the queue's worker does, and the sequencer after it."""
    notice = json.dumps({"Records": [{"s3": {"object": {"key": f"uploads/{job}"}}}]})
    assert admit_uploads([("1", notice)]) == {"batchItemFailures": []}
    return cast("dict[str, Any]", world.get(f"/v1/jobs/{job}", **world.bearer()).json_body)


def results(world: World, job: str, start: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    path = f"/v1/jobs/{job}/results{start}"
    while path:
        page = world.get(path, **world.issuing())
        assert page.status_code == 200
        found += [json.loads(line) for line in page.body.splitlines()]
        path = page.headers.get("Link", "<>").partition(">")[0][1:]
    return found


@pytest.mark.parametrize("alg", [EDDSA, ES256])
def test_every_row_of_a_table_is_issued_or_rejected_and_named(world: World, alg: int) -> None:
    key = world.take_custody(alg)
    twins = (person(3, "One"), person(3, "Other"))
    opened = world.issue_roster(csv(person(1), person(2, "=cmd"), *twins, "", person(4)))
    assert (opened.status_code, opened.json_body["state"]) == (201, "admitting")
    job = opened.json_body["job"]
    assert opened.headers["Location"].endswith(f"/v1/jobs/{job}")
    status = work(world, job)
    assert (status["state"], status["items"], status["accepted"]) == ("done", 5, 2)
    assert status["integrated"] + status["rejected_count"] == status["items"]
    found = results(world, job)
    assert [each["row"] for each in found] == [2, 3, 4, 5, 7]
    assert [each["item"] for each in found if "breaches" in each] == [1, 2, 3]
    assert [each["item"] for each in status["rejected"]] == [1, 2, 3]
    assert found[1]["breaches"][0]["pointer"] == "/name"
    assert "row 5" in found[2]["breaches"][0]["sentence"]
    for each in (found[0], found[4]):
        read = verify_sd_jwt_vc(parse_sd_jwt(each["credential"]), key.key)
        assert read.verified.claims["name"] == f"Person {1 if each is found[0] else 4}"
        check_receipt(world, each, each["credential"].partition("~")[0].encode())


def test_lines_of_json_are_issued_with_their_holders(world: World) -> None:
    world.take_custody()
    holder = format_jwk(key_named("holder").public)
    body = lines({"claims": claims_of(1), "holder": holder}, {"claims": {"name": 1}}, [])
    opened = world.issue_roster(body + b'\n\n{"claims":{"name":1,"name":2}}\n', NDJSON)
    status = work(world, opened.json_body["job"])
    assert (status["items"], status["accepted"]) == (4, 1)
    found = results(world, status["job"])
    assert parse_sd_jwt(found[0]["credential"]).payload["cnf"] == {"jwk": holder}
    assert [each["row"] for each in found] == [1, 2, 3, 5]
    assert {each["pointer"] for each in found[1]["breaches"]} >= {"/name", "/award"}
    assert found[1]["breach_count"] == len(found[1]["breaches"])


def test_two_lines_of_one_document_refuse_each_other(world: World) -> None:
    world.take_custody()
    body = lines({"claims": claims_of(1)}, {"claims": claims_of(1, name="Other")})
    status = work(world, world.issue_roster(body, NDJSON).json_body["job"])
    assert (status["state"], status["items"], status["accepted"]) == ("done", 2, 0)


def test_open_badges_are_issued_when_asked_for(world: World) -> None:
    key = world.take_custody()
    query = f"issuer={COLLEGE}&profile=education/diploma&form=open-badges"
    opened = world.issue_roster(lines({"claims": claims_of(1)}), NDJSON, query=query)
    work(world, opened.json_body["job"])
    [found] = results(world, opened.json_body["job"])
    verify_credential(found["credential"], key.key, world.clock())
    check_receipt(world, found, json.dumps(found["credential"]).encode())


def test_what_is_too_long_is_rejected_by_itself(world: World) -> None:
    world.take_custody()
    contract: Any = profiles()["legal/contract"].sample
    long = {**contract, "contract_number": "other", "languages": ["长" * 150] * 10}
    query = f"issuer={COLLEGE}&profile=legal/contract"
    opened = world.issue_roster(lines({"claims": contract}, {"claims": long}), NDJSON, query=query)
    assert work(world, opened.json_body["job"])["accepted"] == 1
    told = results(world, opened.json_body["job"])[1]["breaches"][0]["sentence"]
    assert told.startswith("too-long-to-sign: ")


def test_results_come_in_pages(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_issue, "BULK_ISSUE_ROWS", 2)
    world.take_custody()
    job = world.issue_roster(csv(*map(person, range(5)))).json_body["job"]
    work(world, job)
    assert [each["item"] for each in results(world, job)] == [0, 1, 2, 3, 4]
    assert [each["item"] for each in results(world, job, "?from=3")] == [3, 4]
    assert results(world, job, "?from=6") == []
    assert results(world, job, "?from=5") == []
    monkeypatch.setattr(jobs, "PAGE_BYTES", 1)
    assert [each["item"] for each in results(world, job)] == [0, 1, 2, 3, 4]


class TestOnce:
    def test_the_same_request_is_the_same_job(self, world: World) -> None:
        world.take_custody(ES256)
        opened = world.issue_roster(csv(person(1)))
        again = world.issue_roster(csv(person(1)))
        assert again.json_body == opened.json_body
        job = opened.json_body["job"]
        work(world, job)
        before, signed = results(world, job), len(signed_by(world))
        assert world.issue_roster(csv(person(1))).json_body["state"] == "done"
        work(world, job)
        assert (results(world, job), len(signed_by(world))) == (before, signed)

    def test_another_roster_under_the_key_is_refused(self, world: World) -> None:
        world.take_custody()
        world.issue_roster(csv(person(1)))
        for data, media in ((csv(person(2)), "text/csv"), (csv(person(1)), NDJSON)):
            response = world.issue_roster(data, media)
            assert (response.status_code, problem_of(response)) == (422, "idempotency-key-reused")

    def test_two_at_the_same_time_are_one(self, world: World) -> None:
        world.take_custody()
        documents = documents_of(world)
        inner = documents.put
        meanwhile: list[Any] = []

        def put(record: Any) -> Any:
            if not meanwhile:
                meanwhile.append(None)
                meanwhile[0] = world.issue_roster(csv(person(1)))
            return inner(record)

        documents.put = put  # type: ignore[method-assign]
        late = world.issue_roster(csv(person(1)))
        assert (late.status_code, problem_of(late)) == (409, "in-progress")
        assert meanwhile[0].status_code == 201


def fresh(world: World) -> None:
    world.take_custody()


def suspended(world: World) -> None:
    world.take_custody()
    known = world.registry.issuer(COLLEGE)
    assert known is not None
    world.registry.put_issuer(replace(known, status="suspended"))


GOOD = csv(person(1))
DIPLOMA = f"issuer={COLLEGE}&profile=education/diploma"
BAD: dict[str, tuple[bytes, str, str, str, int, Callable[[World], None]]] = {
    "no column known": (b"Canary,Row\n1,2\n", "text/csv", DIPLOMA, "unreadable-roster", 400, fresh),
    "no table": (b'"Canary', "text/csv", DIPLOMA, "unreadable-roster", 400, fresh),
    "bytes that are no text": (
        HEADER.encode() + b"\n\xff\xff\xff",
        "text/csv",
        DIPLOMA,
        "unreadable-roster",
        400,
        fresh,
    ),
    "no key in KMS": (GOOD, "text/csv", DIPLOMA, "no-custodial-key", 403, lambda world: None),
    "another's issuer": (
        GOOD,
        "text/csv",
        f"issuer={HOSPITAL}&profile=education/diploma",
        "not-your-issuer",
        403,
        fresh,
    ),
    "a suspended issuer": (GOOD, "text/csv", DIPLOMA, "issuer-not-active", 403, suspended),
    "a profile without claims": (
        GOOD,
        "text/csv",
        f"issuer={COLLEGE}&profile=generic/file",
        "no-claims",
        400,
        fresh,
    ),
    "a blind profile": (
        GOOD,
        "text/csv",
        f"issuer={COLLEGE}&profile=healthcare/record",
        "blind-profile",
        400,
        fresh,
    ),
    "no profile": (GOOD, "text/csv", f"issuer={COLLEGE}", "bad-query", 400, fresh),
    "two issuers": (GOOD, "text/csv", f"{DIPLOMA}&issuer=x", "bad-query", 400, fresh),
    "an unknown form": (GOOD, "text/csv", f"{DIPLOMA}&form=pdf", "bad-query", 400, fresh),
    "an unknown member": (GOOD, "text/csv", f"{DIPLOMA}&colour=red", "bad-query", 400, fresh),
    "too much": (b"x" * (CUSTODY_BYTES + 1), "text/csv", DIPLOMA, "too-many-bytes", 413, fresh),
    "another type": (GOOD, "application/json", DIPLOMA, "unsupported-media-type", 415, fresh),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_roster_gets_a_clear_problem_and_nothing_is_stored_or_signed(
    world: World, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    data, media, query, problem, status, prepare = BAD[name]
    prepare(world)
    before = world.stored()
    response = world.issue_roster(data, media, query=query)
    assert (response.status_code, problem_of(response)) == (status, problem)
    assert (world.stored(), documents_of(world).rows, signed_by(world)) == (before, {}, [])
    assert "Canary" not in response.body.decode() + capsys.readouterr().err


def test_too_many_lines_are_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chalicelib.notary.custody.rosters.ROSTER_ROWS", 2)
    world.take_custody()
    response = world.issue_roster(b"{}\n{}\n{}\n", NDJSON)
    assert problem_of(response) == "too-many-items"


class TestTrouble:
    def test_an_issuer_that_is_suspended_before_the_worker_comes(self, world: World) -> None:
        world.take_custody()
        job = world.issue_roster(csv(person(1))).json_body["job"]
        known = world.registry.issuer(COLLEGE)
        assert known is not None
        world.registry.put_issuer(replace(known, status="suspended"))
        for _ in range(2):
            status = work(world, job)
            assert (status["state"], status["accepted"]) == ("failed", 0)
        assert status["problem"].startswith("issuer-not-active: ")
        response = world.get(f"/v1/jobs/{job}/results", **world.issuing())
        assert (response.status_code, problem_of(response)) == (409, "no-results")

    def test_a_roster_that_is_destroyed_before_the_worker_comes(self, world: World) -> None:
        world.take_custody()
        job = world.issue_roster(csv(person(1))).json_body["job"]
        gone = world.request("DELETE", f"/v1/documents/{job}", headers=world.issuing())
        assert gone.status_code == 204
        assert work(world, job)["problem"].startswith("document-gone: ")
        assert problem_of(world.issue_roster(csv(person(1)))) == "idempotency-key-spent"

    def test_a_row_that_is_rejected_when_it_is_submitted(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its issuer's key ended while the worker made the rows."""
        key = world.take_custody()
        job = world.issue_roster(csv(person(1), person(2))).json_body["job"]
        keys = cast(MemoryIssuerKeys, world.service.custody.issuer_keys)
        inner = keys.signer

        def end(held: Any) -> Any:
            known = world.registry.issuer(COLLEGE)
            assert known is not None
            ended = replace(key, to_ms=world.clock())
            world.registry.put_issuer(replace(known, keys=(*known.keys[:-1], ended)))
            return inner(held)

        monkeypatch.setattr(keys, "signer", end)
        status = work(world, job)
        assert (status["items"], status["accepted"], status["rejected_count"]) == (2, 0, 2)
        for each in results(world, job):
            assert each["breaches"][0]["sentence"].startswith("was made, and rejected: unknown-key")

    def test_results_are_not_there_before_the_worker_came(self, world: World) -> None:
        world.take_custody()
        job = world.issue_roster(csv(person(1))).json_body["job"]
        response = world.get(f"/v1/jobs/{job}/results", **world.issuing())
        assert (response.status_code, problem_of(response)) == (409, "no-results")
        assert response.headers["Retry-After"] == "2"

    def test_nor_their_receipts_before_they_are_integrated(self, idle: World) -> None:
        idle.take_custody()
        job = idle.issue_roster(csv(person(1))).json_body["job"]
        assert work(idle, job)["state"] == "integrating"
        [early] = results(idle, job)
        assert "receipt" not in early
        idle.integrate()
        [late] = results(idle, job)
        assert {**late, "receipt": None} == {**early, "receipt": None}

    def test_nor_after_the_window(self, world: World) -> None:
        world.take_custody()
        job = world.issue_roster(csv(person(1))).json_body["job"]
        work(world, job)
        world.clock.tick(CUSTODY_MS)
        late = world.bearer(scope="documents:issue", exp=2**40)
        response = world.get(f"/v1/jobs/{job}/results", **late)
        assert (response.status_code, problem_of(response)) == (410, "document-gone")

    @pytest.mark.parametrize("job", ["0" * 64, "x"])
    def test_nor_of_what_nobody_sent(self, world: World, job: str) -> None:
        response = world.get(f"/v1/jobs/{job}/results", **world.issuing())
        assert problem_of(response) == "no-such-job"

    def test_nor_of_another_tenant(self, world: World) -> None:
        world.take_custody()
        job = world.issue_roster(csv(person(1))).json_body["job"]
        work(world, job)
        response = world.get(f"/v1/jobs/{job}/results", **world.issuing(HOSPITAL_TENANT))
        assert problem_of(response) == "no-such-job"


def test_what_waits_and_what_was_made_shows_nothing(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.take_custody()
    data = csv(person(1, "Canary Name"), person(2, "=Canary"))
    job = world.issue_roster(data).json_body["job"]
    bucket = cast(MemoryObjects, world.service.log.work).data
    assert not any(b"Canary" in each for each in bucket.values())
    work(world, job)
    stored = repr(bucket) + repr(documents_of(world).rows) + repr(world.stored())
    assert "Canary" not in stored + capsys.readouterr().err
    assert any(key.startswith("custody/") for key in bucket)
