"""What schemas are made of: the kinds of values, and what many of them share."""

from __future__ import annotations

from typing import Any

from ...proof.limits import INTEGER as MOST

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
HEX32: Schema = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
BASE64: Schema = {"type": "string", "contentEncoding": "base64"}
URL: Schema = {"type": "string", "format": "uri"}
INTEGER: Schema = {"type": "integer", "minimum": 0, "maximum": MOST}
ANY: Schema = {"type": "object"}
FLAG: Schema = {"type": "boolean"}


def object_of(required: Schema, optional: Schema | None = None, *, closed: bool = True) -> Schema:
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": list(required),
        "additionalProperties": not closed,
    }


def list_of(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


NAMES = object_of({"en": TEXT, "zh": TEXT})
"""A name or a sentence in both languages."""

CANONICALIZATION: Schema = {"enum": ["raw", "jcs"]}
HOLDER = object_of(
    {"canonicalization": CANONICALIZATION, "salt": HEX32, "sha-256": HEX32, "sm3": HEX32}
)
JWK = object_of({"kty": TEXT, "crv": TEXT, "x": TEXT}, {"y": TEXT})
KEY = object_of(
    {"kid": HEX32, "jwk": JWK, "from_ms": INTEGER},
    {"to_ms": INTEGER, "compromised_ms": INTEGER},
)
