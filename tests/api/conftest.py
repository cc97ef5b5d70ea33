from __future__ import annotations

from collections.abc import Iterator

import pytest

from chalicelib.api import wiring
from tests.api.world import World


@pytest.fixture
def world() -> Iterator[World]:
    yield World()
    wiring.use(None)


@pytest.fixture
def idle() -> Iterator[World]:
    """A world whose sequencer sleeps: what is accepted stays pending."""
    yield World(sequencing=False)
    wiring.use(None)
