"""``Attempts``: each is written on condition of its version, so two attesters never both go on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.notary.networks import Attempt, Attempts
from chalicelib.notary.ports import Conflict
from chalicelib.proof.hashes import sha256
from chalicelib.proof.receipt import Attestation

from .stores import Stores

CHAIN, TSA = "eip155:31337", "rfc3161:first"
PLANNED = Attempt(CHAIN, 7, "planned", planned_ms=1_790_000_000_000)


@pytest.fixture
def attempts(stores: Stores) -> Attempts:
    return stores.attempts


def test_nothing_is_there_at_first(attempts: Attempts) -> None:
    assert attempts.get(CHAIN, 7) is None
    assert attempts.newest(CHAIN) is None
    assert attempts.of_block(7) == []
    assert attempts.unfinished(CHAIN) == []
    assert attempts.before(CHAIN, 7) is None
    assert attempts.newest_full() is None
    assert not attempts.is_full(7)


def test_an_attempt_comes_back_whole(attempts: Attempts) -> None:
    whole = replace(
        PLANNED,
        state="included",
        memo={"nonce": 3, "raws": ["0x02f8"], "seen": None},
        evidence=Attestation("rfc3161", {"token": "AAAA"}),
        tries=2,
        problem="unreachable",
        due_ms=1_790_000_060_000,
        block=sha256(b"a block"),
    )
    stored = attempts.put(whole)
    assert stored == replace(whole, version=1)
    assert attempts.get(CHAIN, 7) == stored


def test_the_first_write_wins(attempts: Attempts) -> None:
    attempts.put(PLANNED)
    with pytest.raises(Conflict):
        attempts.put(replace(PLANNED, problem="refused"))
    assert attempts.get(CHAIN, 7) == replace(PLANNED, version=1)


def test_a_write_from_an_old_version_is_refused(attempts: Attempts) -> None:
    first = attempts.put(PLANNED)
    second = attempts.put(replace(first, state="prepared"))
    with pytest.raises(Conflict):
        attempts.put(replace(first, state="sent"))
    assert second.version == 2
    assert attempts.get(CHAIN, 7) == second


def test_the_newest_is_that_of_the_greatest_height(attempts: Attempts) -> None:
    for height in (9, 10, 7):
        attempts.put(replace(PLANNED, height=height))
    attempts.put(replace(PLANNED, network=TSA, height=11))
    newest = attempts.newest(CHAIN)
    assert newest is not None
    assert newest.height == 10


def test_the_one_before_is_the_nearest_below(attempts: Attempts) -> None:
    for height in (5, 9, 7):
        attempts.put(replace(PLANNED, height=height))
    found = [attempts.before(CHAIN, height) for height in (5, 7, 8, 10)]
    assert [each.height if each else None for each in found] == [None, 5, 7, 9]


def test_a_block_has_attempts_of_several_networks(attempts: Attempts) -> None:
    attempts.put(replace(PLANNED, network=TSA))
    attempts.put(PLANNED)
    attempts.put(replace(PLANNED, height=8))
    attempts.mark_full(7, ["attestation:rfc3161"])
    assert [each.network for each in attempts.of_block(7)] == [CHAIN, TSA]


def test_what_is_final_is_not_unfinished(attempts: Attempts) -> None:
    attempts.put(replace(PLANNED, height=9))
    attempts.put(replace(PLANNED, network=TSA))
    first = attempts.put(PLANNED)
    assert [each.height for each in attempts.unfinished(CHAIN)] == [7, 9]
    attempts.put(replace(first, state="final"))
    assert [each.height for each in attempts.unfinished(CHAIN)] == [9]


def test_the_newest_full_block_is_found_whatever_was_marked_last(attempts: Attempts) -> None:
    for height in (9, 12, 10, 12):
        attempts.mark_full(height, ["attestation:rfc3161"])
    assert attempts.newest_full() == 12
    assert [attempts.is_full(height) for height in (9, 11)] == [True, False]
