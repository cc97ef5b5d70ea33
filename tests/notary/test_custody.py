"""What is kept of custodial issues: how it is sealed, and how it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from secrets import token_bytes

import pytest

from chalicelib.notary.custody.documents import destroy, purge
from chalicelib.notary.custody.records import (
    NONCE_BYTES,
    Held,
    Lineage,
    Record,
    Secret,
    Unreadable,
    open_record,
    record_id,
    tombstone,
)
from chalicelib.notary.limits import PURGE_MS, PURGE_PAGE
from chalicelib.notary.status.places import StatusPlace
from chalicelib.proof.hashes import Hash, sha256, sm3
from chalicelib.proof.receipt import HolderPart
from tests.fakes import START_MS, MemoryDataKeys, MemoryDocuments

SALT = bytes(range(32))
CLAIMED = Secret(sha256(b"body"), SALT, bytes(32), Lineage("urn:uuid:1"), 1_790_000_000)
SIGNED = replace(
    CLAIMED,
    lineage=Lineage("urn:uuid:1", StatusPlace("https://tally.test/list", 7)),
    document=HolderPart("jcs", SALT, sha256(b"d"), sm3(b"d")),
    credential=b"\x00credential",
)
RECORD = Record(sha256(b"id").hex(), sha256(b"tenant"), "signed", START_MS, entry=b"entry")


@pytest.fixture
def keys() -> MemoryDataKeys:
    return MemoryDataKeys()


def sealed(keys: MemoryDataKeys, secret: Secret = SIGNED, record: Record = RECORD) -> Record:
    key, wrapped = keys.new(record.context)
    return Held(replace(record, wrapped=wrapped), secret, key).sealed(token_bytes)


class TestSealing:
    @pytest.mark.parametrize("secret", [CLAIMED, SIGNED], ids=["claimed", "signed"])
    def test_what_is_sealed_opens_again(self, keys: MemoryDataKeys, secret: Secret) -> None:
        record = sealed(keys, secret)
        held = open_record(record, keys)
        assert (held.secret, held.record) == (secret, record)

    def test_nothing_of_it_shows(self, keys: MemoryDataKeys) -> None:
        record = sealed(keys)
        for part in (SALT, SALT.hex().encode(), b"credential", SIGNED.lineage.sub.encode()):
            assert part not in record.secret + record.wrapped

    def test_the_same_secret_is_sealed_otherwise_each_time(self, keys: MemoryDataKeys) -> None:
        key, wrapped = keys.new(RECORD.context)
        held = Held(replace(RECORD, wrapped=wrapped), SIGNED, key)
        assert held.sealed(token_bytes).secret != held.sealed(token_bytes).secret

    @pytest.mark.parametrize(
        "change",
        [
            lambda r: replace(r, secret=r.secret[:-1] + bytes([r.secret[-1] ^ 1])),
            lambda r: replace(r, secret=bytes([r.secret[0] ^ 1]) + r.secret[1:]),
            lambda r: replace(r, secret=r.secret[:NONCE_BYTES]),
            lambda r: replace(r, secret=b""),
            lambda r: replace(r, wrapped=r.wrapped[:-1]),
            lambda r: replace(r, id=sha256(b"other").hex()),
            lambda r: replace(r, tenant=sha256(b"other")),
        ],
        ids=["tag", "nonce", "cut", "empty", "key", "record", "tenant"],
    )
    def test_what_was_changed_or_moved_does_not_open(
        self, keys: MemoryDataKeys, change: Callable[[Record], Record]
    ) -> None:
        with pytest.raises(Unreadable):
            open_record(change(sealed(keys)), keys)

    def test_nor_under_another_records_key(self, keys: MemoryDataKeys) -> None:
        """KMS gives what was wrapped in this context; the cipher, too, knows whose it is."""
        other = replace(RECORD, id=sha256(b"other").hex())
        key, wrapped = keys.new(other.context)
        moved = Held(replace(RECORD, wrapped=wrapped), SIGNED, key).sealed(token_bytes)
        with pytest.raises(Unreadable):
            open_record(replace(moved, id=other.id), keys)

    def test_a_tombstone_tells_the_entry_alone(self, keys: MemoryDataKeys) -> None:
        record = replace(sealed(keys), entry_id=sha256(b"entry"), lease_ms=1)
        left = tombstone(record)
        assert left == Record(
            RECORD.id, RECORD.tenant, "gone", RECORD.until_ms, entry_id=sha256(b"entry")
        )


def test_a_key_is_unique_in_its_tenant_and_route() -> None:
    """However the parts are cut."""
    asked = [("t", "r", "k"), ("tr", "", "k"), ("t", "rk", ""), ("", "t", "rk"), ("t", "r", "K")]
    assert len({record_id(*each) for each in asked}) == len(asked)


class Lagging(MemoryDocuments):
    """Whose index still has what was purged, and what is not there."""

    def expired(self, now_ms: int, limit: int) -> list[str]:
        return [sha256(b"nothing").hex(), *sorted(self.rows)][:limit]


def filled(documents: MemoryDocuments, number: int, keys: MemoryDataKeys) -> MemoryDocuments:
    for n in range(number):
        record = replace(RECORD, id=sha256(b"%d" % n).hex(), until_ms=START_MS + n)
        documents.put(sealed(keys, record=record))
    return documents


class TestPurging:
    def test_page_after_page_until_nothing_is_left(self, keys: MemoryDataKeys) -> None:
        number = 2 * PURGE_PAGE + 1
        documents = filled(MemoryDocuments(), number, keys)
        assert purge(documents, START_MS + number) == number
        assert all(each.state == "gone" for each in documents.rows.values())

    def test_what_is_still_in_its_window_stays(self, keys: MemoryDataKeys) -> None:
        documents = filled(MemoryDocuments(), 3, keys)
        assert purge(documents, START_MS + 1) == 2
        assert [each.state for each in documents.rows.values()] == ["gone", "gone", "signed"]

    def test_an_index_that_lags_purges_nothing_twice_and_nothing_early(
        self, keys: MemoryDataKeys
    ) -> None:
        documents = filled(Lagging(), 2, keys)
        assert purge(documents, START_MS) == 1
        before = dict(documents.rows)
        assert purge(documents, START_MS) == 0
        assert documents.rows == before

    def test_a_sweep_leaves_to_the_next_what_it_has_no_time_for(self, keys: MemoryDataKeys) -> None:
        documents = filled(MemoryDocuments(), 3 * PURGE_PAGE, keys)
        times: Iterator[int] = count(0, PURGE_MS // 2_000 + 1)
        assert purge(documents, 2 * START_MS, lambda: next(times)) == PURGE_PAGE
        assert purge(documents, 2 * START_MS) == 2 * PURGE_PAGE


class TestDestroying:
    def test_what_is_expired_and_not_purged_is_destroyed_too(self, keys: MemoryDataKeys) -> None:
        documents = MemoryDocuments()
        tenant = Hash(sha256(b"college"))
        record = documents.put(sealed(keys, record=replace(RECORD, tenant=tenant, until_ms=0)))
        left = destroy(documents, "college", record.id)
        assert left == documents.rows[record.id] == replace(tombstone(record), version=2)
        assert destroy(documents, "college", record.id) == left

    def test_what_is_not_the_tenants_stays(self, keys: MemoryDataKeys) -> None:
        documents = MemoryDocuments()
        record = documents.put(sealed(keys))
        assert destroy(documents, "college", record.id) is None
        assert documents.rows == {record.id: record}
