"""Publishing: what the notary registers about issuers, when, and how receipts carry it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from chalicelib.notary import changes as reading
from chalicelib.notary import publish as publishing
from chalicelib.notary.admit import Refused
from chalicelib.notary.limits import (
    ASK_MS,
    PAGE_DOCUMENT_BYTES,
    STATUS_RENEW_MS,
)
from chalicelib.notary.log import StaleRestore
from chalicelib.notary.notices import IssuerNotices, Notary, list_url
from chalicelib.notary.ports import Conflict, OutcomeUnknown
from chalicelib.notary.publish import Publisher, publish, register_notary, untold
from chalicelib.notary.published import ask_for_lists
from chalicelib.notary.receipts import job_receipts, locate, receipt_of
from chalicelib.proof.entry_status import parse_entry_status
from chalicelib.proof.errors import CannotTell, Invalid
from chalicelib.proof.issuer_profile import Accreditation
from chalicelib.proof.limits import STATUS_BYTES
from chalicelib.proof.statement import entry_id, parse_statement
from tests.fakes import START_MS, MemoryNotices, MemoryRegistry, key_named
from tests.notary.desk import (
    HOSPITAL,
    IAT,
    NOTARY,
    UNIVERSITY,
    Desk,
    issuer_of,
    registered,
    signed,
    superseded,
)
from tests.notary.publishing import PublishingDesk

DIPLOMA = registered(1)


@pytest.fixture
def desk() -> PublishingDesk:
    """With a registered diploma, and everything that the publisher had to say about it."""
    desk = PublishingDesk()
    desk.integrate(DIPLOMA)
    desk.round()
    return desk


class TestRegisteringTheNotary:
    def test_its_key_is_good_from_the_newest_block_on(self) -> None:
        desk, registry = PublishingDesk(), MemoryRegistry()
        desk.integrate(DIPLOMA)
        issuer = register_notary(desk.notary, registry, desk.log)
        assert registry.issuer(NOTARY) == issuer
        assert (issuer.id, issuer.notary) == (NOTARY, True)
        assert issuer.keys[0].key == desk.notary.signer.public
        assert issuer.keys[0].from_ms == desk.head().block.timestamp_ms

    def test_doing_it_again_changes_nothing(self) -> None:
        desk, registry = PublishingDesk(), MemoryRegistry()
        first = register_notary(desk.notary, registry, desk.log)
        desk.integrate(DIPLOMA)
        assert register_notary(desk.notary, registry, desk.log) == first

    def test_a_new_key_stands_beside_the_old_one(self) -> None:
        desk, registry = PublishingDesk(), MemoryRegistry()
        first = register_notary(desk.notary, registry, desk.log)
        rotated = replace(desk.notary, signer=key_named("the next key"))
        keys = register_notary(rotated, registry, desk.log).keys
        assert keys[:1] == first.keys
        assert [each.key for each in keys[1:]] == [rotated.signer.public]

    def test_before_that_nothing_is_published(self) -> None:
        desk = PublishingDesk(registry=MemoryRegistry(issuer_of(UNIVERSITY, "cambrian")))
        desk.integrate(DIPLOMA)
        assert desk.publish() == 0
        assert desk.receipt(DIPLOMA).issuer is None

    def test_notaries_sign_with_random_lineages(self) -> None:
        notary = Notary(NOTARY, key_named(NOTARY), key_named("lists"))
        assert notary.about_profile(UNIVERSITY, b"", 0) != notary.about_profile(UNIVERSITY, b"", 0)


class TestProfiles:
    def test_each_issuer_but_the_notary_gets_a_profile_and_a_list_at_once(self) -> None:
        desk = PublishingDesk()
        assert desk.round() == 4
        assert desk.log.notices is not None
        assert [each.issuer for each in desk.log.notices.all()] == [UNIVERSITY, HOSPITAL]
        assert desk.round() == 0
        assert desk.round() == 0

    def test_a_receipt_carries_the_profile(self, desk: PublishingDesk) -> None:
        profile = desk.profile(desk.receipt(DIPLOMA))
        assert profile.id == UNIVERSITY
        assert [key.key for key in profile.keys] == [key_named(UNIVERSITY).public]

    def test_a_waiting_profile_is_there_as_soon_as_it_is_in_the_log(self) -> None:
        desk = PublishingDesk()
        desk.integrate(DIPLOMA)
        desk.publish()
        assert desk.receipt(DIPLOMA).issuer is None
        desk.drain()
        assert desk.receipt(DIPLOMA).issuer is not None
        assert desk.notices().next_profile is not None, "nobody has written it down yet"
        desk.publish()
        assert desk.notices().next_profile is None

    def test_a_changed_issuer_gets_a_new_profile_once(self, desk: PublishingDesk) -> None:
        desk.rename(names={"en": "Ordovician University", "zh": "奥陶纪大学"})
        assert desk.round() == 1
        assert desk.round() == 0
        assert len(desk.notices().profiles) == 2

    def test_the_profile_of_the_day_stays_with_what_was_registered_then(
        self, desk: PublishingDesk
    ) -> None:
        desk.integrate(registered(2))
        desk.rename(status="closed")
        desk.round()
        assert desk.profile(desk.receipt(registered(2))).status == "active"
        desk.rename(status="active", names={"en": "Merged University", "zh": "合并大学"})
        desk.round()
        desk.integrate(registered(3))
        desk.publish()
        assert desk.profile(desk.receipt(registered(2))).names["en"] == UNIVERSITY
        assert desk.issuer_at_registration(registered(3)).startswith("Merged University")

    def test_what_is_older_than_every_profile_has_the_first(self, desk: PublishingDesk) -> None:
        desk.rename(status="closed")
        desk.round()
        desk.publish()
        assert desk.profile(desk.receipt(DIPLOMA)).status == "active"

    def test_bad_news_of_a_profile_that_came_later_is_no_news(self) -> None:
        desk = PublishingDesk()
        desk.integrate(DIPLOMA)
        desk.rename(status="closed")
        desk.round()
        with pytest.raises(CannotTell):
            desk.issuer_at_registration(DIPLOMA)

    def test_accreditation_is_that_of_the_day(self) -> None:
        desk = PublishingDesk()
        ended = Accreditation("Register", "1", 0, to_ms=START_MS)
        desk.rename(accreditations=(ended,))
        desk.round()
        desk.integrate(DIPLOMA)
        with pytest.raises(Invalid, match="no accreditation"):
            desk.issuer_at_registration(DIPLOMA)
        desk.rename(accreditations=(ended, Accreditation("Register", "2", START_MS)))
        desk.round()
        desk.integrate(registered(2))
        assert desk.issuer_at_registration(registered(2)).endswith("accredited by Register as 2")

    def test_an_issuer_that_cannot_be_told_of_holds_up_no_other(self) -> None:
        desk = PublishingDesk()
        desk.rename(names={"en": "Two\nLines", "zh": ""})
        assert desk.round() == 3
        [(issuer, problem)] = desk.told
        assert issuer == UNIVERSITY
        assert problem.startswith("malformed-profile: ")
        assert desk.notices().profiles == ()
        assert len(desk.notices(HOSPITAL).profiles) == 0
        desk.round()
        assert len(desk.notices(HOSPITAL).profiles) == 1

    def test_a_change_waits_for_the_profile_before_it(self) -> None:
        desk = PublishingDesk()
        desk.publish()
        desk.rename(status="suspended")
        assert desk.publish() == 0
        desk.drain()
        desk.round()
        assert len(desk.notices().profiles) == 1
        desk.publish()
        assert len(desk.notices().profiles) == 2


class TestLists:
    def test_an_entry_without_changes_is_good(self, desk: PublishingDesk) -> None:
        assert desk.judge(DIPLOMA).startswith("it was good at")

    def test_valid_before_the_revocation_and_not_from_then_on(self, desk: PublishingDesk) -> None:
        before_ms = desk.clock()
        desk.clock.tick(60_000)
        desk.integrate(desk.change("revoke", DIPLOMA, 1))
        assert desk.round() == 1
        assert "; revoked since" in desk.judge(DIPLOMA, before_ms)
        with pytest.raises(Invalid, match="revoked since"):
            desk.judge(DIPLOMA)

    def test_the_newer_entry_is_named_and_good(self, desk: PublishingDesk) -> None:
        newer = superseded(DIPLOMA, 1)
        desk.integrate(newer)
        desk.round()
        with pytest.raises(Invalid, match=entry_id(newer).hex()):
            desk.judge(DIPLOMA)
        assert desk.judge(newer).startswith("it was good")
        [change] = desk.status(desk.receipt(DIPLOMA)).changes
        assert change.effective == desk.receipt(newer).registered.block.timestamp_ms // 1000

    def test_changes_stand_in_the_order_of_the_log(self, desk: PublishingDesk) -> None:
        desk.integrate(desk.change("suspend", DIPLOMA, 1))
        desk.round()
        desk.integrate(desk.change("reinstate", DIPLOMA, 1))
        desk.integrate(desk.change("revoke", DIPLOMA, 1))
        desk.round()
        status = desk.status(desk.receipt(DIPLOMA))
        assert [each.kind for each in status.changes] == ["suspend", "reinstate", "revoke"]
        assert status.size == desk.log.readable().block.size - 2, "all but its own block"

    def test_a_list_is_made_only_when_there_is_news(self, desk: PublishingDesk) -> None:
        desk.integrate(registered(2))
        assert desk.round() == 0
        desk.integrate(desk.change("suspend", DIPLOMA, 1))
        assert desk.round() == 1
        assert desk.round() == 0

    def test_one_that_waits_is_replaced_by_a_newer_one(self, desk: PublishingDesk) -> None:
        desk.integrate(desk.change("suspend", DIPLOMA, 1))
        desk.publish()
        desk.step(1)
        desk.submit(desk.change("reinstate", DIPLOMA, 1))
        desk.drain()
        desk.publish()
        desk.drain()
        assert desk.judge(DIPLOMA).startswith("it was good")
        assert len(desk.status(desk.receipt(DIPLOMA)).changes) == 2

    def test_a_list_has_changes_once_however_often_they_are_read(
        self, desk: PublishingDesk
    ) -> None:
        desk.integrate(desk.change("suspend", DIPLOMA, 1))
        desk.round()
        assert isinstance(desk.log.notices, MemoryNotices)
        desk.log.notices.read = 0
        assert desk.round() == 0
        desk.integrate(desk.change("reinstate", DIPLOMA, 1))
        desk.log.notices.read = 0
        desk.round()
        assert len(desk.status(desk.receipt(DIPLOMA)).changes) == 2

    def test_an_issuer_whose_name_looks_like_a_change_is_none(self) -> None:
        odd = "did:web:ftarget.example"
        desk = PublishingDesk()
        desk.registry.put_issuer(issuer_of(odd, "cambrian"))
        payload = parse_statement(DIPLOMA).statement.payload
        desk.integrate(signed(payload, 2, iss=odd))
        desk.round()
        assert desk.list_of(desk.listed(odd).newest).changes == ()

    def test_receipts_of_changes_have_no_status(self, desk: PublishingDesk) -> None:
        revoke = desk.change("revoke", DIPLOMA, 1)
        desk.integrate(revoke)
        desk.round()
        receipt = desk.receipt(revoke)
        assert receipt.issuer is not None
        assert receipt.status is None

    def test_an_issuer_that_left_the_registry_keeps_its_list(self, desk: PublishingDesk) -> None:
        desk.integrate(desk.change("revoke", DIPLOMA, 1))
        desk.registry = MemoryRegistry(issuer_of(NOTARY, "cambrian", notary=True))
        assert desk.round() == 1
        with pytest.raises(Invalid, match="revoked"):
            desk.judge(DIPLOMA)

    def test_a_list_that_is_full_says_nothing_more(
        self, desk: PublishingDesk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        desk.integrate(desk.change("suspend", DIPLOMA, 1))
        monkeypatch.setattr("chalicelib.proof.entry_status.STATUS_BYTES", 200)
        desk.publish()
        assert desk.told == [
            (UNIVERSITY, "status-list-full: the list of 1 changes has more than 200 bytes")
        ]
        assert desk.listed().full
        monkeypatch.setattr("chalicelib.proof.entry_status.STATUS_BYTES", STATUS_BYTES)
        desk.clock.tick(STATUS_RENEW_MS * 2)
        ask_for_lists(desk.log, [desk.receipt(DIPLOMA)], desk.clock())
        assert desk.round() == 0
        with pytest.raises(CannotTell):
            desk.judge(DIPLOMA)

    def test_what_is_read_last_is_before_any_later_block(
        self, desk: PublishingDesk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A block that is committed meanwhile, and not yet readable, may hold what is not read."""
        desk.clock.tick(STATUS_RENEW_MS)
        desk.submit(desk.change("revoke", DIPLOMA, 1))
        committed_ms = desk.clock()
        with monkeypatch.context() as patch:
            patch.setattr(desk.log.chain, "seal", fail)
            with pytest.raises(OutcomeUnknown):
                desk.drain()
        desk.clock.tick(STATUS_RENEW_MS * 2)
        ask_for_lists(desk.log, [desk.receipt(DIPLOMA)], desk.clock())
        assert desk.publish() == 1
        assert desk.listed().read_ms < committed_ms

    def test_a_chain_that_was_restored_to_before_what_was_published_is_refused(
        self, desk: PublishingDesk
    ) -> None:
        assert isinstance(desk.log.notices, MemoryNotices)
        desk.log.notices.read = desk.head().block.height + 1
        with pytest.raises(StaleRestore, match="lists hold changes up to block"):
            desk.publish()

    def test_a_receipt_of_a_restored_chain_lacks_what_it_does_not_hold(
        self, desk: PublishingDesk
    ) -> None:
        desk.publish()
        other = Desk(registry=desk.registry)
        other.submit(DIPLOMA)
        other.drain()
        log = replace(other.log, notices=desk.log.notices)
        receipt = receipt_of(log, locate(log, entry_id(DIPLOMA).hex()))
        assert (receipt.issuer, receipt.status) == (None, None)


def fail(*_: object) -> None:
    raise OutcomeUnknown("the answer was lost")


class TestRenewing:
    def test_an_old_list_is_renewed_when_it_was_wanted(self, desk: PublishingDesk) -> None:
        desk.clock.tick(STATUS_RENEW_MS)
        assert desk.round() == 0
        ask_for_lists(desk.log, [desk.receipt(DIPLOMA)], desk.clock())
        assert desk.round() == 1
        assert desk.round() == 0
        assert desk.judge(DIPLOMA, desk.clock() + 290_000).startswith("it was good")

    def test_a_fresh_list_is_not_asked_for(self, desk: PublishingDesk) -> None:
        assert isinstance(desk.log.notices, MemoryNotices)
        ask_for_lists(desk.log, [desk.receipt(DIPLOMA)], desk.clock())
        assert desk.log.notices.asked() == {}

    def test_a_receipt_whose_list_is_not_yet_there_asks_for_it_as_a_whole(self) -> None:
        desk = PublishingDesk()
        desk.integrate(DIPLOMA)
        desk.publish()
        ask_for_lists(desk.log, [desk.receipt(DIPLOMA)], START_MS)
        ask_for_lists(desk.log, [desk.receipt(DIPLOMA)], START_MS + ASK_MS - 1)
        assert desk.log.notices is not None
        assert desk.log.notices.asked() == {(UNIVERSITY, ""): START_MS}

    def test_a_first_list_is_not_asked_for(self) -> None:
        desk = PublishingDesk()
        desk.integrate(DIPLOMA)
        ask_for_lists(desk.log, [desk.receipt(DIPLOMA)], START_MS)
        assert desk.log.notices is not None
        assert desk.log.notices.asked() == {}

    def test_nobody_is_asked_where_there_is_no_notary(self, desk: PublishingDesk) -> None:
        ask_for_lists(replace(desk.log, notices=None), [desk.receipt(DIPLOMA)], desk.clock())

    def test_of_changes_of_status_nobody_asks_what_became_of_them(
        self, desk: PublishingDesk
    ) -> None:
        revoke = desk.change("revoke", DIPLOMA, 1)
        desk.integrate(revoke)
        desk.clock.tick(STATUS_RENEW_MS)
        ask_for_lists(desk.log, [desk.receipt(revoke)], desk.clock())
        assert desk.log.notices is not None
        assert desk.log.notices.asked() == {}

    def test_while_nothing_is_integrated_the_same_list_is_not_registered_again(self) -> None:
        desk = PublishingDesk()
        desk.integrate(DIPLOMA)
        desk.publish()
        first = desk.listed().next_status
        desk.clock.tick(STATUS_RENEW_MS)
        ask_for_lists(desk.log, [desk.receipt(DIPLOMA)], desk.clock())
        assert desk.publish() == 0
        assert desk.listed().next_status == first


class TestManyEntries:
    def test_one_run_reads_only_so_many_and_says_no_more_than_it_read(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(reading, "PUBLISH_ENTRIES", 3)
        monkeypatch.setattr(reading, "PUBLISH_CHUNK", 2)
        desk = PublishingDesk()
        desk.integrate(DIPLOMA)
        desk.integrate(registered(2))
        desk.clock.tick(60_000)
        desk.integrate(desk.change("revoke", DIPLOMA, 1))
        revoked_ms = desk.head().block.timestamp_ms
        desk.clock.tick(600_000)
        desk.round()
        assert desk.judge(DIPLOMA, revoked_ms - 1).startswith("it was good")
        with pytest.raises(CannotTell):
            desk.judge(DIPLOMA)
        desk.round()
        with pytest.raises(Invalid, match="revoked"):
            desk.judge(DIPLOMA)

    def test_a_page_of_receipts_carries_papers_that_were_read_once(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        desk = PublishingDesk()
        job = desk.submit_bulk([registered(number) for number in range(20)])
        desk.drain()
        desk.round()
        reads: list[str] = []
        get = desk.log.tiles.get

        def counted(key: str) -> bytes | None:
            reads.append(key)
            return get(key)

        monkeypatch.setattr(desk.log.tiles, "get", counted)
        receipts = [each.receipt for each in job_receipts(desk.log, desk.job(job), 0, 100)]
        assert len({receipt.issuer for receipt in receipts} - {None}) == 1
        assert len({receipt.status for receipt in receipts} - {None}) == 1
        documents = [key for key in reads if key.startswith(("issuers/", "status/"))]
        assert len(documents) == len(set(documents)) == 2

    def test_a_page_leaves_out_a_list_that_each_receipt_would_repeat(
        self, desk: PublishingDesk
    ) -> None:
        job = desk.submit_bulk([registered(number) for number in range(2, 90)])
        desk.drain()
        changes = [desk.change("suspend", registered(number), number) for number in range(2, 90)]
        desk.submit_bulk(changes)
        desk.drain()
        desk.round()
        [line] = job_receipts(desk.log, desk.job(job), 0, 1)
        assert line.receipt.issuer is not None
        assert line.receipt.status is None
        whole = desk.receipt(registered(2))
        assert whole.status is not None
        assert len(whole.status.document) > PAGE_DOCUMENT_BYTES
        assert len(parse_entry_status(whole.status.document).changes) == 88


class TestDividing:
    """A list with many changes is divided by the first digits of entry ids."""

    NUMBERS = range(2, 42)

    @pytest.fixture
    def desk(self, monkeypatch: pytest.MonkeyPatch) -> PublishingDesk:
        """With forty diplomas that are suspended, where lists of more than four are divided."""
        monkeypatch.setattr(publishing, "LIST_CHANGES", 4)
        desk = PublishingDesk()
        desk.integrate(*map(registered, self.NUMBERS))
        desk.round()
        desk.submit_bulk([desk.change("suspend", registered(n), n) for n in self.NUMBERS])
        desk.drain()
        return desk

    def test_each_entry_belongs_to_one_list_that_tells_of_it(self, desk: PublishingDesk) -> None:
        assert desk.round() > 16
        for number in self.NUMBERS:
            with pytest.raises(Invalid, match="suspended"):
                desk.judge(registered(number))
        lists = desk.notices().lists
        assert {len(each.prefix) for each in lists} == {1, 2}
        found = [desk.list_of(each.newest) for each in lists]
        assert sorted(len(each.changes) for each in found)[-1] <= 4
        assert sum(len(each.changes) for each in found) == len(self.NUMBERS)
        assert [each.prefix for each in found] == [each.prefix for each in lists]

    def test_until_it_is_registered_the_whole_list_stands_for_a_part(
        self, desk: PublishingDesk
    ) -> None:
        desk.publish()
        before = desk.status(desk.receipt(registered(2)))
        assert (before.prefix, before.changes) == ("", ())
        desk.drain()
        assert desk.status(desk.receipt(registered(2))).prefix

    def test_only_the_part_that_has_news_is_registered_again(self, desk: PublishingDesk) -> None:
        desk.round()
        desk.round()
        desk.integrate(desk.change("revoke", registered(2), 2))
        assert desk.round() == 1
        with pytest.raises(Invalid, match="revoked"):
            desk.judge(registered(2))

    def test_only_the_part_that_was_wanted_is_renewed(self, desk: PublishingDesk) -> None:
        desk.round()
        desk.clock.tick(STATUS_RENEW_MS)
        ask_for_lists(desk.log, [desk.receipt(registered(2))], desk.clock())
        assert desk.round() == 1

    def test_admission_knows_what_every_part_tells(self, desk: PublishingDesk) -> None:
        desk.round()
        for number in self.NUMBERS:
            with pytest.raises(Refused, match="suspended by"):
                desk.submit(desk.change("suspend", registered(number), number, IAT + 99))

    def test_lists_are_divided_only_so_far(
        self, desk: PublishingDesk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(publishing, "LIST_DIGITS", 1)
        desk.round()
        assert [each.prefix for each in desk.notices().lists] == list("0123456789abcdef")
        for number in self.NUMBERS:
            with pytest.raises(Invalid, match="suspended"):
                desk.judge(registered(number))


class TestRivals:
    """Another publisher may do the same at the same time."""

    @pytest.mark.parametrize("error", [Conflict, OutcomeUnknown])
    def test_what_was_not_surely_written_is_read_again(
        self,
        desk: PublishingDesk,
        error: Callable[[str], Exception],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        desk.integrate(desk.change("revoke", DIPLOMA, 1))
        assert isinstance(desk.log.notices, MemoryNotices)
        before = desk.log.notices.read

        def refuse(_: IssuerNotices) -> None:
            raise error("another was faster, or nobody knows")

        with monkeypatch.context() as patch:
            patch.setattr(desk.log.notices, "put", refuse)
            assert desk.round() == 0
        assert desk.log.notices.read == before
        assert desk.round() == 1
        with pytest.raises(Invalid, match="revoked"):
            desk.judge(DIPLOMA)

    def test_a_publisher_tells_nobody_unless_it_is_told_whom(self, desk: PublishingDesk) -> None:
        desk.rename(names={})
        told = desk.publisher()
        silent = Publisher(told.log, told.registry, told.notary, told.public_url, told.clock_ms)
        assert silent.tell is untold
        assert publish(silent) == 0


@pytest.mark.parametrize(
    ("public", "prefix", "url"),
    [
        ("https://n.example/main", "", "https://n.example/main/v1/issuers/did:web:a/status"),
        ("http://127.0.0.1:4599", "0f", "https://127.0.0.1:4599/v1/issuers/did:web:a/status/0f"),
    ],
)
def test_lists_are_named_by_https_urls(public: str, prefix: str, url: str) -> None:
    assert list_url(public, "did:web:a", prefix) == url
