"""What the world's notary registered of an issuer and of its entries, as evidence in receipts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from chalicelib.proof.entry_status import Change, EntryStatus, format_entry_status
from chalicelib.proof.hashes import Hash, sha256
from chalicelib.proof.issuer_profile import (
    Accreditation,
    IssuerProfile,
    ProfileKey,
    format_profile,
)
from chalicelib.proof.payload import IssuerNotice, Payload, StatusListNotice
from chalicelib.proof.receipt import Evidence

from .world import (
    ISSUER,
    ISSUER_KEY,
    NOTARY,
    NOTARY_KEY,
    ORIGIN,
    REGISTERED_MS,
    World,
    some_hash,
)

ACCREDITED = Accreditation("Register of Cambria", "C-1", 0, None)


def registered(document: bytes, payload: Payload, **world: Any) -> Evidence:
    """A public document of the notary with its statement."""
    usual = {"iss": NOTARY, "issuer_key": NOTARY_KEY}
    return World(document=document, payload=payload, **{**usual, **world}).evidence()


def profile(*, at_ms: int = REGISTERED_MS, **different: Any) -> Evidence:
    names = {"en": "Cambrian University", "zh": "寒武纪大学"}
    keys = (ProfileKey(ISSUER_KEY.public, 0, None, None),)
    usual = IssuerProfile(ISSUER, names, "active", (ACCREDITED,), keys)
    document = format_profile(replace(usual, **different))
    return registered(document, IssuerNotice(ISSUER, sha256(document)), timestamp_ms=at_ms)


def status_list(*changes: Change, read_ms: int, about: str = ISSUER, **world: Any) -> Evidence:
    """The list of an issuer's changes, read from the log at ``read_ms`` and registered then."""
    listed = EntryStatus(ORIGIN, about, "", 9, read_ms, changes)
    return listing(format_entry_status(listed), timestamp_ms=read_ms, **world)


def listing(document: bytes, **world: Any) -> Evidence:
    """Any bytes in the place of a list."""
    notice = StatusListNotice("https://notary.example/list", sha256(document))
    return registered(document, notice, **world)


def change(entry: Hash, kind: str, effective_ms: int) -> Change:
    reason = "" if kind == "supersede" else "misconduct"
    return Change(entry, kind, effective_ms // 1_000, reason, some_hash(f"the {kind}"))
