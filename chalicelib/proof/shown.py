"""What a person shows: a document as it was registered, or an SD-JWT, of which a part was.

An SD-JWT (RFC 9901) changes with what its holder withholds. So the JWT before its first ``~`` is
what ``tally issue`` registers, as raw bytes, and what binds all of it to the receipt.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, NamedTuple

from .credentials.jose import parse_jws, parse_payload
from .credentials.sd_jwt import SEPARATOR
from .credentials.vcdm import CREDENTIAL, V2
from .document import commit, digest_document
from .errors import CannotTell, Invalid, Malformed, ProofError
from .hashes import sha256
from .jcs import JsonValue, parse_ijson
from .payload import Register, Supersede
from .receipt import Receipt

Kind = Literal["file", "json", "vc", "jwt", "sd-jwt"]

_JWT = re.compile(rb"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*(?=~|\r?\n?\Z)")
_LINE_END = re.compile(r"\r?\n\Z")


class Shown(NamedTuple):
    """``registered`` is what the receipt's digests are of, None if no document was given; ``text``
    all of a JWT or SD-JWT; ``members`` those of a JSON document or of a JWT's payload."""

    kind: Kind
    registered: bytes | None
    text: str = ""
    members: Mapping[str, JsonValue] = {}


def read_shown(document: bytes | None, receipt: Receipt) -> Shown:
    """What the document is, by its form alone; nothing of it is verified."""
    payload = receipt.statement.statement.payload
    if document is None or not isinstance(payload, (Register, Supersede)):
        return Shown("file", document)
    if payload.canonicalization == "jcs":
        return _read_json(document)
    match = _JWT.match(document)
    return _read_jwt(document, match[0], receipt) if match else Shown("file", document)


def _read_json(document: bytes) -> Shown:
    try:
        members = parse_ijson(document)
    except Malformed:
        return Shown("json", document)
    if not isinstance(members, dict):
        return Shown("json", document)
    context, types = members.get("@context"), members.get("type")
    first = context[0] if isinstance(context, list) and context else context
    named = types if isinstance(types, list) else [types]
    kind: Kind = "vc" if first == V2 and CREDENTIAL in named else "json"
    return Shown(kind, document, "", members)


def _read_jwt(document: bytes, jwt: bytes, receipt: Receipt) -> Shown:
    holder = receipt.document
    whole = holder is not None and sha256(document) == holder.sha256
    followed = document[len(jwt) :].startswith(SEPARATOR.encode())
    if followed == whole:
        # Also an SD-JWT that was registered with all its disclosures: a file like any other.
        return Shown("file", document)
    kind: Kind = "sd-jwt" if followed else "jwt"
    text = _LINE_END.sub("", document.decode("ascii", "replace"))
    return Shown(kind, jwt if followed else document, text, _payload_of(jwt.decode()))


def _payload_of(jwt: str) -> Mapping[str, JsonValue]:
    try:
        return parse_payload(parse_jws(jwt).payload)
    except Malformed:
        return {}


def check_document(document: bytes | None, receipt: Receipt) -> str:
    """Whether the receipt's digests are of these bytes, and salted what the issuer signed."""
    committed, holder = receipt.statement.statement.payload, receipt.document
    if not isinstance(committed, (Register, Supersede)):
        raise _nothing_committed(receipt)
    if holder is None:
        raise CannotTell(
            "the receipt lacks the holder's part, without which no document is bound",
            "document/receipt-incomplete",
        )
    if holder.canonicalization != committed.canonicalization:
        raise Invalid(
            "the holder's part names another canonicalization than the statement",
            "document/receipt-differs",
        )
    if commit(holder.salt, holder) != (committed.sha256, committed.sm3):
        raise Invalid(
            "the salted digests are not the commitments that the issuer signed",
            "document/receipt-differs",
        )
    if document is None:
        raise CannotTell("no document was given", "document/not-given")
    try:
        digests = digest_document(document, committed.canonicalization)
    except Malformed as error:
        raise Invalid(f"this is not the document that was registered: {error}") from error
    if (digests.sha256, digests.sm3) != (holder.sha256, holder.sm3):
        raise Invalid("this is not the document that was registered: its digests differ")
    return "the document is the one whose commitments the issuer signed (SHA-256 and SM3)"


def _nothing_committed(receipt: Receipt) -> ProofError:
    if receipt.document is not None:
        return Invalid(
            "a holder's part, but the statement commits to no document", "document/receipt-differs"
        )
    return CannotTell(
        "this statement is about another statement, not about a document's bytes", "document/none"
    )
