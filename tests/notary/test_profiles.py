"""Profiles as the rest of the service uses them: a new folder, the check of claims, its limits, and
that no refusal repeats what it refused."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from copy import deepcopy
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.notary import claims as dialect
from chalicelib.notary import profiles as module
from chalicelib.notary.admit import Refused, admit_statement
from chalicelib.notary.limits import (
    CLAIMS_BREACHES,
    CLAIMS_CHARACTERS,
    CLAIMS_DEPTH,
    CLAIMS_VALUES,
)
from chalicelib.notary.profiles import (
    FOLDER,
    Breach,
    BrokenClaims,
    Profile,
    check_claims,
    load_profiles,
    natural_key,
    profiles,
)
from chalicelib.proof.hashes import sha256
from chalicelib.proof.payload import Register
from tests.fakes import START_MS
from tests.notary.desk import CALLER, Desk, signed
from tests.notary.profile_rules import claims_of, conforms, faults

DIPLOMA = profiles()["education/diploma"]
TRANSCRIPT = profiles()["education/transcript"]
PROVENANCE = "arts/provenance"


def breaches_of(profile: Profile, claims: Any) -> BrokenClaims:
    with pytest.raises(BrokenClaims) as refused:
        check_claims(profile, claims)
    return refused.value


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The shipped folders, and one more: nothing but three files of data."""
    copy = tmp_path / "profiles"
    shutil.copytree(FOLDER, copy)
    place = copy / PROVENANCE
    place.mkdir(parents=True)
    text = {
        "type": "string",
        "maxLength": 200,
        "pattern": "\\S",
        "description": "text that is not blank",
    }
    files: dict[str, Any] = {
        "profile.json": {
            "title": {"en": "Provenance", "zh": "来源证明"},
            "canonicalization": "jcs",
            "blind": False,
            "withholdable": ["/owner"],
            "natural_key": ["/inventory"],
            "labels": {
                "/inventory": {"en": "Inventory number", "zh": "馆藏编号"},
                "/owner": {"en": "Owner", "zh": "所有者"},
            },
        },
        "schema.json": {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "required": ["inventory"],
            "additionalProperties": False,
            "properties": {"inventory": text, "owner": text},
        },
        "sample.json": {"inventory": "1897,0317.1", "owner": "某博物馆"},
    }
    for name, value in files.items():
        (place / name).write_text(json.dumps(value), "utf-8")
    monkeypatch.setattr(module, "FOLDER", copy)
    profiles.cache_clear()
    yield place
    profiles.cache_clear()


def admit(profile: str) -> None:
    desk = Desk()
    payload = Register(profile, "jcs", sha256(b"document"), sha256(b"document"))
    admit_statement(signed(payload, 1), CALLER, desk.registry, desk.log, START_MS)


def test_without_its_folder_there_is_no_such_profile() -> None:
    with pytest.raises(Refused, match="the profile is none of education/diploma, "):
        admit(PROVENANCE)


def test_a_folder_adds_a_profile(folder: Path) -> None:
    assert faults(folder) == []
    admit(PROVENANCE)
    profile = profiles()[PROVENANCE]
    check_claims(profile, profile.sample)
    assert natural_key(profile, profile.sample) == ("1897,0317.1",)
    assert breaches_of(profile, {"owner": " ", "year": 1897}).breaches == (
        Breach("/inventory", "is required"),
        Breach("", "must have known members alone (inventory, owner): no. 2 is not"),
        Breach("/owner", "must be text that is not blank"),
    )


def test_profiles_are_read_once() -> None:
    assert profiles() is profiles()
    assert load_profiles(FOLDER) is not profiles()


def test_what_checks_schemas_is_loaded_with_the_first_claims() -> None:
    code = (
        "import sys; from chalicelib.notary.profiles import check_claims, profiles;"
        "file = profiles()['generic/file']; print('jsonschema' in sys.modules);"
        "check_claims(file, {}); print('jsonschema' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]


# Natural keys


def keyed(number: str, title: str) -> tuple[str, ...]:
    claims: Any = deepcopy(DIPLOMA.sample)
    claims["student_number"], claims["award"]["title"] = number, title
    check_claims(DIPLOMA, claims)
    return natural_key(DIPLOMA, claims)


def test_the_key_is_the_same_however_the_registrar_typed_it() -> None:
    composed, combining = "M\u00f4n", "Mo\u0302n"
    assert composed != combining
    assert keyed(" 20210388", f"Baglor yn y Celfyddydau, {combining}\u3000") == keyed(
        "20210388", f"Baglor yn y Celfyddydau, {composed}"
    )


def test_the_key_keeps_case_and_what_is_between_words() -> None:
    assert len({keyed("a1", "Law"), keyed("A1", "Law"), keyed("a1", "La w")}) == 3


# Limits


def test_a_refusal_lists_the_first_breaches_and_counts_all() -> None:
    broken = breaches_of(TRANSCRIPT, {"courses": [{}] * 400})
    assert len(broken.breaches) == CLAIMS_BREACHES
    assert broken.count == 4 + 2 * 400
    assert str(broken).endswith(f"; and {broken.count - CLAIMS_BREACHES} more")


def nested(depth: int) -> Any:
    value: Any = "x"
    for _ in range(depth - 1):
        value = [value]
    return value


BIG: dict[str, tuple[Callable[[int], Any], str]] = {
    "deep": (
        lambda extra: nested(CLAIMS_DEPTH + extra),
        f"must be nested at most {CLAIMS_DEPTH} deep",
    ),
    "many values": (
        lambda extra: [None] * (CLAIMS_VALUES - 1 + extra),
        f"must have at most {CLAIMS_VALUES} names and values",
    ),
    "many names": (
        lambda extra: {str(number): 1 for number in range(CLAIMS_VALUES // 2 - 1 + extra)},
        f"must have at most {CLAIMS_VALUES} names and values",
    ),
    "a long text": (
        lambda extra: "长" * (CLAIMS_CHARACTERS + extra),
        f"must have at most {CLAIMS_CHARACTERS} characters",
    ),
    "a long name": (
        lambda extra: {"长" * (CLAIMS_CHARACTERS + extra): 1},
        f"must have at most {CLAIMS_CHARACTERS} characters",
    ),
}


@pytest.mark.parametrize("name", BIG)
def test_too_much_is_refused_before_the_schema_is_asked(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, sentence = BIG[name]
    assert breaches_of(DIPLOMA, make(0)).breaches != (Breach("", sentence),)
    monkeypatch.setattr(dialect, "find_breaches", lambda *_: pytest.fail("the schema was asked"))
    assert breaches_of(DIPLOMA, make(1)).breaches == (Breach("", sentence),)


def test_no_depth_is_too_deep_to_be_refused() -> None:
    assert breaches_of(DIPLOMA, nested(100_000)).count == 1


def test_the_longest_transcript_fits() -> None:
    claims: Any = deepcopy(TRANSCRIPT.sample)
    claims["courses"] = [claims["courses"][0]] * 400
    check_claims(TRANSCRIPT, claims)


def test_a_reference_is_never_fetched(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    schema = json.loads((folder / "schema.json").read_text("utf-8"))
    schema["properties"]["owner"] = {"$ref": "https://elsewhere.example/schema.json"}
    (folder / "schema.json").write_text(json.dumps(schema), "utf-8")
    calls: list[object] = []
    monkeypatch.setattr(socket.socket, "connect", lambda *given: calls.append(given))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *given, **_: calls.append(given))
    profile = profiles()[PROVENANCE]
    with pytest.raises(Exception, match="elsewhere.example"):
        check_claims(profile, profile.sample)
    assert calls == []


# Formats

GOOD = {
    "date": ["2024-02-29", "0001-01-01", "9999-12-31"],
    "date-time": ["2026-04-02T15:42:10+08:00", "2026-04-02T15:42:10Z", "2026-04-02T15:42:10.25Z"],
    "uri": ["https://a.example/b?c=d#e", "urn:uuid:1", "https://a.example/%E5%A4%A7"],
    "email": ["ada@uni.example", "o'neill+x@a-b.uni.example"],
}
BAD = {
    "date": ["2023-02-29", "20240229", "2024-W09-4", "2024-2-9", "2024-02-29 ", "٢٠٢٤-٠٢-٢٩", ""],
    "date-time": [
        *("2026-04-02T15:42:10", "2026-04-02 15:42:10Z", "2026-02-30T15:42:10Z", "2026-04-02"),
        *("2026-04-02T25:42:10Z", "2026-04-02T15:42Z", "2026-04-02T15:42:10+0800", "now"),
    ],
    "uri": ["//a.example", "/a", "a b:c", "https://a.example/大", "https://a.example/%G0", "a:"],
    "email": [
        "ada",
        "ada@uni",
        "a da@uni.example",
        "ada@-uni.example",
        "ada@uni.example\n",
        "@a.b",
    ],
}


def test_every_format_has_examples() -> None:
    assert GOOD.keys() == BAD.keys() == dialect.FORMATS.keys()


@pytest.mark.parametrize(("name", "text"), [(name, text) for name in GOOD for text in GOOD[name]])
def test_what_is_of_a_format(name: str, text: str) -> None:
    assert dialect.FORMATS[name][0](text)


@pytest.mark.parametrize(("name", "text"), [(name, text) for name in BAD for text in BAD[name]])
def test_what_is_not_of_a_format(name: str, text: str) -> None:
    assert not dialect.FORMATS[name][0](text)


# Any claims


NUMBERS = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
SCALARS = st.none() | st.booleans() | NUMBERS | st.text(max_size=20)


def json_about(profile: Profile) -> st.SearchStrategy[Any]:
    """JSON that names the profile's claims often enough to get into its schema."""
    known = {part for claim in claims_of(profile) for part in claim.pointer.split("/")[1:]}
    names = st.sampled_from(sorted(known)) if known else st.nothing()
    keys = names | st.text(max_size=8)
    return st.recursive(
        SCALARS,
        lambda below: st.lists(below, max_size=5) | st.dictionaries(keys, below, max_size=8),
        max_leaves=25,
    )


def mixed(profile: Profile) -> st.SearchStrategy[Any]:
    """Anything, or the sample with some claims replaced or left out."""
    sample: Any = profile.sample
    anything = json_about(profile)
    if not sample:
        return anything
    changes = st.dictionaries(st.sampled_from(sorted(sample)), anything, max_size=3)
    gone = st.sets(st.sampled_from(sorted(sample)), max_size=2)
    changed = st.builds(
        lambda change, without: {k: v for k, v in {**sample, **change}.items() if k not in without},
        changes,
        gone,
    )
    return anything | changed


@settings(deadline=None)
@given(st.data())
def test_claims_pass_or_are_refused_by_name_as_the_plain_schema_would(data: st.DataObject) -> None:
    profile = data.draw(st.sampled_from([each for each in profiles().values() if not each.blind]))
    claims = data.draw(mixed(profile))
    if conforms(profile, claims):
        check_claims(profile, claims)
    else:
        broken = breaches_of(profile, claims)
        assert broken.count >= len(broken.breaches) > 0


# Privacy


def canaries(value: Any, number: Iterator[int]) -> Any:
    """The same shape, with a canary for every leaf and beside every member."""
    if isinstance(value, dict):
        marked = {name: canaries(below, number) for name, below in value.items()}
        return {**marked, f"CANARY-{next(number)}/~": f"CANARY-{next(number)}"}
    if isinstance(value, list):
        return [canaries(below, number) for below in value]
    # Each breaks every rule for texts, and every rule for what is none.
    return f"\n\u202eCANARY-{next(number)}" + "长" * 1000


@pytest.mark.parametrize("name", sorted(profiles()))
def test_no_refusal_repeats_what_it_refused(name: str) -> None:
    profile = profiles()[name]
    claims = canaries(profile.sample, count())
    assert "CANARY" in str(claims)
    for given_claims in (claims, "CANARY", ["CANARY"], {"CANARY": {"CANARY": 1}}):
        broken = breaches_of(profile, given_claims)
        told = "".join(traceback.format_exception(broken))
        assert "the claims are not those of" in told
        said = (told, str(broken), repr(broken), str(broken.args), str(broken.breaches))
        assert not [each for each in said if "CANARY" in each or "长" in each]
