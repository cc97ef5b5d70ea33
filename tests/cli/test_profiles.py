"""``tally profiles``: what there is, in both languages, and what a document of each kind claims."""

from __future__ import annotations

import json

import pytest

from chalicelib.notary.profiles import profiles
from tests.cli.desk import tally, tally_json


def test_every_profile_is_listed_with_its_titles() -> None:
    lines = tally("profiles").stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(profiles())
    for line, profile in zip(lines, profiles().values(), strict=True):
        assert line.endswith(f"  {profile.title['en']} · {profile.title['zh']}")


def test_the_list_for_programs() -> None:
    listed = tally_json("profiles")["profiles"]
    assert listed["education/diploma"] == {
        "en": "Diploma or degree certificate",
        "zh": "毕业证书或学位证书",
    }
    assert list(listed) == list(profiles())


@pytest.mark.parametrize("name", profiles())
def test_a_profile_is_shown_with_its_schema_and_a_sample(name: str) -> None:
    profile = profiles()[name]
    head, schema, sample = tally("profiles", "show", name).stdout.split("\n\n")
    assert head.splitlines()[0] == f"{name}: {profile.title['en']} · {profile.title['zh']}"
    assert json.loads(schema.removeprefix("schema\n")) == profile.schema
    assert json.loads(sample.removeprefix("sample\n")) == profile.sample


def test_what_a_holder_may_keep_back_and_what_tells_documents_apart() -> None:
    shown = tally("profiles", "show", "trade/bill-of-lading").stdout.splitlines()
    assert shown[1].startswith("may be withheld  /shipper, /notify_parties, ")
    assert shown[2] == "natural key      /bl_number"
    nothing = tally("profiles", "show", "generic/file").stdout.splitlines()
    assert nothing[1:3] == ["may be withheld  nothing", "natural key      none"]


@pytest.mark.parametrize("name", profiles())
def test_all_of_a_profile_for_programs(name: str) -> None:
    profile = profiles()[name]
    assert tally_json("profiles", "show", name) == {
        "name": name,
        "title": profile.title,
        "canonicalization": profile.canonicalization,
        "blind": profile.blind,
        "withholdable": list(profile.withholdable),
        "natural_key": list(profile.natural_key),
        "labels": profile.labels,
        "schema": profile.schema,
        "sample": profile.sample,
    }


def test_a_profile_that_is_not_there() -> None:
    result = tally("profiles", "show", "education/degree")
    assert result.exit_code == 64
    assert "education/diploma" in result.stderr
