"""The function that delivers webhooks, and the functions that meet jobs which fail."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest

import app as entry_point
from chalicelib.api.handlers import DelivererFailed
from chalicelib.notary.admit import upload_key
from chalicelib.notary.ports import Busy
from chalicelib.notary.public_url import Answer
from chalicelib.proof.hashes import sha256
from tests.api.hooks import TARGET, Hooks, scheduled
from tests.api.test_handlers import NOBODY, break_chain, log_lines, run, uploads
from tests.api.world import CBOR_SEQ, World, id_of
from tests.fakes import MemoryObjects


class TestDeliverer:
    def run(self, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
        """Its lines."""
        capsys.readouterr()
        entry_point.deliverer(scheduled(), None)
        return log_lines(capsys)

    def test_tells_and_delivers(self, world: World, capsys: pytest.CaptureFixture[str]) -> None:
        hooks = Hooks(world)
        hooks.made()
        world.submit(world.statement())
        told, delivered = self.run(capsys)
        assert (told["function"], told["done"], told["queued"]) == ("teller", True, 1)
        assert (delivered["function"], delivered["done"]) == ("deliverer", True)
        assert (delivered["delivered"], delivered["dead"]) == (1, 0)
        assert len(hooks.receivers.got) == 1

    def test_tells_of_each_failure_in_a_line_that_may_be_shown(
        self, world: World, capsys: pytest.CaptureFixture[str]
    ) -> None:
        hooks = Hooks(world)
        made = hooks.made()
        hooks.receivers.answers[TARGET] = Answer(500)
        world.submit(world.statement())
        _, failure, _ = self.run(capsys)
        [event] = hooks.receivers.ids()
        facts = {"problem": "status-500", "tries": 1}
        assert failure == {"endpoint": made["id"], "event": event, **facts}

    def test_delivers_although_it_cannot_tell_and_is_seen_to_fail(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hooks = Hooks(world)
        made = hooks.made()
        hooks.post(f"/{made['id']}/test")
        break_chain(world, monkeypatch)
        with pytest.raises(DelivererFailed):
            entry_point.deliverer(scheduled(), None)
        assert len(hooks.receivers.got) == 1

    def test_tells_although_it_cannot_deliver_and_is_seen_to_fail(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hooks = Hooks(world)
        hooks.made()
        world.submit(world.statement())
        monkeypatch.setattr(world.service.sealer, "open", None)
        with pytest.raises(DelivererFailed):
            entry_point.deliverer(scheduled(), None)
        assert [each.tries for each in hooks.store.rows.values()] == [0]

    def test_refuses_a_chain_that_is_older_than_what_was_told(
        self, world: World, capsys: pytest.CaptureFixture[str]
    ) -> None:
        hooks = Hooks(world)
        hooks.made()
        hooks.store.height = 9
        with pytest.raises(DelivererFailed):
            self.run(capsys)
        assert log_lines(capsys)[0]["refusal"] == "stale-restore"


class TestJobsThatFail:
    def failed(self, hooks: Hooks) -> list[tuple[str, object]]:
        return [(each.event.type, each.event.data["job"]) for each in hooks.store.rows.values()]

    def poisoned(self, world: World) -> str:
        """A job that was admitted and whose items are lost."""
        job: str = world.submit(world.statement(), CBOR_SEQ).json_body["job"]
        del cast(MemoryObjects, world.service.log.work).data[f"jobs/{job}/accepted"]
        return job

    @pytest.mark.parametrize("function", ["sequencer", "sweep"])
    def test_because_they_were_set_aside_are_told(self, idle: World, function: str) -> None:
        hooks = Hooks(idle)
        hooks.made()
        job = self.poisoned(idle)
        run(function)
        assert self.failed(hooks) == [("job.failed", job)]

    def test_are_told_again_by_whoever_finds_them_still_there(
        self, idle: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The sequencer died between telling and setting aside, or before both."""
        hooks = Hooks(idle)
        hooks.made()
        job = self.poisoned(idle)

        def die(id_: str, reason: str) -> None:
            raise RuntimeError

        with monkeypatch.context() as patch:
            patch.setattr(idle.service.log.pending, "set_aside", die)
            run("sequencer")
        assert idle.service.log.pending.aside(job) is None
        run("sequencer")
        assert idle.service.log.pending.aside(job) is not None
        assert self.failed(hooks) == [("job.failed", job)]

    def test_cannot_stop_the_log_when_nobody_can_be_told(
        self, idle: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        job = self.poisoned(idle)
        entry = idle.statement()
        idle.submit(entry)

        def refuse(tenant: str) -> None:
            raise Busy("try later")

        monkeypatch.setattr(idle.service.webhooks, "endpoints", refuse)
        capsys.readouterr()
        assert run("sequencer") == NOBODY
        aside, untold, done = log_lines(capsys)
        assert (aside["set_aside"], untold["untold"], done["done"]) == (job, job, True)
        assert "Busy" in untold["error"]
        assert idle.get(f"/entries/{id_of(entry)}").status_code == 200

    def test_at_their_admission_are_told(self, idle: World) -> None:
        hooks = Hooks(idle)
        hooks.made()
        announced = {"bytes": 3, "sha-256": sha256(b"one").hex()}
        opened = idle.post_json("/v1/uploads", announced, **idle.bearer()).json_body
        key = upload_key(opened["job"])
        cast(MemoryObjects, idle.service.log.work).data[key] = b"two"
        event = uploads(json.dumps({"Records": [{"s3": {"object": {"key": key}}}]}))
        for _ in range(2):
            assert entry_point.admit_upload(event, None) == NOBODY
        assert self.failed(hooks) == [("job.failed", opened["job"])]
