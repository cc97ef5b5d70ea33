"""Files: read with their names in every complaint, written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from ..proof.errors import Malformed
from ..proof.receipt import Receipt, parse_receipt
from .failure import Misused, Unfinished, Wrong

T = TypeVar("T")


def why(error: OSError) -> str:
    return error.strerror or type(error).__name__


def read_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Misused(f"cannot read {shown(path)}: {why(error)}") from error


def parse_file(path: Path, parse: Callable[[bytes], T]) -> T:
    """What ``parse`` makes of the file; a malformed one is named with what is wrong."""
    data = read_file(path)
    try:
        return parse(data)
    except Malformed as error:
        raise Wrong(f"{shown(path)}: {error}") from error


def parse_receipt_file(path: Path) -> Receipt:
    """The receipt in a file; whoever gave another file is asked."""
    try:
        return parse_receipt(read_file(path))
    except Malformed as error:
        raise Wrong(f"{shown(path)}: {error}. Is this a receipt (NAME.receipt.json)?") from error


def create_file(path: Path, data: bytes, mode: int) -> None:
    """Write a new file with these permissions; one that exists is never overwritten."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError as error:
        raise Misused(
            f"{shown(path)} exists and is not overwritten; choose another name"
        ) from error
    except OSError as error:
        raise Misused(f"cannot write {shown(path)}: {why(error)}") from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def replace_file(
    path: Path, data: bytes, temporary: Path | None = None, *, durable: bool = True
) -> None:
    """Put ``data`` at ``path`` in one step: a reader sees the old bytes or the new, never a part.

    ``temporary`` is on the same file system; without it the file's neighbour is used. Without
    ``durable`` a power cut soon after may leave neither.
    """
    temporary = temporary or path.with_name(f".{path.name[:200]}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise Unfinished(f"cannot write {shown(path)}: {why(error)}") from error


def shown(path: Path | str) -> str:
    """A file's name for people, whatever bytes it has."""
    return os.fsencode(path).decode(errors="replace")
