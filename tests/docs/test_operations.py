"""What docs/operations.md tells operators is so: commands, names, and the facts they rely on."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import botocore.session
import click
import pytest
import yaml
from botocore import xform_name

from chalicelib.api.handlers import sequence_wakes
from chalicelib.cli.main import main
from chalicelib.notary import batch, take
from chalicelib.notary.log import Refusal
from infra.template import ADDITIONS, ENVIRONMENT
from tests.api.world import World, id_of

from .pages import ROOT, codes, commands, read, rows, section

PAGE = read("operations.md")
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
AWS = botocore.session.Session()


def words(command: str) -> list[str]:
    """A command without settings before it and redirections after it."""
    parts = shlex.split(command.partition(" > ")[0])
    while re.fullmatch(r"TALLY_[A-Z_]+=.*", parts[0]):
        assert parts.pop(0).partition("=")[0] in ENVIRONMENT
    return parts


def options(parts: list[str]) -> set[str]:
    return {part for part in parts if part.startswith("--")}


def check_tally(parts: list[str]) -> None:
    command: click.Command = main
    while isinstance(command, click.Group) and parts:
        assert parts[0] in command.commands, parts[0]
        command = command.commands[parts.pop(0)]
    known = {name for parameter in command.params for name in parameter.opts}
    assert options(parts) <= known


def check_make(parts: list[str]) -> None:
    targets = [part for part in parts if "=" not in part]
    assert all(re.search(rf"^{target}:", MAKEFILE, re.MULTILINE) for target in targets)
    variables = [part.partition("=")[0] for part in parts if "=" in part]
    assert all(re.search(rf"^{name} \?=", MAKEFILE, re.MULTILINE) for name in variables)


RENAMED = {"Endpoint": "notification-endpoint"}


def check_aws(parts: list[str]) -> None:
    service = {"s3api": "s3"}.get(parts[0], parts[0])
    model = AWS.get_service_model(service)
    operations = {xform_name(name, "-"): name for name in model.operation_names}
    shape = model.operation_model(operations[parts[1]]).input_shape
    assert shape is not None
    # As the command line writes them, which has another use for --endpoint.
    members = {f"--{RENAMED.get(name) or xform_name(name, '-')}" for name in shape.members}
    negated = {option.replace("--", "--no-", 1) for option in members}
    assert options(parts) <= members | negated
    required = {f"--{xform_name(name, '-')}" for name in shape.required_members}
    assert required <= options(parts)


def check_deploy(parts: list[str]) -> None:
    assert parts[:2] == ["-m", "infra.deploy"]
    asked = [sys.executable, *parts[:2], "--help"]
    told = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert all(option in told for option in options(parts))


def check_source(parts: list[str]) -> None:
    assert f"> {parts[0]}\n" in PAGE, "a command before it writes the file"


CHECKS: dict[str, Callable[[list[str]], None]] = {
    "tally": check_tally,
    "make": check_make,
    "aws": check_aws,
    ".venv/bin/python": check_deploy,
    "source": check_source,
}


@pytest.mark.parametrize("command", commands(PAGE))
def test_a_command_exists_with_its_options(command: str) -> None:
    first, *rest = words(command)
    CHECKS[first](rest)


def test_there_are_commands_of_every_kind() -> None:
    assert {words(command)[0] for command in commands(PAGE)} == CHECKS.keys()


def test_settings_are_those_of_the_functions() -> None:
    told = {codes(name)[0]: codes(output)[0] for name, output, _ in rows(section(PAGE, "Settings"))}
    assert told == ENVIRONMENT


def resources() -> dict[str, Any]:
    parts = [yaml.safe_load(path.read_text("utf-8"))["Resources"] for path in ADDITIONS]
    return {name: body for part in parts for name, body in part.items()}


def test_every_alarm_has_its_row() -> None:
    alarms = {
        body["Properties"]["AlarmName"]["Fn::Sub"].replace("${AWS::StackName}", "tally")
        for body in resources().values()
        if body["Type"] == "AWS::CloudWatch::Alarm"
    }
    assert {codes(row[0])[0] for row in rows(section(PAGE, "Alarms"))} == alarms


def test_every_refusal_has_its_row() -> None:
    names = {kind.name for kind in Refusal.__subclasses__()}
    assert {codes(row[0])[0] for row in rows(section(PAGE, "Refusals"))} == names


def test_every_reason_for_setting_aside_has_its_row() -> None:
    source = Path(take.__file__).read_text("utf-8")
    names = set(re.findall(r'f?"([a-z]+(?:-[a-z]+)+): ', source))
    names.add(batch.SUB_NOT_NEW.partition(":")[0])
    told = {codes(row[0])[0] for row in rows(section(PAGE, "Reasons for setting aside"))}
    assert told == names


def test_retention_is_that_of_the_template() -> None:
    rules = {
        rule["Id"]: rule.get("ExpirationInDays")
        or rule["NoncurrentVersionExpiration"]["NoncurrentDays"]
        for name in ("LogBucket", "WorkBucket")
        for rule in resources()[name]["Properties"]["LifecycleConfiguration"]["Rules"]
        if rule["Id"] != "broken-uploads"
    }
    told = {row[0]: row[1] for row in rows(section(PAGE, "Retention"))}
    assert {what: told[what] for what in LIFECYCLE} == {
        what: f"{rules.pop(rule)} days" for what, rule in LIFECYCLE.items()
    }
    assert rules == {}
    logs = [body for body in resources().values() if body["Type"] == "AWS::Logs::LogGroup"]
    days = {body["Properties"]["RetentionInDays"] for body in logs}
    assert {f"{each} days" for each in days} == {told["logs of the functions"]}


LIFECYCLE = {
    "`staging/`": "staging",
    "`index/tail/`": "index-tails",
    "`uploads/`": "uploads",
    "old versions in the work bucket": "deleted",
    "old checkpoints": "old-checkpoints",
}


def test_every_member_of_a_log_line_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    told = {name for row in rows(section(PAGE, "Log lines")) for name in codes(row[0])}
    world = World(sequencing=False)
    sub = world.sub()
    for salt in ("one", "two"):
        entry = world.statement(sub=sub, payload=world.register(salt))
        world.submit(entry)
    world.get(f"/entries/{id_of(world.statement())}")
    sequence_wakes(["a"])
    world.clock.now_ms -= 3_600_000
    sequence_wakes(["a"])
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    seen = {name for line in lines for name in line}
    assert seen <= told
    assert told - seen == {"jobs", "accepted"}, "those of admissions"
