"""Publishing lists of W3C and IETF: when versions are made, and what they say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from chalicelib.notary.limits import ASK_MS, STATUS_RENEW_MS
from chalicelib.notary.ports import Conflict, OutcomeUnknown, Registry
from chalicelib.notary.refused import Refused
from chalicelib.notary.rows import Rows
from chalicelib.notary.status import publish_bits
from chalicelib.notary.status.bit_lists import FORMS, TOKEN, BitList, ListId
from chalicelib.notary.status.places import decode_sub
from chalicelib.notary.status.publish_bits import find_generations
from chalicelib.notary.status.served import NoSuchList, NotFresh, serve_list
from chalicelib.proof.credentials.token_status_list import INVALID, SUSPENDED, VALID
from chalicelib.proof.hashes import sha256
from chalicelib.proof.statement import entry_id
from tests.fakes import MemoryBitLists, MemoryNotices, MemoryRegistry
from tests.notary.desk import HOSPITAL, NOTARY, UNIVERSITY, issuer_of
from tests.notary.listing import Lineage, ListingDesk
from tests.notary.publishing import URL

LIST = ListId(UNIVERSITY, 0)


@pytest.fixture
def desk() -> ListingDesk:
    """With all that the publisher had to say at first."""
    desk = ListingDesk()
    desk.round()
    desk.round()
    return desk


@pytest.fixture
def lineage(desk: ListingDesk) -> Lineage:
    """A registered one."""
    lineage = desk.lineage()
    desk.integrate(lineage.register())
    return lineage


class TestVersions:
    def test_nothing_is_made_before_it_is_wanted(self, desk: ListingDesk, lineage: Lineage) -> None:
        assert desk.round() == 0
        assert desk.lists.all() == []

    def test_what_is_wanted_is_made_once(self, desk: ListingDesk, lineage: Lineage) -> None:
        desk.want(LIST)
        assert desk.round() == 1
        assert desk.round() == 0
        assert list(desk.known(LIST).forms) == [TOKEN]
        assert desk.value(lineage) == VALID

    def test_each_is_registered_by_a_notice_of_its_url(
        self, desk: ListingDesk, lineage: Lineage
    ) -> None:
        desk.want(LIST, *FORMS)
        assert desk.round() == 3
        notices = {each.list: each.sha256 for each in desk.list_notices()}
        for form, end in zip(FORMS, ("", "/revocation", "/suspension"), strict=True):
            served = serve_list(desk.log, LIST, form, desk.clock())
            assert notices[f"{URL}/v1/issuers/{UNIVERSITY}/lists/0{end}"] == sha256(served.document)

    def test_news_are_in_every_form_that_was_ever_wanted(
        self, desk: ListingDesk, lineage: Lineage
    ) -> None:
        desk.want(LIST, *FORMS[:2])
        desk.round()
        desk.integrate(lineage.change("revoke", lineage.entries[0]))
        assert desk.round() == 2 + 1, "and the entry status document"
        assert desk.round() == 0
        assert desk.value(lineage) == INVALID

    def test_without_wants_news_are_kept_and_nothing_is_signed(
        self, desk: ListingDesk, lineage: Lineage
    ) -> None:
        desk.integrate(lineage.change("suspend", lineage.entries[0]))
        assert desk.round() == 1, "the entry status document"
        assert desk.known(LIST).forms == {}
        desk.want(LIST)
        desk.round()
        assert desk.value(lineage) == SUSPENDED

    def test_a_change_that_does_not_count_is_no_news(
        self, desk: ListingDesk, lineage: Lineage
    ) -> None:
        desk.want(LIST)
        desk.round()
        desk.integrate(lineage.change("revoke", lineage.entries[0]))
        desk.round()
        desk.publish()
        before = desk.known(LIST)
        desk.integrate_unchecked(lineage.change("suspend", lineage.entries[0]))
        desk.round()
        assert desk.known(LIST).forms == before.forms
        assert desk.value(lineage) == INVALID

    def test_what_waits_is_replaced_by_newer_news(
        self, desk: ListingDesk, lineage: Lineage
    ) -> None:
        desk.want(LIST)
        desk.publish()
        desk.step(1)
        desk.integrate(lineage.change("revoke", lineage.entries[0]))
        desk.round()
        assert desk.value(lineage) == INVALID

    def test_changes_are_in_a_list_once_however_often_they_are_read(
        self, desk: ListingDesk, lineage: Lineage
    ) -> None:
        for kind in ("suspend", "reinstate", "suspend"):
            desk.integrate(lineage.change(kind, lineage.entries[0]))
            desk.publish()
            assert isinstance(desk.log.notices, MemoryNotices)
            desk.log.notices.read = 0
        before = desk.known(LIST)
        desk.publish()
        assert desk.known(LIST) == before
        desk.want(LIST)
        desk.round()
        assert desk.value(lineage) == SUSPENDED

    def test_an_issuer_that_left_the_registry_keeps_its_lists(
        self, desk: ListingDesk, lineage: Lineage
    ) -> None:
        desk.integrate(lineage.change("revoke", lineage.entries[0]))
        desk.registry = MemoryRegistry(issuer_of(NOTARY, "cambrian", notary=True))
        desk.want(LIST)
        desk.round()
        assert desk.value(lineage) == INVALID


class TestEffect:
    """What takes effect later is news then, and not before."""

    def test_a_suspension_ahead(self, desk: ListingDesk, lineage: Lineage) -> None:
        at_s = desk.clock() // 1000 + 120
        desk.integrate(lineage.change("suspend", lineage.entries[0], at_s))
        desk.want(LIST)
        desk.round()
        assert desk.known(LIST).due_s == at_s
        assert desk.value(lineage) == VALID
        desk.clock.now_ms = at_s * 1000
        desk.round()
        assert desk.known(LIST).due_s is None
        assert desk.value(lineage) == SUSPENDED

    def test_a_revocation_ahead_counts_at_once(self, desk: ListingDesk, lineage: Lineage) -> None:
        at_s = desk.clock() // 1000 + 120
        desk.integrate(lineage.change("revoke", lineage.entries[0], at_s))
        desk.integrate_unchecked(lineage.change("suspend", lineage.entries[0]))
        desk.want(LIST)
        desk.round()
        assert desk.value(lineage) == VALID
        desk.clock.now_ms = at_s * 1000
        desk.round()
        assert desk.value(lineage) == INVALID


class TestGenerations:
    def test_the_newer_entry_is_in_a_list_of_its_own(
        self, desk: ListingDesk, lineage: Lineage
    ) -> None:
        second = lineage.supersede(lineage.entries[0])
        desk.integrate(second)
        desk.publish()
        third = lineage.supersede(second)
        desk.integrate(third)
        desk.integrate(lineage.change("revoke", third))
        desk.publish()
        for generation in range(3):
            desk.want(LIST._replace(generation=generation))
        desk.round()
        assert [desk.value(lineage, at) for at in range(3)] == [INVALID, INVALID, INVALID]
        assert desk.lists.get(LIST._replace(generation=3)) is None

    def test_of_an_older_entry_nothing_more_changes(
        self, desk: ListingDesk, lineage: Lineage
    ) -> None:
        """A revocation of it that raced with the supersede is not one of the newer entry."""
        first = lineage.entries[0]
        desk.integrate(lineage.supersede(first), lineage.change("revoke", first))
        desk.publish()
        desk.want(LIST._replace(generation=1))
        desk.round()
        assert desk.value(lineage, 1) == VALID

    def test_a_lineage_has_so_many_lists_and_no_more(
        self, desk: ListingDesk, lineage: Lineage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(publish_bits, "LIST_GENERATIONS", 2)
        entry = lineage.entries[0]
        for _ in range(4):
            entry = lineage.supersede(entry)
            desk.integrate(entry)
            desk.publish()
        desk.integrate(lineage.change("revoke", entry))
        desk.publish()
        assert [each.id.generation for each in desk.lists.all()] == [0, 1, 2]
        desk.want(LIST._replace(generation=2))
        desk.round()
        assert desk.value(lineage, 2) == INVALID

    def test_targets_are_read_in_groups(
        self, desk: ListingDesk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(publish_bits, "LIST_TARGETS", 2)
        lineages = [desk.lineage() for _ in range(5)]
        firsts = [each.register() for each in lineages]
        desk.integrate(*firsts)
        seconds = [each.supersede(entry) for each, entry in zip(lineages, firsts, strict=True)]
        desk.integrate(*seconds)
        entries = {
            entry_id(each): at for at, group in enumerate((firsts, seconds)) for each in group
        }
        rows = Rows(desk.log, desk.log.readable())
        assert find_generations(desk.log, rows, entries) == entries
        assert find_generations(desk.log, rows, [sha256(b"not in the log")]) == {}

    def test_a_change_whose_target_the_log_lacks_is_nobodys(
        self, desk: ListingDesk, lineage: Lineage
    ) -> None:
        """Admission refuses it: somebody else wrote it into what is pending."""
        desk.integrate_unchecked(lineage.change("revoke", b"not in the log"))
        desk.publish()
        assert desk.lists.all() == []


class TestPlaces:
    def test_pages_are_lists(self, desk: ListingDesk, monkeypatch: pytest.MonkeyPatch) -> None:
        first = desk.lineage()
        desk.lists.allot(UNIVERSITY, 131_072 * 3, b"")
        second = desk.lineage()
        for each in (first, second):
            desk.integrate(each.register())
            desk.integrate(each.change("revoke", each.entries[0]))
        desk.publish()
        assert [each.id for each in desk.lists.all()] == [LIST, LIST._replace(page=3)]

    def test_the_last_place_is_given_and_none_after_it(self, desk: ListingDesk) -> None:
        lists = MemoryBitLists()
        lists.allot(UNIVERSITY, (1 << 41) - 1, bytes(32))
        desk.log = replace(desk.log, lists=lists)
        assert decode_sub(bytes(32), desk.lineage().sub) == (1 << 41) - 1
        with pytest.raises(Refused, match="no-more-places"):
            desk.lineage()

    def test_a_sub_that_another_issuer_was_given_has_no_place(self, desk: ListingDesk) -> None:
        lineage = desk.lineage()
        entry = lineage.register(HOSPITAL)
        desk.integrate_unchecked(entry)
        desk.integrate_unchecked(lineage.change("revoke", entry, iss=HOSPITAL))
        desk.lists.allot(HOSPITAL, 1, b"x" * 32)
        assert desk.publish() == 1, "an entry status document"
        assert desk.lists.all() == []

    def test_a_secret_is_read_after_the_log(self, desk: ListingDesk) -> None:
        """Who is allotted a first place while the publisher runs is not overlooked."""
        late = ListingDesk(log=desk.log, registry=desk.registry, clock=desk.clock)
        made: list[Lineage] = []

        def issue_first() -> None:
            if not made:
                made.append(late.lineage())
                late.integrate(made[0].register())
                late.integrate(made[0].change("revoke", made[0].entries[0]))

        desk.registry = cast_registry(desk.registry, issue_first)
        desk.publish()
        desk.want(LIST)
        desk.round()
        assert desk.value(made[0]) == INVALID


class _Interrupted:
    def __init__(self, registry: Registry, before: Callable[[], None]) -> None:
        self._registry, self._before = registry, before

    def __getattr__(self, name: str) -> object:
        if name == "issuers":
            self._before()
        return getattr(self._registry, name)


def cast_registry(registry: MemoryRegistry, before: Callable[[], None]) -> MemoryRegistry:
    """A registry before whose list of issuers something happens."""
    return _Interrupted(registry, before)  # type: ignore[return-value]


class TestServing:
    def test_a_list_is_renewed_while_it_is_fetched(
        self, desk: ListingDesk, lineage: Lineage
    ) -> None:
        desk.want(LIST)
        desk.round()
        first = serve_list(desk.log, LIST, TOKEN, desk.clock())
        desk.clock.tick(STATUS_RENEW_MS - 10_000)
        serve_list(desk.log, LIST, TOKEN, desk.clock())
        assert desk.round() == 0
        desk.clock.tick(ASK_MS)
        assert serve_list(desk.log, LIST, TOKEN, desk.clock()).document == first.document
        assert desk.round() == 1
        assert serve_list(desk.log, LIST, TOKEN, desk.clock()).document != first.document

    def test_the_older_version_is_served_until_the_newer_is_registered(
        self, desk: ListingDesk, lineage: Lineage
    ) -> None:
        desk.want(LIST)
        desk.round()
        desk.publish()
        first = serve_list(desk.log, LIST, TOKEN, desk.clock())
        desk.integrate(lineage.change("revoke", lineage.entries[0]))
        desk.publish()
        assert serve_list(desk.log, LIST, TOKEN, desk.clock()).document == first.document
        desk.drain()
        assert serve_list(desk.log, LIST, TOKEN, desk.clock()).document != first.document
        assert desk.known(LIST).waiting, "nobody has written it down yet"
        desk.publish()
        assert desk.known(LIST).waiting == ()

    def test_a_list_of_a_page_without_places_is_none(self, desk: ListingDesk) -> None:
        with pytest.raises(NoSuchList):
            serve_list(desk.log, LIST, TOKEN, desk.clock())
        desk.lineage()
        with pytest.raises(NotFresh):
            serve_list(desk.log, LIST, TOKEN, desk.clock())
        for id_ in (LIST._replace(page=1), LIST._replace(generation=1)):
            with pytest.raises(NoSuchList):
                serve_list(desk.log, id_, TOKEN, desk.clock())


class TestRivals:
    """Another publisher may do the same at the same time."""

    @pytest.mark.parametrize("error", [Conflict, OutcomeUnknown])
    def test_what_was_not_surely_written_is_read_again(
        self,
        desk: ListingDesk,
        lineage: Lineage,
        error: Callable[[str], Exception],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        desk.want(LIST)
        desk.integrate(lineage.change("revoke", lineage.entries[0]))
        assert isinstance(desk.log.notices, MemoryNotices)
        before = desk.log.notices.read

        def refuse(_: BitList) -> None:
            raise error("another was faster, or nobody knows")

        with monkeypatch.context() as patch:
            patch.setattr(desk.lists, "put", refuse)
            desk.round()
        assert desk.log.notices.read == before
        desk.round()
        assert desk.log.notices.read > before
        assert desk.value(lineage) == INVALID
