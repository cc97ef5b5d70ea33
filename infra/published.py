"""What the demo leaves behind: the log as it is served, and exactly the files that it promises."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from pathlib import Path

import httpx

from chalicelib.proof.checkpoint import Checkpoint, parse_checkpoint_text
from chalicelib.proof.limits import TILE_WIDTH
from chalicelib.proof.note import parse_note
from chalicelib.proof.tiles import Bundle, Tile

FOLDERS = ("documents", "receipts", "entries", "headers", "log", "credentials", "status")
FILES = ("policy.json", "log.vkey", "tsa.pem")
HEADERS = ("headers/eip155_31337.json", "headers/bip122_0f9188f13cb7b2c71f2a335e3a4fc328.json")
FORMS = ("receipt.json", "tlog-proof", "cose", "tsr")
TIMEOUT_S = 40.0


class WrongFiles(Exception):
    """The demo's directory is not as promised; the sentence names what is missing or too much."""


def empty_directory(out: Path) -> None:
    """Make ``out`` anew. Only an earlier demo is deleted: raises WrongFiles for anything else."""
    foreign = sorted({path.name for path in out.glob("*")} - {*FOLDERS, *FILES})
    if foreign or (out.exists() and not out.is_dir()):
        held = foreign[0] if foreign else "a file"
        raise WrongFiles(f"{out} holds {held}, which is no demo's: name another directory")
    for path in sorted(out.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    for folder in FOLDERS:
        (out / folder).mkdir(parents=True, exist_ok=True)


def fetch_log(url: str, place: Path) -> Checkpoint:
    """Copy the checkpoint and every tile and bundle of its tree, byte for byte as served.
    Raises WrongFiles, httpx.HTTPError."""
    with httpx.Client(timeout=TIMEOUT_S) as client:
        note = _fetch(client, url, place, "checkpoint")
        checkpoint = parse_checkpoint_text(parse_note(note).text)
        for path in log_paths(checkpoint.size):
            _fetch(client, url, place, path)
    return checkpoint


def _fetch(client: httpx.Client, url: str, place: Path, path: str) -> bytes:
    answer = client.get(f"{url}/{path}")
    if answer.status_code != httpx.codes.OK:
        raise WrongFiles(f"the service answers {answer.status_code} for {path}")
    target = place / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(answer.content)
    return answer.content


def log_paths(size: int) -> list[str]:
    """Every tile and bundle of the tree of ``size``, each as wide as that tree has it."""
    paths = [Bundle(index, width).path for index, width in _places(size)]
    level = 0
    while size:
        paths += [Tile(level, index, width).path for index, width in _places(size)]
        level, size = level + 1, size // TILE_WIDTH
    return paths


def _places(hashes: int) -> Iterator[tuple[int, int]]:
    """Index and width of each tile over so many hashes."""
    for index in range(hashes // TILE_WIDTH):
        yield index, TILE_WIDTH
    if rest := hashes % TILE_WIDTH:
        yield hashes // TILE_WIDTH, rest


def promised_files(names: Iterable[str], raw: Iterable[str], size: int) -> set[str]:
    """``raw`` are the names of those documents that are notarised as they are."""
    log = {"log/checkpoint", *(f"log/{path}" for path in log_paths(size))}
    promised = {*FILES, *HEADERS, *log, *(f"receipts/{name}.ots" for name in raw)}
    for name in names:
        promised |= {f"documents/{name}", f"entries/{name}.entry"}
        promised |= {f"receipts/{name}.{form}" for form in FORMS}
    return promised


def check_files(out: Path, promised: Set[str]) -> int:
    """The number of files, which are the promised ones and no others; raises WrongFiles."""
    found = {str(path.relative_to(out)) for path in out.rglob("*") if not path.is_dir()}
    for files, what in ((promised - found, "is missing"), (found - promised, "is too much")):
        if files:
            raise WrongFiles(f"{out}: {min(files)} {what} (one of {len(files)})")
    return len(found)
