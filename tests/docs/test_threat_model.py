"""Every test that the threat model names exists."""

from __future__ import annotations

import ast
import re

import pytest

from .pages import ROOT, read

NAMED = re.findall(r"`([a-z0-9]+/test_\w+\.py)::([\w:]+)`", read("threat-model.md"))


def defined(path: str) -> set[str]:
    """The tests in a file, with their classes as pytest writes them."""
    tree = ast.parse((ROOT / "tests" / path).read_text("utf-8"))
    names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            names |= {f"{node.name}::{f.name}" for f in node.body if isinstance(f, ast.FunctionDef)}
    return names


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_the_test_exists(path: str, name: str) -> None:
    assert name in defined(path)


def test_every_threat_has_one() -> None:
    threats = [line for line in read("threat-model.md").splitlines() if line.startswith("| ")]
    heads = [line for line in threats if line.startswith("| threat |")]
    assert len(threats) - len(heads) == len(NAMED) > 30
