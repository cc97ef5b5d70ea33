"""SD-JWTs in envelopes, as the W3C VC API gets them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.vc_world import (
    COLLEGE_KEY,
    HOSPITAL_KEY,
    STRANGER,
    Answer,
    credential,
    enveloped,
    results,
    sd_jwt,
    status,
    verify,
)
from tests.api.world import COLLEGE, HOSPITAL, World, problem_of
from tests.proof.credentials_samples import jws_of


class TestSdJwt:
    def test_signed_by_another_key_is_false(self, world: World) -> None:
        value = sd_jwt(key=STRANGER)
        kid = f"{HOSPITAL}#{HOSPITAL_KEY.public.kid.hex()}"
        forged = jws_of({"alg": "EdDSA", "typ": "dc+sd-jwt", "kid": kid}, value.payload, STRANGER)
        answer = verify(world, enveloped(f"{forged}~"))
        assert results(answer)["proof"] == "fail"

    @pytest.mark.parametrize(
        "header",
        [
            {"alg": "none", "typ": "dc+sd-jwt"},
            {"alg": "HS256", "typ": "dc+sd-jwt"},
            {"alg": "EdDSA", "typ": "dc+sd-jwt", "jwk": {}},
            {"alg": "EdDSA", "typ": "dc+sd-jwt", "x5c": []},
            {"alg": "EdDSA", "typ": "dc+sd-jwt", "crit": ["b64"], "b64": False},
            {"typ": "dc+sd-jwt"},
        ],
    )
    def test_that_chooses_its_own_algorithm_or_key_is_refused(
        self, world: World, header: Any
    ) -> None:
        text = jws_of(header, sd_jwt().payload, STRANGER) + "~"
        response = world.post_json("/credentials/verify", {"verifiableCredential": enveloped(text)})
        assert (response.status_code, problem_of(response)) == (400, "malformed-credential")

    @pytest.mark.parametrize(
        ("header", "claims", "result"),
        [
            ({"alg": "ES256"}, {}, "fail"),
            ({"alg": "ES512"}, {}, "unknown"),
            ({"typ": "JWT"}, {}, "fail"),
            ({"kid": None}, {}, "unknown"),
            ({"kid": "key-1"}, {}, "unknown"),
            ({"kid": "did:web:stranger.example#key-1"}, {}, "fail"),
            ({}, {"iss": None}, "unknown"),
            ({}, {"iss": HOSPITAL}, "fail"),
            ({}, {"_sd_alg": "sha-512"}, "unknown"),
        ],
    )
    def test_one_thing_wrong(self, world: World, header: Any, claims: Any, result: str) -> None:
        kid = f"{COLLEGE}#{COLLEGE_KEY.public.kid.hex()}"
        head = {"alg": "EdDSA", "typ": "dc+sd-jwt", "kid": kid, **header}
        body = {"iss": COLLEGE, "vct": "urn:a", "name": "Ffion", **claims}
        kept, told = ({n: m for n, m in each.items() if m is not None} for each in (head, body))
        answer = verify(world, enveloped(f"{jws_of(kept, told, COLLEGE_KEY)}~"))
        assert results(answer)["proof"] == result
        assert not answer["verified"]

    def test_with_a_disclosure_that_is_not_the_issuers_is_false(self, world: World) -> None:
        other = sd_jwt(name="Gwen").disclosures
        answer = verify(world, enveloped(sd_jwt()._replace(disclosures=other)))
        assert results(answer) == {"proof": "fail"}
        assert answer["results"]["credentialStatus"] == []

    def test_with_a_disclosure_twice_is_refused(self, world: World) -> None:
        first = sd_jwt().disclosures[0]
        value = enveloped(sd_jwt()._replace(disclosures=(first, first)))
        response = world.post_json("/credentials/verify", {"verifiableCredential": value})
        assert problem_of(response) == "malformed-credential"

    def test_whose_claims_are_a_credential_of_w3c(self, world: World) -> None:
        assert verify(world, of_w3c())["verified"]
        for claims, check in (
            ({"iss": HOSPITAL}, "proof"),
            ({"exp": 1}, "validity"),
            ({"validUntil": "2020-01-02T00:00:00Z"}, "validity"),
        ):
            answer = verify(world, of_w3c(**claims))
            assert (answer["verdict"], results(answer)[check]) == ("invalid", "fail")
        answer = verify(world, of_w3c(credentialStatus=status()))
        assert results(answer)["status"] == "unknown"


def of_w3c(**claims: Any) -> Answer:
    kid = f"{COLLEGE}#{COLLEGE_KEY.public.kid.hex()}"
    header = {"alg": "EdDSA", "typ": "vc+sd-jwt", "kid": kid}
    text = jws_of(header, {**credential(), **claims}, COLLEGE_KEY)
    return enveloped(f"{text}~", "application/vc+sd-jwt")
