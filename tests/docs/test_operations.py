"""What docs/operations.md tells operators is so: commands, names, and the facts they rely on."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import botocore.session
import click
import pytest
import yaml
from botocore import xform_name
from cryptography.hazmat.primitives.asymmetric import ec

from chalicelib.adapters.secp256k1 import LocalSecp256k1
from chalicelib.api import wiring
from chalicelib.api.handlers import (
    ALARMING,
    attest_blocks,
    deliver_webhooks,
    publish_documents,
    sequence_wakes,
)
from chalicelib.cli.main import main
from chalicelib.cli.operators.registration import read_issuer_file
from chalicelib.notary import batch, publish, take
from chalicelib.notary.accepted import accepted_key
from chalicelib.notary.attest import Party
from chalicelib.notary.limits import ALARM_TRIES
from chalicelib.notary.log import Refusal
from chalicelib.notary.networks import NetworkError
from chalicelib.notary.notices import profile_of
from chalicelib.notary.outside import Outside, parse_outside
from chalicelib.notary.public_url import Answer
from chalicelib.notary.witnesses import NO_QUORUM
from chalicelib.parties import Parties, build_parties
from chalicelib.proof.issuer_profile import format_profile, parse_profile
from infra.template import ADDITIONS, ENVIRONMENT
from tests.api.hooks import TARGET, Hooks
from tests.api.world import CBOR_SEQ, COLLEGE, World, id_of
from tests.fakes import MemoryObjects
from tests.notary.chain import MemoryNetwork
from tests.proof.rfc3161_tokens import ROOT as ROOT_CA

from .pages import ROOT, block, codes, commands, defined, named_tests, read, rows, section

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
    "`custody/`": "custody",
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
    attest_in_vain(world)
    publish_in_vain(world)
    deliver_in_vain(world)
    world.clock.now_ms -= 3_600_000
    sequence_wakes(["a"])
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    seen = {name for line in lines for name in line}
    assert seen <= told
    assert told - seen == {"jobs", "accepted", "purged"}, "of admissions and purges"


def attest_in_vain(world: World) -> None:
    """By a chain where we have no money: the alarm rings."""
    parties = Parties(networks=(Party(MemoryNetwork(money=0), 0),))
    wiring.use(replace(world.service, outside=lambda: parties))
    attest_blocks()


def deliver_in_vain(world: World) -> None:
    """To a receiver that has failed; and a job that is set aside while nobody can be told."""
    hooks = Hooks(world)
    webhook = hooks.made()["id"]
    hooks.receivers.answers[TARGET] = Answer(500)
    hooks.post(f"/{webhook}/test")
    deliver_webhooks()
    job = world.submit(world.statement(), CBOR_SEQ).json_body["job"]
    del cast(MemoryObjects, world.service.log.work).data[accepted_key(job)]
    wiring.use(replace(world.service, webhooks=None))  # type: ignore[arg-type]
    sequence_wakes(["a"])
    wiring.use(world.service)


def publish_in_vain(world: World) -> None:
    """An issuer without a Chinese name: the alarm rings."""
    world.register_notary()
    known = world.registry.issuer(COLLEGE)
    assert known is not None
    world.registry.put_issuer(replace(known, names={"en": "College"}))
    publish_documents()


def test_the_example_of_an_issuer_is_one(tmp_path: Path) -> None:
    path = tmp_path / "issuer.json"
    path.write_text(block(section(PAGE, "Issuers"), "json"), "utf-8")
    issuer = read_issuer_file(path, 0)
    assert parse_profile(format_profile(profile_of(issuer))).accreditations == issuer.accreditations


def test_every_problem_of_publishing_has_its_row() -> None:
    source = Path(publish.__file__).read_text("utf-8")
    names = set(re.findall(r'f"([a-z]+(?:-[a-z]+)+): ', source))
    assert {codes(row[0])[0] for row in rows(section(PAGE, "Issuers"))} == names


# Outside parties.


def example() -> Outside:
    return parse_outside(block(section(PAGE, "Setting them up"), "json").encode())


def test_the_example_of_a_configuration_is_one() -> None:
    """With all kinds of parties, two of those that should be two, and a Bitcoin node behind them
    only as a fallback."""
    config = example()
    kinds = ["evm", *["opentimestamps"] * 2, "bitcoin", *["rfc3161"] * 2]
    assert [each.type for each in config.networks] == kinds
    assert [each.type for each in config.networks if each.fallback] == ["bitcoin"]
    assert all(each.url.startswith("https://") for each in config.networks)
    # The certificates of the page only show where they go.
    networks = [
        replace(each, certificates=(ROOT_CA.pem,)) if each.certificates else each
        for each in config.networks
    ]
    config = replace(config, networks=tuple(networks))
    parties = build_parties(config, LocalSecp256k1(ec.derive_private_key(1, ec.SECP256K1())))
    assert parties.witnesses is not None
    assert [each.name for each in parties.witnesses.all] == ["china", "alps"]


def test_defaults_are_those_of_the_configuration() -> None:
    told = {
        codes(kind)[0]: dict(re.findall(r"`(\w+)` (\d+)", defaults))
        for kind, defaults, _ in rows(section(PAGE, "Setting them up"))
    }
    made = {each.type: each.numbers for each in example().networks}
    assert told == {
        kind: {name: str(value) for name, value in numbers.items()}
        for kind, numbers in made.items()
    }


def kinds_of(kind: type[NetworkError]) -> Iterator[type[NetworkError]]:
    for each in kind.__subclasses__():
        yield each
        yield from kinds_of(each)


def test_every_problem_has_its_row() -> None:
    names = {each.name for each in kinds_of(NetworkError)} | {NO_QUORUM}
    assert {codes(row[0])[0] for row in rows(section(PAGE, "Problems"))} == names


def test_the_alarm_rings_when_it_is_said_to() -> None:
    problems = rows(section(PAGE, "Problems"))
    assert {codes(row[0])[0] for row in problems if row[2] == "at once"} == ALARMING
    assert {row[2] for row in problems} == {"at once", f"after {ALARM_TRIES}", ""}


MUST_SURVIVE = {
    "down": ("Ethereum node", "Bitcoin node", "calendar", "authority", "witness"),
    "slow": ("Ethereum node", "Bitcoin node", "calendar", "authority", "witness"),
    "wrong chain id": ("Ethereum node", "Bitcoin node", "calendar"),
    "proof that does not verify": (
        *("Ethereum node", "Bitcoin node", "calendar", "authority", "witness"),
    ),
    "answer lost after broadcast": ("Ethereum", "Bitcoin", "calendar", "witness"),
    "transaction dropped": ("Ethereum", "Bitcoin"),
    "fee spike": ("Ethereum", "Bitcoin"),
    "stuck": ("Ethereum", "Bitcoin"),
    "nonce gap": ("Ethereum",),
    "replacement mined instead of the original": ("Ethereum", "Bitcoin"),
    "reorganisation after `included`": ("Ethereum", "Bitcoin", "calendar"),
    "two attesters at once": ("Ethereum", "Bitcoin"),
    "an attester dies at any write": ("all",),
    "empty wallet": ("Ethereum", "Bitcoin"),
    "block time before submission": ("Ethereum", "Bitcoin"),
    "block time far ahead": ("Ethereum", "Bitcoin"),
    "never upgrades": ("calendar",),
    "has seen a larger tree than ours": ("witness",),
    "has seen another tree than ours": ("witness",),
    "a verifier's own node is down": ("Ethereum, Bitcoin",),
}
"""What goes wrong outside, and where."""

SURVIVED = rows(section(PAGE, "What must be survived"))


def test_everything_that_must_be_survived_has_its_row() -> None:
    told = [(row[0], row[1]) for row in SURVIVED]
    assert told == [(what, where) for what, places in MUST_SURVIVE.items() for where in places]


@pytest.mark.parametrize("row", SURVIVED, ids=lambda row: f"{row[0]}-{row[1]}")
def test_what_is_survived_is_tested(row: list[str]) -> None:
    named = named_tests(row[4])
    assert named
    assert codes(row[4]) == [f"{path}::{name}" for path, name in named]
    assert [name for path, name in named if name not in defined(path)] == []
