"""The wheel ``tally-proof`` as a stranger gets it: built, and installed where nothing else is."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
UV = Path(sys.executable).with_name("uv")


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built wheel."""
    place = tmp_path_factory.mktemp("wheel")
    build = (sys.executable, "-m", "build", "--wheel", "--no-isolation")
    _run(*build, "--outdir", place, ROOT / "packaging" / "tally-proof")
    (built,) = place.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def empty_environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ``bin`` directory of an environment with the wheel and what it requires."""
    home = tmp_path_factory.mktemp("stranger") / "environment"
    _run(UV, "venv", "--quiet", "--python", sys.executable, home)
    constraints = ("--constraint", ROOT / "requirements.txt")
    _run(UV, "pip", "install", "--quiet", "--python", home / "bin" / "python", *constraints, wheel)
    return home / "bin"


def test_the_wheel_holds_every_module_of_the_proof_room(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if name.startswith("tally_proof/")}
    room = ROOT / "chalicelib" / "proof"
    modules = {f"tally_proof/{path.relative_to(room)}" for path in room.rglob("*.py")}
    assert packed == modules | {"tally_proof/LICENSE", "tally_proof/py.typed"}


def test_the_wheel_brings_neither_aws_nor_http(empty_environment: Path) -> None:
    python = empty_environment / "python"
    names = ["boto3", "botocore", "cbor2", "chalice", "httpx", "jwt", "chalicelib"]
    code = f"import importlib.util as u; print([n for n in {names} if u.find_spec(n)])"
    assert _run(python, "-c", code, cwd=empty_environment).strip() == "[]"


def test_the_command_explains_itself(empty_environment: Path) -> None:
    assert "--policy" in _run(empty_environment / "tally-verify", "--help")
    assert _run(empty_environment / "tally-verify", "--version") == "tally-verify 0.1.0\n"


@pytest.mark.parametrize(("name", "code"), [("good", 0), ("flipped-path", 1), ("unknown-key", 2)])
def test_the_command_verifies(
    empty_environment: Path, tmp_path: Path, name: str, code: int
) -> None:
    vector = json.loads((ROOT / "tests" / "vectors" / "receipt" / f"{name}.json").read_text())
    for part in ("document", "receipt"):
        (tmp_path / part).write_bytes(base64.b64decode(vector[part]))
    (tmp_path / "policy").write_text(json.dumps(vector["policy"]))
    command = [str(empty_environment / "tally-verify"), "document", "receipt", "--policy", "policy"]
    done = subprocess.run([*command, "--at", vector["at"]], cwd=tmp_path, capture_output=True)
    assert (done.returncode, done.stderr) == (code, b"")


def _run(*command: str | Path, cwd: Path = ROOT) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
