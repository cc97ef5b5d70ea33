"""The W3C VC API: credentials and presentations."""

from __future__ import annotations

from .parts import ANY, BASE64, FLAG, HEX32, HOLDER, TEXT, URL, Schema, list_of, object_of

_VERDICT: Schema = {
    "verdict": {"enum": ["valid", "invalid", "cannot tell"]},
    "at_ms": {"type": "integer"},
    "checks": list_of(
        object_of({"check": TEXT, "result": {"enum": ["pass", "fail", "unknown"]}, "detail": TEXT})
    ),
}
_WANTED: Schema = {"returnResults": FLAG, "returnProblemDetails": FLAG, "checks": list_of(TEXT)}
_RESULTS: Schema = {
    "results": ANY,
    "problemDetails": list_of(object_of({"type": URL, "title": TEXT, "detail": TEXT})),
}

SCHEMAS: dict[str, Schema] = {
    "IssueCredentialRequest": object_of({"credential": ANY}, {"options": object_of({})}),
    "IssuedVc": object_of(
        {"verifiableCredential": ANY, "id": HEX32, "entry": HEX32, "document": HOLDER}
    ),
    "VerifyCredentialRequest": object_of(
        {"verifiableCredential": ANY},
        {"options": object_of({}, {**_WANTED, "returnCredential": FLAG, "receipt": BASE64})},
    ),
    "CredentialResult": object_of(
        {"verified": {"const": True}, **_VERDICT}, {"issuer": ANY, **_RESULTS, "credential": ANY}
    ),
    "VerifyPresentationRequest": object_of(
        {},
        {
            "verifiablePresentation": ANY,
            "presentation": ANY,
            "options": object_of(
                {}, {**_WANTED, "returnPresentation": FLAG, "domain": TEXT, "challenge": TEXT}
            ),
        },
    ),
    "PresentationResult": object_of(
        {"verified": FLAG, **_VERDICT}, {**_RESULTS, "verifiablePresentation": ANY}
    ),
}
