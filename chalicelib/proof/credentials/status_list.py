"""Bitstring Status Lists (W3C Recommendation, v1.0): one bit for each credential.

A list is a bitstring of at least ``STATUS_ENTRIES_LEAST`` entries, index 0 the left-most bit;
compressed with GZIP (RFC 1952) and written in multibase base64url, it is the subject of a
credential. Entries of one bit, for the purposes revocation and suspension.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from ..errors import CannotTell, Malformed
from ..jcs import JsonValue
from ..limits import CREDENTIAL_BYTES, STATUS_ENTRIES_LEAST, STATUS_LIST_BYTES
from ..text import parse_decimal
from .multibase import BASE64URL, MalformedBase64Url, format_base64url, parse_base64url
from .vcdm import CREDENTIAL, V2, Credential
from .vcdm_ids import read_id

LIST_CREDENTIAL = "BitstringStatusListCredential"
LIST = "BitstringStatusList"
ENTRY = "BitstringStatusListEntry"

REVOCATION = "revocation"
SUSPENSION = "suspension"
PURPOSES = (REVOCATION, SUSPENSION)
"""The purposes that judge a credential (§2.1); others say something else about it."""

GZIP = 16 + zlib.MAX_WBITS
ZLIB = zlib.MAX_WBITS
"""The forms in which DEFLATE is wrapped (RFC 1952, RFC 1950), as zlib numbers them."""

_GZIP_HEADER = b"\x1f\x8b\x08\x00" + bytes(4) + b"\x02\xff"
"""A header without name or time: the same list has the same bytes wherever it is made."""


class MalformedStatusList(Malformed):
    """Not a status list."""


class MalformedEncodedList(MalformedStatusList):
    """``encodedList`` is not multibase base64url."""


class MalformedGzip(MalformedStatusList):
    """Not one whole member of GZIP, and nothing after it."""


class MalformedZlib(MalformedStatusList):
    """Not one whole stream of ZLIB, and nothing after it."""


class StatusListTooLong(MalformedStatusList):
    """A bitstring of more than ``STATUS_LIST_BYTES``; decompressing it stopped there."""


class StatusListTooShort(MalformedStatusList):
    """Fewer than ``STATUS_ENTRIES_LEAST`` entries (STATUS_LIST_LENGTH_ERROR)."""


class NotStatusList(MalformedStatusList):
    """A credential whose type or subject is not that of a status list."""


class MalformedStatusEntry(MalformedStatusList):
    """A status entry without purpose, index in decimal digits, and list."""


class WrongStatusList(CannotTell):
    """The list is another than the entry names, or for another purpose."""


class IndexOutOfRange(CannotTell):
    """The list has no such index (RANGE_ERROR)."""


class UnknownStatusType(CannotTell):
    """A status of another kind, or of more than one bit."""


class StatusList(NamedTuple):
    """A list as it was read: ``id`` its address, ``bits`` 8 entries in each byte."""

    id: str | None
    issuer: str
    purposes: tuple[str, ...]
    bits: bytes


@dataclass(frozen=True, slots=True)
class StatusEntry:
    """Where the status of a credential is: an index of the list at an address."""

    purpose: str
    index: int
    list_id: str


def make_bits(entries: int, indices: Iterable[int]) -> bytes:
    """The bitstring of ``entries``, a multiple of 8, with the bits at ``indices`` set."""
    if entries % 8 or not STATUS_ENTRIES_LEAST <= entries <= STATUS_LIST_BYTES * 8:
        raise ValueError(
            f"a list has {STATUS_ENTRIES_LEAST} to {STATUS_LIST_BYTES * 8} entries, in whole bytes"
        )
    bits = bytearray(entries // 8)
    for index in indices:
        if not 0 <= index < entries:
            raise ValueError(f"an index is from 0 to {entries - 1}, not {index}")
        bits[index // 8] |= 0x80 >> index % 8
    return bytes(bits)


def status_at(bits: bytes, index: int) -> bool:
    """Whether the bit at an index is set; raises IndexOutOfRange."""
    if not 0 <= index < len(bits) * 8:
        raise IndexOutOfRange(f"the list has {len(bits) * 8} entries, and none at {index}")
    return bool(bits[index // 8] & 0x80 >> index % 8)


def encode_list(bits: bytes) -> str:
    """``encodedList`` of a bitstring (§3.3): ``u``, then base64url of GZIP."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    deflated = compressor.compress(bits) + compressor.flush()
    trailer = zlib.crc32(bits).to_bytes(4, "little") + len(bits).to_bytes(4, "little")
    return BASE64URL + format_base64url(_GZIP_HEADER + deflated + trailer)


def decode_list(text: str) -> bytes:
    """The bitstring of an ``encodedList`` (§3.4); raises MalformedStatusList."""
    if not text.startswith(BASE64URL) or len(text) > CREDENTIAL_BYTES:
        raise MalformedEncodedList("encodedList is multibase in base64url: it begins with u")
    try:
        packed = parse_base64url(text[1:])
    except MalformedBase64Url as error:
        raise MalformedEncodedList(f"encodedList: {error}") from error
    bits = inflate(packed, GZIP)
    if len(bits) * 8 < STATUS_ENTRIES_LEAST:
        raise StatusListTooShort(f"a status list has at least {STATUS_ENTRIES_LEAST} entries")
    return bits


_MALFORMED = {GZIP: MalformedGzip, ZLIB: MalformedZlib}


def inflate(packed: bytes, form: int) -> bytes:
    """What was compressed in the form ``GZIP`` or ``ZLIB``. Never more than a byte beyond the limit
    is made, whatever the input promises. Raises MalformedStatusList."""
    inflator, malformed = zlib.decompressobj(form), _MALFORMED[form]
    try:
        bits = inflator.decompress(packed, STATUS_LIST_BYTES + 1)
    except zlib.error as error:
        raise malformed(f"the list is not compressed as it should be: {error}") from error
    if len(bits) > STATUS_LIST_BYTES:
        raise StatusListTooLong(f"a status list has at most {STATUS_LIST_BYTES} bytes")
    if not inflator.eof or inflator.unused_data:
        raise malformed("the list is compressed as one whole, and nothing is after it")
    return bits


def format_status_list(
    id: str,
    issuer: str,
    purpose: str,
    bits: bytes,
    *,
    valid_from: str,
    valid_until: str,
) -> dict[str, JsonValue]:
    """The credential of a list (§2.2), to be signed; the times are RFC 3339."""
    return {
        "@context": [V2],
        "id": id,
        "type": [CREDENTIAL, LIST_CREDENTIAL],
        "issuer": issuer,
        "validFrom": valid_from,
        "validUntil": valid_until,
        "credentialSubject": {
            "id": f"{id}#list",
            "type": LIST,
            "statusPurpose": purpose,
            "encodedList": encode_list(bits),
        },
    }


def read_status_list(credential: Credential) -> StatusList:
    """The list in a verified credential; raises MalformedStatusList or UnknownStatusType."""
    if LIST_CREDENTIAL not in credential.types or len(credential.subjects) != 1:
        raise NotStatusList(f"a status list is a {LIST_CREDENTIAL} with one subject")
    (subject,) = credential.subjects
    if subject.get("type") not in (LIST, [LIST]):
        raise NotStatusList(f"the subject of a status list is a {LIST}")
    _check_size(subject)
    encoded = subject.get("encodedList")
    if not isinstance(encoded, str):
        raise MalformedEncodedList("encodedList is a string")
    return StatusList(
        credential.id,
        credential.issuer,
        _read_purposes(subject.get("statusPurpose")),
        decode_list(encoded),
    )


def _check_size(value: Mapping[str, JsonValue]) -> None:
    size = value.get("statusSize", 1)
    if type(size) is not int or size != 1:
        raise UnknownStatusType("this version reads statuses of one bit")


def _read_purposes(value: JsonValue) -> tuple[str, ...]:
    listed = value if isinstance(value, list) else [value]
    purposes = tuple(purpose for purpose in listed if isinstance(purpose, str))
    if not purposes or len(purposes) != len(listed):
        raise NotStatusList("statusPurpose is a string, or a list of them")
    return purposes


def format_status_entry(entry: StatusEntry) -> dict[str, JsonValue]:
    """A ``credentialStatus`` (§2.1)."""
    return {
        "id": f"{entry.list_id}#{entry.index}",
        "type": ENTRY,
        "statusPurpose": entry.purpose,
        "statusListIndex": str(entry.index),
        "statusListCredential": entry.list_id,
    }


def read_status_entry(value: JsonValue) -> StatusEntry:
    """Read one ``credentialStatus``; raises MalformedStatusEntry or UnknownStatusType."""
    if not isinstance(value, dict):
        raise MalformedStatusEntry("a status entry is an object")
    if value.get("type") not in (ENTRY, [ENTRY]):
        raise UnknownStatusType(f"this version reads statuses of type {ENTRY}")
    _check_size(value)
    purpose, index = value.get("statusPurpose"), value.get("statusListIndex")
    if not isinstance(purpose, str) or not isinstance(index, str):
        raise MalformedStatusEntry("statusPurpose and statusListIndex are strings")
    try:
        list_id = read_id(value.get("statusListCredential"), "statusListCredential")
        return StatusEntry(purpose, parse_decimal(index), list_id)
    except Malformed as error:
        raise MalformedStatusEntry(f"a status entry cannot be read: {error}") from error


def entry_status(entry: StatusEntry, status_list: StatusList) -> bool:
    """Whether the status is set, in the list that the entry names (§3.2).

    Who may issue the list, and how old it may be, is for the caller. Raises WrongStatusList or
    IndexOutOfRange.
    """
    if status_list.id != entry.list_id:
        raise WrongStatusList(f"the list is {status_list.id}, not {entry.list_id}")
    if entry.purpose not in status_list.purposes:
        raise WrongStatusList(f"the list is not for {entry.purpose}")
    return status_at(status_list.bits, entry.index)
