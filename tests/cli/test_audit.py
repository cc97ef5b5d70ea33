"""``tally audit URL``: a whole log over HTTP, right or wrong or out of reach."""

from __future__ import annotations

import json

import pytest

from chalicelib.proof.note import ed25519_vkey, format_vkey
from tests.cli.desk import Desk, tally, tally_json
from tests.cli.front import Canned
from tests.fakes import key_named


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


def test_a_block_that_is_hidden(filled: Desk) -> None:
    filled.front.answer("GET /v1/blocks", *[Canned(200, b'{"blocks":[]}')] * 9)
    assert tally("audit", filled.front.url).exit_code == 1


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
