"""Credentials made of claims: what each form holds, and that the same seed makes the same bytes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.notary.issue import (
    CannotIssue,
    Issuing,
    check_badge,
    issuer_part,
    make_open_badge,
    make_sd_jwt_vc,
)
from chalicelib.notary.profiles import profiles, withholdable
from chalicelib.notary.status.places import StatusPlace, place_in
from chalicelib.proof.credentials.data_integrity import (
    check_controller,
    read_proof,
    verify_credential,
)
from chalicelib.proof.credentials.sd_jwt import parse_sd_jwt
from chalicelib.proof.credentials.sd_jwt_vc import verify_sd_jwt_vc
from chalicelib.proof.jcs import canonicalize
from tests.proof.credentials_samples import AT_MS, CREATED, ISSUER, ISSUER_KEY, P256_KEY

DIPLOMA = profiles()["education/diploma"]
SAMPLE: Any = DIPLOMA.sample
SEED, OTHER = bytes(range(32)), bytes(32)
AT_S = 1_780_000_000
ISSUING = Issuing(ISSUER, ISSUER_KEY, DIPLOMA)
LEAST: dict[str, Any] = {
    "name": "Ada",
    "student_number": "S1",
    "award": {"title": "Law", "level": "other"},
    "awarded_on": "2025-07-09",
}


@pytest.mark.parametrize("name", [name for name, each in profiles().items() if not each.blind])
@pytest.mark.parametrize("key", [ISSUER_KEY, P256_KEY], ids=["EdDSA", "ES256"])
def test_every_profile_with_claims_is_issued_as_sd_jwt_vc(name: str, key: Any) -> None:
    profile = profiles()[name]
    sample: Any = profile.sample
    text = make_sd_jwt_vc(Issuing(ISSUER, key, profile), sample, SEED, AT_S)
    read = verify_sd_jwt_vc(parse_sd_jwt(text), key.public)
    own = {"iss": ISSUER, "iat": AT_S, "vct": f"urn:tally:profile:{name}"}
    assert read.verified.claims == {**sample, **own}
    disclosed = {"".join(f"/{step}" for step in path) for path in read.verified.disclosed}
    assert disclosed == set(withholdable(profile))


def test_what_is_not_claimed_is_not_disclosed() -> None:
    read = verify_sd_jwt_vc(
        parse_sd_jwt(make_sd_jwt_vc(ISSUING, LEAST, SEED, AT_S)), ISSUER_KEY.public
    )
    assert read.verified.disclosed == (("student_number",),)


def test_the_same_seed_makes_the_same_bytes_and_another_makes_others() -> None:
    for make in (
        lambda seed: make_sd_jwt_vc(ISSUING, SAMPLE, seed, AT_S),
        lambda seed: make_open_badge(ISSUING, SAMPLE, seed, CREATED),
    ):
        assert make(SEED) == make(SEED)
        assert make(SEED) != make(OTHER)


def test_salts_are_different_and_long() -> None:
    sd_jwt = parse_sd_jwt(make_sd_jwt_vc(ISSUING, SAMPLE, SEED, AT_S))
    again = parse_sd_jwt(make_sd_jwt_vc(ISSUING, SAMPLE, OTHER, AT_S))
    digests = {each.digest for each in (*sd_jwt.disclosures, *again.disclosures)}
    assert len(digests) == 2 * len(sd_jwt.disclosures) == 20


def test_the_issuers_part_is_the_same_whatever_is_withheld() -> None:
    text = make_sd_jwt_vc(ISSUING, SAMPLE, SEED, AT_S)
    assert issuer_part(text) == parse_sd_jwt(text).jws.text
    assert "~" not in issuer_part(text)


def test_a_holders_key_is_named() -> None:
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": "A" * 43}
    payload = parse_sd_jwt(make_sd_jwt_vc(ISSUING, LEAST, SEED, AT_S, jwk)).payload
    assert payload["cnf"] == {"jwk": jwk}


PLACE = StatusPlace("https://notary.example/v1/issuers/did:web:a.example/lists/3", 94_567)


def test_an_sd_jwt_vc_says_where_its_status_is_in_clear() -> None:
    payload = parse_sd_jwt(make_sd_jwt_vc(ISSUING, LEAST, SEED, AT_S, place=PLACE)).payload
    assert payload["status"] == {"status_list": {"idx": 94_567, "uri": PLACE.list}}


def test_an_open_badge_has_a_place_for_revocation_and_one_for_suspension() -> None:
    badge = json.loads(make_open_badge(ISSUING, LEAST, SEED, CREATED, PLACE))
    assert verify_credential(badge, ISSUER_KEY.public, AT_MS).statuses
    assert badge["credentialStatus"] == [
        {
            "id": f"{PLACE.list}/{purpose}#94567",
            "type": "BitstringStatusListEntry",
            "statusPurpose": purpose,
            "statusListIndex": "94567",
            "statusListCredential": f"{PLACE.list}/{purpose}",
        }
        for purpose in ("revocation", "suspension")
    ]


def test_each_generation_has_the_same_index_in_lists_of_its_own() -> None:
    assert place_in(PLACE, 0) == PLACE
    assert place_in(PLACE, 12) == StatusPlace(f"{PLACE.list}-12", 94_567)


def test_an_open_badge_of_a_whole_diploma() -> None:
    data = make_open_badge(ISSUING, SAMPLE, SEED, CREATED)
    assert canonicalize(data) == data
    badge = json.loads(data)
    read = verify_credential(badge, ISSUER_KEY.public, AT_MS)
    check_controller(read_proof(badge), ISSUER)
    assert (read.valid_from_ms, read.issuer) == (1_752_019_200_000, ISSUER)
    subject: Any = read.subjects[0]
    assert subject["result"] == [{"type": ["Result"], "value": "First class"}]
    assert subject["licenseNumber"] == "CU-2025-00417"
    assert subject["activityEndDate"] == "2025-06-13T00:00:00Z"
    assert subject["achievement"]["fieldOfStudy"] == "Mathematics"
    assert badge["name"] == "Bachelor of Science in Mathematics · 数学理学士"
    for unplaced in ("2003-04-17", "Faculty of Science"):
        assert unplaced not in data.decode()


def test_an_open_badge_of_the_least_there_is() -> None:
    badge = json.loads(make_open_badge(ISSUING, LEAST, SEED, CREATED))
    assert verify_credential(badge, ISSUER_KEY.public, AT_MS).value["name"] == "Law"
    assert set(badge["credentialSubject"]) == {"type", "identifier", "achievement"}


def test_one_award_has_one_id_and_each_badge_its_own() -> None:
    one, other = (
        json.loads(make_open_badge(ISSUING, LEAST, seed, CREATED)) for seed in (SEED, OTHER)
    )
    awards = [each["credentialSubject"]["achievement"]["id"] for each in (one, other)]
    assert awards[0] == awards[1]
    assert one["id"] != other["id"]


SCHEMA: Any = DIPLOMA.schema
LEVELS = SCHEMA["properties"]["award"]["properties"]["level"]["enum"]


@pytest.mark.parametrize("level", LEVELS)
def test_every_level_has_a_type_of_achievement(level: str) -> None:
    claims = {**LEAST, "award": {"title": "Law", "level": level}}
    badge = json.loads(make_open_badge(ISSUING, claims, SEED, CREATED))
    assert badge["credentialSubject"]["achievement"]["achievementType"]


def test_what_no_open_badge_is_made_of() -> None:
    with pytest.raises(CannotIssue, match="Ed25519"):
        make_open_badge(Issuing(ISSUER, P256_KEY, DIPLOMA), SAMPLE, SEED, CREATED)
    with pytest.raises(CannotIssue, match="education/diploma"):
        check_badge(Issuing(ISSUER, ISSUER_KEY, profiles()["education/transcript"]))
