"""Credentials made of claims: SD-JWT VC for every profile that takes claims, Open Badges 3.0 for
diplomas.

Everything random about a credential comes from its seed, 32 random bytes, by HMAC-SHA256: the same
claims, seed, time and key give the same credential, so that who keeps the seed can make it again
and never makes a second one. A disclosed salt tells nothing of the others. The seed is kept as
salts are, and destroyed with them.
"""

from __future__ import annotations

import hmac
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from ..proof.credential_checks import VCT
from ..proof.credentials.data_integrity import sign_credential
from ..proof.credentials.disclosure import Path
from ..proof.credentials.sd_jwt import SEPARATOR
from ..proof.credentials.sd_jwt_vc import issue_sd_jwt_vc
from ..proof.credentials.status_list import PURPOSES, StatusEntry, format_status_entry
from ..proof.credentials.vcdm import V2
from ..proof.errors import Malformed
from ..proof.jcs import JsonValue, format_jcs
from ..proof.keys import EDDSA, PublicKey, Signer
from ..proof.limits import SD_SALT_BYTES
from .profiles import Profile
from .status.places import StatusPlace

OPEN_BADGES = "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"
BADGE_PROFILE = "education/diploma"

_ACHIEVEMENT_TYPES = {
    "certificate": "Certificate",
    "diploma": "Diploma",
    "associate": "AssociateDegree",
    "bachelor": "BachelorDegree",
    "master": "MasterDegree",
    "doctorate": "DoctoralDegree",
    "professional": "Degree",
    "other": "Degree",
}
"""Levels of the profile in the words of Open Badges 3.0 (AchievementType)."""


class CannotIssue(Malformed):
    """A form that the profile or the key is not for."""


@dataclass(frozen=True, slots=True)
class Issuing:
    """Who issues what: a did:web id and its key, and the profile."""

    iss: str
    key: Signer
    profile: Profile

    @property
    def method(self) -> str:
        """The URL of the key: the issuer's id, and the key's thumbprint as the fragment."""
        return key_url(self.iss, self.key.public)


def key_url(iss: str, key: PublicKey) -> str:
    return f"{iss}#{key.kid.hex()}"


def make_sd_jwt_vc(
    issuing: Issuing,
    claims: Mapping[str, JsonValue],
    seed: bytes,
    at_s: int,
    holder: Mapping[str, str] | None = None,
    place: StatusPlace | None = None,
) -> str:
    """The SD-JWT VC of claims that meet the profile: what may be withheld is in disclosures.

    ``holder`` is a public JWK that presentations are then bound to; ``at_s`` POSIX seconds;
    ``place`` where the Token Status List (IETF) is.
    """
    given: dict[str, JsonValue] = {"cnf": {"jwk": dict(holder)}} if holder else {}
    if place is not None:
        given["status"] = {"status_list": {"idx": place.index, "uri": place.list}}
    issued: dict[str, JsonValue] = {
        **claims,
        **given,
        "iss": issuing.iss,
        "iat": at_s,
        "vct": VCT + issuing.profile.name,
    }
    concealed = _concealed(issuing.profile, claims)
    salts = [_derive(seed, f"disclosure {n}")[:SD_SALT_BYTES] for n in range(len(concealed))]
    return issue_sd_jwt_vc(issued, concealed, salts, issuing.key, kid=issuing.method)


def issuer_part(sd_jwt: str) -> str:
    """The JWT that the issuer signed, without disclosures: what is registered, so that what the
    holder withholds changes nothing."""
    return sd_jwt.partition(SEPARATOR)[0]


def _concealed(profile: Profile, claims: Mapping[str, JsonValue]) -> list[Path]:
    paths = [tuple(pointer.split("/")[1:]) for pointer in profile.withholdable]
    return [path for path in paths if _holds(claims, path)]


def _holds(value: JsonValue, path: Path) -> bool:
    for name in path:
        if not isinstance(value, dict) or name not in value:
            return False
        value = value[name]
    return True


def _derive(seed: bytes, purpose: str) -> bytes:
    return hmac.digest(seed, b"tally credential " + purpose.encode(), "sha256")


def check_badge(issuing: Issuing) -> None:
    """Raises CannotIssue, with what to do."""
    if issuing.profile.name != BADGE_PROFILE:
        raise CannotIssue(f"Open Badges are made of {BADGE_PROFILE} alone")
    if issuing.key.public.alg != EDDSA:
        raise CannotIssue(
            "Open Badges need an Ed25519 key (eddsa-jcs-2022), and this one is P-256: ask for "
            "sd-jwt-vc, or make an Ed25519 key"
        )


def make_open_badge(
    issuing: Issuing,
    claims: Mapping[str, JsonValue],
    seed: bytes,
    created: str,
    place: StatusPlace | None = None,
) -> bytes:
    """The Open Badge (AchievementCredential, VC 2.0) of a diploma's claims, in RFC 8785.

    It holds what Open Badges have a place for: names, numbers, award and study, but no date of
    birth and no faculty. Nothing of it can be withheld. ``created`` is an RFC 3339 time; ``place``
    is where its Bitstring Status Lists (W3C) are. Raises CannotIssue.
    """
    check_badge(issuing)
    badge: dict[str, JsonValue] = {
        "@context": [V2, OPEN_BADGES],
        "id": uuid.UUID(bytes=_derive(seed, "id")[:16], version=4).urn,
        "type": ["VerifiableCredential", "AchievementCredential"],
        "issuer": {"id": issuing.iss, "type": ["Profile"]},
        "validFrom": f"{claims['awarded_on']}T00:00:00Z",
        "name": _title(claims),
        "credentialSubject": _subject(issuing.iss, claims),
    }
    if place is not None:
        badge["credentialStatus"] = bitstring_entries(place)
    return format_jcs(sign_credential(badge, issuing.key, issuing.method, created=created))


def bitstring_entries(place: StatusPlace) -> list[JsonValue]:
    """One entry for each purpose, in a list of its own."""
    entries = (StatusEntry(each, place.index, f"{place.list}/{each}") for each in PURPOSES)
    return [format_status_entry(entry) for entry in entries]


def _title(claims: Mapping[str, JsonValue]) -> str:
    titles = (_at(claims, "award", "title"), _at(claims, "award", "title_zh"))
    return " · ".join(str(title) for title in titles if title is not None)


def _subject(iss: str, claims: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    classification = _at(claims, "award", "classification")
    return {
        "type": ["AchievementSubject"],
        "identifier": _identifiers(claims),
        "achievement": _achievement(iss, claims),
        **_present(
            creditsEarned=_at(claims, "award", "credits"),
            licenseNumber=claims.get("diploma_number"),
            activityStartDate=_midnight(_at(claims, "study", "started_on")),
            activityEndDate=_midnight(_at(claims, "study", "completed_on")),
            result=classification and [{"type": ["Result"], "value": classification}],
        ),
    }


def _identifiers(claims: Mapping[str, JsonValue]) -> list[JsonValue]:
    """IdentityObjects (Open Badges 3.0), in clear."""
    kinds = {"name": "name", "name_latin": "name", "student_number": "identifier"}
    return [
        {
            "type": "IdentityObject",
            "hashed": False,
            "identityHash": claims[claim],
            "identityType": kind,
        }
        for claim, kind in kinds.items()
        if claim in claims
    ]


def _achievement(iss: str, claims: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """The award itself, with one id for all who have it."""
    title = str(_at(claims, "award", "title"))
    return {
        "id": uuid.uuid5(uuid.NAMESPACE_URL, f"{iss} {title}").urn,
        "type": ["Achievement"],
        "achievementType": _ACHIEVEMENT_TYPES[str(_at(claims, "award", "level"))],
        "name": _title(claims),
        "description": title,
        "criteria": {"narrative": title},
        **_present(fieldOfStudy=_at(claims, "award", "field")),
    }


def _at(claims: Mapping[str, JsonValue], group: str, name: str) -> JsonValue:
    within = claims.get(group)
    return within.get(name) if isinstance(within, dict) else None


def _midnight(day: JsonValue) -> JsonValue:
    return None if day is None else f"{day}T00:00:00Z"


def _present(**members: JsonValue) -> dict[str, JsonValue]:
    return {name: value for name, value in members.items() if value is not None}
