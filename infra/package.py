"""Packages the service: Chalice's template completed, and a zip that starts fast.

The zip holds the locked dependencies of ``requirements.txt`` (wheels for Lambda's Linux, fetched
by uv and checked against their hashes), app.py and chalicelib without the commands for people.
The AWS SDK's data is cut to the services in use, and every module has its bytecode: both count at
a cold start. The same inputs give the same bytes.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .template import complete

ROOT = Path(__file__).resolve().parent.parent
VAR = ROOT / "var" / "package"
BIN = Path(sys.executable).parent
REGION = "us-east-1"

SERVICES = frozenset({"dynamodb", "kms", "s3", "sqs", "sts"})
"""Directories of botocore/data that stay."""

LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc", "cli")
EPOCH = (1980, 1, 1, 0, 0, 0)
OLDEST_RUNTIME = (3, 12)
"""Lambda's python3.11 has glibc 2.26; the wheels of cryptography want 2.28."""


class PackageError(Exception):
    """The package cannot be made; the sentence says what to do."""


@dataclass(frozen=True, slots=True)
class Package:
    """``code`` is the zip; ``template`` the completed template."""

    template: dict[str, Any]
    code: Path
    digest: str


def make_package(stage: str = "local") -> Package:
    """The package of what is checked out; made only when an input changed."""
    if stage == "prod" and sys.version_info < OLDEST_RUNTIME:
        raise PackageError(
            "Lambda's python3.11 is too old for the locked wheels: make the environment with"
            " Python 3.12 or newer (make clean setup PYTHON=python3.12)"
        )
    # On the local cloud a function is a process of this machine; on AWS arm64 costs less.
    machine = platform.machine() if stage == "local" else "aarch64"
    digest = _digest_inputs(stage, machine)
    home = VAR / f"{stage}-{digest}"
    if not (home / "template.json").exists():
        with _built_beside(home) as fresh:
            packaged = _run_chalice(stage, machine, fresh)
            _add_bytecode(fresh / "deployment.zip", fresh / "code.zip")
            _write(fresh / "template.json", complete(packaged, machine))
    template = json.loads((home / "template.json").read_text("utf-8"))
    return Package(template, home / "code.zip", digest)


@contextlib.contextmanager
def _built_beside(place: Path) -> Iterator[Path]:
    """A directory that becomes ``place`` when it is finished, so that nobody finds half of it."""
    fresh = place.with_name(f"{place.name}.{os.getpid()}")
    fresh.mkdir(parents=True)
    try:
        yield fresh
        with contextlib.suppress(OSError):  # another process was faster, with the same bytes
            fresh.rename(place)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _digest_inputs(stage: str, machine: str) -> str:
    digest = hashlib.sha256(f"{stage} {machine} {sys.version}".encode())
    for path in sorted(_inputs()):
        data = path.read_bytes()
        digest.update(f"{path.relative_to(ROOT)} {len(data)}\n".encode() + data)
    return digest.hexdigest()[:16]


def _inputs() -> Iterator[Path]:
    yield from (ROOT / "app.py", ROOT / "requirements.txt")
    yield from (ROOT / ".chalice").glob("*.json")
    yield from (ROOT / "infra").glob("*.yaml")
    yield from (ROOT / "infra" / name for name in ("package.py", "template.py", "gateway.py"))
    for path in (ROOT / "chalicelib").rglob("*"):
        inside = path.relative_to(ROOT / "chalicelib").parts
        if path.is_file() and "__pycache__" not in inside and inside[0] != "cli":
            yield path


def _run_chalice(stage: str, machine: str, home: Path) -> dict[str, Any]:
    project = home / "project"
    (project / ".chalice").mkdir(parents=True)
    for policy in (ROOT / ".chalice").glob("*.json"):
        shutil.copy(policy, project / ".chalice")
    shutil.copy(ROOT / "app.py", project)
    shutil.copytree(ROOT / "chalicelib", project / "chalicelib", ignore=LEFT_OUT)
    (project / "requirements.txt").touch()  # the dependencies are in vendor/
    (project / "vendor").symlink_to(_vendor(machine), target_is_directory=True)
    _run(
        [str(BIN / "chalice"), "package", "--stage", stage, str(home)],
        cwd=project,
        what="chalice package",
    )
    shutil.rmtree(project)
    packaged: dict[str, Any] = json.loads((home / "sam.json").read_text("utf-8"))
    return packaged


def _vendor(machine: str) -> Path:
    """The dependencies, unpacked and trimmed; made once for each lock file, Python and machine."""
    lock = (ROOT / "requirements.txt").read_bytes()
    digest = hashlib.sha256(
        f"{machine} {sys.version}".encode() + lock + Path(__file__).read_bytes()
    )
    vendor = VAR / f"vendor-{digest.hexdigest()[:16]}"
    if not vendor.exists():
        with _built_beside(vendor) as fresh:
            _fetch(fresh, machine)
            _trim(fresh)
            _compile(fresh, [fresh])
    return vendor


def _fetch(vendor: Path, machine: str) -> None:
    _run(
        [
            *(str(BIN / "uv"), "pip", "install", "--quiet", "--target", str(vendor)),
            *("--python", sys.executable, "--python-platform", f"{machine}-manylinux_2_28"),
            *("--require-hashes", "--only-binary", ":all:", "--link-mode", "copy"),
            *("--no-deps", "-r", str(ROOT / "requirements.txt")),
        ],
        cwd=ROOT,
        what="fetching the functions' dependencies",
    )


def _trim(vendor: Path) -> None:
    shutil.rmtree(vendor / "bin", ignore_errors=True)
    (vendor / ".lock").unlink(missing_ok=True)
    for path in (vendor / "botocore" / "data").iterdir():
        if path.is_dir() and path.name not in SERVICES:
            shutil.rmtree(path)
    for unused in ("data", "examples"):  # of boto3's resources; we use its clients alone
        shutil.rmtree(vendor / "boto3" / unused)
    for unused in ("benchmarks", "tests"):  # of those who check schemas
        for path in vendor.glob(f"*/{unused}"):
            shutil.rmtree(path)
    for examples in vendor.rglob("examples-1.json*"):
        examples.unlink()
    for record in vendor.glob("*.dist-info"):
        shutil.rmtree(record)


def _add_bytecode(source: Path, target: Path) -> None:
    """Rewrite the zip in order of name, with bytecode beside our modules and Chalice's too."""
    tree = target.with_suffix(".tree")
    with zipfile.ZipFile(source) as archive:
        archive.extractall(tree)
    _compile(tree, [tree / "app.py", tree / "chalicelib", tree / "chalice"])
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(path for path in tree.rglob("*") if path.is_file()):
            info = zipfile.ZipInfo(str(path.relative_to(tree)), EPOCH)
            info.external_attr = 0o644 << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, path.read_bytes())
    shutil.rmtree(tree)
    source.unlink()


def _compile(tree: Path, paths: list[Path]) -> None:
    """Unchecked: Lambda's files never change, and zips round their times."""
    _run(
        [
            *(sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"),
            *("-s", str(tree), "-p", "/var/task", *map(str, paths)),
        ],
        cwd=tree,
        what="compiling the functions' code",
    )


def _run(command: list[str], *, cwd: Path, what: str) -> None:
    environ = {
        **os.environ,
        "AWS_DEFAULT_REGION": REGION,
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    done = subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True)
    if done.returncode:
        raise PackageError(f"{what} failed:\n{done.stdout}{done.stderr}".rstrip())


def _write(path: Path, template: dict[str, Any]) -> None:
    path.write_text(json.dumps(template, separators=(",", ":")), "utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.package", description=__doc__)
    parser.add_argument("--stage", choices=["local", "prod"], default="local")
    parser.add_argument("--lint", action="store_true", help="run cfn-lint over the template")
    arguments = parser.parse_args()
    try:
        package = make_package(arguments.stage)
    except PackageError as error:
        print(error, file=sys.stderr)
        return 1
    if arguments.lint:
        command = [BIN / "cfn-lint", package.code.with_name("template.json")]
        return subprocess.run(command).returncode
    size = package.code.stat().st_size
    print(f"{package.code} ({size / 1e6:.1f} MB)\n{package.code.with_name('template.json')}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
