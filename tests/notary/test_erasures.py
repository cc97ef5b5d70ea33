"""What a service kept is destroyed, and then its notary says so."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from chalicelib.notary.erasures import erase_kept
from chalicelib.notary.notices import Notary
from chalicelib.notary.ports import OutcomeUnknown
from chalicelib.proof.erasure import SignedErasure, parse_erasure
from chalicelib.proof.hashes import Hash, sha256
from chalicelib.proof.keys import ES256, SigningKey, WrongSignature
from tests.fakes import START_MS, Clock, key_named

ENTRY = sha256(b"an entry")
NOTARY = Notary("did:web:notary.example", key_named("notary", ES256), key_named("lists"))


@dataclass
class Kept:
    """A shelf of documents by tenant and id, each with its entry if it was signed."""

    entry_id: Hash | None = ENTRY
    copies: int = 1
    lost: bool = False
    signed: list[int] = field(default_factory=list)

    def destroy(self, tenant: str, id: str) -> Kept | None:
        if (tenant, id) != ("college", "1"):
            return None
        if self.lost:
            raise OutcomeUnknown("nobody knows")
        self.copies = 0
        return self


def erase(kept: Kept, tenant: str = "college", id: str = "1", notary: Notary = NOTARY) -> object:
    clock = Clock()

    def now_ms() -> int:
        kept.signed.append(kept.copies)
        return clock()

    data = erase_kept(kept.destroy, notary, tenant, id, now_ms)
    return parse_erasure(data) if data else data


def test_it_is_destroyed_and_the_notary_says_so() -> None:
    kept = Kept()
    signed = erase(kept)
    assert isinstance(signed, SignedErasure)
    erasure = signed.erasure
    assert (erasure.iss, erasure.entries) == (NOTARY.id, (ENTRY,))
    assert (erasure.erased_ms, erasure.destroyed) == (START_MS, ("kept-copies",))
    assert signed.kid == NOTARY.signer.public.kid


def test_the_time_is_after_it_is_done() -> None:
    kept = Kept()
    erase(kept)
    assert kept.signed == [0]


def test_asked_again_it_says_the_same() -> None:
    kept = Kept()
    one, other = erase(kept), erase(kept)
    assert isinstance(one, SignedErasure)
    assert isinstance(other, SignedErasure)
    assert one.erasure == other.erasure


def test_what_was_never_signed_has_no_entry_to_name() -> None:
    kept = Kept(entry_id=None)
    assert erase(kept) == b""
    assert kept.copies == 0


@pytest.mark.parametrize(("tenant", "id"), [("college", "2"), ("hospital", "1")])
def test_what_is_not_there_or_another_tenants(tenant: str, id: str) -> None:
    kept = Kept()
    assert erase(kept, tenant, id) is None
    assert kept.copies == 1


def test_nothing_is_said_while_nobody_knows() -> None:
    kept = Kept(lost=True)
    with pytest.raises(OutcomeUnknown):
        erase(kept)
    assert kept.signed == []


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
        erase(Kept(), notary=notary)
