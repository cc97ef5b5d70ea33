"""An upload whose notification was lost is asked for again, and not too often."""

from __future__ import annotations

from typing import cast

from chalicelib.notary.admit import admit_upload, open_upload, remind_of_upload
from chalicelib.notary.limits import REMIND_MS
from chalicelib.notary.ports import Job
from chalicelib.proof.hashes import sha256
from tests.fakes import MemoryObjects, MemoryRemind, MemoryUploads
from tests.notary.desk import CALLER, Desk, registered

BODY = registered(1)


class Owner:
    """Opens an upload, puts the object when told to, and looks at the job."""

    def __init__(self) -> None:
        self.desk, self.hints = Desk(), MemoryRemind()
        objects = cast(MemoryObjects, self.desk.log.work)
        self.uploads = MemoryUploads(objects, clock_ms=self.desk.clock)
        jobs = self.desk.log.jobs
        self.job, self._upload = open_upload(len(BODY), sha256(BODY), CALLER, jobs, self.uploads)

    def put(self) -> None:
        self.uploads.put(self._upload, BODY)

    def look(self, after_ms: int = 0) -> list[str]:
        """The hints that were sent so far."""
        now_ms = self.desk.clock.tick(after_ms)
        job = self.desk.job(self.job)
        remind_of_upload(job, self.desk.log.jobs, self.uploads, self.hints, now_ms)
        return self.hints.jobs

    def admit(self) -> Job:
        return admit_upload(self.job.id, self.desk.registry, self.desk.log, self.desk.clock())


def test_nothing_is_asked_for_before_the_object_has_come() -> None:
    assert Owner().look(after_ms=REMIND_MS) == []


def test_the_notification_has_its_time_to_come() -> None:
    owner = Owner()
    owner.put()
    assert owner.look(after_ms=REMIND_MS - 1) == []
    assert owner.look(after_ms=1) == [owner.job.id]


def test_however_often_its_owner_looks_the_hint_is_sent_now_and_then() -> None:
    owner = Owner()
    owner.put()
    assert owner.look(after_ms=REMIND_MS) == owner.look(after_ms=REMIND_MS - 1) == [owner.job.id]
    assert owner.look(after_ms=1) == [owner.job.id] * 2


def test_an_admitted_upload_is_asked_for_no_more() -> None:
    owner = Owner()
    owner.put()
    owner.admit()
    assert owner.look(after_ms=REMIND_MS) == []
