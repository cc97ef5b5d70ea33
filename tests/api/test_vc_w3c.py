"""The MUST statements that W3C's suites test, one mutation each: of VC Data Model 2.0, of VC Data
Integrity 1.0 and of eddsa-jcs-2022, over the same routes.

What the data model forbids is neither issued nor, once somebody signed it, verified.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.api import wiring
from chalicelib.proof.credentials.multibase import format_base58
from chalicelib.proof.hashes import sha256
from chalicelib.proof.jcs import format_jcs
from tests.api.vc_statements import (
    ALLOWED,
    BAD_PRESENTATIONS,
    DATA_MODEL,
    FALSE_PRESENTATIONS,
    FORBIDDEN,
    GOOD,
    GOOD_PRESENTATIONS,
    PROOFS,
)
from tests.api.vc_world import (
    CHALLENGE,
    COLLEGE_KEY,
    DOMAIN,
    credential,
    enveloped,
    presentation,
    presented,
    results,
    signed,
)
from tests.api.world import World, problem_of
from tests.proof.credentials_document_vectors import edited, put


@pytest.fixture
def served(world: World) -> World:
    """The world, with a key of the college's in KMS, and without status lists: one that was never
    asked for is there only after a minute."""
    world.service = replace(world.service, log=replace(world.service.log, lists=None))
    wiring.use(world.service)
    world.take_custody()
    return world


def verify(world: World, value: Any, **options: Any) -> Any:
    return world.post_json(
        "/credentials/verify", {"verifiableCredential": value, "options": options}
    )


def issue(world: World, value: Any) -> Any:
    return world.post_json("/credentials/issue", {"credential": value}, **world.issuing())


def present(world: World, value: Any, name: str = "verifiablePresentation") -> Any:
    options = {"domain": DOMAIN, "challenge": CHALLENGE}
    return world.post_json("/presentations/verify", {name: value, "options": options})


@pytest.mark.parametrize("statement", FORBIDDEN)
def test_what_is_forbidden_is_not_issued_and_not_verified(served: World, statement: str) -> None:
    value = edited(credential(), FORBIDDEN[statement])
    for response in (issue(served, value), verify(served, signed(value))):
        assert (response.status_code, problem_of(response)) == (400, "malformed-credential")
        [problem] = response.json_body["problemDetails"]
        assert problem["type"] == f"{DATA_MODEL}MALFORMED_VALUE_ERROR"
        assert response.json_body["verified"] is False


@pytest.mark.parametrize("statement", ALLOWED)
def test_what_is_allowed_is_issued_and_verified(served: World, statement: str) -> None:
    issued = issue(served, edited(credential(), ALLOWED[statement]))
    assert issued.status_code == 201, issued.body
    response = verify(served, issued.json_body["verifiableCredential"], checks=["proof"])
    assert response.status_code == 200, response.body


@pytest.mark.parametrize("statement", PROOFS)
def test_a_bad_proof_is_refused_by_its_kind(world: World, statement: str) -> None:
    edit, (problem, type_) = PROOFS[statement]
    response = verify(world, edited(GOOD, edit))
    assert (response.status_code, problem_of(response)) == (400, problem)
    assert response.json_body["verified"] is False
    assert response.json_body["problemDetails"][0]["type"].rpartition("#")[2] == type_


def test_a_proof_for_another_purpose_is_false(world: World) -> None:
    response = verify(world, signed(purpose="authentication"))
    assert results(response.json_body)["proof"] == "fail"


def test_a_proof_is_not_made_without_created_here_but_one_of_others_is_verified(
    world: World,
) -> None:
    """``created`` is optional (Data Integrity §2.1)."""
    made = signed_without_created()
    assert "created" not in made["proof"]
    assert verify(world, made).status_code == 200


def signed_without_created() -> Any:
    dropped = ("created", "proofValue")
    options = {name: value for name, value in GOOD["proof"].items() if name not in dropped}
    data = sha256(format_jcs(options)) + sha256(format_jcs(credential()))
    value = "z" + format_base58(COLLEGE_KEY.sign(data))
    return {**credential(), "proof": {**options, "proofValue": value}}


@pytest.mark.parametrize("statement", BAD_PRESENTATIONS)
def test_a_malformed_presentation_is_refused(world: World, statement: str) -> None:
    response = present(world, edited(presented(), BAD_PRESENTATIONS[statement]))
    assert (response.status_code, problem_of(response)) == (400, "malformed-credential")
    assert response.json_body["verified"] is False


@pytest.mark.parametrize(
    "value",
    [
        edited(presented(), put("proof", "cryptosuite", "eddsa-rdfc-2022")),
        edited(presented(), put("proof", [presented()["proof"]])),
        edited(presented(), put("verifiableCredential", 0, "proof", [])),
        edited(presented(), put("type", "EnvelopedVerifiablePresentation")),
        presented(presentation(enveloped("a.b.c", "application/vc+jwt"))),
    ],
)
def test_what_is_secured_in_another_way_is_not_read(world: World, value: Any) -> None:
    response = present(world, value)
    assert (response.status_code, problem_of(response)) == (400, "unknown-proof")


@pytest.mark.parametrize("statement", GOOD_PRESENTATIONS)
def test_what_a_presentation_may_be(world: World, statement: str) -> None:
    response = present(world, presented(GOOD_PRESENTATIONS[statement]))
    assert response.status_code == 200
    assert response.json_body["verified"], response.body


@pytest.mark.parametrize("statement", FALSE_PRESENTATIONS)
def test_a_false_presentation_is_judged_and_not_verified(world: World, statement: str) -> None:
    value, check, type_ = FALSE_PRESENTATIONS[statement]
    response = present(world, value)
    assert response.status_code == 200
    answer = response.json_body
    assert answer["verified"] is False
    assert results(answer)[check] == "fail"
    assert type_ in [each["type"] for each in answer["problemDetails"]]
