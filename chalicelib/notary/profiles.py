"""Profiles: what kinds of document there are, what each one claims, and the check of claims.

A profile is a folder of data, ``chalicelib/profiles/<sector>/<name>/``: ``profile.json`` (see
``Profile``), ``schema.json`` (JSON Schema 2020-12 of the claims) and ``sample.json``. A new folder
is a new profile.

Claims are about people, and refusals end up in logs: a breach says what was expected and where,
never what was found. A claim that is not known is told by its place, for its name is the sender's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple
from unicodedata import normalize

from ..proof.document import Canonicalization, check_canonicalization
from ..proof.errors import Malformed
from ..proof.jcs import JsonValue, parse_ijson
from ..proof.members import (
    JsonObject,
    MalformedMember,
    read_list,
    read_members,
    read_object,
    read_text,
)
from .limits import CLAIMS_BREACHES, CLAIMS_CHARACTERS, CLAIMS_DEPTH, CLAIMS_VALUES

FOLDER = Path(__file__).resolve().parent.parent / "profiles"
LANGUAGES = ("en", "zh")


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """What kind of document it is.

    ``title`` is by language, as each of ``labels`` is; those are by the claim's JSON pointer, with
    ``*`` for every item of an array. ``canonicalization`` is how a JSON document is digested unless
    its issuer asks for the other. ``withholdable`` are pointers to what a holder may keep back;
    ``natural_key`` to the texts that tell one document of an issuer from another, none where
    nothing does. A ``blind`` profile takes no claims: its schema is that of the document, which
    never leaves its owner's machine.
    """

    name: str
    title: Mapping[str, str]
    canonicalization: Canonicalization
    blind: bool
    withholdable: tuple[str, ...]
    natural_key: tuple[str, ...]
    labels: Mapping[str, Mapping[str, str]]
    schema: JsonObject
    sample: JsonValue


class Breach(NamedTuple):
    """``pointer`` is the JSON pointer (RFC 6901) of the claim, ``sentence`` what it must be."""

    pointer: str
    sentence: str


class BrokenClaims(Malformed):
    """Claims that break the schema of their profile. ``breaches`` are the first
    ``limits.CLAIMS_BREACHES`` of them; ``count`` is whole."""

    def __init__(self, profile: str, breaches: tuple[Breach, ...], count: int) -> None:
        told = "; ".join(f"{each.pointer or 'the whole'} {each.sentence}" for each in breaches)
        more = f"; and {count - len(breaches)} more" if count > len(breaches) else ""
        super().__init__(f"the claims are not those of {profile}: {told}{more}")
        self.breaches = breaches
        self.count = count


@cache
def profiles() -> Mapping[str, Profile]:
    """The profiles that Tally ships, by name, in order of name; read when first asked for."""
    return load_profiles(FOLDER)


def load_profiles(folder: Path) -> Mapping[str, Profile]:
    """A profile for each ``<sector>/<name>/profile.json`` in ``folder``; raises Malformed or
    OSError for what is broken there."""
    places = sorted(path.parent for path in folder.glob("*/*/profile.json"))
    loaded = (_load(place, f"{place.parent.name}/{place.name}") for place in places)
    return MappingProxyType({profile.name: profile for profile in loaded})


_FACTS = ("title", "canonicalization", "blind", "withholdable", "natural_key", "labels")


def _load(place: Path, name: str) -> Profile:
    facts = read_members(_read(place / "profile.json"), name, _FACTS)
    labels = read_object(facts["labels"], f"{name}: labels")
    return Profile(
        name=name,
        title=_read_text_in_languages(facts["title"], f"{name}: title"),
        canonicalization=check_canonicalization(
            read_text(facts["canonicalization"], f"{name}: canonicalization")
        ),
        blind=_read_flag(facts["blind"], f"{name}: blind"),
        withholdable=_read_texts(facts["withholdable"], f"{name}: withholdable"),
        natural_key=_read_texts(facts["natural_key"], f"{name}: natural_key"),
        labels={
            pointer: _read_text_in_languages(label, f"{name}: label of {pointer}")
            for pointer, label in labels.items()
        },
        schema=read_object(_read(place / "schema.json"), f"{name}: schema"),
        sample=_read(place / "sample.json"),
    )


def _read(path: Path) -> JsonValue:
    return parse_ijson(path.read_bytes())


def _read_text_in_languages(value: JsonValue, what: str) -> dict[str, str]:
    texts = read_members(value, what, LANGUAGES)
    return {language: read_text(text, what) for language, text in texts.items()}


def _read_flag(value: JsonValue, what: str) -> bool:
    if not isinstance(value, bool):
        raise MalformedMember(f"{what} is true or false")
    return value


def _read_texts(value: JsonValue, what: str) -> tuple[str, ...]:
    return tuple(read_text(each, what) for each in read_list(value, what))


def withholdable(profile: Profile) -> tuple[str, ...]:
    """JSON pointers to the claims that a holder may keep back."""
    return profile.withholdable


def natural_key(profile: Profile, claims: JsonValue) -> tuple[str, ...]:
    """What tells this document from the issuer's others, for claims that ``check_claims`` let
    pass: in NFC and trimmed, otherwise as written. Empty when the profile has no natural key, and
    then equal keys say nothing."""
    return tuple(_text_at(claims, pointer) for pointer in profile.natural_key)


def _text_at(claims: JsonValue, pointer: str) -> str:
    value = claims
    for name in pointer.split("/")[1:]:
        assert isinstance(value, dict), "the claims were checked"
        value = value[name]
    assert isinstance(value, str), "the claims were checked"
    return normalize("NFC", value).strip()


def check_claims(profile: Profile, claims: JsonValue) -> None:
    """Hold claims, as ``parse_ijson`` gives them, against the profile's schema; raises BrokenClaims
    with every breach."""
    listed: list[Breach] = []
    count = 0
    for breach in _breaches(profile, claims):
        count += 1
        if count <= CLAIMS_BREACHES:
            listed.append(breach)
    if count:
        raise BrokenClaims(profile.name, tuple(listed), count)


def _breaches(profile: Profile, claims: JsonValue) -> Iterator[Breach]:
    if profile.blind:
        yield Breach("", "must stay with its owner: only a signed statement is sent")
    elif excess := _excess(claims):
        yield Breach("", excess)
    else:
        # What checks schemas takes a tenth of a second to load, which a cold start need not pay.
        from .claims import find_breaches

        yield from find_breaches(profile, claims)


def _excess(claims: JsonValue) -> str | None:
    """Which limit is exceeded, if one is; level by level, since recursion has a limit too."""
    values = characters = depth = 0
    level = [claims]
    while level:
        values += len(level)
        characters += sum(len(each) for each in level if isinstance(each, str))
        depth += 1
        if values > CLAIMS_VALUES:
            return f"must have at most {CLAIMS_VALUES} names and values"
        if characters > CLAIMS_CHARACTERS:
            return f"must have at most {CLAIMS_CHARACTERS} characters"
        if depth > CLAIMS_DEPTH:
            return f"must be nested at most {CLAIMS_DEPTH} deep"
        level = [part for each in level for part in _parts(each)]
    return None


def _parts(value: JsonValue) -> Iterable[JsonValue]:
    if isinstance(value, dict):
        return (*value, *value.values())
    return value if isinstance(value, list) else ()
