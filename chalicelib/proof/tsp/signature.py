"""The signatures of CMS and X.509: which algorithms are good, weak, or not checked here.

| algorithm | digests | source |
|---|---|---|
| RSA PKCS #1 v1.5, 2,048 bits or more | SHA-256, -384, -512 | RFC 5754 §3.2 |
| RSASSA-PSS, the same digest in MGF1 | SHA-256, -384, -512 | RFC 4056 §3 |
| ECDSA on P-256, P-384, P-521 | SHA-256, -384, -512 | RFC 5754 §3.3 |
| Ed25519 | SHA-512 in CMS | RFC 8419 §3 |

MD5, SHA-1 and short RSA keys are refused: who can pay for it forges them. All others may well be
good, and are left open.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from ..errors import CannotTell, Invalid, Malformed
from ..limits import RSA_BITS, RSA_EXPONENT_BITS, RSA_MOST_BITS
from .cms import Algorithm, SignerInfo, read_algorithm
from .der import CONSTRUCTED, NULL, DerReader, encode, read_der

SHA256_OID = "2.16.840.1.101.3.4.2.1"
NULL_PARAMETERS = encode(NULL)

_HASHES: dict[str, hashes.HashAlgorithm] = {
    SHA256_OID: hashes.SHA256(),
    "2.16.840.1.101.3.4.2.2": hashes.SHA384(),
    "2.16.840.1.101.3.4.2.3": hashes.SHA512(),
}
_WEAK_HASHES = frozenset(("1.2.840.113549.2.5", "1.3.14.3.2.26"))
"""MD5 and SHA-1."""

_PSS = "1.2.840.113549.1.1.10"
_MGF1 = "1.2.840.113549.1.1.8"
_ANY_DIGEST = "1.2.840.113549.1.1.1"
"""rsaEncryption: in CMS, RSA PKCS #1 v1.5 with the signer's digest algorithm."""

_CURVES = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)

Kind = Literal["rsa", "pss", "ecdsa", "ed25519"]
PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey


class _Scheme(NamedTuple):
    kind: Kind
    digest: hashes.HashAlgorithm


_SCHEMES = {
    "1.2.840.113549.1.1.11": _Scheme("rsa", hashes.SHA256()),
    "1.2.840.113549.1.1.12": _Scheme("rsa", hashes.SHA384()),
    "1.2.840.113549.1.1.13": _Scheme("rsa", hashes.SHA512()),
    "1.2.840.10045.4.3.2": _Scheme("ecdsa", hashes.SHA256()),
    "1.2.840.10045.4.3.3": _Scheme("ecdsa", hashes.SHA384()),
    "1.2.840.10045.4.3.4": _Scheme("ecdsa", hashes.SHA512()),
    "1.3.101.112": _Scheme("ed25519", hashes.SHA512()),
}
_WEAK_SCHEMES = frozenset(
    (
        "1.2.840.113549.1.1.2",
        "1.2.840.113549.1.1.4",
        "1.2.840.113549.1.1.5",
        "1.2.840.10040.4.3",
        "1.2.840.10045.4.1",
    )
)
"""RSA with MD2, MD5 and SHA-1, DSA and ECDSA with SHA-1."""


class MalformedAlgorithm(Malformed):
    """An algorithm with other parameters than it has."""


class WeakAlgorithm(Invalid):
    """What is signed with it can be forged."""


class WrongCmsSignature(Invalid):
    """The signature is not this key's signature of these bytes."""


class UnknownAlgorithm(CannotTell):
    """An algorithm or a kind of key that cannot be checked here."""


def digest_of(algorithm: Algorithm) -> hashes.HashAlgorithm:
    """The hash that an AlgorithmIdentifier names; parameters are NULL or left out (RFC 5754 §2)."""
    if algorithm.oid in _WEAK_HASHES:
        raise WeakAlgorithm("MD5 and SHA-1 are no evidence any more")
    digest = _HASHES.get(algorithm.oid)
    if digest is None:
        raise UnknownAlgorithm(f"the hash {algorithm.oid} cannot be checked here")
    if algorithm.parameters not in (b"", NULL_PARAMETERS):
        raise MalformedAlgorithm("a hash has no parameters")
    return digest


def load_key(spki: bytes) -> PublicKey:
    """The key in a SubjectPublicKeyInfo; raises UnknownAlgorithm or WeakAlgorithm."""
    try:
        key = load_der_public_key(spki)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UnknownAlgorithm("the key is of a kind that cannot be checked here") from error
    if isinstance(key, rsa.RSAPublicKey):
        return _sound_rsa(key)
    if isinstance(key, ed25519.Ed25519PublicKey):
        return key
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, _CURVES):
        return key
    raise UnknownAlgorithm("the key is of a kind that cannot be checked here")


def _sound_rsa(key: rsa.RSAPublicKey) -> rsa.RSAPublicKey:
    if key.key_size < RSA_BITS:
        raise WeakAlgorithm(f"an RSA key has at least {RSA_BITS} bits")
    exponent_bits = key.public_numbers().e.bit_length()
    if key.key_size > RSA_MOST_BITS or exponent_bits > RSA_EXPONENT_BITS:
        raise UnknownAlgorithm(f"RSA keys of more than {RSA_MOST_BITS} bits are not checked here")
    return key


def verify_signer(signer: SignerInfo, key: PublicKey) -> bytes:
    """The signed attributes, if the key signed them (RFC 5652 §5.6)."""
    digest = digest_of(signer.digest)
    algorithm = signer.algorithm
    if algorithm.oid == _ANY_DIGEST:
        _check_parameters(algorithm, NULL_PARAMETERS)
        scheme = _Scheme("rsa", digest)
    else:
        scheme = _scheme_of(algorithm)
    if scheme.digest.name != digest.name:
        raise WrongCmsSignature("the signature is over another hash than its digest algorithm")
    return _verify(scheme, key, signer.signed, signer.signature)


def verify_certified(
    algorithm: Algorithm, key: PublicKey, signed: bytes, signature: bytes
) -> bytes:
    """What a certificate's issuer signed, if the key did (RFC 5280 §4.1.1.3)."""
    return _verify(_scheme_of(algorithm), key, signed, signature)


def _scheme_of(algorithm: Algorithm) -> _Scheme:
    if algorithm.oid in _WEAK_SCHEMES:
        raise WeakAlgorithm("signatures with MD5 and SHA-1 are no evidence any more")
    if algorithm.oid == _PSS:
        return _read_pss(algorithm.parameters)
    scheme = _SCHEMES.get(algorithm.oid)
    if scheme is None:
        raise UnknownAlgorithm(f"the signature algorithm {algorithm.oid} cannot be checked here")
    _check_parameters(algorithm, NULL_PARAMETERS if scheme.kind == "rsa" else b"")
    return scheme


def _check_parameters(algorithm: Algorithm, expected: bytes) -> None:
    if algorithm.parameters != expected:
        raise MalformedAlgorithm(f"the algorithm {algorithm.oid} has other parameters")


def _read_pss(parameters: bytes) -> _Scheme:
    """RSASSA-PSS-params (RFC 4055 §3.1). A hash that is left out is SHA-1."""
    reader = read_der(parameters)
    if not reader.at(CONSTRUCTED):
        raise WeakAlgorithm("signatures with SHA-1 are no evidence any more")
    digest = digest_of(read_algorithm(read_der(reader.take(CONSTRUCTED))))
    mask = read_algorithm(read_der(reader.take(CONSTRUCTED + 1)))
    inner = digest_of(read_algorithm(read_der(mask.parameters)))
    salt = DerReader(reader.take(CONSTRUCTED + 2))
    if (mask.oid, inner.name, salt.take_integer()) != (_MGF1, digest.name, digest.digest_size):
        raise UnknownAlgorithm("RSASSA-PSS is checked with its digest in MGF1 and as long a salt")
    salt.finish()
    reader.finish()
    return _Scheme("pss", digest)


def _verify(scheme: _Scheme, key: PublicKey, signed: bytes, signature: bytes) -> bytes:
    digest = scheme.digest
    try:
        match key:
            case rsa.RSAPublicKey() if scheme.kind == "rsa":
                key.verify(signature, signed, padding.PKCS1v15(), digest)
            case rsa.RSAPublicKey() if scheme.kind == "pss":
                pss = padding.PSS(padding.MGF1(digest), digest.digest_size)
                key.verify(signature, signed, pss, digest)
            case ec.EllipticCurvePublicKey() if scheme.kind == "ecdsa":
                key.verify(signature, signed, ec.ECDSA(digest))
            case ed25519.Ed25519PublicKey() if scheme.kind == "ed25519":
                key.verify(signature, signed)
            case _:
                raise WrongCmsSignature("the signature is of another kind than the key")
    except InvalidSignature:
        raise WrongCmsSignature("the signature is not this key's") from None
    return signed
