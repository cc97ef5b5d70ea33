"""Makes ``tests/vectors/credentials-*``: good ones, and one mutation of one in each other file.

Run as ``python -m tests.proof.credentials_vectors`` to write them; a test makes them again and
compares. Vectors with a ``source`` were printed by somebody else, and are not made here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .credentials_document_vectors import data_integrity_vectors, status_list_vectors
from .credentials_jose_vectors import jose_vectors
from .credentials_key_binding_vectors import key_binding_vectors
from .credentials_sd_jwt_vectors import sd_jwt_vectors
from .credentials_secured_vectors import secured_vectors
from .credentials_token_list_vectors import token_list_vectors

FOLDER = Path(__file__).parent.parent / "vectors"

MAKERS = {
    "credentials-jose": jose_vectors,
    "credentials-sd-jwt": sd_jwt_vectors,
    "credentials-key-binding": key_binding_vectors,
    "credentials-data-integrity": data_integrity_vectors,
    "credentials-status-list": status_list_vectors,
    "credentials-token-status-list": token_list_vectors,
    "credentials-secured": secured_vectors,
}


def vectors() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Room, name and value of each vector."""
    for room, make in MAKERS.items():
        for name, value in make():
            yield room, name, json.loads(json.dumps(value))


def write() -> None:
    for room, name, value in vectors():
        text = json.dumps(value, ensure_ascii=False, indent=2)
        (FOLDER / room).mkdir(exist_ok=True)
        (FOLDER / room / f"{name}.json").write_text(text + "\n")


if __name__ == "__main__":
    write()
