"""The receipts of ``tests/vectors/receipt`` keep their verdicts, for ever."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from chalicelib.proof.command import main

from .receipt_vectors import FOLDER, vectors

FILES = sorted(FOLDER.glob("*.json"))
CODES = {"valid": 0, "invalid": 1, "cannot tell": 2}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_verdict_of_a_vector(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    vector = json.loads(path.read_text())
    (tmp_path / "document").write_bytes(base64.b64decode(vector["document"]))
    (tmp_path / "receipt").write_bytes(base64.b64decode(vector["receipt"]))
    (tmp_path / "policy").write_text(json.dumps(vector["policy"]))
    files = [str(tmp_path / name) for name in ("document", "receipt", "policy")]
    code = main([files[0], files[1], "--policy", files[2], "--at", vector["at"], "--json"])
    verdict = json.loads(capsys.readouterr().out)
    assert (verdict["verdict"], code) == (vector["verdict"], CODES[vector["verdict"]])


def made() -> dict[str, dict[str, Any]]:
    return {name: json.loads(json.dumps(vector)) for name, vector in vectors()}


def test_the_vectors_are_those_that_are_made() -> None:
    assert {path.stem: json.loads(path.read_text()) for path in FILES} == made()


def test_each_vector_is_another_one() -> None:
    texts = [json.dumps({**vector, "about": ""}, sort_keys=True) for vector in made().values()]
    assert len(set(texts)) == len(texts)


def test_most_vectors_must_not_verify() -> None:
    verdicts = [vector["verdict"] for vector in made().values()]
    assert verdicts.count("valid") < len(verdicts) / 4
