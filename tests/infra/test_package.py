"""What the functions' zip holds, and that it runs."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path, PurePosixPath

import httpx
from hatchling.builders.wheel import WheelBuilder

from chalicelib.notary.profiles import FOLDER
from infra.deploy import Deployment
from infra.package import ROOT, SERVICES, make_package

PROFILES = {str(path.relative_to(ROOT)) for path in FOLDER.rglob("*.json")}
CHECK_SAMPLES = """
import sys
import app
from chalicelib.notary.profiles import check_claims, profiles

print("jsonschema" in sys.modules)
for profile in profiles().values():
    if not profile.blind:
        check_claims(profile, profile.sample)
print("jsonschema" in sys.modules)
"""


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


def test_every_profile_is_shipped_in_the_zip_and_in_the_wheel() -> None:
    assert PROFILES
    assert PROFILES <= set(map(str, names()))
    wheel = WheelBuilder(str(ROOT)).recurse_included_files()
    assert PROFILES <= {file.distribution_path for file in wheel}


def test_claims_are_checked_with_what_is_in_the_zip_alone_and_not_at_a_cold_start(
    tmp_path: Path,
) -> None:
    with zipfile.ZipFile(make_package("local").code) as archive:
        archive.extractall(tmp_path)
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{CHECK_SAMPLES}"
    # -I and -S: neither this environment's packages nor this directory's.
    command = (sys.executable, "-I", "-S", "-c", code)
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stdout.split() == ["False", "True"], done.stderr


def test_the_zip_runs_where_it_is_deployed(deployed: Deployment) -> None:
    answer = httpx.get(f"{deployed.url}/healthz", timeout=30)
    assert answer.status_code == 200, answer.text
    assert answer.json()["origin"] == deployed.outputs["Origin"]
