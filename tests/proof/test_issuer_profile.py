"""Issuer profiles: one spelling, and who was accredited on which day."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.proof import issuer_profile
from chalicelib.proof.errors import CannotTell, Invalid, Malformed
from chalicelib.proof.issuer_profile import (
    Accreditation,
    IssuerProfile,
    MalformedIssuerProfile,
    ProfileTooLarge,
    check_profile,
    format_profile,
    parse_profile,
)
from chalicelib.proof.jcs import DuplicateKey, IntegerTooLarge, NotJson
from chalicelib.proof.keys import MalformedKey, UnknownKeyType
from chalicelib.proof.limits import PROFILE_BYTES
from chalicelib.proof.members import MalformedMember
from chalicelib.proof.payload import MalformedDid

from .vectors import load_vectors

VECTORS = load_vectors("issuer-profile")
ERRORS = {
    error.__name__: error
    for error in (
        DuplicateKey,
        IntegerTooLarge,
        MalformedDid,
        MalformedIssuerProfile,
        MalformedKey,
        MalformedMember,
        issuer_profile.NonCanonicalProfile,
        NotJson,
        UnknownKeyType,
    )
}
GOOD: bytes = VECTORS["good"]["document"].encode()
PROFILE = parse_profile(GOOD)
ID = "did:web:cambrian.example"
FIRST_MS, SECOND_MS = (each.from_ms for each in PROFILE.accreditations)


@pytest.mark.parametrize("name", VECTORS)
def test_vector(name: str) -> None:
    vector = VECTORS[name]
    data = vector["document"].encode()
    if "error" in vector:
        with pytest.raises(ERRORS[vector["error"]]) as raised:
            parse_profile(data)
        assert type(raised.value).__name__ == vector["error"]
    else:
        assert format_profile(parse_profile(data)) == data


def test_a_profile_is_read_into_its_values() -> None:
    assert PROFILE.id == ID
    assert PROFILE.names == {"en": "Cambrian University", "zh": "寒武纪大学"}
    assert PROFILE.accreditations[1] == Accreditation("学信网", "10001", SECOND_MS)
    assert [key.compromised_ms for key in PROFILE.keys] == [None, 1_790_000_000_000]


@given(st.integers(0, len(GOOD) - 1), st.binary(max_size=3))
def test_changed_bytes_are_another_profile_or_none(at: int, put: bytes) -> None:
    data = GOOD[:at] + put + GOOD[at + 1 :]
    with suppress(Malformed):
        assert format_profile(parse_profile(data)) == data


def test_a_profile_has_at_most_64_kib() -> None:
    with pytest.raises(ProfileTooLarge):
        parse_profile(b" " * (PROFILE_BYTES + 1))


def test_what_could_not_be_read_is_not_written() -> None:
    with pytest.raises(MalformedIssuerProfile):
        format_profile(replace(PROFILE, names={"en": "Cambrian University", "zh": ""}))


@pytest.mark.parametrize("letter", ["а", "ⅽ", "ｃ", "ϲ", "с", "C"])
def test_an_id_with_a_letter_that_looks_like_another_is_refused(letter: str) -> None:
    imitated = replace(PROFILE, id=f"did:web:{letter}ambrian.example")
    with pytest.raises(MalformedDid):
        format_profile(imitated)


class TestCheckProfile:
    @pytest.mark.parametrize(
        ("at_ms", "register"),
        [
            (FIRST_MS, "Register of Higher Education as HE-0042"),
            (SECOND_MS - 1, "Register of Higher Education as HE-0042"),
            (SECOND_MS, "学信网 as 10001"),
            (2**53 - 1, "学信网 as 10001"),
        ],
    )
    def test_it_tells_the_name_and_the_accreditation_of_the_day(
        self, at_ms: int, register: str
    ) -> None:
        told, _ = check_profile(PROFILE, ID, at_ms, at_ms)
        assert told == f"Cambrian University (寒武纪大学), accredited by {register}"

    def test_a_day_that_no_accreditation_covers(self) -> None:
        with pytest.raises(Invalid, match="covers 2017-07-14T02:39:59.999Z"):
            check_profile(PROFILE, ID, FIRST_MS - 1, FIRST_MS - 1)

    def test_where_there_is_no_register_none_is_asked_for(self) -> None:
        told, _ = check_profile(replace(PROFILE, accreditations=()), ID, 0, 0)
        assert told.endswith("of which the profile names no accreditation")

    @pytest.mark.parametrize("status", ["suspended", "closed"])
    def test_an_issuer_that_was_not_active(self, status: str) -> None:
        with pytest.raises(Invalid, match=f"says that it is {status}"):
            check_profile(replace(PROFILE, status=status), ID, SECOND_MS, SECOND_MS)

    def test_the_profile_of_another_issuer(self) -> None:
        with pytest.raises(Invalid, match="not of did:web:merci"):
            check_profile(PROFILE, "did:web:merci.example", SECOND_MS, SECOND_MS + 1)

    @pytest.mark.parametrize(
        "profile",
        [
            replace(PROFILE, status="closed"),
            replace(PROFILE, accreditations=PROFILE.accreditations[:1]),
        ],
        ids=["closed", "not-accredited"],
    )
    def test_bad_news_of_a_later_day_is_no_news(self, profile: IssuerProfile) -> None:
        with pytest.raises(CannotTell):
            check_profile(profile, ID, SECOND_MS, SECOND_MS + 1)
