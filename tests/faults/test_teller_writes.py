"""Every write of the teller × every way in which it can fail: everything is told, and once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from chalicelib.notary.ports import OutcomeUnknown
from chalicelib.notary.webhooks.telling import tell_news
from tests.fakes import FAULTS, Fault, Killed, Lost, Tap, Tapped
from tests.notary.desk import registered, revoked, superseded
from tests.notary.telling import TellingDesk

FIRST, SECOND = registered(1), registered(2)
TOLD = Counter(
    {"document.registered": 4, "document.superseded": 1, "status.changed": 1, "job.done": 1}
)


@dataclass
class Stage:
    """Two endpoints of a tenant, and tellers that work for them."""

    desk: TellingDesk = field(default_factory=TellingDesk)

    def __post_init__(self) -> None:
        for name in "ab":
            self.desk.endpoint(name)

    def play(self, tap: Tap) -> None:
        """Three blocks, and after each a run through ``tap``; one that failed is followed by the
        next one."""
        desk = self.desk
        desk.submit(FIRST, SECOND)
        self.run(tap)
        desk.submit(superseded(FIRST, 1), revoked(SECOND, 2))
        self.run(tap)
        desk.submit_bulk([registered(3), registered(4)])
        self.run(tap)

    def run(self, tap: Tap) -> None:
        self.desk.drain()
        teller = self.desk.teller()
        tapped = Tapped("store", teller.store, tap)
        try:
            tell_news(replace(teller, store=tapped))
        except (Lost, OutcomeUnknown, Killed):
            tell_news(teller)

    def check(self) -> None:
        self.desk.tell()
        for name in "ab":
            assert Counter(self.desk.types(name)) == TOLD
        assert self.desk.store.told() == self.desk.head().block.height


def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the order of writes is always the same."""
    monkeypatch.setattr("chalicelib.notary.webhooks.telling.WEBHOOK_THREADS", 1)


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    one_thread(monkeypatch)


def writes() -> list[str]:
    stage, fault = Stage(), Fault()
    with pytest.MonkeyPatch.context() as patch:
        one_thread(patch)
        stage.play(fault)
    stage.check()
    return fault.names


WRITES = writes()


def test_the_table_has_every_kind_of_write() -> None:
    assert Counter(WRITES) == {"store.put": 2 * TOLD.total(), "store.advance": 3}


@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("at", range(len(WRITES)), ids=lambda at: f"{at}-{WRITES[at]}")
def test_everything_is_told_once(at: int, kind: str) -> None:
    stage, fault = Stage(), Fault(kind, at)
    stage.play(fault)
    assert fault.names[at] == WRITES[at], "the write it is named for"
    stage.check()


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("at", range(len(WRITES)), ids=lambda at: f"{at}-{WRITES[at]}")
def test_another_teller_runs_completely_at_one_write(at: int, when: str) -> None:
    stage, count = Stage(), 0

    def tap(name: str, write: Callable[[], object]) -> object:
        nonlocal count
        mine, count = count == at, count + 1
        if mine and when == "before":
            tell_news(stage.desk.teller())
        result = write()
        if mine and when == "after":
            tell_news(stage.desk.teller())
        return result

    stage.play(tap)
    stage.check()
