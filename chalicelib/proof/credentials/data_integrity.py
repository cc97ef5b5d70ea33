"""Proofs of the cryptosuite eddsa-jcs-2022 (W3C Data Integrity EdDSA Cryptosuites v1.0 §3.3).

A document and its proof's options are written by RFC 8785; Ed25519 signs SHA-256(options) ‖
SHA-256(document). The options are all members of the proof but ``proofValue``, with the document's
``@context``. A document has one proof here; sets and chains of proofs are not checked. Documents
are objects such as ``parse_json_object`` gives.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from ..errors import CannotTell, Invalid, Malformed
from ..hashes import sha256
from ..jcs import JsonValue, format_jcs
from ..keys import EDDSA, SIGNATURE_BYTES, PublicKey, Signer, UnknownKeyType
from ..limits import PROOF_VALUE_CHARACTERS
from .multibase import BASE58BTC, MalformedBase58, format_base58, parse_base58
from .vcdm import (
    CONTEXTS,
    Credential,
    MalformedId,
    MalformedValidity,
    Presentation,
    check_contexts,
    read_credential,
    read_id,
    read_moment,
    read_presentation,
)

TYPE = "DataIntegrityProof"
CRYPTOSUITE = "eddsa-jcs-2022"

ASSERTION = "assertionMethod"
AUTHENTICATION = "authentication"
"""What a proof is for: to assert a credential, or to present one (VC Data Integrity §2.1)."""

_REQUIRED = ("type", "cryptosuite", "verificationMethod", "proofPurpose", "proofValue")
_OPTIONAL = ("@context", "id", "created", "expires", "domain", "challenge", "nonce")


class MalformedProof(Malformed):
    """Not a data integrity proof."""


class ProofMissing(MalformedProof):
    """A document without a proof."""


class UnknownProofMember(MalformedProof):
    """A member that no version of this proof has."""


class MalformedProofValue(MalformedProof):
    """``proofValue`` is not 64 bytes in multibase, base58btc."""


class MalformedProofTime(MalformedProof):
    """``created`` or ``expires`` is no RFC 3339 time with its offset."""


class WrongContext(Invalid):
    """The document's ``@context`` does not begin with the one that was signed."""


class WrongPurpose(Invalid):
    """The proof was made for another purpose."""


class WrongRequest(Invalid):
    """The proof was made for another domain or another challenge."""


class ProofExpired(Invalid):
    """The time is not before the proof's ``expires``."""

    code = "credential/expired"


class WrongController(Invalid):
    """The key that is named belongs to somebody else than the issuer or holder."""

    code = "credential/other-issuer"


class UnknownCryptosuite(CannotTell):
    """A proof of another kind."""


class SeveralProofs(CannotTell):
    """A set or a chain of proofs."""


class Proof(NamedTuple):
    """A proof as it was read. ``options`` is all of it but the signature; ``method`` the URL of
    the key that it names, a hint for the caller's policy."""

    options: Mapping[str, JsonValue]
    method: str
    purpose: str
    created_ms: int | None
    expires_ms: int | None
    signature: bytes


def sign_document(
    document: Mapping[str, JsonValue],
    key: Signer,
    method: str,
    purpose: str,
    *,
    created: str,
    domain: str | None = None,
    challenge: str | None = None,
) -> dict[str, JsonValue]:
    """The document with its proof (§3.3.1). ``method`` is the URL of the key, ``created`` an
    RFC 3339 time. Raises Malformed; keys.UnknownKeyType for a key other than Ed25519."""
    if key.public.alg != EDDSA:
        raise UnknownKeyType(f"{CRYPTOSUITE} signs with Ed25519")
    if "proof" in document:
        raise MalformedProof("a document to sign has no proof yet")
    options: dict[str, JsonValue] = {
        "type": TYPE,
        "cryptosuite": CRYPTOSUITE,
        "created": created,
        "verificationMethod": method,
        "proofPurpose": purpose,
    }
    given = {"@context": document.get("@context"), "domain": domain, "challenge": challenge}
    options |= {name: value for name, value in given.items() if value is not None}
    value = BASE58BTC + format_base58(key.sign(_hash_data(options, document)))
    proof: dict[str, JsonValue] = {**options, "proofValue": value}
    read_proof({"proof": proof})
    return {**document, "proof": proof}


def _hash_data(options: Mapping[str, JsonValue], document: Mapping[str, JsonValue]) -> bytes:
    return sha256(format_jcs(options)) + sha256(format_jcs(document))


def read_proof(document: Mapping[str, JsonValue]) -> Proof:
    """The proof of a document, not verified. Raises MalformedProof, or for those of other kinds
    SeveralProofs or UnknownCryptosuite (CannotTell)."""
    if "proof" not in document:
        raise ProofMissing("the document has no proof")
    members = document["proof"]
    if isinstance(members, list):
        raise SeveralProofs("this version checks documents with one proof alone")
    if not isinstance(members, dict):
        raise MalformedProof("a proof is an object")
    _check_kind(members)
    for name in _REQUIRED:
        if not isinstance(members.get(name), str):
            raise MalformedProof(f"a proof has a string {name}")
    for name in members:
        if name not in _REQUIRED + _OPTIONAL:
            raise UnknownProofMember(f"a proof has no member {name!r}")
    return Proof(
        {name: value for name, value in members.items() if name != "proofValue"},
        _read_method(members["verificationMethod"]),
        str(members["proofPurpose"]),
        _read_moment(members, "created"),
        _read_moment(members, "expires"),
        _read_signature(str(members["proofValue"])),
    )


def _check_kind(members: Mapping[str, JsonValue]) -> None:
    if members.get("type") != TYPE or members.get("cryptosuite") != CRYPTOSUITE:
        raise UnknownCryptosuite(f"this version checks {TYPE} with {CRYPTOSUITE} alone")
    if "previousProof" in members:
        raise SeveralProofs("this version checks no chains of proofs")


def _read_method(value: JsonValue) -> str:
    try:
        return read_id(value, "verificationMethod")
    except MalformedId as error:
        raise MalformedProof(str(error)) from error


def _read_moment(members: Mapping[str, JsonValue], name: str) -> int | None:
    try:
        return read_moment(members, name)
    except MalformedValidity as error:
        raise MalformedProofTime(str(error)) from error


def _read_signature(value: str) -> bytes:
    if not value.startswith(BASE58BTC):
        raise MalformedProofValue("proofValue is multibase in base58btc: it begins with z")
    try:
        signature = parse_base58(value[1:], PROOF_VALUE_CHARACTERS)
    except MalformedBase58 as error:
        raise MalformedProofValue(f"proofValue: {error}") from error
    if len(signature) != SIGNATURE_BYTES:
        raise MalformedProofValue(f"proofValue is {SIGNATURE_BYTES} bytes, not {len(signature)}")
    return signature


def verify_document(
    document: Mapping[str, JsonValue], key: PublicKey, purpose: str, at_ms: int
) -> dict[str, JsonValue]:
    """What ``key`` signed: the document without its proof, with the signed ``@context`` (§3.3.2).

    That the key is the one that the proof names is the caller's to know. Raises Invalid,
    MalformedProof or CannotTell.
    """
    proof = read_proof(document)
    if key.alg != EDDSA:
        raise UnknownKeyType(f"{CRYPTOSUITE} signs with Ed25519")
    signed = {name: value for name, value in document.items() if name != "proof"}
    if "@context" in proof.options:
        signed["@context"] = _signed_context(proof, document.get("@context"))
    key.verify(proof.signature, _hash_data(proof.options, signed))
    if proof.purpose != purpose:
        raise WrongPurpose(f"the proof is for {proof.purpose!r}, not {purpose}")
    if proof.expires_ms is not None and at_ms >= proof.expires_ms:
        raise ProofExpired("the proof has expired")
    return signed


def _signed_context(proof: Proof, given: JsonValue) -> JsonValue:
    """§3.3.2 step 4: more contexts may follow in the document, as before further proofs; they are
    not signed, and are not part of what is verified."""
    context = proof.options["@context"]
    first = context if isinstance(context, list) else [context]
    there = given if isinstance(given, list) else [given]
    if there[: len(first)] != first:
        raise WrongContext("the document's @context does not begin with its proof's")
    return context


def sign_credential(
    value: Mapping[str, JsonValue],
    key: Signer,
    method: str,
    *,
    created: str,
    contexts: Collection[str] = CONTEXTS,
) -> dict[str, JsonValue]:
    """A credential with its issuer's proof; raises Malformed."""
    read_credential(value, contexts)
    return sign_document(value, key, method, ASSERTION, created=created)


def verify_credential(
    value: Mapping[str, JsonValue],
    key: PublicKey,
    at_ms: int,
    *,
    contexts: Collection[str] = CONTEXTS,
) -> Credential:
    """The credential, if ``key`` signed it; its validity is for ``check_validity``, and that the
    key is its issuer's for ``check_controller`` or the caller's registry.

    Raises Invalid, Malformed or CannotTell.
    """
    signed = verify_document(value, key, ASSERTION, at_ms)
    check_contexts(value.get("@context"), contexts)
    return read_credential(signed, contexts)


def verify_presentation(
    value: Mapping[str, JsonValue],
    key: PublicKey,
    at_ms: int,
    *,
    domain: str,
    challenge: str,
    contexts: Collection[str] = CONTEXTS,
) -> Presentation:
    """The presentation, if ``key`` signed it for this domain and challenge; the credentials in it
    are not verified. Raises Invalid, Malformed or CannotTell."""
    signed = verify_document(value, key, AUTHENTICATION, at_ms)
    check_contexts(value.get("@context"), contexts)
    options = read_proof(value).options
    for name, expected in (("domain", domain), ("challenge", challenge)):
        given = options.get(name)
        if expected not in (given if isinstance(given, list) else [given]):
            raise WrongRequest(f"the presentation was made for another {name}")
    return read_presentation(signed, contexts)


def check_controller(proof: Proof, party: str) -> None:
    """Raises WrongController unless the key that the proof names is in ``party``'s DID document
    by its name: the URL up to the fragment is the id of the issuer or holder."""
    if proof.method.partition("#")[0] != party:
        raise WrongController("the proof's key is not named as the issuer's or holder's")
