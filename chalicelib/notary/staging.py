"""The staging object: everything that applying a committed block needs, in one object.

``tally-staging/v1\\n``, the length of a JSON head as u32, the head, and the bytes of the objects
one after another. Its key names the SHA-256 of all that, so that it can neither be taken for that
of another attempt nor be read with a changed byte.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

from .batch import Plan, StoredObject
from .limits import STAGING_HEAD_BYTES
from .ports import Objects

_MAGIC = b"tally-staging/v1\n"
_LENGTH_BYTES = 4


class WrongStaging(Exception):
    """The bytes are not those that the key names."""


@dataclass(frozen=True, slots=True)
class Staged:
    """``objects`` yields what to write; ``done`` leaves pending, ``poison`` is set aside."""

    header: bytes
    done: list[str]
    poison: list[tuple[str, str]]
    _places: list[tuple[str, str, int]]
    _data: memoryview

    def objects(self) -> Iterator[StoredObject]:
        """One at a time, so that the batch is not twice in memory."""
        at = 0
        for bucket, key, length in self._places:
            assert bucket in ("tiles", "work")
            data = bytes(self._data[at : at + length])
            yield StoredObject("tiles" if bucket == "tiles" else "work", key, data)
            at += length


def format_staging(plan: Plan) -> bytes:
    head = json.dumps(
        {
            "header": plan.block.header.hex(),
            "done": plan.done,
            "poison": plan.poison,
            "objects": [(bucket, key, len(data)) for bucket, key, data in plan.objects],
        }
    ).encode()
    length = len(head).to_bytes(_LENGTH_BYTES, "big")
    return b"".join([_MAGIC, length, head, *(data for _, _, data in plan.objects)])


def staging_key(height: int, data: bytes) -> str:
    return f"staging/{height}-{sha256(data).hexdigest()}"


def parse_staging(key: str, data: bytes) -> Staged:
    """Read the staging object that was stored at ``key``; raises WrongStaging."""
    height = key.removeprefix("staging/").partition("-")[0]
    if staging_key(int(height), data) != key:
        raise WrongStaging(f"{key} holds {len(data)} bytes of another hash")
    return read_staged(data)


def read_staged(data: bytes) -> Staged:
    """Read bytes that ``format_staging`` wrote."""
    start, end = _head(data)
    head = json.loads(data[start:end])
    return Staged(
        header=bytes.fromhex(head["header"]),
        done=head["done"],
        poison=[(id_, reason) for id_, reason in head["poison"]],
        _places=[(bucket, name, length) for bucket, name, length in head["objects"]],
        _data=memoryview(data)[end:],
    )


def read_done(work: Objects, key: str) -> list[str] | None:
    """What left pending with a block, without reading its objects; None when the staging object is
    gone, as it is some time after the block was applied."""
    data = work.get_range(key, 0, STAGING_HEAD_BYTES)
    if data is None:
        return None
    start, end = _head(data)
    if end > len(data):
        data = work.get_range(key, 0, end)
        assert data is not None, "it was there a moment ago"
    done: list[str] = json.loads(data[start:end])["done"]
    return done


def _head(data: bytes) -> tuple[int, int]:
    """Where the JSON head begins and ends."""
    start = len(_MAGIC) + _LENGTH_BYTES
    return start, start + int.from_bytes(data[len(_MAGIC) : start], "big")
