"""What every answer has: a request id, one log line that may be published, and no internals."""

from __future__ import annotations

import json
from typing import Any

import pytest

import app as entry_point
from chalicelib.api import serve
from chalicelib.api.problems import Problem
from chalicelib.notary.ports import Busy, OutcomeUnknown
from tests.api.world import World, problem_of

SECRET = "salt-5f2d"


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_request_is_logged_in_one_line_that_may_be_published(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    response = world.submit(world.statement(), Prefer="wait=5")
    (line,) = lines(capsys)
    assert line.keys() == {"request", "method", "route", "status", "ms", "tenant"}
    assert (line["method"], line["route"], line["status"]) == ("POST", "/entries", 201)
    assert line["request"] == response.headers["X-Request-Id"]
    assert "college" not in json.dumps(line)


def test_a_problem_is_logged_by_its_name_alone(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    token = world.token(exp=1)
    world.submit(world.statement(), Authorization=f"Bearer {token}")
    (line,) = lines(capsys)
    assert line["problem"] == "invalid-token"
    assert token not in json.dumps(line)


def test_an_unexpected_error_shows_nothing_of_itself(
    world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise RuntimeError(SECRET)

    monkeypatch.setattr(world.service.log.chain, "head", fail)
    capsys.readouterr()
    response = world.get("/healthz")
    assert (response.status_code, problem_of(response)) == (500, "internal-error")
    assert SECRET.encode() not in response.body
    assert b"RuntimeError" not in response.body
    (line,) = lines(capsys)
    assert line["error"].startswith("RuntimeError at ")
    assert SECRET not in json.dumps(line)


def test_a_write_of_unknown_outcome_may_be_repeated(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> bool:
        raise OutcomeUnknown

    entry = world.statement()
    monkeypatch.setattr(world.service.log.pending, "add", fail)
    response = world.submit(entry)
    assert (response.status_code, problem_of(response)) == (503, "outcome-unknown")
    assert response.headers["Retry-After"] == "1"
    assert "same bytes again" in response.json_body["detail"]
    monkeypatch.undo()
    assert world.submit(entry, Prefer="wait=5").status_code == 201


@pytest.mark.parametrize("method", ["contains", "add"])
def test_a_store_that_is_busy_is_no_fault_of_ours_and_says_when_to_come_again(
    idle: World, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    def refuse(_: object) -> None:
        raise Busy

    entry = idle.statement()
    with monkeypatch.context() as patch:
        patch.setattr(idle.service.log.pending, method, refuse)
        response = idle.submit(entry)
    assert (response.status_code, problem_of(response)) == (503, "busy")
    assert response.headers["Retry-After"] == "2"
    assert idle.submit(entry).status_code == 303


def test_the_gateways_request_id_is_ours(world: World) -> None:
    event = {
        "requestContext": {"httpMethod": "GET", "resourcePath": "/healthz", "requestId": "abc-1"},
        "headers": {"accept": "text/html"},
        "multiValueHeaders": {"Accept": ["text/html", "*/*"]},
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "body": None,
        "isBase64Encoded": False,
    }
    answer = entry_point.app(event, None)
    assert answer["headers"]["X-Request-Id"] == "abc-1"
    assert (answer["statusCode"], answer.get("isBase64Encoded", False)) == (200, False)


def test_headers_sent_twice_are_read_together(world: World) -> None:
    """A second Authorization line can neither be overlooked nor win."""
    good = world.bearer()["Authorization"]
    event = {
        "requestContext": {"httpMethod": "GET", "resourcePath": "/v1/jobs/{job}"},
        "headers": {"Authorization": good},
        "multiValueHeaders": {"Authorization": ["Bearer x", good]},
        "multiValueQueryStringParameters": None,
        "pathParameters": {"job": "0" * 64},
        "stageVariables": None,
        "body": None,
    }
    assert entry_point.app(event, None)["statusCode"] == 401


def test_details_are_sentences_that_end_in_what_to_do() -> None:
    assert Problem("no-such-job", "it is gone").text.startswith("It is gone. Check the id")
    assert Problem("no-such-job").text.startswith("There is no such job. Check the id")
    assert Problem("bad-query", "from is a number").text == "From is a number."
    assert Problem("not-acceptable").text == ""


def test_an_event_that_cannot_be_read_shows_nothing_of_itself(world: World) -> None:
    event = {
        "requestContext": {"httpMethod": "GET", "resourcePath": "/healthz"},
        "headers": {},
        "multiValueHeaders": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "body": "é",
        "isBase64Encoded": True,
    }
    answer = entry_point.app(event, None)
    assert answer["statusCode"] == 500
    assert json.loads(answer["body"])["type"].endswith("/internal-error")
    assert answer["headers"]["Content-Type"] == "application/problem+json"


def test_a_binary_answer_is_base64_and_a_text_is_not() -> None:
    binary = serve.Answer(b"\xff\x84", {"Content-Type": "application/cose"}).to_dict()
    assert (binary["body"], binary["isBase64Encoded"]) == ("/4Q=", True)
    text = serve.Answer("é".encode(), {"Content-Type": "text/plain"}).to_dict()
    assert text["body"] == "é"
    assert not text.get("isBase64Encoded")
