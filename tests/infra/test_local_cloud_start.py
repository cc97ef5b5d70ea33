"""Whoever starts a local cloud can be interrupted at any moment, and leaves none behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra import local_cloud


def test_a_local_cloud_that_is_interrupted_as_it_starts_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[local_cloud.LocalCloud] = []

    def interrupt(cloud: local_cloud.LocalCloud) -> None:
        started.append(cloud)
        raise KeyboardInterrupt

    monkeypatch.setattr(local_cloud, "_wait_until_ready", interrupt)
    with pytest.raises(KeyboardInterrupt):
        local_cloud.start(tmp_path)
    assert started[0].process.poll() is not None
