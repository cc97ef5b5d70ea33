"""One small demo for all end-to-end tests: run once, as ``make demo`` runs it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DIPLOMAS = 12
BUNDLES = 3
GRADUATES = 31


@dataclass(frozen=True)
class Left:
    """What the demo printed, and what it left in ``out``."""

    out: Path
    printed: str

    @cached_property
    def names(self) -> list[str]:
        return sorted(path.name for path in (self.out / "documents").iterdir())

    @property
    def bundles(self) -> list[str]:
        """The records, which are notarised as they are."""
        return [name for name in self.names if not name.startswith("diploma-")]

    def document(self, name: str) -> Path:
        return self.out / "documents" / name

    def receipt(self, name: str) -> Path:
        return self.out / "receipts" / f"{name}.receipt.json"

    @property
    def policy(self) -> Path:
        return self.out / "policy.json"


@pytest.fixture(scope="session")
def left(tmp_path_factory: pytest.TempPathFactory) -> Left:
    out = tmp_path_factory.mktemp("demo") / "out"
    counts = {"--diplomas": DIPLOMAS, "--bundles": BUNDLES, "--graduates": GRADUATES}
    sizes = [part for name, count in counts.items() for part in (name, str(count))]
    done = subprocess.run(
        [sys.executable, "-m", "infra.demo", *sizes, "--out", str(out)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    return Left(out, done.stdout)
