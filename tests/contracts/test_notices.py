"""``Notices``: what was registered about an issuer moves one version at a time, and only once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from chalicelib.notary.limits import ASK_MS
from chalicelib.notary.notices import IssuerNotices, Listed, Notices, Placed, Waiting
from chalicelib.notary.ports import Conflict, OutcomeUnknown
from chalicelib.proof.hashes import sha256

from ..fakes import START_MS
from .stores import Stores
from .wire import Fault, Wire, answer_lost, done_but_reported_failed, failed, request_lost

ISSUER, OTHER = "did:web:a.example", "did:web:b.example"
WHOLE = IssuerNotices(
    issuer=ISSUER,
    profiles=(Placed(sha256(b"1"), 7, 2), Placed(sha256(b"2"), 2**53 - 1, 2**52)),
    next_profile=Waiting(sha256(b"3"), b"\xd2\x84 a statement"),
    lists=(
        Listed("0", Placed(sha256(b"4"), 9, 3), Waiting(sha256(b"5"), bytes(4_000)), 2**53 - 1),
        Listed("ff", read_ms=START_MS, full=True),
    ),
)
OTHERWISE = (Listed(),)


@pytest.fixture
def notices(stores: Stores) -> Notices:
    return stores.notices


def test_nothing_is_known_at_first(notices: Notices) -> None:
    assert notices.get(ISSUER) is None
    assert notices.get("x" * 2_000) is None
    assert notices.all() == []
    assert notices.asked() == {}
    assert notices.height() == 0


@pytest.mark.parametrize("known", [WHOLE, IssuerNotices(ISSUER)], ids=["whole", "empty"])
def test_what_is_known_comes_back_with_its_next_version(
    notices: Notices, known: IssuerNotices
) -> None:
    notices.put(known)
    stored = replace(known, version=1)
    assert notices.get(ISSUER) == stored
    notices.put(replace(stored, lists=OTHERWISE))
    assert notices.get(ISSUER) == replace(known, lists=OTHERWISE, version=2)


def test_a_write_from_an_old_version_is_refused(notices: Notices) -> None:
    notices.put(WHOLE)
    with pytest.raises(Conflict):
        notices.put(replace(WHOLE, lists=OTHERWISE))
    notices.put(replace(WHOLE, version=1))
    for version in (1, 3):
        with pytest.raises(Conflict):
            notices.put(replace(WHOLE, lists=OTHERWISE, version=version))
    assert notices.get(ISSUER) == replace(WHOLE, version=2)


def test_a_first_write_of_a_later_version_is_refused(notices: Notices) -> None:
    with pytest.raises(Conflict):
        notices.put(replace(WHOLE, version=1))
    assert notices.get(ISSUER) is None


def test_issuers_are_listed_in_order(notices: Notices) -> None:
    for issuer in (OTHER, ISSUER):
        notices.put(IssuerNotices(issuer))
    assert [each.issuer for each in notices.all()] == [ISSUER, OTHER]


def test_the_height_moves_from_where_it_is(notices: Notices) -> None:
    notices.advance(0, 5)
    assert notices.height() == 5
    for before in (0, 4, 6):
        with pytest.raises(Conflict):
            notices.advance(before, 9)
    notices.advance(5, 9)
    assert notices.height() == 9


def test_a_height_that_was_never_stored_is_0(notices: Notices) -> None:
    with pytest.raises(Conflict):
        notices.advance(1, 5)
    assert notices.height() == 0


def test_a_wish_is_written_down_once_in_a_while(notices: Notices) -> None:
    for now_ms in (START_MS, START_MS + 1, START_MS + ASK_MS - 1):
        notices.ask(ISSUER, "", now_ms)
    notices.ask(ISSUER, "0f", START_MS + 1)
    notices.ask(OTHER, "", START_MS + 2)
    asked = {(ISSUER, ""): START_MS, (ISSUER, "0f"): START_MS + 1, (OTHER, ""): START_MS + 2}
    assert notices.asked() == asked
    notices.ask(ISSUER, "", START_MS + ASK_MS)
    assert notices.asked()[ISSUER, ""] == START_MS + ASK_MS


def test_notices_are_no_issuers(stores: Stores) -> None:
    """They are in the same table."""
    stores.notices.put(WHOLE)
    stores.notices.ask(ISSUER, "", START_MS)
    stores.notices.advance(0, 1)
    assert stores.registry.issuers() == []
    assert stores.registry.issuer(ISSUER) is None


class TestDoubt:
    """On the local cloud, with a network that loses requests and answers."""

    FAULTS = (request_lost, answer_lost, done_but_reported_failed, failed)

    @pytest.mark.parametrize("fault", FAULTS)
    def test_a_write_whose_answer_is_lost_once_is_made_once(
        self, wired: tuple[Stores, Wire], fault: Fault
    ) -> None:
        notices, network = wired[0].notices, wired[1]
        network.meet("PutItem", fault)
        notices.put(WHOLE)
        network.meet("PutItem", fault)
        notices.put(replace(WHOLE, version=1))
        network.meet("PutItem", fault)
        notices.advance(0, 5)
        network.meet("PutItem", fault)
        notices.advance(5, 9)
        assert notices.get(ISSUER) == replace(WHOLE, version=2)
        assert notices.height() == 9

    def test_a_write_that_somebody_else_made_is_a_conflict_even_then(
        self, wired: tuple[Stores, Wire]
    ) -> None:
        notices, network = wired[0].notices, wired[1]
        notices.put(WHOLE)
        notices.advance(0, 5)
        network.meet("PutItem", request_lost)
        with pytest.raises(Conflict):
            notices.put(replace(WHOLE, lists=OTHERWISE))
        network.meet("PutItem", request_lost)
        with pytest.raises(Conflict):
            notices.advance(0, 6)

    def test_a_write_that_stays_in_doubt_is_unknown(self, wired: tuple[Stores, Wire]) -> None:
        notices, network = wired[0].notices, wired[1]
        network.meet("PutItem", answer_lost, *[failed] * 9)
        with pytest.raises(OutcomeUnknown):
            notices.put(WHOLE)
        network.meet("PutItem", answer_lost, *[failed] * 9)
        with pytest.raises(OutcomeUnknown):
            notices.advance(0, 5)
        network.mend()
        assert notices.get(ISSUER) == replace(WHOLE, version=1)
        assert notices.height() == 5

    def test_a_wish_may_be_lost_and_fails_nobody(self, wired: tuple[Stores, Wire]) -> None:
        notices, network = wired[0].notices, wired[1]
        network.meet("UpdateItem", *[failed] * 10)
        notices.ask(ISSUER, "", START_MS)
        network.mend()
        assert notices.asked() == {}

    def test_of_many_at_once_one_writes(self, wired: tuple[Stores, Wire]) -> None:
        notices = wired[0].notices

        def write(size: int) -> int:
            try:
                notices.put(replace(WHOLE, lists=(Listed(size=size),)))
            except Conflict:
                return 0
            return size

        with ThreadPoolExecutor(8) as pool:
            won = [size for size in pool.map(write, range(1, 17)) if size]
        assert len(won) == 1
        assert notices.get(ISSUER) == replace(WHOLE, lists=(Listed(size=won[0]),), version=1)
