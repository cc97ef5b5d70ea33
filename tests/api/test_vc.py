"""The W3C VC API's verifying, over HTTP: verified only if every check was made and passed."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.proof.credentials.multibase import did_key_method
from tests.api.vc_world import (
    COLLEGE_KEY,
    STRANGER,
    credential,
    did_key,
    enveloped,
    presented,
    results,
    sd_jwt,
    signed,
    verify,
    verify_presentation,
)
from tests.api.world import COLLEGE, World, problem_of


class TestCredential:
    def test_of_a_registered_issuer_is_verified(self, world: World) -> None:
        answer = verify(world, signed())
        assert results(answer) == dict.fromkeys(("proof", "issuer", "validity", "status"), "pass")
        assert answer["verdict"] == "valid"
        assert answer["problemDetails"] == []
        assert answer["issuer"] == {"id": COLLEGE, "names": {"en": "College", "zh": "college"}}
        assert answer["results"]["proof"] == [{"verified": True, "input": signed()["proof"]}]
        assert "credential" not in answer

    def test_its_key_may_be_named_by_its_multikey(self, world: World) -> None:
        multikey = did_key(COLLEGE_KEY).removeprefix("did:key:")
        assert verify(world, signed(method=f"{COLLEGE}#{multikey}"))["verified"]

    def test_an_sd_jwt_in_an_envelope_is_verified_whatever_it_withholds(self, world: World) -> None:
        assert verify(world, enveloped(sd_jwt()))["verified"]
        withheld = enveloped(sd_jwt()._replace(disclosures=()))
        answer = verify(world, withheld, returnCredential=True)
        assert answer["verified"]
        assert answer["credential"] == withheld

    def test_an_issuer_that_is_not_registered_is_unknown_and_not_false(self, world: World) -> None:
        value = credential(issuer="did:web:stranger.example")
        answer = verify(world, signed(value, STRANGER, "did:web:stranger.example#key-1"))
        assert answer["verdict"] == "cannot tell"
        assert "unknown issuer" in answer["checks"][1]["detail"]
        assert results(answer)["issuer"] == "unknown"
        assert [each["type"].rpartition("/")[2] for each in answer["problemDetails"]] == [
            "security#PROOF_VERIFICATION_ERROR",
            "unknown-issuer",
        ]

    def test_a_did_key_proves_its_key_and_no_issuer(self, world: World) -> None:
        value = credential(issuer=did_key(STRANGER))
        answer = verify(world, signed(value, STRANGER, did_key_method(STRANGER.public)))
        assert results(answer)["proof"] == "pass"
        assert results(answer)["issuer"] == "unknown"
        assert "issuer" not in answer

    def test_an_altered_one_is_false(self, world: World) -> None:
        answer = verify(world, {**signed(), "name": "Diploma"})
        assert answer["verdict"] == "invalid"
        assert answer["problemDetails"][0]["type"].endswith("#CRYPTOGRAPHIC_SECURITY_ERROR")
        assert "issuer" not in answer

    def test_signed_by_a_stranger_with_the_issuers_name_is_false(self, world: World) -> None:
        answer = verify(
            world, signed(key=STRANGER, method=f"{COLLEGE}#{COLLEGE_KEY.public.kid.hex()}")
        )
        assert results(answer)["proof"] == "fail"
        answer = verify(world, signed(key=STRANGER, method=did_key_method(STRANGER.public)))
        assert results(answer)["proof"] == "fail"


class TestValidity:
    @pytest.mark.parametrize(
        ("different", "result", "begins", "ends"),
        [
            ({"validFrom": "2999-01-01T00:00:00Z"}, "fail", False, None),
            ({"validUntil": "2020-01-02T00:00:00Z"}, "fail", True, False),
            ({"validUntil": "2999-01-01T00:00:00Z"}, "pass", True, True),
            ({"validFrom": None}, "pass", None, None),
        ],
    )
    def test_of_a_credential(
        self, world: World, different: Any, result: str, begins: Any, ends: Any
    ) -> None:
        answer = verify(world, signed(credential(**different)))
        assert results(answer)["validity"] == result
        for name, verified in (("validFrom", begins), ("validUntil", ends)):
            found = answer["results"].get(name)
            assert (found and found["verified"]) == verified

    @pytest.mark.parametrize("different", [{"exp": 1}, {"nbf": 9_999_999_999}])
    def test_of_an_sd_jwt(self, world: World, different: Any) -> None:
        answer = verify(world, enveloped(sd_jwt(**different)))
        assert results(answer)["validity"] == "fail"
        assert answer["verdict"] == "invalid"

    def test_a_proof_may_end(self, world: World) -> None:
        value = signed()
        value["proof"]["expires"] = "2020-01-01T00:00:00Z"
        assert results(verify(world, value))["proof"] == "fail"


class TestOptions:
    def test_what_the_answer_has(self, world: World) -> None:
        answer = verify(world, signed(), returnResults=False, returnProblemDetails=False)
        assert answer.keys() == {"verified", "verdict", "at_ms", "checks", "issuer"}
        assert verify(world, signed(), returnCredential=True)["credential"] == signed()
        answer = verify_presentation(world, presented(), returnPresentation=True)
        assert answer["verifiablePresentation"] == presented()
        assert "credential" not in answer["results"]["credentials"][0]
        answer = verify_presentation(world, presented(), returnResults=False)
        assert "results" not in answer

    @pytest.mark.parametrize(
        ("options", "problem"),
        [
            ({"unknown": 1}, "unknown-option"),
            ({"challenge": "a"}, "unknown-option"),
            ({"returnPresentation": True}, "unknown-option"),
            ({"returnResults": "true"}, "malformed-json"),
            ({"returnCredential": None}, "malformed-json"),
            ([], "malformed-json"),
            (None, "malformed-json"),
        ],
    )
    def test_of_a_credential(self, world: World, options: Any, problem: str) -> None:
        body = {"verifiableCredential": signed(), "options": options}
        response = world.post_json("/credentials/verify", body)
        assert (response.status_code, problem_of(response)) == (400, problem)

    @pytest.mark.parametrize(
        ("options", "problem"),
        [
            ({"receipt": ""}, "unknown-option"),
            ({"domain": ["a"]}, "malformed-json"),
            ({"challenge": None}, "malformed-json"),
        ],
    )
    def test_of_a_presentation(self, world: World, options: Any, problem: str) -> None:
        body = {"verifiablePresentation": presented(), "options": options}
        response = world.post_json("/presentations/verify", body)
        assert (response.status_code, problem_of(response)) == (400, problem)
