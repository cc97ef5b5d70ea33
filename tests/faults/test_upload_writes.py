"""The fault table for uploads: every write from the opening of a job to its end.

One upload is what was announced and is integrated; another is not, and its job fails.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from chalicelib.notary.admit import admit_upload, open_upload, upload_id
from chalicelib.notary.audit import audit_store
from chalicelib.notary.jobs import job_status
from chalicelib.notary.ports import OutcomeUnknown
from chalicelib.proof.hashes import sha256
from tests.fakes import FAULTS, Fault, Killed, Lost, MemoryObjects, MemoryUploads
from tests.faults.scenario import Stage, run_out
from tests.notary.desk import CALLER, Desk, registered, registry

BODY = b"".join(registered(number) for number in range(6))
ANNOUNCED = b"".join(registered(number) for number in range(20, 23))
ARRIVED = ANNOUNCED[:-1] + bytes([ANNOUNCED[-1] ^ 1])
JOBS = [upload_id(CALLER.tenant, sha256(body)) for body in (BODY, ANNOUNCED)]


def play(stage: Stage, attempt: Callable[[Callable[[Desk], object]], object]) -> None:
    work = stage.store.work
    assert isinstance(work, MemoryObjects)
    for job, announced, arrived in zip(JOBS, (BODY, ANNOUNCED), (BODY, ARRIVED), strict=True):
        attempt(partial(_open, uploads=MemoryUploads(work), body=announced))
        work.create(f"uploads/{job}", arrived)  # the client's own write, to the bucket
        attempt(partial(_admit, job=job))
    attempt(run_out)


def _open(desk: Desk, uploads: MemoryUploads, body: bytes) -> None:
    open_upload(len(body), sha256(body), CALLER, desk.log.jobs, uploads)


def _admit(desk: Desk, job: str) -> None:
    admit_upload(job, registry(), desk.log, desk.clock())


def play_with(stage: Stage, fault: Fault) -> None:
    """Who got an error tries again, as its queue or client does; a dead process is replaced."""
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
    good, bad = (log.jobs.get(job) for job in JOBS)
    assert good is not None
    status = job_status(log, good)
    assert (status["state"], status["accepted"], status["integrated"]) == ("done", 6, 6)
    assert bad is not None
    assert (bad.state, bad.accepted) == ("failed", 0)
    assert bad.problem.startswith("digest-mismatch: ")
    assert log.pending.take(1) == []
    assert audit_store(log).statements == 6


def writes() -> list[str]:
    stage, fault = Stage(), Fault()
    play_with(stage, fault)
    check(stage)
    return fault.names


WRITES = writes()


def test_the_table_has_every_write_of_an_upload() -> None:
    for name in ("jobs.create", "jobs.admit", "jobs.fail", "work.create jobs/", "pending.add"):
        assert any(write.startswith(name) for write in WRITES), name


@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("at", range(len(WRITES)), ids=lambda at: f"{at}-{WRITES[at][:40]}")
def test_an_upload_ends_the_same_whatever_fails(at: int, kind: str) -> None:
    stage = Stage()
    fault = Fault(kind, at)
    play_with(stage, fault)
    assert fault.names[at] == WRITES[at], "the fault hit the write that it is named for"
    check(stage)
