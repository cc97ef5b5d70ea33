"""Where settings come from, and how wrong usage ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.desk import Desk, tally


def test_from_the_environment(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALLY_URL", desk.front.url)
    monkeypatch.setenv("TALLY_KEY", str(desk.key))
    monkeypatch.setenv("TALLY_TOKEN", desk.front.token())
    arguments = ["--profile", "education/diploma", "--out", desk.out]
    assert tally("notarise", *desk.documents, *arguments).exit_code == 0
    assert desk.front.seen["POST /oauth/token"] == 0


def test_from_the_configuration_file(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = tmp_path / "tally.toml"
    values = {"url": desk.front.url, "key": str(desk.key), "profile": "education/diploma"}
    config.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items()))
    monkeypatch.setenv("TALLY_CONFIG", str(config))
    assert tally("notarise", *desk.documents, "--out", desk.out).exit_code == 0


def test_options_outrank_the_file(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = tmp_path / "tally.toml"
    config.write_text('url = "https://elsewhere.example"\n')
    monkeypatch.setenv("TALLY_CONFIG", str(config))
    assert desk.notarise().exit_code == 0


@pytest.mark.parametrize("text", ["url = ", "url = 7\n", 'uri = "https://tally.example"\n'])
def test_a_configuration_that_cannot_be_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str
) -> None:
    config = tmp_path / "tally.toml"
    config.write_text(text)
    monkeypatch.setenv("TALLY_CONFIG", str(config))
    result = tally("audit", "http://127.0.0.1:9")
    assert result.exit_code == 64
    assert str(config) in result.stderr


def test_a_configuration_that_is_not_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TALLY_CONFIG", str(tmp_path / "nowhere.toml"))
    assert tally("audit", "http://127.0.0.1:9").exit_code == 64


def test_no_configuration_is_needed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("TALLY_CONFIG")
    monkeypatch.setattr("click.get_app_dir", lambda _: str(tmp_path))
    assert tally("keys", "new", "--help").exit_code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("keys",),
        ("frobnicate",),
        ("notarise",),
        ("notarise", "a.json", "--profile", "education/degree"),
        ("verify", "a.json"),
        ("verify", "a.json", "a.json.receipt.json", "--policy", "nowhere.json"),
        ("audit", "http://127.0.0.1:9", "--no-such-option"),
        ("receipt", "export", "a.receipt.json", "--format", "pdf", "--out", "a"),
    ],
)
def test_wrong_usage(arguments: tuple[str, ...]) -> None:
    result = tally(*arguments)
    assert result.exit_code == 64
    assert result.stderr
    assert not result.stdout


def test_help_is_no_error() -> None:
    assert tally("--help").exit_code == 0
    assert "0.1.0" in tally("--version").stdout
