"""The functions behind the queues and the schedule, as Lambda calls them."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from chalice.test import Client

import app as entry_point
from chalicelib.api.handlers import SweepFailed, uploaded_jobs
from chalicelib.notary.limits import HEARTBEAT_MS
from tests.api.world import World, id_of

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


def test_each_upload_fails_for_itself(idle: World) -> None:
    broken = "not JSON"
    strange = json.dumps({"Records": [{"s3": {}}]})
    event = uploads(json.dumps({"Event": "s3:TestEvent"}), broken, strange)
    failed = [{"itemIdentifier": "m1"}, {"itemIdentifier": "m2"}]
    assert entry_point.admit_upload(event, None) == {"batchItemFailures": failed}


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
