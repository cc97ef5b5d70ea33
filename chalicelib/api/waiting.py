"""Waiting for integration, as long as the client prefers (RFC 7240 §4.3)."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

FIRST_S, GROWTH, LONGEST_S = 0.1, 1.3, 0.5
"""Pauses before each look: a look is a consistent read of one small item, which costs money, and
no batch is made sooner than the first."""


def poll(look: Callable[[], T | None], deadline: float) -> T | None:
    """What ``look`` finds until ``deadline`` (of the monotonic clock), else None."""
    pause = FIRST_S
    while (left := deadline - time.monotonic()) > 0:
        time.sleep(min(pause, left))
        found = look()
        if found is not None:
            return found
        pause = min(pause * GROWTH, LONGEST_S)
    return None
