"""The erasure receipt: who destroyed what connected people with entries, when, of which entries.

A flattened JWS (RFC 7515 §7.2.2), so that any JOSE library verifies it, in RFC 8785 JSON and a
newline, at most ``ERASURE_BYTES``, ``MEDIA_TYPE``:

    {"payload", "protected", "signature"}       base64url each; what is in the first two is RFC 8785
    protected  {"alg": "EdDSA" | "ES256", "kid": "<iss>#<kid in hex>",
                "typ": "vnd.tally.erasure+json"}
    payload    {"destroyed": [words], "entries": [entry ids], "erased_ms", "iss", "v": 1}

It proves that ``iss`` says so, and nothing more: nobody can prove that no copy is left. Nothing in
it identifies a person.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .credentials.jose import ALGORITHMS, Jws, WrongAlgorithm, parse_jws, sign_jws
from .credentials.multibase import format_base64url
from .errors import CannotTell, Invalid
from .hashes import Hash
from .jcs import JsonValue, format_jcs, parse_ijson
from .keys import SIGNATURE_BYTES, PublicKey, Signer
from .limits import ERASURE_BYTES, ERASURE_ENTRIES
from .members import (
    MalformedMember,
    read_hash,
    read_integer,
    read_list,
    read_members,
    read_text,
)
from .payload import check_did
from .policy import Policy, PolicyIssuer
from .statement import SignedStatement

MEDIA_TYPE = "application/vnd.tally.erasure+json"
TYPE = MEDIA_TYPE.removeprefix("application/")
"""``typ`` (RFC 7515 §4.1.9), by which no other JWS of the same key is an erasure receipt."""

RECEIPT_SALTS = "receipt-salts"
CREDENTIAL_FILES = "credential-files"
SEEDS = "seeds"
JOURNAL_LINES = "journal-lines"
KEPT_COPIES = "kept-copies"
"""What a service kept of documents that it issued for others."""

DESTROYED = (CREDENTIAL_FILES, JOURNAL_LINES, KEPT_COPIES, RECEIPT_SALTS, SEEDS)
"""Every word for what was destroyed, in the one order."""

_SEPARATOR = "#"


class MalformedErasure(MalformedMember):
    """Not an erasure receipt."""


class ErasureTooLarge(MalformedErasure):
    """More than ``ERASURE_BYTES``; not even read."""


class NonCanonicalErasure(MalformedErasure):
    """Readable, but not the one spelling that this erasure receipt has."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """``iss`` is the issuer's did:web id, or the notary's; ``entries`` and ``destroyed`` are in
    order, each once; ``erased_ms`` is when all of it was destroyed, by the signer's clock."""

    iss: str
    entries: tuple[Hash, ...]
    erased_ms: int
    destroyed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SignedErasure:
    """``kid`` is the id of the key that is said to have signed ``jws``."""

    erasure: Erasure
    kid: Hash
    jws: Jws


def make_erasure(
    iss: str, entries: Sequence[Hash], erased_ms: int, destroyed: Sequence[str]
) -> Erasure:
    """The erasure of these entries, in whatever order they are given."""
    words = tuple(word for word in DESTROYED if word in destroyed)
    return Erasure(iss, tuple(sorted(set(entries))), erased_ms, words)


def sign_erasure(erasure: Erasure, key: Signer) -> bytes:
    """The signed file; raises Malformed for an erasure that would not be read again, and
    WrongSignature if the signer gave one that does not verify."""
    kid = f"{erasure.iss}{_SEPARATOR}{key.public.kid.hex()}"
    data = _write(sign_jws(_write_payload(erasure), key, typ=TYPE, kid=kid))
    _verify(parse_erasure(data), key.public)
    return data


def format_erasure(signed: SignedErasure) -> bytes:
    return _write(signed.jws.text)


def _write(jws: str) -> bytes:
    protected, payload, signature = jws.split(".")
    members: dict[str, JsonValue] = {
        "payload": payload,
        "protected": protected,
        "signature": signature,
    }
    return format_jcs(members) + b"\n"


def _write_payload(erasure: Erasure) -> bytes:
    return format_jcs(
        {
            "v": 1,
            "iss": erasure.iss,
            "entries": [entry.hex() for entry in erasure.entries],
            "erased_ms": erasure.erased_ms,
            "destroyed": list(erasure.destroyed),
        }
    )


def parse_erasure(data: bytes) -> SignedErasure:
    """Read an erasure receipt exactly, without verifying it; raises Malformed and nothing else."""
    if len(data) > ERASURE_BYTES:
        raise ErasureTooLarge(f"an erasure receipt has at most {ERASURE_BYTES} bytes")
    members = read_members(parse_ijson(data), "erasure", ("payload", "protected", "signature"))
    parts = (read_text(members[name], name) for name in ("protected", "payload", "signature"))
    jws = parse_jws(".".join(parts))
    erasure = _read_payload(parse_ijson(jws.payload))
    signed = SignedErasure(erasure, _read_header(jws, erasure.iss), jws)
    if format_erasure(signed) != data or jws.text.rpartition(".")[0] != _signed_text(signed):
        raise NonCanonicalErasure(
            "an erasure receipt is RFC 8785 JSON and one newline, and so are its parts, without it"
        )
    return signed


def _signed_text(signed: SignedErasure) -> str:
    """What the signature is over (RFC 7515 §5.1), made anew from the values."""
    header: dict[str, JsonValue] = {"alg": signed.jws.alg, "kid": signed.jws.kid, "typ": TYPE}
    payload = _write_payload(signed.erasure)
    return f"{format_base64url(format_jcs(header))}.{format_base64url(payload)}"


def _read_header(jws: Jws, iss: str) -> Hash:
    """The key's id."""
    if jws.alg not in ALGORITHMS or len(jws.signature) != SIGNATURE_BYTES:
        raise MalformedErasure("an erasure receipt is signed with EdDSA or ES256, in 64 bytes")
    if jws.typ != TYPE:
        raise MalformedErasure(f"the typ of an erasure receipt is {TYPE}")
    method, _, kid = (jws.kid or "").partition(_SEPARATOR)
    if method != iss:
        raise MalformedErasure("the kid of an erasure receipt is its iss, a # and the key id")
    return read_hash(kid, "the key id")


def _read_payload(value: JsonValue) -> Erasure:
    names = ("v", "iss", "entries", "erased_ms", "destroyed")
    members = read_members(value, "erasure", names)
    if type(members["v"]) is not int or members["v"] != 1:
        raise MalformedErasure("erasure: v is the integer 1")
    return Erasure(
        iss=check_did(read_text(members["iss"], "iss")),
        entries=_read_entries(members["entries"]),
        erased_ms=read_integer(members["erased_ms"], "erased_ms"),
        destroyed=_read_destroyed(members["destroyed"]),
    )


def _read_entries(value: JsonValue) -> tuple[Hash, ...]:
    items = read_list(value, "entries")
    entries = tuple(read_hash(item, "an entry id") for item in items)
    if not 1 <= len(entries) <= ERASURE_ENTRIES or list(entries) != sorted(set(entries)):
        raise MalformedErasure(f"entries are 1 to {ERASURE_ENTRIES} entry ids in order, each once")
    return entries


def _read_destroyed(value: JsonValue) -> tuple[str, ...]:
    words = tuple(read_text(item, "destroyed") for item in read_list(value, "destroyed"))
    if not words or words != tuple(word for word in DESTROYED if word in words):
        raise MalformedErasure(f"destroyed has some of {', '.join(DESTROYED)}, in this order")
    return words


def verify_erasure(signed: SignedErasure, policy: Policy) -> PolicyIssuer:
    """Who says so, if a key of the policy signed it that was good at that time.

    The time is the signer's own word, which no block bounds: so a key that was stolen later proves
    nothing, for a thief can date back. Raises Invalid or CannotTell.
    """
    erasure = signed.erasure
    issuer = policy.issuers.get(erasure.iss)
    if issuer is None:
        raise CannotTell(f"the policy does not know the issuer {erasure.iss}")
    known = issuer.keys.get(signed.kid)
    if known is None:
        raise CannotTell(f"the policy does not know this key of {erasure.iss}")
    _verify(signed, known.key)
    if not known.good_at(erasure.erased_ms):
        raise Invalid(f"the key of {erasure.iss} was not good when it says that this was erased")
    if known.compromised_ms is not None:
        raise CannotTell(f"the key of {erasure.iss} was stolen later: a thief could date it back")
    return issuer


def _verify(signed: SignedErasure, key: PublicKey) -> None:
    """Not as credentials are verified: of two good signatures (low s and high s) one is ours."""
    if ALGORITHMS[signed.jws.alg] != key.alg:
        raise WrongAlgorithm(f"alg is {signed.jws.alg}, and the key is for another")
    key.verify(signed.jws.signature, signed.jws.text.rpartition(".")[0].encode())


def check_erased(erasure: Erasure, statement: SignedStatement, issuer: PolicyIssuer) -> None:
    """Raises Invalid if the erasure is not of this entry, or of nobody who could erase it: the
    entry's issuer, or a notary."""
    if statement.entry_id not in erasure.entries:
        raise Invalid(f"the entry {statement.entry_id.hex()} is not among those that were erased")
    if statement.statement.iss != erasure.iss and not issuer.notary:
        raise Invalid(f"the entry is of {statement.statement.iss}, not of {erasure.iss}")
