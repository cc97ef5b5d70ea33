"""JSON in its canonical form: strict I-JSON (RFC 7493) in, RFC 8785 (JCS) out.

What I-JSON forbids is refused by name and never repaired: two readers could understand such a
document differently, and its digest would bind neither reading. The parser and the encoder are
those of the standard library, which run in C; all that they are lax about is checked around them.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from itertools import accumulate
from typing import TypeAlias, Union

from .errors import Malformed
from .limits import INTEGER, JSON_DEPTH, JSON_DIGITS

JsonValue: TypeAlias = Union[
    bool,
    int,
    float,
    str,
    "list[JsonValue]",
    "tuple[JsonValue, ...]",
    "Mapping[str, JsonValue]",
    None,
]
"""``parse_ijson`` gives lists and dicts. Integers are within ±(2^53 - 1), floats are finite."""


class MalformedJson(Malformed):
    """Not I-JSON."""


class NotJson(MalformedJson):
    """Not one JSON text (RFC 8259), and nothing after it."""


class NotUtf8(MalformedJson):
    """Not UTF-8 (RFC 7493 §2.1)."""


class ByteOrderMark(MalformedJson):
    """A byte order mark before the text (RFC 8259 §8.1)."""


class DuplicateKey(MalformedJson):
    """An object names one member twice (RFC 7493 §2.3)."""


class NotANumber(MalformedJson):
    """NaN or an infinity."""


class LoneSurrogate(MalformedJson):
    """Half of a surrogate pair, escaped or raw (RFC 7493 §2.1)."""


class Noncharacter(MalformedJson):
    """A code point that Unicode will never assign (RFC 7493 §2.1)."""


class IntegerTooLarge(MalformedJson):
    """An integer, without point or exponent, beyond ±(2^53 - 1) (RFC 7493 §2.2)."""


class TooManyDigits(MalformedJson):
    """More significant digits than a double holds; leading zeros are not counted."""


class NumberOverflow(MalformedJson):
    """A number beyond the range of doubles."""


class NumberUnderflow(MalformedJson):
    """A number other than zero that is nearer to zero than any double."""


class TooDeep(MalformedJson):
    """Nested deeper than ``limits.JSON_DEPTH``."""


def canonicalize(data: bytes) -> bytes:
    """The RFC 8785 form of an I-JSON text; raises MalformedJson."""
    return format_jcs(parse_ijson(data))


def parse_ijson(data: bytes) -> JsonValue:
    """The value of an I-JSON text in UTF-8; raises MalformedJson. Time is linear in the text."""
    text = _decode_utf8(data)
    if data.count(b"[") + data.count(b"{") > JSON_DEPTH:
        _check_depth(text)
    try:
        value: JsonValue = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise NotJson(f"not JSON: {error}") from None
    if _may_hold_bad_code_points(data, text):
        _check_code_points(_ENCODER.encode(value))
    return value


_SURROGATE_BYTES = re.compile(rb"\xed[\xa0-\xbf][\x80-\xbf]")


def _decode_utf8(data: bytes) -> str:
    if data.startswith(b"\xef\xbb\xbf"):
        raise ByteOrderMark("JSON begins without a byte order mark")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        if _SURROGATE_BYTES.match(data, error.start):
            raise LoneSurrogate("the text holds a surrogate as bytes (CESU-8)") from None
        raise NotUtf8(f"JSON is UTF-8; byte {error.start} is not") from None


_STRING = re.compile(r'"(?>[^"\\]+|\\.)*+"?', re.DOTALL)
_BRACKET = re.compile(r"[][{}]")
_NESTING = {"[": 1, "{": 1, "]": -1, "}": -1}


def _check_depth(text: str) -> None:
    """Before parsing, which recurses: how far depends on the interpreter. The pattern for strings
    matches an unterminated one too, so that no text makes it start again and again."""
    brackets = _BRACKET.findall(_STRING.sub("", text))
    if max(accumulate(map(_NESTING.__getitem__, brackets)), default=0) > JSON_DEPTH:
        raise TooDeep(f"JSON is nested at most {JSON_DEPTH} deep")


# Every noncharacter's UTF-8 holds one of these, and little else does: U+FDD0 to U+FDEF the first,
# U+xFFFE and U+xFFFF the others.
_ASCII = bytes(range(128))
_NONCHARACTER_MARKS = (b"\xef\xb7", b"\xbf\xbe", b"\xbf\xbf")
_SUSPECT_ESCAPE = re.compile(r"\\u(?:[dD][89a-fA-F]|[fF][dDfF])")
_SURROGATE = re.compile("[\ud800-\udfff]")
_NONCHARACTER = re.compile(
    "[\ufdd0-\ufdef"
    + "".join(chr(plane << 16 | 0xFFFE) + chr(plane << 16 | 0xFFFF) for plane in range(17))
    + "]"
)


def _may_hold_bad_code_points(data: bytes, text: str) -> bool:
    if "\\u" in text and _SUSPECT_ESCAPE.search(text):
        return True
    if text.isascii():
        return False
    # Without its ASCII even a long text is mostly short, and then quickly searched.
    rest = data.translate(None, _ASCII)
    return any(mark in rest for mark in _NONCHARACTER_MARKS)


def _check_code_points(text: str) -> None:
    if _SURROGATE.search(text):
        raise LoneSurrogate("a surrogate stands without its other half")
    found = _NONCHARACTER.search(text)
    if found:
        raise Noncharacter(f"U+{ord(found[0]):04X} is a noncharacter")


def _object(members: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    value = dict(members)
    if len(value) != len(members):
        raise DuplicateKey(f"an object has the member {_most_repeated(members)!r} twice")
    return value


def _most_repeated(members: list[tuple[str, JsonValue]]) -> str:
    counts = Counter(name for name, _ in members)
    return max(counts, key=counts.__getitem__)


def _integer(text: str) -> int:
    # The length first: converting a long text takes more than linear time.
    if len(text) > JSON_DIGITS or not -INTEGER <= (value := int(text)) <= INTEGER:
        raise IntegerTooLarge("an integer is within 2^53 - 1 of zero")
    return value


def _float(text: str) -> float:
    digits = text.lower().partition("e")[0].replace(".", "").lstrip("-0")
    if len(digits) > JSON_DIGITS:
        raise TooManyDigits(f"a number has at most {JSON_DIGITS} significant digits")
    value = float(text)
    if value in (_INFINITY, -_INFINITY):
        raise NumberOverflow("a number is beyond the range of doubles")
    if value == 0 and digits:
        raise NumberUnderflow("a number is too near to zero for a double")
    return value


_INFINITY = float("inf")


def _constant(text: str) -> float:
    raise NotANumber(f"{text} is not a JSON number")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_float, parse_int=_integer, parse_constant=_constant
)
_ENCODER = json.JSONEncoder(
    ensure_ascii=False,
    check_circular=False,
    allow_nan=False,
    sort_keys=True,
    separators=(",", ":"),
)


def format_jcs(value: JsonValue) -> bytes:
    """RFC 8785 JSON of a value such as ``parse_ijson`` gives; raises LoneSurrogate.

    The C encoder escapes strings as RFC 8785 does. It differs in two things, both visible in what
    it writes: it sorts keys by code point, not by UTF-16 code unit, which matters beyond U+FFFF
    alone; and it writes some floats otherwise. Then the exact, slow way is taken.
    """
    text = _ENCODER.encode(value)
    if _holds_odd_float(text) or _holds_astral(text):
        text = "".join(_exact(value))
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise LoneSurrogate("a surrogate stands without its other half") from None


_ODD_ENDS = (".0,", ".0}", ".0]")
_ODD_EXPONENTS = tuple(
    (mark, re.compile(re.escape(mark) + r"[0-9]+(?:[,\]}]|\Z)")) for mark in ("e-", "e+")
)


def _holds_odd_float(text: str) -> bool:
    """Whether Python may have written a float as ECMAScript would not: it always writes a point or
    an exponent, and begins exponents at other magnitudes. May be true of a mere string."""
    return (
        any(end in text for end in _ODD_ENDS)
        or text.endswith(".0")
        or any(mark in text and odd.search(text) for mark, odd in _ODD_EXPONENTS)
    )


def _holds_astral(text: str) -> bool:
    return not text.isascii() and len(text.encode("utf-16-le", "surrogatepass")) > 2 * len(text)


def _exact(value: JsonValue) -> list[str]:
    pieces: list[str] = []
    _write(value, pieces)
    return pieces


def _write(value: JsonValue, pieces: list[str]) -> None:
    if isinstance(value, dict):
        separator = "{"
        for name in sorted(value, key=_utf16):
            pieces += (separator, _ENCODER.encode(name), ":")
            _write(value[name], pieces)
            separator = ","
        pieces.append("}" if value else "{}")
    elif isinstance(value, list | tuple):
        separator = "["
        for item in value:
            pieces.append(separator)
            _write(item, pieces)
            separator = ","
        pieces.append("]" if value else "[]")
    elif isinstance(value, float):
        pieces.append(format_double(value))
    else:
        pieces.append(_ENCODER.encode(value))


def _utf16(name: str) -> bytes:
    # A surrogate alone is refused when the text is encoded.
    return name.encode("utf-16-be", "surrogatepass")


def format_double(value: float) -> str:
    """A finite double as ECMAScript writes it (ECMA-262 Number::toString; RFC 8785 §3.2.2.3).

    Python's repr has the same shortest digits; only the layout is another.
    """
    if value == 0:
        return "0"
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent or 0) - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    return ("-" if value < 0 else "") + _lay_out(digits, point)


def _lay_out(digits: str, point: int) -> str:
    """``digits`` with the decimal point ``point`` places after their beginning."""
    if len(digits) <= point <= 21:
        return digits + "0" * (point - len(digits))
    if 0 < point <= 21:
        return f"{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return "0." + "0" * -point + digits
    fraction = "." + digits[1:] if len(digits) > 1 else ""
    return f"{digits[0]}{fraction}e{point - 1:+d}"
