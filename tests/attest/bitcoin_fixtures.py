"""A regtest node, a rival of it, and a calendar, for the tests that name this module a plugin."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from infra.peers.bitcoin import BitcoinPeer, running_bitcoin
from infra.peers.calendar import Calendar, running_calendar


@pytest.fixture(scope="session")
def bitcoin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BitcoinPeer]:
    with running_bitcoin(tmp_path_factory.mktemp("bitcoin")) as peer:
        peer.open_faucet()
        yield peer


@pytest.fixture(scope="session")
def rival(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BitcoinPeer]:
    """A second node, which knows only what it copies: what reorganises the first."""
    with running_bitcoin(tmp_path_factory.mktemp("rival")) as peer:
        yield peer


@pytest.fixture
def calendar(bitcoin: BitcoinPeer) -> Iterator[Calendar]:
    with running_calendar(bitcoin) as calendar:
        yield calendar
