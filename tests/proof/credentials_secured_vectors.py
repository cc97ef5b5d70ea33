"""The vectors of credentials with what secures them, each named for its one mutation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from chalicelib.proof.credentials.sd_jwt import format_sd_jwt
from chalicelib.proof.credentials.secured import ENVELOPED, VC
from chalicelib.proof.credentials.vcdm import V2
from chalicelib.proof.keys import format_jwk

from .credentials_samples import (
    AT_MS,
    ISSUER_KEY,
    credential,
    digest_of,
    disclosure_of,
    sd_jwt_of,
    sd_jwt_vc,
    signed,
)

Made = Iterator[tuple[str, dict[str, Any]]]


def envelope(
    text: str, media: str = "application/dc+sd-jwt", context: Any = (V2,), **different: Any
) -> dict[str, Any]:
    listed = list(context) if isinstance(context, tuple) else context
    value = {"@context": listed, "type": ENVELOPED, "id": f"data:{media},{text}", **different}
    return {name: member for name, member in value.items() if member is not None}


def secured_vectors() -> Made:
    def vector(value: Any, error: str | None = None) -> dict[str, Any]:
        outcome = {"error": error} if error else {"issuer": "did:web:registry.example.edu"}
        jwk = format_jwk(ISSUER_KEY.public)
        return {"jwk": jwk, "at_ms": AT_MS, "credential": value, **outcome}

    dc = format_sd_jwt(sd_jwt_vc())
    yield "embedded", vector(signed(credential()))
    yield "dc-sd-jwt", vector(envelope(dc))
    yield (
        "context-a-string-and-type-a-list",
        vector(envelope(dc, context=V2, type=[ENVELOPED])),
    )
    yield "vc-sd-jwt", vector(_vc(credential()))
    id_ = disclosure_of(["c2FsdA", "id", "urn:uuid:1"])
    bare = {name: member for name, member in credential().items() if name != "id"}
    yield "vc-sd-jwt-with-a-disclosure", vector(_vc({**bare, "_sd": [digest_of(id_)]}, id_))
    for name, (value, error) in _bad(dc).items():
        yield name, vector(value, error)
    for name in ("issuer", "validUntil", "credentialStatus"):
        hidden = disclosure_of(["c2FsdA", name, credential()[name]])
        rest = {each: member for each, member in credential().items() if each != name}
        value = _vc({**rest, "_sd": [digest_of(hidden)]}, hidden)
        yield f"disclosed-{name}", vector(value, "ProtectedMemberDisclosed")
    until = disclosure_of(["c2FsdA", "id", "urn:uuid:2"])
    status = {**credential()["credentialStatus"], "_sd": [digest_of(until)]}
    status.pop("id")
    value = _vc({**credential(), "credentialStatus": status}, until)
    yield "disclosed-part-of-the-status", vector(value, "ProtectedMemberDisclosed")


def _vc(payload: dict[str, Any], *disclosures: str) -> dict[str, Any]:
    return envelope(sd_jwt_of(payload, disclosures, VC), f"application/{VC}")


def _bad(dc: str) -> dict[str, tuple[Any, str]]:
    return {
        "a-string": (dc, "MalformedCredential"),
        "a-list": ([signed(credential())], "MalformedCredential"),
        "without-proof": (credential(), "ProofMissing"),
        "envelope-without-context": (envelope(dc, context=None), "MalformedEnvelope"),
        "envelope-with-a-subject": (envelope(dc, credentialSubject={"a": 1}), "MalformedEnvelope"),
        "envelope-with-a-proof": (envelope(dc, proof={}), "MalformedEnvelope"),
        "envelope-context-empty": (envelope(dc, context=[]), "MalformedContext"),
        "envelope-context-unknown": (
            envelope(dc, context=[V2, "https://attacker.example/context"]),
            "UnknownContext",
        ),
        "envelope-of-another-type": (envelope(dc, type="VerifiableCredential"), "MalformedSubject"),
        "envelope-of-two-types": (
            envelope(dc, type=[ENVELOPED, "VerifiableCredential"]),
            "MalformedSubject",
        ),
        "envelope-id-missing": (envelope(dc, id=None), "MalformedEnvelope"),
        "envelope-id-a-number": (envelope(dc, id=1), "MalformedEnvelope"),
        "envelope-id-without-scheme": (envelope(dc, id=dc), "MalformedEnvelope"),
        "envelope-id-https": (
            envelope(dc, id="https://registry.example.edu/1"),
            "MalformedEnvelope",
        ),
        "envelope-id-without-comma": (envelope(dc, id="data:a"), "MalformedEnvelope"),
        "envelope-of-a-jwt": (envelope(dc, "application/vc+jwt"), "UnknownEnvelope"),
        "envelope-in-base64": (envelope(dc, "application/dc+sd-jwt;base64"), "UnknownEnvelope"),
        "envelope-without-media-type": (envelope(dc, ""), "UnknownEnvelope"),
        "envelope-of-the-name-alone": (envelope(dc, "dc+sd-jwt"), "UnknownEnvelope"),
        "envelope-empty": (envelope(""), "NotSdJwt"),
        "dc-as-vc": (envelope(dc, f"application/{VC}"), "WrongType"),
        "vc-as-dc": (envelope(sd_jwt_of(credential(), [], VC)), "WrongType"),
        "vc-without-subject": (
            _vc({name: m for name, m in credential().items() if name != "credentialSubject"}),
            "MalformedSubject",
        ),
    }
