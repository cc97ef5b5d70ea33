"""From the text of a cell to the JSON value that its claim's schema asks for.

White space around the text is taken off: it cannot be seen, and means nothing. All else stays as it
was written, in whatever normalization form. What a spreadsheet would compute, or has spoilt, is
refused, in texts that is: a number may have its minus.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ...proof.jcs import JsonValue, MalformedJson, parse_ijson
from ...proof.keys import MalformedKey, format_jwk, parse_jwk

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_FORMULA = re.compile(r"[=+\-@＝＋－＠]")
_SHORTENED = re.compile(r"[0-9](?:[.,][0-9]+)?E[+-][0-9]{1,3}")
_NOT_TEXT = re.compile(
    "[\ufffd\ufdd0-\ufdef"
    + "".join(chr(plane << 16 | 0xFFFE) + chr(plane << 16 | 0xFFFF) for plane in range(17))
    + "]"
)
PRIVATE_USE = re.compile("[\ue000-\uf8ff\U000f0000-\U000ffffd\U00100000-\U0010fffd]")
"""Characters that only some fonts have, and each its own: they are kept, and noted."""

_MUST = {
    "number": "must be a number, written as 97.5, without separators of thousands",
    "integer": "must be a whole number, written as 360",
    "boolean": "must be true or false",
}


class BadCell(Exception):
    """A cell that no value can be made of. The sentence goes after the claim's name, and repeats
    nothing of the cell."""


def is_formula(text: str) -> bool:
    """Whether a spreadsheet would compute it: by its first character, or a tab or CR before."""
    return text.startswith(("\t", "\r")) or _FORMULA.match(text.strip()) is not None


def read_cell(text: str, schema: Mapping[str, JsonValue]) -> JsonValue:
    """The value of a cell that is not blank; the schema still judges it. Raises BadCell."""
    plain, kind = text.strip(), schema.get("type")
    if kind in ("number", "integer") and _NUMBER.fullmatch(plain):
        return _read_number(plain, str(kind))
    if is_formula(text):
        raise BadCell("must not begin as a spreadsheet's formula does: = + - @, tab or return")
    if kind == "boolean" and plain.lower() in ("true", "false"):
        return plain.lower() == "true"
    if kind in _MUST:
        raise BadCell(_MUST[str(kind)])
    if _NOT_TEXT.search(plain):
        raise BadCell("must have no characters that are none: a conversion lost some (U+FFFD)")
    if _SHORTENED.fullmatch(plain):
        raise BadCell("must not be a number that a spreadsheet shortened, such as 2.0E+07")
    return plain


def _read_number(text: str, kind: str) -> JsonValue:
    try:
        return parse_ijson(text.encode())
    except MalformedJson:
        raise BadCell(_MUST[kind]) from None


def read_holder(text: str) -> dict[str, str]:
    """The public key in a cell, a JWK; raises BadCell."""
    try:
        return format_jwk(parse_jwk(parse_ijson(text.strip().encode())))
    except (MalformedJson, MalformedKey):
        raise BadCell("must be the holder's public key, a JWK of Ed25519 or P-256") from None
