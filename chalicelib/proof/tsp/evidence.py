"""Time-stamp tokens over a block hash (RFC 3161, with ESSCertIDv2 of RFC 5816).

The imprint of a token is the block hash itself, as the digest of 02 ‖ header. Verifying goes like
this; the numbers are in the code:

1. the token is SignedData of CMS (RFC 5652) with one signer, in DER, and holds a TSTInfo
2. its imprint is the block hash, with SHA-256
3. the signer's certificate is in the token or in the policy
4. the signed attributes name the certificate by its hash, and the TSTInfo by type and digest
5. the certificate's key signed them
6. the certificate is for time stamps alone, and was valid at the token's time
7. it is, or leads to, a certificate of the policy, all of them valid at that time

What 1 to 6 find wrong is Invalid, even under a policy without certificates; 3 and 7, and what is
not known here, leave it open.

These bytes of a token may differ and leave it good, because nobody signed them: revocation lists,
attributes that are not signed, embedded certificates that the path does not need and the order of
all of them; further the two names of RSA (rsaEncryption or one with the hash), the two of a
signer (by issuer or by key id), parameters of a digest algorithm (NULL or left out), and (r, n - s)
for an ECDSA signature (r, s). None of them changes what the token says.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import CannotTell, Invalid, Malformed
from ..hashes import Hash
from ..limits import TOKEN_BYTES
from ..members import read_base64
from ..receipt import RFC3161, Attestation
from ..sighting import Sighting
from ..text import format_base64
from .certificate import SUBJECT_KEY_ID, Certificate, parse_certificate, parse_pem
from .cms import KeyId, SignedData, SignerInfo, parse_signed_data, take_algorithm
from .der import OCTET_STRING, SEQUENCE, encode, read_content, read_der, read_oid, read_sequence_of
from .info import TstInfo, parse_tst_info
from .path import check_signer, find_path
from .signature import SHA256_OID, digest_of, load_key, verify_signer

_TST_INFO = "1.2.840.113549.1.9.16.1.4"
_CONTENT_TYPE = "1.2.840.113549.1.9.3"
_MESSAGE_DIGEST = "1.2.840.113549.1.9.4"
_SIGNING_CERTIFICATE = "1.2.840.113549.1.9.16.2.12"
_SIGNING_CERTIFICATE_V2 = "1.2.840.113549.1.9.16.2.47"
_ESS = (
    (_SIGNING_CERTIFICATE, "signingCertificate"),
    (_SIGNING_CERTIFICATE_V2, "signingCertificateV2"),
)


class MalformedToken(Malformed):
    """Not a TimeStampToken."""


class FalseToken(Invalid):
    """A token that cannot be read, or is not about the block hash, or contradicts itself."""


class NoAnchor(CannotTell):
    """The policy has no certificate to judge the token by."""


class UnknownExtension(CannotTell):
    """A time stamp with an extension that a verifier has to understand, and this one does not."""


class SignerMissing(CannotTell):
    """The signer's certificate is neither in the token nor in the policy."""


@dataclass(frozen=True, slots=True)
class TimeStamp:
    """A token as it was read; nothing of it is verified."""

    signed: SignedData
    info: TstInfo
    certificates: tuple[Certificate, ...]


def parse_token(token: bytes) -> TimeStamp:
    """Read a TimeStampToken; raises Malformed."""
    if len(token) > TOKEN_BYTES:
        raise MalformedToken(f"a token has at most {TOKEN_BYTES} bytes, not {len(token)}")
    signed = parse_signed_data(token)
    if signed.content_type != _TST_INFO:
        raise MalformedToken("the content of a token is a TSTInfo")
    certificates = tuple(map(parse_certificate, signed.certificates))
    return TimeStamp(signed, parse_tst_info(signed.content), certificates)


def verify_token(token: bytes, block_hash: Hash, certificates: Sequence[str]) -> Sighting:
    """When the block hash existed, by a token and the policy's certificates (PEM, one each).

    Raises Invalid (FalseToken for what is malformed, too) or CannotTell."""
    try:
        stamp = parse_token(token)  # 1
        _check_imprint(stamp.info, block_hash)  # 2
        return _verify(stamp, _read_anchors(certificates))
    except Malformed as error:
        raise FalseToken(f"the time stamp is malformed: {error}") from error


def _read_anchors(certificates: Sequence[str]) -> list[Certificate]:
    anchors = []
    for pem in certificates:
        try:
            anchors.append(parse_pem(pem))
        except Malformed as error:
            raise NoAnchor(f"a TSA certificate of the policy cannot be read: {error}") from error
    return anchors


def _check_imprint(info: TstInfo, block_hash: Hash) -> None:
    if info.algorithm.oid != SHA256_OID or info.imprint != block_hash:
        raise FalseToken("the time stamp is about another hash")
    digest_of(info.algorithm)


def _verify(stamp: TimeStamp, anchors: Sequence[Certificate]) -> Sighting:
    info, signer = stamp.info, stamp.signed.signer
    certificate = find_signer(signer, (*stamp.certificates, *anchors))  # 3 and 4
    _check_content(stamp.signed)
    verify_signer(signer, load_key(certificate.spki))  # 5
    check_signer(certificate, info.time.earliest_us)  # 6
    if info.critical:
        raise UnknownExtension("the time stamp has critical extensions that are not known here")
    if not anchors:
        raise NoAnchor(f"the policy has no TSA certificate; the signer is {certificate.name}")
    find_path(certificate, stamp.certificates, anchors, info.time.earliest_us)  # 7
    earliest_ms, latest_ms = info.interval_ms
    return Sighting(earliest_ms, latest_ms, certificate.name)


def find_signer(signer: SignerInfo, candidates: Sequence[Certificate]) -> Certificate:
    """The certificate that the token names as its signer's, and identifies by its hash (RFC 5816
    §2.2.1); raises SignerMissing, FalseToken or Malformed."""
    named = [candidate for candidate in candidates if _is_named(candidate, signer)]
    if not named:
        raise SignerMissing("the signer's certificate is neither in the time stamp nor the policy")
    identified = _signing_certificates(signer)
    for candidate in named:
        if all(_digest(name, candidate.der) == value for name, value in identified):
            return candidate
    raise FalseToken("the signed attributes identify another certificate than the signer's")


def _is_named(certificate: Certificate, signer: SignerInfo) -> bool:
    sid = signer.sid
    if isinstance(sid, KeyId):
        extension = certificate.extensions.get(SUBJECT_KEY_ID)
        return extension is not None and extension.value == encode(OCTET_STRING, sid.key_id)
    return (certificate.issuer, certificate.serial) == sid


def _digest(name: str, data: bytes) -> bytes:
    return hashlib.new(name, data, usedforsecurity=False).digest()


def _signing_certificates(signer: SignerInfo) -> list[tuple[str, bytes]]:
    """How ESSCertID (RFC 2634 §5.4.1, with SHA-1) and ESSCertIDv2 (RFC 5035 §4) identify the
    signer's certificate. SHA-1 is good enough for that: to forge a signer takes a second preimage
    that the authority's issuer has signed."""
    found = [
        _read_ess(signer.attribute(oid, name), oid == _SIGNING_CERTIFICATE_V2)
        for oid, name in _ESS
        if oid in signer.attributes
    ]
    if not found:
        raise MalformedToken("no signed attribute identifies the signer's certificate")
    return found


def _read_ess(value: bytes, v2: bool) -> tuple[str, bytes]:
    """The hash function's name and the hash of the first certificate identified: the signer's."""
    reader = read_der(value)
    ids = reader.enter()
    first = ids.enter()
    name = "sha256" if v2 else "sha1"
    if v2 and first.at(SEQUENCE):
        name = digest_of(take_algorithm(first)).name
    identified = first.take(OCTET_STRING)
    # issuerSerial, other certificates and policies say nothing that this hash does not.
    for rest in (first, ids, reader):
        read_sequence_of(rest, SEQUENCE)
    return name, identified


def _check_content(signed: SignedData) -> None:
    """The signed attributes are about the content (RFC 5652 §5.3, §11)."""
    signer = signed.signer
    if read_oid(signer.attribute(_CONTENT_TYPE, "contentType")) != signed.content_type:
        raise FalseToken("the signed content type is another one")
    digest = _digest(digest_of(signer.digest).name, signed.content)
    if read_content(signer.attribute(_MESSAGE_DIGEST, "messageDigest"), OCTET_STRING) != digest:
        raise FalseToken("the signed digest is not that of the time stamp")


def rfc3161_attestation(token: bytes) -> Attestation:
    """What a receipt holds of a token."""
    return Attestation(RFC3161, {"token": format_base64(token)})


def attested_token(attestation: Attestation) -> bytes:
    """The token in a receipt's attestation of this type; raises MalformedMember."""
    return read_base64(attestation.members.get("token"), "rfc3161: token")
