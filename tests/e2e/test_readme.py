"""The README is true: commands run, outputs are what they print, links lead somewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from infra.local_cloud import deploy_locally, running, write_settings
from tests.e2e.conftest import ROOT, Left

README = (ROOT / "README.md").read_text("utf-8")
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
BIN = Path(sys.executable).parent

SETTINGS = "source var/serve/settings.sh\n"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def made() -> list[str]:
    """The targets of blocks that are one ``make`` command."""
    return re.findall(r"^```sh\nmake (\S+)\n```$", README, re.MULTILINE)


def walk() -> str:
    """The block of commands by hand."""
    (block,) = (block for block in blocks("sh") if SETTINGS in block)
    return block


def test_every_command_is_a_make_target_or_part_of_the_walk() -> None:
    assert sorted(made()) == ["demo", "serve", "test", "wheel"]
    assert len(blocks("sh")) == len(made()) + 1


@pytest.mark.parametrize(
    ("target", "recipe"),
    [
        ("demo", "$(BIN)/python -m infra.demo"),
        ("test", "$(BIN)/python -m pytest -n 3 --dist loadgroup --cov --cov-fail-under=100"),
        ("serve", "$(BIN)/python -m infra.local_cloud serve"),
        ("wheel", "$(BIN)/python -m build --wheel"),
    ],
)
def test_targets_run_what_tests_run(target: str, recipe: str) -> None:
    """The demo runs in test_demo.py, the local cloud in the walk below, the wheel's build in
    tests/proof/test_wheel.py; and this is a test."""
    match = re.search(rf"^{target}: .*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
    assert match is not None
    assert recipe in match[1]


def test_targets_named_in_the_text_are_in_the_help() -> None:
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True).stdout
    for target in set(re.findall(r"`make (\w+)`", README)) - {"help"} | set(made()):
        assert f"make {target} " in shown


def test_the_walk_runs_as_it_is_written(tmp_path: Path) -> None:
    (tmp_path / ".venv").symlink_to(BIN.parent)
    with running(tmp_path / "cloud") as cloud:
        settings = write_settings(deploy_locally(cloud), cloud)
        done = subprocess.run(
            ["bash", "-eu", "-c", walk().replace(SETTINGS, f"source {settings}\n")],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LANG": "C.UTF-8"},
            capture_output=True,
            text=True,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 document: 1 done, 0 rejected" in done.stdout
    assert "\nVALID\n" in done.stdout
    assert "revoked since" in done.stdout.split("\nINVALID\n")[1]
    assert done.stdout.count("everything that was read is right") == 2
    assert "2 rows in = 2 issued + 0 rejected" in done.stdout
    shown = done.stdout.split("2 rows in = 2 issued")[1]
    assert "有效" in shown
    assert "2003-04-17" not in shown
    assert len(list((tmp_path / "var/hand/issued/erased").glob("*.erasure.json"))) == 1
    proof = (tmp_path / "var/hand/diploma.tlog-proof").read_text()
    assert proof.startswith("c2sp.org/tlog-proof@v1\n")


def masked(text: str) -> list[str]:
    """The words of an output: numbers, sizes of columns, and addresses differ."""
    text = re.sub(r"https?://\S+", "URL", text)
    text = re.sub(r"0x[0-9a-fA-F]{40}", "ADDRESS", text)
    text = re.sub(r"\(the kernel gives it no network, ", "(", text)  # where it is allowed to
    text = re.sub(r"[0-9]+(\.[0-9]+)?", "N", text)
    return text.split()


def test_the_demo_prints_what_is_shown(left: Left) -> None:
    shown = next(block for block in blocks("text") if "tally notarise" in block)
    assert masked(left.printed.replace(str(left.out), "var/demo")) == masked(shown)


def test_links_lead_to_files() -> None:
    links = re.findall(r"\]\(([^)]+)\)", README)
    assert len(links) > 10
    for link in links:
        assert not urlsplit(link).scheme
        assert (ROOT / link).exists(), link


def test_the_table_names_every_room() -> None:
    rooms = {path.parent for path in (ROOT / "chalicelib").glob("*/__init__.py")}
    for room in rooms:
        assert f"({room.relative_to(ROOT)})" in README
