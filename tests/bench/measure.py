"""Measuring: work side by side, round after round, and the median of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from time import process_time

Results = dict[str, float]


@dataclass(frozen=True, slots=True)
class Work:
    """``run`` does ``units`` of something with what ``prepare`` makes, which is not measured."""

    units: int
    run: Callable[[], object]
    prepare: Callable[[], object] = lambda: None


def median_us(rounds: int, works: Mapping[str, Work]) -> Results:
    """Microseconds of CPU per unit, the median of the rounds. Each round does every work once, so
    that whatever else the machine does falls on all of them alike."""
    spent: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            work.prepare()
            started = process_time()
            work.run()
            spent[name].append((process_time() - started) / work.units * 1e6)
    return {name: median(values) for name, values in spent.items()}
