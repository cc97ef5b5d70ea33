"""CMS SignedData (RFC 5652 §5) as time stamps use it: one signer, signed attributes, X.509 only.

What is read is in DER. Two things are kept as they are and not looked into, because nothing hangs
on them: certificate revocation lists, and attributes that are not signed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from ..errors import Malformed
from ..limits import TOKEN_CERTIFICATES
from .der import (
    CONSTRUCTED,
    NULL,
    OCTET_STRING,
    PRIMITIVE,
    SEQUENCE,
    SET,
    DerReader,
    encode,
    read_content,
    read_der,
    read_sequence_of,
    read_set_of,
)

SIGNED_DATA = "1.2.840.113549.1.7.2"
"""id-signedData (RFC 5652 §5.1)."""

_SIGNED_DATA_VERSION = 3
"""Of content that is not id-data, with no certificates but X.509's (RFC 5652 §5.1)."""

_BY_ISSUER, _BY_KEY_ID = 1, 3
"""Versions of SignerInfo: they follow from how it names the signer (RFC 5652 §5.3)."""


class MalformedCms(Malformed):
    """Not SignedData with one signer and signed attributes."""


class Algorithm(NamedTuple):
    """An AlgorithmIdentifier (RFC 5280 §4.1.1.2). ``parameters`` is their encoding, empty if they
    are left out."""

    oid: str
    parameters: bytes


class IssuerAndSerial(NamedTuple):
    """Names a certificate: its issuer's encoding and its serial number."""

    issuer: bytes
    serial: int


class KeyId(NamedTuple):
    """Names a certificate by its subjectKeyIdentifier."""

    key_id: bytes


@dataclass(frozen=True, slots=True)
class SignerInfo:
    """``signed`` is what the signature is over: the signed attributes as a SET OF in DER.
    ``attributes`` holds the encodings of each one's values by its type."""

    sid: IssuerAndSerial | KeyId
    digest: Algorithm
    signed: bytes
    attributes: Mapping[str, tuple[bytes, ...]]
    algorithm: Algorithm
    signature: bytes

    def attribute(self, oid: str, name: str) -> bytes:
        """The encoding of the one value of a signed attribute; raises MalformedCms."""
        values = self.attributes.get(oid, ())
        if len(values) != 1:
            raise MalformedCms(f"the signed attribute {name} is there with one value")
        return values[0]


@dataclass(frozen=True, slots=True)
class SignedData:
    """``certificates`` are the encodings of the embedded ones, in their order."""

    content_type: str
    content: bytes
    certificates: tuple[bytes, ...]
    signer: SignerInfo


def parse_signed_data(data: bytes) -> SignedData:
    """Read a ContentInfo that holds SignedData; raises MalformedCms or MalformedDer."""
    info = read_der(data)
    if info.take_oid() != SIGNED_DATA:
        raise MalformedCms("not SignedData of CMS")
    body = read_der(info.take(CONSTRUCTED))
    info.finish()
    _check_version(body.take_integer(), _SIGNED_DATA_VERSION, "SignedData")
    digests = [read_algorithm(read_der(item)) for item in read_sequence_of(body.enter(SET))]
    content_type, content = _read_content(body.enter())
    certificates = _read_certificates(body)
    if body.at(CONSTRUCTED + 1):
        body.take_whole()
    signers = body.enter(SET)
    body.finish()
    signer = _read_signer(signers.enter())
    if not signers.done:
        raise MalformedCms("more than one signer")
    if [digest.oid for digest in digests] != [signer.digest.oid]:
        raise MalformedCms("the digest algorithms are other than the signer's")
    if digests[0].parameters not in (b"", signer.digest.parameters, encode(NULL)):
        raise MalformedCms("a digest algorithm has no parameters, or NULL")
    return SignedData(content_type, content, certificates, signer)


def take_algorithm(reader: DerReader) -> Algorithm:
    return read_algorithm(reader.enter())


def read_algorithm(reader: DerReader) -> Algorithm:
    """The AlgorithmIdentifier whose elements are all that is left."""
    oid = reader.take_oid()
    parameters = b"" if reader.done else reader.take_whole()
    reader.finish()
    return Algorithm(oid, parameters)


def _check_version(version: int, expected: int, what: str) -> None:
    if version != expected:
        raise MalformedCms(f"{what} of this kind has version {expected}")


def _read_content(reader: DerReader) -> tuple[str, bytes]:
    content_type = reader.take_oid()
    content = read_content(reader.take(CONSTRUCTED), OCTET_STRING)
    reader.finish()
    return content_type, content


def _read_certificates(body: DerReader) -> tuple[bytes, ...]:
    """Not in order: few who make such tokens sort them."""
    if not body.at(CONSTRUCTED):
        return ()
    certificates = read_sequence_of(body.enter(CONSTRUCTED), SEQUENCE)
    if len(certificates) > TOKEN_CERTIFICATES:
        raise MalformedCms(f"at most {TOKEN_CERTIFICATES} certificates are embedded")
    return tuple(certificates)


def _read_signer(reader: DerReader) -> SignerInfo:
    version = reader.take_integer()
    sid = _read_sid(reader)
    _check_version(version, _BY_KEY_ID if isinstance(sid, KeyId) else _BY_ISSUER, "SignerInfo")
    digest = take_algorithm(reader)
    # The signature is over the attributes with the tag of a SET, not the [0] that stands here.
    signed = encode(SET, reader.take(CONSTRUCTED))
    signer = SignerInfo(
        sid=sid,
        digest=digest,
        signed=signed,
        attributes=_read_attributes(signed),
        algorithm=take_algorithm(reader),
        signature=reader.take(OCTET_STRING),
    )
    if reader.at(CONSTRUCTED + 1):
        reader.take_whole()
    reader.finish()
    return signer


def _read_sid(reader: DerReader) -> IssuerAndSerial | KeyId:
    if reader.at(PRIMITIVE):
        return KeyId(reader.take(PRIMITIVE))
    inside = reader.enter()
    sid = IssuerAndSerial(inside.take_whole(SEQUENCE), inside.take_integer())
    inside.finish()
    return sid


def _read_attributes(signed: bytes) -> dict[str, tuple[bytes, ...]]:
    attributes: dict[str, tuple[bytes, ...]] = {}
    for item in read_set_of(read_der(signed, SET), SEQUENCE):
        attribute = read_der(item)
        oid = attribute.take_oid()
        if oid in attributes:
            raise MalformedCms("a signed attribute is there twice")
        attributes[oid] = tuple(read_set_of(attribute.enter(SET)))
        attribute.finish()
    return attributes
