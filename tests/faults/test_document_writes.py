"""The fault table for custodial issuing: every step × every way in which it can fail.

A tenant orders two documents with a key each, asks again until it has an answer, has one of them
destroyed, and lets the other's window end. P-256 signs otherwise each time, so whoever signed
twice would have registered twice. Steps are writes and calls of KMS.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import pytest

from chalicelib.notary.audit import audit_store
from chalicelib.notary.custody.documents import (
    ROUTE,
    Desk,
    Destroyed,
    InProgress,
    Issued,
    destroy,
    find,
    issue,
    purge,
)
from chalicelib.notary.custody.records import Custody, Record, record_id
from chalicelib.notary.entries import read_entries
from chalicelib.notary.limits import CUSTODY_LEASE_MS, CUSTODY_MS
from chalicelib.notary.log import Log
from chalicelib.notary.ports import Conflict, Issuer, IssuerKey, OutcomeUnknown, Signer
from chalicelib.notary.profiles import profiles
from chalicelib.notary.sequence import create_log, drain
from chalicelib.proof.keys import ES256, PublicKey
from chalicelib.proof.statement import SignedStatement, parse_entry
from tests.fakes import (
    FAULTS,
    Clock,
    Fault,
    Killed,
    Lost,
    MemoryDataKeys,
    MemoryDocuments,
    MemoryIssuerKeys,
    MemoryRegistry,
    Tap,
    memory_log,
    tapped,
)
from tests.notary.desk import CALLER, UNIVERSITY

CLAIMS: Any = {**profiles()["education/diploma"].sample, "name": "Canary"}  # type: ignore[dict-item]
ORDER = {"issuer": UNIVERSITY, "profile": "education/diploma"}
BODIES = {
    "claims": json.dumps({**ORDER, "claims": CLAIMS}).encode(),
    "document": json.dumps({**ORDER, "document": "Q2FuYXJ5"}).encode(),
}
"""What is ordered, by Idempotency-Key."""

GONE, DESTROYED = "claims", "document"


@dataclass(frozen=True)
class TappedDocuments:
    inner: MemoryDocuments
    tap: Tap

    def get(self, id: str) -> Record | None:
        return self.inner.get(id)

    def put(self, record: Record) -> Record:
        done = self.tap(f"documents.put {record.state}", lambda: self.inner.put(record))
        assert isinstance(done, Record)
        return done

    def expired(self, now_ms: int, limit: int) -> list[str]:
        return self.inner.expired(now_ms, limit)


@dataclass(frozen=True)
class TappedDataKeys:
    inner: MemoryDataKeys
    tap: Tap

    def new(self, context: Mapping[str, str]) -> Any:
        return self.tap("kms.new", lambda: self.inner.new(context))

    def unwrap(self, wrapped: bytes, context: Mapping[str, str]) -> Any:
        return self.tap("kms.unwrap", lambda: self.inner.unwrap(wrapped, context))


@dataclass(frozen=True)
class TappedSigner:
    inner: Signer
    tap: Tap

    @property
    def public(self) -> PublicKey:
        return self.inner.public

    def sign(self, message: bytes) -> Any:
        return self.tap("kms.sign", lambda: self.inner.sign(message))


@dataclass(frozen=True)
class TappedIssuerKeys:
    inner: MemoryIssuerKeys
    tap: Tap

    def make(self, issuer: str, alg: int, from_ms: int) -> IssuerKey:
        return self.inner.make(issuer, alg, from_ms)

    def signer(self, key: IssuerKey) -> Signer:
        return TappedSigner(self.inner.signer(key), self.tap)


@dataclass
class Stage:
    """One store, and processes that work on it; what was answered, by key."""

    log: Log = field(default_factory=memory_log)
    clock: Clock = field(default_factory=Clock)
    documents: MemoryDocuments = field(default_factory=MemoryDocuments)
    keys: MemoryDataKeys = field(default_factory=MemoryDataKeys)
    issuer_keys: MemoryIssuerKeys = field(default_factory=MemoryIssuerKeys)
    answers: dict[str, list[Issued]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        create_log(self.log)
        held = self.issuer_keys.make(UNIVERSITY, ES256, 0)
        names = {"en": "University", "zh": "大学"}
        self.registry = MemoryRegistry(Issuer(UNIVERSITY, CALLER.tenant, names, (held,)))

    def desk(self, tap: Tap) -> Desk:
        """A process whose steps go through ``tap``."""
        custody = Custody(
            TappedDocuments(self.documents, tap),
            TappedDataKeys(self.keys, tap),
            TappedIssuerKeys(self.issuer_keys, tap),
            "https://tally.test",
        )
        log = tapped(self.log, lambda name, write: tap(name.partition(" ")[0], write))
        return Desk(custody, self.registry, log, CALLER, self.clock())

    def play(self, tap: Tap) -> None:
        """All that happens, each step by whoever is alive; who got no answer asks again."""
        taps = [tap]

        def attempt(step: Callable[[Desk], object]) -> object:
            for _ in range(4):
                try:
                    return step(self.desk(taps[-1]))
                except (Lost, OutcomeUnknown):
                    continue
                except Killed:
                    taps.append(untapped)
                except InProgress:
                    self.clock.tick(CUSTODY_LEASE_MS)
            raise AssertionError("it never ends")

        for key, body in BODIES.items():
            for _ in range(2):
                answer = attempt(partial(issue, key=key, body=body))
                assert isinstance(answer, Issued)
                self.answers.setdefault(key, []).append(answer)
        drain(self.log, self.clock)
        ids = {key: answers[0].id for key, answers in self.answers.items()}
        for key, id_ in ids.items():
            assert attempt(partial(find, id=id_)) == self.answers[key][0]
        attempt(lambda desk: destroy(desk.custody.documents, CALLER.tenant, ids[DESTROYED]))
        self.clock.tick(CUSTODY_MS)
        attempt(lambda desk: purge(desk.custody.documents, desk.now_ms))

    def check(self) -> None:
        size = audit_store(self.log).entries
        parsed = [parse_entry(each) for each in read_entries(self.log, range(size), size).values()]
        entries = {each.entry_id for each in parsed if isinstance(each, SignedStatement)}
        for answers in self.answers.values():
            assert answers[0] == answers[1], "the same answer"
        assert len(entries) == len(BODIES), "one issue for each key"
        assert {each[0].signed.entry_id for each in self.answers.values()} == entries
        self.check_nothing_is_left()

    def check_nothing_is_left(self) -> None:
        assert {each.state for each in self.documents.rows.values()} == {"gone"}
        assert not any(each.secret or each.wrapped for each in self.documents.rows.values())
        for key, body in BODIES.items():
            with pytest.raises(Destroyed) as caught:
                issue(self.desk(untapped), key, body)
            assert caught.value.entry_id == self.answers[key][0].signed.entry_id


def untapped(name: str, step: Callable[[], object]) -> object:
    return step()


def steps() -> list[str]:
    """Every step when nothing fails, counted where they happen."""
    stage, fault = Stage(), Fault()
    stage.play(fault)
    stage.check()
    return fault.names


STEPS = steps()


def test_the_table_has_every_step_in_its_order() -> None:
    """Randomness is stored before it is used, and what is signed before it is submitted."""
    issuing = ["kms.new", "documents.put claimed", "kms.sign", "documents.put signed"]
    issuing += ["pending.add", "documents.put accepted", "kms.unwrap"]
    assert STEPS == [
        "lists.allot",
        *(*issuing[:3], *issuing[2:]),  # a credential is signed, and its statement
        *issuing,
        *("kms.unwrap", "kms.unwrap"),  # to be shown
        *("documents.put gone", "documents.put gone"),
    ]


@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("at", range(len(STEPS)), ids=lambda at: f"{at}-{STEPS[at]}")
def test_one_key_is_one_issue_whatever_fails(at: int, kind: str) -> None:
    stage, fault = Stage(), Fault(kind, at)
    stage.play(fault)
    assert fault.names[at] == STEPS[at], "the fault hit the step that it is named for"
    stage.check()


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("at", range(len(STEPS)), ids=lambda at: f"{at}-{STEPS[at]}")
def test_another_request_runs_completely_at_one_step(at: int, when: str) -> None:
    """With the lease ended, as if the first one were very slow."""
    stage, count = Stage(), 0

    def other() -> None:
        late = replace(stage.desk(untapped), now_ms=stage.clock() + CUSTODY_LEASE_MS)
        for key, body in BODIES.items():
            with suppress(Destroyed, InProgress):
                stage.answers.setdefault(key, []).append(issue(late, key, body))

    def tap(name: str, step: Callable[[], object]) -> object:
        nonlocal count
        mine, count = count == at, count + 1
        if mine and when == "before":
            other()
        done = step()
        if mine and when == "after":
            other()
        return done

    stage.play(tap)
    for answers in stage.answers.values():
        assert len(set(answers)) == 1
    stage.check()


def test_the_tables_never_show_what_was_sent() -> None:
    stage = Stage()

    def look(name: str, step: Callable[[], object]) -> object:
        done = step()
        shown = repr(stage.documents.rows) + repr(stage.log.pending.__dict__)
        assert "Canary" not in shown
        assert "Q2FuYXJ5" not in shown
        return done

    stage.play(look)
    salts = [each[0].document.salt for each in stage.answers.values()]
    stored = repr(stage.documents.rows)
    assert not any(salt.hex() in stored or repr(salt)[2:-1] in stored for salt in salts)


def test_a_destroyed_order_is_not_carried_on() -> None:
    """Its tenant destroys it while somebody signs."""
    stage = Stage()
    id_ = record_id(CALLER.tenant, ROUTE, "claims")

    def tap(name: str, step: Callable[[], object]) -> object:
        if name == "kms.sign":
            assert destroy(stage.documents, CALLER.tenant, id_) is not None
        return step()

    with pytest.raises(InProgress):
        issue(stage.desk(tap), "claims", BODIES["claims"])
    with pytest.raises(Destroyed) as caught:
        issue(stage.desk(untapped), "claims", BODIES["claims"])
    assert caught.value.entry_id is None
    assert stage.log.pending.take(1) == []


def test_an_order_that_moves_again_and_again_is_in_doubt() -> None:
    stage = Stage()
    issue(stage.desk(untapped), "claims", BODIES["claims"])
    [id_] = stage.documents.rows

    def tap(name: str, step: Callable[[], object]) -> object:
        raise Conflict(name)

    with pytest.raises(OutcomeUnknown):
        destroy(TappedDocuments(stage.documents, tap), CALLER.tenant, id_)
    assert purge(TappedDocuments(stage.documents, tap), stage.clock() + CUSTODY_MS) == 0


def test_who_was_refused_need_not_wait() -> None:
    """An issuer that is suspended between two requests, and active again later."""
    stage = Stage()
    fault = Fault("lost", STEPS.index("kms.sign"))
    with pytest.raises(Lost):
        issue(stage.desk(fault), "claims", BODIES["claims"])
    assert all(each.lease_ms == 0 for each in stage.documents.rows.values())
    assert isinstance(issue(stage.desk(untapped), "claims", BODIES["claims"]), Issued)


def test_the_windows_end_is_the_end_of_a_claim_too() -> None:
    stage = Stage()
    fault = Fault("killed-before", STEPS.index("kms.sign"))
    with pytest.raises(Killed):
        issue(stage.desk(fault), "claims", BODIES["claims"])
    stage.clock.tick(CUSTODY_MS)
    with pytest.raises(Destroyed):
        issue(stage.desk(untapped), "claims", BODIES["claims"])
    assert purge(stage.documents, stage.clock()) == 1
    assert stage.log.pending.take(1) == []
