"""The fault table for the index runs: the same scenario in a log whose runs are complete sooner.

With runs of 2^0, 2^4 and 2^8 leaves the scenario fills runs of the first level and merges them into
one of the second, as a log of 2^16 leaves does.
"""

from __future__ import annotations

import pytest

from chalicelib.notary import index
from tests.fakes import FAULTS, Fault
from tests.faults.scenario import Stage, check, play_with

LEVELS = {"FIRST_LEVEL": 0, "MIDDLE_LEVEL": 4, "LAST_LEVEL": 8}


def index_writes() -> list[tuple[int, str]]:
    """The writes of runs in the scenario when nothing fails, by their place among all writes."""
    with pytest.MonkeyPatch.context() as patch:
        for name, level in LEVELS.items():
            patch.setattr(index, name, level)
        stage, fault = Stage(), Fault()
        play_with(stage, fault)
        check(stage)
    runs = enumerate(fault.names)
    return [(at, name) for at, name in runs if name.startswith("work.create index/")]


WRITES = index_writes()


def test_the_table_has_runs_of_both_levels() -> None:
    names = [name for _, name in WRITES]
    assert sum(name.startswith("work.create index/0/") for name in names) > 16
    assert [name for name in names if name.startswith("work.create index/4/")] == [
        "work.create index/4/0"
    ]
    assert all(name.startswith(("work.create index/0/", "work.create index/4/")) for name in names)


@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize(("at", "name"), WRITES, ids=lambda each: str(each))
def test_nothing_is_lost_and_nothing_twice(
    monkeypatch: pytest.MonkeyPatch, at: int, name: str, kind: str
) -> None:
    for level, value in LEVELS.items():
        monkeypatch.setattr(index, level, value)
    stage = Stage()
    fault = Fault(kind, at)
    play_with(stage, fault)
    assert fault.names[at] == name, "the fault hit the write that it is named for"
    check(stage)
