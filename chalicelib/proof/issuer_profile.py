"""An issuer's profile: who it is, what accredits it and which keys it has, as registered at a time.

A public document of the notary, ``MEDIA_TYPE``: RFC 8785 JSON and a newline, at most
``PROFILE_BYTES``. Its digest is registered in the log by an ``issuer`` notice, and it travels in
receipts: so a website that is gone, or a university that was merged, changes nothing.

    {"v": 1, "id", "names": {"en", "zh"}, "status": "active" | "suspended" | "closed",
     "accreditations": [{"register", "number", "from_ms", "to_ms"?}, …],
     "keys": [{"kid", "jwk", "from_ms", "to_ms"?, "compromised_ms"?}, …]}

Ids are did:web of lower-case ASCII labels, so no letter of another script can stand in one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .codes import Code
from .errors import CannotTell, Invalid
from .jcs import JsonValue, format_jcs, parse_ijson
from .keys import PublicKey, format_jwk, parse_jwk
from .limits import PROFILE_BYTES, PROFILE_ITEMS, PROFILE_TEXT
from .members import (
    JsonObject,
    MalformedMember,
    read_hash,
    read_integer,
    read_list,
    read_members,
    read_object,
    read_text,
)
from .payload import check_did
from .times import format_time

MEDIA_TYPE = "application/vnd.tally.issuer+json"

STATUSES = ("active", "suspended", "closed")


class MalformedIssuerProfile(MalformedMember):
    """Not an issuer's profile."""


class ProfileTooLarge(MalformedIssuerProfile):
    """More than ``PROFILE_BYTES``; not even read."""


class NonCanonicalProfile(MalformedIssuerProfile):
    """Readable, but not the one spelling (RFC 8785 and a newline) that this profile has."""


@dataclass(frozen=True, slots=True)
class Accreditation:
    """An entry of a public register, good from ``from_ms`` until before ``to_ms``."""

    register: str
    number: str
    from_ms: int
    to_ms: int | None = None

    def covers(self, at_ms: int) -> bool:
        return self.from_ms <= at_ms and (self.to_ms is None or at_ms < self.to_ms)


@dataclass(frozen=True, slots=True)
class ProfileKey:
    """A key, and the times in which it is good (see the policy format)."""

    key: PublicKey
    from_ms: int
    to_ms: int | None = None
    compromised_ms: int | None = None


@dataclass(frozen=True, slots=True)
class IssuerProfile:
    """``names`` are those of the registry, by language: en and zh."""

    id: str
    names: dict[str, str]
    status: str
    accreditations: tuple[Accreditation, ...]
    keys: tuple[ProfileKey, ...]


def check_profile(
    profile: IssuerProfile, issuer: str, at_ms: int, registered_ms: int
) -> tuple[str, Code]:
    """The issuer's name and accreditation at ``at_ms``, when it registered a document.

    ``registered_ms`` is the time of the block that holds the profile's notice. Raises Invalid if
    the profile is another issuer's, was not active, or has accreditations of which none covers that
    time; CannotTell where a profile that was registered only afterwards says so."""
    if profile.id != issuer:
        raise Invalid(f"the profile is of {profile.id}, not of {issuer}", "issuer/profile-false")
    refusal = CannotTell if registered_ms > at_ms else Invalid
    if profile.status != "active":
        raise refusal(
            f"the profile of {issuer} says that it is {profile.status}", "issuer/not-active"
        )
    named = f"{profile.names['en']} ({profile.names['zh']})"
    if not profile.accreditations:
        return f"{named}, of which the profile names no accreditation", "issuer/unaccredited"
    for each in profile.accreditations:
        if each.covers(at_ms):
            return f"{named}, accredited by {each.register} as {each.number}", "issuer/accredited"
    raise refusal(
        f"no accreditation of {issuer} covers {format_time(at_ms)}", "issuer/not-accredited"
    )


# A fixed list: what Unicode calls printable grows from one version of Python to the next.
UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
)
_SPACES = " \u3000"


def check_issuer_text(text: str, what: str) -> str:
    """A name or a number for people, without control characters, direction marks or other
    characters that are not seen, and without space around it. Raises MalformedIssuerProfile."""
    if not 0 < len(text) <= PROFILE_TEXT or UNSEEN.search(text) or text != text.strip(_SPACES):
        raise MalformedIssuerProfile(
            f"{what} is 1 to {PROFILE_TEXT} characters that can be seen, without space around them"
        )
    return text


def check_term(from_ms: int, to_ms: int | None, what: str) -> None:
    """Raises MalformedIssuerProfile if a time ends before it begins."""
    if to_ms is not None and to_ms <= from_ms:
        raise MalformedIssuerProfile(f"{what}: to_ms is later than from_ms")


def parse_profile(data: bytes) -> IssuerProfile:
    """Read a profile document exactly; raises Malformed."""
    if len(data) > PROFILE_BYTES:
        raise ProfileTooLarge(f"a profile has at most {PROFILE_BYTES} bytes")
    profile = _read_profile(parse_ijson(data))
    if _write(profile) != data:
        raise NonCanonicalProfile("a profile is RFC 8785 JSON and a newline")
    return profile


def format_profile(profile: IssuerProfile) -> bytes:
    """The document; raises Malformed for a profile that would not be read again."""
    data = _write(profile)
    parse_profile(data)
    return data


def _read_profile(value: JsonValue) -> IssuerProfile:
    names = ("v", "id", "names", "status", "accreditations", "keys")
    members = read_members(value, "profile", names)
    if type(members["v"]) is not int or members["v"] != 1:
        raise MalformedIssuerProfile("profile: v is the integer 1")
    status = read_text(members["status"], "status")
    if status not in STATUSES:
        raise MalformedIssuerProfile(f"status is one of {', '.join(STATUSES)}")
    called = read_members(members["names"], "names", ("en", "zh"))
    keys = tuple(_read_key(item) for item in _read_few(members["keys"], "keys"))
    if len({key.key.kid for key in keys}) != len(keys):
        raise MalformedIssuerProfile("a key is listed once")
    return IssuerProfile(
        id=check_did(read_text(members["id"], "id")),
        names={
            each: check_issuer_text(read_text(name, "name"), "a name")
            for each, name in called.items()
        },
        status=status,
        accreditations=read_accreditations(members["accreditations"]),
        keys=keys,
    )


def _read_few(value: JsonValue, what: str) -> list[JsonValue]:
    items = read_list(value, what)
    if len(items) > PROFILE_ITEMS:
        raise MalformedIssuerProfile(f"{what}: at most {PROFILE_ITEMS}")
    return items


def read_accreditations(value: JsonValue) -> tuple[Accreditation, ...]:
    """A list of them in JSON; raises Malformed."""
    items = _read_few(value, "accreditations")
    return tuple(_read_accreditation(item) for item in items)


def _read_accreditation(value: JsonValue) -> Accreditation:
    what = "accreditation"
    members = read_members(value, what, ("register", "number", "from_ms"), ("to_ms",))
    found = Accreditation(
        register=check_issuer_text(read_text(members["register"], "register"), "a register"),
        number=check_issuer_text(read_text(members["number"], "number"), "a number"),
        from_ms=read_integer(members["from_ms"], f"{what}: from_ms"),
        to_ms=_read_time(members, "to_ms", what),
    )
    check_term(found.from_ms, found.to_ms, what)
    return found


def _read_key(value: JsonValue) -> ProfileKey:
    what = "key"
    members = read_members(value, what, ("kid", "jwk", "from_ms"), ("to_ms", "compromised_ms"))
    key = parse_jwk(read_object(members["jwk"], "jwk"))
    if key.kid != read_hash(members["kid"], "kid"):
        raise MalformedIssuerProfile("kid is not the thumbprint of jwk (RFC 9679)")
    return ProfileKey(
        key=key,
        from_ms=read_integer(members["from_ms"], f"{what}: from_ms"),
        to_ms=_read_time(members, "to_ms", what),
        compromised_ms=_read_time(members, "compromised_ms", what),
    )


def _read_time(members: JsonObject, name: str, what: str) -> int | None:
    return read_integer(members[name], f"{what}: {name}") if name in members else None


def _write(profile: IssuerProfile) -> bytes:
    return (
        format_jcs(
            {
                "v": 1,
                "id": profile.id,
                "names": dict(profile.names),
                "status": profile.status,
                "accreditations": write_accreditations(profile.accreditations),
                "keys": [_write_key(key) for key in profile.keys],
            }
        )
        + b"\n"
    )


def write_accreditations(accreditations: tuple[Accreditation, ...]) -> list[JsonValue]:
    return [
        _present(register=each.register, number=each.number, from_ms=each.from_ms, to_ms=each.to_ms)
        for each in accreditations
    ]


def _write_key(key: ProfileKey) -> dict[str, JsonValue]:
    return _present(
        kid=key.key.kid.hex(),
        jwk=dict(format_jwk(key.key)),
        from_ms=key.from_ms,
        to_ms=key.to_ms,
        compromised_ms=key.compromised_ms,
    )


def _present(**members: JsonValue) -> dict[str, JsonValue]:
    return {name: value for name, value in members.items() if value is not None}
