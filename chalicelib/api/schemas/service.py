"""What the service says of itself: problems, tokens, its health."""

from __future__ import annotations

from .parts import ANY, INTEGER, TEXT, URL, Schema, list_of, object_of

SCHEMAS: dict[str, Schema] = {
    "Problem": object_of(
        {
            "type": URL,
            "title": TEXT,
            "status": {"type": "integer"},
            "detail": TEXT,
            "instance": TEXT,
        },
        {
            "breaches": list_of(object_of({"pointer": TEXT, "sentence": TEXT})),
            "breach_count": INTEGER,
        },
        closed=False,
    ),
    "TokenRequest": object_of(
        {
            "grant_type": {"const": "client_credentials"},
            "client_assertion_type": {
                "const": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
            },
            "client_assertion": TEXT,
        },
        {"client_id": TEXT, "scope": TEXT},
    ),
    "Token": object_of(
        {
            "access_token": TEXT,
            "token_type": {"const": "Bearer"},
            "expires_in": INTEGER,
            "scope": TEXT,
        }
    ),
    "Jwks": object_of({"keys": list_of(ANY)}),
    "OAuthMetadata": object_of({"issuer": URL, "token_endpoint": URL}, closed=False),
    "Health": object_of(
        {
            "status": {"const": "ok"},
            "origin": TEXT,
            "height": INTEGER,
            "size": INTEGER,
            "timestamp_ms": INTEGER,
        }
    ),
    "OpenApi": ANY,
}
