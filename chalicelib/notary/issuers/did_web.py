"""did:web: where an issuer publishes its DID document, and which keys that says are its own.

Read exactly as far as it matters here (W3C DID v1.1 and Controlled Identifiers v1.0): the id, the
verification methods with Ed25519 and P-256 keys, and which of them make assertions. Other members
and other kinds of keys are anybody's to add, and are passed over; what is read must be right.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ...proof.credentials.multibase import BASE58BTC, format_multikey, parse_base58, parse_multikey
from ...proof.errors import CannotTell, Invalid, Malformed
from ...proof.jcs import JsonValue, parse_ijson
from ...proof.keys import MalformedKey, PublicKey, UnknownKeyType, format_jwk, p256_key, parse_jwk
from ...proof.limits import MULTIKEY_CHARACTERS
from ...proof.members import JsonObject, read_list, read_object, read_text
from ...proof.payload import check_did
from ...proof.times import parse_time
from ..limits import DID_DOCUMENT_BYTES, DID_DOCUMENT_DEPTH, DID_METHODS
from ..public_url import Get

MEDIA_TYPES = ("application/did", "application/did+json", "application/did+ld+json")
"""Of a DID document; did:web hosts also say ``application/json`` and ``application/ld+json``."""

_MEDIA_TYPES = frozenset((*MEDIA_TYPES, "application/json", "application/ld+json"))

CONTEXTS = (
    "https://www.w3.org/ns/did/v1",
    "https://w3id.org/security/jwk/v1",
    "https://w3id.org/security/multikey/v1",
)
"""Of the members of the DID documents that are made here."""

_OK = 200


class MalformedDidDocument(Malformed):
    """Not a DID document."""


class DidDocumentTooLarge(MalformedDidDocument):
    """More bytes, nesting or verification methods than the limits."""


class DuplicateMethod(MalformedDidDocument):
    """Two verification methods with one id, or one that is named twice."""


class MissingMethod(MalformedDidDocument):
    """A reference to a verification method of this document that is not in it."""


class PublishedPrivateKey(MalformedDidDocument):
    """A private key among the public ones: anybody can sign with it."""


class WrongDidDocument(Invalid):
    """The document is of another DID."""


class NotInControl(Invalid):
    """The DID document does not say that the key makes assertions for the issuer."""


class NoDidDocument(CannotTell):
    """At its place there is no DID document now."""


@dataclass(frozen=True, slots=True)
class DidDocument:
    """``asserting`` are the keys with which the DID's subject makes assertions."""

    id: str
    asserting: tuple[PublicKey, ...]


def did_url(did: str) -> str:
    """Where the DID document of a did:web id is (did:web method, §Read). Raises MalformedDid."""
    host, *path = check_did(did).removeprefix("did:web:").split(":")
    return f"https://{host}/{'/'.join(path or ['.well-known'])}/did.json"


def format_did_document(
    did: str, keys: Iterable[PublicKey], multikeys: Iterable[PublicKey]
) -> JsonObject:
    """The DID document of a subject that asserts with these keys: each is a JsonWebKey whose
    fragment is the key id, and those of Ed25519 to be a Multikey have theirs as the fragment."""
    multikeys = list(multikeys)
    methods = [_jwk_method(did, key) for key in (*keys, *multikeys)]
    methods += [_multikey_method(did, key) for key in multikeys]
    return {
        "@context": list(CONTEXTS),
        "id": did,
        "verificationMethod": [*methods],
        "assertionMethod": [method["id"] for method in methods],
    }


def _jwk_method(did: str, key: PublicKey) -> JsonObject:
    id_ = f"{did}#{key.kid.hex()}"
    jwk: JsonObject = {**format_jwk(key)}
    return {"id": id_, "type": "JsonWebKey", "controller": did, "publicKeyJwk": jwk}


def _multikey_method(did: str, key: PublicKey) -> JsonObject:
    multikey = format_multikey(key)
    id_ = f"{did}#{multikey}"
    return {"id": id_, "type": "Multikey", "controller": did, "publicKeyMultibase": multikey}


def verify_control(issuer: str, keys: Iterable[PublicKey], get: Get, now_ms: int) -> None:
    """Fetch the issuer's DID document, and check that every key is now one of its own.

    Raises Malformed for an id or a document that is not right, Invalid where the document says
    otherwise, and where nothing can be told NoDidDocument or NotReached (see ``Get``)."""
    answer = get(did_url(issuer))
    if answer.status != _OK:
        raise NoDidDocument(f"the DID document was answered with status {answer.status}, not 200")
    if answer.media not in _MEDIA_TYPES:
        raise NoDidDocument(f"a DID document has the media type {MEDIA_TYPES[0]}")
    document = parse_did_document(answer.body, now_ms)
    for key in keys:
        check_control(document, issuer, key)


def check_control(document: DidDocument, issuer: str, key: PublicKey) -> None:
    """Raises WrongDidDocument or NotInControl."""
    if document.id != issuer:
        raise WrongDidDocument(f"the DID document is not of {issuer}")
    if key not in document.asserting:
        raise NotInControl(
            f"the DID document of {issuer} has no assertionMethod with the key {key.kid.hex()}"
        )


def parse_did_document(data: bytes, at_ms: int) -> DidDocument:
    """Read a DID document in JSON as it is to be understood at that time; raises Malformed."""
    if len(data) > DID_DOCUMENT_BYTES:
        raise DidDocumentTooLarge(f"a DID document has at most {DID_DOCUMENT_BYTES} bytes")
    value = parse_ijson(data)
    _check_depth(value)
    members = read_object(value, "a DID document")
    id_ = check_did(read_text(members.get("id"), "id"))
    listed = _items(members, "verificationMethod")
    asserting = _items(members, "assertionMethod")
    methods = [_read_method(id_, each, at_ms) for each in listed]
    embedded = [_read_method(id_, each, at_ms) for each in asserting if not isinstance(each, str)]
    references = [_absolute(id_, each) for each in asserting if isinstance(each, str)]
    _check_unique([each.id for each in chain(methods, embedded)])
    _check_unique([*references, *(each.id for each in embedded)])
    found = chain(_referenced(id_, methods, references), embedded)
    return DidDocument(id_, tuple(each.key for each in found if each.key is not None))


@dataclass(frozen=True, slots=True)
class _Method:
    """``key`` is None where it is of another kind, not good any more, or somebody else's."""

    id: str
    key: PublicKey | None


def _check_depth(value: JsonValue) -> None:
    level: Sequence[JsonValue] = [value]
    for _ in range(DID_DOCUMENT_DEPTH):
        level = [item for each in level for item in _children(each)]
    if level:
        raise DidDocumentTooLarge(f"a DID document is nested less than {DID_DOCUMENT_DEPTH} deep")


def _children(value: JsonValue) -> Iterable[JsonValue]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _items(members: JsonObject, name: str) -> list[JsonValue]:
    items = read_list(members.get(name, []), name)
    if len(items) > DID_METHODS:
        raise DidDocumentTooLarge(f"{name} has at most {DID_METHODS} items")
    return items


_FRAGMENT = re.compile(r"#[A-Za-z0-9._~!$&'()*+,;=:@/?%-]+")


def _absolute(did: str, text: str) -> str:
    """A DID URL with a fragment, which may be relative to the document's own DID."""
    url = did + text if text.startswith("#") else text
    base, separator, fragment = url.partition("#")
    if not base.startswith("did:") or not _FRAGMENT.fullmatch(separator + fragment):
        raise MalformedDidDocument("a verification method is named by a DID and a fragment")
    return url


def _check_unique(ids: Sequence[str]) -> None:
    if len(set(ids)) != len(ids):
        raise DuplicateMethod("a verification method is there twice")


def _referenced(did: str, methods: Sequence[_Method], references: Sequence[str]) -> list[_Method]:
    """Those of this document. What other documents say is never fetched, and counts for nothing."""
    by_id = {each.id: each for each in methods}
    own = [each for each in references if each in by_id or each.partition("#")[0] == did]
    for each in own:
        if each not in by_id:
            raise MissingMethod("assertionMethod names a method that is not in the document")
    return [by_id[each] for each in own]


def _read_method(did: str, value: JsonValue, at_ms: int) -> _Method:
    """A verification method, with its key if that is of our kinds, the DID's, and good."""
    members = read_object(value, "a verification method")
    id_ = _absolute(did, read_text(members.get("id"), "the id of a verification method"))
    controller = read_text(members.get("controller"), "the controller of a verification method")
    type_ = read_text(members.get("type"), "the type of a verification method")
    key = _read_key(type_, members)
    return _Method(id_, key if controller == did and not _is_over(members, at_ms) else None)


def _is_over(members: JsonObject, at_ms: int) -> bool:
    """Whether the method has expired, or was revoked (Controlled Identifiers §2.2)."""
    ends = [members[name] for name in ("expires", "revoked") if name in members]
    return any(parse_time(read_text(end, "the end of a method")) <= at_ms for end in ends)


def _read_key(type_: str, members: JsonObject) -> PublicKey | None:
    """The key; None for kinds that are not ours."""
    try:
        match type_:
            case "JsonWebKey" | "JsonWebKey2020":
                return _read_jwk(read_object(members.get("publicKeyJwk"), "publicKeyJwk"))
            case "Multikey" | "Ed25519VerificationKey2020":
                return _read_multikey(
                    read_text(members.get("publicKeyMultibase"), "publicKeyMultibase")
                )
            case _:
                return None
    except UnknownKeyType:
        return None


_JWK_MEMBERS = ("kty", "crv", "x", "y")


def _read_jwk(members: JsonObject) -> PublicKey:
    """A JWK may also say what it is for (RFC 7517 §4)."""
    if "d" in members:
        raise PublishedPrivateKey("a JWK of a DID document holds a private key")
    return parse_jwk({name: members[name] for name in _JWK_MEMBERS if name in members})


_P256 = b"\x80\x24"
"""The multicodec of a P-256 public key, as a varint; the compressed point follows."""

_POINT_BYTES = 33


def _read_multikey(text: str) -> PublicKey:
    """A Multikey (W3C Controlled Identifiers v1.0 §2.2.2) of Ed25519 or P-256."""
    if not text.startswith(BASE58BTC) or len(text) > MULTIKEY_CHARACTERS:
        raise UnknownKeyType("a Multikey of an Ed25519 or P-256 key is short, and begins with z")
    data = parse_base58(text[1:], MULTIKEY_CHARACTERS)
    return _p256_of(data.removeprefix(_P256)) if data.startswith(_P256) else parse_multikey(text)


def _p256_of(point: bytes) -> PublicKey:
    if len(point) != _POINT_BYTES:
        raise MalformedKey(f"the P-256 key of a Multikey has {_POINT_BYTES} bytes")
    try:
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    except ValueError:
        raise MalformedKey("the P-256 key of a Multikey is no point of the curve") from None
    full = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return p256_key(full[1:33], full[33:])
