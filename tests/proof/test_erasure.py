"""Erasure receipts: one spelling, who may say what, and what a stranger's library makes of them."""

from __future__ import annotations

import json
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.proof import erasure as room
from chalicelib.proof.credentials import jose
from chalicelib.proof.credentials.jose import sign_jws
from chalicelib.proof.erasure import (
    DESTROYED,
    ErasureTooLarge,
    MalformedErasure,
    check_erased,
    format_erasure,
    make_erasure,
    parse_erasure,
    sign_erasure,
    verify_erasure,
)
from chalicelib.proof.errors import CannotTell, Invalid, Malformed, ProofError
from chalicelib.proof.jcs import ByteOrderMark, DuplicateKey, NotJson
from chalicelib.proof.keys import WrongSignature, format_jwk
from chalicelib.proof.limits import ERASURE_BYTES, ERASURE_ENTRIES
from chalicelib.proof.members import MalformedMember
from chalicelib.proof.payload import MalformedDid
from chalicelib.proof.policy import parse_policy
from chalicelib.proof.statement import parse_statement

from .credentials_samples import P256_KEY
from .erasure_vectors import ENTRIES, ERASED_MS, vectors
from .vectors import load_vectors
from .world import ISSUER, ISSUER_KEY, NOTARY, NOTARY_KEY, World, policy, policy_value, some_hash

FOUND = load_vectors("erasure")
GOOD: bytes = FOUND["good"]["document"].encode()
ERRORS: dict[str, type[ProofError]] = {
    error.__name__: error
    for error in (
        ByteOrderMark,
        CannotTell,
        DuplicateKey,
        Invalid,
        MalformedDid,
        MalformedErasure,
        MalformedMember,
        NotJson,
        WrongSignature,
        jose.ForbiddenAlgorithm,
        jose.ForbiddenParameter,
        jose.NotCompactJws,
        jose.WrongAlgorithm,
        room.NonCanonicalErasure,
    )
}


def check(vector: dict[str, Any]) -> str:
    data = vector["document"].encode()
    signed = parse_erasure(data)
    assert format_erasure(signed) == data
    return verify_erasure(signed, parse_policy(json.dumps(vector["policy"]).encode())).id


@pytest.mark.parametrize("name", FOUND)
def test_vector(name: str) -> None:
    vector = FOUND[name]
    if "error" not in vector:
        assert check(vector) == (NOTARY if name == "good-notary" else ISSUER)
        return
    with pytest.raises(ERRORS[vector["error"]]) as raised:
        check(vector)
    assert type(raised.value).__name__ == vector["error"]


def test_the_vectors_are_what_their_maker_makes() -> None:
    made = {name: {"policy": policy_value(), **value} for name, value in vectors()}
    assert json.loads(json.dumps(made)) == FOUND


def test_an_erasure_is_read_into_its_values() -> None:
    read = parse_erasure(GOOD).erasure
    assert (read.iss, read.erased_ms) == (ISSUER, ERASED_MS)
    assert [entry.hex() for entry in read.entries] == ENTRIES[:1]
    assert read.destroyed == ("journal-lines", "receipt-salts")
    assert parse_erasure(GOOD).kid == ISSUER_KEY.public.kid


@given(
    entries=st.lists(st.integers(0, 30), min_size=1, max_size=40),
    erased_ms=st.integers(0, 2**53 - 1),
    words=st.lists(st.sampled_from(DESTROYED), min_size=1),
    key=st.sampled_from([ISSUER_KEY, P256_KEY]),
)
def test_what_is_written_is_read_again(
    entries: list[int], erased_ms: int, words: list[str], key: Any
) -> None:
    erasure = make_erasure(ISSUER, [some_hash(str(n)) for n in entries], erased_ms, words)
    data = sign_erasure(erasure, key)
    assert parse_erasure(data).erasure == erasure
    assert format_erasure(parse_erasure(data)) == data


@given(at=st.integers(0, len(GOOD) - 1), bit=st.integers(0, 7))
def test_no_changed_bit_is_a_receipt_of_this_issuer(at: int, bit: int) -> None:
    changed = bytearray(GOOD)
    changed[at] ^= 1 << bit
    with pytest.raises(ProofError):
        verify_erasure(parse_erasure(bytes(changed)), policy())


@given(st.binary(max_size=200))
def test_whatever_the_bytes_they_are_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse_erasure(data)


def test_what_is_too_large_is_not_read() -> None:
    with pytest.raises(ErasureTooLarge):
        parse_erasure(b"[" * (ERASURE_BYTES + 1))


def test_as_many_entries_as_the_limit_says_fit_and_no_more() -> None:
    ids = [some_hash(str(n)) for n in range(ERASURE_ENTRIES + 1)]
    assert sign_erasure(make_erasure(ISSUER, ids[1:], 0, DESTROYED), ISSUER_KEY)
    with pytest.raises(MalformedErasure):
        sign_erasure(make_erasure(ISSUER, ids, 0, DESTROYED), ISSUER_KEY)


def test_what_says_nothing_is_not_signed() -> None:
    with pytest.raises(MalformedErasure):
        sign_erasure(make_erasure(ISSUER, [], 0, DESTROYED), ISSUER_KEY)
    with pytest.raises(MalformedErasure):
        sign_erasure(make_erasure(ISSUER, [some_hash("a")], 0, []), ISSUER_KEY)


@pytest.mark.parametrize("key", [ISSUER_KEY, P256_KEY])
def test_a_library_that_we_did_not_write_verifies_it(key: Any) -> None:
    """Its compact form, with PyJWT and the key's JWK."""
    members = json.loads(
        sign_erasure(make_erasure(ISSUER, [some_hash("a")], ERASED_MS, DESTROYED), key)
    )
    compact = ".".join(members[name] for name in ("protected", "payload", "signature"))
    stranger, public = (
        jwt.PyJWS(),
        jwt.PyJWK(format_jwk(key.public), "EdDSA" if not key.public.y else "ES256"),
    )
    read = json.loads(stranger.decode(compact, public, algorithms=["EdDSA", "ES256"]))
    assert read["entries"] == [some_hash("a").hex()]
    flipped = compact[:-10] + ("A" if compact[-10] != "A" else "B") + compact[-9:]
    with pytest.raises(jwt.InvalidSignatureError):
        stranger.decode(flipped, public, algorithms=["EdDSA", "ES256"])


def test_another_jws_of_the_same_key_is_none() -> None:
    """A credential's signature cannot be passed off as an erasure: its typ is another."""
    payload = json.dumps(json.loads(jose.parse_jws(_compact(GOOD)).payload)).encode()
    kid = f"{ISSUER}#{ISSUER_KEY.public.kid.hex()}"
    protected, body, signature = sign_jws(payload, ISSUER_KEY, typ="dc+sd-jwt", kid=kid).split(".")
    members = {"payload": body, "protected": protected, "signature": signature}
    with pytest.raises(MalformedErasure, match="typ"):
        parse_erasure(json.dumps(members, separators=(",", ":")).encode() + b"\n")


def _compact(data: bytes) -> str:
    members = json.loads(data)
    return ".".join(members[name] for name in ("protected", "payload", "signature"))


class TestCheckErased:
    """Whether an erasure is of a receipt's entry."""

    statement = parse_statement(World().entry)

    def erase(self, iss: str = ISSUER, entry: Any = None) -> None:
        key = NOTARY_KEY if iss == NOTARY else ISSUER_KEY
        erasure = make_erasure(iss, [entry or self.statement.entry_id], ERASED_MS, ["seeds"])
        signed = parse_erasure(sign_erasure(erasure, key))
        check_erased(erasure, self.statement, verify_erasure(signed, policy()))

    @pytest.mark.parametrize("iss", [ISSUER, NOTARY])
    def test_by_its_issuer_or_the_notary(self, iss: str) -> None:
        self.erase(iss)

    def test_of_another_entry(self) -> None:
        with pytest.raises(Invalid, match="not among"):
            self.erase(entry=some_hash("other"))

    def test_by_another_issuer(self) -> None:
        other = World(iss="did:web:other.example")
        erasure = make_erasure(ISSUER, [parse_statement(other.entry).entry_id], 0, ["seeds"])
        with pytest.raises(Invalid, match=r"is of did:web:other\.example"):
            check_erased(erasure, parse_statement(other.entry), policy().issuers[ISSUER])
