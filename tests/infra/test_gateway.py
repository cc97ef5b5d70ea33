"""What API Gateway answers by itself, as the template says and as the local cloud does it."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from chalicelib.api.problems import BASE, KINDS, MEDIA_TYPE
from chalicelib.notary.limits import REQUESTS_BURST, REQUESTS_PER_S
from infra.deploy import Deployment
from infra.gateway import ANSWERS
from infra.package import make_package

Resource = dict[str, Any]


@pytest.fixture(scope="session")
def resources() -> dict[str, Resource]:
    found: dict[str, Resource] = make_package("local").template["Resources"]
    return found


@pytest.fixture(scope="session")
def answers(resources: dict[str, Resource]) -> dict[str, Resource]:
    """The gateway responses by their type."""
    body = resources["RestAPI"]["Properties"]["Body"]
    found: dict[str, Resource] = body["x-amazon-apigateway-gateway-responses"]
    return found


def test_every_answer_is_a_problem_of_the_service(answers: dict[str, Resource]) -> None:
    assert answers.keys() == ANSWERS.keys()
    for kind, name in ANSWERS.items():
        answer = answers[kind]
        problem = json.loads(answer["responseTemplates"]["application/json"])
        assert problem["type"] == BASE + name
        assert problem["instance"] == "$context.requestId"
        assert str(problem["status"]) == answer["statusCode"] == str(KINDS[name].status)
        content_type = answer["responseParameters"]["gatewayresponse.header.Content-Type"]
        assert content_type == f"'{MEDIA_TYPE}'"


def test_no_answer_holds_a_variable_by_mistake(answers: dict[str, Resource]) -> None:
    for answer in answers.values():
        assert answer["responseTemplates"]["application/json"].count("$") == 1


@pytest.mark.parametrize("kind", ["THROTTLED", "INTEGRATION_TIMEOUT"])
def test_what_passes_says_when_to_try_again(answers: dict[str, Resource], kind: str) -> None:
    assert answers[kind]["responseParameters"]["gatewayresponse.header.Retry-After"] == "'1'"


def test_every_method_is_throttled(resources: dict[str, Resource]) -> None:
    [setting] = resources["RestAPIStage"]["Properties"]["MethodSettings"]
    assert (setting["ResourcePath"], setting["HttpMethod"]) == ("/*", "*")
    assert setting["ThrottlingRateLimit"] == REQUESTS_PER_S
    assert setting["ThrottlingBurstLimit"] == REQUESTS_BURST


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/nothing/here"), ("DELETE", "/healthz"), ("GET", "/v2/blocks")]
)
def test_what_does_not_exist_is_a_problem_with_a_request_id(
    deployed: Deployment, method: str, path: str
) -> None:
    answer = httpx.request(method, deployed.url + path, timeout=30)
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == MEDIA_TYPE
    problem = answer.json()
    assert problem["type"] == BASE + "no-such-resource"
    assert problem["instance"] == answer.headers["x-amzn-requestid"]
