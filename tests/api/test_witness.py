"""``POST /add-checkpoint``: each answer of C2SP tlog-witness, by its status and media type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from chalice.test import HTTPResponse

from chalicelib.api import wiring
from chalicelib.notary.witnessing import WitnessedLog, WitnessService, know_log
from chalicelib.proof.hashes import Hash
from chalicelib.proof.limits import ADD_CHECKPOINT_BYTES
from chalicelib.proof.note import Note, format_vkey, parse_note, parse_signatures, verify_note
from chalicelib.proof.tlogwitness import AddCheckpoint, format_add_checkpoint
from tests.api.world import World, problem_of
from tests.fakes import memory_log
from tests.notary.desk import Desk, registered

PATH = "/add-checkpoint"


@pytest.fixture
def other() -> Desk:
    """A log of somebody else's, with one block."""
    desk = Desk(memory_log("other.test/log"))
    desk.submit(registered(1))
    desk.step()
    return desk


def witness_of(world: World) -> WitnessService:
    assert world.service.witness is not None
    return world.service.witness


def watch(world: World, other: Desk) -> None:
    know_log(witness_of(world).states, format_vkey(other.log.vkey))


def remembered(world: World) -> WitnessedLog | None:
    return witness_of(world).states.get("other.test/log")


def note_of(other: Desk) -> Note:
    return parse_note(other.head().checkpoint)


def asked(other: Desk, old_size: int = 0, *path: Hash) -> bytes:
    return format_add_checkpoint(AddCheckpoint(old_size, path, note_of(other)))


def post(world: World, body: bytes, headers: Mapping[str, str] | None = None) -> HTTPResponse:
    return world.request("POST", PATH, body, headers)


def test_a_checkpoint_is_cosigned(world: World, other: Desk) -> None:
    watch(world, other)
    response = post(world, asked(other))
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert response.headers["Cache-Control"] == "no-store"
    note = note_of(other)._replace(signatures=parse_signatures(response.body))
    assert verify_note(note, [witness_of(world).vkey])
    known = remembered(world)
    assert known is not None
    assert (known.size, known.root) == (2, other.head().block.root)


@pytest.mark.parametrize("media", [None, "text/plain", "application/octet-stream", "x"])
def test_no_account_and_no_content_type_is_asked_for(
    world: World, other: Desk, media: str | None
) -> None:
    watch(world, other)
    headers = {} if media is None else {"Content-Type": media}
    assert post(world, asked(other), headers).status_code == 200


def test_another_size_is_answered_with_the_remembered_one(world: World, other: Desk) -> None:
    watch(world, other)
    response = post(world, asked(other, 1))
    assert (response.status_code, response.body) == (409, b"0\n")
    assert response.headers["Content-Type"] == "text/x.tlog.size"
    post(world, asked(other))
    assert post(world, asked(other)).body == b"2\n"
    assert post(world, asked(other, 2)).status_code == 200


def test_an_unknown_log(world: World, other: Desk) -> None:
    response = post(world, asked(other))
    assert (response.status_code, problem_of(response)) == (404, "unknown-log")


def test_a_checkpoint_that_the_log_did_not_sign(world: World, other: Desk) -> None:
    watch(world, other)
    body = asked(other)
    forged = body.replace(b"\n2\n", b"\n3\n")
    response = post(world, forged)
    assert (response.status_code, problem_of(response)) == (403, "not-signed-by-log")


def test_a_request_that_cannot_be_read(world: World, other: Desk) -> None:
    watch(world, other)
    for body in (b"", b"old\n", asked(other)[:-1], asked(other, 3)):
        response = post(world, body)
        assert (response.status_code, problem_of(response)) == (400, "malformed-checkpoint")


def test_a_second_history(world: World, other: Desk) -> None:
    watch(world, other)
    post(world, asked(other))
    fork = Desk(memory_log("other.test/log"))
    fork.submit(registered(2))
    fork.step()
    response = post(world, asked(fork, 2))
    assert (response.status_code, problem_of(response)) == (422, "inconsistent-checkpoint")
    assert "two histories" in response.json_body["detail"]
    known = remembered(world)
    assert known is not None
    assert known.root == other.head().block.root


def test_too_many_bytes(world: World) -> None:
    response = post(world, bytes(ADD_CHECKPOINT_BYTES + 1))
    assert (response.status_code, problem_of(response)) == (413, "too-many-bytes")


def test_a_clock_that_went_back(world: World, other: Desk) -> None:
    watch(world, other)
    post(world, asked(other))
    world.clock.now_ms -= 60_000
    response = post(world, asked(other, 2))
    assert (response.status_code, problem_of(response)) == (503, "busy")
    assert response.headers["Retry-After"]


def test_a_deployment_that_is_no_witness(world: World, other: Desk) -> None:
    wiring.use(replace(world.service, witness=None))
    response = post(world, asked(other))
    assert (response.status_code, problem_of(response)) == (404, "no-witness")
