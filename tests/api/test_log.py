"""The log as everybody reads it: checkpoint, tiles, blocks, keys, policy and health."""

from __future__ import annotations

from base64 import b64decode

import pytest

from chalicelib.api import wiring
from chalicelib.notary.networks import Attempt
from chalicelib.proof.block import block_to_be_signed, parse_header
from chalicelib.proof.cbor import decode
from chalicelib.proof.checkpoint import parse_checkpoint_text
from chalicelib.proof.note import parse_note
from chalicelib.proof.policy import read_policy
from chalicelib.proof.tiles import Bundle, Tile
from tests.api.world import COLLEGE, World, b64url, problem_of
from tests.fakes import ORIGIN, memory_service


def test_the_checkpoint_is_the_published_one(world: World) -> None:
    assert problem_of(world.get("/checkpoint")) == "no-checkpoint"
    world.submit(world.statement(), Prefer="wait=5")
    response = world.get("/checkpoint")
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    checkpoint = parse_checkpoint_text(parse_note(response.body).text)
    assert (checkpoint.origin, checkpoint.size) == (ORIGIN, 2)


@pytest.mark.parametrize("tile", [Tile(0, 0, 2), Bundle(0, 2)])
def test_tiles_are_served_as_they_are_stored(world: World, tile: Tile | Bundle) -> None:
    world.submit(world.statement(), Prefer="wait=5")
    response = world.get(f"/{tile.path}")
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/octet-stream"
    assert "immutable" in response.headers["Cache-Control"]
    assert response.body == world.service.log.tiles.get(tile.path)


@pytest.mark.parametrize(
    "path",
    [
        "0/000",
        "0/000.p/3",
        "0/000.p/256",
        "0/000.p/02",
        "00/000",
        "0/0",
        "0/x000/000",
        "64/000",
        "entries/000",
        "entries/000.p/+2",
        "data/000",
        "0/x123/x123/x123/x123/x123/123",
        "0/x123/x123/x123/x123/x123",
    ],
)
def test_a_tile_that_is_not_there_is_not_there(world: World, path: str) -> None:
    world.submit(world.statement(), Prefer="wait=5")
    response = world.get(f"/tile/{path}")
    assert (response.status_code, problem_of(response)) == (404, "no-such-tile")


def test_the_checkpoint_is_not_a_tile_and_neither_is_anything_else(world: World) -> None:
    world.submit(world.statement(), Prefer="wait=5")
    for path in ("/tile/../checkpoint", "/tile/%2e%2e/checkpoint", "/tile/0/..%2f..%2fcheckpoint"):
        assert problem_of(world.get(path)) == "no-such-tile"


def test_a_block_holds_what_verifies_it(world: World) -> None:
    world.submit(world.statement(), Prefer="wait=5")
    response = world.get("/v1/blocks/1")
    written = response.json_body
    block = parse_header(bytes.fromhex(written["header"]), ORIGIN)
    assert (written["height"], written["size"]) == (block.height, block.size) == (1, 2)
    assert written["hash"] == block.hash.hex()
    public = world.service.log.signer.public
    public.verify(b64decode(written["signature"]), block_to_be_signed(block, public.kid))
    assert written["checkpoint"].encode() == world.get("/checkpoint").body


def test_a_block_tells_how_far_it_is_attested(world: World) -> None:
    world.submit(world.statement(), Prefer="wait=5")
    assert world.get("/v1/blocks/1").json_body["attestations"] == []
    attempt = Attempt("eip155:1", 1, "planned", 5, tries=1, problem="unreachable", due_ms=9)
    world.service.log.attempts.put(attempt)
    assert world.get("/v1/blocks/1").json_body["attestations"] == [
        {
            "network": "eip155:1",
            "state": "planned",
            "planned_ms": 5,
            "problem": "unreachable",
            "tries": 1,
            "retry_ms": 9,
        }
    ]


def test_blocks_are_listed_in_pages(world: World) -> None:
    for _ in range(3):
        world.submit(world.statement(), Prefer="wait=5")
    first = world.get("/v1/blocks?limit=2")
    assert [block["height"] for block in first.json_body["blocks"]] == [1, 2]
    link = first.headers["Link"][1:].partition(">")[0]
    second = world.get(link)
    assert [block["height"] for block in second.json_body["blocks"]] == [3]
    assert "Link" not in second.headers
    assert world.get("/v1/blocks?from=9").json_body == {"blocks": []}


@pytest.mark.parametrize("height", ["0", "2", "-1", "01", "1e0", "9" * 17, "x"])
def test_a_block_that_is_not_there_is_not_there(world: World, height: str) -> None:
    world.submit(world.statement(), Prefer="wait=5")
    assert problem_of(world.get(f"/v1/blocks/{height}")) == "no-such-block"


@pytest.mark.parametrize("query", ["from=0", "from=x", "limit=0", "limit=101", "limit=1&limit=2"])
def test_a_page_of_blocks_is_asked_for_exactly(world: World, query: str) -> None:
    assert problem_of(world.get(f"/v1/blocks?{query}")) == "bad-query"


def test_the_scitt_keys_hold_the_logs_key_by_its_thumbprint(world: World) -> None:
    public = world.service.log.signer.public
    response = world.get("/.well-known/scitt-keys", Accept="application/cbor")
    assert response.headers["Content-Type"] == "application/cbor"
    keys = decode(response.body)
    assert keys == [{1: 1, -1: 6, -2: public.x, 2: public.kid, 3: -8}]
    one = world.get(f"/.well-known/scitt-keys/{b64url(public.kid)}")
    assert [decode(one.body)] == keys


@pytest.mark.parametrize("kid", ["AA", "A", "!", "", b64url(bytes(32)), b64url(bytes(32)) + "="])
def test_another_key_id_is_not_there(world: World, kid: str) -> None:
    if kid:
        assert problem_of(world.get(f"/.well-known/scitt-keys/{kid}")) == "no-such-key"
    else:
        assert world.get("/.well-known/scitt-keys/").status_code == 200


def test_scitt_clients_may_have_their_problems_in_cbor(world: World) -> None:
    accept = "application/cbor, application/concise-problem-details+cbor"
    response = world.get("/.well-known/scitt-keys/AA", Accept=accept)
    assert response.status_code == 404
    assert response.headers["Content-Type"] == "application/concise-problem-details+cbor"
    problem = decode(response.body)
    assert isinstance(problem, dict)
    assert (problem[-1], problem[-4]) == ("There is no such key", 404)


def test_the_policy_trusts_the_log_and_the_registry(world: World) -> None:
    policy = read_policy(world.get("/v1/policy").json_body)
    assert list(policy.tlog.logs) == [ORIGIN]
    assert policy.issuers[COLLEGE].keys[world.college.public.kid].from_ms == 0


def test_a_healthy_service_says_how_far_it_is(world: World) -> None:
    world.submit(world.statement(), Prefer="wait=5")
    health = world.get("/healthz").json_body
    assert (health["status"], health["height"], health["size"]) == ("ok", 1, 2)


def test_a_service_without_a_log_is_not_ready(world: World) -> None:
    wiring.use(memory_service())
    assert problem_of(world.get("/healthz")) == "not-ready"
