"""What a service kept is destroyed, and then its issuer's key and its tenant's webhooks say so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from chalicelib.notary.custody.records import Custody, Record, hash_tenant
from chalicelib.notary.erasures import erase_kept
from chalicelib.notary.ports import Conflict, Issuer, IssuerKey, OutcomeUnknown
from chalicelib.notary.webhooks.events import Delivery, Endpoint
from chalicelib.proof.erasure import SignedErasure, parse_erasure
from chalicelib.proof.hashes import sha256
from chalicelib.proof.keys import ES256, WrongSignature
from tests.fakes import (
    START_MS,
    Clock,
    MemoryDataKeys,
    MemoryDocuments,
    MemoryIssuerKeys,
    MemoryRegistry,
    key_named,
)
from tests.webhook_fakes import MemoryWebhooks

ENTRY, COLLEGE = sha256(b"an entry"), "did:web:college.example"
ID = sha256(b"a document").hex()
SIGNED = Record(
    ID,
    hash_tenant("college"),
    "accepted",
    START_MS + 1,
    entry_id=ENTRY,
    iss=COLLEGE,
    entry=b"entry",
    secret=b"sealed",
    wrapped=b"wrapped",
)
CLAIMED = replace(SIGNED, state="claimed", entry_id=None, iss="", entry=b"")


@dataclass
class Shelf:
    """A service that keeps one document, and the college's webhook and key; ``looked`` is what was
    kept whenever somebody asked for the time."""

    documents: MemoryDocuments = field(default_factory=MemoryDocuments)
    issuer_keys: MemoryIssuerKeys = field(default_factory=MemoryIssuerKeys)
    registry: MemoryRegistry = field(default_factory=MemoryRegistry)
    webhooks: MemoryWebhooks = field(default_factory=MemoryWebhooks)
    clock: Clock = field(default_factory=Clock)
    looked: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.key = self.issuer_keys.make(COLLEGE, ES256, START_MS)
        self.register(self.key)
        for tenant in ("college", "hospital"):
            wanted = frozenset(("document.erased",))
            endpoint = Endpoint(f"ep of {tenant}", tenant, "https://x.example", ("s",), wanted)
            self.webhooks.put_endpoint(endpoint)

    def register(self, *keys: IssuerKey, **members: Any) -> None:
        college = Issuer(COLLEGE, "college", {"en": "A College"}, keys)
        self.registry.put_issuer(replace(college, **members))

    def erase(self, tenant: str = "college", id: str = ID) -> bytes | SignedErasure | None:
        def now_ms() -> int:
            self.looked.append(self.documents.rows[id].secret)
            return self.clock()

        custody = Custody(self.documents, MemoryDataKeys(), self.issuer_keys, "https://tally.test")
        data = erase_kept(custody, self.registry, self.webhooks, tenant, id, now_ms)
        return parse_erasure(data) if data else data

    def told(self) -> list[Delivery]:
        return list(self.webhooks.rows.values())


def shelf(record: Record = SIGNED) -> Shelf:
    made = Shelf()
    made.documents.put(record)
    return made


def test_it_is_destroyed_and_its_issuer_says_so() -> None:
    kept = shelf()
    signed = kept.erase()
    assert isinstance(signed, SignedErasure)
    erasure = signed.erasure
    assert (erasure.iss, erasure.entries) == (COLLEGE, (ENTRY,))
    assert (erasure.erased_ms, erasure.destroyed) == (START_MS, ("kept-copies",))
    assert signed.kid == kept.key.key.kid
    left = kept.documents.rows[ID]
    assert (left.state, left.entry, left.secret, left.wrapped) == ("gone", b"", b"", b"")


def test_the_time_is_after_it_is_done() -> None:
    kept = shelf()
    kept.erase()
    assert kept.looked == [b""]


def test_its_tenants_webhooks_are_told_with_entry_and_issuer_alone() -> None:
    kept = shelf()
    kept.erase()
    [delivery] = kept.told()
    assert (delivery.tenant, delivery.event.type) == ("college", "document.erased")
    assert delivery.event.data == {"entry": ENTRY.hex(), "issuer": COLLEGE}
    assert delivery.event.at_ms == START_MS


def test_asked_again_it_says_the_same_later_and_nobody_is_told_twice() -> None:
    kept = shelf()
    one = kept.erase()
    kept.clock.tick()
    other = kept.erase()
    assert isinstance(one, SignedErasure)
    assert isinstance(other, SignedErasure)
    assert other.erasure == replace(one.erasure, erased_ms=START_MS + 1_000)
    assert len(kept.told()) == 1


def test_whoever_died_before_it_was_told_tells_it_the_next_time() -> None:
    kept = shelf()
    put = kept.webhooks.put

    def lose(delivery: Delivery) -> Delivery:
        kept.webhooks.put = put  # type: ignore[method-assign]
        raise OutcomeUnknown("nobody knows")

    kept.webhooks.put = lose  # type: ignore[method-assign]
    with pytest.raises(OutcomeUnknown):
        kept.erase()
    assert kept.documents.rows[ID].state == "gone"
    assert isinstance(kept.erase(), SignedErasure)
    [delivery] = kept.told()
    assert delivery.event.data["issuer"] == COLLEGE


def test_what_time_has_destroyed_is_said_to_be_gone_too() -> None:
    kept = shelf(replace(SIGNED, until_ms=0))
    assert isinstance(kept.erase(), SignedErasure)


def test_what_was_never_signed_has_no_entry_to_name() -> None:
    kept = shelf(CLAIMED)
    assert kept.erase() == b""
    assert kept.documents.rows[ID].state == "gone"
    assert kept.told() == []


def test_an_issuer_that_may_not_register_any_more_still_says_so() -> None:
    kept = shelf()
    kept.register(kept.key, status="closed")
    assert isinstance(kept.erase(), SignedErasure)


@pytest.mark.parametrize("end", [{"to_ms": START_MS}, {"compromised_ms": START_MS}, {"arn": ""}])
def test_without_a_good_key_it_is_destroyed_and_told_all_the_same(end: dict[str, Any]) -> None:
    kept = shelf()
    kept.register(replace(kept.key, **end))
    assert kept.erase() == b""
    check_done_unsigned(kept)


def test_so_it_is_where_the_issuer_became_another_tenants() -> None:
    kept = shelf()
    kept.register(kept.key, tenant="hospital")
    assert kept.erase() == b""
    check_done_unsigned(kept)


def check_done_unsigned(kept: Shelf) -> None:
    assert kept.documents.rows[ID].state == "gone"
    assert len(kept.told()) == 1
    assert kept.issuer_keys.signed == []


@pytest.mark.parametrize(("tenant", "id"), [("college", "0" * 64), ("hospital", ID)])
def test_what_is_not_there_or_another_tenants(tenant: str, id: str) -> None:
    kept = shelf()
    before = dict(kept.documents.rows)
    assert kept.erase(tenant, id) is None
    assert (kept.documents.rows, kept.told()) == (before, [])


@pytest.mark.parametrize("error", [Conflict, OutcomeUnknown])
def test_nothing_is_said_while_nobody_knows(error: Callable[[str], Exception]) -> None:
    kept = shelf()

    def lose(record: Record) -> Record:
        raise error("nobody knows")

    kept.documents.put = lose  # type: ignore[method-assign]
    with pytest.raises(OutcomeUnknown):
        kept.erase()
    assert (kept.looked, kept.told()) == ([], [])


def test_a_signature_that_does_not_verify_is_not_handed_out() -> None:
    kept = shelf()
    kept.issuer_keys.keys[kept.key.arn] = key_named("another", ES256)
    with pytest.raises(WrongSignature):
        kept.erase()
