"""W3C Verifiable Credentials and Presentations, Data Model v2.0, read as plain JSON.

JSON-LD contexts are names here: they are never fetched, and nothing is expanded. So that the JSON
means what its JSON-LD does, every context is one of those that the caller knows, given by its URL,
and JSON-LD keywords that would change the meaning from inside are refused. Members that the data
model leaves to contexts survive as they are.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from ..errors import Invalid
from ..jcs import JsonValue, parse_ijson
from ..limits import CREDENTIAL_BYTES, CREDENTIAL_ITEMS, JSON_DEPTH
from ..times import MalformedTime, parse_time
from .vcdm_ids import MalformedCredential, read_id
from .vcdm_members import check_members

V2 = "https://www.w3.org/ns/credentials/v2"
"""The context that comes first (VCDM §4.3)."""

CONTEXTS = frozenset(
    (
        V2,
        "https://www.w3.org/ns/credentials/status/v1",
        "https://w3id.org/security/data-integrity/v2",
        "https://w3id.org/security/multikey/v1",
        "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json",
        "https://purl.imsglobal.org/spec/ob/v3p0/extensions.json",
    )
)
"""The contexts whose terms are known: of credentials, and of Open Badges 3.0."""

CREDENTIAL = "VerifiableCredential"
PRESENTATION = "VerifiablePresentation"

_KEYWORDS_OF_VALUES = frozenset(("@value", "@language", "@direction"))
"""Keywords of strings with a language (VCDM §11.1); all others but @context are refused."""


class CredentialTooLong(MalformedCredential):
    """More than ``CREDENTIAL_BYTES``, or a list of more than ``CREDENTIAL_ITEMS``."""


class MalformedContext(MalformedCredential):
    """``@context`` does not begin with the one of VCDM 2.0, or is no list of different URLs."""


class UnknownContext(MalformedCredential):
    """A context that is not among the known ones, or is defined in place."""


class ForbiddenKeyword(MalformedCredential):
    """A JSON-LD keyword that changes the meaning of what stands beside it."""


class MalformedType(MalformedCredential):
    """``type`` is no list of different names, or lacks the one that the data model asks for."""


class MalformedSubject(MalformedCredential):
    """No subject, or one that says nothing."""


class MalformedStatus(MalformedCredential):
    """A status entry without a type."""


class MalformedValidity(MalformedCredential):
    """validFrom or validUntil is no RFC 3339 time, or they are in the wrong order."""


class CredentialExpired(Invalid):
    """The time is after ``validUntil``."""


class CredentialNotYetValid(Invalid):
    """The time is before ``validFrom``."""


class Credential(NamedTuple):
    """A credential as it was read; nothing is verified. ``value`` is all of it, without proof."""

    value: Mapping[str, JsonValue]
    id: str | None
    types: tuple[str, ...]
    issuer: str
    valid_from_ms: int | None
    valid_until_ms: int | None
    subjects: tuple[Mapping[str, JsonValue], ...]
    statuses: tuple[Mapping[str, JsonValue], ...]


class Presentation(NamedTuple):
    """A presentation as it was read; the credentials in it are to be read one by one."""

    value: Mapping[str, JsonValue]
    id: str | None
    holder: str | None
    credentials: tuple[Mapping[str, JsonValue], ...]


def parse_json_object(data: bytes) -> dict[str, JsonValue]:
    """A credential or presentation from its bytes, as an object; raises Malformed."""
    if len(data) > CREDENTIAL_BYTES:
        raise CredentialTooLong(f"a credential has at most {CREDENTIAL_BYTES} bytes")
    value = parse_ijson(data)
    if not isinstance(value, dict):
        raise MalformedCredential("a credential is an object")
    return value


def read_credential(
    value: Mapping[str, JsonValue], contexts: Collection[str] = CONTEXTS
) -> Credential:
    """Read a credential without its proof; raises MalformedCredential."""
    document = _read_document(value, contexts)
    _check_keywords(document, 1)
    types = _read_types(document, CREDENTIAL)
    begins, ends = read_moment(document, "validFrom"), read_moment(document, "validUntil")
    if begins is not None and ends is not None and ends < begins:
        raise MalformedValidity("validUntil is not before validFrom")
    subjects = _read_objects(document, "credentialSubject")
    if not subjects or not all(subjects):
        raise MalformedSubject("a credential says something about one subject or more")
    for subject in subjects:
        _read_optional_id(subject, "credentialSubject.id")
    check_members(document)
    return Credential(
        document,
        _read_optional_id(document, "id"),
        types,
        _read_party(document.get("issuer"), "issuer"),
        begins,
        ends,
        subjects,
        _read_statuses(document),
    )


def read_presentation(
    value: Mapping[str, JsonValue], contexts: Collection[str] = CONTEXTS
) -> Presentation:
    """Read a presentation without its proof; raises MalformedCredential."""
    document = _read_document(value, contexts)
    # The credentials in it have contexts of their own, and are read for them.
    own = {name: document[name] for name in document if name != "verifiableCredential"}
    _check_keywords(own, 1)
    _read_types(document, PRESENTATION)
    holder = _read_party(document["holder"], "holder") if "holder" in document else None
    credentials = _read_objects(document, "verifiableCredential")
    return Presentation(document, _read_optional_id(document, "id"), holder, credentials)


def check_validity(credential: Credential, at_ms: int) -> None:
    """Raises CredentialExpired or CredentialNotYetValid (VCDM §4.9); both ends are included."""
    if credential.valid_until_ms is not None and at_ms > credential.valid_until_ms:
        raise CredentialExpired("the credential has expired")
    if credential.valid_from_ms is not None and at_ms < credential.valid_from_ms:
        raise CredentialNotYetValid("the credential is not valid yet")


def _read_document(
    value: Mapping[str, JsonValue], contexts: Collection[str]
) -> dict[str, JsonValue]:
    document = {name: member for name, member in value.items() if name != "proof"}
    check_contexts(document.get("@context"), contexts)
    return document


def check_contexts(value: JsonValue, contexts: Collection[str]) -> None:
    """Raises MalformedContext or UnknownContext (VCDM §4.3)."""
    listed = _list_of(value)
    if listed[:1] != [V2] or not isinstance(value, list):
        raise MalformedContext(f"@context is a list that begins with {V2}")
    for context in listed:
        if not isinstance(context, str) or context not in contexts:
            raise UnknownContext("a context is the URL of one that is known here")
    if len(set(map(str, listed))) != len(listed):
        raise MalformedContext("each context is there once")


def _check_keywords(value: JsonValue, depth: int) -> None:
    if depth > JSON_DEPTH:
        raise MalformedCredential(f"a credential is nested at most {JSON_DEPTH} deep")
    if isinstance(value, dict):
        for name, member in value.items():
            allowed = name in _KEYWORDS_OF_VALUES or (name == "@context" and depth == 1)
            if name.startswith("@") and not allowed:
                raise ForbiddenKeyword("a JSON-LD keyword is not taken inside a credential")
            _check_keywords(member, depth + 1)
    elif isinstance(value, list):
        for element in value:
            _check_keywords(element, depth + 1)


def _list_of(value: JsonValue) -> list[JsonValue]:
    """The data model writes one element for a list of one."""
    listed: list[JsonValue] = value if isinstance(value, list) else [value]
    if len(listed) > CREDENTIAL_ITEMS:
        raise CredentialTooLong(f"a list in a credential has at most {CREDENTIAL_ITEMS} elements")
    return listed


def _read_types(document: Mapping[str, JsonValue], wanted: str) -> tuple[str, ...]:
    listed = _list_of(document.get("type"))
    names = tuple(name for name in listed if isinstance(name, str))
    if len(names) != len(listed) or len(set(names)) != len(names) or wanted not in names:
        raise MalformedType(f"type is {wanted}, or a list of different names with it")
    return names


def read_moment(document: Mapping[str, JsonValue], name: str) -> int | None:
    """An RFC 3339 time in POSIX milliseconds, None if there is none; raises MalformedValidity."""
    if name not in document:
        return None
    value = document[name]
    try:
        return parse_time(value if isinstance(value, str) else "")
    except MalformedTime as error:
        raise MalformedValidity(f"{name}: {error}") from error


def _read_objects(
    document: Mapping[str, JsonValue], name: str
) -> tuple[Mapping[str, JsonValue], ...]:
    """One object or a list of them; none if there is no such member."""
    listed = _list_of(document.get(name, []))
    objects = tuple(element for element in listed if isinstance(element, dict))
    if len(objects) != len(listed):
        raise MalformedCredential(f"{name} is an object, or a list of them")
    return objects


def _read_statuses(document: Mapping[str, JsonValue]) -> tuple[Mapping[str, JsonValue], ...]:
    statuses = _read_objects(document, "credentialStatus")
    for status in statuses:
        _read_optional_id(status, "credentialStatus.id")
        if not isinstance(status.get("type"), str):
            raise MalformedStatus("a status entry has a type")
    return statuses


def _read_party(value: JsonValue, what: str) -> str:
    return read_id(value.get("id") if isinstance(value, dict) else value, what)


def _read_optional_id(value: Mapping[str, JsonValue], what: str) -> str | None:
    return read_id(value["id"], what) if "id" in value else None
