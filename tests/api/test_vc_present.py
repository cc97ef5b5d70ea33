"""Presentations in the W3C VC API, and what is in them."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.notary.limits import PRESENTED_CREDENTIALS
from chalicelib.notary.ports import Issuer, IssuerKey
from tests.api.vc_world import (
    CHALLENGE,
    COLLEGE_KEY,
    DOMAIN,
    HOLDER,
    STRANGER,
    Answer,
    bound,
    credential,
    did_key,
    enveloped,
    presentation,
    presented,
    registered,
    results,
    sd_jwt,
    signed,
    verify_presentation,
)
from tests.api.world import COLLEGE, NOW_S, World, problem_of
from tests.fakes import START_MS


class TestPresentation:
    def test_by_its_holder_for_this_request_is_verified(self, world: World) -> None:
        value = presented(presentation(signed(), enveloped(bound(sd_jwt()))))
        answer = verify_presentation(world, value)
        assert answer["verified"]
        names = ("proof", "holder", "domain", "challenge", "credentials")
        assert results(answer) == dict.fromkeys(names, "pass")
        inner = answer["results"]["credentials"]
        assert [each["verified"] for each in inner] == [True, True]
        assert results(inner[1])["holder"] == "pass"
        found = answer["results"]["presentation"]
        assert found["challenge"] == {"verified": True, "input": CHALLENGE}
        assert found["domain"] == {"verified": True, "input": DOMAIN}
        assert found["holder"] == {"verified": True, "input": did_key(HOLDER)}

    def test_what_was_asked_for_is_the_callers_to_say(self, world: World) -> None:
        for name in ("domain", "challenge"):
            answer = verify_presentation(world, presented(), **{name: None})
            assert answer["verdict"] == "cannot tell"
            assert results(answer)[name] == "unknown"

    @pytest.mark.parametrize(
        ("inner", "result"),
        [
            (signed(credential(validUntil="2020-01-02T00:00:00Z")), "fail"),
            ({**signed(), "name": "a"}, "fail"),
            (
                signed(credential(issuer="did:web:a.example"), method="did:web:a.example#1"),
                "unknown",
            ),
            (enveloped(sd_jwt()), "fail"),
            (enveloped(bound(sd_jwt(), "other.example")), "fail"),
            (enveloped(bound(sd_jwt(), challenge="other")), "fail"),
            (enveloped(bound(sd_jwt(exp=1))), "fail"),
            (enveloped(bound(sd_jwt(), at_s=NOW_S - 3_600)), "fail"),
            (enveloped(bound(sd_jwt(cnf={"kid": "a"}))), "unknown"),
        ],
    )
    def test_is_as_good_as_the_worst_in_it(self, world: World, inner: Any, result: str) -> None:
        answer = verify_presentation(world, presented(presentation(signed(), inner)))
        assert results(answer)["credentials"] == result
        assert "credential 1," in answer["checks"][-1]["detail"]
        assert not answer["verified"]

    def test_an_sd_jwt_that_is_bound_to_nobody_needs_no_binding(self, world: World) -> None:
        value = presented(presentation(enveloped(sd_jwt(cnf=None))))
        assert verify_presentation(world, value)["verified"]

    def test_a_binding_is_judged_where_signature_and_request_are_known(self, world: World) -> None:
        value = presented(presentation(enveloped(bound(sd_jwt()))))
        answer = verify_presentation(world, value, domain=None)
        assert results(answer["results"]["credentials"][0])["holder"] == "unknown"
        stranger = bound(sd_jwt(key=STRANGER, iss="did:web:stranger.example"))
        answer = verify_presentation(world, presented(presentation(enveloped(stranger))))
        assert results(answer["results"]["credentials"][0])["holder"] == "unknown"

    def test_an_issuer_presents_with_a_key_that_is_good_now(self, world: World) -> None:
        method = f"{COLLEGE}#{COLLEGE_KEY.public.kid.hex()}"
        value = presented(presentation(holder=COLLEGE), COLLEGE_KEY, method=method)
        assert verify_presentation(world, value)["verified"]
        registered(world, keys=(IssuerKey(COLLEGE_KEY.public, 0, START_MS),))
        assert results(verify_presentation(world, value))["proof"] == "fail"

    def test_of_a_holder_whose_key_is_not_known_is_unknown(self, world: World) -> None:
        value = presented(presentation(holder=None), method="did:web:holder.example#1")
        answer = verify_presentation(world, value)
        assert (answer["verdict"], results(answer)["proof"]) == ("cannot tell", "unknown")

    def test_each_issuer_is_looked_up_once(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[str] = []
        find = world.registry.issuer

        def lookup(id_: str) -> Issuer | None:
            asked.append(id_)
            return find(id_)

        monkeypatch.setattr(world.registry, "issuer", lookup)
        verify_presentation(world, presented(presentation(*[signed()] * 5)))
        assert asked == [COLLEGE]

    def test_has_at_most_so_many_credentials(self, world: World) -> None:
        body = {"presentation": presentation(*[signed()] * (PRESENTED_CREDENTIALS + 1))}
        response = world.post_json("/presentations/verify", body)
        assert problem_of(response) == "malformed-credential"


class TestProofless:
    def ask(self, world: World, value: Any, **options: str) -> Answer:
        body = {"presentation": value, "options": options}
        return dict(world.post_json("/presentations/verify", body).json_body)

    def test_says_no_more_than_its_credentials(self, world: World) -> None:
        answer = self.ask(world, presentation(signed()))
        assert answer["verified"]
        assert results(answer) == {"credentials": "pass"}
        assert answer["results"]["presentation"] == {}

    def test_answers_no_request(self, world: World) -> None:
        answer = self.ask(world, presentation(signed()), challenge=CHALLENGE)
        assert (answer["verdict"], results(answer)["challenge"]) == ("cannot tell", "unknown")

    def test_whose_every_credential_is_bound_to_a_request_answers_it(self, world: World) -> None:
        request = {"domain": DOMAIN, "challenge": CHALLENGE}
        inner = enveloped(bound(sd_jwt()))
        answer = self.ask(world, presentation(inner, inner), **request)
        assert answer["verified"]
        assert results(answer) == dict.fromkeys(("domain", "challenge", "credentials"), "pass")
        for other in (signed(), enveloped(sd_jwt(cnf=None))):
            answer = self.ask(world, presentation(inner, other), **request)
            assert (answer["verdict"], results(answer)["challenge"]) == ("cannot tell", "unknown")

    def test_a_binding_to_a_key_that_the_issuer_does_not_name_is_unknown(
        self, world: World
    ) -> None:
        request = {"domain": DOMAIN, "challenge": CHALLENGE}
        answer = self.ask(world, presentation(enveloped(bound(sd_jwt(cnf=None)))), **request)
        assert answer["verdict"] == "cannot tell"

    def test_without_credentials_verifies_nothing(self, world: World) -> None:
        answer = self.ask(world, presentation())
        assert (answer["verdict"], results(answer)["proof"]) == ("cannot tell", "unknown")

    def test_with_a_proof_it_is_checked_all_the_same(self, world: World) -> None:
        options = {"domain": DOMAIN, "challenge": CHALLENGE}
        assert self.ask(world, presented(), **options)["verified"]
        assert not self.ask(world, {**presented(), "id": "urn:a"}, **options)["verified"]

    def test_a_verifiable_presentation_has_a_proof(self, world: World) -> None:
        body = {"verifiablePresentation": presentation(signed())}
        response = world.post_json("/presentations/verify", body)
        assert problem_of(response) == "malformed-credential"
