"""The usual layouts as patterns: the entry of a register, and a receipt without outside evidence.

Both formats have one spelling, so most of their bytes never change, and one pattern takes the
values out many times faster than a general parser. A match is a guess: whoever takes it checks
each value, and what the pattern leaves open, to be exact. What does not match is read, and what is
wrong with it named, the general way.
"""

from __future__ import annotations

import re

from .cbor import encode
from .limits import NOTE_SIGNATURES, PROOF_HASHES

CONTENT_TYPE = "application/vnd.tally.statement+cbor"

_TEXT = rb"([\x60-\x77]|\x78.)([!-~]+)"
_HASH = rb"\x58\x20(.{32})"


def _always(*values: int | str) -> bytes:
    return re.escape(b"".join(map(encode, values)))


REGISTER_ENTRY = re.compile(
    b"".join(
        (
            rb"\xd2\x84(\x58(.)\xa4",
            _always(1) + rb"([\x26\x27])" + _always(3, CONTENT_TYPE, 4) + _HASH,
            _always(15) + rb"\xa3" + _always(1) + _TEXT + _always(2) + rb"\x78\x2d(.{45})",
            _always(6) + rb"\x1a(?!\x00\x00)(.{4}))\xa0(\x58(.)\xa5",
            _always("sm3") + _HASH + _always("kind", "register", "profile") + _TEXT,
            _always("sha-256") + _HASH + _always("canonicalization") + rb"\x63(raw|jcs))",
            rb"\x58\x40(.{64})",
        )
    ),
    re.DOTALL,
)
"""The protected header, encoded as a byte string, and of it the length (one byte), alg, kid, head
and text of iss, sub and iat (32 bits: from 1970 to 2106); the payload likewise, and of it length,
sm3, head and text of profile, sha-256 and canonicalization; the signature. Lengths and heads, iss,
sub and profile are left open.
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

# Base64 of so many bytes. The last digit has bits to spare, which are zero: so it is canonical.
_BASE64_32 = rb"[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]="
_BASE64_68 = rb"[A-Za-z0-9+/]{90}[AEIMQUYcgkosw048]="
_BASE64_76 = rb"[A-Za-z0-9+/]{101}[AQgw]=="
_DIGITS = rb"[1-9][0-9]{0,17}"  # always below 2^63
_ORIGIN = rb"[ !#-\[\]-~]{1,255}"
_KEY_NAME = rb"[!#-*,-\[\]-~]{1,255}"
_SIGNATURE_LINE = rb"\xe2\x80\x94 %b (?:%b|%b)\\n" % (_KEY_NAME, _BASE64_68, _BASE64_76)

PROOF = re.compile(
    b"".join(
        (
            rb"c2sp\.org/tlog-proof@v1\\nindex (0|%b)\\n" % _DIGITS,
            rb"((?:%b\\n){0,%d})\\n" % (_BASE64_32, PROOF_HASHES),
            rb"(%b)\\n(%b)\\n(%b)\\n\\n" % (_ORIGIN, _DIGITS, _BASE64_32),
            rb"((?:%b){1,%d})" % (_SIGNATURE_LINE, NOTE_SIGNATURES),
        )
    )
)
"""The proof as it stands in a receipt: index and path; origin, size and root of the checkpoint; its
signature lines, of logs and witnesses with names in ASCII. Nothing is left open, and whatever
matches is within the limits of proofs and notes.
"""
