"""Talking to a service that is slow, down, or not one at all."""

from __future__ import annotations

import json
import socket
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from chalicelib.cli.failure import Misused
from chalicelib.cli.http import LONGEST_PAUSE_S, PATIENCE_S, check_url
from chalicelib.notary.ports import Upload
from tests.cli.desk import Desk, tally_json
from tests.cli.front import Canned, problem

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_service_that_is_down_for_a_while(desk: Desk, pauses: list[float], status: int) -> None:
    desk.front.answer("POST /oauth/token", Canned(status))
    desk.front.answer("POST /entries", *[Canned(status)] * 3)
    assert desk.notarise().exit_code == 0
    assert len(desk.registered()) == 3
    assert pauses[1:] == sorted(pauses[1:])


def test_a_service_that_stays_down(desk: Desk, pauses: list[float]) -> None:
    desk.front.answer("POST /entries", *[Canned(503)] * 100)
    result = desk.notarise()
    assert result.exit_code == 2
    waiting, end = result.stderr.splitlines()
    assert "503" in waiting
    assert "trying again" in waiting
    assert "503" in end
    assert PATIENCE_S / 2 < sum(pauses) < PATIENCE_S


def test_it_waits_as_long_as_it_is_asked_to(desk: Desk, pauses: list[float]) -> None:
    desk.front.answer("POST /entries", Canned(429, headers={"Retry-After": "7"}))
    desk.notarise()
    assert pauses == [7]


def test_it_waits_until_the_time_it_is_told(desk: Desk, pauses: list[float]) -> None:
    until = format_datetime(datetime.now(UTC) + timedelta(seconds=9), usegmt=True)
    desk.front.answer("POST /entries", Canned(503, headers={"Retry-After": until}))
    desk.notarise()
    assert 7 < pauses[0] <= 9


@pytest.mark.parametrize("asked", ["100000", "soon", "-5", "٣", ""])
def test_what_cannot_be_waited_for_is_not(desk: Desk, pauses: list[float], asked: str) -> None:
    headers = {"Retry-After": asked} if asked.isascii() else {}
    desk.front.answer("POST /entries", Canned(503, headers=headers))
    assert desk.notarise().exit_code == 0
    assert pauses[0] <= LONGEST_PAUSE_S


def test_nobody_listens(desk: Desk, pauses: list[float]) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
    result = desk.notarise(url=url)
    assert result.exit_code == 2
    assert f"cannot reach {url}" in result.stderr


def test_a_refusal_is_told_with_its_reason(desk: Desk) -> None:
    desk.front.answer("POST /entries", problem(403, "not-your-issuer", "Ask the operator."))
    facts = tally_json(*desk.order())
    assert facts["error"] == "the service refused: Ask the operator."
    assert facts["problem"] == "not-your-issuer"
    assert facts["waiting"] == 3


@pytest.mark.parametrize(
    "answer",
    [
        Canned(404, b"<html>nginx</html>"),
        Canned(404, b"[]", JSON),
        Canned(404, b"{}", JSON),
        Canned(200, b"<html>a parking page</html>"),
        Canned(200, b"[]", JSON),
        Canned(200, b"{}", JSON),
        Canned(200, b'{"job":"x","state":"done","items":-1}', JSON),
        Canned(200, b'{"job":"x","state":"done","items":9}', JSON),
        Canned(200, b'{"job":"x","state":"done","rejected":[{"item":1}]}', JSON),
    ],
)
def test_an_address_that_is_no_service(desk: Desk, answer: Canned) -> None:
    desk.front.answer("POST /entries", answer)
    result = desk.notarise()
    assert result.exit_code == 2
    assert result.stderr.startswith("tally: ")


def forgotten_job(desk: Desk) -> str:
    """Notarise, lose the receipts, and say what a rerun will ask for first."""
    desk.notarise()
    for path in desk.out.glob("*.receipt.json"):
        path.unlink()
    return next(name for name in desk.front.seen if name.endswith("/receipts"))


@pytest.mark.parametrize("page", [b"{", b"[]", b'{"item":0}', b'{"item":0,"receipt":{"v":2}}'])
def test_receipts_that_are_none(desk: Desk, page: bytes) -> None:
    job = forgotten_job(desk)
    desk.front.answer(job, Canned(200, page))
    result = desk.notarise()
    assert result.exit_code == 2
    assert "no receipt" in result.stderr


def test_another_documents_receipt_is_not_kept(desk: Desk) -> None:
    job = forgotten_job(desk)
    other = sorted(each.statement.entry_id for each in desk.journal())[1].hex()
    receipt = json.loads(httpx.get(f"{desk.front.url}/v1/receipts/{other}").content)
    line = json.dumps({"item": 0, "receipt": receipt}).encode()
    desk.front.answer(job, Canned(200, line))
    result = desk.notarise()
    assert result.exit_code == 2
    assert "another document's receipt" in result.stderr
    assert not list(desk.out.glob("*.receipt.json"))


def test_pages_that_turn_in_circles(desk: Desk) -> None:
    job = forgotten_job(desk)
    desk.front.answer(job, Canned(200, b"", {"Link": '</v1/jobs/x/receipts?from=0>; rel="next"'}))
    assert desk.notarise().exit_code == 2


def test_too_few_receipts(desk: Desk) -> None:
    desk.notarise()
    job = next(name for name in desk.front.seen if name.endswith("/receipts"))
    desk.receipt_path("ada.json").unlink()
    desk.front.answer(job, Canned(200))
    result = desk.notarise()
    assert result.exit_code == 2
    assert "no receipt for 1 documents" in result.stderr


# --- Jobs


def test_a_job_that_takes_its_time(desk: Desk, pauses: list[float]) -> None:
    desk.notarise(desk.documents[0])
    job = next(name.split("/")[3] for name in desk.front.seen if name.endswith("/receipts"))
    desk.receipt_path(desk.documents[0].name).unlink()
    steps = [("admitting", 0, 0), ("integrating", 1, 0), ("integrating", 1, 0)]
    waiting = [
        Canned(200, json.dumps({"job": job, "state": s, "accepted": a, "integrated": i}).encode())
        for s, a, i in steps
    ]
    desk.front.answer("POST /entries", waiting[0])
    desk.front.answer(f"GET /v1/jobs/{job}", *waiting[1:])
    assert desk.notarise(desk.documents[0]).exit_code == 0
    assert len(pauses) == 3


def test_a_job_that_does_not_move(
    desk: Desk, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chalicelib.cli.submit.STALL_S", 10.0)
    stuck = Canned(303, b'{"job":"x","state":"integrating","items":3}', JSON)
    desk.front.answer("POST /entries", stuck)
    desk.front.answer("GET /v1/jobs/x", *[Canned(200, stuck.body, JSON)] * 50)
    result = desk.notarise()
    assert result.exit_code == 2
    assert "nothing is lost" in result.stderr


def test_a_job_that_failed_is_signed_anew_next_time(desk: Desk) -> None:
    failed = {"job": "x", "state": "failed", "items": 0, "problem": "digest-mismatch: no"}
    desk.front.answer("POST /entries", Canned(201, json.dumps(failed).encode(), JSON))
    facts = tally_json(*desk.order())
    assert {(r["problem"], r["detail"]) for r in facts["rejected"]} == {("digest-mismatch", "no")}
    assert tally_json(*desk.order())["done"] == 3
    assert len(desk.registered()) == 3


def test_an_upload_that_is_not_opened(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chalicelib.cli.submit.BULK_ITEMS", 2)
    desk.front.answer("POST /v1/uploads", Canned(201, b'{"job":"x"}', JSON))
    uploading = b'{"job":"x","state":"uploading"}'
    desk.front.answer("GET /v1/jobs/x", Canned(200, uploading, JSON))
    result = desk.notarise()
    assert result.exit_code == 2
    assert "opened no upload" in result.stderr


@pytest.mark.parametrize("status", [301, 304, 307])
def test_an_upload_that_is_not_taken_is_put_again_by_a_rerun(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setattr("chalicelib.cli.submit.BULK_ITEMS", 2)
    presign = desk.front.uploads.presign
    puts: list[str] = []

    def elsewhere_at_first(key: str, *rest: Any) -> Upload:
        puts.append(f"PUT /bucket/{key}")
        if len(puts) == 1:
            desk.front.answer(puts[0], Canned(status, headers={"Location": "/else"}))
        return presign(key, *rest)

    monkeypatch.setattr(desk.front.uploads, "presign", elsewhere_at_first)
    result = desk.notarise()
    assert result.exit_code == 2
    assert f"not taken: the storage answers {status}" in result.stderr
    assert desk.notarise().exit_code == 0
    assert [desk.front.seen[put] for put in puts] == [2, 2]
    assert len(desk.registered()) == 3


# --- Tokens


def test_a_token_is_renewed_before_it_ends(desk: Desk, pauses: list[float]) -> None:
    desk.front.answer("POST /entries", *[Canned(503, headers={"Retry-After": "30"})] * 3)
    short = {"access_token": desk.front.token(), "expires_in": 90}
    desk.front.answer("POST /oauth/token", Canned(200, json.dumps(short).encode(), JSON))
    assert desk.notarise().exit_code == 0
    assert desk.front.seen["POST /oauth/token"] == 2


def test_a_token_that_is_refused_is_renewed_at_once(desk: Desk, pauses: list[float]) -> None:
    stale = {"access_token": "stale", "expires_in": 600}
    desk.front.answer("POST /oauth/token", Canned(200, json.dumps(stale).encode(), JSON))
    assert desk.notarise().exit_code == 0
    assert desk.front.seen["POST /oauth/token"] == 2
    assert pauses == []


def test_a_token_whose_answer_is_lost_is_asked_for_anew(desk: Desk, pauses: list[float]) -> None:
    desk.front.answer("POST /oauth/token", Canned(0), Canned(0))
    assert desk.notarise().exit_code == 0
    assert desk.front.seen["POST /oauth/token"] == 3


def test_one_token_is_enough_for_a_run(desk: Desk) -> None:
    desk.notarise()
    assert desk.front.seen["POST /oauth/token"] == 1


def test_a_given_token_is_used_as_it_is(desk: Desk) -> None:
    assert desk.notarise(token=desk.front.token()).exit_code == 0
    assert desk.front.seen["POST /oauth/token"] == 0


def test_a_given_token_cannot_be_renewed(desk: Desk) -> None:
    result = desk.notarise(token="stale")
    assert result.exit_code == 2
    assert "access token" in result.stderr
    assert desk.front.seen["POST /entries"] == 1


def test_an_unknown_key_gets_no_token(desk: Desk) -> None:
    stranger = desk.path / "key2.json"
    issuer = "did:web:stranger.example"
    tally_json("keys", "new", "--issuer", issuer, "--out", stranger)
    result = desk.notarise(key=stranger)
    assert result.exit_code == 2
    assert "registered issuer" in result.stderr


def test_a_token_endpoint_that_is_none(desk: Desk) -> None:
    desk.front.answer("POST /oauth/token", Canned(200, b'{"access_token":7}', JSON))
    result = desk.notarise()
    assert result.exit_code == 2
    assert "without a token" in result.stderr


# --- Addresses


@pytest.mark.parametrize(
    "url",
    [
        "tally.example.org",
        "ftp://tally.example.org",
        "https://",
        "https://tally.example.org/?tenant=1",
        "https://tally.example.org/#top",
        "http://tally.example.org",
        "http://127.0.0.1.example.org",
        "http://[::1",
        "",
    ],
)
def test_addresses_that_are_refused(url: str) -> None:
    with pytest.raises(Misused):
        check_url(url)


@pytest.mark.parametrize(
    "url", ["https://tally.example.org/v/", "http://127.0.0.1:8000", "http://api.localhost:4599"]
)
def test_addresses_that_are_taken(url: str) -> None:
    assert check_url(url) == url.rstrip("/")
