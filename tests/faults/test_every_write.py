"""The fault table: every write of the commit protocol × every way in which it can fail."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.fakes import FAULTS, Fault
from tests.faults.scenario import Stage, check, play_with


def writes() -> list[str]:
    """Every write of the scenario when nothing fails, counted where they happen."""
    stage, fault = Stage(), Fault()
    play_with(stage, fault)
    check(stage)
    assert stage.unmet() == []
    return fault.names


WRITES = writes()


def test_the_table_has_every_kind_of_write() -> None:
    kinds = {
        "chain.create",
        "chain.commit",
        "chain.seal",
        "chain.mark_applied",
        "pending.add",
        "pending.remove",
        "pending.set_aside",
        "jobs.create",
        "jobs.admit",
        "attempts.put",
        "tiles.swap checkpoint",
        "tiles.create tile/entries/",
        "tiles.create tile/0/",
        "work.create staging/",
        "work.create index/tail/",
        "work.create jobs/",
    }
    missing = {kind for kind in kinds if not any(name.startswith(kind) for name in WRITES)}
    assert missing == set()
    assert all(any(name.startswith(kind) for kind in kinds) for name in WRITES)
    assert sum(name.startswith("chain.commit") for name in WRITES) >= 4


def test_a_block_is_cosigned_then_published_then_readable() -> None:
    steps = ("chain.commit", "attempts.put", "tiles.swap checkpoint", "chain.seal")
    order = [step for name in WRITES for step in steps if name.startswith(step)]
    assert order == list(steps) * (len(order) // len(steps))


@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("at", range(len(WRITES)), ids=lambda at: f"{at}-{WRITES[at][:40]}")
def test_nothing_is_lost_and_nothing_twice(at: int, kind: str) -> None:
    stage = Stage()
    fault = Fault(kind, at)
    play_with(stage, fault)
    assert fault.names[at] == WRITES[at], "the fault hit the write that it is named for"
    check(stage)
    assert stage.unmet() == []


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("at", range(len(WRITES)), ids=lambda at: f"{at}-{WRITES[at][:40]}")
def test_another_sequencer_runs_completely_at_one_write(at: int, when: str) -> None:
    stage = Stage()
    count = 0

    def tap(name: str, write: Callable[[], object]) -> object:
        nonlocal count
        mine, count = count == at, count + 1
        if mine and when == "before":
            other()
        result = write()
        if mine and when == "after":
            other()
        return result

    def other() -> None:
        if stage.store.chain.head() is not None:
            stage.process().drain()

    play_with(stage, tap)
    check(stage)
    assert stage.unmet() == []


def test_another_sequencer_runs_completely_at_every_write() -> None:
    stage = Stage()

    def tap(name: str, write: Callable[[], object]) -> object:
        result = write()
        if stage.store.chain.head() is not None:
            stage.process().drain()
        return result

    play_with(stage, tap)
    check(stage)
    assert stage.unmet() == []
