"""``tally-verify``: exit codes, plain sentences, and never a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from chalicelib.proof.command import main
from chalicelib.proof.note import ed25519_vkey, format_vkey
from chalicelib.proof.receipt import format_receipt

from .world import DOCUMENT, ISSUER_KEY, ORIGIN, World, policy_value, raw_public


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "diploma.json").write_bytes(DOCUMENT)
    (tmp_path / "receipt.json").write_bytes(format_receipt(World().receipt()))
    (tmp_path / "policy.json").write_text(json.dumps(policy_value()))
    return tmp_path


def run(
    files: Path, *more: str, document: str = "diploma.json", policy: str = "policy.json"
) -> int:
    receipt = files / "receipt.json"
    return main(
        [str(files / document), str(receipt), "--policy", str(files / "policy.json"), *more]
    )


def test_valid_is_0(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(files, "--at", "2027-01-01T00:00:00Z") == 0
    out = capsys.readouterr().out
    assert out.startswith("VALID\n")
    assert "  ok     document: " in out
    assert "  ?      witnesses: " in out
    assert out.endswith("\nregistered 2026-09-21T14:13:20.000Z as entry 5 of tally.test/log\n")


def test_now_is_the_time_unless_told_otherwise(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(files, "--json") == 0
    assert json.loads(capsys.readouterr().out)["at_ms"] > 1_760_000_000_000


def test_invalid_is_1(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (files / "diploma.json").write_bytes(b"{}")
    assert run(files) == 1
    out = capsys.readouterr().out
    assert out.startswith("INVALID\n")
    assert "  FAILED document: " in out


def test_an_unreadable_receipt_is_invalid(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (files / "receipt.json").write_bytes(b"\x00\xff")
    assert run(files) == 1
    assert "FAILED receipt" in (told := capsys.readouterr().out)
    assert "Is this a receipt (NAME.receipt.json)?" in told


def test_the_receipt_before_the_document_is_wrong_usage_and_no_verdict(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (files / "receipt.json").rename(files / "first")
    (files / "diploma.json").rename(files / "receipt.json")
    assert run(files, document="first") == 64
    assert "the other way round" in capsys.readouterr().err


def test_a_policy_of_another_log_is_named_as_the_likely_cause(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = format_vkey(ed25519_vkey(ORIGIN, raw_public(ISSUER_KEY)))
    (files / "policy.json").write_text(json.dumps(policy_value(tlog=f"log {other}\nquorum none\n")))
    assert run(files) == 1
    assert "is it the policy of the log that made the receipt?" in capsys.readouterr().out


def test_cannot_tell_is_2(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (files / "policy.json").write_text(json.dumps(policy_value(issuers=[])))
    assert run(files) == 2
    assert capsys.readouterr().out.startswith("CANNOT TELL\n")


def test_the_json_lists_every_check(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(files, "--json", "--at", "2027-01-01T00:00:00Z")
    verdict = json.loads(capsys.readouterr().out)
    assert verdict["verdict"] == "valid"
    assert verdict["checks"][-1] == {
        "check": "expiry",
        "result": "pass",
        "code": "expiry/good",
        "detail": "the document is good until 2030-01-01T00:00:00Z",
        "texts": {"en": "The document has not expired.", "zh": "文件在有效期内。"},
    }
    assert (verdict["code"], verdict["texts"]["zh"][:4]) == ("verdict/valid", "核验通过")
    assert verdict["issuer"]["names"]["zh"] == "寒武纪大学"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--at", "yesterday"], "--at: a time is written like"),
        (["--nonsense"], "unrecognized arguments"),
    ],
)
def test_wrong_usage_is_64(
    files: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert run(files, *arguments) == 64
    assert said in capsys.readouterr().err


def test_no_arguments_are_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 64
    assert "usage: tally-verify" in capsys.readouterr().err


def test_a_missing_file_is_64_and_named(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(files, document="nothing.json") == 64
    assert "nothing.json: No such file" in capsys.readouterr().err


def test_an_unreadable_policy_is_64(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (files / "policy.json").write_text("{")
    assert run(files) == 64
    assert "policy.json: policy: " in capsys.readouterr().err


def run_process(files: Path, *more: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
    names = [str(files / name) for name in ("diploma.json", "receipt.json", "policy.json")]
    command = [
        sys.executable,
        "-c",
        "import sys; from chalicelib.proof.command import main; sys.exit(main())",
    ]
    return subprocess.run(
        [*command, names[0], names[1], "--policy", names[2], *more],
        stderr=subprocess.PIPE,
        check=False,
        cwd=Path(__file__).parents[2],
        **options,
    )


def test_a_verdict_that_cannot_be_written_is_none(files: Path) -> None:
    with open("/dev/full", "wb") as full:
        done = run_process(files, stdout=full)
    assert done.returncode == 2
    assert b"cannot tell: " in done.stderr
    assert b"Traceback" not in done.stderr


def test_nobody_reading_the_verdict_is_told_nothing(
    files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with (tmp_path / "out").open("w") as out:

        class Broken:
            encoding = "utf-8"
            fileno = out.fileno

            def write(self, text: str) -> None:
                raise BrokenPipeError("nobody reads")

        monkeypatch.setattr(sys, "stdout", Broken())
        assert run(files) == 2
    assert "cannot tell: nobody reads" in capsys.readouterr().err


def test_a_closed_output_is_no_verdict(
    files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    assert run(files) == 2
    assert "cannot tell: standard output is closed" in capsys.readouterr().err


def test_any_terminal_can_show_a_verdict(files: Path) -> None:
    environ = {**os.environ, "PYTHONIOENCODING": "ascii"}
    for more in ((), ("--json",)):
        done = run_process(files, *more, stdout=subprocess.PIPE, env=environ)
        assert (done.returncode, done.stderr) == (0, b"")


def test_too_little_memory_is_no_verdict(
    files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("chalicelib.proof.command.verify", fail)
    assert run(files) == 2
    assert "cannot tell: out of memory" in capsys.readouterr().err


def test_an_endless_document_is_not_read_to_its_end(
    files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("chalicelib.proof.command.DOCUMENT_BYTES", 10)
    assert run(files) == 64
    assert "more than 10 bytes" in capsys.readouterr().err
