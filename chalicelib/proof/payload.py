"""What statements say: the payload of each kind, a map with text keys and exactly its members."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias

from .cbor import CborKey, CborValue, decode, encode, encode_text
from .document import Canonicalization, check_canonicalization
from .errors import Malformed
from .hashes import Hash
from .limits import HASH_BYTES, INTEGER

STATUS_KINDS = ("suspend", "reinstate", "revoke")
KINDS = ("register", "supersede", *STATUS_KINDS, "issuer", "status-list")
"""Every kind; the last two are the notary's own."""

REASONS = (
    "issued-in-error",
    "misconduct",
    "withdrawn-by-holder",
    "key-compromised",
    "under-review",
    "review-closed",
    "other",
)


class MalformedPayload(Malformed):
    """A payload that is not exactly the members of its kind, each of its form."""


class UnknownKind(MalformedPayload):
    """A kind that is not in ``KINDS``."""


class UnknownReason(MalformedPayload):
    """A reason that is not in ``REASONS``."""


class MalformedProfile(MalformedPayload):
    """Not lower-case ASCII segments joined by slashes, such as education/diploma."""


class MalformedUrl(MalformedPayload):
    """A status list is named by an https URL without user, query marks of fragments, or spaces."""


class MalformedDid(Malformed):
    """Not a did:web of lower-case ASCII labels."""


class TimeOutOfRange(Malformed):
    """Seconds from 0 to 2^53 - 1."""


class Register(NamedTuple):
    """A document's commitments, salted: ``sha256`` and ``sm3`` (document.commit)."""

    profile: str
    canonicalization: Canonicalization
    sha256: Hash
    sm3: Hash


class Supersede(NamedTuple):
    """A new version of the document whose register or supersede entry has the id ``target``."""

    profile: str
    canonicalization: Canonicalization
    sha256: Hash
    sm3: Hash
    target: Hash


class StatusChange(NamedTuple):
    """``kind`` is one of ``STATUS_KINDS``, ``reason`` of ``REASONS``; ``effective`` in seconds."""

    kind: str
    target: Hash
    reason: str
    effective: int


class IssuerNotice(NamedTuple):
    """The notary's: the digest of an issuer's public profile document (not salted)."""

    issuer: str
    sha256: Hash


class StatusListNotice(NamedTuple):
    """The notary's: the digest of a public status list, by its https URL (not salted)."""

    list: str
    sha256: Hash


Payload: TypeAlias = Register | Supersede | StatusChange | IssuerNotice | StatusListNotice


_LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DID = re.compile(rf"did:web:(?=[^:]{{1,253}}(?:\Z|:)){_LABEL}(?:\.{_LABEL})*(?::{_LABEL})*")
_PROFILE = re.compile(r"[a-z0-9-]+(?:/[a-z0-9-]+)*")
_URL = re.compile(
    rf"https://{_LABEL}(?:\.{_LABEL})*(?::[1-9][0-9]{{0,4}})?(?:/[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?"
)


def check_did(text: str) -> str:
    """The did:web id, if it is one: domain and path of lower-case ASCII labels, at most 253
    characters of domain, no port, no percent sign. Raises MalformedDid."""
    if not _DID.fullmatch(text):
        raise MalformedDid("an issuer is a did:web of lower-case ASCII labels, without a port")
    return text


def check_seconds(value: int, what: str) -> int:
    if not 0 <= value <= INTEGER:
        raise TimeOutOfRange(f"{what} is in seconds from 0 to 2^53 - 1")
    return value


def check_payload(payload: Payload) -> None:
    """Refuse values that cannot be stated; raises Malformed."""
    if isinstance(payload, (Register, Supersede)):
        if not _PROFILE.fullmatch(payload.profile):
            raise MalformedProfile("a profile is segments of a-z, 0-9 and - joined by /")
    elif isinstance(payload, StatusChange):
        _check_change(payload)
    elif isinstance(payload, IssuerNotice):
        check_did(payload.issuer)
    elif not _URL.fullmatch(payload.list):
        raise MalformedUrl("a status list is named by its https URL")


def _check_change(change: StatusChange) -> None:
    if change.kind not in STATUS_KINDS:
        raise UnknownKind(f"a status change is one of {', '.join(STATUS_KINDS)}")
    if change.reason not in REASONS:
        raise UnknownReason(f"a reason is one of {', '.join(REASONS)}")
    check_seconds(change.effective, "effective")


Members: TypeAlias = Mapping[CborKey, CborValue]


def read_payload(data: bytes) -> Payload:
    """The typed payload, its values not yet checked; raises MalformedPayload or MalformedCbor."""
    members = decode(data)
    if not isinstance(members, dict):
        raise MalformedPayload("a payload is a map")
    kind = members.get("kind")
    if not isinstance(kind, str) or kind not in _READERS:
        raise UnknownKind(f"kind is one of {', '.join(KINDS)}")
    names, read = _READERS[kind]
    if members.keys() != names:
        raise MalformedPayload(f"{kind} has exactly the members {', '.join(sorted(names))}")
    return read(members)


def _text(members: Members, name: str) -> str:
    value = members[name]
    if not isinstance(value, str):
        raise MalformedPayload(f"{name} is text")
    return value


def _hash(members: Members, name: str) -> Hash:
    value = members[name]
    if not isinstance(value, bytes) or len(value) != HASH_BYTES:
        raise MalformedPayload(f"{name} is a byte string of {HASH_BYTES} bytes")
    return Hash(value)


def _integer(members: Members, name: str) -> int:
    value = members[name]
    if not isinstance(value, int) or isinstance(value, bool):
        raise MalformedPayload(f"{name} is an integer")
    return value


def _read_register(members: Members) -> Register:
    return Register(
        _text(members, "profile"),
        check_canonicalization(_text(members, "canonicalization")),
        _hash(members, "sha-256"),
        _hash(members, "sm3"),
    )


def _read_supersede(members: Members) -> Supersede:
    return Supersede(
        _text(members, "profile"),
        check_canonicalization(_text(members, "canonicalization")),
        _hash(members, "sha-256"),
        _hash(members, "sm3"),
        _hash(members, "target"),
    )


def _read_status_change(members: Members) -> StatusChange:
    return StatusChange(
        _text(members, "kind"),
        _hash(members, "target"),
        _text(members, "reason"),
        _integer(members, "effective"),
    )


def _read_issuer(members: Members) -> IssuerNotice:
    return IssuerNotice(_text(members, "issuer"), _hash(members, "sha-256"))


def _read_status_list(members: Members) -> StatusListNotice:
    return StatusListNotice(_text(members, "list"), _hash(members, "sha-256"))


_REGISTER = frozenset(("kind", "profile", "canonicalization", "sha-256", "sm3"))
_STATUS_CHANGE = frozenset(("kind", "target", "reason", "effective"))
_READERS: dict[str, tuple[frozenset[str], Callable[[Members], Payload]]] = {
    "register": (_REGISTER, _read_register),
    "supersede": (_REGISTER | {"target"}, _read_supersede),
    **dict.fromkeys(STATUS_KINDS, (_STATUS_CHANGE, _read_status_change)),
    "issuer": (frozenset(("kind", "issuer", "sha-256")), _read_issuer),
    "status-list": (frozenset(("kind", "list", "sha-256")), _read_status_list),
}

# The members are written from parts encoded once, already in the order of their keys' encodings
# (shorter names first): a general encoding would cost as much as all the rest of parsing.
_KIND = {kind: encode("kind") + encode(kind) for kind in KINDS}
_NAME = {name: encode(name) for name in ("canonicalization", "effective", "issuer", "list")}
_NAME |= {name: encode(name) for name in ("profile", "reason")}
_HASH = {name: encode(name) + b"\x58\x20" for name in ("sha-256", "sm3", "target")}


def _map(*members: bytes) -> bytes:
    return bytes((0xA0 | len(members),)) + b"".join(members)


def format_payload(payload: Payload) -> bytes:
    """The payload in deterministic CBOR."""
    match payload:
        case Register():
            return _map(
                _HASH["sm3"] + payload.sm3,
                _KIND["register"],
                _NAME["profile"] + encode_text(payload.profile),
                _HASH["sha-256"] + payload.sha256,
                _NAME["canonicalization"] + encode_text(payload.canonicalization),
            )
        case Supersede():
            return _map(
                _HASH["sm3"] + payload.sm3,
                _KIND["supersede"],
                _HASH["target"] + payload.target,
                _NAME["profile"] + encode_text(payload.profile),
                _HASH["sha-256"] + payload.sha256,
                _NAME["canonicalization"] + encode_text(payload.canonicalization),
            )
        case StatusChange():
            return _map(
                _KIND[payload.kind],
                _NAME["reason"] + encode(payload.reason),
                _HASH["target"] + payload.target,
                _NAME["effective"] + encode(payload.effective),
            )
        case IssuerNotice():
            return _map(
                _KIND["issuer"],
                _NAME["issuer"] + encode(payload.issuer),
                _HASH["sha-256"] + payload.sha256,
            )
        case _:  # StatusListNotice
            return _map(
                _KIND["status-list"],
                _NAME["list"] + encode(payload.list),
                _HASH["sha-256"] + payload.sha256,
            )
