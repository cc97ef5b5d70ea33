"""The fault table for rosters that are issued in custody: every step × every way of failing.

A tenant sends five rows, one of them bad, until it has an answer; the worker comes, and comes again
until it has done its work, as its queue makes it; then the results are read.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import pytest

from chalicelib.notary.audit import audit_store
from chalicelib.notary.custody import bulk_issue
from chalicelib.notary.custody.bulk_issue import (
    BulkOrder,
    Result,
    issue_job,
    open_job,
    read_results,
)
from chalicelib.notary.custody.documents import Desk, InProgress
from chalicelib.notary.jobs import job_status
from chalicelib.notary.limits import CUSTODY_LEASE_MS
from chalicelib.notary.ports import OutcomeUnknown
from chalicelib.notary.profiles import profiles
from chalicelib.notary.sequence import drain
from tests.fakes import FAULTS, Fault, Killed, Lost, Tap
from tests.faults.test_document_writes import Stage, untapped
from tests.notary.desk import UNIVERSITY

SAMPLE: Any = profiles()["education/diploma"].sample
ROWS = [{"claims": {**SAMPLE, "student_number": f"S{n}"}} for n in range(5)]
ROWS[2] = {"claims": {"name": 1}}
DATA = b"\n".join(json.dumps(row).encode() for row in ROWS)
ORDER = BulkOrder(UNIVERSITY, "education/diploma", "sd-jwt-vc", "ndjson", DATA)


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    make_small(monkeypatch)


def make_small(patch: pytest.MonkeyPatch) -> None:
    """Two rows in a part, and one thread, so that the order of steps is always the same."""
    patch.setattr(bulk_issue, "BULK_ISSUE_ROWS", 2)
    patch.setattr(bulk_issue, "SIGN_THREADS", 1)


@dataclass
class RosterStage(Stage):
    results: list[Result] = field(default_factory=list)
    job: str = ""

    def play(self, tap: Tap) -> None:
        taps = [tap]

        def attempt(step: Callable[[Desk], Any]) -> Any:
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

        self.job = attempt(partial(open_job, key="roster", order=ORDER)).id
        attempt(partial(issue_job, id=self.job))
        drain(self.log, self.clock)
        first: int | None = 0
        while first is not None:
            page, first = attempt(partial(read_results, id=self.job, first=first))
            self.results += page

    def check(self) -> None:
        job = self.log.jobs.get(self.job)
        assert job is not None
        status = job_status(self.log, job)
        assert (status["state"], status["items"], status["accepted"]) == ("done", 5, 4)
        assert [each["item"] for each in status["rejected"]] == [2]
        assert audit_store(self.log).statements == 4, "one issue of each good row"
        assert [each.item for each in self.results] == [0, 1, 2, 3, 4]
        for each in self.results:
            assert (each.receipt is None) == (each.item == 2) == bool(each.row.breaches)
            if each.receipt is not None:
                assert each.receipt.statement.entry == each.row.entry
                assert each.receipt.document == each.row.document


def steps() -> list[str]:
    with pytest.MonkeyPatch.context() as patch:
        make_small(patch)
        stage, fault = RosterStage(), Fault()
        stage.play(fault)
        stage.check()
    return fault.names


STEPS = steps()


def test_the_table_has_every_step_in_its_order() -> None:
    """Two signatures a row; what is signed is stored before the next part is begun, and all of it
    before anything is submitted."""
    pair = ["kms.sign", "kms.sign"]
    assert STEPS == [
        *("kms.new", "documents.put claimed", "jobs.create", "work.create"),
        *("kms.unwrap", "lists.allot", *pair, *pair, "work.create"),
        *("lists.allot", *pair, "work.create"),
        *("lists.allot", *pair, "work.create"),
        *("work.create", "jobs.admit", "pending.add"),
        *["kms.unwrap"] * 3,
    ]


@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("at", range(len(STEPS)), ids=lambda at: f"{at}-{STEPS[at]}")
def test_every_row_is_issued_once_whatever_fails(at: int, kind: str) -> None:
    stage, fault = RosterStage(), Fault(kind, at)
    stage.play(fault)
    assert fault.names[at] == STEPS[at], "the fault hit the step that it is named for"
    stage.check()


@pytest.mark.parametrize("at", range(4, len(STEPS) - 3), ids=lambda at: f"{at}-{STEPS[at]}")
def test_another_worker_runs_completely_at_one_step(at: int) -> None:
    """A message of the queue may come twice, to two workers at once."""
    stage, count = RosterStage(), 0

    def tap(name: str, step: Callable[[], object]) -> object:
        nonlocal count
        mine, count = count == at, count + 1
        if mine:
            issue_job(replace(stage.desk(untapped)), next(iter(stage.documents.rows)))
        return step()

    stage.play(tap)
    stage.check()
