"""Status lists as W3C and IETF have them: places allotted to lineages, and the lists of them.

A list tells what became of those entries of an issuer that have a place on one page, and that so
many supersedes lead to (its generation). It is served in up to three forms: the token status list
of IETF, and the bitstring status lists of W3C for revocation and for suspension. Each version of a
form lies in the public bucket under its digest and is registered by a notice of its URL.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from ...proof.hashes import Hash
from ..limits import LIST_GENERATIONS
from ..notices import Placed, Waiting
from .places import PAGE_PLACES

TOKEN = ""
PURPOSES = ("revocation", "suspension")
FORMS = (TOKEN, *PURPOSES)
"""A form is named by the last part of its path, a purpose; the token status list has none."""

_NAME = re.compile(r"(0|[1-9][0-9]{0,7})(?:-([1-9][0-9]{0,2}))?", re.ASCII)


class Allotment(NamedTuple):
    """``places`` of an issuer are allotted, with this secret (see ``places``)."""

    issuer: str
    secret: bytes
    places: int

    def has_page(self, page: int) -> bool:
        return page * PAGE_PLACES < self.places


class ListId(NamedTuple):
    issuer: str
    page: int
    generation: int = 0

    @property
    def name(self) -> str:
        return f"{self.page}-{self.generation}" if self.generation else str(self.page)


def parse_name(issuer: str, name: str) -> ListId | None:
    """The list of this name; None if there is none, and never will be."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    generation = int(match[2] or 0)
    return ListId(issuer, int(match[1]), generation) if generation <= LIST_GENERATIONS else None


def bits_url(public_url: str, id: ListId, form: str = TOKEN) -> str:
    """Where a list is served."""
    whole = bits_root(public_url, id.issuer) + id.name
    return f"{whole}/{form}" if form else whole


def bits_root(public_url: str, issuer: str) -> str:
    """What the URLs of an issuer's lists begin with: https, as ``notices.list_url`` has it."""
    return f"https://{public_url.partition('://')[2]}/v1/issuers/{issuer}/lists/"


def bits_key(digest: Hash) -> str:
    """Where in the public bucket a version of a list is, and what lists are made from."""
    return f"lists/{digest.hex()}"


@dataclass(frozen=True, slots=True)
class Form:
    """A list in one form. ``served`` is the newest version that is registered, read from the log at
    ``served_ms``; ``waiting``, read at ``waiting_ms``, waits for the log."""

    served: Placed | None = None
    served_ms: int = 0
    waiting: Waiting | None = None
    waiting_ms: int = 0

    @property
    def newest_ms(self) -> int:
        """When the newest version was read; 0 where there is none."""
        return max(self.served_ms, self.waiting_ms)


@dataclass(frozen=True, slots=True)
class BitList:
    """What is known of a list.

    ``statuses`` is the digest of its Statuses, which hold all changes among the first ``size``
    entries of the log (None: all are valid); the next one ahead is effective at ``due_s``.
    ``forms`` are those that were ever wanted. ``version`` counts writes: 0 is not yet stored.
    """

    id: ListId
    statuses: Hash | None = None
    size: int = 0
    due_s: int | None = None
    forms: Mapping[str, Form] = field(default_factory=dict)
    version: int = 0

    @property
    def waiting(self) -> tuple[Waiting, ...]:
        return tuple(each.waiting for each in self.forms.values() if each.waiting is not None)


class BitLists(Protocol):
    """Places that are allotted, and what is known of lists. Reads are strongly consistent."""

    def allot(self, issuer: str, count: int, fresh: bytes) -> Allotment:
        """The issuer's next ``count`` places are the caller's, and the last ones of the answer:
        no other caller ever gets one of them. ``fresh`` becomes the issuer's secret if it has none
        yet. When nobody knows, the places are given to nobody. Raises OutcomeUnknown."""

    def allotment(self, issuer: str) -> Allotment | None: ...

    def allotments(self) -> list[Allotment]: ...

    def get(self, id: ListId) -> BitList | None: ...

    def all(self) -> list[BitList]: ...

    def put(self, known: BitList) -> None:
        """Write it with the next version, on condition that its own version is the stored one
        (0: none is stored). Raises Conflict or OutcomeUnknown."""

    def ask(self, id: ListId, form: str, now_ms: int) -> None:
        """Remember that a newer version is wanted. A hint, written at most once in ``ASK_MS``: it
        may be lost, and never fails."""

    def asked(self) -> dict[tuple[ListId, str], int]:
        """When versions were last wanted, in milliseconds."""
