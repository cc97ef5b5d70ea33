"""Admission of changes of status: what may follow what, and from when it may take effect."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.notary import life
from chalicelib.notary.admit import Refused
from chalicelib.notary.limits import AHEAD_S
from chalicelib.proof.errors import Invalid
from chalicelib.proof.payload import StatusChange
from chalicelib.proof.statement import entry_id, parse_statement
from tests.notary.desk import IAT, UNIVERSITY, registered, signed, superseded
from tests.notary.publishing import PublishingDesk

DIPLOMA = registered(1)


@pytest.fixture(params=["listed", "only-in-the-log", "without-a-notary"])
def desk(request: pytest.FixtureRequest) -> PublishingDesk:
    """With a registered diploma; ``know`` is how it learns what was integrated."""
    desk = PublishingDesk()
    if request.param == "without-a-notary":
        desk.log = replace(desk.log, notices=None)
    desk.integrate(DIPLOMA)
    if request.param == "listed":
        integrate = desk.integrate

        def integrate_and_list(*entries: bytes) -> None:
            integrate(*entries)
            desk.round()

        desk.integrate = integrate_and_list  # type: ignore[method-assign]
        desk.round()
    return desk


def refusal(desk: PublishingDesk, entry: bytes) -> str:
    with pytest.raises(Refused) as refused:
        desk.submit(entry)
    assert desk.log.pending.take(1) == [], "nothing was stored"
    return str(refused.value)


class TestOrder:
    @pytest.mark.parametrize("kind", ["suspend", "reinstate", "revoke"])
    def test_nothing_follows_a_revocation(self, desk: PublishingDesk, kind: str) -> None:
        revoke = desk.change("revoke", DIPLOMA, 1)
        desk.integrate(revoke)
        told = refusal(desk, desk.change(kind, DIPLOMA, 1))
        assert told == f"impossible-change: the target is revoked by {entry_id(revoke).hex()}"
        assert refusal(desk, superseded(DIPLOMA, 1)).startswith("impossible-change")

    def test_a_superseded_entry_names_the_newer_one(self, desk: PublishingDesk) -> None:
        newer = superseded(DIPLOMA, 1)
        desk.integrate(newer)
        told = refusal(desk, desk.change("revoke", DIPLOMA, 1))
        assert told == f"impossible-change: the target is superseded by {entry_id(newer).hex()}"
        desk.submit(desk.change("revoke", newer, 1))

    def test_no_second_suspension_and_no_reinstatement_without_one(
        self, desk: PublishingDesk
    ) -> None:
        told = refusal(desk, desk.change("reinstate", DIPLOMA, 1))
        assert told == "impossible-change: the target is not suspended"
        desk.integrate(desk.change("suspend", DIPLOMA, 1))
        desk.clock.tick()
        assert "suspended by" in refusal(desk, desk.change("suspend", DIPLOMA, 1))
        desk.integrate(desk.change("reinstate", DIPLOMA, 1))
        desk.clock.tick()
        desk.integrate(desk.change("suspend", DIPLOMA, 1))
        desk.submit(desk.change("revoke", DIPLOMA, 1))

    def test_a_reinstatement_does_not_reach_back_before_the_suspension(
        self, desk: PublishingDesk
    ) -> None:
        desk.integrate(desk.change("suspend", DIPLOMA, 1, IAT + 60))
        told = refusal(desk, desk.change("reinstate", DIPLOMA, 1, IAT + 59))
        assert told.startswith("impossible-change: the change before it takes effect later, at 20")
        desk.submit(desk.change("reinstate", DIPLOMA, 1, IAT + 60))

    def test_a_revocation_may_reach_back_before_a_suspension(self, desk: PublishingDesk) -> None:
        desk.integrate(desk.change("suspend", DIPLOMA, 1, IAT + 60))
        desk.submit(desk.change("revoke", DIPLOMA, 1, IAT + 1))

    def test_the_same_bytes_again_are_the_same_submission(self, desk: PublishingDesk) -> None:
        revoke = desk.change("revoke", DIPLOMA, 1)
        assert desk.submit(revoke, revoke) == [entry_id(revoke)] * 2
        desk.drain()
        assert desk.submit(revoke) == [entry_id(revoke)]

    def test_other_entries_have_lives_of_their_own(self, desk: PublishingDesk) -> None:
        desk.integrate(registered(2), desk.change("revoke", DIPLOMA, 1))
        desk.submit(desk.change("suspend", registered(2), 2))

    def test_a_bulk_is_in_the_order_of_its_items(self, desk: PublishingDesk) -> None:
        changes = [desk.change(kind, DIPLOMA, 1) for kind in ("suspend", "reinstate", "revoke")]
        job = desk.submit_bulk([changes[1], changes[0], changes[1], changes[2], changes[0]])
        assert (job.items, job.accepted) == (5, 3)


class TestTimes:
    def test_it_takes_effect_in_ten_minutes_at_the_latest(self, desk: PublishingDesk) -> None:
        now_s = desk.clock() // 1000
        told = refusal(desk, desk.change("revoke", DIPLOMA, 1, now_s + AHEAD_S + 1))
        assert told == "effective-in-future: effective is 601 s ahead of our clock: say it then"
        desk.submit(desk.change("revoke", DIPLOMA, 1, now_s + AHEAD_S))

    def test_and_from_the_registration_at_the_earliest(self, desk: PublishingDesk) -> None:
        told = refusal(desk, desk.change("revoke", DIPLOMA, 1, IAT - 1))
        assert told.startswith("effective-too-early: the target was registered at 2026-09-21T")
        desk.submit(desk.change("revoke", DIPLOMA, 1, IAT))

    def test_an_issuer_whose_clock_is_ahead_can_revoke_at_once(self, desk: PublishingDesk) -> None:
        payload = parse_statement(registered(2)).statement.payload
        ahead = signed(payload, 2, iat=IAT + AHEAD_S)
        desk.integrate(ahead)
        block_s = desk.receipt(ahead).registered.block.timestamp_ms // 1000
        assert block_s < IAT + AHEAD_S
        refusal(desk, desk.change("revoke", ahead, 2, block_s - 1))
        desk.submit(desk.change("revoke", ahead, 2, block_s))


class TestRaces:
    def test_of_two_rivals_the_first_in_the_log_counts(self) -> None:
        desk = PublishingDesk()
        desk.integrate(DIPLOMA)
        now_s = desk.clock() // 1000
        rivals = [
            signed(StatusChange("revoke", entry_id(DIPLOMA), reason, now_s), 1)
            for reason in ("misconduct", "other")
        ]
        desk.submit(*rivals)
        desk.clock.tick()
        desk.drain()
        desk.round()
        first = min(rivals, key=lambda entry: desk.receipt(entry).registered.proof.index)
        reason = "misconduct" if first == rivals[0] else "other"
        assert len(desk.status(desk.receipt(DIPLOMA)).changes) == 2
        with pytest.raises(Invalid, match=rf"\({reason}\)"):
            desk.judge(DIPLOMA)

    def test_admission_looks_back_only_so_far(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(life, "LIFE_ENTRIES", 1)
        desk = PublishingDesk()
        desk.integrate(DIPLOMA)
        desk.integrate(desk.change("revoke", DIPLOMA, 1))
        desk.integrate(registered(2))
        late = desk.change("suspend", DIPLOMA, 1)
        desk.integrate(late)
        desk.round()
        with pytest.raises(Invalid, match="revoked"):
            desk.judge(DIPLOMA)


class TestIssuers:
    @pytest.mark.parametrize("status", ["suspended", "closed"])
    def test_who_is_not_active_registers_nothing_but_may_still_revoke(
        self, desk: PublishingDesk, status: str
    ) -> None:
        desk.rename(status=status)
        told = refusal(desk, registered(2))
        assert told == f"issuer-not-active: {UNIVERSITY} is {status}: ask the operator"
        assert refusal(desk, superseded(DIPLOMA, 1)) == told
        desk.submit(desk.change("revoke", DIPLOMA, 1))
