"""An operator at work: a service in memory, issuers' keys, and websites that say whose they are."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chalicelib.notary.issuers.did_web import did_url
from chalicelib.notary.public_url import Answer, NotReached, UnknownHost
from tests.cli.desk import tally, tally_json

UNIVERSITY = "did:web:university.example"
INVENTED = "an invented domain"


@dataclass
class Websites:
    """``Get``: what is published by URL, or why it cannot be had. ``asked`` is every URL."""

    pages: dict[str, Answer | NotReached] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def __call__(self, url: str) -> Answer:
        self.asked.append(url)
        page = self.pages.get(url, UnknownHost("the host has no addresses"))
        if isinstance(page, NotReached):
            raise page
        return page

    def publish(self, id_: str, *public: Path, at: str = "") -> None:
        """What ``tally keys did`` prints, on the issuer's own website."""
        body = tally("keys", "did", *public).stdout.encode()
        self.pages[did_url(at or id_)] = Answer(200, body, "application/did+json")


def make_key(place: Path, name: str = "key", iss: str = UNIVERSITY) -> Path:
    """The public part of a new key."""
    tally("keys", "new", "--issuer", iss, "--out", place / f"{name}.json")
    return place / f"{name}.public.json"


def kid_of(public: Path) -> str:
    return str(json.loads(public.read_text())["kid"])


def add(public: Path, *flags: object, **different: object) -> list[object]:
    """The arguments that register an issuer, or a key of one, without asking its website."""
    usual = {
        "tenant": "university",
        "name-en": "University",
        "name-zh": "大学",
        "key": public,
        "unchecked": INVENTED,
    }
    options = {**usual, **different}
    given: Sequence[object] = [
        part
        for name, value in options.items()
        if value is not None
        for part in (f"--{name}", value)
    ]
    return ["operator", "issuer", "add", *given, *flags]


def checked(public: Path, *flags: object, **different: object) -> list[object]:
    """The same, asking."""
    return add(public, *flags, **{"unchecked": None, **different})


def shown(id_: str = UNIVERSITY) -> dict[str, Any]:
    return tally_json("operator", "issuer", "show", id_)
