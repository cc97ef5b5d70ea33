"""The local cloud keeps what it should, and says plainly why it does not start."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from infra.deploy import Deployment
from infra.local_cloud import LocalCloud, LocalCloudError, deploy_locally, running, start


def test_a_kept_log_is_found_again_with_its_key(tmp_path: Path) -> None:
    with running(tmp_path, keep=True) as cloud:
        log = deploy_locally(cloud).service.log
        log.tiles.create("some/object", b"kept")
        public = log.signer.public
    with running(tmp_path, cloud.port, keep=True) as cloud:
        log = deploy_locally(cloud).service.log
        assert log.chain.head() is not None
        assert log.tiles.get("some/object") == b"kept"
        assert log.signer.public == public


def test_a_port_in_use_is_refused(local_cloud: LocalCloud, tmp_path: Path) -> None:
    with pytest.raises(LocalCloudError, match="choose another port"):
        start(tmp_path, local_cloud.port)


def test_deploying_again_changes_nothing(deployed: Deployment, local_cloud: LocalCloud) -> None:
    assert deploy_locally(local_cloud).outputs == deployed.outputs


def test_the_deployed_api_carries_any_bytes(deployed: Deployment) -> None:
    keys = httpx.get(f"{deployed.url}/.well-known/scitt-keys", timeout=30)
    assert keys.headers["content-type"] == "application/cbor"
    assert deployed.service.log.signer.public.x in keys.content
