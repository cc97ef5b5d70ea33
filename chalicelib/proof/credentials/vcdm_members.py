"""Members of a credential that judge nothing, but have a form of their own in the data model.

Texts that may have a language (VCDM §4.6, §11.1), schemas (§4.11), related resources (§5.3),
refresh services, terms of use and evidence (§5.4 to §5.6). None of what they point to is fetched.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..jcs import JsonValue
from ..limits import CREDENTIAL_ITEMS
from .vcdm_ids import MalformedCredential, MalformedId, read_id

_TYPED = ("evidence", "refreshService", "termsOfUse")
_TEXTS = ("name", "description")
_VALUE = {"@value", "@language", "@direction"}
_DIGESTS = ("digestSRI", "digestMultibase")


class MalformedText(MalformedCredential):
    """name or description is no string, and no object of one in a language."""


class MalformedMember(MalformedCredential):
    """A schema, service, policy, piece of evidence or resource without what it must have."""


def check_members(document: Mapping[str, JsonValue]) -> None:
    """Raises MalformedText or MalformedMember."""
    _check_texts(document)
    issuer = document.get("issuer")
    if isinstance(issuer, dict):
        _check_texts(issuer)
    for name in _TYPED:
        for value in _objects(document, name):
            _check_type(value, name)
    for schema in _objects(document, "credentialSchema"):
        _check_type(schema, "credentialSchema")
        _check_id(schema, "credentialSchema")
    _check_resources(_objects(document, "relatedResource"))


def _check_texts(value: Mapping[str, JsonValue]) -> None:
    for name in _TEXTS:
        texts = value.get(name, "")
        for text in texts if isinstance(texts, list) else [texts]:
            if not isinstance(text, str) and not _is_language_value(text):
                raise MalformedText(f"{name} is a string, or an object of @value and @language")


def _is_language_value(value: JsonValue) -> bool:
    return (
        isinstance(value, dict)
        and {"@value"} <= value.keys() <= _VALUE
        and all(isinstance(member, str) for member in value.values())
        and value.get("@direction", "ltr") in ("ltr", "rtl")
    )


def _objects(document: Mapping[str, JsonValue], name: str) -> list[Mapping[str, JsonValue]]:
    value = document.get(name, [])
    listed = value if isinstance(value, list) else [value]
    objects = [each for each in listed if isinstance(each, dict)]
    if len(objects) != len(listed) or len(listed) > CREDENTIAL_ITEMS:
        raise MalformedMember(f"{name} is an object, or a list of at most {CREDENTIAL_ITEMS}")
    return list(objects)


def _check_type(value: Mapping[str, JsonValue], name: str) -> None:
    types = value.get("type")
    listed = types if isinstance(types, list) else [types]
    if not listed or not all(isinstance(each, str) and each for each in listed):
        raise MalformedMember(f"each {name} has a type")


def _check_id(value: Mapping[str, JsonValue], name: str) -> str:
    try:
        return read_id(value.get("id"), f"{name}.id")
    except MalformedId as error:
        raise MalformedMember(str(error)) from error


def _check_resources(resources: list[Mapping[str, JsonValue]]) -> None:
    ids = [_check_id(resource, "relatedResource") for resource in resources]
    if len(set(ids)) != len(ids):
        raise MalformedMember("each relatedResource has an id of its own")
    for resource in resources:
        digests = [resource[name] for name in _DIGESTS if name in resource]
        if not digests or not all(isinstance(digest, str) for digest in digests):
            raise MalformedMember(f"each relatedResource has a string {' or '.join(_DIGESTS)}")
