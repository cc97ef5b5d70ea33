"""Verdicts on receipts, and the policies that they are made by."""

from __future__ import annotations

from .parts import ANY, BASE64, FLAG, KEY, NAMES, TEXT, Schema, list_of, object_of, ref

SCHEMAS: dict[str, Schema] = {
    "VerifyRequest": object_of(
        {"receipt": BASE64},
        {
            "document": BASE64,
            "policy": ref("Policy"),
            "at": {"type": "string", "format": "date-time"},
            "audience": TEXT,
            "nonce": TEXT,
        },
    ),
    "Verdict": object_of(
        {
            "verdict": {"enum": ["valid", "invalid", "cannot tell"]},
            "code": TEXT,
            "texts": NAMES,
            "at_ms": {"type": "integer"},
            "checks": list_of(
                object_of(
                    {
                        "check": TEXT,
                        "result": {"enum": ["pass", "fail", "unknown"]},
                        "code": TEXT,
                        "detail": TEXT,
                        "texts": NAMES,
                    }
                )
            ),
        },
        closed=False,
    ),
    "Policy": object_of(
        {
            "v": {"const": 1},
            "tlog": TEXT,
            "issuers": list_of(
                object_of(
                    {
                        "id": TEXT,
                        "names": NAMES,
                        "keys": list_of(KEY),
                    },
                    {"notary": FLAG},
                )
            ),
            "chains": ANY,
            "tsa": list_of(TEXT),
        },
        {"require": list_of(TEXT)},
    ),
}
