"""What a deployment needs besides its template, and what it leaves with the operator."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid

import boto3
import pytest

from infra.deploy import Deployment, _artifact_bucket, format_settings
from infra.local_cloud import LocalCloud
from infra.package import PackageError, make_package


@pytest.mark.parametrize(("region", "place"), [("us-east-1", None), ("eu-west-1", "eu-west-1")])
def test_code_has_a_bucket_in_the_region_of_its_functions(
    local_cloud: LocalCloud, region: str, place: str | None
) -> None:
    session = boto3.Session("test", "test", region_name=region)
    stack = f"stack-{uuid.uuid4().hex[:8]}"
    name = _artifact_bucket(session, stack, local_cloud.endpoint)
    s3 = session.client("s3", endpoint_url=local_cloud.endpoint)
    assert s3.get_bucket_location(Bucket=name)["LocationConstraint"] == place
    assert _artifact_bucket(session, stack, local_cloud.endpoint) == name


def test_the_settings_that_are_printed_are_those_of_the_functions(deployed: Deployment) -> None:
    settings = {**deployed.environ, "TALLY_ODD": "it's $HOME"}
    script = format_settings(settings) + 'exec "$0" -c "$1"'
    code = "import json, os; print(json.dumps(dict(os.environ)))"
    shell = ["bash", "-c", script, sys.executable, code]
    done = subprocess.run(shell, env={}, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout).items() >= settings.items()


def test_production_is_not_packaged_for_a_runtime_that_is_too_old(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 11))
    with pytest.raises(PackageError, match="Python 3.12 or newer"):
        make_package("prod")
