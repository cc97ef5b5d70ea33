"""Every test that the threat model names exists."""

from __future__ import annotations

import pytest

from .pages import defined, named_tests, read

NAMED = named_tests(read("threat-model.md"))


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_the_test_exists(path: str, name: str) -> None:
    assert name in defined(path)


def test_every_threat_has_one() -> None:
    threats = [line for line in read("threat-model.md").splitlines() if line.startswith("| ")]
    heads = [line for line in threats if line.startswith("| threat |")]
    assert len(threats) - len(heads) == len(NAMED) > 60
