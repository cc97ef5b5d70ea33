"""Every write of the publisher × every way in which it can fail: each state is registered once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from chalicelib.notary.audit import audit_store
from chalicelib.notary.entries import read_entries
from chalicelib.notary.ports import OutcomeUnknown
from chalicelib.notary.publish import publish
from chalicelib.proof.errors import Invalid
from chalicelib.proof.payload import IssuerNotice, StatusListNotice
from chalicelib.proof.statement import SignedStatement, parse_entry
from tests.fakes import FAULTS, Clock, Fault, Killed, Lost, Tap, memory_log, tapped
from tests.notary.desk import HOSPITAL, UNIVERSITY, registered, superseded
from tests.notary.publishing import PublishingDesk

DIPLOMAS = [registered(1), registered(2)]


@dataclass
class Stage:
    """A store, and publishers that work on it."""

    desk: PublishingDesk = field(
        default_factory=lambda: PublishingDesk(memory_log(), clock=Clock())
    )

    def play(self, tap: Tap) -> None:
        """An issuer's life, each run of the publisher through ``tap``; a run that failed is
        followed by the next one."""
        desk = self.desk
        desk.integrate(*DIPLOMAS)
        self.run(tap)
        desk.integrate(desk.change("suspend", DIPLOMAS[0], 1), superseded(DIPLOMAS[1], 2))
        self.run(tap)
        desk.rename(status="closed")
        desk.integrate(desk.change("revoke", DIPLOMAS[0], 1))
        self.run(tap)
        self.run(tap)

    def run(self, tap: Tap) -> None:
        desk = self.desk
        desk.clock.tick()
        try:
            publish(desk.publisher(tapped(desk.log, tap)))
        except (Lost, OutcomeUnknown, Killed):
            publish(desk.publisher())
        desk.clock.tick()
        desk.drain()

    def notices(self) -> list[IssuerNotice | StatusListNotice]:
        """Those in the log."""
        size = self.desk.head().block.size
        entries = read_entries(self.desk.log, range(size), size).values()
        parsed = [each for each in map(parse_entry, entries) if isinstance(each, SignedStatement)]
        payloads = [each.statement.payload for each in parsed]
        return [each for each in payloads if isinstance(each, IssuerNotice | StatusListNotice)]

    def check(self) -> None:
        desk = self.desk
        for _ in range(2):
            desk.round()
        assert desk.round() == 0, "all is said"
        audit_store(desk.log)
        notices = self.notices()
        documents = [each.sha256 for each in notices]
        assert len(documents) == len(set(documents)), "no state twice"
        profiles = [each for each in notices if isinstance(each, IssuerNotice)]
        assert sorted(each.issuer for each in profiles) == [UNIVERSITY, UNIVERSITY, HOSPITAL]
        assert [each.document for each in desk.notices().profiles] == [
            each.sha256 for each in profiles if each.issuer == UNIVERSITY
        ]
        changes = desk.list_of(desk.listed().newest).changes
        assert sorted(each.kind for each in changes) == ["revoke", "supersede", "suspend"]
        assert desk.profile(desk.receipt(DIPLOMAS[0])).status == "active"
        for diploma, fate in zip(DIPLOMAS, ("revoked", "superseded"), strict=True):
            with pytest.raises(Invalid, match=fate):
                desk.judge(diploma)


def writes() -> list[str]:
    stage, fault = Stage(), Fault()
    stage.play(fault)
    stage.check()
    return fault.names


WRITES = writes()


def test_the_table_has_every_kind_of_write() -> None:
    kinds = {
        "tiles.create issuers/",
        "tiles.create status/",
        "notices.put",
        "notices.advance",
        "pending.add",
    }
    assert {kind for kind in kinds if not any(name.startswith(kind) for name in WRITES)} == set()
    assert all(any(name.startswith(kind) for kind in kinds) for name in WRITES)


@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("at", range(len(WRITES)), ids=lambda at: f"{at}-{WRITES[at][:24]}")
def test_each_state_is_registered_once(at: int, kind: str) -> None:
    stage, fault = Stage(), Fault(kind, at)
    stage.play(fault)
    assert fault.names[at].split(" ")[0] == WRITES[at].split(" ")[0], "the write it is named for"
    stage.check()


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("at", range(len(WRITES)), ids=lambda at: f"{at}-{WRITES[at][:24]}")
def test_another_publisher_runs_completely_at_one_write(at: int, when: str) -> None:
    stage, count = Stage(), 0

    def tap(name: str, write: Callable[[], object]) -> object:
        nonlocal count
        mine, count = count == at, count + 1
        if mine and when == "before":
            publish(stage.desk.publisher())
        result = write()
        if mine and when == "after":
            publish(stage.desk.publisher())
        return result

    stage.play(tap)
    stage.check()
