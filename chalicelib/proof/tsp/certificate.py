"""X.509 certificates (RFC 5280 §4.1), as far as the path from a time stamp to an anchor needs them.

``cryptography`` reads all extensions of a certificate or none, so one that it does not know well
would make a good authority unusable. Here only those that decide something are looked into.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from ..errors import Malformed
from ..text import parse_base64
from .cms import Algorithm, take_algorithm
from .der import (
    CONSTRUCTED,
    OCTET_STRING,
    PRIMITIVE,
    SEQUENCE,
    DerReader,
    read_der,
    read_oid,
    read_sequence_of,
)
from .der_time import take_certificate_time
from .name import format_name

SUBJECT_KEY_ID = "2.5.29.14"
KEY_USAGE = "2.5.29.15"
BASIC_CONSTRAINTS = "2.5.29.19"
CERTIFICATE_POLICIES = "2.5.29.32"
EXTENDED_KEY_USAGE = "2.5.29.37"

_PEM = re.compile(r"-----BEGIN CERTIFICATE-----\n([^-]*\n)-----END CERTIFICATE-----\n?")
_V3 = 2


class MalformedCertificate(Malformed):
    """Not one X.509 certificate."""


class Extension(NamedTuple):
    """``value`` is the encoding inside the OCTET STRING."""

    critical: bool
    value: bytes


class BasicConstraints(NamedTuple):
    """Whether it may issue certificates, and how many authorities may stand below it at most."""

    ca: bool
    path_length: int | None


@dataclass(frozen=True, slots=True)
class Certificate:
    """``signed`` is the encoding of the TBSCertificate; ``issuer``, ``subject`` and ``spki`` are
    encodings, too. ``name`` is the subject in words for people. Extensions are by their types."""

    der: bytes
    signed: bytes
    serial: int
    issuer: bytes
    not_before_us: int
    not_after_us: int
    subject: bytes
    name: str
    spki: bytes
    extensions: Mapping[str, Extension]
    algorithm: Algorithm
    signature: bytes

    def valid_at(self, at_us: int) -> bool:
        """Both ends are included (RFC 5280 §4.1.2.5)."""
        return self.not_before_us <= at_us <= self.not_after_us


def parse_pem(text: str) -> Certificate:
    """Read one certificate in PEM (RFC 7468 §5); raises Malformed."""
    match = _PEM.fullmatch(text)
    if match is None:
        raise MalformedCertificate("a certificate in PEM stands between its BEGIN and END lines")
    return parse_certificate(parse_base64(match[1].replace("\n", "")))


def parse_certificate(der: bytes) -> Certificate:
    """Read one certificate; raises Malformed."""
    outer = read_der(der)
    signed = outer.take_whole(SEQUENCE)
    algorithm = take_algorithm(outer)
    signature = outer.take_octets_of_bits()
    outer.finish()
    body = read_der(signed)
    version = _read_version(body)
    serial = body.take_integer()
    if take_algorithm(body) != algorithm:
        raise MalformedCertificate("the certificate names two signature algorithms")
    issuer = body.take_whole(SEQUENCE)
    validity = body.enter()
    not_before_us, not_after_us = take_certificate_time(validity), take_certificate_time(validity)
    validity.finish()
    subject = body.take_whole(SEQUENCE)
    certificate = Certificate(
        der=der,
        signed=signed,
        serial=serial,
        issuer=issuer,
        not_before_us=not_before_us,
        not_after_us=not_after_us,
        subject=subject,
        name=format_name(subject),
        spki=body.take_whole(SEQUENCE),
        extensions=_read_extensions(body) if version == _V3 else {},
        algorithm=algorithm,
        signature=signature,
    )
    body.finish()
    return certificate


def _read_version(body: DerReader) -> int:
    """0 for v1, which is the default (RFC 5280 §4.1.2.1)."""
    if not body.at(CONSTRUCTED):
        return 0
    inside = body.enter(CONSTRUCTED)
    version = inside.take_integer()
    inside.finish()
    if version != _V3:
        raise MalformedCertificate("a certificate with a version is of version 3")
    return version


def _read_extensions(body: DerReader) -> dict[str, Extension]:
    for unique_id in (PRIMITIVE + 1, PRIMITIVE + 2):
        if body.at(unique_id):
            body.take(unique_id)
    extensions: dict[str, Extension] = {}
    if body.at(CONSTRUCTED + 3):
        for item in read_sequence_of(read_der(body.take(CONSTRUCTED + 3))):
            oid, extension = read_extension(item)
            if oid in extensions:
                raise MalformedCertificate("an extension is there twice")
            extensions[oid] = extension
    return extensions


def read_extension(data: bytes) -> tuple[str, Extension]:
    """One Extension (RFC 5280 §4.2), of a certificate or of a time stamp."""
    reader = read_der(data)
    oid = reader.take_oid()
    extension = Extension(reader.take_true(), reader.take(OCTET_STRING))
    reader.finish()
    return oid, extension


def basic_constraints(certificate: Certificate) -> BasicConstraints:
    """RFC 5280 §4.2.1.9; without the extension it is no authority."""
    extension = certificate.extensions.get(BASIC_CONSTRAINTS)
    if extension is None:
        return BasicConstraints(ca=False, path_length=None)
    reader = read_der(extension.value)
    ca = reader.take_true()
    path_length = None if reader.done else reader.take_integer()
    reader.finish()
    return BasicConstraints(ca, path_length)


def key_usage(certificate: Certificate) -> frozenset[int] | None:
    """The numbers of KeyUsage's bits (RFC 5280 §4.2.1.3); None without the extension."""
    extension = certificate.extensions.get(KEY_USAGE)
    if extension is None:
        return None
    reader = DerReader(extension.value)
    bits = reader.take_bits()
    reader.finish()
    return bits


def extended_key_usage(certificate: Certificate) -> list[str] | None:
    """Its purposes (RFC 5280 §4.2.1.12); None without the extension."""
    extension = certificate.extensions.get(EXTENDED_KEY_USAGE)
    if extension is None:
        return None
    return [read_oid(item) for item in read_sequence_of(read_der(extension.value))]
