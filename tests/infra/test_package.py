"""What the functions' zip holds, and that it runs."""

from __future__ import annotations

import zipfile
from pathlib import PurePosixPath

import httpx

from infra.deploy import Deployment
from infra.package import SERVICES, make_package


def names() -> list[PurePosixPath]:
    with zipfile.ZipFile(make_package("local").code) as archive:
        return [PurePosixPath(name) for name in archive.namelist()]


def test_of_the_sdk_data_only_that_of_the_services_in_use_is_shipped() -> None:
    data = [name.parts for name in names() if name.parts[:2] == ("botocore", "data")]
    assert {parts[2] for parts in data if len(parts) > 3} == SERVICES
    assert not [name for name in names() if name.parts[:2] == ("boto3", "data")]


def test_every_module_has_its_bytecode_and_the_commands_for_people_stay_at_home() -> None:
    shipped = names()
    sources = {name for name in shipped if name.suffix == ".py"}
    compiled = {
        name.parent.parent / f"{name.name.partition('.')[0]}.py"
        for name in shipped
        if name.suffix == ".pyc"
    }
    assert PurePosixPath("app.py") in sources
    assert sources == compiled
    assert not [name for name in shipped if "cli" in name.parts[:2]]


def test_the_zip_runs_where_it_is_deployed(deployed: Deployment) -> None:
    answer = httpx.get(f"{deployed.url}/healthz", timeout=30)
    assert answer.status_code == 200, answer.text
    assert answer.json()["origin"] == deployed.outputs["Origin"]
