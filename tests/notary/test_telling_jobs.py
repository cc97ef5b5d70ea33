"""Telling webhooks of jobs: of their end, and of their entries if they are few."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest

from chalicelib.notary.admit import admit_upload, open_upload, upload_key
from chalicelib.notary.limits import TELL_JOB_ENTRIES
from chalicelib.notary.ports import Job
from chalicelib.notary.webhooks.telling import tell_of_admission, tell_of_failure
from chalicelib.proof.hashes import sha256
from tests.fakes import MemoryObjects, MemoryUploads
from tests.notary.desk import CALLER, UNIVERSITY, registered, revoked
from tests.notary.telling import JUNK, OTHER, TellingDesk, many


@pytest.fixture
def desk() -> TellingDesk:
    return TellingDesk()


class TestJobs:
    def test_of_few_entries_are_told_with_each_of_them(self, desk: TellingDesk) -> None:
        desk.endpoint()
        job = desk.submit_bulk([*many(TELL_JOB_ENTRIES), JUNK])
        [block] = desk.drain()
        assert desk.tell() == TELL_JOB_ENTRIES + 1
        done = desk.told()[-1].event
        counts = {"accepted": TELL_JOB_ENTRIES, "rejected": 1}
        assert (done.type, done.data) == ("job.done", {"job": job.id, **counts})
        assert done.at_ms == block.timestamp_ms
        assert desk.types()[:-1] == ["document.registered"] * TELL_JOB_ENTRIES

    def test_of_more_are_one_event_whatever_their_entries_say(self, desk: TellingDesk) -> None:
        desk.endpoint()
        desk.submit_bulk(many(TELL_JOB_ENTRIES + 1))
        desk.submit(registered(1))
        desk.drain()
        desk.submit_bulk(
            [revoked(each, 100 + n) for n, each in enumerate(many(TELL_JOB_ENTRIES + 1))]
        )
        desk.drain()
        assert desk.tell() == 3
        assert desk.types() == ["document.registered", "job.done", "job.done"]

    def test_count_what_their_batch_refused_among_the_rejected(self, desk: TellingDesk) -> None:
        desk.endpoint()
        rivals = [desk.submit_bulk([registered(number, sub=1)]) for number in (1, 2)]
        assert [job.accepted for job in rivals] == [1, 1]
        desk.drain()
        assert desk.tell() == 3
        first, second = sorted(job.id for job in rivals)
        counts = {each.event.data["job"]: each.event.data for each in desk.told()[1:]}
        assert counts[first] == {"job": first, "accepted": 1, "rejected": 0}
        assert counts[second] == {"job": second, "accepted": 0, "rejected": 1}

    def test_are_told_when_the_last_of_them_is_integrated(self, desk: TellingDesk) -> None:
        desk.endpoint()
        job = desk.submit_bulk(many(10))
        desk.step(max_entries=6)
        assert desk.tell() == 0
        desk.step(max_entries=6)
        assert desk.tell() == 11
        assert desk.told()[-1].event.data["job"] == job.id
        assert len({each.event.data.get("index") for each in desk.told()}) == 11

    def test_of_which_everything_was_there_before_are_done_without_news(
        self, desk: TellingDesk
    ) -> None:
        desk.endpoint()
        job = desk.submit_bulk(many(3))  # admitted before the same entries come alone
        desk.log.pending.remove([job.id])
        desk.submit(*many(3))
        desk.drain()
        assert desk.tell() == 3
        desk.submit_bulk(many(3))
        desk.drain()
        desk.store.rows.clear()
        assert desk.tell() == 1
        assert desk.types() == ["job.done"]

    def test_of_tenants_without_endpoints_are_not_looked_at(
        self, desk: TellingDesk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        desk.endpoint(tenant=OTHER)
        desk.submit_bulk(many(3))
        desk.submit(registered(1))
        desk.drain()
        assert desk.tell() == 0

    def test_whose_id_nobody_knows_are_passed_over(self, desk: TellingDesk) -> None:
        desk.endpoint()
        job = desk.submit_bulk(many(3))
        desk.submit(registered(1))
        desk.drain()
        del cast(dict[str, Job], desk.log.jobs.rows)[job.id]  # type: ignore[attr-defined]
        assert desk.tell() == 1


class TestAdmission:
    def test_that_accepts_nothing_is_the_end(self, desk: TellingDesk) -> None:
        desk.endpoint()
        job = desk.submit_bulk([JUNK, JUNK])
        assert desk.log.pending.take(1) == []
        tell_of_admission(desk.store, job, desk.clock())
        [told] = desk.told()
        assert told.event.data == {"job": job.id, "accepted": 0, "rejected": 2}

    def test_that_fails_is_told(self, desk: TellingDesk) -> None:
        desk.endpoint()
        work = cast(MemoryObjects, desk.log.work)
        job, _ = open_upload(3, sha256(b"one"), CALLER, desk.log.jobs, MemoryUploads(work))
        work.data[upload_key(job.id)] = b"two"
        failed = admit_upload(job.id, desk.registry, desk.log, desk.clock())
        for _ in range(2):
            tell_of_admission(desk.store, failed, desk.clock())
        assert [(each.event.type, each.event.data) for each in desk.told()] == [
            ("job.failed", {"job": job.id})
        ]

    def test_that_waits_for_a_second_person_is_told(self, desk: TellingDesk) -> None:
        desk.endpoint()
        known = desk.registry.issuer(UNIVERSITY)
        assert known is not None
        desk.registry.put_issuer(replace(known, approval=True))
        job = desk.submit_bulk([JUNK, registered(1)])
        for _ in range(2):
            tell_of_admission(desk.store, job, desk.clock.tick())
        assert [(each.event.type, each.event.data) for each in desk.told()] == [
            ("job.waiting", {"job": job.id})
        ]

    @pytest.mark.parametrize("accepted", [[JUNK, registered(1)], [registered(1)]])
    def test_that_accepts_something_is_not(self, desk: TellingDesk, accepted: list[bytes]) -> None:
        desk.endpoint()
        tell_of_admission(desk.store, desk.submit_bulk(accepted), desk.clock())
        assert desk.told() == []

    def test_that_has_not_been_is_not(self, desk: TellingDesk) -> None:
        desk.endpoint()
        tell_of_admission(desk.store, Job("0" * 64, "cambrian", "uploading"), desk.clock())
        assert desk.told() == []


def test_a_job_that_was_set_aside_is_told(desk: TellingDesk) -> None:
    desk.endpoint()
    job = desk.submit_bulk(many(2))
    for _ in range(2):
        tell_of_failure(desk.store, job, desk.clock())
    assert desk.types() == ["job.failed"]
