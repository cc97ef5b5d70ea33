"""Distinguished names of X.501 in words for people: the strings of RFC 4514."""

from __future__ import annotations

from ..limits import DER_NAME_BYTES
from .der import (
    BMP_STRING,
    IA5_STRING,
    PRINTABLE_STRING,
    SEQUENCE,
    SET,
    T61_STRING,
    UTF8_STRING,
    DerReader,
    MalformedDer,
    TooLong,
    read_der,
    read_sequence_of,
    read_set_of,
)

_SHORT = {
    "2.5.4.3": "CN",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
    "2.5.4.6": "C",
    "2.5.4.9": "STREET",
    "0.9.2342.19200300.100.1.25": "DC",
    "0.9.2342.19200300.100.1.1": "UID",
}
"""RFC 4514 §3."""

_ENCODINGS = {
    UTF8_STRING: "utf-8",
    PRINTABLE_STRING: "ascii",
    IA5_STRING: "ascii",
    T61_STRING: "latin-1",
    BMP_STRING: "utf-16-be",
}
_SPECIAL = '"+,;<>\\'


def format_name(name: bytes) -> str:
    """The string of a Name's encoding, the last part first; raises MalformedDer.

    What does not print is escaped as its UTF-8 bytes in hex, so that a name is one line."""
    if len(name) > DER_NAME_BYTES:
        raise TooLong(f"a name has at most {DER_NAME_BYTES} bytes")
    parts = [read_set_of(read_der(item, SET)) for item in read_sequence_of(read_der(name), SET)]
    return ",".join("+".join(map(_format_part, part)) for part in reversed(parts))


def _format_part(part: bytes) -> str:
    reader = read_der(part, SEQUENCE)
    oid = reader.take_oid()
    value = reader.take_whole()
    reader.finish()
    short = _SHORT.get(oid)
    encoding = _ENCODINGS.get(value[0])
    if short is None or encoding is None:
        return f"{short or oid}=#{value.hex()}"
    try:
        text = DerReader(value).take(value[0]).decode(encoding)
    except UnicodeDecodeError as error:
        raise MalformedDer("a name holds a string that is not in its encoding") from error
    return f"{short}={_escape(text)}"


def _escape(text: str) -> str:
    """RFC 4514 §2.4."""
    escaped = "".join(map(_escape_character, text))
    if text[:1] in (" ", "#"):
        escaped = "\\" + escaped
    if text[1:].endswith(" "):
        escaped = escaped[:-1] + "\\ "
    return escaped


def _escape_character(character: str) -> str:
    if character in _SPECIAL:
        return "\\" + character
    if character.isprintable():
        return character
    return "".join(f"\\{byte:02x}" for byte in character.encode())
