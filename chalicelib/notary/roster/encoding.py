"""From a roster's bytes to its text: UTF-8, UTF-16 or GB18030, never by a guess that is not told.

A byte order mark decides, if there is one. Else ``auto`` takes strict UTF-8, and what is no UTF-8
as strict GB18030. A header that is not ASCII tells whether that is right: read wrongly, it has no
column that is known. With an ASCII header, bytes that are GB18030 as well are taken as UTF-8, with
a note. But GB18030 reads almost any bytes, a Western European file too, whose ``ôn`` becomes one
Chinese character: if a lone byte above 7F pairs so with an ASCII letter, the roster is refused
until somebody says which it is. UTF-16 has a mark, or is not taken.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple, TypeAlias, get_args

from .errors import AmbiguousEncoding, WrongEncoding
from .limits import ROSTER_BYTES

Encoding: TypeAlias = Literal["auto", "utf-8", "utf-16", "gb18030"]
ENCODINGS: tuple[Encoding, ...] = get_args(Encoding)

_MARKS: tuple[tuple[bytes, Encoding, str], ...] = (
    (b"\xef\xbb\xbf", "utf-8", "utf-8"),
    (b"\xff\xfe", "utf-16", "utf-16-le"),
    (b"\xfe\xff", "utf-16", "utf-16-be"),
    (b"\x84\x31\x95\x33", "gb18030", "gb18030"),
)
"""Byte order marks: what each begins, and the codec of what follows it."""

_LONE_BYTE = re.compile(rb"(?:\A|[\x00-\x7f])[\x81-\xfe][A-Za-z]")
"""GB18030 makes one character of the last two bytes; ISO 8859 two, an accented letter first."""


class Decoded(NamedTuple):
    """``encoding`` is what was taken, ``twofold`` that the bytes are GB18030 as well and would read
    otherwise, but are taken as UTF-8, which hardly any text is by chance."""

    text: str
    encoding: str
    twofold: bool = False


def decode_roster(data: bytes, asked: Encoding = "auto") -> Decoded:
    """The text without its byte order mark; raises WrongEncoding or AmbiguousEncoding."""
    if len(data) > ROSTER_BYTES:
        raise WrongEncoding(f"a roster has at most {ROSTER_BYTES} bytes")
    for mark, name, codec in _MARKS:
        if data.startswith(mark):
            if asked not in ("auto", name):
                raise WrongEncoding(f"the roster begins with the byte order mark of {name}")
            return Decoded(_decode(data[len(mark) :], codec), name)
    if asked == "utf-16":
        raise WrongEncoding("UTF-16 begins with a byte order mark, and the roster does not")
    return _decode_auto(data) if asked == "auto" else Decoded(_decode(data, asked), asked)


def _decode(data: bytes, codec: str) -> str:
    try:
        text = data.decode(codec)
    except UnicodeDecodeError as error:
        raise WrongEncoding(f"the roster is not {codec}: byte {error.start} is wrong") from None
    if "\0" in text:
        raise WrongEncoding("the roster holds NUL: if it is UTF-16, it lacks its byte order mark")
    return text


def _decode_auto(data: bytes) -> Decoded:
    told = not data.lstrip(b"\r\n").partition(b"\n")[0].isascii()
    try:
        text = _decode(data, "utf-8")
    except WrongEncoding:
        return Decoded(_decode_chinese(data, told), "gb18030")
    return Decoded(text, "utf-8", not told and not text.isascii() and _is_chinese(data))


def _is_chinese(data: bytes) -> bool:
    try:
        _decode(data, "gb18030")
    except WrongEncoding:
        return False
    return True


def _decode_chinese(data: bytes, told: bool) -> str:
    """``told``: the header has Chinese labels, which are matched, or it is refused."""
    if not _is_chinese(data):
        raise WrongEncoding("the roster is neither UTF-8 nor GB18030: save it as CSV in UTF-8")
    if not told and _LONE_BYTE.search(data):
        raise AmbiguousEncoding(
            "the roster may be GB18030 or a Western European encoding, which read differently: "
            "save it as CSV in UTF-8, or ask for gb18030 if you know that it is that"
        )
    return _decode(data, "gb18030")
