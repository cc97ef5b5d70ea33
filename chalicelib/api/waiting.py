"""Waiting for integration, as long as the client prefers (RFC 7240 §4.3)."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

FIRST_S, GROWTH, LONGEST_S = 0.05, 1.3, 0.5
"""Pauses between two looks: a look is one consistent read of one small item, which costs money."""


def poll(look: Callable[[], T | None], deadline: float) -> T | None:
    """What ``look`` finds until ``deadline`` (of the monotonic clock), else None; it looks once at
    least."""
    pause = FIRST_S
    while (found := look()) is None and (left := deadline - time.monotonic()) > 0:
        time.sleep(min(pause, left))
        pause = min(pause * GROWTH, LONGEST_S)
    return found
