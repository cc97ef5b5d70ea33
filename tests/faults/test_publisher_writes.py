"""Every write of the publisher × every way in which it can fail: each state is registered once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from chalicelib.notary.audit import audit_store
from chalicelib.notary.entries import read_entries
from chalicelib.notary.ports import OutcomeUnknown
from chalicelib.notary.publish import publish
from chalicelib.notary.status.bit_lists import TOKEN, ListId, bits_key
from chalicelib.notary.status.served import serve_list
from chalicelib.proof.credentials.jose import parse_jws, parse_payload
from chalicelib.proof.credentials.status_list import REVOCATION
from chalicelib.proof.credentials.token_status_list import INVALID, VALID
from chalicelib.proof.errors import Invalid
from chalicelib.proof.payload import IssuerNotice, StatusListNotice
from chalicelib.proof.statement import SignedStatement, parse_entry
from tests.fakes import FAULTS, Clock, Fault, Killed, Lost, Tap, memory_log, tapped
from tests.notary.desk import HOSPITAL, UNIVERSITY
from tests.notary.listing import Lineage, ListingDesk

LISTS = [ListId(UNIVERSITY, 0), ListId(UNIVERSITY, 0, 1)]


@dataclass
class Stage:
    """A store, and publishers that work on it."""

    desk: ListingDesk = field(default_factory=lambda: ListingDesk(memory_log(), clock=Clock()))
    lineages: list[Lineage] = field(default_factory=list)

    def play(self, tap: Tap) -> None:
        """An issuer's life, each run of the publisher through ``tap``; a run that failed is
        followed by the next one."""
        desk = self.desk
        self.lineages = first, second = [desk.lineage() for _ in range(2)]
        desk.integrate(first.register(), second.register())
        desk.want(LISTS[0], TOKEN, REVOCATION)
        self.run(tap)
        desk.integrate(
            first.change("suspend", first.entries[0]), second.supersede(second.entries[0])
        )
        self.run(tap)
        desk.rename(status="closed")
        desk.want(LISTS[1])
        desk.integrate(first.change("revoke", first.entries[0]))
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
        diplomas = [each.entries[0] for each in self.lineages]
        assert desk.profile(desk.receipt(diplomas[0])).status == "active"
        for diploma, fate in zip(diplomas, ("revoked", "superseded"), strict=True):
            with pytest.raises(Invalid, match=fate):
                desk.judge(diploma)
        lists = [each for each in notices if isinstance(each, StatusListNotice)]
        self.check_lists([each for each in lists if "/lists/" in each.list])

    def check_lists(self, notices: list[StatusListNotice]) -> None:
        """What is served says it all, and every version that was registered is there."""
        desk = self.desk
        first, second = self.lineages
        values = [desk.value(first), desk.value(second), desk.value(second, 1)]
        assert values == [INVALID, INVALID, VALID]
        assert [each.id for each in desk.lists.all()] == LISTS
        assert not any(each.waiting for each in desk.lists.all())
        documents = {each.sha256: desk.document(bits_key(each.sha256)) for each in notices}
        said = [
            (each.list, parse_payload(parse_jws(documents[each.sha256].decode()).payload))
            for each in notices
            if each.list.endswith(("/lists/0", "/lists/0-1"))
        ]
        states = [(url, str(claims["status_list"])) for url, claims in said]
        assert len(states) == len(set(states)), "no state twice"
        for id_, forms in zip(LISTS, ([TOKEN, REVOCATION], [TOKEN]), strict=True):
            assert list(desk.known(id_).forms) == forms
            for form in forms:
                served = serve_list(desk.log, id_, form, desk.clock())
                assert served.document in documents.values()


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
        "tiles.create lists/",
        "notices.put",
        "lists.put",
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
