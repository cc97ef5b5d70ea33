"""``Jobs``: admission ends once, and stays as it ended."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.adapters.dynamodb_jobs import DynamoJobs
from chalicelib.notary.ports import Conflict, Job, Jobs, JobState

from .stores import Stores

JOB = Job("a" * 64, "a tenant", "uploading")
SENT = replace(JOB, sender="d" * 64)


@pytest.fixture
def jobs(stores: Stores) -> Jobs:
    return stores.jobs


def test_an_unknown_job_is_none(jobs: Jobs) -> None:
    assert jobs.get(JOB.id) is None


@pytest.mark.parametrize("state", ["uploading", "admitting"])
def test_a_job_is_created_once(jobs: Jobs, state: JobState) -> None:
    job = replace(JOB, state=state)
    assert jobs.create(job)
    assert not jobs.create(replace(job, tenant="another tenant"))
    assert jobs.get(JOB.id) == job


@pytest.mark.parametrize("state", ["uploading", "admitting"])
def test_admission_counts_items_and_can_be_repeated(jobs: Jobs, state: JobState) -> None:
    jobs.create(replace(JOB, state=state))
    for _ in range(2):
        jobs.admit(JOB.id, 10, 8)
    assert jobs.get(JOB.id) == replace(JOB, state="integrating", items=10, accepted=8)


def test_a_job_of_which_nothing_was_accepted_has_nothing_left_to_integrate(jobs: Jobs) -> None:
    jobs.create(JOB)
    for _ in range(2):
        jobs.admit(JOB.id, 10, 0)
    job = jobs.get(JOB.id)
    assert job == replace(JOB, state="integrating", items=10)
    assert job.integrated == job.accepted == 0


def test_an_admission_is_never_replaced(jobs: Jobs) -> None:
    jobs.create(JOB)
    jobs.admit(JOB.id, 10, 8)
    with pytest.raises(Conflict):
        jobs.admit(JOB.id, 10, 9)
    with pytest.raises(Conflict):
        jobs.fail(JOB.id, "too-many-items")
    assert jobs.get(JOB.id) == replace(JOB, state="integrating", items=10, accepted=8)


@pytest.mark.parametrize("state", ["uploading", "admitting"])
def test_a_job_fails_with_its_problem_and_stays_failed(jobs: Jobs, state: JobState) -> None:
    jobs.create(replace(JOB, state=state))
    for _ in range(2):
        jobs.fail(JOB.id, "too-many-items")
    with pytest.raises(Conflict):
        jobs.admit(JOB.id, 10, 8)
    assert jobs.get(JOB.id) == replace(JOB, state="failed", problem="too-many-items")


@pytest.mark.parametrize("state", ["uploading", "admitting"])
def test_a_job_waits_for_a_second_person_with_its_counts(jobs: Jobs, state: JobState) -> None:
    jobs.create(replace(SENT, state=state))
    for _ in range(2):
        jobs.hold(JOB.id, 10, 8)
    waiting = replace(SENT, state="awaiting-approval", items=10, accepted=8)
    assert jobs.get(JOB.id) == waiting
    jobs.admit(JOB.id, 10, 8)
    assert jobs.get(JOB.id) == waiting
    for admit in (jobs.hold, jobs.admit):
        with pytest.raises(Conflict):
            admit(JOB.id, 10, 9)


def test_what_waits_is_let_go_on_by_the_first_who_says_so(jobs: Jobs) -> None:
    jobs.create(SENT)
    jobs.hold(JOB.id, 10, 8)
    for decider in ("b" * 64, "b" * 64, "c" * 64):
        jobs.approve(JOB.id, decider)
    going = replace(SENT, state="integrating", items=10, accepted=8, decider="b" * 64)
    assert jobs.get(JOB.id) == going
    jobs.hold(JOB.id, 10, 8)
    with pytest.raises(Conflict):
        jobs.fail(JOB.id, "not-approved")
    assert jobs.get(JOB.id) == going


def test_what_waits_may_fail_and_then_is_not_approved(jobs: Jobs) -> None:
    jobs.create(SENT)
    jobs.hold(JOB.id, 10, 8)
    jobs.fail(JOB.id, "not-approved: twice")
    with pytest.raises(Conflict):
        jobs.approve(JOB.id, "b" * 64)
    for admit in (jobs.hold, jobs.admit):
        with pytest.raises(Conflict):
            admit(JOB.id, 10, 8)
    job = jobs.get(JOB.id)
    assert job is not None
    assert (job.state, job.problem, job.decider) == ("failed", "not-approved: twice", "")


def test_what_does_not_wait_is_not_approved(jobs: Jobs) -> None:
    with pytest.raises(Conflict):
        jobs.approve(JOB.id, "b" * 64)
    jobs.create(SENT)
    with pytest.raises(Conflict):
        jobs.approve(JOB.id, "b" * 64)
    jobs.admit(JOB.id, 10, 8)
    with pytest.raises(Conflict):
        jobs.approve(JOB.id, "b" * 64)
    assert jobs.get(JOB.id) == replace(SENT, state="integrating", items=10, accepted=8)


def test_a_job_of_before_senders_were_known_is_read(aws_stores: Stores) -> None:
    table = aws_stores.jobs
    assert isinstance(table, DynamoJobs)
    table.create(JOB)
    client = table._clients.dynamodb
    client.update_item(
        TableName=table._table,
        Key={"job": {"S": JOB.id}},
        UpdateExpression="REMOVE sender, decider",
    )
    assert table.get(JOB.id) == JOB


def test_an_unknown_job_is_neither_admitted_nor_failed(jobs: Jobs) -> None:
    with pytest.raises(Conflict):
        jobs.admit(JOB.id, 10, 8)
    with pytest.raises(Conflict):
        jobs.fail(JOB.id, "too-many-items")
    assert jobs.get(JOB.id) is None


def test_whoever_reminds_first_is_the_only_one_for_a_while(jobs: Jobs) -> None:
    jobs.create(JOB)
    asked = [jobs.may_remind(JOB.id, now_ms, 1_000) for now_ms in (5_000, 5_000, 5_999, 6_000)]
    assert asked == [True, False, False, True]
    assert jobs.get(JOB.id) == JOB


def test_nobody_reminds_of_a_job_that_is_not_there(jobs: Jobs) -> None:
    assert not jobs.may_remind(JOB.id, 5_000, 1_000)
    assert jobs.get(JOB.id) is None
