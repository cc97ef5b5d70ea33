"""JSON schemas (2020-12) of what the API reads and answers; docs/formats.md has the formats."""

from __future__ import annotations

from typing import Any, get_args

from ..notary.custody.orders import FORMS
from ..notary.limits import ALLOT_ENTRIES, UPLOAD_BYTES
from ..notary.ports import JobState
from ..notary.webhooks.deliveries import GONE
from ..notary.webhooks.endpoints import DISABLED
from ..notary.webhooks.events import EVENTS
from ..notary.webhooks.events import State as DeliveryState
from ..proof.entry_status import SUPERSEDE
from ..proof.issuer_profile import STATUSES
from ..proof.limits import INTEGER
from ..proof.payload import REASONS, STATUS_KINDS

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_HEX32: Schema = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_BASE64: Schema = {"type": "string", "contentEncoding": "base64"}
_URL: Schema = {"type": "string", "format": "uri"}
_INTEGER: Schema = {"type": "integer", "minimum": 0, "maximum": INTEGER}
_ANY: Schema = {"type": "object"}
_FLAG: Schema = {"type": "boolean"}


def _object(required: Schema, optional: Schema | None = None, *, closed: bool = True) -> Schema:
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": list(required),
        "additionalProperties": not closed,
    }


_NAMES = _object({"en": _TEXT, "zh": _TEXT})
"""A name or a sentence in both languages."""


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


_INCLUSION = _object(
    {
        "proof": _TEXT,
        "block": _object(
            {
                "height": _INTEGER,
                "previous": _HEX32,
                "timestamp_ms": _INTEGER,
                "signature": _BASE64,
            }
        ),
        "attestations": _list(_object({"type": _TEXT}, closed=False)),
    }
)
_CANONICALIZATION: Schema = {"enum": ["raw", "jcs"]}
_HOLDER = _object(
    {"canonicalization": _CANONICALIZATION, "salt": _HEX32, "sha-256": _HEX32, "sm3": _HEX32}
)
_EVIDENCE = _object({"document": _BASE64, "entry": _BASE64, "registered": _INCLUSION})
_JWK = _object({"kty": _TEXT, "crv": _TEXT, "x": _TEXT}, {"y": _TEXT})
_KEY = _object(
    {"kid": _HEX32, "jwk": _JWK, "from_ms": _INTEGER},
    {"to_ms": _INTEGER, "compromised_ms": _INTEGER},
)

_EVENTS = {"type": "array", "items": {"enum": list(EVENTS)}, "minItems": 1, "uniqueItems": True}
_WEBHOOK: Schema = {
    "id": {"type": "string", "pattern": "^ep_[0-9a-f]{32}$"},
    "url": _URL,
    "events": _EVENTS,
    "secrets": {"enum": [1, 2]},
}
_WEBHOOK_DISABLED: Schema = {"disabled": {"enum": [DISABLED, GONE]}}

_BLOCK: Schema = {
    "height": _INTEGER,
    "previous": _HEX32,
    "timestamp_ms": _INTEGER,
    "size": _INTEGER,
    "root": _HEX32,
    "hash": _HEX32,
    "header": {"type": "string", "pattern": "^[0-9a-f]{242}$"},
    "checkpoint": _TEXT,
    "signature": _BASE64,
}

_VERDICT: Schema = {
    "verdict": {"enum": ["valid", "invalid", "cannot tell"]},
    "at_ms": {"type": "integer"},
    "checks": _list(
        _object({"check": _TEXT, "result": {"enum": ["pass", "fail", "unknown"]}, "detail": _TEXT})
    ),
}
_WANTED: Schema = {"returnResults": _FLAG, "returnProblemDetails": _FLAG, "checks": _list(_TEXT)}
_RESULTS: Schema = {
    "results": _ANY,
    "problemDetails": _list(_object({"type": _URL, "title": _TEXT, "detail": _TEXT})),
}

SCHEMAS: dict[str, Schema] = {
    "Problem": _object(
        {
            "type": _URL,
            "title": _TEXT,
            "status": {"type": "integer"},
            "detail": _TEXT,
            "instance": _TEXT,
        },
        {
            "breaches": _list(_object({"pointer": _TEXT, "sentence": _TEXT})),
            "breach_count": _INTEGER,
        },
        closed=False,
    ),
    "Receipt": _object(
        {"v": {"const": 1}, "entry": _BASE64, "registered": _INCLUSION},
        {
            "document": _HOLDER,
            "attested": _INCLUSION,
            "issuer": _EVIDENCE,
            "status": _EVIDENCE,
        },
    ),
    "IssueRequest": {
        "oneOf": [
            _object(
                {"issuer": _TEXT, "profile": _TEXT, "document": _BASE64},
                {"canonicalization": _CANONICALIZATION},
            ),
            _object(
                {"issuer": _TEXT, "profile": _TEXT, "claims": _ANY},
                {"form": {"enum": list(FORMS)}, "holder": _JWK},
            ),
        ]
    },
    "StatusChangeRequest": _object(
        {"target": _HEX32, "kind": {"enum": list(STATUS_KINDS)}, "reason": {"enum": list(REASONS)}},
        {"effective": _INTEGER},
    ),
    "Issued": _object(
        {
            "id": _HEX32,
            "entry_id": _HEX32,
            "issuer": _TEXT,
            "profile": _TEXT,
            "canonicalization": _CANONICALIZATION,
            "document": _HOLDER,
        },
        {"credential": {"type": ["string", "object"]}, "receipt": _ref("Receipt")},
    ),
    "ErasureReceipt": _object({"payload": _TEXT, "protected": _TEXT, "signature": _TEXT}),
    "IssuerProfile": _object(
        {
            "v": {"const": 1},
            "id": _TEXT,
            "names": _object({"en": _TEXT, "zh": _TEXT}),
            "status": {"enum": list(STATUSES)},
            "accreditations": _list(
                _object(
                    {"register": _TEXT, "number": _TEXT, "from_ms": _INTEGER}, {"to_ms": _INTEGER}
                )
            ),
            "keys": _list(_KEY),
        }
    ),
    "EntryStatus": _object(
        {
            "v": {"const": 1},
            "origin": _TEXT,
            "issuer": _TEXT,
            "prefix": {"type": "string", "pattern": "^[0-9a-f]{0,64}$"},
            "size": _INTEGER,
            "timestamp_ms": _INTEGER,
            "changes": _list(
                _object(
                    {
                        "entry": _HEX32,
                        "kind": {"enum": [*STATUS_KINDS, SUPERSEDE]},
                        "effective": _INTEGER,
                        "by": _HEX32,
                    },
                    {"reason": {"enum": list(REASONS)}},
                )
            ),
        }
    ),
    "Job": _object(
        {
            "job": _HEX32,
            "state": {"enum": list(get_args(JobState))},
            "items": _INTEGER,
            "accepted": _INTEGER,
            "rejected": _list(_object({"item": _INTEGER, "type": _TEXT, "detail": _TEXT})),
            "rejected_count": _INTEGER,
            "integrated": _INTEGER,
        },
        {
            "problem": _TEXT,
            "approval": _object(
                {
                    "since_ms": _INTEGER,
                    "documents": _list(
                        _object(
                            {
                                "issuer": _TEXT,
                                "kind": {"enum": ["register", "supersede"]},
                                "profile": _TEXT,
                                "items": _INTEGER,
                            }
                        )
                    ),
                }
            ),
        },
    ),
    "JobRejection": _object({"reason": _TEXT}),
    "StatusEntriesRequest": _object(
        {"issuer": _TEXT, "count": {"type": "integer", "minimum": 1, "maximum": ALLOT_ENTRIES}}
    ),
    "StatusEntries": _object(
        {"entries": _list(_object({"sub": _TEXT, "list": _URL, "index": _INTEGER}))}
    ),
    "DidDocument": _object(
        {
            "@context": _list(_URL),
            "id": _TEXT,
            "verificationMethod": _list(
                _object(
                    {"id": _TEXT, "type": _TEXT, "controller": _TEXT},
                    {"publicKeyJwk": _JWK, "publicKeyMultibase": _TEXT},
                )
            ),
            "assertionMethod": _list(_TEXT),
        }
    ),
    "UploadRequest": _object(
        {"bytes": {"type": "integer", "minimum": 1, "maximum": UPLOAD_BYTES}, "sha-256": _HEX32}
    ),
    "Upload": _object(
        {
            "job": _HEX32,
            "upload": _object({"url": _URL, "method": _TEXT, "headers": _ANY}),
            "expires_s": _INTEGER,
            "items_at_most": _INTEGER,
        }
    ),
    "WebhookRequest": _object({"url": _URL, "events": _EVENTS}),
    "Webhook": _object(_WEBHOOK, _WEBHOOK_DISABLED),
    "NewSecret": _object({**_WEBHOOK, "secret": _TEXT}, _WEBHOOK_DISABLED),
    "Webhooks": _object({"webhooks": _list(_ref("Webhook"))}),
    "Delivery": _object(
        {
            "event": {"type": "string", "pattern": "^evt_[0-9a-f]{64}$"},
            "type": {"enum": list(EVENTS)},
            "timestamp_ms": _INTEGER,
            "state": {"enum": list(get_args(DeliveryState))},
            "tries": _INTEGER,
        },
        {"problem": _TEXT, "due_ms": _INTEGER},
    ),
    "DeadLetters": _object({"dead_letters": _list(_ref("Delivery"))}),
    "Replayed": _object({"replayed": _INTEGER}),
    "Block": _object(_BLOCK),
    "AttestedBlock": _object({**_BLOCK, "attestations": _list(_ref("Attempt"))}),
    "Attempt": _object(
        {
            "network": _TEXT,
            "state": {"enum": ["planned", "prepared", "sent", "included", "final"]},
            "planned_ms": _INTEGER,
        },
        {
            "problem": _TEXT,
            "tries": _INTEGER,
            "retry_ms": _INTEGER,
            "quorum": {"type": "boolean"},
            "failures": {"type": "object", "additionalProperties": _TEXT},
        },
    ),
    "Blocks": _object({"blocks": _list(_ref("Block"))}),
    "VerifyRequest": _object(
        {"receipt": _BASE64},
        {
            "document": _BASE64,
            "policy": _ref("Policy"),
            "at": {"type": "string", "format": "date-time"},
            "audience": _TEXT,
            "nonce": _TEXT,
        },
    ),
    "IssueCredentialRequest": _object({"credential": _ANY}, {"options": _object({})}),
    "IssuedVc": _object(
        {"verifiableCredential": _ANY, "id": _HEX32, "entry": _HEX32, "document": _HOLDER}
    ),
    "VerifyCredentialRequest": _object(
        {"verifiableCredential": _ANY},
        {"options": _object({}, {**_WANTED, "returnCredential": _FLAG, "receipt": _BASE64})},
    ),
    "VerifyPresentationRequest": _object(
        {},
        {
            "verifiablePresentation": _ANY,
            "presentation": _ANY,
            "options": _object(
                {}, {**_WANTED, "returnPresentation": _FLAG, "domain": _TEXT, "challenge": _TEXT}
            ),
        },
    ),
    "CredentialResult": _object(
        {"verified": {"const": True}, **_VERDICT}, {"issuer": _ANY, **_RESULTS, "credential": _ANY}
    ),
    "PresentationResult": _object(
        {"verified": _FLAG, **_VERDICT}, {**_RESULTS, "verifiablePresentation": _ANY}
    ),
    "Verdict": _object(
        {
            "verdict": {"enum": ["valid", "invalid", "cannot tell"]},
            "code": _TEXT,
            "texts": _NAMES,
            "at_ms": {"type": "integer"},
            "checks": _list(
                _object(
                    {
                        "check": _TEXT,
                        "result": {"enum": ["pass", "fail", "unknown"]},
                        "code": _TEXT,
                        "detail": _TEXT,
                        "texts": _NAMES,
                    }
                )
            ),
        },
        closed=False,
    ),
    "Policy": _object(
        {
            "v": {"const": 1},
            "tlog": _TEXT,
            "issuers": _list(
                _object(
                    {
                        "id": _TEXT,
                        "names": _NAMES,
                        "keys": _list(_KEY),
                    },
                    {"notary": {"type": "boolean"}},
                )
            ),
            "chains": _ANY,
            "tsa": _list(_TEXT),
        },
        {"require": _list(_TEXT)},
    ),
    "TokenRequest": _object(
        {
            "grant_type": {"const": "client_credentials"},
            "client_assertion_type": {
                "const": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
            },
            "client_assertion": _TEXT,
        },
        {"client_id": _TEXT, "scope": _TEXT},
    ),
    "Token": _object(
        {
            "access_token": _TEXT,
            "token_type": {"const": "Bearer"},
            "expires_in": _INTEGER,
            "scope": _TEXT,
        }
    ),
    "Jwks": _object({"keys": _list(_ANY)}),
    "OAuthMetadata": _object({"issuer": _URL, "token_endpoint": _URL}, closed=False),
    "Health": _object(
        {
            "status": {"const": "ok"},
            "origin": _TEXT,
            "height": _INTEGER,
            "size": _INTEGER,
            "timestamp_ms": _INTEGER,
        }
    ),
    "OpenApi": _ANY,
}
