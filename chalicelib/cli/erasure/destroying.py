"""Files destroyed as far as a program can: overwritten, flushed, and then removed.

File systems that write elsewhere (journals, snapshots, SSDs) and backups keep what was there:
docs/erasure.md says so. What was encrypted by the disk is gone with its key alone.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

from ..files import replace_file

_CHUNK = bytes(1 << 16)


def destroy_file(path: Path) -> None:
    """Overwrite and remove; a file that is not there is destroyed already."""
    try:
        with path.open("r+b") as file:
            _overwrite(file)
    except FileNotFoundError:
        return
    path.unlink()
    sync_directory(path.parent)


def rewrite_file(path: Path, data: bytes) -> None:
    """Put ``data`` in the place of a file in one step, and overwrite what was there."""
    with path.open("r+b") as old:
        replace_file(path, data)
        sync_directory(path.parent)
        _overwrite(old)


def _overwrite(file: BinaryIO) -> None:
    left = file.seek(0, os.SEEK_END)
    file.seek(0)
    while left > 0:
        left -= file.write(_CHUNK[:left])
    file.flush()
    os.fsync(file.fileno())


def sync_directory(path: Path) -> None:
    """Make what was renamed or removed there outlast a power cut."""
    if os.name == "posix":
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
