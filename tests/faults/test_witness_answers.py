"""The fault table for the witness: each request of the scenario × each way in which it can fail."""

from __future__ import annotations

import pytest

from chalicelib.notary.networks import Unreachable
from tests.fakes import Fault, Killed
from tests.faults.scenario import Stage, check, play_with

WAYS = ("lost", "answer lost", "killed when it answered", "down from then on")


def requests() -> int:
    """How often the witness is asked when nothing fails."""
    stage = Stage()
    play_with(stage, Fault())
    check(stage)
    return len(stage.witness.asked)


REQUESTS = requests()


def test_the_witness_is_asked_once_for_the_head_and_once_for_each_block() -> None:
    stage = Stage()
    play_with(stage, Fault())
    head = stage.store.chain.head()
    assert head is not None
    assert head.block.height + 1 == REQUESTS


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("at", range(REQUESTS))
def test_the_log_ends_the_same_whatever_the_witness_does(at: int, way: str) -> None:
    stage = Stage()

    def is_due() -> bool:
        number = len(stage.witness.asked) - 1
        return number == at or (number > at and way == "down from then on")

    def fail_before() -> None:
        if is_due() and way in ("lost", "down from then on"):
            raise Unreachable("it was never asked")

    def fail_after() -> None:
        if is_due() and way == "answer lost":
            raise Unreachable("it cosigned, and nobody knows")
        if is_due() and way == "killed when it answered":
            raise Killed("our own process died")

    stage.witness.before, stage.witness.after = fail_before, fail_after
    play_with(stage, Fault())
    check(stage)
