"""What tests of every room may ask for: a local cloud, and the service deployed to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from infra.deploy import Deployment
from infra.local_cloud import LocalCloud, deploy_locally, running

# How fast a machine is decides no test.
settings.register_profile("tally", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tally")


@pytest.fixture(scope="session")
def local_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    """A local cloud of this run's own, with nothing in it at first.

    Hand ``environ`` to other processes; make clients from ``session()`` and ``endpoint``.
    """
    with running(tmp_path_factory.mktemp("local-cloud")) as cloud:
        yield cloud


@pytest.fixture(scope="session")
def deployed(local_cloud: LocalCloud) -> Deployment:
    """The whole service, deployed as it would be to AWS, with an empty log.

    ``url`` is its HTTP address; ``service`` the use cases over the same tables, for what operators
    do, such as ``deployed.service.registry.put_issuer(...)``.
    """
    return deploy_locally(local_cloud)


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist looks for groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Workers take whole files, so that what a file makes once is made once; and one of them takes
    all that look at what the demo leaves."""
    for item in items:
        group = "demo" if "left" in getattr(item, "fixturenames", ()) else str(item.path)
        item.add_marker(pytest.mark.xdist_group(group))
