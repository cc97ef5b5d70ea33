"""One credential in each form, and keys to sign them. The keys are test vectors: their private
halves are the SHA-256 of a name."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chalicelib.proof.credentials.data_integrity import AUTHENTICATION, sign_document
from chalicelib.proof.credentials.key_binding import bind_key
from chalicelib.proof.credentials.multibase import did_key_method, format_base64url
from chalicelib.proof.credentials.sd_jwt import (
    SdJwt,
    format_sd_jwt,
    parse_sd_jwt,
    select_disclosures,
)
from chalicelib.proof.credentials.sd_jwt_vc import TYPE, issue_sd_jwt_vc
from chalicelib.proof.credentials.status_list import format_status_list, make_bits
from chalicelib.proof.jcs import format_jcs
from chalicelib.proof.keys import (
    EDDSA,
    ES256,
    Signer,
    SigningKey,
    _signing_key,
    format_jwk,
)

AT_MS = 1_800_000_000_000
"""15 January 2027, 08:00."""

ISSUER = "did:web:registry.example.edu"
CREATED = "2026-07-01T09:30:00Z"
EXAMPLES = "https://www.w3.org/ns/credentials/examples/v2"


def key_of(name: str, alg: int = EDDSA) -> SigningKey:
    """A test vector, and no secret."""
    seed = sha256(name.encode()).digest()
    if alg == EDDSA:
        return _signing_key(Ed25519PrivateKey.from_private_bytes(seed))
    return _signing_key(ec.derive_private_key(int.from_bytes(seed, "big"), ec.SECP256R1()))


ISSUER_KEY = key_of("issuer")
P256_KEY = key_of("issuer with P-256", ES256)
HOLDER_KEY = key_of("holder", ES256)
STRANGER_KEY = key_of("stranger")
METHOD = f"{ISSUER}#key-1"


def salts(count: int) -> list[bytes]:
    """Salts like random ones, the same every time."""
    return [sha256(f"salt {number}".encode()).digest()[:16] for number in range(count)]


CLAIMS: dict[str, Any] = {
    "iss": ISSUER,
    "vct": "https://registry.example.edu/credentials/diploma",
    "iat": 1_780_000_000,
    "nbf": 1_780_000_000,
    "exp": 1_900_000_000,
    "cnf": {"jwk": format_jwk(HOLDER_KEY.public)},
    "status": {"bitstring": "https://registry.example.edu/status/3#94567"},
    "given_name": "Ffion",
    "family_name": "Gwyn 歐陽",
    "birthdate": "2001-02-28",
    "degree": {"name": "MEng", "honours": "first", "average": 71.5},
    "languages": ["cy", "zh", "en"],
}
CONCEALED: list[tuple[str | int, ...]] = [
    ("given_name",),
    ("birthdate",),
    ("degree",),
    ("degree", "average"),
    ("languages", 0),
    ("languages", 2),
]
AUDIENCE, NONCE = "https://employer.example", "n-0S6_WzA2Mj"


def sd_jwt_vc(key: Signer = ISSUER_KEY, claims: Mapping[str, Any] = CLAIMS) -> SdJwt:
    return parse_sd_jwt(issue_sd_jwt_vc(claims, CONCEALED, salts(len(CONCEALED)), key))


def presented() -> SdJwt:
    """The degree and one language, bound to the holder's key."""
    chosen = select_disclosures(sd_jwt_vc(), [("degree",), ("languages", 2)])
    return bind_key(chosen, HOLDER_KEY, AUDIENCE, NONCE, AT_MS // 1_000 - 5)


def sd_jwt_of(payload: Mapping[str, Any], disclosures: Sequence[str], typ: str = TYPE) -> str:
    """An SD-JWT of a payload as it stands, whatever it says, signed by the issuer."""
    return "~".join((jws_of({"alg": "EdDSA", "typ": typ}, payload), *disclosures, ""))


def jws_of(header: Any, payload: Any, key: Signer = ISSUER_KEY) -> str:
    """A JWS of any header and payload; bytes are taken as they are."""
    parts = (
        part if isinstance(part, bytes) else json.dumps(part).encode() for part in (header, payload)
    )
    signed = ".".join(map(format_base64url, parts))
    return f"{signed}.{format_base64url(key.sign(signed.encode()))}"


def disclosure_of(value: Any) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def digest_of(disclosure: str) -> str:
    return urlsafe_b64encode(sha256(disclosure.encode()).digest()).rstrip(b"=").decode()


def credential() -> dict[str, Any]:
    return {
        "@context": [
            "https://www.w3.org/ns/credentials/v2",
            "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json",
        ],
        "id": "urn:uuid:9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d",
        "type": ["VerifiableCredential", "OpenBadgeCredential"],
        "issuer": {"id": ISSUER, "type": ["Profile"], "name": "Prifysgol 大學"},
        "validFrom": "2026-06-30T00:00:00Z",
        "validUntil": "2036-06-30T00:00:00Z",
        "credentialSubject": {
            "id": "urn:uuid:1c2d7a52-0b6a-4f5e-8f6d-6a2f0a4c9f11",
            "type": ["AchievementSubject"],
            "achievement": {
                "id": "urn:uuid:5f2d6a0a-9d59-4e2b-9d9b-6d6f9c1a7e3c",
                "type": ["Achievement"],
                "name": "MEng",
                "description": "Master of Engineering",
                "criteria": {"narrative": "Four years of study"},
            },
        },
        "credentialStatus": {
            "id": "https://registry.example.edu/status/3#94567",
            "type": "BitstringStatusListEntry",
            "statusPurpose": "revocation",
            "statusListIndex": "94567",
            "statusListCredential": "https://registry.example.edu/status/3",
        },
    }


def signed(document: Mapping[str, Any], key: SigningKey = ISSUER_KEY, **more: Any) -> Any:
    """The document with a proof of the issuer, whatever it says."""
    options = {"method": METHOD, "purpose": "assertionMethod", "created": CREATED} | more
    return sign_document(document, key, **options)


def presentation() -> Any:
    document: dict[str, Any] = {
        "@context": ["https://www.w3.org/ns/credentials/v2"],
        "type": ["VerifiablePresentation"],
        "holder": did_key_method(STRANGER_KEY.public).partition("#")[0],
        "verifiableCredential": [signed(credential())],
    }
    return sign_document(
        document,
        STRANGER_KEY,
        did_key_method(STRANGER_KEY.public),
        AUTHENTICATION,
        created=CREATED,
        domain=AUDIENCE,
        challenge=NONCE,
    )


STATUS_LIST = "https://registry.example.edu/status/3"


def status_list(*indices: int) -> dict[str, Any]:
    return format_status_list(
        STATUS_LIST,
        ISSUER,
        "revocation",
        make_bits(131_072, indices),
        valid_from="2027-01-15T07:58:00Z",
        valid_until="2027-01-15T08:03:00Z",
    )


def text_of(sd_jwt: SdJwt) -> str:
    return format_sd_jwt(sd_jwt)


def payload_of(value: Mapping[str, Any]) -> bytes:
    return format_jcs(value)
