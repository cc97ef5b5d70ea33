"""The description and the routes agree, both ways, and the description is good OpenAPI 3.1."""

from __future__ import annotations

import ast
from pathlib import Path

from openapi_spec_validator import OpenAPIV31SpecValidator, validate

import app as entry_point
from chalicelib import notary
from chalicelib.api.problems import KINDS
from chalicelib.api.rooms import all_operations
from chalicelib.notary import checks
from infra.gateway import ANSWERS
from tests.api.world import World, document, problem_of

WEBHOOK = "/v1/webhooks/{webhook}"
METHODS = {(path, method) for path, views in entry_point.app.routes.items() for method in views}


def test_it_is_good_openapi(world: World) -> None:
    described = world.get("/openapi.json").json_body
    assert described["openapi"].startswith("3.1")
    validate(described, cls=OpenAPIV31SpecValidator)


def test_every_route_is_described_and_everything_described_is_a_route() -> None:
    described = {
        (path, method.upper()) for path, views in document()["paths"].items() for method in views
    }
    assert described == METHODS


def test_every_parameter_in_a_path_is_described() -> None:
    for operation in all_operations():
        named = {part[1:-1] for part in operation.path.split("/") if part.startswith("{")}
        assert named == set(operation.parameters), operation.path


def test_every_error_is_a_problem() -> None:
    for path, views in document()["paths"].items():
        for described in views.values():
            for status, response in described["responses"].items():
                if int(status) >= 400 and (path, status) != ("/add-checkpoint", "409"):
                    assert "application/problem+json" in response["content"], (path, status)


def test_a_witness_answers_another_size_as_its_specification_says() -> None:
    conflict = document()["paths"]["/add-checkpoint"]["post"]["responses"]["409"]
    assert list(conflict["content"]) == ["text/x.tlog.size"]


def test_whoever_needs_a_scope_says_so() -> None:
    scoped = {
        (path, method, *requirement["oauth"])
        for path, views in document()["paths"].items()
        for method, described in views.items()
        for requirement in described["security"]
    }
    assert scoped == {
        ("/entries", "post", "entries:write"),
        ("/credentials/issue", "post", "documents:issue"),
        ("/v1/uploads", "post", "entries:write"),
        ("/v1/status-entries", "post", "entries:write"),
        ("/v1/documents", "post", "documents:issue"),
        ("/v1/documents/{document}", "get", "documents:issue"),
        ("/v1/documents/{document}", "delete", "documents:issue"),
        ("/v1/jobs", "post", "documents:issue"),
        ("/v1/status-changes", "post", "documents:issue"),
        ("/v1/jobs/{job}/results", "get", "documents:issue"),
        ("/v1/jobs/{job}", "get", "jobs:read"),
        ("/v1/jobs/{job}/receipts", "get", "jobs:read"),
        ("/v1/jobs/{job}/approval", "post", "jobs:approve"),
        ("/v1/jobs/{job}/rejection", "post", "jobs:approve"),
        ("/v1/webhooks", "post", "webhooks:manage"),
        ("/v1/webhooks", "get", "webhooks:manage"),
        (f"{WEBHOOK}", "get", "webhooks:manage"),
        (f"{WEBHOOK}", "delete", "webhooks:manage"),
        (f"{WEBHOOK}/secret", "post", "webhooks:manage"),
        (f"{WEBHOOK}/secret/retire", "post", "webhooks:manage"),
        (f"{WEBHOOK}/enable", "post", "webhooks:manage"),
        (f"{WEBHOOK}/disable", "post", "webhooks:manage"),
        (f"{WEBHOOK}/test", "post", "webhooks:manage"),
        (f"{WEBHOOK}/deliveries/{{event}}", "get", "webhooks:manage"),
        (f"{WEBHOOK}/dead-letters", "get", "webhooks:manage"),
        (f"{WEBHOOK}/replay", "post", "webhooks:manage"),
    }


def test_every_problem_is_answered_somewhere() -> None:
    documented = {name for operation in all_operations() for name in operation.all_problems}
    assert documented | set(ANSWERS.values()) | {"method-not-allowed"} == set(KINDS)


def test_every_problem_has_a_status_that_is_an_error_and_a_title() -> None:
    for name, kind in KINDS.items():
        assert 400 <= kind.status < 600, name
        assert kind.title[0].isupper(), name
        assert not kind.title.endswith("."), name


def test_another_method_is_a_problem_too(world: World) -> None:
    response = world.request("DELETE", "/healthz")
    assert (response.status_code, problem_of(response)) == (405, "method-not-allowed")
    assert response.headers["Allow"] == "GET"


WORKERS = {"no-such-upload", "digest-mismatch"}
"""Refusals that no request meets: the worker that admits uploads writes them into the job."""


def refusals() -> set[str]:
    """Every name with which the use cases refuse, as their source has it."""
    names = {name for _, name in checks._MALFORMED} | {"malformed-statement"}
    for path in Path(notary.__path__[0]).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Refused":
                first = node.args[0]
                names |= {str(first.value)} if isinstance(first, ast.Constant) else set()
    return names


def test_every_refusal_of_the_use_cases_is_a_problem() -> None:
    assert len(refusals()) > 10
    assert refusals() - WORKERS <= set(KINDS)
