"""Telling webhooks: everything that happens is told once, to those whose it is, and few things of
a large job."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest

from chalicelib.notary.entries import MissingObject
from chalicelib.notary.limits import (
    HEARTBEAT_MS,
    STAGING_HEAD_BYTES,
    TELL_MS,
)
from chalicelib.notary.log import StaleRestore
from chalicelib.notary.ports import Conflict, OutcomeUnknown, Single
from chalicelib.notary.staging import read_done
from chalicelib.notary.webhooks.endpoints import DISABLED
from chalicelib.notary.webhooks.telling import tell_news
from chalicelib.proof.hashes import sha256
from chalicelib.proof.payload import IssuerNotice
from tests.fakes import MemoryObjects
from tests.notary.desk import (
    HOSPITAL,
    NOTARY,
    UNIVERSITY,
    registered,
    revoked,
    signed,
    superseded,
)
from tests.notary.telling import OTHER, TellingDesk, id_of, many


@pytest.fixture
def desk() -> TellingDesk:
    return TellingDesk()


class TestEntries:
    def test_that_are_registered(self, desk: TellingDesk) -> None:
        desk.endpoint()
        entry = registered(1)
        desk.submit(entry)
        [block] = desk.drain()
        assert desk.tell() == 1
        [told] = desk.told()
        assert told.event.type == "document.registered"
        assert told.event.data == {"entry": id_of(entry), "issuer": UNIVERSITY, "index": 1}
        assert told.event.at_ms == block.timestamp_ms
        assert (told.tenant, told.state, told.due_ms) == ("cambrian", "due", desk.clock())

    def test_that_change_others(self, desk: TellingDesk) -> None:
        desk.endpoint()
        first, second = registered(1), registered(2)
        desk.submit(first, second)
        desk.drain()
        newer, revocation = superseded(first, 1), revoked(second, 2)
        desk.submit(newer, revocation)
        desk.drain()
        assert desk.tell() == 4
        found = {each.event.type: each.event.data for each in desk.told()}
        assert found["document.superseded"].items() >= {
            ("entry", id_of(newer)),
            ("target", id_of(first)),
        }
        assert found["status.changed"].items() >= {
            ("entry", id_of(revocation)),
            ("target", id_of(second)),
            ("kind", "revoke"),
        }

    def test_that_the_notary_registers_are_no_events(self, desk: TellingDesk) -> None:
        desk.endpoint()
        notice = signed(IssuerNotice(UNIVERSITY, sha256(b"profile")), 9, iss=NOTARY)
        desk.log.pending.add(Single(id_of(notice), notice, None))
        desk.drain()
        assert desk.tell() == 0

    def test_whose_issuer_is_nobodys_are_told_to_nobody(self, desk: TellingDesk) -> None:
        desk.endpoint()
        stray = signed(IssuerNotice(UNIVERSITY, sha256(b"x")), 9, iss="did:web:stray.example")
        desk.log.pending.add(Single(id_of(stray), stray, None))
        desk.drain()
        assert desk.tell() == 0

    def test_that_are_sent_again_are_no_news(self, desk: TellingDesk) -> None:
        """Also when the first telling is forgotten, as it is after a month."""
        desk.endpoint()
        entry = registered(1)
        desk.submit(entry)
        desk.drain()
        desk.tell()
        desk.store.rows.clear()
        desk.log.pending.add(Single(id_of(entry), entry, None))
        desk.submit(registered(2))
        desk.drain()
        assert desk.tell() == 1
        assert desk.told()[0].event.data["entry"] == id_of(registered(2))

    def test_of_which_there_are_many_are_all_told(self, desk: TellingDesk) -> None:
        """The head of their staging object is longer than what is read at first."""
        desk.endpoint()
        entries = many(STAGING_HEAD_BYTES // 64)
        desk.submit(*entries)
        desk.drain()
        assert desk.tell() == len(entries)
        assert {each.event.data["entry"] for each in desk.told()} == set(map(id_of, entries))


class TestWhoIsTold:
    def test_is_the_tenant_of_the_issuer_alone(self, desk: TellingDesk) -> None:
        desk.endpoint("a")
        desk.endpoint("b", OTHER)
        desk.submit(registered(1))
        desk.drain()
        assert desk.tell() == 1
        assert desk.told("b") == []

    def test_is_every_endpoint_that_wants_it(self, desk: TellingDesk) -> None:
        desk.endpoint("a")
        desk.endpoint("b", "cambrian", "document.registered")
        desk.endpoint("c", "cambrian", "status.changed")
        desk.submit(registered(1))
        desk.drain()
        assert desk.tell() == 2
        assert desk.told("c") == []

    def test_is_nobody_who_is_disabled(self, desk: TellingDesk) -> None:
        desk.endpoint("a", disabled=DISABLED)
        desk.endpoint("b")
        desk.submit(registered(1))
        desk.drain()
        assert desk.tell() == 1
        assert desk.told("a") == []

    def test_is_nobody_of_what_was_before_his_endpoint(self, desk: TellingDesk) -> None:
        desk.endpoint("a")
        desk.submit(registered(1))
        desk.drain()
        desk.endpoint("b", since=1)
        desk.submit(registered(2))
        desk.drain()
        assert desk.tell() == 3
        assert [each.event.data["entry"] for each in desk.told("b")] == [id_of(registered(2))]


class TestReading:
    def test_nothing_where_there_are_no_endpoints(
        self, desk: TellingDesk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        desk.submit(registered(1))
        desk.drain()
        desk.endpoint(disabled=DISABLED)
        nothing = replace(desk.teller(), log=None, registry=None)  # type: ignore[arg-type]
        assert tell_news(nothing) == 0
        assert desk.store.told() == 0

    def test_begins_where_the_first_endpoint_does(
        self, desk: TellingDesk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for number in range(3):
            desk.submit(registered(number))
            desk.drain()
        desk.endpoint(since=3)
        work = cast(MemoryObjects, desk.log.work)
        for key in [key for key in work.data if key.startswith("staging/")]:
            del work.data[key]
        desk.submit(registered(9))
        desk.drain()
        assert desk.tell() == 1
        assert desk.store.told() == 4

    def test_goes_on_where_the_last_run_ended(self, desk: TellingDesk) -> None:
        desk.endpoint()
        for number in range(3):
            desk.submit(registered(number))
            desk.drain()
            assert (desk.tell(), desk.tell(), desk.store.told()) == (1, 0, number + 1)

    def test_passes_over_heartbeats(self, desk: TellingDesk) -> None:
        desk.endpoint()
        desk.submit(registered(1))
        desk.drain()
        desk.clock.tick(HEARTBEAT_MS)
        desk.drain()
        assert (desk.tell(), desk.store.told()) == (1, 2)

    def test_passes_over_blocks_whose_staging_has_expired(self, desk: TellingDesk) -> None:
        desk.endpoint()
        desk.submit(registered(1))
        desk.drain()
        row = desk.head()
        del cast(MemoryObjects, desk.log.work).data[row.staging]
        assert read_done(desk.log.work, row.staging) is None
        assert (desk.tell(), desk.store.told()) == (0, 1)

    def test_stops_after_some_time_and_goes_on_in_the_next_run(self, desk: TellingDesk) -> None:
        desk.endpoint()
        for number in range(3):
            desk.submit(registered(number))
            desk.drain()
        advance = desk.store.advance

        def slow(before: int, after: int) -> None:
            advance(before, after)
            desk.clock.tick(TELL_MS)

        desk.store.advance = slow  # type: ignore[method-assign]
        assert [desk.tell() for _ in range(4)] == [1, 1, 1, 0]

    def test_stops_after_some_blocks(
        self, desk: TellingDesk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("chalicelib.notary.webhooks.telling.TELL_BLOCKS", 2)
        desk.endpoint()
        for number in range(3):
            desk.submit(registered(number))
            desk.drain()
        assert [desk.tell() for _ in range(3)] == [2, 1, 0]

    def test_leaves_out_a_block_that_cannot_be_read_by_everybody_yet(
        self, desk: TellingDesk
    ) -> None:
        desk.endpoint()
        desk.submit(registered(1))
        desk.drain()
        rows = desk.log.chain.rows  # type: ignore[attr-defined]
        sealed, rows[-1] = rows[-1], replace(rows[-1], checkpoint=b"", applied=False)
        assert (desk.tell(), desk.store.told()) == (0, 0)
        rows[-1] = sealed
        assert desk.tell() == 1

    def test_refuses_a_chain_that_is_older_than_what_was_told(self, desk: TellingDesk) -> None:
        desk.endpoint()
        desk.store.height = 5
        with pytest.raises(StaleRestore):
            desk.tell()

    def test_does_not_pass_over_what_is_lost(self, desk: TellingDesk) -> None:
        desk.endpoint()
        desk.submit(registered(1))
        desk.drain()
        tiles = cast(MemoryObjects, desk.log.tiles)
        for key in [key for key in tiles.data if key.startswith("tile/entries/")]:
            del tiles.data[key]
        with pytest.raises(MissingObject):
            desk.tell()
        assert desk.store.told() == 0

    @pytest.mark.parametrize("error", [Conflict, OutcomeUnknown])
    def test_leaves_the_rest_to_whoever_was_faster(
        self, desk: TellingDesk, error: type[Exception], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        desk.endpoint()
        for number in range(2):
            desk.submit(registered(number))
            desk.drain()

        def fail(before: int, after: int) -> None:
            raise error

        with monkeypatch.context() as patch:
            patch.setattr(desk.store, "advance", fail)
            assert desk.tell() == 1
        assert desk.tell() == 1, "the first is known by its id"
        assert len(desk.told()) == 2


def test_hospital_is_another_tenant(desk: TellingDesk) -> None:
    """What these tests rely on."""
    issuers = {UNIVERSITY: "cambrian", HOSPITAL: OTHER}
    assert {each: desk.registry.issuer(each).tenant for each in issuers} == issuers  # type: ignore[union-attr]
