"""``BitLists``: a place is given once, and a list moves one version at a time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from chalicelib.notary.limits import ASK_MS
from chalicelib.notary.notices import Placed, Waiting
from chalicelib.notary.ports import Conflict, OutcomeUnknown
from chalicelib.notary.status.bit_lists import Allotment, BitList, BitLists, Form, ListId
from chalicelib.proof.hashes import sha256

from ..fakes import START_MS
from .stores import Stores
from .wire import Fault, Wire, answer_lost, done_but_reported_failed, failed, request_lost

ISSUER, OTHER = "did:web:a.example", "did:web:b.example"
SECRET, ANOTHER = bytes(range(32)), b"\xff" * 32
LIST = ListId(ISSUER, 3, 1)
WHOLE = BitList(
    id=LIST,
    statuses=sha256(b"1"),
    size=2**53 - 1,
    due_s=START_MS // 1000,
    forms={
        "": Form(Placed(sha256(b"2"), 9, 3), START_MS, Waiting(sha256(b"3"), bytes(4_000)), 1),
        "revocation": Form(waiting=Waiting(sha256(b"4"), b"\xd2\x84"), waiting_ms=START_MS),
        "suspension": Form(Placed(sha256(b"5"), 2**53 - 1, 2**52), 2**53 - 1),
    },
)
EMPTY = BitList(LIST)
FAULTS = (request_lost, answer_lost, done_but_reported_failed, failed)


@pytest.fixture
def lists(stores: Stores) -> BitLists:
    return stores.lists


def test_nothing_is_known_at_first(lists: BitLists) -> None:
    assert lists.allotment(ISSUER) is None
    assert lists.allotment("x" * 2_000) is None
    assert lists.allotments() == []
    assert lists.get(LIST) is None
    assert lists.get(ListId("x" * 2_000, 0)) is None
    assert lists.all() == []
    assert lists.asked() == {}


class TestPlaces:
    def test_they_are_given_one_after_the_other(self, lists: BitLists) -> None:
        assert lists.allot(ISSUER, 3, SECRET) == Allotment(ISSUER, SECRET, 3)
        assert lists.allot(ISSUER, 10_000, ANOTHER) == Allotment(ISSUER, SECRET, 10_003)
        assert lists.allotment(ISSUER) == Allotment(ISSUER, SECRET, 10_003)

    def test_each_issuer_has_its_own(self, lists: BitLists) -> None:
        lists.allot(OTHER, 1, ANOTHER)
        lists.allot(ISSUER, 2, SECRET)
        assert lists.allotments() == [Allotment(ISSUER, SECRET, 2), Allotment(OTHER, ANOTHER, 1)]

    @pytest.mark.parametrize("fault", FAULTS)
    def test_none_is_given_twice_whatever_is_lost(
        self, wired: tuple[Stores, Wire], fault: Fault
    ) -> None:
        lists, network = wired[0].lists, wired[1]
        assert lists.allot(ISSUER, 1, SECRET).places == 1
        network.meet("UpdateItem", fault)
        found = lists.allot(ISSUER, 10, ANOTHER)
        assert found.secret == SECRET
        assert found.places in (11, 21), "some are given to nobody if the first answer was lost"
        assert lists.allot(ISSUER, 1, ANOTHER).places == found.places + 1

    @pytest.mark.parametrize("fault", FAULTS)
    def test_a_first_secret_stays_whatever_is_lost(
        self, wired: tuple[Stores, Wire], fault: Fault
    ) -> None:
        lists, network = wired[0].lists, wired[1]
        network.meet("PutItem", fault)
        found = lists.allot(ISSUER, 10, SECRET)
        assert found.secret == SECRET
        assert lists.allot(ISSUER, 1, ANOTHER).secret == SECRET

    def test_what_stays_in_doubt_is_unknown(self, wired: tuple[Stores, Wire]) -> None:
        lists, network = wired[0].lists, wired[1]
        network.meet("UpdateItem", *[failed] * 10)
        with pytest.raises(OutcomeUnknown):
            lists.allot(ISSUER, 1, SECRET)
        network.mend()
        network.meet("PutItem", answer_lost, *[failed] * 9)
        with pytest.raises(OutcomeUnknown):
            lists.allot(ISSUER, 1, SECRET)

    def test_of_many_at_once_each_gets_its_own(self, wired: tuple[Stores, Wire]) -> None:
        lists = wired[0].lists
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda at: lists.allot(ISSUER, 2, bytes([at] * 32)), range(16)))
        assert len({each.secret for each in found}) == 1
        assert sorted(each.places for each in found) == list(range(2, 33, 2))


class TestLists:
    @pytest.mark.parametrize("known", [WHOLE, EMPTY], ids=["whole", "empty"])
    def test_what_is_known_comes_back_with_its_next_version(
        self, lists: BitLists, known: BitList
    ) -> None:
        lists.put(known)
        assert lists.get(LIST) == replace(known, version=1)
        lists.put(replace(EMPTY, version=1))
        assert lists.get(LIST) == replace(EMPTY, version=2)

    def test_a_write_from_another_version_is_refused(self, lists: BitLists) -> None:
        with pytest.raises(Conflict):
            lists.put(replace(WHOLE, version=1))
        lists.put(WHOLE)
        for version in (0, 2):
            with pytest.raises(Conflict):
                lists.put(replace(EMPTY, version=version))
        assert lists.get(LIST) == replace(WHOLE, version=1)

    def test_all_are_found(self, lists: BitLists) -> None:
        ids = [ListId(ISSUER, 0), ListId(ISSUER, 0, 1), ListId(OTHER, 0)]
        for id_ in ids:
            lists.put(BitList(id_))
        assert sorted(each.id for each in lists.all()) == ids
        assert lists.get(ListId(ISSUER, 1)) is None

    @pytest.mark.parametrize("fault", FAULTS)
    def test_a_write_whose_answer_is_lost_once_is_made_once(
        self, wired: tuple[Stores, Wire], fault: Fault
    ) -> None:
        lists, network = wired[0].lists, wired[1]
        network.meet("PutItem", fault)
        lists.put(WHOLE)
        network.meet("PutItem", fault)
        lists.put(replace(WHOLE, size=1, version=1))
        assert lists.get(LIST) == replace(WHOLE, size=1, version=2)

    def test_a_write_that_stays_in_doubt_is_unknown(self, wired: tuple[Stores, Wire]) -> None:
        lists, network = wired[0].lists, wired[1]
        network.meet("PutItem", answer_lost, *[failed] * 9)
        with pytest.raises(OutcomeUnknown):
            lists.put(WHOLE)
        network.mend()
        assert lists.get(LIST) == replace(WHOLE, version=1)


class TestWishes:
    def test_one_is_written_down_once_in_a_while(self, lists: BitLists) -> None:
        for now_ms in (START_MS, START_MS + 1, START_MS + ASK_MS - 1):
            lists.ask(LIST, "", now_ms)
        lists.ask(LIST, "revocation", START_MS + 1)
        lists.ask(ListId(OTHER, 0), "suspension", START_MS + 2)
        assert lists.asked() == {
            (LIST, ""): START_MS,
            (LIST, "revocation"): START_MS + 1,
            (ListId(OTHER, 0), "suspension"): START_MS + 2,
        }
        lists.ask(LIST, "", START_MS + ASK_MS)
        assert lists.asked()[LIST, ""] == START_MS + ASK_MS

    def test_one_may_be_lost_and_fails_nobody(self, wired: tuple[Stores, Wire]) -> None:
        lists, network = wired[0].lists, wired[1]
        network.meet("UpdateItem", *[failed] * 10)
        lists.ask(LIST, "", START_MS)
        network.mend()
        assert lists.asked() == {}


def test_lists_are_no_issuers_and_no_notices(stores: Stores) -> None:
    """They are in the same table."""
    stores.lists.allot(ISSUER, 1, SECRET)
    stores.lists.put(WHOLE)
    stores.lists.ask(LIST, "", START_MS)
    assert stores.registry.issuers() == []
    assert stores.notices.all() == []
    assert stores.notices.asked() == {}
