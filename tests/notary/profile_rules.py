"""The rules for a profile's folder: ``faults`` names each one that it breaks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from jsonschema import Draft202012Validator, FormatChecker, SchemaError

from chalicelib.notary.claims import FORMATS, KEYWORDS
from chalicelib.notary.profiles import Profile, load_profiles
from chalicelib.proof.errors import Malformed
from chalicelib.proof.jcs import JsonValue

DIALECT = "https://json-schema.org/draft/2020-12/schema"
STRUCTURE = {"$schema", "$defs", "$ref", "properties", "items", "const", "description"}
TYPES = ("object", "array", "string", "number", "integer", "boolean")
RESERVED = {
    *("iss", "sub", "aud", "exp", "nbf", "iat", "jti", "cnf", "vct", "vct#integrity", "status"),
    *("_sd", "_sd_alg", "...", "id", "type", "@context"),
}
"""Names that credentials in JWT (RFC 7519, RFC 9901) or in JSON-LD give another meaning."""

ATOM = re.compile(r"(\\S|\[(?:[^\[\]\\]|\\u[0-9a-f]{4})+\]|[A-Za-z0-9:/.-])(?:\{([0-9]{1,3})\})?")
"""One character, perhaps a fixed number of times: what is made of these alone cannot backtrack."""


class Claim(NamedTuple):
    """``pointer`` has ``*`` for items; ``given`` tells whether valid claims always hold it."""

    pointer: str
    schema: dict[str, Any]
    given: bool


def faults(place: Path) -> list[str]:
    """What is wrong with ``<sector>/<name>/``."""
    name = f"{place.parent.name}/{place.name}"
    found = sorted(path.name for path in place.iterdir())
    if found != ["profile.json", "sample.json", "schema.json"]:
        return [f"files: {found}"]
    try:
        profile = load_profiles(place.parent.parent)[name]
    except Malformed as error:
        return [f"unreadable: {error}"]
    try:
        Draft202012Validator.check_schema(dict(profile.schema))
    except SchemaError as error:
        return [f"no schema: {error.message}"]
    if not re.fullmatch("[a-z0-9-]+/[a-z0-9-]+", name):
        return [f"name: {name}"]
    wrong = [*_faults_of_schema(profile)]
    return wrong or [*_faults_of_sample(profile), *_faults_of_pointers(profile), *_labels(profile)]


def claims_of(profile: Profile) -> list[Claim]:
    """Every claim of the schema, in its order."""
    return [*_claims(profile.schema, profile.schema, "", given=True)]


def _claims(root: Any, schema: Any, at: str, *, given: bool) -> Iterator[Claim]:
    schema = resolve(root, schema)
    for name, below in schema.get("properties", {}).items():
        here = given and name in schema.get("required", ())
        yield Claim(f"{at}/{name}", resolve(root, below), here)
        yield from _claims(root, below, f"{at}/{name}", given=here)
    if "items" in schema:
        yield Claim(f"{at}/*", resolve(root, schema["items"]), False)
        yield from _claims(root, schema["items"], f"{at}/*", given=False)


def resolve(root: Any, schema: Any) -> dict[str, Any]:
    found: dict[str, Any] = schema
    if "$ref" in schema:
        found = root["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    return found


def at(value: Any, pointer: str) -> Any:
    for part in pointer.split("/")[1:]:
        value = value[int(part) if isinstance(value, list) else part]
    return value


def conforms(profile: Profile, claims: JsonValue) -> bool:
    """By the plain validator, without anything of ours but the formats."""
    checker = FormatChecker(formats=())
    for name, (good, _) in FORMATS.items():
        checker.checks(name)(lambda value, good=good: not isinstance(value, str) or good(value))
    validator = Draft202012Validator(dict(profile.schema), format_checker=checker)
    return validator.is_valid(claims)


def _faults_of_schema(profile: Profile) -> Iterator[str]:
    if profile.schema.get("$schema") != DIALECT:
        yield f"dialect: $schema is {DIALECT}"
    if resolve(profile.schema, profile.schema).get("type") != "object":
        yield "root: claims are an object"
    for schema in _subschemas(profile.schema):
        yield from _faults_of_keywords(profile, schema)
        yield from _faults_of_bounds(profile, schema)
        yield from _faults_of_pattern(schema)
        if not _is_own(profile, schema.get("$ref", "#/$defs/")):
            yield f"$ref: {schema['$ref']} is not among the schema's own $defs"


def _is_own(profile: Profile, ref: str) -> bool:
    definitions: Any = profile.schema.get("$defs", {})
    name = ref.removeprefix("#/$defs/")
    return ref.startswith("#/$defs/") and (name in definitions or not name)


def _subschemas(schema: Any) -> Iterator[dict[str, Any]]:
    yield schema
    for within in ("properties", "$defs"):
        for below in schema.get(within, {}).values():
            yield from _subschemas(below)
    for within in ("items", "not"):
        if within in schema:
            yield from _subschemas(schema[within])


def _faults_of_keywords(profile: Profile, schema: dict[str, Any]) -> Iterator[str]:
    for keyword in schema.keys() - KEYWORDS - STRUCTURE:
        yield f"keyword: {keyword} has no sentence"
    if not profile.blind and "const" in schema:
        yield "keyword: const has no sentence"
    if schema.get("type", "object") not in TYPES:
        yield f"type: {schema['type']} is not one type"
    if schema.get("format", "date") not in FORMATS:
        yield f"format: {schema['format']} is not asserted"
    if not all(isinstance(value, str) for value in schema.get("enum", ())):
        yield "enum: values are strings"


def _faults_of_bounds(profile: Profile, schema: dict[str, Any]) -> Iterator[str]:
    match schema.get("type"):
        case "object" if not profile.blind and schema.get("additionalProperties") is not False:
            yield "open: additionalProperties is false"
        case "object" if "properties" not in schema:
            yield "open: properties are listed"
        case "array" if "maxItems" not in schema or "items" not in schema:
            yield "unbounded: an array has items and maxItems"
        case "string" if "maxLength" not in schema and "description" not in schema:
            yield "unbounded: a string has maxLength"
        case "number" | "integer" if not {"minimum", "maximum"} <= schema.keys():
            yield "unbounded: a number has minimum and maximum"


def _faults_of_pattern(schema: dict[str, Any]) -> Iterator[str]:
    described = schema.get("not", schema)
    if {"pattern", "not"} & schema.keys() and "description" not in described:
        yield "description: a pattern says in words what it asks for"
    pattern = schema.get("pattern", "\\S")
    inner = pattern.removeprefix("^").removesuffix("$")
    if not re.fullmatch(f"(?:{ATOM.pattern})+", inner):
        yield f"pattern: {pattern} may backtrack"
    elif pattern.endswith("$"):
        length = sum(int(count or 1) for _, count in ATOM.findall(inner))
        # Python's $ is true before a last newline as well; the length keeps it out.
        if schema.get("maxLength") != length:
            yield f"pattern: {pattern} has maxLength {length}"


def _faults_of_sample(profile: Profile) -> Iterator[str]:
    if not conforms(profile, profile.sample):
        yield "sample: breaks the schema"


def _faults_of_pointers(profile: Profile) -> Iterator[str]:
    claims = {claim.pointer: claim for claim in claims_of(profile)}
    for pointer in (*profile.withholdable, *profile.natural_key):
        if pointer not in claims:
            yield f"pointer: {pointer} is not in the schema"
        elif not _holds(profile.sample, pointer):
            yield f"pointer: {pointer} is not in the sample"
    for pointer in profile.natural_key:
        if pointer in claims and (
            not claims[pointer].given or claims[pointer].schema.get("type") != "string"
        ):
            yield f"natural key: {pointer} is not a required string"
    for name in RESERVED & {pointer[1:] for pointer in claims} if not profile.blind else ():
        yield f"reserved: {name}"
    if profile.blind and (profile.withholdable or profile.natural_key):
        yield "blind: no claims are sent"


def _holds(sample: Any, pointer: str) -> bool:
    try:
        at(sample, pointer)
    except (KeyError, IndexError, ValueError):
        return False
    return True


def _labels(profile: Profile) -> Iterator[str]:
    claims = [claim.pointer for claim in claims_of(profile)]
    if sorted(profile.labels) != sorted(claims):
        yield f"labels: {sorted(set(profile.labels) ^ set(claims))}"
    for texts in (profile.title, *profile.labels.values()):
        if not all(text and text == text.strip() for text in texts.values()):
            yield f"label: {dict(texts)} has a blank"
        if not re.search("[A-Za-z]", texts["en"]) or not re.search("[一-鿿]", texts["zh"]):
            yield f"label: {dict(texts)} is not in English and Chinese"
