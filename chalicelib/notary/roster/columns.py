"""Which claim each column of a roster holds.

A column is named by the claim's JSON pointer (``/award/title``; items of arrays by their position,
``/courses/0/title``), by the profile's label in English or Chinese, or by the caller's map from
names to pointers, in which null leaves a column out. ``/cnf`` is the holder's public key. What is
unknown is refused by its name: a column that nobody reads would be one that somebody misses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from unicodedata import normalize

from ...proof.jcs import JsonValue, parse_ijson
from ...proof.members import JsonObject, read_object
from ..profiles import LANGUAGES, Profile
from .errors import MalformedHeader, WrongColumnMap
from .limits import HEADER_SHOWN, LIST_ITEMS

HOLDER = "/cnf"
"""The column of the holder's public key, a JWK, to which the credential is then bound."""

Step = str | int


class Column(NamedTuple):
    """``at`` is the cell's place in a row, ``name`` how the column is told, ``steps`` the way to
    the claim, ``schema`` that of its value."""

    at: int
    name: str
    pointer: str
    steps: tuple[Step, ...]
    schema: JsonObject


ColumnMap = Mapping[str, str | None]


def parse_column_map(data: bytes) -> dict[str, str | None]:
    """``{"name of a column": "/pointer" or null, …}``; raises WrongColumnMap."""
    try:
        members = read_object(parse_ijson(data), "a map of columns")
    except ValueError as error:
        raise WrongColumnMap(str(error)) from error
    read: dict[str, str | None] = {}
    for name, pointer in members.items():
        if not (pointer is None or isinstance(pointer, str)):
            raise WrongColumnMap("a column is mapped to a JSON pointer, or to null to leave it out")
        read[_plain(name)] = pointer
    return read


def match_columns(
    header: tuple[str, ...], profile: Profile, given: ColumnMap, other: str | None
) -> tuple[Column, ...]:
    """The columns that hold claims, in their order. ``other`` names a column that need not hold
    one. Raises MalformedHeader with all that is wrong, or WrongColumnMap."""
    names = [_plain(cell) for cell in header]
    for name in given:
        if name not in names:
            raise WrongColumnMap(f"the map has the column {shown(name)}, and the roster has not")
    pointers = {**_pointers_by_label(profile), **given}
    wrong: list[str] = [*_repeated(names)]
    columns: list[Column] = []
    for at, name in enumerate(names):
        found = _match(at, name, profile, pointers)
        if isinstance(found, Column):
            columns.append(found)
        elif found and name != other:
            wrong.append(found)
    wrong += [*_twice(columns), *_missing(profile, columns)]
    if wrong:
        raise MalformedHeader("; ".join(wrong))
    return tuple(columns)


def shown(name: str) -> str:
    """A column's name for people, in quotes: short, and on one line."""
    return repr(name if len(name) <= HEADER_SHOWN else name[:HEADER_SHOWN] + "…")


def find_column(header: tuple[str, ...], name: str) -> int:
    """The place of a column by its name; raises MalformedHeader."""
    names = [_plain(cell) for cell in header]
    if _plain(name) not in names:
        raise MalformedHeader(f"there is no column {shown(_plain(name))}")
    return names.index(_plain(name))


def _plain(name: str) -> str:
    return normalize("NFC", " ".join(name.split()))


def _pointers_by_label(profile: Profile) -> dict[str, str]:
    """By labels that only one claim has; those in arrays have no position, and are none."""
    known: dict[str, set[str]] = {}
    for pointer, label in profile.labels.items():
        for language in LANGUAGES:
            known.setdefault(_plain(label[language]), set()).add(pointer)
    alone = {label: min(pointers) for label, pointers in known.items() if len(pointers) == 1}
    return {label: pointer for label, pointer in alone.items() if "*" not in pointer}


def _repeated(names: list[str]) -> list[str]:
    again = dict.fromkeys(name for at, name in enumerate(names) if name and name in names[:at])
    return [f"the column {shown(name)} is there twice" for name in again]


def _match(
    at: int, name: str, profile: Profile, pointers: Mapping[str, str | None]
) -> Column | str | None:
    """The column, or what is wrong with it; None if it is left out."""
    told = f"{shown(name)} (column {at + 1})"
    if not name:
        return f"column {at + 1} has cells and no name"
    pointer = pointers.get(name, name if name.startswith("/") else "")
    if pointer is None:
        return None
    if pointer == HOLDER:
        return Column(at, name, HOLDER, (HOLDER,), {})
    found = _enter(profile.schema, pointer) if pointer.startswith("/") else None
    if found is None:
        return f"{told} is no claim of {profile.name}: name it by a pointer or label, or map it"
    steps, schema = found
    if schema.get("type") in ("object", "array"):
        return f"{told} is not for one value: give its parts, such as {pointer}/…"
    return Column(at, name, pointer, steps, schema)


def _enter(root: Any, pointer: str) -> tuple[tuple[Step, ...], JsonObject] | None:
    """The steps to what a pointer (RFC 6901) names, and its schema; None if it names nothing."""
    schema, steps = _resolve(root, root), []
    for part in pointer.split("/")[1:]:
        name: Step = part.replace("~1", "/").replace("~0", "~")
        if "items" in schema:
            if not _is_position(part):
                return None
            schema, name = _resolve(root, schema["items"]), int(part)
        elif name in schema.get("properties", {}):
            schema = _resolve(root, schema["properties"][name])
        else:
            return None
        steps.append(name)
    return tuple(steps), schema


def _is_position(part: str) -> bool:
    digits = part.isascii() and part.isdigit() and len(part) <= len(str(LIST_ITEMS))
    return digits and str(int(part)) == part and int(part) < LIST_ITEMS


def _resolve(root: Any, schema: Any) -> Any:
    """Schemas refer to their own ``$defs`` alone."""
    reference = schema.get("$ref")
    return root["$defs"][reference.removeprefix("#/$defs/")] if reference else schema


def _twice(columns: list[Column]) -> Iterator[str]:
    first: dict[str, Column] = {}
    for column in columns:
        if first.setdefault(column.pointer, column) is not column:
            names = f"{shown(first[column.pointer].name)} and {shown(column.name)}"
            yield f"the columns {names} are both for {column.pointer}"


def _missing(profile: Profile, columns: list[Column]) -> Iterator[str]:
    pointers = [column.pointer for column in columns]
    for pointer in _required(profile.schema, profile.schema, ""):
        if not any(each == pointer or each.startswith(pointer + "/") for each in pointers):
            labels: Mapping[str, JsonValue] = profile.labels[pointer]
            told = " or ".join(shown(str(labels[language])) for language in LANGUAGES)
            yield f"there is no column for {pointer}: it would be named so, or {told}"


def _required(root: Any, schema: Any, at: str) -> Iterator[str]:
    """Pointers to what every document claims; of an array, to the array."""
    for name in schema.get("required", ()):
        below = _resolve(root, schema["properties"][name])
        if below.get("type") == "object" and below.get("required"):
            yield from _required(root, below, f"{at}/{name}")
        else:
            yield f"{at}/{name}"


def find_pointer(name: str, profile: Profile) -> str | None:
    """The pointer to the claim that a column of this name holds; None if it holds none."""
    pointer = _pointers_by_label(profile).get(_plain(name), _plain(name))
    return pointer if pointer.startswith("/") and _enter(profile.schema, pointer) else None
