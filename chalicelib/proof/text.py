"""Decimals and base64 as the text formats of C2SP write them: one spelling for each value.

Python is laxer than the formats: ``int`` takes ``1_0``, ``+5`` and ``٣``, and base64 decoders take
two spellings of one value. So every reader here writes its value again and compares.
"""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64

from .errors import Malformed
from .limits import TREE_SIZE

_DECIMAL_DIGITS = len(str(TREE_SIZE))


class MalformedDecimal(Malformed):
    """Not ASCII digits without leading zeros, or more than a tree size can be."""


class MalformedBase64(Malformed):
    """Not the padded, canonical base64 of RFC 4648 §4."""


def parse_decimal(text: str) -> int:
    """Read an index or a tree size, 0 ≤ n < 2^63; raises MalformedDecimal."""
    if len(text) > _DECIMAL_DIGITS or not text.isdecimal():
        raise MalformedDecimal("a number is written in at most 19 decimal digits and nothing else")
    value = int(text)
    if str(value) != text or value > TREE_SIZE:
        raise MalformedDecimal("a number is below 2^63, in ASCII digits without leading zeros")
    return value


def parse_base64(text: str) -> bytes:
    """Read base64 of any length; raises MalformedBase64."""
    try:
        value = a2b_base64(text)
    except ValueError as error:
        raise MalformedBase64(f"not base64: {error}") from error
    if format_base64(value) != text:
        raise MalformedBase64("base64 is padded, without line breaks, and has no stray bits")
    return value


def format_base64(value: bytes) -> str:
    """Write base64 with padding and without a newline (RFC 4648 §4)."""
    return b2a_base64(value, newline=False).decode("ascii")
