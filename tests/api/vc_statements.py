"""The MUST statements that W3C's suites test, each with one mutation that breaks it or with what it
allows: of VC Data Model 2.0, VC Data Integrity 1.0 and eddsa-jcs-2022, by their sections."""

from __future__ import annotations

from typing import Any

from chalicelib.proof.credentials.multibase import format_base64url, parse_base58
from chalicelib.proof.credentials.vcdm import V2
from tests.api.vc_world import (
    STRANGER,
    bound,
    credential,
    did_key,
    enveloped,
    presentation,
    presented,
    sd_jwt,
    signed,
)
from tests.api.world import COLLEGE
from tests.proof.credentials_document_vectors import Edit, drop, edited, put

EXAMPLES = "https://www.w3.org/ns/credentials/examples/v2"
DATA_MODEL = "https://www.w3.org/TR/vc-data-model#"
SECURITY = "https://w3id.org/security#"
NO_URL = "https ://not-a-url/1"
STATUS = {"id": "urn:a", "type": "ExampleStatus"}

FORBIDDEN: dict[str, Edit] = {
    "4.3 @context is there": drop("@context"),
    "4.3 the first context is the base context": put("@context", [EXAMPLES]),
    "4.3 contexts are in their order": put("@context", [EXAMPLES, V2]),
    "4.3 a context is a URL": put("@context", [V2, NO_URL]),
    "4.3 a context is no number": put("@context", [V2, 123192875]),
    "4.3 a context that redefines terms": put("@context", [V2, {"VerifiableCredential": "urn:a"}]),
    "4.3 a context that sets the base": put("@context", [V2, {"@base": "https://a.example/"}]),
    "4.4 id is no null": put("id", None),
    "4.4 id is one": put("id", ["urn:a", "urn:b"]),
    "4.4 id is a URL": put("id", NO_URL),
    "4.4 the subject's id is one": put("credentialSubject", "id", ["urn:a", "urn:b"]),
    "4.5 type is there": drop("type"),
    "4.5 type has VerifiableCredential": put("type", ["RelationshipCredential"]),
    "4.5 type is not empty": put("type", []),
    "4.5 type is of strings": put("type", ["VerifiableCredential", 2]),
    "4.5 credentialStatus has a type": put("credentialStatus", {"id": "urn:a"}),
    "4.5 termsOfUse has a type": put("termsOfUse", {}),
    "4.5 evidence has a type": put("evidence", {}),
    "4.5 refreshService has a type": put("refreshService", {"id": "urn:a"}),
    "4.5 credentialSchema has a type": put("credentialSchema", {"id": "urn:a"}),
    "4.6 name is a string or in a language": put("name", {"@value": "a", "url": "urn:a"}),
    "4.6 description is a string or in a language": put("description", {"@language": "en"}),
    "4.6 the issuer's name too": put("issuer", {"id": COLLEGE, "name": 1}),
    "4.6 the issuer's description too": put("issuer", {"id": COLLEGE, "description": {}}),
    "4.7 issuer is a URL": put("issuer", "fake-issuer"),
    "4.7 issuer is no null": put("issuer", None),
    "4.7 issuer.id is a URL": put("issuer", {"id": "fake-issuer"}),
    "4.7 issuer.id is no null": put("issuer", {"id": None}),
    "4.7 issuer has an id": put("issuer", {}),
    "4.8 credentialSubject is there": drop("credentialSubject"),
    "4.8 credentialSubject has a claim": put("credentialSubject", {}),
    "4.8 each of several has a claim": put("credentialSubject", [{"id": "urn:a"}, {}]),
    "4.8 credentialSubject is no string": put("credentialSubject", "urn:a"),
    "4.9 validFrom is a dateTimeStamp": put("validFrom", "Sat 25 Feb 2023 07:16:31 PM CST"),
    "4.9 validFrom has an offset": put("validFrom", "2023-02-25T07:16:31"),
    "4.9 validUntil is a dateTimeStamp": put("validUntil", "Sun, 26 Feb 2023 01:22:14 +0000"),
    "4.9 validFrom is not after validUntil": put("validUntil", "2019-12-31T23:59:59Z"),
    "4.10 the status's id is one": put("credentialStatus", {**STATUS, "id": ["urn:a", "urn:b"]}),
    "4.10 the status's id is a URL": put("credentialStatus", {**STATUS, "id": NO_URL}),
    "4.10 the status's type is a string": put("credentialStatus", {**STATUS, "type": 2}),
    "4.11 a schema has an id": put("credentialSchema", {"type": "JsonSchema"}),
    "4.11 a schema's id is a URL": put("credentialSchema", {"type": "a", "id": NO_URL}),
    "5.3 a resource is an object": put("relatedResource", ["urn:a"]),
    "5.3 a resource has an id": put("relatedResource", [{"digestMultibase": "uA"}]),
    "5.3 a resource has a digest": put("relatedResource", [{"id": "urn:a"}]),
    "5.3 ids of resources differ": put(
        "relatedResource", [{"id": "urn:a", "digestSRI": "a"}, {"id": "urn:a", "digestSRI": "b"}]
    ),
}

ALLOWED: dict[str, Edit] = {
    "4.3 more contexts": put("@context", [V2, EXAMPLES]),
    "4.4 id may be left out": drop("id"),
    "4.4 a DID as the subject's id": put("credentialSubject", {"id": "did:example:subject"}),
    "4.5 the order of types does not matter": put(
        "type", ["https://example.org/#A", "VerifiableCredential", "https://example.org/#B"]
    ),
    "4.5 one type as a string": put("type", "VerifiableCredential"),
    "4.6 a name with language and direction": put(
        "name", {"@value": "a", "@language": "en", "@direction": "ltr"}
    ),
    "4.6 names in several languages": put(
        "name", [{"@value": "a", "@language": "en"}, {"@value": "文憑", "@language": "zh"}]
    ),
    "4.7 the issuer as an object": put("issuer", {"id": COLLEGE, "name": "College"}),
    "4.8 several subjects": put("credentialSubject", [{"id": "urn:a"}, {"name": "a"}]),
    "4.9 milliseconds": put("validFrom", "2023-02-25T07:16:31.000Z"),
    "4.9 another offset": put("validUntil", "2999-02-25T07:16:31-08:00"),
    "4.9 no validity at all": drop("validFrom"),
    "4.11 a schema": put("credentialSchema", {"id": "urn:a", "type": "JsonSchema"}),
    "5.3 a resource": put("relatedResource", {"id": "urn:a", "digestSRI": "sha384-a"}),
    "5.4 a refresh service": put("refreshService", {"id": "urn:a", "type": "Example"}),
    "5.5 terms of use": put("termsOfUse", [{"type": "Policy"}]),
    "5.6 evidence": put("evidence", [{"type": "Evidence"}, {"type": ["Evidence"]}]),
}


MALFORMED = ("malformed-credential", "PROOF_VERIFICATION_ERROR")
UNKNOWN = ("unknown-proof", "PROOF_VERIFICATION_ERROR")
FALSE = ("not-verified", "CRYPTOGRAPHIC_SECURITY_ERROR")

GOOD = signed()
SIGNATURE = GOOD["proof"]["proofValue"]
RAW = parse_base58(SIGNATURE[1:], 96)

PROOFS: dict[str, tuple[Edit, tuple[str, str]]] = {
    "2.1 proof is there": (drop("proof"), MALFORMED),
    "4.4 proof is a map": (put("proof", None), MALFORMED),
    "2.1 type is there": (drop("proof", "type"), UNKNOWN),
    "2.1 type is DataIntegrityProof": (put("proof", "type", "UnknownProofType"), UNKNOWN),
    "2.1 cryptosuite is there": (drop("proof", "cryptosuite"), UNKNOWN),
    "3.3 cryptosuite is eddsa-jcs-2022": (
        put("proof", "cryptosuite", "UnknownCryptosuite"),
        UNKNOWN,
    ),
    "2.1 cryptosuite is a string": (put("proof", "cryptosuite", ["eddsa-jcs-2022"]), UNKNOWN),
    "2.1 verificationMethod is there": (drop("proof", "verificationMethod"), MALFORMED),
    "2.1 verificationMethod is a URL": (put("proof", "verificationMethod", "key-1"), MALFORMED),
    "4.4 verificationMethod is the issuer's": (
        put("proof", "verificationMethod", "did:key:invalidVm"),
        FALSE,
    ),
    "4.4 verificationMethod can be resolved": (
        put("proof", "verificationMethod", f"{COLLEGE}#key-1"),
        ("not-verified", "PROOF_VERIFICATION_ERROR"),
    ),
    "2.1 proofPurpose is there": (drop("proof", "proofPurpose"), MALFORMED),
    "4.4 proofPurpose was signed": (put("proof", "proofPurpose", "authentication"), FALSE),
    "2.1 proofValue is there": (drop("proof", "proofValue"), MALFORMED),
    "2.1 proofValue is no null": (put("proof", "proofValue", None), MALFORMED),
    "2.1 proofValue has its multibase header": (
        put("proof", "proofValue", SIGNATURE[1:]),
        MALFORMED,
    ),
    "3.3 proofValue is base58btc and not base64url": (
        put("proof", "proofValue", "u" + format_base64url(RAW)),
        MALFORMED,
    ),
    "3.3 proofValue is 64 bytes": (
        put("proof", "proofValue", "z5nmMBw2u9TGKd9NxxHJtyZKgjN2Eh"),
        MALFORMED,
    ),
    "3.3 proofValue is the signature": (
        put("proof", "proofValue", signed(key=STRANGER)["proof"]["proofValue"]),
        FALSE,
    ),
    "2.1 created is a dateTimeStamp": (put("proof", "created", "invalidDate"), MALFORMED),
    "2.1 created has an offset": (put("proof", "created", "2026-07-01T09:30:00"), MALFORMED),
    "2.1 expires is a dateTimeStamp": (put("proof", "expires", "invalidDate"), MALFORMED),
    "2.1 a term that was not signed": (
        put("credentialSubject", "undefinedTerm", "IfDroppedWillVerify"),
        FALSE,
    ),
    "2.1 a type that was not signed": (
        put("type", ["VerifiableCredential", "UndefinedType"]),
        FALSE,
    ),
    "2.1 the proof's context begins the document's": (
        put("proof", "@context", [V2, EXAMPLES]),
        FALSE,
    ),
    "2.1.1 a set of proofs is not read": (put("proof", [GOOD["proof"], GOOD["proof"]]), UNKNOWN),
    "2.1.2 a chain of proofs is not read": (
        put("proof", "previousProof", "urn:uuid:missing"),
        UNKNOWN,
    ),
}


BAD_PRESENTATIONS: dict[str, Edit] = {
    "4.3 @context is there": drop("@context"),
    "4.3 the first context is the base context": put("@context", [EXAMPLES]),
    "4.3 contexts are in their order": put("@context", [EXAMPLES, V2]),
    "4.3 a context is a URL": put("@context", [V2, "https://example.com"]),
    "4.3 a context is no number": put("@context", [V2, 123192875]),
    "4.4 id is a URL": put("id", NO_URL),
    "4.5 type is there": drop("type"),
    "4.5 type has VerifiablePresentation": put("type", ["CredentialManagerPresentation"]),
    "4.13 holder is a URL": put("holder", "z6MkpJySvETLnxhQG9DzEdmK"),
    "4.13 holder.id is a URL": put("holder", {"id": "z6MkpJySvETLnxhQG9DzEdmK"}),
    "4.13 holder has an id": put("holder", {"name": "Acme"}),
    "4.13 a credential is no string": put("verifiableCredential", ["eyJhbGciOiJFUzI1NiJ9.e30.a"]),
    "4.13 a credential is no number": put("verifiableCredential", 1),
    "4.13 each credential has its type": put("verifiableCredential", 0, "type", []),
    "4.13 each credential is secured": put("verifiableCredential", [credential()]),
    "4.13.1 an envelope has its type": put(
        "verifiableCredential", [edited(enveloped(sd_jwt()), drop("type"))]
    ),
    "4.13.1 an envelope has a context": put(
        "verifiableCredential", [edited(enveloped(sd_jwt()), put("@context", []))]
    ),
    "4.13.1 an envelope's id is a data: URL": put(
        "verifiableCredential", [edited(enveloped(sd_jwt()), put("id", "eyJhbGciOiJFUzI1NiJ9"))]
    ),
    "7.1 proofValue is 64 bytes": put("proof", "proofValue", "z5nmMBw2u9TGKd9NxxHJtyZKgjN2Eh"),
}


GOOD_PRESENTATIONS: dict[str, Any] = {
    "4.4 id may be there": presentation(signed(), id="urn:uuid:1"),
    "4.5 more types": presentation(signed(), type=["VerifiablePresentation", "Example"]),
    "4.13 no credential": presentation(verifiableCredential=None),
    "4.13 a list of none": presentation(),
    "4.13 one credential, not in a list": presentation(verifiableCredential=signed()),
    "4.13 several credentials": presentation(signed(), signed(), enveloped(bound(sd_jwt()))),
    "4.13 no holder": presentation(signed(), holder=None),
    "4.13 the holder as an object": presentation(signed(), holder={"id": presentation()["holder"]}),
}


FALSE_PRESENTATIONS: dict[str, tuple[Any, str, str]] = {
    "4.4 domain is the one that was asked for": (
        presented(domain="invalid.example"),
        "domain",
        f"{SECURITY}INVALID_DOMAIN_ERROR",
    ),
    "4.4 challenge is the one that was asked for": (
        presented(challenge="invalid"),
        "challenge",
        f"{SECURITY}INVALID_CHALLENGE_ERROR",
    ),
    "4.4 domain is there": (
        presented(domain=None),
        "domain",
        f"{SECURITY}INVALID_DOMAIN_ERROR",
    ),
    "4.4 challenge is there": (
        presented(challenge=None),
        "challenge",
        f"{SECURITY}INVALID_CHALLENGE_ERROR",
    ),
    "4.4 proofPurpose is authentication": (
        presented(purpose="assertionMethod"),
        "proof",
        f"{DATA_MODEL}CRYPTOGRAPHIC_SECURITY_ERROR",
    ),
    "4.4 the proof is of what is presented": (
        {**presented(), "verifiableCredential": []},
        "proof",
        f"{DATA_MODEL}CRYPTOGRAPHIC_SECURITY_ERROR",
    ),
    "4.4 the proof's key is the one that it names": (
        edited(presented(), put("proof", "verificationMethod", f"{did_key(STRANGER)}#a")),
        "holder",
        "https://tally.example/problems/wrong-holder",
    ),
    "4.13 the holder signed it": (
        presented(key=STRANGER),
        "holder",
        "https://tally.example/problems/wrong-holder",
    ),
}
