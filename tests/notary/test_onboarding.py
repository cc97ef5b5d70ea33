"""Keys are let in when the issuer's domain says that they are its own."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.cli.did_document import did_document
from chalicelib.notary.issuers.did_web import NotInControl
from chalicelib.notary.issuers.onboarding import check_all_keys, check_new_keys, leave_unchecked
from chalicelib.notary.ports import Control, Issuer, IssuerKey
from chalicelib.notary.public_url import Answer, UnknownHost
from chalicelib.proof.keys import PublicKey
from tests.fakes import START_MS, key_named

ID = "did:web:university.example"
FIRST, SECOND = (IssuerKey(key_named(name).public, 0) for name in ("first", "second"))
CHECKED = Control(START_MS)


def issuer(*keys: IssuerKey) -> Issuer:
    return Issuer(ID, "university", {"en": "U", "zh": "大"}, keys)


class Website:
    """Says that these keys are the issuer's own; ``asked`` is how often."""

    def __init__(self, *keys: PublicKey) -> None:
        self.asked = 0
        self._body = json.dumps(did_document(ID, list(keys))).encode()

    def __call__(self, url: str) -> Answer:
        assert url == "https://university.example/.well-known/did.json"
        self.asked += 1
        return Answer(200, self._body, "application/did+json")


def nobody(url: str) -> Answer:
    raise AssertionError(f"{url} was asked for")


def test_a_first_key_is_asked_for() -> None:
    website = Website(FIRST.key)
    let_in = check_new_keys(None, issuer(FIRST), website, START_MS)
    assert let_in == issuer(replace(FIRST, control=CHECKED))
    assert website.asked == 1


def test_every_new_key_has_to_be_there() -> None:
    website = Website(FIRST.key)
    with pytest.raises(NotInControl):
        check_new_keys(None, issuer(FIRST, SECOND), website, START_MS)


def test_of_a_known_issuer_only_what_is_new_is_asked_for() -> None:
    known = issuer(replace(FIRST, control=Control(5, "invented")))
    after = replace(known, keys=(*known.keys, SECOND))
    let_in = check_new_keys(known, after, Website(SECOND.key), START_MS)
    assert [each.control for each in let_in.keys] == [Control(5, "invented"), CHECKED]


def test_with_nothing_new_nobody_is_asked() -> None:
    known = issuer(FIRST)
    ended = issuer(replace(FIRST, to_ms=START_MS, compromised_ms=5))
    assert check_new_keys(known, known, nobody, START_MS) == known
    assert check_new_keys(known, ended, nobody, START_MS) == ended


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"to_ms": 10}, {}),
        ({"to_ms": 10}, {"to_ms": 11}),
        ({"compromised_ms": 10}, {}),
        ({"compromised_ms": 10}, {"compromised_ms": 11}),
        ({"compromised_ms": 10, "to_ms": 20}, {"to_ms": 20}),
    ],
)
def test_a_key_that_is_given_more_time_is_like_a_new_one(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    known, longer = issuer(replace(FIRST, **before)), issuer(replace(FIRST, **after))
    with pytest.raises(NotInControl):
        check_new_keys(known, longer, Website(SECOND.key), START_MS)
    let_in = check_new_keys(known, longer, Website(FIRST.key), START_MS)
    assert let_in.keys[0].control == CHECKED


def test_who_is_not_asked_about_is_remembered_with_the_reason() -> None:
    known = issuer(replace(FIRST, control=CHECKED))
    after = leave_unchecked(known, replace(known, keys=(*known.keys, SECOND)), "invented", 7)
    assert [each.control for each in after.keys] == [CHECKED, Control(7, "invented")]


def test_all_good_keys_can_be_asked_about_again() -> None:
    past = replace(SECOND, to_ms=START_MS)
    known = issuer(replace(FIRST, control=Control(5, "invented")), past)
    asked = check_all_keys(known, Website(FIRST.key), START_MS)
    assert asked == issuer(replace(FIRST, control=CHECKED), past)
    with pytest.raises(NotInControl):
        check_all_keys(known, Website(SECOND.key), START_MS)


def test_what_cannot_be_asked_is_not_known() -> None:
    def down(url: str) -> Answer:
        raise UnknownHost("the host has no addresses")

    with pytest.raises(UnknownHost):
        check_new_keys(None, issuer(FIRST), down, START_MS)
