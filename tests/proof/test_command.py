"""``tally-verify``: exit codes, plain sentences, and never a traceback."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import pytest

from chalicelib.proof.command import main
from chalicelib.proof.credentials.sd_jwt import format_sd_jwt
from chalicelib.proof.note import ed25519_vkey, format_vkey
from chalicelib.proof.receipt import format_receipt

from . import credential_world
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


def command_of(files: Path, *more: str) -> list[str]:
    names = [str(files / name) for name in ("diploma.json", "receipt.json", "policy.json")]
    code = "import sys; from chalicelib.proof.command import main; sys.exit(main())"
    return [sys.executable, "-c", code, names[0], names[1], "--policy", names[2], *more]


ROOT = Path(__file__).parents[2]


def run_process(files: Path, *more: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
    command = command_of(files, *more)
    return subprocess.run(command, stderr=subprocess.PIPE, check=False, cwd=ROOT, **options)


def start_process(files: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command_of(files), stderr=subprocess.PIPE, cwd=ROOT)


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


class TestCredentials:
    """A presentation and the receipt of its issuer's JWT."""

    @pytest.fixture
    def shown(self, files: Path) -> Path:
        issued = credential_world.Issued(credential_world.BOUND)
        text = format_sd_jwt(credential_world.bound(issued.shown(("degree",))))
        (files / "shown.sd-jwt").write_text(text + "\n")
        (files / "receipt.json").write_bytes(format_receipt(issued.receipt))
        return files

    at = ("--at", "2027-01-15T08:00:00Z")
    asked = ("--audience", credential_world.ASKED.audience, "--nonce")

    def run(self, shown: Path, *more: str) -> int:
        return run(shown, *self.at, *more, document="shown.sd-jwt")

    def test_what_the_holder_chose_is_printed(
        self, shown: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert self.run(shown) == 0
        out = capsys.readouterr().out
        assert "  ok     disclosures: " in out
        assert '\n "degree": {\n  "name": "MEng"\n }\n' in out
        assert "birthdate" not in out

    def test_what_was_asked_of_the_holder(self, shown: Path) -> None:
        assert self.run(shown, *self.asked, credential_world.ASKED.nonce) == 0
        assert self.run(shown, *self.asked, "of another request") == 1
        assert run(shown, *self.at, *self.asked, "x") == 1

    @pytest.mark.parametrize("half", [("--audience", "me"), ("--nonce", "1"), ("--nonce", "")])
    def test_an_audience_goes_with_a_nonce(
        self, shown: Path, half: tuple[str, ...], capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert self.run(shown, *half) == 64
        assert "go together" in capsys.readouterr().err


def test_chinese_is_one_of_the_languages(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(files, "--lang", "zh", "--at", "2027-01-01T00:00:00Z") == 0
    out = capsys.readouterr().out
    assert out.startswith("有效\n核验通过：")
    assert "  通过　 document: 该文件就是当初登记的文件，未经改动。\n" in out
    assert "\n颁发机构：寒武纪大学（did:web:cambrian.example）\n" in out
    assert "中编号为 " in out.splitlines()[-1]
    assert run(files, "--lang", "cy") == 64


def test_a_time_before_the_registration_is_no_verdict(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(files, "--at", "2026-01-01T00:00:00Z", "--json") == 2
    verdict = json.loads(capsys.readouterr().out)
    assert verdict["at_before_registration"] is True
    assert verdict["checks"][-1]["code"] == "time/at-before-registration"
    assert run(files, "--at", "2026-09-21T14:12:21Z", "--json") == 0
    assert "at_before_registration" not in json.loads(capsys.readouterr().out)


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["--version"])
    assert left.value.code == 0
    assert re.fullmatch(r"tally-verify \d+\.\d+\.\d+\n", capsys.readouterr().out)


def test_the_version_of_files_that_are_not_installed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def absent(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("chalicelib.proof.command.version", absent)
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == "tally-verify (not installed)\n"


def test_an_interrupt_is_no_verdict(
    files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("chalicelib.proof.command.verify", interrupt)
    assert run(files) == 2
    assert capsys.readouterr().err == "tally-verify: cannot tell: interrupted\n"


def test_an_interrupt_from_a_terminal_leaves_no_traceback(files: Path) -> None:
    """The document is a pipe that nobody writes to, so the command waits until then."""
    (files / "diploma.json").unlink()
    os.mkfifo(files / "diploma.json")
    process = start_process(files)
    writer = os.open(files / "diploma.json", os.O_WRONLY)  # from here on it reads
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    os.close(writer)
    assert (process.returncode, told) == (2, b"tally-verify: cannot tell: interrupted\n")
