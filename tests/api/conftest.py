from __future__ import annotations

from collections.abc import Iterator

import pytest

from chalicelib.api import wiring
from tests.api.world import World


@pytest.fixture(autouse=True)
def _no_long_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here a wake-up integrates at once, so the first look may come at once, too."""
    monkeypatch.setattr("chalicelib.api.waiting.FIRST_S", 0.001)


@pytest.fixture
def world() -> Iterator[World]:
    yield World()
    wiring.use(None)


@pytest.fixture
def idle() -> Iterator[World]:
    """A world whose sequencer sleeps: what is accepted stays pending."""
    yield World(sequencing=False)
    wiring.use(None)
