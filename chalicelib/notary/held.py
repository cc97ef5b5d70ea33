"""What of a job waits for a second person, in ``jobs/<id>/held``, written once, before the job's
accepted items: RFC 8785 JSON ``{"v": 1, "since_ms", "documents": [{"issuer", "kind", "profile",
"items"}]}``. A job without it waits for nobody.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from ..proof.hashes import sha256
from ..proof.jcs import JsonValue, format_jcs, parse_ijson
from ..proof.members import read_integer, read_list, read_members, read_text
from .ports import Conflict, Objects


class Subject(NamedTuple):
    """What an item that waits does: ``kind`` is register or supersede."""

    issuer: str
    kind: str
    profile: str


@dataclass(frozen=True, slots=True)
class Held:
    """Since when a job waits, and how many items do what."""

    since_ms: int
    documents: tuple[tuple[Subject, int], ...]

    def facts(self) -> dict[str, JsonValue]:
        """As the API shows it."""
        documents: list[JsonValue] = [
            {**subject._asdict(), "items": items} for subject, items in self.documents
        ]
        return {"since_ms": self.since_ms, "documents": documents}


def person_of(issuer: str, subject: str) -> str:
    """A person, as far as access tokens tell: a subject of an identity provider; or, without an
    issuer, who holds a key, by its id in hex. Hashed, for names are nobody's business here."""
    return sha256(f"{issuer}\x00{subject}".encode()).hex()


def held_key(job: str) -> str:
    return f"jobs/{job}/held"


def hold(work: Objects, job: str, subjects: Iterable[Subject], now_ms: int) -> None:
    """Write down what waits, if anything does. Idempotent: what was written first stays."""
    counts = Counter(subjects)
    if not counts:
        return
    held = Held(now_ms, tuple(sorted(counts.items())))
    try:
        work.create(held_key(job), format_jcs({"v": 1, **held.facts()}))
    except Conflict:
        return


def read_held(work: Objects, job: str) -> Held | None:
    """What of the job waits; None when nothing does. Raises Malformed."""
    data = work.get(held_key(job))
    if data is None:
        return None
    members = read_members(parse_ijson(data), "held", ("v", "since_ms", "documents"))
    documents = (_read_documents(item) for item in read_list(members["documents"], "documents"))
    return Held(read_integer(members["since_ms"], "since_ms"), tuple(documents))


def _read_documents(value: JsonValue) -> tuple[Subject, int]:
    members = read_members(value, "documents", (*Subject._fields, "items"))
    subject = Subject(*(read_text(members[name], name) for name in Subject._fields))
    return subject, read_integer(members["items"], "items")
