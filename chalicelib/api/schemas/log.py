"""The log and its notary: blocks, what was attested of them, receipts, what is said of issuers."""

from __future__ import annotations

from ...proof.entry_status import SUPERSEDE
from ...proof.issuer_profile import STATUSES
from ...proof.payload import REASONS, STATUS_KINDS
from .parts import (
    BASE64,
    FLAG,
    HEX32,
    HOLDER,
    INTEGER,
    JWK,
    KEY,
    NAMES,
    TEXT,
    URL,
    Schema,
    list_of,
    object_of,
    ref,
)

_INCLUSION = object_of(
    {
        "proof": TEXT,
        "block": object_of(
            {
                "height": INTEGER,
                "previous": HEX32,
                "timestamp_ms": INTEGER,
                "signature": BASE64,
            }
        ),
        "attestations": list_of(object_of({"type": TEXT}, closed=False)),
    }
)
_EVIDENCE = object_of({"document": BASE64, "entry": BASE64, "registered": _INCLUSION})
_BLOCK: Schema = {
    "height": INTEGER,
    "previous": HEX32,
    "timestamp_ms": INTEGER,
    "size": INTEGER,
    "root": HEX32,
    "hash": HEX32,
    "header": {"type": "string", "pattern": "^[0-9a-f]{242}$"},
    "checkpoint": TEXT,
    "signature": BASE64,
}

SCHEMAS: dict[str, Schema] = {
    "Block": object_of(_BLOCK),
    "AttestedBlock": object_of({**_BLOCK, "attestations": list_of(ref("Attempt"))}),
    "Attempt": object_of(
        {
            "network": TEXT,
            "state": {"enum": ["planned", "prepared", "sent", "included", "final"]},
            "planned_ms": INTEGER,
        },
        {
            "problem": TEXT,
            "tries": INTEGER,
            "retry_ms": INTEGER,
            "quorum": FLAG,
            "failures": {"type": "object", "additionalProperties": TEXT},
        },
    ),
    "Blocks": object_of({"blocks": list_of(ref("Block"))}),
    "Receipt": object_of(
        {"v": {"const": 1}, "entry": BASE64, "registered": _INCLUSION},
        {
            "document": HOLDER,
            "attested": _INCLUSION,
            "issuer": _EVIDENCE,
            "status": _EVIDENCE,
        },
    ),
    "IssuerProfile": object_of(
        {
            "v": {"const": 1},
            "id": TEXT,
            "names": NAMES,
            "status": {"enum": list(STATUSES)},
            "accreditations": list_of(
                object_of(
                    {"register": TEXT, "number": TEXT, "from_ms": INTEGER}, {"to_ms": INTEGER}
                )
            ),
            "keys": list_of(KEY),
        }
    ),
    "EntryStatus": object_of(
        {
            "v": {"const": 1},
            "origin": TEXT,
            "issuer": TEXT,
            "prefix": {"type": "string", "pattern": "^[0-9a-f]{0,64}$"},
            "size": INTEGER,
            "timestamp_ms": INTEGER,
            "changes": list_of(
                object_of(
                    {
                        "entry": HEX32,
                        "kind": {"enum": [*STATUS_KINDS, SUPERSEDE]},
                        "effective": INTEGER,
                        "by": HEX32,
                    },
                    {"reason": {"enum": list(REASONS)}},
                )
            ),
        }
    ),
    "DidDocument": object_of(
        {
            "@context": list_of(URL),
            "id": TEXT,
            "verificationMethod": list_of(
                object_of(
                    {"id": TEXT, "type": TEXT, "controller": TEXT},
                    {"publicKeyJwk": JWK, "publicKeyMultibase": TEXT},
                )
            ),
            "assertionMethod": list_of(TEXT),
        }
    ),
}
