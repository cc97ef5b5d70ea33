"""``tally audit URL``: a whole log over HTTP, right or wrong or out of reach."""

from __future__ import annotations

import json

import httpx
import pytest

from chalicelib.proof.note import (
    NoteSignature,
    add_signatures,
    ed25519_vkey,
    format_note,
    format_vkey,
    parse_note,
)
from tests.cli.desk import Desk, tally, tally_json
from tests.cli.front import Canned
from tests.fakes import key_named, memory_witness


@pytest.fixture
def filled(desk: Desk) -> Desk:
    desk.notarise()
    desk.notarise(desk.write("later.json", b"{}"))
    return desk


def vkey(desk: Desk) -> str:
    return format_vkey(desk.front.service.log.vkey)


@pytest.mark.parametrize("trust", ["service", "vkey", "policy"])
def test_a_log_that_is_right(filled: Desk, trust: str) -> None:
    options = {
        "service": (),
        "vkey": ("--vkey", vkey(filled)),
        "policy": ("--policy", filled.policy),
    }
    report = tally_json("audit", filled.front.url, *options[trust])
    head = filled.front.service.log.chain.head()
    assert head is not None
    assert report == {
        "origin": head.block.origin,
        "blocks": 2,
        "entries": 6,
        "statements": 4,
        "root": head.block.root.hex(),
        "timestamp_ms": head.block.timestamp_ms,
    }


def test_people_are_told_the_counts(filled: Desk) -> None:
    result = tally("audit", filled.front.url)
    assert result.exit_code == 0
    assert "6, of which 4 are statements" in result.stdout


def test_the_first_wrong_thing_is_named(filled: Desk) -> None:
    path = "GET /tile/entries/000.p/6"
    filled.front.answer(path, Canned(200, bytes(100)))
    facts = tally_json("audit", filled.front.url, "--vkey", vkey(filled))
    assert filled.front.seen[path]
    assert facts["error"].startswith("the audit failed: ")
    assert facts["where"]
    filled.front.answer(path, Canned(404))
    assert tally("audit", filled.front.url).exit_code == 1


def test_a_log_under_another_key_is_wrong(filled: Desk) -> None:
    origin = filled.front.service.log.origin
    other = format_vkey(ed25519_vkey(origin, key_named("mallory").public.x))
    assert tally("audit", filled.front.url, "--vkey", other).exit_code == 1


@pytest.mark.parametrize("block", [{}, {"checkpoint": "x"}, []])
def test_blocks_that_are_none(filled: Desk, block: object) -> None:
    body = json.dumps({"blocks": [block]}).encode()
    filled.front.answer("GET /v1/blocks", Canned(200, body))
    result = tally("audit", filled.front.url)
    assert result.exit_code == 1
    assert "the blocks from height 1" in result.stderr


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that the audit made, in seconds."""
    made: list[float] = []
    monkeypatch.setattr("chalicelib.cli.auditing.sleep", made.append)
    return made


def test_a_block_that_is_hidden(filled: Desk, naps: list[float]) -> None:
    filled.front.answer("GET /v1/blocks", *[Canned(200, b'{"blocks":[]}')] * 9)
    assert tally("audit", filled.front.url).exit_code == 1
    assert naps


def newest_hidden(filled: Desk) -> Canned:
    blocks = httpx.get(f"{filled.front.url}/v1/blocks").json()["blocks"]
    return Canned(200, json.dumps({"blocks": blocks[:-1]}).encode())


def test_the_newest_block_may_be_listed_a_moment_later(filled: Desk, naps: list[float]) -> None:
    hidden = newest_hidden(filled)
    filled.front.answer("GET /v1/blocks", hidden, Canned(200, b'{"blocks":[]}'))
    assert tally("audit", filled.front.url).exit_code == 0
    assert naps == [0.5]


def test_if_it_never_is_nobody_can_tell(filled: Desk, naps: list[float]) -> None:
    hidden = newest_hidden(filled)
    filled.front.answer("GET /v1/blocks", hidden, *[Canned(200, b'{"blocks":[]}')] * 9)
    result = tally("audit", filled.front.url)
    assert result.exit_code == 2
    assert "block 2 is published but not yet listed" in result.stderr
    assert naps == [0.5, 1.0, 2.0]


def test_an_address_that_is_no_log(filled: Desk) -> None:
    filled.front.answer("GET /checkpoint", Canned(404))
    result = tally("audit", filled.front.url)
    assert result.exit_code == 2
    assert "no checkpoint" in result.stderr


def test_a_log_out_of_reach(filled: Desk, pauses: list[float]) -> None:
    filled.front.answer("GET /checkpoint", *[Canned(503)] * 100)
    assert tally("audit", filled.front.url).exit_code == 2
    filled.front.faults.clear()
    filled.front.answer("GET /checkpoint", Canned(403))
    assert tally("audit", filled.front.url).exit_code == 2


def test_a_service_that_suggests_no_policy(filled: Desk) -> None:
    filled.front.answer("GET /v1/policy", Canned(404))
    assert tally("audit", filled.front.url).exit_code == 2


def test_keys_that_do_not_help(filled: Desk) -> None:
    url = filled.front.url
    assert tally("audit", url, "--vkey", "x").exit_code == 64
    both = ("--vkey", vkey(filled), "--policy", filled.policy)
    assert tally("audit", url, *both).exit_code == 64
    policy = json.loads(filled.policy.read_text())
    filled.policy.write_text(json.dumps({**policy, "tlog": "quorum none\n"}))
    assert tally("audit", url, "--policy", filled.policy).exit_code == 64


def test_lines_of_the_policy_s_witnesses_must_verify(filled: Desk) -> None:
    log = filled.front.service.log
    note = parse_note(log.tiles.get("checkpoint") or b"")
    witness = memory_witness("witness.test/w").vkey
    forged = NoteSignature(witness.name, witness.key_id, bytes(72))
    log.tiles.swap("checkpoint", format_note(note), format_note(add_signatures(note, [forged])))
    url = filled.front.url
    assert tally("audit", url, "--policy", filled.policy).exit_code == 0, "of nobody it knows"
    policy = json.loads(filled.policy.read_text())
    tlog = policy["tlog"].replace("quorum none", f"witness w {format_vkey(witness)}\nquorum none")
    filled.policy.write_text(json.dumps({**policy, "tlog": tlog}))
    result = tally("audit", url, "--policy", filled.policy)
    assert result.exit_code == 1
    assert "not a checkpoint of this log" in result.stderr
