"""Junk in every place of every operation: always a documented answer, never our fault.

``World.request`` holds each answer against the API's description; this asks for the rest.
"""

from __future__ import annotations

from random import Random

import pytest

from chalicelib.api.operation import Operation
from chalicelib.api.rooms import all_operations
from chalicelib.proof.cbor import encode
from tests.api.world import World

TEXTS = ("", "0", "-1", "1" * 20, "x" * 300, "..", "%00", "%ff", "'\";--", "{}", "null", "é")
BODIES = (
    b"",
    b"\x00",
    b"\xff" * 100,
    b"{}",
    b"[" * 5_000,
    b'{"a":' * 5_000,
    b'{"receipt": "' + b"A" * 400 + b'"}',
    b'{"receipt": "e30K", "policy": {"v": 1}}',
    b"\x81" * 5_000,
    b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\xd2\x84\x40\xa0\x40\x40",
    encode([1, {"a": b"b"}]),
    b"grant_type=client_credentials&client_assertion=a.b.c&client_assertion_type=%ff",
)
HEADERS: tuple[dict[str, str], ...] = (
    {"Accept": "*/*;q=0"},
    {"Accept": "\x00, ;;;,text"},
    {"Prefer": 'wait="'},
    {"Content-Type": "application/json; charset=utf-16"},
    {"Authorization": "Bearer " + "a" * 9_000},
    {"Authorization": "Bearer e30.e30.e30"},
    {},
)
ROUNDS = 40

OPERATIONS = {operation.id: operation for operation in all_operations()}


def hostile_path(operation: Operation, random: Random) -> str:
    path = operation.path
    for name in operation.parameters:
        value = random.choice([text for text in TEXTS if text not in ("", "é")])
        path = path.replace(f"{{{name}}}", value)
    names = [*operation.query, "junk"]
    return path + random.choice(("", f"?{random.choice(names)}={random.choice(TEXTS)}"))


def hostile_body(random: Random) -> bytes:
    return random.choice((*BODIES, random.randbytes(random.randrange(1, 200))))


@pytest.mark.parametrize("name", OPERATIONS)
def test_junk_is_answered_and_leaves_nothing_behind(world: World, name: str) -> None:
    operation, random = OPERATIONS[name], Random(name)
    before = world.stored()[:2]
    for _ in range(ROUNDS):
        headers = dict(world.bearer()) if random.random() < 0.7 else {}
        headers["Content-Type"] = random.choice((*operation.takes, "text/plain"))
        headers |= random.choice(HEADERS)
        path = hostile_path(operation, random)
        response = world.request(operation.method, path, hostile_body(random), headers)
        assert response.status_code < 500, response.body
    assert world.stored()[:2] == before
