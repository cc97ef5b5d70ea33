"""Two persons: a job waits for the second, goes on by her word, and stops by it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, cast

import pytest

from chalicelib.notary.admit import Caller, admit_bulk, admit_statement, admit_upload, open_upload
from chalicelib.notary.approval import approve, reject
from chalicelib.notary.audit import audit_store
from chalicelib.notary.custody import documents
from chalicelib.notary.custody.records import Custody
from chalicelib.notary.held import Held, Subject, held_key, hold, person_of, read_held
from chalicelib.notary.jobs import job_status
from chalicelib.notary.ports import Conflict, Issuer, IssuerKey, Job
from chalicelib.notary.refused import Refused
from chalicelib.proof.errors import Malformed
from chalicelib.proof.hashes import sha256
from chalicelib.proof.statement import Payload, parse_statement, sign_statement
from tests.fakes import (
    START_MS,
    MemoryDataKeys,
    MemoryDocuments,
    MemoryIssuerKeys,
    MemoryObjects,
    MemoryUploads,
    key_named,
)
from tests.notary.desk import (
    CALLER,
    HOSPITAL,
    IAT,
    UNIVERSITY,
    Desk,
    issuer_of,
    registered,
    revoked,
    signed,
    sub_of,
    superseded,
)

SENDER = replace(CALLER, person=person_of("", key_named(UNIVERSITY).public.kid.hex()))
SECOND = replace(CALLER, person=person_of("", key_named("second").public.kid.hex()))
THIRD = replace(CALLER, person=person_of("https://login.example", "user 3"))
ITEMS = [registered(1), registered(2), b"\xf5"]


def strict(**different: Any) -> Issuer:
    """The university, which asks for a second person; two of its people have a key."""
    issuer = issuer_of(UNIVERSITY, "cambrian")
    keys = (*issuer.keys, IssuerKey(key_named("second").public, 0))
    return replace(issuer, approval=True, keys=keys, **different)


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.registry.put_issuer(strict())
    return desk


def send(desk: Desk, items: Sequence[bytes] = ITEMS, caller: Caller = SENDER) -> Job:
    return admit_bulk(b"".join(items), caller, desk.registry, desk.log, desk.clock())


def asking(desk: Desk, caller: Caller) -> documents.Desk:
    """The caller at a service that keeps nothing of these jobs."""
    custody = Custody(MemoryDocuments(), MemoryDataKeys(), MemoryIssuerKeys(), "https://tally.test")
    return documents.Desk(custody, desk.registry, desk.log, caller, desk.clock())


def allow(desk: Desk, job: Job, caller: Caller = SECOND) -> Job:
    return approve(desk.job(job), asking(desk, caller))


def refusal(work: Callable[[], object]) -> str:
    with pytest.raises(Refused) as refused:
        work()
    assert len(refused.value.detail) > 10
    return refused.value.name


def put_issuer(desk: Desk, **different: Any) -> None:
    desk.registry.put_issuer(strict(**different))


class TestWaiting:
    def test_a_job_is_checked_and_waits(self, desk: Desk) -> None:
        job = send(desk)
        status = job_status(desk.log, job)
        assert (status["state"], status["items"], status["accepted"]) == ("awaiting-approval", 3, 2)
        assert [each["item"] for each in status["rejected"]] == [2]
        [documents] = status["approval"]["documents"]
        assert documents == {
            "issuer": UNIVERSITY,
            "kind": "register",
            "profile": "education/diploma",
            "items": 2,
        }
        assert status["approval"]["since_ms"] == START_MS
        assert desk.log.pending.take(1) == []
        desk.drain()
        assert audit_store(desk.log).statements == 0

    def test_sent_again_it_goes_on_waiting(self, desk: Desk) -> None:
        job = send(desk)
        desk.clock.tick()
        for caller in (SENDER, SECOND):
            assert send(desk, caller=caller) == job
        assert job_status(desk.log, job)["approval"]["since_ms"] == START_MS

    def test_an_upload_waits_too(self, desk: Desk) -> None:
        body = b"".join(ITEMS)
        uploads = MemoryUploads(cast(MemoryObjects, desk.log.work))
        job, upload = open_upload(len(body), sha256(body), SENDER, desk.log.jobs, uploads)
        uploads.put(upload, body)
        for _ in range(2):
            job = admit_upload(job.id, desk.registry, desk.log, desk.clock())
            assert (job.state, job.sender) == ("awaiting-approval", SENDER.person)
        assert refusal(lambda: allow(desk, job, SENDER)) == "same-person"
        assert allow(desk, job).state == "integrating"

    def test_a_single_statement_is_refused(self, desk: Desk) -> None:
        entry = registered(1)
        name = refusal(
            lambda: admit_statement(entry, SENDER, desk.registry, desk.log, desk.clock())
        )
        assert name == "approval-required"
        assert desk.log.pending.take(1) == []

    def test_a_single_statement_that_is_in_the_log_is_there(self, desk: Desk) -> None:
        allow(desk, send(desk))
        desk.drain()
        admit_statement(registered(1), SENDER, desk.registry, desk.log, desk.clock())
        assert desk.log.pending.take(1) == []

    def test_changes_of_status_wait_for_nobody(self, desk: Desk) -> None:
        allow(desk, send(desk))
        desk.drain()
        desk.submit(revoked(registered(1), 1))
        assert send(desk, [revoked(registered(2), 2)]).state == "integrating"

    def test_a_job_with_both_waits_as_a_whole(self, desk: Desk) -> None:
        allow(desk, send(desk))
        desk.drain()
        job = send(desk, [superseded(registered(1), 1), revoked(registered(2), 2), registered(3)])
        kinds = {each["kind"] for each in job_status(desk.log, job)["approval"]["documents"]}
        assert (job.state, kinds) == ("awaiting-approval", {"register", "supersede"})

    def test_what_is_in_the_log_already_asks_for_nobody(self, desk: Desk) -> None:
        allow(desk, send(desk, [registered(1)]))
        desk.drain()
        assert send(desk, [registered(1), registered(1)]).state == "integrating"

    def test_other_issuers_do_not_wait(self, desk: Desk) -> None:
        caller = Caller("mercy", "client", CALLER.scopes, "somebody")
        assert send(desk, [signed_by_hospital()], caller).state == "integrating"

    def test_one_that_waits_is_not_let_go_on_by_a_change_of_mind(self, desk: Desk) -> None:
        """The setting counts when a job is sent; what waits is approved or rejected."""
        job = send(desk)
        desk.registry.put_issuer(replace(strict(), approval=False))
        assert send(desk).state == "awaiting-approval"
        assert allow(desk, job).state == "integrating"

    def test_one_that_was_admitted_before_is_not_stopped(self, desk: Desk) -> None:
        desk.registry.put_issuer(replace(strict(), approval=False))
        job = send(desk)
        put_issuer(desk)
        assert send(desk) == job
        assert refusal(lambda: allow(desk, job)) == "not-awaiting-approval"
        assert len(desk.drain()) == 1


def signed_by_hospital() -> bytes:
    payload = registered_payload()
    return signed(payload, 9, iss=HOSPITAL)


def registered_payload() -> Payload:
    return parse_statement(registered(9)).statement.payload


class TestApproving:
    @pytest.mark.parametrize("caller", [SECOND, THIRD], ids=["a key", "an outside account"])
    def test_lets_the_job_go_on(self, desk: Desk, caller: Caller) -> None:
        job = allow(desk, send(desk), caller)
        assert (job.state, job.decider) == ("integrating", caller.person)
        desk.drain()
        status = job_status(desk.log, desk.job(job))
        assert (status["state"], status["integrated"]) == ("done", 2)
        assert "approval" not in status
        desk.receipt(registered(1))

    def test_may_be_repeated_by_anybody(self, desk: Desk) -> None:
        job = allow(desk, send(desk))
        for caller in (SECOND, THIRD, SENDER):
            assert allow(desk, job, caller) == job
        desk.drain()
        assert allow(desk, job).decider == SECOND.person
        assert desk.drain() == []

    def test_by_whoever_sent_it_is_refused(self, desk: Desk) -> None:
        job = send(desk, caller=THIRD)
        assert refusal(lambda: allow(desk, job, THIRD)) == "same-person"
        assert desk.job(job).state == "awaiting-approval"

    def test_by_whoever_signed_it_is_refused_whoever_sent_it(self, desk: Desk) -> None:
        job = send(desk, caller=THIRD)
        assert refusal(lambda: allow(desk, job, SENDER)) == "same-person"
        mixed = [registered(4), by_second(5)]
        both = send(desk, mixed, caller=THIRD)
        assert refusal(lambda: allow(desk, both, SECOND)) == "same-person"

    def test_by_nobody_in_particular_is_refused(self, desk: Desk) -> None:
        assert refusal(lambda: allow(desk, send(desk), CALLER)) == "same-person"

    def test_of_what_nobody_in_particular_sent_is_refused(self, desk: Desk) -> None:
        assert refusal(lambda: allow(desk, send(desk, caller=CALLER))) == "same-person"

    @pytest.mark.parametrize(
        ("different", "problem"),
        [
            ({"status": "suspended"}, "issuer-not-active: item 0: "),
            ({"status": "closed"}, "issuer-not-active: item 0: "),
        ],
    )
    def test_an_issuer_that_is_not_active_any_more_fails_the_job(
        self, desk: Desk, different: dict[str, str], problem: str
    ) -> None:
        job = send(desk)
        put_issuer(desk, **different)
        assert refusal(lambda: allow(desk, job)) == "not-awaiting-approval"
        assert desk.job(job).problem.startswith(problem)
        assert desk.log.pending.take(1) == []

    @pytest.mark.parametrize("end", ["to_ms", "compromised_ms"])
    def test_a_key_that_is_not_good_any_more_fails_the_job(self, desk: Desk, end: str) -> None:
        """Its receipts would be of a time when the key was not good: invalid for ever."""
        job = send(desk)
        first, second = strict().keys
        ended = replace(first, **{end: desk.clock.tick()})  # type: ignore[arg-type]
        desk.registry.put_issuer(replace(strict(), keys=(ended, second)))
        assert refusal(lambda: allow(desk, job)) == "not-awaiting-approval"
        assert desk.job(job).problem.startswith("unknown-key: item 0: ")
        assert send(desk).state == "failed"

    def test_a_target_that_was_revoked_meanwhile_fails_the_job(self, desk: Desk) -> None:
        allow(desk, send(desk))
        desk.drain()
        job = send(desk, [b"\xf5", superseded(registered(1), 1)])
        desk.submit(revoked(registered(1), 1))
        desk.drain()
        assert refusal(lambda: allow(desk, job)) == "not-awaiting-approval"
        assert desk.job(job).problem.startswith("impossible-change: item 1: ")

    def test_what_came_into_the_log_another_way_meanwhile_is_no_hindrance(self, desk: Desk) -> None:
        job, other = send(desk), send(desk, [registered(2)])
        allow(desk, other)
        desk.drain()
        allow(desk, job)
        desk.drain()
        assert job_status(desk.log, desk.job(job))["state"] == "done"
        audit_store(desk.log)

    def test_a_job_that_waits_for_something_else_is_not_approved(self, desk: Desk) -> None:
        desk.log.jobs.create(Job("a" * 64, "cambrian", "uploading"))
        job = Job("a" * 64, "cambrian", "uploading")
        assert refusal(lambda: allow(desk, job)) == "not-awaiting-approval"


def by_second(number: int) -> bytes:
    return sign_statement(
        registered_payload(), UNIVERSITY, sub_of(number), IAT, key_named("second")
    )


class TestRejecting:
    def test_fails_the_job_with_the_reason(self, desk: Desk) -> None:
        job = send(desk)
        for _ in range(2):
            assert reject(desk.job(job), "the wrong year", desk.log).state == "failed"
        status = job_status(desk.log, desk.job(job))
        assert (status["state"], status["problem"]) == ("failed", "not-approved: the wrong year")
        assert refusal(lambda: allow(desk, job)) == "not-awaiting-approval"
        assert send(desk).state == "failed"
        assert desk.log.pending.take(1) == []

    def test_comes_too_late_for_what_was_approved(self, desk: Desk) -> None:
        job = allow(desk, send(desk))
        assert refusal(lambda: reject(job, "too late", desk.log)) == "not-awaiting-approval"


class TestRaces:
    """Both looked at the job while it waited; one was faster."""

    def test_of_two_approvals_the_first_is_written_down(self, desk: Desk) -> None:
        job = send(desk)
        allow(desk, job)
        late = approve(job, asking(desk, THIRD))
        assert (late.state, late.decider) == ("integrating", SECOND.person)

    def test_an_approval_after_a_rejection_is_none(self, desk: Desk) -> None:
        job = send(desk)
        reject(job, "no", desk.log)
        name = refusal(lambda: approve(job, asking(desk, SECOND)))
        assert name == "not-awaiting-approval"

    def test_a_rejection_after_an_approval_is_none(self, desk: Desk) -> None:
        job = send(desk)
        allow(desk, job)
        assert refusal(lambda: reject(job, "no", desk.log)) == "not-awaiting-approval"

    def test_a_failure_found_too_late_does_not_undo_an_approval(self, desk: Desk) -> None:
        job = send(desk)
        allow(desk, job)
        put_issuer(desk, status="suspended")
        late = approve(job, asking(desk, THIRD))
        assert late.state == "integrating"


class TestHeld:
    SUBJECTS = (
        Subject(UNIVERSITY, "register", "education/diploma"),
        Subject(UNIVERSITY, "supersede", "education/diploma"),
        Subject(UNIVERSITY, "register", "education/diploma"),
    )

    def test_comes_back_as_it_was_first_written(self) -> None:
        work = MemoryObjects()
        hold(work, "job", self.SUBJECTS, 5)
        hold(work, "job", self.SUBJECTS[:1], 6)
        first, second, _ = self.SUBJECTS
        assert read_held(work, "job") == Held(5, ((first, 2), (second, 1)))

    def test_is_not_written_for_nobody(self) -> None:
        work = MemoryObjects()
        hold(work, "job", (), 5)
        assert (work.data, read_held(work, "job")) == ({}, None)

    @pytest.mark.parametrize("data", [b"{}", b"", b'{"v":1,"since_ms":-1,"documents":[]}'])
    def test_is_read_exactly(self, data: bytes) -> None:
        work = MemoryObjects()
        work.create(held_key("job"), data)
        with pytest.raises(Malformed):
            read_held(work, "job")

    def test_persons_are_hashed_and_told_apart(self) -> None:
        persons = {person_of("", "a"), person_of("a", ""), person_of("a", "b"), person_of("", "ab")}
        assert len(persons) == 4
        assert all(len(each) == 64 for each in persons)


def test_a_conflict_is_no_approval(desk: Desk) -> None:
    with pytest.raises(Conflict):
        desk.log.jobs.approve("a" * 64, SECOND.person)
