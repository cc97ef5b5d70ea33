from __future__ import annotations

from collections.abc import Iterator

import pytest
from moto import mock_aws

from chalicelib.adapters import aws
from chalicelib.adapters.aws import Clients
from infra.local_cloud import LocalCloud

from ..fakes import MemoryDocuments, MemoryRegistry, memory_log
from .stores import ORIGIN, Stores, make_places, make_stores, session
from .wire import Wire, without_waiting


@pytest.fixture(params=["fake", "moto", "local_cloud"])
def stores(request: pytest.FixtureRequest) -> Stores:
    found = request.getfixturevalue(f"{request.param}_stores")
    assert isinstance(found, Stores)
    return found


@pytest.fixture(params=["moto", "local_cloud"])
def aws_stores(request: pytest.FixtureRequest) -> Stores:
    found = request.getfixturevalue(f"{request.param}_stores")
    assert isinstance(found, Stores)
    return found


@pytest.fixture
def fake_stores() -> Stores:
    log = memory_log(ORIGIN)
    assert log.notices is not None
    assert log.lists is not None
    return Stores(
        log.chain,
        log.jobs,
        log.pending,
        MemoryRegistry(),
        log.attempts,
        log.notices,
        log.lists,
        MemoryDocuments(),
        log.tiles,
        log.work,
    )


@pytest.fixture(scope="session")
def unplaced_clients() -> Clients:
    return Clients(session())


@pytest.fixture
def moto_clients(unplaced_clients: Clients, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clients]:
    """One thread alone: moto loses writes beside failing transactions."""
    monkeypatch.setattr(aws, "THREADS", 1)
    with mock_aws():
        yield unplaced_clients


@pytest.fixture
def moto_stores(moto_clients: Clients) -> Stores:
    return make_stores(moto_clients, make_places(moto_clients))


@pytest.fixture(scope="session")
def endpoint_url(local_cloud: LocalCloud) -> str:
    return local_cloud.endpoint


@pytest.fixture(scope="session")
def local_line(endpoint_url: str) -> tuple[Clients, Wire]:
    """Clients of the local cloud, made once, and the wire between."""
    ours = session()
    return Clients(ours, endpoint_url), Wire(ours)


@pytest.fixture
def local_clients(local_line: tuple[Clients, Wire]) -> Clients:
    return local_line[0]


@pytest.fixture
def network(local_line: tuple[Clients, Wire], monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    """The wire to the local cloud, sound at first."""
    without_waiting(monkeypatch)
    yield local_line[1]
    local_line[1].mend()


@pytest.fixture
def local_cloud_stores(local_clients: Clients) -> Stores:
    return make_stores(local_clients, make_places(local_clients))


@pytest.fixture
def wired(local_cloud_stores: Stores, network: Wire) -> tuple[Stores, Wire]:
    """Stores on the local cloud, and the wire to it."""
    network.mend()
    return local_cloud_stores, network
