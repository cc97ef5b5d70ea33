"""``tally verify``: only a verdict that reached somebody has a verdict's exit code."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from chalicelib.proof.receipt import format_receipt
from tests.cli.desk import tally
from tests.proof.world import DOCUMENT, World, policy_value


@pytest.fixture
def arguments(tmp_path: Path) -> list[str]:
    document, receipt, policy = (tmp_path / name for name in ("a.json", "a.receipt", "policy"))
    document.write_bytes(DOCUMENT)
    receipt.write_bytes(format_receipt(World().receipt()))
    policy.write_text(json.dumps(policy_value()))
    return ["verify", str(document), str(receipt), "--policy", str(policy)]


def test_each_outcome_has_its_exit_code(arguments: list[str]) -> None:
    valid = tally(*arguments)
    assert (valid.exit_code, valid.stdout.splitlines()[0]) == (0, "VALID")
    Path(arguments[1]).write_bytes(b"{}")
    invalid = tally(*arguments, "--json")
    assert (invalid.exit_code, json.loads(invalid.stdout)["verdict"]) == (1, "invalid")
    Path(arguments[4]).write_bytes(b"{}")
    assert tally(*arguments).exit_code == 64


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_a_verdict_that_cannot_be_written_is_none(arguments: list[str], more: list[str]) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "chalicelib.cli", *arguments, *more],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
            cwd=Path(__file__).parents[2],
        )
    assert done.returncode == 2
    assert done.stderr.startswith(b"tally: cannot tell: ")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_what_cannot_be_printed_is_neither_done_nor_wrong(more: list[str]) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "chalicelib.cli", "profiles", *more],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
            cwd=Path(__file__).parents[2],
        )
    assert (done.returncode, done.stderr) == (2, b"tally: No space left on device\n")


def test_too_little_memory_is_no_verdict(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("chalicelib.proof.command.verify", fail)
    result = tally(*arguments)
    assert (result.exit_code, result.stderr) == (2, "tally: cannot tell: out of memory\n")


def test_it_says_it_in_chinese(arguments: list[str]) -> None:
    assert tally(*arguments, "--lang", "zh").stdout.startswith("有效\n核验通过")
    assert tally(*arguments, "--lang", "fr").exit_code == 64


def test_an_audience_goes_with_a_nonce(arguments: list[str]) -> None:
    result = tally(*arguments, "--nonce", "1")
    assert result.exit_code == 64
    assert "go together" in result.stderr
    assert tally(*arguments, "--nonce", "1", "--audience", "me").exit_code == 2


def test_an_interrupt_is_no_verdict(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("chalicelib.proof.command.verify", interrupt)
    result = tally(*arguments)
    assert (result.exit_code, result.stderr) == (2, "tally: cannot tell: interrupted\n")
