"""The functions behind the queues and the schedule, as Lambda calls them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import pytest
from chalice.test import Client

import app as entry_point
from chalicelib.api import wiring
from chalicelib.api.handlers import (
    AttesterFailed,
    PublisherFailed,
    SweepFailed,
    uploaded_jobs,
)
from chalicelib.notary.attest import Party
from chalicelib.notary.limits import ALARM_TRIES, CUSTODY_MS, HEARTBEAT_MS
from chalicelib.notary.ports import Upload
from chalicelib.parties import Parties
from chalicelib.proof.hashes import sha256
from tests.api.world import CBOR_SEQ, COLLEGE, World, id_of, problem_of
from tests.fakes import MemoryChain, MemoryObjects
from tests.notary.chain import MemoryNetwork, unreachable

NOBODY: dict[str, Any] = {"batchItemFailures": []}


def wakes(*ids: str) -> dict[str, Any]:
    return {"Records": [{"messageId": id_, "body": "wake", "receiptHandle": "r"} for id_ in ids]}


def uploads(*bodies: str) -> dict[str, Any]:
    return {
        "Records": [
            {"messageId": f"m{number}", "body": body, "receiptHandle": "r"}
            for number, body in enumerate(bodies)
        ]
    }


def scheduled() -> dict[str, Any]:
    with Client(entry_point.app) as client:
        return client.events.generate_cw_event("aws.events", "Scheduled Event", {}, [])


def run(function: str) -> object:
    if function == "sweep":
        return entry_point.sweep(scheduled(), None)
    return entry_point.sequencer(wakes("a"), None)


def break_chain(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise RuntimeError("no table")

    monkeypatch.setattr(world.service.log.chain, "head", fail)


def test_wakes_drain_what_is_pending(idle: World) -> None:
    entry = idle.statement()
    idle.submit(entry)
    assert entry_point.sequencer(wakes("a", "b"), None) == NOBODY
    assert idle.get(f"/entries/{id_of(entry)}").status_code == 200


def test_a_wake_with_nothing_pending_makes_no_block(
    idle: World, capsys: pytest.CaptureFixture[str]
) -> None:
    idle.integrate()
    assert entry_point.sequencer(wakes("a"), None) == NOBODY
    line = json.loads(capsys.readouterr().err.splitlines()[-1])
    assert (line["function"], line["done"], line["blocks"]) == ("sequencer", True, 0)


def test_wakes_come_again_when_sequencing_fails(
    idle: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    break_chain(idle, monkeypatch)
    failed = [{"itemIdentifier": "a"}, {"itemIdentifier": "b"}]
    assert entry_point.sequencer(wakes("a", "b"), None) == {"batchItemFailures": failed}
    line = json.loads(capsys.readouterr().err.splitlines()[-1])
    assert (line["function"], line["done"]) == ("sequencer", False)
    assert "no table" not in json.dumps(line)


def test_the_sweep_integrates_what_no_wake_came_for(idle: World) -> None:
    entry = idle.statement()
    idle.submit(entry)
    entry_point.sweep(scheduled(), None)
    assert idle.get(f"/entries/{id_of(entry)}").status_code == 200


def test_the_sweep_writes_the_heartbeat(idle: World) -> None:
    idle.submit(idle.statement())
    entry_point.sweep(scheduled(), None)
    idle.clock.tick(HEARTBEAT_MS)
    entry_point.sweep(scheduled(), None)
    assert idle.get("/healthz").json_body["height"] == 2


def test_a_sweep_that_fails_is_seen_to_fail(idle: World, monkeypatch: pytest.MonkeyPatch) -> None:
    break_chain(idle, monkeypatch)
    with pytest.raises(SweepFailed):
        entry_point.sweep(scheduled(), None)


def log_lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def two_of_one_lineage(world: World) -> list[bytes]:
    """Two registers of one sub, submitted before the log holds either; in the order of their ids,
    which is that of their batch."""
    sub = world.sub()
    entries = [world.statement(sub=sub, payload=world.register(salt)) for salt in ("one", "two")]
    for entry in entries:
        assert world.submit(entry).status_code == 303
    return sorted(entries, key=id_of)


def test_the_sweep_purges_what_is_kept_beyond_its_window(
    idle: World, capsys: pytest.CaptureFixture[str]
) -> None:
    idle.take_custody()
    order = {"issuer": COLLEGE, "profile": "generic/file", "document": "AAAA"}
    assert idle.issue(order).status_code == 303
    capsys.readouterr()
    entry_point.sweep(scheduled(), None)
    assert [line["function"] for line in log_lines(capsys)] == ["sweep"]
    idle.clock.tick(CUSTODY_MS)
    entry_point.sweep(scheduled(), None)
    assert log_lines(capsys)[-1].items() >= {"function": "purge", "done": True, "purged": 1}.items()


@pytest.mark.parametrize("broken", ["log.chain", "custody.documents"])
def test_a_sweep_does_one_thing_though_the_other_fails_and_is_seen_to_fail(
    idle: World,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    broken: str,
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no table")

    entry = idle.statement()
    idle.submit(entry)
    capsys.readouterr()
    if broken == "log.chain":
        monkeypatch.setattr(idle.service.log.chain, "head", fail)
    else:
        monkeypatch.setattr(idle.service.custody.documents, "expired", fail)
    with pytest.raises(SweepFailed):
        entry_point.sweep(scheduled(), None)
    failed = {line["function"] for line in log_lines(capsys) if not line["done"]}
    assert failed == {"sweep" if broken == "log.chain" else "purge"}
    if broken == "custody.documents":
        assert idle.get(f"/entries/{id_of(entry)}").status_code == 200


@pytest.mark.parametrize("function", ["sequencer", "sweep"])
def test_what_is_set_aside_is_told_in_a_line_that_may_be_shown(
    idle: World, capsys: pytest.CaptureFixture[str], function: str
) -> None:
    _, poison = two_of_one_lineage(idle)
    capsys.readouterr()
    run(function)
    told, done = log_lines(capsys)
    assert told == {"set_aside": id_of(poison), "reason": "sub-not-new"}
    assert (done["done"], done["blocks"]) == (True, 1)


def test_a_single_that_was_set_aside_is_refused_with_its_reason_when_it_comes_again(
    idle: World,
) -> None:
    good, poison = two_of_one_lineage(idle)
    run("sequencer")
    shown = idle.get(f"/entries/{id_of(poison)}")
    assert (shown.status_code, problem_of(shown)) == (409, "set-aside")
    assert "sub-not-new" in shown.json_body["detail"]
    again = idle.submit(poison)
    assert (again.status_code, problem_of(again)) == (409, "sub-not-new")
    assert idle.service.log.pending.take(1) == []
    assert idle.submit(good, Prefer="wait=1").status_code == 201


def test_a_bulk_that_was_set_aside_is_refused_with_its_reason_when_it_comes_again(
    idle: World,
) -> None:
    body = idle.statement()
    job = idle.submit(body, CBOR_SEQ).json_body["job"]
    del cast(MemoryObjects, idle.service.log.work).data[f"jobs/{job}/accepted"]
    run("sequencer")
    again = idle.submit(body, CBOR_SEQ)
    assert (again.status_code, problem_of(again)) == (409, "set-aside")
    assert "missing-items" in again.json_body["detail"]
    assert idle.service.log.pending.take(1) == []


def clock_back(world: World) -> None:
    world.clock.now_ms -= 3_600_000


def stale_restore(world: World) -> None:
    cast(MemoryChain, world.service.log.chain).rows.pop()


def missing_staging(world: World) -> None:
    chain, work = world.service.log.chain, cast(MemoryObjects, world.service.log.work)
    rows = cast(MemoryChain, chain).rows
    rows[-1] = replace(rows[-1], applied=False)
    del work.data[rows[-1].staging]


def history_fork(world: World) -> None:
    cast(MemoryObjects, world.service.log.tiles).data["checkpoint"] = b"of another log"


@pytest.mark.parametrize("function", ["sequencer", "sweep"])
@pytest.mark.parametrize(
    ("harm", "name"),
    [
        (clock_back, "clock-went-back"),
        (stale_restore, "stale-restore"),
        (missing_staging, "missing-staging"),
        (history_fork, "history-fork"),
    ],
)
def test_a_refusal_is_told_by_name_and_nothing_that_woke_us_is_deleted(
    idle: World,
    capsys: pytest.CaptureFixture[str],
    harm: Callable[[World], None],
    name: str,
    function: str,
) -> None:
    for _ in range(2):
        idle.submit(idle.statement())
        run("sequencer")
    harm(idle)
    capsys.readouterr()
    if function == "sweep":
        with pytest.raises(SweepFailed):
            run(function)
    else:
        assert run(function) == {"batchItemFailures": [{"itemIdentifier": "a"}]}
    (line,) = log_lines(capsys)
    assert (line["refusal"], line["done"]) == (name, False)


def test_each_upload_fails_for_itself(idle: World) -> None:
    broken = "not JSON"
    strange = json.dumps({"Records": [{"s3": {}}]})
    event = uploads(json.dumps({"Event": "s3:TestEvent"}), broken, strange)
    failed = [{"itemIdentifier": "m1"}, {"itemIdentifier": "m2"}]
    assert entry_point.admit_upload(event, None) == {"batchItemFailures": failed}


@pytest.mark.parametrize(
    ("body", "state"), [(b"Ada Lovelace,S1\n", "done"), (bytes(100_001), "failed")]
)
def test_whatever_was_uploaded_is_destroyed_once_it_is_judged(
    world: World, body: bytes, state: str
) -> None:
    """It may be a roster that was sent by mistake."""
    opened = world.post_json(
        "/v1/uploads", {"bytes": len(body), "sha-256": sha256(body).hex()}, **world.bearer()
    ).json_body
    put = opened["upload"]
    world.uploads.put(Upload(put["url"], put["method"], put["headers"]), body)
    notice = json.dumps({"Records": [{"s3": {"object": {"key": f"uploads/{opened['job']}"}}}]})
    for _ in range(2):
        assert entry_point.admit_upload(uploads(notice), None) == {"batchItemFailures": []}
    job = world.get(f"/v1/jobs/{opened['job']}", **world.bearer()).json_body
    assert (job["state"], job["accepted"]) == (state, 0)
    stored = cast(MemoryObjects, world.service.log.work).data
    assert f"uploads/{opened['job']}" not in stored
    assert not [key for key, data in stored.items() if body[:12] in data]


def test_a_notification_names_its_jobs_by_the_keys_of_its_objects() -> None:
    records = [{"s3": {"object": {"key": key}}} for key in ("uploads/ab%2Bc", "staging/1")]
    assert uploaded_jobs(json.dumps({"Records": records})) == ["ab+c"]


def test_importing_the_app_loads_nothing_heavy() -> None:
    """The cold start pays for every import; these are loaded by the request that needs them."""
    heavy = ("boto3", "botocore", "jwt", "httpx", "click", "urllib.request")
    script = f"import app, sys; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


class TestTheAttester:
    def attesting(self, idle: World, *networks: MemoryNetwork) -> None:
        parties = Parties(networks=tuple(Party(each, 3_600_000) for each in networks))
        idle.service = replace(idle.service, outside=lambda: parties)
        wiring.use(idle.service)
        idle.submit(idle.statement())
        idle.integrate()

    def run(self) -> None:
        entry_point.attester(scheduled(), None)

    def told(self, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
        return [json.loads(line) for line in capsys.readouterr().err.splitlines()]

    def test_attests_what_is_new(self, idle: World) -> None:
        chain = MemoryNetwork()
        self.attesting(idle, chain)
        self.run()
        chain.finalise()
        idle.clock.tick(3_600_000)
        self.run()
        row = idle.service.log.chain.row(1)
        assert row is not None
        assert chain.blocks() == [row.block.hash.hex()]

    def test_tells_of_each_failure_and_rings_for_those_that_do_not_pass(
        self, idle: World, capsys: pytest.CaptureFixture[str]
    ) -> None:
        down = MemoryNetwork("eip155:1", trouble=unreachable())
        self.attesting(idle, down, MemoryNetwork("eip155:2", money=0))
        capsys.readouterr()
        self.run()
        *failures, summary = self.told(capsys)
        told = {each["network"]: each for each in failures}
        assert told["eip155:1"] == {
            "network": "eip155:1",
            "height": 1,
            "problem": "unreachable",
            "tries": 1,
        }
        assert told["eip155:2"]["attestation_alarm"] == "empty-wallet"
        assert (summary["function"], summary["done"]) == ("attester", True)

    def test_rings_for_what_does_not_pass_in_long(
        self, idle: World, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.attesting(idle, MemoryNetwork(trouble=unreachable()))
        for _ in range(ALARM_TRIES + 1):
            self.run()
            idle.clock.tick(3_600_000)
        rung = [each["tries"] for each in self.told(capsys) if "attestation_alarm" in each]
        assert rung == [ALARM_TRIES, ALARM_TRIES + 1]

    def test_that_fails_is_seen_to_fail(self, idle: World, monkeypatch: pytest.MonkeyPatch) -> None:
        break_chain(idle, monkeypatch)
        with pytest.raises(AttesterFailed):
            self.run()


class TestPublisher:
    def run(self, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
        """Its lines."""
        capsys.readouterr()
        entry_point.publisher(scheduled(), None)
        return [json.loads(line) for line in capsys.readouterr().err.splitlines()]

    def test_submits_notices_and_wakes_the_sequencer(
        self, idle: World, capsys: pytest.CaptureFixture[str]
    ) -> None:
        idle.register_notary()
        [line] = self.run(capsys)
        assert (line["function"], line["done"], line["notices"]) == ("publisher", True, 4)
        assert idle.wake.count == 1
        idle.integrate()
        assert [line["notices"] for line in self.run(capsys)] == [0]
        assert idle.wake.count == 1

    def test_without_a_notary_there_is_nothing_to_publish(
        self, idle: World, capsys: pytest.CaptureFixture[str]
    ) -> None:
        wiring.use(replace(idle.service, notary=None))
        [line] = self.run(capsys)
        assert (line["done"], line["notices"]) == (True, 0)

    def test_rings_for_an_issuer_that_cannot_be_told_of(
        self, idle: World, capsys: pytest.CaptureFixture[str]
    ) -> None:
        idle.register_notary()
        issuer = idle.registry.issuer(COLLEGE)
        assert issuer is not None
        idle.registry.put_issuer(replace(issuer, names={"en": "\u202e", "zh": "x"}))
        told = self.run(capsys)[0]
        assert told == {"publish_alarm": "malformed-profile", "issuer": COLLEGE}

    def test_that_fails_is_seen_to_fail(self, idle: World, monkeypatch: pytest.MonkeyPatch) -> None:
        idle.register_notary()
        break_chain(idle, monkeypatch)
        with pytest.raises(PublisherFailed):
            entry_point.publisher(scheduled(), None)
