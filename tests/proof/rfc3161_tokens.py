"""Time-stamp tokens to test with, each part of which can be another.

Certificates are made by ``cryptography``; whether the good tokens are good is judged by openssl.
The keys are test vectors: derived from their owner's name, so nobody can mistake them for real.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import new as new_hash
from hashlib import sha256

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from chalicelib.proof.block import Block
from chalicelib.proof.hashes import leaf_hash
from chalicelib.proof.tsp.der import (
    CONSTRUCTED,
    GENERALIZED_TIME,
    NULL,
    OCTET_STRING,
    SEQUENCE,
    SET,
    encode,
    encode_integer,
    encode_oid,
)

BLOCK = Block("tally.test/log", 7, leaf_hash(b"previous"), 9, leaf_hash(b"root"), 1_782_898_200_000)
STAMPED = b"20260701093000Z"
STAMPED_MS = 1_782_898_200_000

TIME_STAMPING = "1.3.6.1.5.5.7.3.8"
SIGNED_DATA = "1.2.840.113549.1.7.2"
DATA = "1.2.840.113549.1.7.1"
TST_INFO = "1.2.840.113549.1.9.16.1.4"
CONTENT_TYPE = "1.2.840.113549.1.9.3"
MESSAGE_DIGEST = "1.2.840.113549.1.9.4"
SIGNING_TIME = "1.2.840.113549.1.9.5"
ESS_V1 = "1.2.840.113549.1.9.16.2.12"
ESS_V2 = "1.2.840.113549.1.9.16.2.47"
DIGESTS = {
    "md5": "1.2.840.113549.2.5",
    "sha1": "1.3.14.3.2.26",
    "sha256": "2.16.840.1.101.3.4.2.1",
    "sha384": "2.16.840.1.101.3.4.2.2",
    "sha512": "2.16.840.1.101.3.4.2.3",
    "sha3_256": "2.16.840.1.101.3.4.2.8",
}
RSA = "1.2.840.113549.1.1.1"
PSS = "1.2.840.113549.1.1.10"
MGF1 = "1.2.840.113549.1.1.8"
ECDSA = {
    "sha1": "1.2.840.10045.4.1",
    "sha256": "1.2.840.10045.4.3.2",
    "sha384": "1.2.840.10045.4.3.3",
    "sha512": "1.2.840.10045.4.3.4",
}
ED25519 = "1.3.101.112"
HASHES: dict[str, hashes.HashAlgorithm] = {
    "sha1": hashes.SHA1(),
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
    "sha3_256": hashes.SHA3_256(),
}

CertificateHash = hashes.SHA256 | hashes.SHA384 | hashes.SHA512 | hashes.SHA3_256
Key = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey


def ec_key(name: str, curve: ec.EllipticCurve | None = None) -> ec.EllipticCurvePrivateKey:
    """A test vector, not a secret."""
    return ec.derive_private_key(int.from_bytes(sha256(name.encode()).digest()), curve or P256)


def ed25519_key(name: str) -> ed25519.Ed25519PrivateKey:
    """A test vector, not a secret."""
    return ed25519.Ed25519PrivateKey.from_private_bytes(sha256(name.encode()).digest())


P256 = ec.SECP256R1()
USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


@dataclass(frozen=True)
class Party:
    key: Key
    certificate: x509.Certificate

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()


def certify(
    name: str,
    issuer: Party | None = None,
    *,
    key: Key | None = None,
    extensions: Sequence[tuple[x509.ExtensionType, bool]] = (),
    valid: tuple[int, int] = (2020, 2040),
    digest: CertificateHash | None = None,
) -> Party:
    """A party with a certificate, by an issuer or by itself; valid from one year to another."""
    key = key or ec_key(name)
    subject = _name(name)
    signing = issuer.key if issuer else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(int.from_bytes(sha256(name.encode()).digest()[:8]))
        .not_valid_before(datetime(valid[0], 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(valid[1], 1, 1, tzinfo=UTC))
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    plain = isinstance(signing, ed25519.Ed25519PrivateKey)
    deterministic = True if isinstance(signing, ec.EllipticCurvePrivateKey) else None
    signed = builder.sign(
        signing,
        None if plain else digest or hashes.SHA256(),
        ecdsa_deterministic=deterministic,
    )
    return Party(key, signed)


def _name(name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "GB"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Test vectors"),
            x509.NameAttribute(NameOID.COMMON_NAME, name),
        ]
    )


def usage(*bits: str) -> x509.KeyUsage:
    return x509.KeyUsage(**{name: name in bits for name in USAGES})


def purposes(*dotted: str) -> x509.ExtendedKeyUsage:
    return x509.ExtendedKeyUsage([x509.ObjectIdentifier(oid) for oid in dotted])


def authority(
    name: str,
    issuer: Party | None = None,
    *,
    path_length: int | None = None,
    ca: bool = True,
    signs: str = "key_cert_sign",
    more: Sequence[tuple[x509.ExtensionType, bool]] = (),
    key: Key | None = None,
    valid: tuple[int, int] = (2020, 2040),
    digest: CertificateHash | None = None,
) -> Party:
    """One that issues certificates."""
    constraints = x509.BasicConstraints(ca=ca, path_length=path_length)
    extensions = ((constraints, True), (usage(signs), True), *more)
    return certify(name, issuer, key=key, extensions=extensions, valid=valid, digest=digest)


def signer(
    name: str,
    issuer: Party | None = None,
    *,
    key: Key | None = None,
    purpose: x509.ExtendedKeyUsage | None = None,
    critical: bool = True,
    signs: str | None = "digital_signature",
    more: Sequence[tuple[x509.ExtensionType, bool]] = (),
    valid: tuple[int, int] = (2020, 2040),
) -> Party:
    """One that makes time stamps."""
    key = key or ec_key(name)
    key_id = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    extensions = [(purpose or purposes(TIME_STAMPING), critical), (key_id, False), *more]
    if signs:
        extensions.append((usage(signs), True))
    return certify(name, issuer, key=key, extensions=extensions, valid=valid)


ROOT = authority("Root")
TSA = signer("TSA", ROOT)


def revocation_list(issuer: Party) -> bytes:
    """A certificate revocation list with nothing in it."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(datetime(2026, 1, 1, tzinfo=UTC))
        .next_update(datetime(2027, 1, 1, tzinfo=UTC))
    )
    assert isinstance(issuer.key, ec.EllipticCurvePrivateKey)
    signed = builder.sign(issuer.key, hashes.SHA256(), ecdsa_deterministic=True)
    return signed.public_bytes(Encoding.DER)


def set_of(*elements: bytes) -> bytes:
    return encode(SET, *sorted(elements))


def algorithm(oid: str, parameters: bytes = b"") -> bytes:
    return encode(SEQUENCE, encode_oid(oid), parameters)


def attribute(oid: str, *values: bytes) -> bytes:
    return encode(SEQUENCE, encode_oid(oid), set_of(*values))


def ess_v1(certificate: bytes) -> bytes:
    return _ess(encode(OCTET_STRING, new_hash("sha1", certificate).digest()))


def ess_v2(certificate: bytes, digest: str = "sha256", named: bytes = b"") -> bytes:
    """The hash's name is left out for SHA-256, the default, unless it is ``named``."""
    name = named or (algorithm(DIGESTS[digest]) if digest != "sha256" else b"")
    return _ess(name + encode(OCTET_STRING, new_hash(digest, certificate).digest()))


def _ess(identified: bytes) -> bytes:
    return encode(SEQUENCE, encode(SEQUENCE, encode(SEQUENCE, identified)))


def pss_algorithm(digest: str, mask: str, salt: int, generator: str = MGF1) -> bytes:
    inner = algorithm(DIGESTS[digest])
    masked = algorithm(generator, algorithm(DIGESTS[mask]))
    parameters = encode(CONSTRUCTED, inner) + encode(CONSTRUCTED + 1, masked)
    parameters += encode(CONSTRUCTED + 2, encode_integer(salt))
    return algorithm(PSS, encode(SEQUENCE, parameters))


@dataclass(frozen=True, kw_only=True)
class Info:
    """A TSTInfo; every member is an encoding."""

    version: bytes = encode_integer(1)
    policy: bytes = encode_oid("1.3.6.1.4.1.32473.1")
    imprint: bytes = encode(
        SEQUENCE, algorithm(DIGESTS["sha256"], encode(NULL)), encode(OCTET_STRING, BLOCK.hash)
    )
    serial: bytes = encode_integer(42)
    time: bytes = encode(GENERALIZED_TIME, STAMPED)
    accuracy: bytes = encode(SEQUENCE, encode_integer(1))
    ordering: bytes = b""
    nonce: bytes = encode_integer(7)
    tsa: bytes = b""
    extensions: bytes = b""

    @property
    def der(self) -> bytes:
        parts = (self.version, self.policy, self.imprint, self.serial, self.time, self.accuracy)
        return encode(SEQUENCE, *parts, self.ordering, self.nonce, self.tsa, self.extensions)


@dataclass(frozen=True, kw_only=True)
class Token:
    """A token by ``by``. ``attributes`` are added to the usual signed ones, None takes one away;
    what is None elsewhere is as it should be."""

    by: Party = TSA
    info: bytes = Info().der
    digest: str = "sha256"
    digest_parameters: bytes = b""
    digests: bytes | None = None
    content_type: str = TST_INFO
    certificates: Sequence[bytes] | None = None
    revocations: bytes = b""
    version: int = 3
    signer_version: int = 1
    sid: bytes | None = None
    attributes: Mapping[str, bytes | None] = field(default_factory=dict)
    signed: bytes | None = None
    algorithm: bytes | None = None
    signature: bytes | None = None
    unsigned: bytes = b""
    more_signers: Sequence[bytes] = ()

    @property
    def der(self) -> bytes:
        content = encode(CONSTRUCTED, encode(OCTET_STRING, self.info))
        embedded = [self.by.der] if self.certificates is None else self.certificates
        digest = algorithm(DIGESTS[self.digest], self.digest_parameters)
        body = encode(
            SEQUENCE,
            encode_integer(self.version),
            self.digests or encode(SET, digest),
            encode(SEQUENCE, encode_oid(self.content_type), content),
            encode(CONSTRUCTED, *embedded) if embedded else b"",
            self.revocations,
            encode(SET, self.signer_info, *self.more_signers),
        )
        return encode(SEQUENCE, encode_oid(SIGNED_DATA), encode(CONSTRUCTED, body))

    @property
    def signer_info(self) -> bytes:
        issuer = self.by.certificate.issuer.public_bytes()
        sid = encode(SEQUENCE, issuer, encode_integer(self.by.certificate.serial_number))
        signed = self.signed or self.signed_attributes
        return encode(
            SEQUENCE,
            encode_integer(self.signer_version),
            self.sid or sid,
            algorithm(DIGESTS[self.digest], self.digest_parameters),
            _retag(signed, CONSTRUCTED),
            self.algorithm or self._algorithm(),
            encode(OCTET_STRING, self.signature or sign(self.by.key, self.digest, signed)),
            self.unsigned,
        )

    @property
    def signed_attributes(self) -> bytes:
        attributes: dict[str, bytes | None] = {
            CONTENT_TYPE: encode_oid(TST_INFO),
            MESSAGE_DIGEST: encode(OCTET_STRING, new_hash(self.digest, self.info).digest()),
            ESS_V2: ess_v2(self.by.der),
            **self.attributes,
        }
        return set_of(*(attribute(oid, value) for oid, value in attributes.items() if value))

    def _algorithm(self) -> bytes:
        match self.by.key:
            case rsa.RSAPrivateKey():
                return algorithm(RSA, encode(NULL))
            case ed25519.Ed25519PrivateKey():
                return algorithm(ED25519)
            case _:
                return algorithm(ECDSA[self.digest])


def _retag(encoding: bytes, tag: int) -> bytes:
    return bytes((tag,)) + encoding[1:]


def sign(key: Key, digest: str, message: bytes, *, pss: bool = False) -> bytes:
    match key:
        case rsa.RSAPrivateKey():
            chosen = HASHES[digest]
            scheme = padding.PSS(padding.MGF1(chosen), chosen.digest_size)
            return key.sign(message, scheme if pss else padding.PKCS1v15(), chosen)
        case ed25519.Ed25519PrivateKey():
            return key.sign(message)
        case _:
            return key.sign(message, ec.ECDSA(HASHES[digest], deterministic_signing=True))


def replaced(data: bytes, old: bytes, new: bytes) -> bytes:
    """``data`` with the one place where ``old`` stands changed to ``new``, of the same length."""
    assert len(old) == len(new)
    assert data.count(old) == 1
    return data.replace(old, new)
