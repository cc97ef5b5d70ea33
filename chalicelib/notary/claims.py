"""Claims held against the JSON Schema of their profile, with a sentence for each breach.

Only ``profiles`` imports this module, and only when there are claims to check: what checks them
takes longer to load than all the rest of a function. Schemas are ours: JSON Schema 2020-12, with
the keywords that have a sentence here, formats asserted, and ``$ref`` to their own ``$defs`` alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from jsonschema import Draft202012Validator, FormatChecker, ValidationError
from jsonschema.validators import extend
from referencing import Registry

from ..proof.jcs import JsonValue
from .profiles import Breach, Profile

if TYPE_CHECKING:
    from jsonschema.protocols import Validator


def find_breaches(profile: Profile, claims: JsonValue) -> Iterator[Breach]:
    """Every breach of the profile's schema, in the schema's order."""
    for error in _validator(profile).iter_errors(claims):
        yield Breach(_pointer(error.absolute_path), _sentence(error))


@cache
def _validator(profile: Profile) -> Validator:
    # A registry without a way to retrieve: what a $ref names is in the schema or nowhere.
    validator: Validator = _Dialect(
        profile.schema, format_checker=_format_checker(), registry=Registry()
    )
    return validator


def _required(_: Any, names: list[str], found: Any, __: Any) -> Iterator[ValidationError]:
    """As the specification has it, but each error is where the claim should be."""
    if isinstance(found, dict):
        for name in names:
            if name not in found:
                yield ValidationError("is required", path=(name,))


def _closed(_: Any, __: Any, found: Any, schema: Any) -> Iterator[ValidationError]:
    """``additionalProperties`` is false in every schema; one error for each unknown claim, by its
    place among the members, for its name may be anything."""
    if isinstance(found, dict):
        known = ", ".join(schema["properties"]) or "none"
        for number, name in enumerate(found, 1):
            if name not in schema["properties"]:
                yield ValidationError(
                    f"must have known members alone ({known}): no. {number} is not"
                )


_OWN = {"required": _required, "additionalProperties": _closed}
_Dialect = extend(Draft202012Validator, _OWN)  # type: ignore[no-untyped-call]


def _is_date(text: str) -> bool:
    """RFC 3339 full-date; ``fromisoformat`` takes other spellings, too."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?"
    r"(?:Z|[+-][0-9]{2}:[0-9]{2})"
)
_URI = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]*:(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+"
)
_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_EMAIL = re.compile(rf"[A-Za-z0-9.!#$%&'*+/=?^_`{{|}}~-]{{1,64}}@{_LABEL}(?:\.{_LABEL})+")


def _is_moment(text: str) -> bool:
    """RFC 3339 date-time in capitals, to the microsecond; leap seconds are not taken."""
    if not _MOMENT.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _is_uri(text: str) -> bool:
    """An absolute URI with only the characters of RFC 3986."""
    return _URI.fullmatch(text) is not None


def _is_email(text: str) -> bool:
    """A mailbox as browsers take it (WHATWG HTML), in a domain of two labels or more."""
    return _EMAIL.fullmatch(text) is not None


FORMATS: dict[str, tuple[Callable[[str], bool], str]] = {
    "date": (_is_date, "a date that exists, written as 2025-07-31"),
    "date-time": (_is_moment, "a time with its offset, written as 2025-07-31T18:30:00+08:00"),
    "uri": (_is_uri, "an absolute URI"),
    "email": (_is_email, "an e-mail address"),
}
"""Every format that a schema may ask for."""


def _format_checker() -> FormatChecker:
    checker = FormatChecker(formats=())
    for name, (good, _) in FORMATS.items():
        checker.checks(name)(_of_texts(good))
    return checker


def _of_texts(good: Callable[[str], bool]) -> Callable[[object], bool]:
    """What is no text breaks ``type``, and is none of a format's business."""
    return lambda value: not isinstance(value, str) or good(value)


def _pointer(path: Iterable[str | int]) -> str:
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


_TYPES = {
    "object": "an object",
    "array": "an array",
    "string": "a string",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
}
_BOUNDS = {
    "minLength": "must have at least {} characters",
    "maxLength": "must have at most {} characters",
    "minimum": "must be at least {}",
    "maximum": "must be at most {}",
    "minItems": "must have at least {} items",
    "maxItems": "must have at most {} items",
}
KEYWORDS = frozenset({*_OWN, *_BOUNDS, "enum", "type", "format", "pattern", "not"})
"""Every keyword by which a schema may refuse. Beside ``pattern``, and within ``not``, a description
says in words what it asks for."""


def _sentence(error: ValidationError) -> str:
    """From the schema alone: the library's own message would repeat what was found."""
    keyword, expected = str(error.validator), cast(Any, error.validator_value)
    if keyword in _OWN:
        return error.message
    if keyword in _BOUNDS:
        return _BOUNDS[keyword].format(expected)
    if keyword == "enum":
        return "must be one of " + ", ".join(expected)
    if keyword == "type":
        expected = _TYPES[expected]
    elif keyword == "format":
        _, expected = FORMATS[expected]
    else:
        described = expected if keyword == "not" else cast(Any, error.schema)
        expected = described["description"]
    return f"must be {expected}"
