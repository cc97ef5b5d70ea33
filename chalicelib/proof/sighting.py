"""What verified outside evidence says: that the block's hash existed at some time."""

from __future__ import annotations

from typing import NamedTuple


class Sighting(NamedTuple):
    """Somebody outside saw the block's hash between these times (POSIX milliseconds), as far as
    their clock can be believed. ``by`` says who, in words for people; ``chain`` is the CAIP-2 id
    of a chain, empty for others."""

    earliest_ms: int
    latest_ms: int
    by: str
    chain: str = ""
