"""Status in the W3C VC API: this service's own lists are asked, nobody else's is fetched."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.api import wiring
from tests.api.vc_world import (
    COLLEGE_KEY,
    LIST,
    Lists,
    credential,
    enveloped,
    results,
    sd_jwt,
    signed,
    status,
    verify,
)
from tests.api.world import COLLEGE, HOSPITAL, World, problem_of


@pytest.fixture
def lists(world: World) -> Lists:
    lists = Lists()
    wiring.use(replace(world.service, status_lists=lists))
    return lists


class TestStatus:
    def test_none_set_is_good(self, world: World, lists: Lists) -> None:
        value = signed(credential(credentialStatus=[status(), status("suspension")]))
        answer = verify(world, value)
        assert answer["verified"]
        assert lists.asked == [(f"{LIST}/revocation", 7), (f"{LIST}/suspension", 7)]
        assert [each["verified"] for each in answer["results"]["credentialStatus"]] == [True, True]

    @pytest.mark.parametrize(
        ("purpose", "meaning"), [("revocation", "revoked"), ("suspension", "suspended")]
    )
    def test_one_set_is_false(self, world: World, lists: Lists, purpose: str, meaning: str) -> None:
        lists.values[f"{LIST}/{purpose}", 7] = 1
        value = signed(credential(credentialStatus=[status(), status("suspension")]))
        answer = verify(world, value)
        assert answer["verdict"] == "invalid"
        assert f"the credential is {meaning}" in answer["checks"][3]["detail"]

    @pytest.mark.parametrize(
        ("set_", "result", "text"),
        [
            (0, "pass", "not set"),
            (1, "fail", "revoked"),
            (2, "fail", "suspended"),
            (3, "unknown", "3"),
        ],
    )
    def test_of_an_sd_jwt(
        self, world: World, lists: Lists, set_: int, result: str, text: str
    ) -> None:
        lists.values[LIST, 9] = set_
        reference = {"status_list": {"idx": 9, "uri": LIST}}
        value = sd_jwt(key=COLLEGE_KEY, iss=COLLEGE, status=reference)
        answer = verify(world, enveloped(value))
        assert results(answer)["status"] == result
        assert text in answer["checks"][3]["detail"]

    @pytest.mark.parametrize(
        "url",
        [
            "https://registry.example.edu/status/3",
            f"https://tally.test/v1/issuers/{HOSPITAL}/lists/0",
            f"http://tally.test/v1/issuers/{COLLEGE}/lists/0",
            f"https://tally.test.attacker.example/v1/issuers/{COLLEGE}/lists/0",
            f"https://tally.test/v1/issuers/{COLLEGE}.attacker.example/lists/0",
        ],
    )
    def test_a_list_that_is_not_this_issuers_here_is_not_asked(
        self, world: World, lists: Lists, url: str
    ) -> None:
        answer = verify(world, signed(credential(credentialStatus=status(url=url))))
        assert answer["verdict"] == "cannot tell"
        assert "status could not be checked" in answer["checks"][3]["detail"]
        assert lists.asked == []

    def test_a_list_that_cannot_be_had_is_unknown(self, world: World, lists: Lists) -> None:
        lists.down = True
        answer = verify(world, signed(credential(credentialStatus=status())))
        assert answer["verdict"] == "cannot tell"
        assert answer["problemDetails"][0]["type"].endswith("#STATUS_RETRIEVAL_ERROR")

    def test_without_lists_every_status_is_unknown(self, world: World) -> None:
        answer = verify(world, signed(credential(credentialStatus=status())))
        assert answer["verdict"] == "cannot tell"

    def test_of_a_credential_that_is_altered_no_list_is_asked(
        self, world: World, lists: Lists
    ) -> None:
        answer = verify(world, {**signed(credential(credentialStatus=status())), "name": "a"})
        assert results(answer)["status"] == "unknown"
        assert lists.asked == []

    @pytest.mark.parametrize(
        "different",
        [
            {"type": "StatusList2021Entry"},
            {"statusPurpose": "message"},
            {"statusPurpose": "suspension"},
            {"statusSize": 2},
        ],
    )
    def test_of_another_kind_is_unknown(self, world: World, lists: Lists, different: Any) -> None:
        value = signed(credential(credentialStatus={**status(), **different}))
        assert results(verify(world, value))["status"] == "unknown"
        assert lists.asked == []

    @pytest.mark.parametrize("index", ["-1", "07", "1.0", "\u0663", 7, None, "9" * 400])
    def test_a_malformed_one_is_refused(self, world: World, index: Any) -> None:
        value = signed(credential(credentialStatus={**status(), "statusListIndex": index}))
        response = world.post_json("/credentials/verify", {"verifiableCredential": value})
        assert problem_of(response) == "malformed-credential"

    @pytest.mark.parametrize(
        ("reference", "problem"),
        [
            ("revoked", "malformed-credential"),
            ({"status_list": 1}, "malformed-credential"),
            ({"status_list": {"idx": -1, "uri": LIST}}, "malformed-credential"),
            ({"status_list": {"idx": True, "uri": LIST}}, "malformed-credential"),
            ({"status_list": {"idx": 1.5, "uri": LIST}}, "malformed-credential"),
            ({"status_list": {"idx": 1}}, "malformed-credential"),
            ({"identifier_list": {}}, "not-verified"),
        ],
    )
    def test_of_an_sd_jwt_of_another_form(self, world: World, reference: Any, problem: str) -> None:
        value = enveloped(sd_jwt(status=reference))
        response = world.post_json("/credentials/verify", {"verifiableCredential": value})
        assert problem_of(response) == problem

    def test_they_are_at_most_eight(self, world: World, lists: Lists) -> None:
        value = signed(credential(credentialStatus=[status(index=n) for n in range(9)]))
        response = world.post_json("/credentials/verify", {"verifiableCredential": value})
        assert problem_of(response) == "malformed-credential"
        assert lists.asked == []
