"""What credentials say of where their status is, and what this service's own lists say.

Lists of this service are asked through ``StatusLists``; nobody else's list is fetched, and its
status is unknown. An issuer's credentials have their status in lists of that issuer alone.
"""

from __future__ import annotations

from typing import NamedTuple

from ...proof.credentials.jose import parse_jws
from ...proof.credentials.status_list import (
    PURPOSES,
    REVOCATION,
    SUSPENSION,
    StatusEntry,
    entry_status,
    read_status_entry,
    read_status_list,
)
from ...proof.credentials.token_status_list import (
    INVALID,
    SUSPENDED,
    StatusReference,
    read_reference,
    read_token_status_list,
    token_status,
)
from ...proof.credentials.vcdm import parse_json_object, read_credential
from ...proof.errors import CannotTell, Invalid
from ...proof.jcs import JsonValue
from .ports import StatusLists


class Place(NamedTuple):
    """Where a status is: ``at`` is its index, ``purpose`` empty for a token status list."""

    url: str
    at: int
    purpose: str = ""


_GONE, _SUSPENDED = "revoked or superseded", "suspended"
_MEANINGS = {
    (REVOCATION, 1): _GONE,
    (SUSPENSION, 1): _SUSPENDED,
    ("", INVALID): _GONE,
    ("", SUSPENDED): _SUSPENDED,
}


def read_entry(value: JsonValue) -> Place:
    """A ``credentialStatus``. Raises Malformed, or CannotTell for one of another kind."""
    entry = read_status_entry(value)
    if entry.purpose not in PURPOSES or not entry.list_id.endswith(f"/{entry.purpose}"):
        raise CannotTell("a status is checked for the purposes revocation and suspension")
    return Place(entry.list_id, entry.index, entry.purpose)


def read_token_status(value: JsonValue) -> Place:
    """The ``status`` of an SD-JWT VC. Raises Malformed, or CannotTell for one of another kind."""
    reference = read_reference(value)
    return Place(reference.uri, reference.index)


def value_at(document: bytes, url: str, purpose: str, index: int, now_ms: int) -> int:
    """The value at an index of a list as it is served at a URL; raises CannotTell."""
    if not purpose:
        tokens = read_token_status_list(parse_jws(document.decode()).payload)
        return token_status(StatusReference(index, url), tokens, now_ms)
    bits = read_status_list(read_credential(parse_json_object(document)))
    return int(entry_status(StatusEntry(purpose, index, url), bits))


def check_status(place: Place, own: str, lists: StatusLists, now_ms: int) -> str:
    """That no list of the issuer says otherwise; ``own`` is what their URLs begin with. Raises
    Invalid if the credential is revoked or suspended, or CannotTell."""
    if not place.url.startswith(own):
        raise CannotTell(
            "status could not be checked: the list is not one that this service keeps for the "
            "issuer, and nobody else's is fetched"
        )
    value = lists.value(place.url, place.at, now_ms)
    if value == 0:
        return f"not set in the list for {place.purpose or 'revocation and suspension'}"
    meaning = _MEANINGS.get((place.purpose, value))
    if meaning is None:
        raise CannotTell(f"the list has the value {value}, which has no meaning here")
    raise Invalid(f"the credential is {meaning}")
