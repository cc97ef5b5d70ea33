"""What nodes of Ethereum say in JSON, read strictly: quantities and data in hex (the Ethereum
JSON-RPC specification, "hex encoding"). What is not in that form is no answer."""

from __future__ import annotations

import re

from ...notary.networks import Unreachable
from ...proof.hashes import Hash
from ...proof.jcs import JsonValue
from ...proof.limits import HASH_BYTES, INTEGER

Members = dict[str, JsonValue]

_QUANTITY = re.compile(r"0x(0|[1-9a-fA-F][0-9a-fA-F]{0,63})")
_DATA = re.compile(r"0x([0-9a-fA-F]{2})*")


def read_quantity(value: JsonValue, what: str, greatest: int = (1 << 256) - 1) -> int:
    if not isinstance(value, str) or not _QUANTITY.fullmatch(value):
        raise Unreachable(f"the node's {what} is no quantity")
    number = int(value, 16)
    if number > greatest:
        raise Unreachable(f"the node's {what} is more than it can be")
    return number


def read_number(value: JsonValue, what: str) -> int:
    """A quantity that we keep: a block number, a nonce, an index."""
    return read_quantity(value, what, INTEGER)


def read_data(value: JsonValue, what: str) -> bytes:
    if not isinstance(value, str) or not _DATA.fullmatch(value):
        raise Unreachable(f"the node's {what} is no data in hex")
    return bytes.fromhex(value[2:])


def read_hash(value: JsonValue, what: str) -> Hash:
    data = read_data(value, what)
    if len(data) != HASH_BYTES:
        raise Unreachable(f"the node's {what} is no hash")
    return Hash(data)


def read_members(value: JsonValue, what: str) -> Members:
    if not isinstance(value, dict):
        raise Unreachable(f"the node's {what} is no object")
    return value


def read_list(value: JsonValue, what: str) -> list[JsonValue]:
    if not isinstance(value, list):
        raise Unreachable(f"the node's {what} is no array")
    return value


def format_data(data: bytes) -> str:
    return "0x" + data.hex()
