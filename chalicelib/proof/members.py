"""Reading typed values out of JSON members, exactly: what is missing, unknown or of another form
is refused by its name. Receipts and policies are read with it."""

from __future__ import annotations

from collections.abc import Mapping

from .errors import Malformed
from .hashes import Hash
from .jcs import JsonValue
from .limits import INTEGER
from .text import MalformedBase64, parse_base64

JsonObject = Mapping[str, JsonValue]


class MalformedMember(Malformed):
    """A member is missing, unknown or of the wrong form."""


def read_object(value: JsonValue, what: str) -> dict[str, JsonValue]:
    if not isinstance(value, dict):
        raise MalformedMember(f"{what} is an object")
    return value


def read_members(
    value: JsonValue, what: str, required: tuple[str, ...], optional: tuple[str, ...] = ()
) -> dict[str, JsonValue]:
    """An object with all of ``required``, perhaps some of ``optional``, and nothing else."""
    members = read_object(value, what)
    for name in required:
        if name not in members:
            raise MalformedMember(f"{what}: {name} is missing")
    if len(members) != len(required):
        unknown = sorted(members.keys() - set(required) - set(optional))
        if unknown:
            raise MalformedMember(f"{what}: unknown member {unknown[0]!r}")
    return members


def read_list(value: JsonValue, what: str) -> list[JsonValue]:
    if not isinstance(value, list):
        raise MalformedMember(f"{what} is an array")
    return value


def read_text(value: JsonValue, what: str) -> str:
    if not isinstance(value, str):
        raise MalformedMember(f"{what} is a string")
    return value


def read_integer(value: JsonValue, what: str) -> int:
    if type(value) is not int or not 0 <= value <= INTEGER:
        raise MalformedMember(f"{what} is an integer from 0 to {INTEGER}")
    return value


def read_hex(value: JsonValue, what: str, size: int | None = None) -> bytes:
    """Lower-case hex, of exactly ``size`` bytes if given."""
    text = read_text(value, what)
    try:
        data = bytes.fromhex(text)
    except ValueError as error:
        raise MalformedMember(f"{what} is lower-case hex") from error
    if data.hex() != text:
        raise MalformedMember(f"{what} is lower-case hex")
    if size is not None and len(data) != size:
        raise MalformedMember(f"{what} is {size} bytes in hex, not {len(data)}")
    return data


def read_hash(value: JsonValue, what: str) -> Hash:
    return Hash(read_hex(value, what, 32))


def read_base64(value: JsonValue, what: str, size: int | None = None) -> bytes:
    """RFC 4648 §4, padded and canonical: some texts decode alike, one of them is ours."""
    try:
        data = parse_base64(read_text(value, what))
    except MalformedBase64 as error:
        raise MalformedMember(f"{what}: {error}") from error
    if size is not None and len(data) != size:
        raise MalformedMember(f"{what} is {size} bytes in base64, not {len(data)}")
    return data
