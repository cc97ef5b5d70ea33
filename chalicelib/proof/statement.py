"""Statements: what an issuer, or the notary, says, signed as COSE_Sign1 (RFC 9052, RFC 9943).

An entry is tag 18 on [protected, {}, payload, signature], at most ``ENTRY_BYTES``, in
deterministic CBOR throughout. The protected header is exactly alg, content type, kid and CWT
claims (RFC 9597); the payload a map with exactly the members of its kind. Parsing reads typed
values and writes them again: an entry has one spelling.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from .block import Link, parse_link
from .cbor import CborValue, Tag, decode, encode, encode_bytes, encode_text, text_head
from .cose import to_be_signed
from .errors import Invalid, Malformed
from .hashes import Hash, leaf_hash
from .keys import EDDSA, ES256, SIGNATURE_BYTES, PublicKey, Signer
from .layout import CONTENT_TYPE, REGISTER_ENTRY
from .limits import ENTRY_BYTES, HASH_BYTES
from .payload import (
    KINDS,
    REASONS,
    STATUS_KINDS,
    IssuerNotice,
    MalformedDid,
    Payload,
    Register,
    StatusChange,
    StatusListNotice,
    Supersede,
    check_did,
    check_payload,
    check_seconds,
    format_payload,
    read_payload,
)

__all__ = [
    "CONTENT_TYPE",
    "KINDS",
    "REASONS",
    "STATUS_KINDS",
    "IssuerNotice",
    "MalformedDid",
    "Payload",
    "Register",
    "SignedStatement",
    "Statement",
    "StatusChange",
    "StatusListNotice",
    "Supersede",
    "check_did",
    "entry_id",
    "parse_entry",
    "parse_statement",
    "sign_statement",
    "verify_statement",
]


class MalformedStatement(Malformed):
    """Not a signed statement."""


class EntryTooLong(MalformedStatement):
    """More than ``ENTRY_BYTES``."""


class NotCoseSign1(MalformedStatement):
    """Not tag 18 on [protected, unprotected, payload, signature]."""


class MalformedHeader(MalformedStatement):
    """Protected headers that are not exactly alg, content type, kid and claims; or unprotected."""


class UnknownAlgorithm(MalformedHeader):
    """An alg other than EdDSA and ES256."""


class MalformedClaims(MalformedStatement):
    """CWT claims that are not exactly iss, sub and iat."""


class MalformedSubject(MalformedClaims):
    """A sub that is not the urn:uuid of a random UUID (RFC 9562 §5.4), in lower case."""


class InexactStatement(MalformedStatement):
    """Its values, written again, give other bytes."""


class UnknownEntry(Malformed):
    """Neither a signed statement nor a link."""


class WrongKey(Invalid):
    """The statement names another key, or an algorithm that the key is not for."""


class Statement(NamedTuple):
    """``iss`` a did:web, ``sub`` the document lineage (urn:uuid), ``iat`` POSIX seconds."""

    alg: int
    kid: Hash
    iss: str
    sub: str
    iat: int
    payload: Payload


class SignedStatement(NamedTuple):
    """A statement as it stands in the log: ``entry`` is all its bytes, ``signature`` 64 of them,
    ``to_be_signed`` the Sig_structure (RFC 9052 §4.4). The signature is not verified."""

    statement: Statement
    signature: bytes
    entry: bytes
    entry_id: Hash
    to_be_signed: bytes


def entry_id(entry: bytes) -> Hash:
    """The id of an entry is its leaf hash."""
    return leaf_hash(entry)


def parse_entry(entry: bytes) -> SignedStatement | Link:
    """Read any entry of a log; raises Malformed."""
    if entry.startswith(_TAGGED):
        return parse_statement(entry)
    if entry.startswith(_ARRAY_OF_4):
        return parse_link(entry)
    raise UnknownEntry("an entry is a COSE_Sign1 with tag 18, or the link that opens a batch")


def parse_statement(entry: bytes) -> SignedStatement:
    """Read a signed statement without verifying it; raises Malformed and nothing else."""
    if len(entry) > ENTRY_BYTES:
        raise EntryTooLong(f"an entry has at most {ENTRY_BYTES} bytes, not {len(entry)}")
    signed = _parse_usual(entry) or _parse_any(entry)
    _check_statement(signed.statement)
    return signed


def _parse_usual(entry: bytes) -> SignedStatement | None:
    """A register in its usual layout; None for all else."""
    usual = REGISTER_ENTRY.fullmatch(entry)
    if usual is None:
        return None
    protected, size, number, kid, iss_head, iss, sub, iat, content, *rest = usual.groups()
    content_size, sm3, profile_head, profile, sha256, canonicalization, signature = rest
    if (
        size[0] != len(protected) - 2
        or content_size[0] != len(content) - 2
        or iss_head != _TEXT_HEADS[len(iss)]
        or profile_head != _TEXT_HEADS[len(profile)]
    ):
        return None
    payload = Register(
        profile.decode(), "jcs" if canonicalization == b"jcs" else "raw", Hash(sha256), Hash(sm3)
    )
    alg = EDDSA if number == _EDDSA else ES256
    seconds = int.from_bytes(iat, "big")
    statement = Statement(alg, Hash(kid), iss.decode(), sub.decode("latin-1"), seconds, payload)
    signed = to_be_signed(protected, content)
    return SignedStatement(statement, signature, entry, leaf_hash(entry), signed)


def _parse_any(entry: bytes) -> SignedStatement:
    protected, content, signature = _read_envelope(entry)
    if len(signature) != SIGNATURE_BYTES:
        raise NotCoseSign1(f"a signature has {SIGNATURE_BYTES} bytes, not {len(signature)}")
    statement = _read_protected(protected, read_payload(content))
    protected, content = _format_parts(statement)
    if _seal(protected, content, signature) != entry:
        raise InexactStatement("the statement is not written as its values are")
    signed = to_be_signed(protected, content)
    return SignedStatement(statement, signature, entry, leaf_hash(entry), signed)


def sign_statement(payload: Payload, iss: str, sub: str, iat: int, key: Signer) -> bytes:
    """The entry of a new statement; raises Malformed for values that cannot be stated."""
    statement = Statement(key.public.alg, key.public.kid, iss, sub, iat, payload)
    _check_statement(statement)
    protected, content = _format_parts(statement)
    entry = _seal(protected, content, key.sign(to_be_signed(protected, content)))
    if len(entry) > ENTRY_BYTES:
        raise EntryTooLong(f"an entry has at most {ENTRY_BYTES} bytes, not {len(entry)}")
    return entry


def verify_statement(signed: SignedStatement, key: PublicKey) -> Statement:
    """The statement, if ``key`` signed it; raises WrongKey or keys.WrongSignature."""
    statement = signed.statement
    if statement.kid != key.kid:
        raise WrongKey("the statement's kid is not the thumbprint of this key")
    if statement.alg != key.alg:
        raise WrongKey(f"the statement's alg is {statement.alg}, the key's is {key.alg}")
    key.verify(signed.signature, signed.to_be_signed)
    return statement


def _read_envelope(entry: bytes) -> tuple[bytes, bytes, bytes]:
    """The protected header, payload and signature."""
    item = decode(entry)
    parts = item.value if isinstance(item, Tag) else None
    if not isinstance(parts, list) or len(parts) != 4:
        raise NotCoseSign1("a statement is tag 18 on [protected, {}, payload, signature]")
    protected, unprotected, payload, signature = parts
    if unprotected != {}:
        raise MalformedHeader("the unprotected header is an empty map")
    return (
        _byte_string(protected, "the protected header"),
        _byte_string(payload, "the payload"),
        _byte_string(signature, "the signature"),
    )


def _byte_string(value: CborValue, what: str) -> bytes:
    if not isinstance(value, bytes):
        raise NotCoseSign1(f"{what} is a byte string")
    return value


_EDDSA = encode(EDDSA)
_TEXT_HEADS = [text_head(bytes(size)) for size in range(0x100)]
"""By length. Inside a string whose own length has one byte, no text is longer."""

_ALG, _CONTENT_TYPE, _KID, _CLAIMS = 1, 3, 4, 15
_HEADER_NAMES = frozenset((_ALG, _CONTENT_TYPE, _KID, _CLAIMS))


def _read_protected(data: bytes, payload: Payload) -> Statement:
    header = decode(data)
    if not isinstance(header, dict) or header.keys() != _HEADER_NAMES:
        raise MalformedHeader("the protected header is exactly 1 alg, 3 type, 4 kid, 15 claims")
    alg, kid = header[_ALG], header[_KID]
    if header[_CONTENT_TYPE] != CONTENT_TYPE:
        raise MalformedHeader(f"the content type is {CONTENT_TYPE}")
    if not isinstance(kid, bytes) or len(kid) != HASH_BYTES:
        raise MalformedHeader(f"kid is a thumbprint of {HASH_BYTES} bytes (RFC 9679)")
    if not isinstance(alg, int) or alg not in (EDDSA, ES256):
        raise UnknownAlgorithm(f"alg is {EDDSA} (EdDSA) or {ES256} (ES256)")
    iss, sub, iat = _read_claims(header[_CLAIMS])
    return Statement(alg, Hash(kid), iss, sub, iat, payload)


_ISS, _SUB, _IAT = 1, 2, 6
_CLAIM_NAMES = frozenset((_ISS, _SUB, _IAT))


def _read_claims(claims: CborValue) -> tuple[str, str, int]:
    if not isinstance(claims, dict) or claims.keys() != _CLAIM_NAMES:
        raise MalformedClaims("the claims are exactly 1 iss, 2 sub, 6 iat")
    iss, sub, iat = claims[_ISS], claims[_SUB], claims[_IAT]
    if not isinstance(iss, str) or not isinstance(sub, str):
        raise MalformedClaims("iss and sub are text")
    # CBOR's true is an int in Python; as 1 it does not survive the round trip.
    if not isinstance(iat, int):
        raise MalformedClaims("iat is an integer")
    return iss, sub, int(iat)


_RANDOM_UUID = re.compile(
    "urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
)


def _check_statement(statement: Statement) -> None:
    check_did(statement.iss)
    if not _RANDOM_UUID.fullmatch(statement.sub):
        raise MalformedSubject("sub is urn:uuid: and a random (version 4) UUID in lower case")
    check_seconds(statement.iat, "iat")
    check_payload(statement.payload)


# As in payload.py, everything that never changes is encoded once.
_TAGGED = b"\xd2"
_ARRAY_OF_4 = b"\x84"
_UNPROTECTED = encode({})
_AFTER_ALG = encode(_CONTENT_TYPE) + encode(CONTENT_TYPE) + encode(_KID) + b"\x58\x20"
_UNTIL_KID = {alg: b"\xa4" + encode(_ALG) + encode(alg) + _AFTER_ALG for alg in (EDDSA, ES256)}
_BEFORE_ISS = encode(_CLAIMS) + b"\xa3" + encode(_ISS)
_BEFORE_SUB, _BEFORE_IAT = encode(_SUB), encode(_IAT)


def _format_parts(statement: Statement) -> tuple[bytes, bytes]:
    """The protected header and the payload, each as the encoded byte string of the COSE_Sign1."""
    protected = b"".join(
        (
            _UNTIL_KID[statement.alg],
            statement.kid,
            _BEFORE_ISS,
            encode_text(statement.iss),
            _BEFORE_SUB,
            encode_text(statement.sub),
            _BEFORE_IAT,
            encode(statement.iat),
        )
    )
    return encode_bytes(protected), encode_bytes(format_payload(statement.payload))


def _seal(protected: bytes, payload: bytes, signature: bytes) -> bytes:
    return _TAGGED + _ARRAY_OF_4 + protected + _UNPROTECTED + payload + encode_bytes(signature)
