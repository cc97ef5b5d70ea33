"""What was set aside stays aside when its client sends it again, on every store alike."""

from __future__ import annotations

import pytest

from chalicelib.notary.admit import admit_bulk, bulk_id
from chalicelib.notary.jobs import job_status
from chalicelib.notary.log import Log
from chalicelib.notary.sequence import create_log

from ..fakes import key_named
from ..notary.desk import CALLER, IAT, registered, registry
from .stores import ORIGIN, Stores

BODY = registered(1) + registered(2)
JOB = bulk_id(CALLER.tenant, BODY)


@pytest.fixture
def log(stores: Stores) -> Log:
    made = Log(
        origin=ORIGIN,
        signer=key_named(ORIGIN),
        chain=stores.chain,
        tiles=stores.objects,
        work=stores.others,
        pending=stores.pending,
        jobs=stores.jobs,
        attempts=stores.attempts,
    )
    create_log(made)
    return made


def submit(log: Log) -> None:
    assert admit_bulk(BODY, CALLER, registry(), log, IAT * 1000).id == JOB


def test_a_bulk_that_was_set_aside_is_not_pending_again(log: Log) -> None:
    submit(log)
    log.pending.set_aside(JOB, "missing-items: its accepted items are not there")
    submit(log)
    assert not log.pending.contains(JOB)
    job = log.jobs.get(JOB)
    assert job is not None
    status = job_status(log, job)
    assert (status["state"], status["integrated"]) == ("failed", 0)
    assert status["problem"] == "set-aside: missing-items: its accepted items are not there"


def test_a_bulk_that_was_not_set_aside_is_put_back_when_a_crash_lost_it(log: Log) -> None:
    submit(log)
    log.pending.remove([JOB])
    submit(log)
    assert log.pending.contains(JOB)
