"""The usual layouts as patterns: the entry of a register, and a receipt without outside evidence.

Both formats have one spelling, so most of their bytes never change, and one pattern takes the
values out many times faster than a general parser. A match is a guess: whoever takes it checks
each value, and what the pattern leaves open, to be exact. What does not match is read, and what is
wrong with it named, the general way.
"""

from __future__ import annotations

import re

from .cbor import encode

CONTENT_TYPE = "application/vnd.tally.statement+cbor"

_HEAD = rb"([\x40-\x57\x60-\x77]|[\x58\x78].|[\x59\x79]..)"
_TEXT = _HEAD + rb"([!-~]+)"
_HASH = rb"\x58\x20(.{32})"


def _always(*values: int | str) -> bytes:
    return re.escape(b"".join(map(encode, values)))


REGISTER_ENTRY = re.compile(
    b"".join(
        (
            rb"\xd2\x84" + _HEAD + rb"(\xa4",
            _always(1) + rb"([\x26\x27])" + _always(3, CONTENT_TYPE, 4) + _HASH,
            _always(15) + rb"\xa3" + _always(1) + _TEXT + _always(2) + rb"\x78\x2d(.{45})",
            _always(6) + rb"\x1a(?!\x00\x00)(.{4}))\xa0" + _HEAD + rb"(\xa5",
            _always("sm3") + _HASH + _always("kind", "register", "profile") + _TEXT,
            _always("sha-256") + _HASH + _always("canonicalization") + rb"\x63(raw|jcs))",
            rb"\x58\x40(.{64})",
        )
    ),
    re.DOTALL,
)
"""The protected header, and in it alg, kid, iss, sub and iat (32 bits: from 1970 to 2106); the
payload, and in it sm3, profile, sha-256 and canonicalization; the signature. Header, iss, payload
and profile come after the heads of their strings, which alone the pattern does not hold to them.
"""

_HEX = rb'"([0-9a-f]{64})"'
_NUMBER = rb"(0|[1-9][0-9]{0,15})"
_STRING = rb'"([^"]*)"'

RECEIPT = re.compile(
    b"".join(
        (
            rb'\{(?:"document":\{"canonicalization":"(raw|jcs)","salt":' + _HEX,
            rb',"sha-256":' + _HEX + rb',"sm3":' + _HEX + rb"\},)?",
            rb'"entry":' + _STRING + rb',"registered":\{"attestations":\[\],',
            rb'"block":\{"height":' + _NUMBER + rb',"previous":' + _HEX,
            rb',"signature":' + _STRING + rb',"timestamp_ms":' + _NUMBER + rb"\},",
            rb'"proof":' + _STRING + rb'\},"v":1\}\n',
        )
    )
)
"""The holder's canonicalization, salt, sha-256 and sm3 (or None each); the entry; height, previous,
signature, timestamp_ms; the proof, in which a backslash and n stand for each newline. What stands
between quotation marks is not read: its own reader is exact.
"""
