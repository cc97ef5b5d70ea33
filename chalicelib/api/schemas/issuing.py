"""What is registered and issued: one by one, in jobs, with places in status lists; and its end."""

from __future__ import annotations

from typing import get_args

from ...notary.custody.orders import FORMS
from ...notary.limits import ALLOT_ENTRIES, UPLOAD_BYTES
from ...notary.ports import JobState
from ...proof.payload import REASONS, STATUS_KINDS
from .parts import (
    ANY,
    BASE64,
    CANONICALIZATION,
    HEX32,
    HOLDER,
    INTEGER,
    JWK,
    TEXT,
    URL,
    Schema,
    list_of,
    object_of,
    ref,
)

SCHEMAS: dict[str, Schema] = {
    "IssueRequest": {
        "oneOf": [
            object_of(
                {"issuer": TEXT, "profile": TEXT, "document": BASE64},
                {"canonicalization": CANONICALIZATION},
            ),
            object_of(
                {"issuer": TEXT, "profile": TEXT, "claims": ANY},
                {"form": {"enum": list(FORMS)}, "holder": JWK},
            ),
        ]
    },
    "Issued": object_of(
        {
            "id": HEX32,
            "entry_id": HEX32,
            "issuer": TEXT,
            "profile": TEXT,
            "canonicalization": CANONICALIZATION,
            "document": HOLDER,
        },
        {"credential": {"type": ["string", "object"]}, "receipt": ref("Receipt")},
    ),
    "ErasureReceipt": object_of({"payload": TEXT, "protected": TEXT, "signature": TEXT}),
    "StatusChangeRequest": object_of(
        {"target": HEX32, "kind": {"enum": list(STATUS_KINDS)}, "reason": {"enum": list(REASONS)}},
        {"effective": INTEGER},
    ),
    "StatusEntriesRequest": object_of(
        {"issuer": TEXT, "count": {"type": "integer", "minimum": 1, "maximum": ALLOT_ENTRIES}}
    ),
    "StatusEntries": object_of(
        {"entries": list_of(object_of({"sub": TEXT, "list": URL, "index": INTEGER}))}
    ),
    "UploadRequest": object_of(
        {"bytes": {"type": "integer", "minimum": 1, "maximum": UPLOAD_BYTES}, "sha-256": HEX32}
    ),
    "Upload": object_of(
        {
            "job": HEX32,
            "upload": object_of({"url": URL, "method": TEXT, "headers": ANY}),
            "expires_s": INTEGER,
            "items_at_most": INTEGER,
        }
    ),
    "Job": object_of(
        {
            "job": HEX32,
            "state": {"enum": list(get_args(JobState))},
            "items": INTEGER,
            "accepted": INTEGER,
            "rejected": list_of(object_of({"item": INTEGER, "type": TEXT, "detail": TEXT})),
            "rejected_count": INTEGER,
            "integrated": INTEGER,
        },
        {
            "problem": TEXT,
            "approval": object_of(
                {
                    "since_ms": INTEGER,
                    "documents": list_of(
                        object_of(
                            {
                                "issuer": TEXT,
                                "kind": {"enum": ["register", "supersede"]},
                                "profile": TEXT,
                                "items": INTEGER,
                            }
                        )
                    ),
                }
            ),
        },
    ),
    "JobRejection": object_of({"reason": TEXT}),
}
