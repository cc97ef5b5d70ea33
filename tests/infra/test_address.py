"""One public address: what clients are given, what is in tokens and links, and where it answers."""

from __future__ import annotations

import json
import uuid
from base64 import urlsafe_b64decode

from chalicelib.cli.http import Http
from infra.deploy import Deployment
from infra.package import make_package
from tests.contracts.cloud_log import register

CBOR_SEQ = {"Content-Type": "application/cbor-seq"}
STATEMENT = {"Content-Type": "application/cose"}


def test_the_stage_does_not_look_like_a_version_of_the_api() -> None:
    resources = make_package("local").template["Resources"]
    stage = resources["RestAPIStage"]["Properties"]["StageName"]
    assert stage not in {
        path.split("/")[1] for path in resources["RestAPI"]["Properties"]["Body"]["paths"]
    }


def test_the_functions_know_the_address_that_clients_use(
    deployed: Deployment, registrar: Http
) -> None:
    assert deployed.environ["TALLY_PUBLIC_URL"] == deployed.url
    described = json.loads(registrar.get("/openapi.json").content)
    assert described["servers"] == [{"url": deployed.url}]
    metadata = json.loads(registrar.get("/.well-known/oauth-authorization-server").content)
    assert metadata["issuer"] == deployed.url
    assert metadata["token_endpoint"] == f"{deployed.url}/oauth/token"


def test_tokens_are_for_that_address(deployed: Deployment, registrar: Http) -> None:
    assert registrar.tokens is not None
    claims = registrar.tokens.current().split(".")[1]
    read = json.loads(urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    assert (read["iss"], read["aud"]) == (deployed.url, deployed.url)


def test_locations_are_under_it_and_lead_somewhere(deployed: Deployment, registrar: Http) -> None:
    entry = register(uuid.uuid4().hex).entry
    for body, headers, path in (
        (entry, STATEMENT, "/entries/"),
        (entry, CBOR_SEQ, "/v1/jobs/"),
    ):
        answer = registrar.send(
            "POST", f"{deployed.url}/entries", content=body, headers=headers, authorised=True
        )
        location = answer.headers["Location"]
        assert location.startswith(deployed.url + path)
        assert registrar.send("GET", location, authorised=True).status_code in (200, 302)
