"""Entry status: one spelling of a list, which changes count, and what was good on which day."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.proof import entry_status
from chalicelib.proof.entry_status import (
    Change,
    EntryStatus,
    EntryStatusTooLarge,
    MalformedEntryStatus,
    change_of,
    format_entry_status,
    impossible,
    judge_status,
    parse_entry_status,
    possible_changes,
    read_ms_of,
)
from chalicelib.proof.errors import CannotTell, Invalid, Malformed, ProofError
from chalicelib.proof.hashes import Hash, leaf_hash
from chalicelib.proof.jcs import DuplicateKey, NotJson
from chalicelib.proof.limits import STATUS_BYTES, STATUS_FRESH_MS
from chalicelib.proof.members import MalformedMember
from chalicelib.proof.payload import (
    IssuerNotice,
    MalformedDid,
    Payload,
    Register,
    StatusChange,
    Supersede,
)
from chalicelib.proof.statement import parse_statement, sign_statement

from .vectors import load_vectors
from .world import ISSUER_KEY, REGISTERED_MS, SUB, World

VECTORS = load_vectors("entry-status")
ERRORS = {
    error.__name__: error
    for error in (
        DuplicateKey,
        MalformedDid,
        MalformedEntryStatus,
        MalformedMember,
        entry_status.NonCanonicalEntryStatus,
        NotJson,
    )
}
GOOD: bytes = VECTORS["good"]["document"].encode()
STATUS = parse_entry_status(GOOD)

ORIGIN, ISSUER = "tally.test/log", "did:web:cambrian.example"
ENTRY, OTHER = leaf_hash(b"an entry"), leaf_hash(b"another entry")
JUNE_S, AUGUST_S = 1_780_272_000, 1_785_715_200
"""2026-06-01 and 2026-08-03, 00:00 UTC."""

READ_MS = 1_790_000_000_000


@pytest.mark.parametrize("name", VECTORS)
def test_vector(name: str) -> None:
    vector = VECTORS[name]
    data = vector["document"].encode()
    if "error" in vector:
        with pytest.raises(ERRORS[vector["error"]]) as raised:
            parse_entry_status(data)
        assert type(raised.value).__name__ == vector["error"]
    else:
        assert format_entry_status(parse_entry_status(data)) == data


def test_a_list_is_read_into_its_values() -> None:
    assert (STATUS.origin, STATUS.issuer, STATUS.prefix) == (ORIGIN, ISSUER, "")
    assert (STATUS.size, STATUS.timestamp_ms) == (1_000, 1_790_000_000_000)
    assert [change.kind for change in STATUS.changes] == [
        "suspend",
        "supersede",
        "reinstate",
        "revoke",
    ]
    assert STATUS.changes[1].reason == ""


@given(st.integers(0, len(GOOD) - 1), st.binary(max_size=3))
def test_changed_bytes_are_another_list_or_none(at: int, put: bytes) -> None:
    data = GOOD[:at] + put + GOOD[at + 1 :]
    with suppress(Malformed):
        assert format_entry_status(parse_entry_status(data)) == data


def test_a_list_has_at_most_512_kib() -> None:
    with pytest.raises(EntryStatusTooLarge):
        parse_entry_status(b" " * (STATUS_BYTES + 1))
    with pytest.raises(EntryStatusTooLarge, match="4000 changes"):
        format_entry_status(replace(STATUS, changes=STATUS.changes * 1_000))


class TestChangeOf:
    def change(self, payload: Payload) -> tuple[Change | None, Hash]:
        entry = sign_statement(payload, ISSUER, SUB, JUNE_S, ISSUER_KEY)
        signed = parse_statement(entry)
        return change_of(signed, AUGUST_S * 1000 + 999), signed.entry_id

    def test_a_status_change_takes_effect_when_it_says(self) -> None:
        found, by = self.change(StatusChange("revoke", ENTRY, "misconduct", JUNE_S))
        assert found == Change(ENTRY, "revoke", JUNE_S, "misconduct", by)

    def test_a_newer_version_takes_effect_with_its_block(self) -> None:
        found, by = self.change(Supersede("education/diploma", "raw", OTHER, OTHER, ENTRY))
        assert found == Change(ENTRY, "supersede", AUGUST_S, "", by)

    @pytest.mark.parametrize(
        "payload",
        [Register("education/diploma", "raw", OTHER, OTHER), IssuerNotice(ISSUER, OTHER)],
        ids=["register", "issuer"],
    )
    def test_other_statements_change_nothing(self, payload: Payload) -> None:
        assert self.change(payload)[0] is None


def change(kind: str, effective: int, entry: Hash = ENTRY) -> Change:
    reason = "" if kind == "supersede" else "other"
    return Change(entry, kind, effective, reason, leaf_hash(f"{kind} {effective}".encode()))


def kinds(*kinds: str) -> list[str]:
    """Those that count, of one entry's changes in this order."""
    changes = [change(kind, at) for at, kind in enumerate(kinds)]
    return [each.kind for each in possible_changes(changes, ENTRY)]


class TestWhatCounts:
    @pytest.mark.parametrize("last", ["revoke", "supersede"])
    @pytest.mark.parametrize("after", ["suspend", "reinstate", "revoke", "supersede"])
    def test_nothing_after_the_end(self, last: str, after: str) -> None:
        assert kinds(last, after) == [last]
        assert kinds("suspend", last, after) == ["suspend", last]

    def test_no_second_suspension(self) -> None:
        assert kinds("suspend", "suspend", "reinstate") == ["suspend", "reinstate"]

    def test_no_reinstatement_of_what_is_not_suspended(self) -> None:
        assert kinds("reinstate", "suspend", "reinstate", "reinstate") == ["suspend", "reinstate"]

    def test_again_and_again(self) -> None:
        again = ["suspend", "reinstate", "suspend", "reinstate", "revoke"]
        assert kinds(*again) == again

    def test_other_entries_have_changes_of_their_own(self) -> None:
        changes = [change("revoke", 1, OTHER), change("suspend", 2)]
        assert possible_changes(changes, ENTRY) == changes[1:]

    @pytest.mark.parametrize(
        ("before", "kind", "why"),
        [
            ("revoke", "suspend", "revoked by"),
            ("supersede", "revoke", "superseded by"),
            ("suspend", "suspend", "suspended by"),
            ("reinstate", "reinstate", "not suspended"),
        ],
    )
    def test_why_not(self, before: str, kind: str, why: str) -> None:
        told = impossible([change(before, 1)], kind)
        assert told is not None
        assert told.startswith(why)


def status_of(*changes: Change) -> EntryStatus:
    return EntryStatus(ORIGIN, ISSUER, "", 1_000, READ_MS, changes)


def judge(*changes: Change, at_ms: int = READ_MS) -> str:
    return judge_status(status_of(*changes), ENTRY, ORIGIN, ISSUER, at_ms, READ_MS)[0]


class TestJudgeStatus:
    def test_good_before_a_revocation_and_not_from_then_on(self) -> None:
        revoked = change("revoke", AUGUST_S)
        assert judge(revoked, at_ms=JUNE_S * 1000) == (
            "it was good at 2026-06-01T00:00:00.000Z;"
            " revoked since 2026-08-03T00:00:00.000Z (other)"
        )
        judge(revoked, at_ms=AUGUST_S * 1000 - 1)
        with pytest.raises(Invalid, match="revoked since 2026-08-03"):
            judge(revoked, at_ms=AUGUST_S * 1000)

    def test_the_newer_entry_is_named(self) -> None:
        newer = change("supersede", JUNE_S)
        with pytest.raises(Invalid, match=f"superseded by the entry {newer.by.hex()} since 2026"):
            judge(newer)

    def test_suspended_until_reinstated(self) -> None:
        changes = (change("suspend", JUNE_S), change("reinstate", AUGUST_S))
        judge(*changes, at_ms=JUNE_S * 1000 - 1)
        with pytest.raises(Invalid, match="suspended since 2026-06-01"):
            judge(*changes, at_ms=AUGUST_S * 1000 - 1)
        judge(*changes, at_ms=AUGUST_S * 1000)

    def test_a_revocation_may_reach_further_back_than_a_suspension(self) -> None:
        changes = (change("suspend", AUGUST_S), change("revoke", JUNE_S))
        with pytest.raises(Invalid, match="revoked since 2026-06-01"):
            judge(*changes, at_ms=JUNE_S * 1000)

    def test_what_came_after_the_end_is_ignored_whenever_it_takes_effect(self) -> None:
        changes = (change("revoke", AUGUST_S), change("suspend", JUNE_S))
        judge(*changes, at_ms=AUGUST_S * 1000 - 1)

    def test_good_news_is_fresh_for_five_minutes(self) -> None:
        assert judge(at_ms=READ_MS + STATUS_FRESH_MS).startswith("it was good at")
        with pytest.raises(CannotTell, match=r"was good at 2026-09-21.*tally receipt refresh"):
            judge(at_ms=READ_MS + STATUS_FRESH_MS + 1)

    @pytest.mark.parametrize("kind", ["revoke", "supersede", "suspend"])
    def test_bad_news_stays(self, kind: str) -> None:
        with pytest.raises(Invalid):
            judge(change(kind, JUNE_S), at_ms=READ_MS + 10 * STATUS_FRESH_MS)

    def test_other_entries_news_does_not_matter(self) -> None:
        assert judge(change("revoke", JUNE_S, OTHER)).startswith("it was good")

    @pytest.mark.parametrize(
        "about",
        [replace(status_of(), origin="other.test/log"), replace(status_of(), issuer="did:web:a.b")],
        ids=["origin", "issuer"],
    )
    def test_a_list_about_something_else(self, about: EntryStatus) -> None:
        with pytest.raises(Invalid, match="the status list is of"):
            judge_status(about, ENTRY, ORIGIN, ISSUER, READ_MS, READ_MS)

    def test_a_list_of_some_of_the_entries(self) -> None:
        first = ENTRY.hex()[:2]
        mine = replace(status_of(change("revoke", AUGUST_S)), prefix=first)
        judge_status(mine, ENTRY, ORIGIN, ISSUER, JUNE_S * 1000, READ_MS)
        with pytest.raises(Invalid, match="revoked"):
            judge_status(mine, ENTRY, ORIGIN, ISSUER, READ_MS, READ_MS)
        assert not OTHER.hex().startswith(first)
        with pytest.raises(Invalid, match=f"whose ids begin with {first}"):
            judge_status(mine, OTHER, ORIGIN, ISSUER, READ_MS, READ_MS)

    @pytest.mark.parametrize(("iat", "read_ms"), [(-10, -10_000), (0, 0), (10, 0)])
    def test_a_list_was_read_before_its_notice_was_registered(self, iat: int, read_ms: int) -> None:
        world = World(payload=IssuerNotice(ISSUER, OTHER), timestamp_ms=REGISTERED_MS)
        statement = world.evidence().statement
        dated = statement.statement._replace(iat=REGISTERED_MS // 1000 + iat)
        evidence = replace(world.evidence(), statement=statement._replace(statement=dated))
        assert read_ms_of(evidence) == REGISTERED_MS + read_ms


KINDS = st.sampled_from(["suspend", "reinstate", "revoke", "supersede"])
CHANGES = st.lists(st.builds(change, KINDS, st.integers(0, 9), st.sampled_from([ENTRY, OTHER])))


@given(CHANGES, st.integers(0, 10))
def test_every_list_has_a_judgement_on_every_day(changes: list[Change], at_s: int) -> None:
    with suppress(ProofError):
        assert judge(*changes, at_ms=at_s * 1000).startswith("it was good")


@given(CHANGES, st.integers(0, 10), st.lists(KINDS))
def test_what_is_over_is_over(changes: list[Change], at_s: int, more: list[str]) -> None:
    """Once a list says revoked or superseded of a day, no longer list takes that back."""
    try:
        judge(*changes, at_ms=at_s * 1000)
    except Invalid as error:
        if "suspended" not in str(error):
            with pytest.raises(Invalid):
                judge(*changes, *(change(kind, 0) for kind in more), at_ms=at_s * 1000)
