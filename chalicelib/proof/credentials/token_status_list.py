"""Token Status Lists (IETF, draft-ietf-oauth-status-list-18): some bits for each credential.

A list is a byte array, index 0 in the least significant bits of the first byte; compressed with
ZLIB (RFC 1950) and written in base64url, it is in the claim ``status_list`` of a signed JWT, whose
``sub`` is the list's URI. A credential, such as an SD-JWT VC, names URI and index in ``status``.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from ..errors import CannotTell
from ..jcs import JsonValue, format_jcs
from ..keys import PublicKey, Signer
from ..limits import CREDENTIAL_ID_CHARACTERS, INTEGER
from .jose import Jws, parse_payload, sign_jws, verify_jws
from .multibase import MalformedBase64Url, format_base64url, parse_base64url
from .status_list import (
    ZLIB,
    IndexOutOfRange,
    MalformedStatusEntry,
    MalformedStatusList,
    UnknownStatusType,
    WrongStatusList,
    inflate,
)

TYPE = "statuslist+jwt"

VALID, INVALID, SUSPENDED = 0, 1, 2
"""Status types (§7.1): of two bits, and 3 is for applications to define."""

BITS = 2
"""The bits of a status in the lists that are made here."""

_SIZES = (1, 2, 4, 8)


class MalformedStatusToken(MalformedStatusList):
    """A JWT without the claims of a status list, or with wrong ones."""


class MalformedLst(MalformedStatusList):
    """``lst`` is not base64url."""


class WrongTokenType(MalformedStatusList):
    """A JWT whose ``typ`` is another: it was signed to say something else."""


class StatusListExpired(CannotTell):
    """The list says that it is no longer good."""


@dataclass(frozen=True, slots=True)
class StatusReference:
    """Where the status of a credential is: an index of the list at a URI (§6.2)."""

    index: int
    uri: str


class TokenStatusList(NamedTuple):
    """A verified list. ``iat`` and ``exp`` are POSIX seconds, ``ttl`` is how many seconds to use it
    before asking again. ``statuses`` have ``bits`` bits each."""

    uri: str
    iat: int
    exp: int | None
    ttl: int | None
    bits: int
    statuses: bytes


def status_value(statuses: bytes, bits: int, index: int) -> int:
    """The status at an index (§4.1); raises IndexOutOfRange."""
    each = 8 // bits
    if not 0 <= index < len(statuses) * each:
        raise IndexOutOfRange(f"the list has {len(statuses) * each} entries, and none at {index}")
    return statuses[index // each] >> bits * (index % each) & (1 << bits) - 1


def set_status(statuses: bytearray, index: int, value: int) -> None:
    """Set one of the statuses of ``BITS`` bits."""
    shift = BITS * (index % 4)
    statuses[index // 4] = statuses[index // 4] & ~(3 << shift) | value << shift


def status_bits(statuses: bytes, value: int) -> bytes:
    """Which statuses of ``BITS`` bits have a value, as the bitstring of a Bitstring Status List:
    index 0 is the left-most bit."""
    halves = statuses.translate(_NIBBLES[value])
    return bytes(left << 4 | right for left, right in zip(halves[::2], halves[1::2], strict=True))


def _nibble(four: int, value: int) -> int:
    return sum((four >> 2 * at & 3 == value) << 3 - at for at in range(4))


_NIBBLES = {
    value: bytes(_nibble(four, value) for four in range(256)) for value in (INVALID, SUSPENDED)
}
"""By the four statuses in a byte, which of them have a value."""


def encode_lst(statuses: bytes) -> str:
    """``lst`` of a byte array (§4.2)."""
    return format_base64url(zlib.compress(statuses, 9))


def decode_lst(text: str) -> bytes:
    """The byte array of ``lst``; raises MalformedStatusList."""
    try:
        packed = parse_base64url(text)
    except MalformedBase64Url as error:
        raise MalformedLst(f"lst: {error}") from error
    return inflate(packed, ZLIB)


def sign_token_status_list(
    uri: str, statuses: bytes, key: Signer, *, kid: str, iat: int, exp: int, ttl: int
) -> str:
    """The JWT of statuses of ``BITS`` bits (§5.1); times as in TokenStatusList."""
    claims: dict[str, JsonValue] = {
        "sub": uri,
        "iat": iat,
        "exp": exp,
        "ttl": ttl,
        "status_list": {"bits": BITS, "lst": encode_lst(statuses)},
    }
    return sign_jws(format_jcs(claims), key, typ=TYPE, kid=kid)


def verify_token_status_list(jws: Jws, key: PublicKey) -> TokenStatusList:
    """The list, if ``key`` signed it; that its owner may say so is for the caller. Other claims are
    ignored. Raises Invalid, Malformed or CannotTell."""
    claims = parse_payload(verify_jws(jws, key))
    if jws.typ is None or jws.typ.lower().removeprefix("application/") != TYPE:
        raise WrongTokenType(f"the typ of a status list is {TYPE}")
    value = claims.get("status_list")
    if not isinstance(value, dict) or not isinstance(value.get("lst"), str):
        raise MalformedStatusToken("status_list is an object with bits and lst")
    bits = value.get("bits")
    if type(bits) is not int or bits not in _SIZES:
        raise MalformedStatusToken("bits is 1, 2, 4 or 8")
    iat = _read_seconds(claims, "iat")
    if iat is None:
        raise MalformedStatusToken("a status list says when it was issued, in iat")
    ttl = _read_seconds(claims, "ttl")
    if ttl == 0:
        raise MalformedStatusToken("ttl is more than 0")
    uri = _read_uri(claims.get("sub"))
    if uri is None:
        raise MalformedStatusToken("sub is the URI of the list")
    exp, lst = _read_seconds(claims, "exp"), str(value["lst"])
    return TokenStatusList(uri, iat, exp, ttl, bits, decode_lst(lst))


def _read_seconds(claims: Mapping[str, JsonValue], name: str) -> int | None:
    """Whole seconds or parts of them, rounded down; None where the claim is absent."""
    if name not in claims:
        return None
    value = claims[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= INTEGER:
        raise MalformedStatusToken(f"{name} is a number of seconds")
    return int(value)


def _read_uri(value: JsonValue) -> str | None:
    is_uri = isinstance(value, str) and ":" in value and len(value) <= CREDENTIAL_ID_CHARACTERS
    return str(value) if is_uri else None


def read_reference(status: JsonValue) -> StatusReference:
    """The reference in a credential's claim ``status`` (§6.2). Raises MalformedStatusEntry, or
    UnknownStatusType where there is another mechanism alone."""
    if not isinstance(status, dict):
        raise MalformedStatusEntry("status is an object")
    if "status_list" not in status:
        raise UnknownStatusType("this version reads statuses of status_list alone")
    found = status["status_list"]
    if not isinstance(found, dict):
        raise MalformedStatusEntry("status_list is an object")
    index = found.get("idx")
    uri = _read_uri(found.get("uri"))
    if type(index) is not int or not 0 <= index <= INTEGER or uri is None:
        raise MalformedStatusEntry("status_list has idx, an index from 0 on, and uri")
    return StatusReference(index, uri)


def format_reference(reference: StatusReference) -> dict[str, JsonValue]:
    """A claim ``status``."""
    return {"status_list": {"idx": reference.index, "uri": reference.uri}}


def token_status(reference: StatusReference, found: TokenStatusList, at_ms: int) -> int:
    """The status in the list that the reference names (§8.3 steps 4 to 6). Raises WrongStatusList,
    StatusListExpired or IndexOutOfRange, all CannotTell."""
    if found.uri != reference.uri:
        raise WrongStatusList(f"the list is {found.uri}, not {reference.uri}")
    if found.exp is not None and at_ms >= found.exp * 1000:
        raise StatusListExpired("the status list has expired: get a newer one")
    return status_value(found.statuses, found.bits, reference.index)
