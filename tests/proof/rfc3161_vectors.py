"""Makes ``tests/vectors/rfc3161``: good tokens, and one mutation of one in each other file.

Run as ``python -m tests.proof.rfc3161_vectors`` to write them; a test makes them again and
compares. ``openssl-*.json`` are not made here: those tokens come from ``openssl ts``, with keys
that were thrown away. All keys and certificates are test vectors.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from .rfc3161_mutations import (
    wrong_attributes,
    wrong_forms,
    wrong_imprints,
    wrong_infos,
    wrong_paths,
    wrong_signatures,
    wrong_signers,
)
from .rfc3161_samples import good

FOLDER = Path(__file__).parent.parent / "vectors" / "rfc3161"


def make_vectors() -> dict[str, dict[str, Any]]:
    rooms: Sequence[Iterator[tuple[str, dict[str, Any]]]] = (
        good(),
        wrong_imprints(),
        wrong_infos(),
        wrong_signatures(),
        wrong_attributes(),
        wrong_signers(),
        wrong_paths(),
        wrong_forms(),
    )
    pairs = [pair for room in rooms for pair in room]
    made = dict(pairs)
    assert len(made) == len(pairs), "every vector has a name of its own"
    return made


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, made in make_vectors().items():
        text = json.dumps(made, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        (FOLDER / f"{name}.json").write_text(text)


if __name__ == "__main__":
    main()
