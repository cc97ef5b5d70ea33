"""The demo notices when something is not as it should be, and its verifier is really cut off."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from chalicelib.proof.tiles import Bundle, Tile, parse_tile_path
from infra.offline import Judged, Offline, OfflineError, Pair, verify_offline
from infra.published import (
    FOLDERS,
    WrongFiles,
    check_files,
    empty_directory,
    log_paths,
    promised_files,
)
from infra.stages import DemoError, call, call_json, expect
from infra.strangers import check_verdicts
from tests.e2e.conftest import ROOT, Left

Address = tuple[str, int]


@pytest.fixture
def listener() -> Iterator[Address]:
    """Something on this machine that a process with a network can reach."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()


# --- The process without network


@pytest.mark.parametrize(
    "attempt",
    [
        "import socket; socket.socket()",
        "import socket; socket.getaddrinfo('localhost', 80)",
        "import _socket; _socket.socket()",
        "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9')",
        "import subprocess; subprocess.run(['true'])",
        "import os; os.system('true')",
        "import os; os.fork()",
        "import os; os.posix_spawn('/bin/true', ['true'], {})",
    ],
)
def test_python_refuses_every_way_out(attempt: str) -> None:
    code = f"from infra.offline import refuse_network; refuse_network(); {attempt}"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert "infra.offline.NetworkRefused" in done.stderr


def test_a_namespace_with_a_network_is_noticed_before_anything_is_verified(
    listener: Address,
) -> None:
    order = {"service": listener, "policy": "none", "pairs": [["none", "none"]]}
    done = subprocess.run(
        [sys.executable, "-m", "infra.offline", "kernel"],
        cwd=ROOT,
        input=json.dumps(order),
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "the kernel's namespace has a network\n"


def test_an_address_that_never_answers_proves_nothing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address: Address = server.getsockname()
    with pytest.raises(OfflineError, match="does not answer even here"):
        verify_offline([], tmp_path / "policy.json", address)


def test_the_child_judges_as_tally_verify_does(
    left: Left, listener: Address, tmp_path: Path
) -> None:
    one, other = left.names[:2]
    broken = tmp_path / "broken.receipt.json"
    broken.write_bytes(b"{}\n")
    pairs = [
        Pair(left.document(one), left.receipt(one)),
        Pair(left.document(one), left.receipt(other)),
        Pair(left.document(one), broken),
        Pair(left.document("missing.json"), left.receipt(one)),
    ]
    offline = verify_offline(pairs, left.policy, listener)
    assert [judged.code for judged in offline.judged] == [0, 1, 1, 64]
    assert [list(judged.failed) for judged in offline.judged] == [[], ["document"], ["receipt"], []]
    assert offline.walls[-1] == "Python refuses every socket"


# --- Verdicts and commands that are not as expected


VALID = Judged(0, {}, {})
ALTERED = Judged(1, {"document": "its digests differ"}, {})


def test_the_verdicts_that_should_be(capsys: pytest.CaptureFixture[str]) -> None:
    check_verdicts(["a"], ["altered"], Offline((VALID, ALTERED), ()))
    assert "1 of 1 are valid" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("judged", "sentence"),
    [
        ((VALID,), "verdicts"),
        ((ALTERED, ALTERED), "for a: 1, where 0"),
        ((Judged(2, {}, {}), ALTERED), "for a: 2, where 0"),
        ((VALID, VALID), "for altered: 0, where 1"),
        ((VALID, Judged(2, {}, {})), "for altered: 2, where 1"),
        ((VALID, Judged(1, {"receipt": "unreadable"}, {})), "the checks that fail for altered"),
    ],
)
def test_any_other_verdict_is_named(judged: tuple[Judged, ...], sentence: str) -> None:
    with pytest.raises(DemoError, match=sentence):
        check_verdicts(["a"], ["altered"], Offline(judged, ()))


def test_a_count_that_is_wrong_is_named() -> None:
    expect("documents", 520, 520)
    with pytest.raises(DemoError, match="documents: 519, where 520 was expected"):
        expect("documents", 519, 520)


def test_a_command_that_fails_is_named_with_what_it_said(tmp_path: Path) -> None:
    with pytest.raises(DemoError, match="tally keys ended with 64: .*did:web"):
        call(("tally", "keys", "new", "--issuer", "x", "--out", tmp_path / "k"), {}, tmp_path)


def test_commands_see_nothing_of_our_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TALLY_URL", "https://elsewhere.example")
    with pytest.raises(DemoError, match="URL"):
        call_json(("tally", "audit"), {}, tmp_path)


# --- Files

PROMISED = promised_files(["a.json", "b.pdf"], ["b.pdf"], 3)


@pytest.fixture
def promised(tmp_path: Path) -> Path:
    out = tmp_path / "demo"
    empty_directory(out)
    for name in PROMISED:
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).touch()
    return out


def test_the_promised_files_are_counted(promised: Path) -> None:
    assert check_files(promised, PROMISED) == 21


def test_a_missing_file_is_named(promised: Path) -> None:
    (promised / "receipts/a.json.cose").unlink()
    with pytest.raises(WrongFiles, match=r"receipts/a.json.cose is missing"):
        check_files(promised, PROMISED)


def test_a_file_too_much_is_named(promised: Path) -> None:
    (promised / "receipts/.tally").touch()
    with pytest.raises(WrongFiles, match=r"receipts/.tally is too much"):
        check_files(promised, PROMISED)


def test_an_earlier_demo_is_deleted(promised: Path) -> None:
    (promised / "documents" / "link").symlink_to(promised.parent)
    empty_directory(promised)
    assert sorted(os.listdir(promised)) == sorted(FOLDERS)
    assert not [path for path in promised.rglob("*") if path.is_file()]


def test_anything_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    command = [sys.executable, "-m", "infra.demo", "--out", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert "holds thesis.txt" in done.stderr
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize("size", [1, 255, 256, 257, 522, 65_536, 65_793])
def test_every_tile_of_a_log_is_copied(size: int) -> None:
    places = [parse_tile_path(path) for path in log_paths(size)]
    assert sum(place.width for place in places if isinstance(place, Bundle)) == size
    hashes = {
        level: sum(p.width for p in places if isinstance(p, Tile) and p.level == level)
        for level in range(4)
    }
    assert hashes == {level: size >> 8 * level for level in range(4)}
