"""The log as everybody may read it: checkpoint, tiles (C2SP tlog-tiles) and the hash chain."""

from __future__ import annotations

import json
import re

from ..notary.evidence import write_attempts
from ..notary.limits import BLOCKS_PAGE
from ..notary.ports import Row
from ..proof.errors import Malformed
from ..proof.limits import INTEGER
from ..proof.text import format_base64
from ..proof.tiles import parse_tile_path
from . import media
from .operation import Call
from .problems import Problem
from .request import Reply
from .room import Room

room = Room(__name__)

CHECKPOINT = "checkpoint"
TILE_DEPTH = 8
"""``tile``, a level, at most six groups of three digits below 2^63 entries, and a width."""

_IMMUTABLE = {"Cache-Control": "public, max-age=31536000, immutable"}
_FRESH = {"Cache-Control": "no-cache"}
_HEIGHT = re.compile(r"0|[1-9][0-9]{0,15}", re.ASCII)


@room.operation(
    "GET",
    "/checkpoint",
    summary="The newest signed tree head (C2SP tlog-checkpoint)",
    gives={200: (media.TEXT,)},
    problems=("no-checkpoint",),
)
def show_checkpoint(call: Call) -> Reply:
    checkpoint = call.service.log.tiles.get(CHECKPOINT)
    if checkpoint is None:
        raise Problem("no-checkpoint")
    return Reply(200, media.TEXT, checkpoint, _FRESH)


def show_tile(call: Call) -> Reply:
    parts = [call.request.params[name] for name in _TILE_PARTS if name in call.request.params]
    path = "/".join(["tile", *parts])
    try:
        key = parse_tile_path(path).path
    except Malformed as error:
        raise Problem("no-such-tile", str(error)) from error
    data = call.service.log.tiles.get(key)
    if data is None:
        raise Problem("no-such-tile")
    return Reply(200, media.OCTETS, data, _IMMUTABLE)


_TILE_PARTS = ("level", *(f"part{number}" for number in range(1, TILE_DEPTH - 1)))


def _route_tiles() -> None:
    """One route per depth: API Gateway's ``{proxy+}`` is not known to Chalice."""
    for depth in range(2, TILE_DEPTH):
        names = _TILE_PARTS[:depth]
        room.operation(
            "GET",
            "/tile/" + "/".join(f"{{{name}}}" for name in names),
            name=f"show_tile_{depth}",
            summary="A tile of hashes or a bundle of entries (C2SP tlog-tiles)",
            parameters=dict.fromkeys(names, "a part of the tile's path"),
            gives={200: (media.OCTETS,)},
            problems=("no-such-tile",),
        )(show_tile)


_route_tiles()


@room.operation(
    "GET",
    "/v1/blocks",
    summary="Blocks of the hash chain, in order of height",
    query={"from": "the first height, from 1", "limit": f"how many, at most {BLOCKS_PAGE}"},
    gives={200: (media.JSON,)},
    headers={"Link": "the next page (RFC 8288), if there is one"},
    returns=("Blocks",),
)
def list_blocks(call: Call) -> Reply:
    first = call.request.integer("from", 1, 1, INTEGER)
    limit = call.request.integer("limit", BLOCKS_PAGE, 1, BLOCKS_PAGE)
    head = call.service.log.chain.head()
    end = min(first + limit, head.block.height + 1 if head else 0)
    rows = [call.service.log.chain.row(height) for height in range(first, end)]
    published = [row for row in rows if row is not None and row.checkpoint]
    headers = dict(_FRESH)
    if len(published) == limit:
        url = call.url(f"/v1/blocks?from={first + limit}&limit={limit}")
        headers["Link"] = f'<{url}>; rel="next"'
    body = {"blocks": [write_block(row) for row in published]}
    return Reply(200, media.JSON, json.dumps(body).encode(), headers)


@room.operation(
    "GET",
    "/v1/blocks/{height}",
    summary="One block of the hash chain, and how far outside parties have attested it",
    parameters={"height": "a decimal height, from 1"},
    gives={200: (media.JSON,)},
    returns=("AttestedBlock",),
    problems=("no-such-block",),
)
def show_block(call: Call) -> Reply:
    height = call.request.params["height"]
    if not _HEIGHT.fullmatch(height):
        raise Problem("no-such-block", "a height is a decimal integer")
    row = call.service.log.chain.row(int(height)) if int(height) > 0 else None
    if row is None or not row.checkpoint:
        raise Problem("no-such-block")
    attempts = call.service.log.attempts.of_block(row.block.height)
    body = {**write_block(row), "attestations": write_attempts(attempts)}
    return Reply(200, media.JSON, json.dumps(body).encode(), _FRESH)


def write_block(row: Row) -> dict[str, int | str]:
    """A published block: its parts, and the two signatures of the log key over it."""
    block = row.block
    return {
        "height": block.height,
        "previous": block.previous.hex(),
        "timestamp_ms": block.timestamp_ms,
        "size": block.size,
        "root": block.root.hex(),
        "hash": block.hash.hex(),
        "header": block.header.hex(),
        "checkpoint": row.checkpoint.decode(),
        "signature": format_base64(row.signature),
    }
