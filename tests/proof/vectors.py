"""The vector files: one JSON object each, one mutation each, named for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

VECTORS = Path(__file__).parent.parent / "vectors"


def load_vectors(room: str) -> dict[str, dict[str, Any]]:
    """Every vector of one format by its name; AssertionError when there is none."""
    files = sorted((VECTORS / room).glob("*.json"))
    assert files, f"no vectors under {VECTORS / room}"
    return {file.stem: json.loads(file.read_bytes()) for file in files}
