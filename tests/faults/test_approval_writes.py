"""The fault table for approvals: every write from a job that is sent to its end.

One job is approved and integrated; another is rejected; a third is approved too late, when its key
has ended.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial

import pytest

from chalicelib.notary.admit import admit_bulk, bulk_id
from chalicelib.notary.approval import approve, reject
from chalicelib.notary.audit import audit_store
from chalicelib.notary.custody.documents import Desk as Asking
from chalicelib.notary.custody.records import Custody
from chalicelib.notary.jobs import job_status
from chalicelib.notary.ports import IssuerKey, OutcomeUnknown
from chalicelib.notary.refused import Refused
from tests.fakes import (
    FAULTS,
    Fault,
    Killed,
    Lost,
    MemoryDataKeys,
    MemoryDocuments,
    MemoryIssuerKeys,
    MemoryRegistry,
    key_named,
)
from tests.faults.scenario import Stage, run_out
from tests.notary.desk import CALLER, UNIVERSITY, Desk, issuer_of, registered

SENDER, SECOND = (replace(CALLER, person=person) for person in ("sender", "second"))
BODIES = [b"".join(registered(n) for n in numbers) for numbers in ((1, 2, 3), (4,), (5, 6))]
CUSTODY = Custody(MemoryDocuments(), MemoryDataKeys(), MemoryIssuerKeys(), "https://tally.test")
GOOD, BAD, LATE = [bulk_id(CALLER.tenant, body) for body in BODIES]


def registry(*, ended: bool = False) -> MemoryRegistry:
    issuer = issuer_of(UNIVERSITY, "cambrian")
    [key] = issuer.keys
    past = replace(key, to_ms=1)
    other = IssuerKey(key_named("other").public, 0)
    return MemoryRegistry(replace(issuer, approval=True, keys=(past if ended else key, other)))


def play(stage: Stage, attempt: Callable[[Callable[[Desk], object]], object]) -> None:
    for body in BODIES:
        attempt(partial(_send, body=body))
    attempt(partial(_approve, job=GOOD, ended=False))
    attempt(_reject)
    attempt(partial(_approve, job=LATE, ended=True))
    attempt(run_out)


def _send(desk: Desk, body: bytes) -> None:
    admit_bulk(body, SENDER, registry(), desk.log, desk.clock())


def _approve(desk: Desk, job: str, ended: bool) -> None:
    found = desk.log.jobs.get(job)
    assert found is not None
    with suppress(Refused):  # once it has failed, she is told so
        approve(found, Asking(CUSTODY, registry(ended=ended), desk.log, SECOND, desk.clock()))


def _reject(desk: Desk) -> None:
    found = desk.log.jobs.get(BAD)
    assert found is not None
    reject(found, "the wrong year", desk.log)


def play_with(stage: Stage, fault: Fault) -> None:
    """Who got an error tries again; a dead process is replaced."""
    Desk(log=stage.store)
    desks = [stage.process(fault)]

    def attempt(step: Callable[[Desk], object]) -> None:
        try:
            step(desks[-1])
        except (Lost, OutcomeUnknown, Killed) as failure:
            if isinstance(failure, Killed):
                desks.append(stage.process())
            step(desks[-1])

    play(stage, attempt)


def check(stage: Stage) -> None:
    log = stage.store
    found = {id_: log.jobs.get(id_) for id_ in (GOOD, BAD, LATE)}
    good, bad, late = (found[id_] for id_ in (GOOD, BAD, LATE))
    assert good is not None
    assert bad is not None
    assert late is not None
    status = job_status(log, good)
    assert (status["state"], status["integrated"], good.decider) == ("done", 3, "second")
    assert (bad.state, bad.problem) == ("failed", "not-approved: the wrong year")
    assert (late.state, late.decider) == ("failed", "")
    assert late.problem.startswith("unknown-key: item 0: ")
    assert log.pending.take(1) == []
    assert audit_store(log).statements == 3


def writes() -> list[str]:
    stage, fault = Stage(), Fault()
    play_with(stage, fault)
    check(stage)
    return fault.names


WRITES = writes()


def test_the_table_has_every_write_of_an_approval() -> None:
    held = [name for name in WRITES if name.endswith("/held")]
    assert len(held) == len(BODIES)
    for name in ("jobs.create", "jobs.hold", "jobs.approve", "jobs.fail", "pending.add"):
        assert any(write.startswith(name) for write in WRITES), name
    assert sum(write.startswith("jobs.admit") for write in WRITES) == 0


@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("at", range(len(WRITES)), ids=lambda at: f"{at}-{WRITES[at][:40]}")
def test_an_approval_ends_the_same_whatever_fails(at: int, kind: str) -> None:
    stage = Stage()
    fault = Fault(kind, at)
    play_with(stage, fault)
    assert fault.names[at] == WRITES[at], "the fault hit the write that it is named for"
    check(stage)
