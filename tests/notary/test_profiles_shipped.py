"""Each profile that is shipped keeps the rules, and a folder that does not is found here."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from chalicelib.notary.claims import FORMATS
from chalicelib.notary.profiles import (
    FOLDER,
    BrokenClaims,
    check_claims,
    natural_key,
    profiles,
    withholdable,
)
from tests.notary.profile_rules import at, claims_of, faults

NAMES = {
    "education/diploma",
    "education/transcript",
    "generic/file",
    "healthcare/immunization",
    "healthcare/record",
    "legal/contract",
    "logistics/proof-of-delivery",
    "manufacturing/inspection-certificate",
    "trade/bill-of-lading",
}
WITH_CLAIMS = sorted(NAMES - {"healthcare/record", "generic/file"})


def test_every_folder_is_a_profile_in_order_of_name() -> None:
    folders = {
        f"{place.parent.name}/{place.name}" for place in FOLDER.glob("*/*") if place.is_dir()
    }
    assert set(profiles()) == folders == NAMES
    assert list(profiles()) == sorted(profiles())


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_shipped_profile_keeps_every_rule(name: str) -> None:
    assert faults(FOLDER / name) == []


@pytest.mark.parametrize("name", [*WITH_CLAIMS, "generic/file"])
def test_a_sample_passes(name: str) -> None:
    check_claims(profiles()[name], profiles()[name].sample)


@pytest.mark.parametrize("name", WITH_CLAIMS)
def test_a_sample_shows_every_claim_that_may_be_withheld_and_has_a_natural_key(name: str) -> None:
    profile = profiles()[name]
    assert withholdable(profile)
    assert not set(withholdable(profile)) - {claim.pointer for claim in claims_of(profile)}
    assert natural_key(profile, profile.sample) == tuple(
        at(profile.sample, pointer) for pointer in profile.natural_key
    )


class Broken(NamedTuple):
    """Pointers into a sample: one claim to leave out, one of a wrong type and what it must be, one
    to make longer than it may be, an object to add to, and a date."""

    missing: str
    wrong_type: tuple[str, str]
    too_long: tuple[str, int]
    unknown_in: str
    no_date: str
    format: str = "date"


BROKEN = {
    "education/diploma": Broken(
        "/student_number", ("/award/credits", "a number"), ("/name", 300), "/award", "/birthdate"
    ),
    "education/transcript": Broken(
        "/courses/1/grade",
        ("/average", "an object"),
        ("/courses/0/title", 200),
        "/courses/2",
        "/issued_on",
    ),
    "healthcare/immunization": Broken(
        "/vaccine/name",
        ("/dose/number", "a whole number"),
        ("/vaccine/batch_number", 64),
        "/diseases/1",
        "/administered_on",
    ),
    "legal/contract": Broken(
        "/parties/1/role",
        ("/annexes", "an array"),
        ("/dispute_resolution", 1000),
        "",
        "/effective_until",
    ),
    "logistics/proof-of-delivery": Broken(
        "/received_by/name",
        ("/place/latitude", "a number"),
        ("/vehicle", 64),
        "/consignee",
        "/delivered_at",
        "date-time",
    ),
    "manufacturing/inspection-certificate": Broken(
        "/product/specification",
        ("/results/0/passed", "true or false"),
        ("/manufacturer/name", 300),
        "/inspector",
        "/inspected_on",
    ),
    "trade/bill-of-lading": Broken(
        "/goods/0/description",
        ("/shipper/name", "a string"),
        ("/containers/0/seal", 64),
        "/port_of_loading",
        "/shipped_on",
    ),
}
NO_DATES = {"date": "2025-02-30", "date-time": "2025-02-30T10:00:00Z"}


def parent(claims: Any, pointer: str) -> tuple[Any, str]:
    above, _, name = pointer.rpartition("/")
    return at(claims, above), name


def break_claims(claims: Any, how: Broken) -> None:
    for pointer, value in {
        how.wrong_type[0]: None,
        how.too_long[0]: "长" * (how.too_long[1] + 1),
        how.no_date: NO_DATES[how.format],
    }.items():
        above, name = parent(claims, pointer)
        above[name] = value
    at(claims, how.unknown_in)["unheard-of"] = 1
    above, name = parent(claims, how.missing)
    del above[name]


@pytest.mark.parametrize("name", WITH_CLAIMS)
def test_every_breach_is_told_at_once_with_its_pointer(name: str) -> None:
    profile, how = profiles()[name], BROKEN[name]
    claims: Any = deepcopy(profile.sample)
    break_claims(claims, how)
    with pytest.raises(BrokenClaims) as refused:
        check_claims(profile, claims)
    assert refused.value.count == len(refused.value.breaches) == 5
    told = dict(refused.value.breaches)
    unknown = told.pop(how.unknown_in)
    assert unknown.startswith("must have known members alone (")
    assert unknown.endswith(f"): no. {len(at(claims, how.unknown_in))} is not")
    assert told == {
        how.missing: "is required",
        how.wrong_type[0]: f"must be {how.wrong_type[1]}",
        how.too_long[0]: f"must have at most {how.too_long[1]} characters",
        how.no_date: f"must be {FORMATS[how.format][1]}",
    }


@pytest.mark.parametrize("name", WITH_CLAIMS)
def test_every_claim_of_another_type_is_found(name: str) -> None:
    profile = profiles()[name]
    for claim in claims_of(profile):
        pointer = claim.pointer.replace("*", "0")
        claims: Any = deepcopy(profile.sample)
        try:
            above, last = parent(claims, pointer)
        except (KeyError, IndexError):
            continue  # the sample does not go there
        above[int(last) if isinstance(above, list) else last] = None
        with pytest.raises(BrokenClaims) as refused:
            check_claims(profile, claims)
        assert [breach.pointer for breach in refused.value.breaches] == [pointer]


def strings_of(name: str) -> list[str]:
    profile = profiles()[name]
    pointers = [
        claim.pointer.replace("*", "0")
        for claim in claims_of(profile)
        if claim.schema.get("type") == "string" or "enum" in claim.schema
    ]
    return [pointer for pointer in pointers if holds(profile.sample, pointer)]


def holds(sample: Any, pointer: str) -> bool:
    try:
        return isinstance(at(sample, pointer), str)
    except (KeyError, IndexError):
        return False


@pytest.mark.parametrize(
    "change",
    [
        lambda text: f"{text}\n",
        lambda text: f"{text}\u202e",
        lambda text: f"\x00{text}",
        lambda text: "\u3000",
        lambda text: "",
    ],
    ids=["newline", "turned-direction", "null", "blank", "empty"],
)
@pytest.mark.parametrize("name", WITH_CLAIMS)
def test_no_text_is_blank_or_hides_something(name: str, change: Callable[[str], str]) -> None:
    profile = profiles()[name]
    assert strings_of(name)
    for pointer in strings_of(name):
        claims: Any = deepcopy(profile.sample)
        above, last = parent(claims, pointer)
        key = int(last) if isinstance(above, list) else last
        above[key] = change(above[key])
        with pytest.raises(BrokenClaims) as refused:
            check_claims(profile, claims)
        assert {breach.pointer for breach in refused.value.breaches} == {pointer}


def test_names_in_any_script_pass() -> None:
    profile = profiles()["education/diploma"]
    for name in ("𠮷𬭎", "Tŵm ap Gŵyn", "عبد الرحمن بن خلدون", "می‌خواهم", "O’Neill " * 37):
        claims: Any = deepcopy(profile.sample)
        claims["name"] = name
        check_claims(profile, claims)


def test_a_file_has_no_claims() -> None:
    with pytest.raises(BrokenClaims) as refused:
        check_claims(profiles()["generic/file"], {"name": "a.pdf"})
    assert refused.value.breaches == (("", "must have known members alone (none): no. 1 is not"),)
    assert natural_key(profiles()["generic/file"], {}) == ()


def test_nobody_sends_the_claims_of_a_health_record() -> None:
    profile = profiles()["healthcare/record"]
    assert profile.blind
    for claims in ({}, profile.sample):
        with pytest.raises(BrokenClaims, match="must stay with its owner"):
            check_claims(profile, claims)
    assert natural_key(profile, profile.sample) == withholdable(profile) == ()


def rewrite(path: Path, change: Callable[[Any], object]) -> None:
    value = json.loads(path.read_text("utf-8"))
    change(value)
    path.write_text(json.dumps(value), "utf-8")


def in_schema(change: Callable[[Any], object]) -> Callable[[Path], None]:
    return lambda place: rewrite(place / "schema.json", change)


def in_facts(change: Callable[[Any], object]) -> Callable[[Path], None]:
    return lambda place: rewrite(place / "profile.json", change)


def in_sample(change: Callable[[Any], object]) -> Callable[[Path], None]:
    return lambda place: rewrite(place / "sample.json", change)


def own(**schema: Any) -> Callable[[Path], None]:
    return in_schema(lambda value: value["properties"].update(faculty=schema))


FAULTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "no-sample": (lambda place: (place / "sample.json").unlink(), "files"),
    "another-file": (lambda place: (place / "notes.txt").touch(), "files"),
    "not-json": (lambda place: (place / "schema.json").write_text("{"), "unreadable"),
    "no-object": (lambda place: (place / "schema.json").write_text("[]"), "unreadable"),
    "unknown-fact": (in_facts(lambda facts: facts.update(colour="red")), "unreadable"),
    "missing-fact": (in_facts(lambda facts: facts.pop("labels")), "unreadable"),
    "blind-is-a-word": (in_facts(lambda facts: facts.update(blind="no")), "unreadable"),
    "unknown-canonicalization": (
        in_facts(lambda facts: facts.update(canonicalization="rdfc")),
        "unreadable",
    ),
    "no-schema": (in_schema(lambda schema: schema.update(required="name")), "no schema"),
    "other-dialect": (in_schema(lambda schema: schema.pop("$schema")), "dialect"),
    "no-claims-object": (in_schema(lambda schema: schema.update(type="array")), "root"),
    "open": (in_schema(lambda schema: schema.pop("additionalProperties")), "open"),
    "unlisted": (
        own(type="object", additionalProperties=False),
        "open",
    ),
    "endless-string": (own(type="string"), "unbounded"),
    "endless-array": (own(type="array", items={"type": "boolean"}), "unbounded"),
    "endless-number": (own(type="number", minimum=0), "unbounded"),
    "two-types": (own(type=["string", "null"], maxLength=9), "type"),
    "unknown-keyword": (own(type="array", maxItems=9, items={}, uniqueItems=True), "keyword"),
    "constant": (own(const="a"), "keyword"),
    "unknown-format": (own(type="string", maxLength=9, format="ipv4"), "format"),
    "enum-of-numbers": (own(enum=[1, 2]), "enum"),
    "reference-elsewhere": (own(**{"$ref": "https://elsewhere.example/a.json"}), "$ref"),
    "reference-to-nothing": (own(**{"$ref": "#/$defs/nothing"}), "$ref"),
    "undescribed": (own(type="string", maxLength=9, pattern="\\S"), "description"),
    "backtracking": (
        own(type="string", maxLength=9, pattern="^(a+)+$", description="a"),
        "pattern",
    ),
    "newline-at-the-end": (
        own(type="string", maxLength=9, pattern="^[0-9]{7}$", description="seven digits"),
        "pattern",
    ),
    "sample-breaks-schema": (in_sample(lambda sample: sample.update(name=1)), "sample"),
    "withholds-nothing-known": (
        in_facts(lambda facts: facts["withholdable"].append("/nothing")),
        "pointer",
    ),
    "withholds-what-no-sample-shows": (in_sample(lambda sample: sample.pop("faculty")), "pointer"),
    "optional-key": (
        in_facts(lambda facts: facts["natural_key"].append("/faculty")),
        "natural key",
    ),
    "key-is-an-object": (
        in_facts(lambda facts: facts["natural_key"].append("/award")),
        "natural key",
    ),
    "reserved-name": (
        in_schema(lambda schema: schema["properties"].update(vct=schema["properties"]["name"])),
        "reserved",
    ),
    "key-of-a-blind-one": (in_facts(lambda facts: facts.update(blind=True)), "blind"),
    "no-label": (in_facts(lambda facts: facts["labels"].pop("/award/level")), "labels"),
    "label-of-nothing": (
        in_facts(lambda facts: facts["labels"].update({"/x": facts["title"]})),
        "labels",
    ),
    "blank-label": (
        in_facts(lambda facts: facts["labels"]["/award"].update(en="Award ")),
        "label",
    ),
    "label-not-translated": (
        in_facts(lambda facts: facts["labels"]["/award"].update(zh="Award")),
        "label",
    ),
    "label-in-one-language": (in_facts(lambda facts: facts["title"].pop("zh")), "unreadable"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_broken_folder_is_found(tmp_path: Path, name: str) -> None:
    place = tmp_path / "education" / "diploma"
    shutil.copytree(FOLDER / "education" / "diploma", place)
    assert faults(place) == []
    breaking, fault = FAULTS[name]
    breaking(place)
    assert fault in {each.partition(":")[0] for each in faults(place)}


def test_a_folder_is_named_as_statements_name_profiles(tmp_path: Path) -> None:
    place = tmp_path / "Education" / "diploma"
    shutil.copytree(FOLDER / "education" / "diploma", place)
    assert faults(place) == ["name: Education/diploma"]
