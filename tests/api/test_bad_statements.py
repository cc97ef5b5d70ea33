"""Bad statements: a clear problem with its stable type, and nothing stored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from chalicelib.proof.cbor import CborValue, Tag, decode, encode
from chalicelib.proof.hashes import Hash
from chalicelib.proof.keys import ES256
from chalicelib.proof.statement import StatusChange
from tests.api.world import COLLEGE, HOSPITAL, NOW_S, World, id_of, problem_of
from tests.fakes import key_named

Breakage = Callable[[World], bytes]


def parts_of(entry: bytes) -> list[CborValue]:
    tag = decode(entry)
    assert isinstance(tag, Tag)
    assert isinstance(tag.value, list)
    return list(tag.value)


def with_header(entry: bytes, label: int, value: CborValue) -> bytes:
    """The entry with another protected header; its signature no longer matters."""
    protected, *others = parts_of(entry)
    assert isinstance(protected, bytes)
    header = decode(protected)
    assert isinstance(header, dict)
    return encode(Tag(18, [encode({**header, label: value}), *others]))


def with_payload(entry: bytes, **members: CborValue) -> bytes:
    protected, unprotected, payload, signature = parts_of(entry)
    assert isinstance(payload, bytes)
    value = decode(payload)
    assert isinstance(value, dict)
    return encode(Tag(18, [protected, unprotected, encode(value | dict(members)), signature]))


def non_deterministic(world: World) -> bytes:
    """The array's length in two bytes where one would do."""
    entry = world.statement()
    assert entry[1] == 0x84
    return entry[:1] + b"\x98\x04" + entry[2:]


def wrong_signature(world: World) -> bytes:
    entry = world.statement()
    return entry[:-1] + bytes([entry[-1] ^ 1])


BROKEN: dict[str, tuple[Breakage, int, str]] = {
    "nothing": (lambda w: b"", 400, "malformed-cbor"),
    "text": (lambda w: b"hello", 400, "malformed-cbor"),
    "cut short": (lambda w: w.statement()[:-1], 400, "malformed-cbor"),
    "trailing garbage": (lambda w: w.statement() + b"\x00", 400, "malformed-cbor"),
    "non-deterministic": (non_deterministic, 400, "malformed-cbor"),
    "not a COSE_Sign1": (lambda w: encode([1, 2, 3]), 400, "malformed-statement"),
    "4,001 bytes": (lambda w: b"\xd2" + bytes(4_000), 413, "entry-too-large"),
    "unknown alg": (lambda w: with_header(w.statement(), 1, -19), 400, "unknown-alg"),
    "ES256 with an Ed25519 kid": (
        lambda w: with_header(w.statement(), 1, ES256),
        400,
        "wrong-signature",
    ),
    "another header": (lambda w: with_header(w.statement(), 16, "x"), 400, "malformed-statement"),
    "unknown kid": (lambda w: w.statement(key=key_named("stranger")), 403, "unknown-key"),
    "wrong signature": (wrong_signature, 400, "wrong-signature"),
    "unknown kind": (lambda w: with_payload(w.statement(), kind="admire"), 400, "unknown-kind"),
    "unknown profile": (
        lambda w: w.statement(payload=w.register("a", "education/degree-mill")),
        400,
        "unknown-profile",
    ),
    "another member": (
        lambda w: with_payload(w.statement(), name="Li Wei"),
        400,
        "malformed-statement",
    ),
    "iat too far ahead": (lambda w: w.statement(iat=NOW_S + 601), 400, "issued-in-future"),
    "another tenant's issuer": (
        lambda w: w.statement(iss=HOSPITAL, key=w.hospital),
        403,
        "not-your-issuer",
    ),
    "another issuer's key": (
        lambda w: w.statement(iss=COLLEGE, key=w.hospital),
        403,
        "unknown-key",
    ),
    "an unregistered issuer": (
        lambda w: w.statement(iss="did:web:mill.example"),
        403,
        "unknown-issuer",
    ),
    "a target that is not there": (
        lambda w: w.statement(payload=StatusChange("revoke", Hash(bytes(32)), "other", NOW_S)),
        409,
        "unknown-target",
    ),
}


CHANGES: dict[str, tuple[list[tuple[str, int]], int, str]] = {
    "a second revocation": ([("revoke", NOW_S), ("revoke", NOW_S)], 409, "impossible-change"),
    "what is not suspended": ([("reinstate", NOW_S)], 409, "impossible-change"),
    "in ten minutes and a second": ([("suspend", NOW_S + 601)], 400, "effective-in-future"),
    "before it was registered": ([("suspend", NOW_S - 1)], 400, "effective-too-early"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_that_cannot_be_is_refused_and_nothing_is_stored(world: World, name: str) -> None:
    *before, (kind, effective) = CHANGES[name][0]
    sub = world.sub()
    diploma = world.statement(sub=sub)
    target = Hash(bytes.fromhex(id_of(diploma)))
    good = [diploma]
    for done, at in before:
        change = StatusChange(done, target, "other", at)
        good.append(world.statement(sub=sub, payload=change))
    for entry in good:
        assert world.submit(entry, Prefer="wait=5").status_code == 201
    stored, wakes = world.stored(), world.wake.count
    change = StatusChange(kind, target, "misconduct", effective)
    response = world.submit(world.statement(sub=sub, payload=change), Prefer="wait=5")
    assert (response.status_code, problem_of(response)) == CHANGES[name][1:]
    assert (world.stored(), world.wake.count) == (stored, wakes)


def test_a_suspended_issuer_registers_nothing(world: World) -> None:
    issuer = world.registry.issuer(COLLEGE)
    assert issuer is not None
    world.registry.put_issuer(replace(issuer, status="suspended"))
    response = world.submit(world.statement(), Prefer="wait=5")
    assert (response.status_code, problem_of(response)) == (403, "issuer-not-active")


@pytest.mark.parametrize("name", BROKEN)
def test_a_bad_statement_is_refused_and_nothing_is_stored(world: World, name: str) -> None:
    breakage, status, problem = BROKEN[name]
    before = world.stored()
    response = world.submit(breakage(world), Prefer="wait=5")
    assert (response.status_code, problem_of(response)) == (status, problem)
    assert response.json_body["status"] == status
    assert len(response.json_body["detail"]) > 20, "says what to do"
    assert world.stored() == before
    assert world.wake.count == 0


def test_an_iat_ten_minutes_ahead_is_still_good(world: World) -> None:
    assert world.submit(world.statement(iat=NOW_S + 600), Prefer="wait=5").status_code == 201


def test_a_key_that_is_not_good_any_more_is_unknown(world: World) -> None:
    issuer = world.registry.issuer(COLLEGE)
    assert issuer is not None
    (key,) = issuer.keys
    world.registry.put_issuer(replace(issuer, keys=(replace(key, to_ms=world.clock()),)))
    assert problem_of(world.submit(world.statement())) == "unknown-key"


def test_a_lineage_that_is_already_in_the_log_cannot_be_registered_again(world: World) -> None:
    sub = world.sub()
    assert world.submit(world.statement(sub=sub), Prefer="wait=5").status_code == 201
    other = world.statement(sub=sub, payload=world.register("another document"))
    before = world.stored()
    response = world.submit(other, Prefer="wait=5")
    assert (response.status_code, problem_of(response)) == (409, "sub-not-new")
    assert world.stored() == before


def test_a_statement_about_anothers_document_has_no_target(world: World) -> None:
    entry = world.statement(iss=HOSPITAL, key=world.hospital)
    assert world.submit(entry, tenant="hospital", Prefer="wait=5").status_code == 201
    target = Hash(bytes.fromhex(id_of(entry)))
    revoke = world.statement(payload=StatusChange("revoke", target, "other", NOW_S))
    assert problem_of(world.submit(revoke)) == "unknown-target"
