"""The demo's roster: one for everybody, with the names that software stumbles over."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from chalicelib.proof.jcs import parse_ijson
from infra.roster import SCRIPTS, UNIVERSITY, Diploma, make_diplomas

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def roster() -> list[Diploma]:
    return make_diplomas(500)


def read(diploma: Diploma) -> dict[str, Any]:
    value = parse_ijson(diploma.data)
    assert isinstance(value, dict)
    return value


def names_of(roster: list[Diploma], script: str) -> list[str]:
    return [read(each)["credentialSubject"]["name"] for each in roster if each.script == script]


def digest(roster: list[Diploma]) -> str:
    parts = [f"{each.name} {len(each.data)}\n".encode() + each.data for each in roster]
    return hashlib.sha256(b"".join(parts)).hexdigest()


def test_another_process_makes_the_same_bytes(roster: list[Diploma]) -> None:
    code = (
        "from tests.e2e.test_demo_roster import digest, make_diplomas;"
        "print(digest(make_diplomas(500)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "7", "LC_ALL": "C", "TZ": "Asia/Shanghai"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == digest(roster)


def test_another_seed_makes_other_diplomas_under_the_same_names(roster: list[Diploma]) -> None:
    other = make_diplomas(500, seed=2)
    assert [each.name for each in other] == [each.name for each in roster]
    assert not {each.data for each in other} & {each.data for each in roster}


def test_a_longer_roster_begins_with_a_shorter_one(roster: list[Diploma]) -> None:
    assert make_diplomas(12) == roster[:12]


def test_every_diploma_is_another(roster: list[Diploma]) -> None:
    assert len({each.data for each in roster}) == 500
    assert len({read(each)["id"] for each in roster}) == 500


def test_file_names_are_unique_whatever_the_file_system(roster: list[Diploma]) -> None:
    names = {each.name.casefold() for each in roster}
    assert len(names) == 500
    assert all(re.fullmatch(r"[a-z0-9-]+\.json", name) for name in names)


def test_file_names_say_nothing_about_persons(roster: list[Diploma]) -> None:
    for each in roster:
        assert re.fullmatch(r"diploma-[0-9]{4}\.json", each.name)


def test_a_dozen_diplomas_hold_every_script() -> None:
    assert {each.script for each in make_diplomas(12)} == set(SCRIPTS)


@pytest.mark.parametrize(
    ("script", "pattern"),
    [
        ("english", r"[A-Z][a-z]+ [A-Z][A-Za-z-]+"),
        ("chinese", r"[\u4e00-\u9fff]{2,4}"),
        ("rare", r".*[\U00020000-\U0002ffff].*"),
        ("arabic", r"[\u0600-\u06ff ]+"),
        ("apostrophe", r".*['’].*"),
        ("long", r".{120,}"),
    ],
)
def test_names_are_in_their_script(roster: list[Diploma], script: str, pattern: str) -> None:
    names = names_of(roster, script)
    assert names
    assert all(re.fullmatch(pattern, name) for name in names)


def test_rare_characters_stand_as_themselves_in_utf_8(roster: list[Diploma]) -> None:
    data = b"".join(each.data for each in roster)
    for character in "𠮷𬭎":
        assert character.encode() in data
    assert b"\\u" not in data


def test_welsh_vowels_come_composed_and_combining(roster: list[Diploma]) -> None:
    names = names_of(roster, "welsh")
    assert {"ŵ", "ŷ"} <= set("".join(names))
    combining = [name for name in names if not unicodedata.is_normalized("NFC", name)]
    assert 0 < len(combining) < len(names) / 2


def test_arabic_names_are_right_to_left(roster: list[Diploma]) -> None:
    for name in names_of(roster, "arabic"):
        assert unicodedata.bidirectional(name[0]) == "AL"


def test_the_shape_is_that_of_open_badges_3(roster: list[Diploma]) -> None:
    for each in roster:
        credential = read(each)
        assert credential["@context"] == [
            "https://www.w3.org/ns/credentials/v2",
            "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json",
        ]
        assert re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", credential["id"])
        assert credential["type"] == ["VerifiableCredential", "AchievementCredential"]
        assert credential["issuer"]["id"] == UNIVERSITY
        assert credential["issuer"]["type"] == ["Profile"]
        assert credential["credentialSubject"]["type"] == ["AchievementSubject"]
        achievement = credential["credentialSubject"]["achievement"]
        assert achievement["type"] == ["Achievement"]
        assert {"id", "name", "description", "criteria"} <= achievement.keys()
        assert re.fullmatch(r"2025-07-[0-9T:]{11}Z", credential["validFrom"])


def test_the_issuer_is_named_in_english_and_chinese(roster: list[Diploma]) -> None:
    name = read(roster[0])["issuer"]["name"]
    assert "Cambrian University" in name
    assert "寒武大学" in name


def test_some_numbers_are_fractions_as_json_writes_them(roster: list[Diploma]) -> None:
    """Canonical JSON is decided by numbers as much as by names."""
    earned = {json.loads(each.data)["credentialSubject"]["creditsEarned"] for each in roster}
    assert {360, 97.5} <= earned
