"""What a service kept is destroyed, and then its notary and its webhooks say so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from chalicelib.notary.custody.records import Record, hash_tenant
from chalicelib.notary.erasures import erase_kept
from chalicelib.notary.notices import Notary
from chalicelib.notary.ports import Conflict, OutcomeUnknown
from chalicelib.notary.webhooks.events import Delivery, Endpoint
from chalicelib.proof.erasure import SignedErasure, parse_erasure
from chalicelib.proof.hashes import sha256
from chalicelib.proof.keys import ES256, SigningKey, WrongSignature
from tests.fakes import START_MS, Clock, MemoryDocuments, key_named
from tests.webhook_fakes import MemoryWebhooks

ENTRY, COLLEGE = sha256(b"an entry"), "did:web:college.example"
NOTARY = Notary("did:web:notary.example", key_named("notary", ES256), key_named("lists"))
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
    """A service that keeps one document, and the college's webhook; ``looked`` is what was kept
    whenever somebody asked for the time."""

    documents: MemoryDocuments = field(default_factory=MemoryDocuments)
    webhooks: MemoryWebhooks = field(default_factory=MemoryWebhooks)
    clock: Clock = field(default_factory=Clock)
    looked: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        for tenant in ("college", "hospital"):
            wanted = frozenset(("document.erased",))
            endpoint = Endpoint(f"ep of {tenant}", tenant, "https://x.example", ("s",), wanted)
            self.webhooks.put_endpoint(endpoint)

    def erase(
        self, tenant: str = "college", id: str = ID, notary: Notary | None = NOTARY
    ) -> bytes | SignedErasure | None:
        def now_ms() -> int:
            self.looked.append(self.documents.rows[id].secret)
            return self.clock()

        data = erase_kept(self.documents, self.webhooks, notary, tenant, id, now_ms)
        return parse_erasure(data) if data else data

    def told(self) -> list[Delivery]:
        return list(self.webhooks.rows.values())


def shelf(record: Record = SIGNED) -> Shelf:
    made = Shelf()
    made.documents.put(record)
    return made


def test_it_is_destroyed_and_the_notary_says_so() -> None:
    kept = shelf()
    signed = kept.erase()
    assert isinstance(signed, SignedErasure)
    erasure = signed.erasure
    assert (erasure.iss, erasure.entries) == (NOTARY.id, (ENTRY,))
    assert (erasure.erased_ms, erasure.destroyed) == (START_MS, ("kept-copies",))
    assert signed.kid == NOTARY.signer.public.kid
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


def test_without_a_notary_it_is_destroyed_and_told_all_the_same() -> None:
    kept = shelf()
    assert kept.erase(notary=None) == b""
    assert kept.documents.rows[ID].state == "gone"
    assert len(kept.told()) == 1


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


@dataclass(frozen=True)
class Broken:
    """A signer whose signatures are not its key's."""

    key: SigningKey

    @property
    def public(self) -> object:
        return self.key.public

    def sign(self, message: bytes) -> bytes:
        return self.key.sign(message + b"!")


def test_a_signature_that_does_not_verify_is_not_handed_out() -> None:
    notary = replace(NOTARY, signer=Broken(key_named("notary", ES256)))  # type: ignore[arg-type]
    with pytest.raises(WrongSignature):
        shelf().erase(notary=notary)
