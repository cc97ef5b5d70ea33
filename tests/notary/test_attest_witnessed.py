"""The attester asks witnesses again, and stops like a sequencer when one has seen more."""

from __future__ import annotations

import pytest

from chalicelib.notary.attest import Attester, Party, attest
from chalicelib.notary.log import CHECKPOINT, StaleRestore
from chalicelib.notary.networks import Unreachable
from chalicelib.notary.witnesses import OldSizeConflict
from tests.fakes import memory_log
from tests.notary.chain import MemoryNetwork
from tests.notary.desk import Desk, registered
from tests.notary.witness_desk import direct_witness, witnessed


def test_a_witness_that_has_seen_a_larger_tree_stops_the_attester() -> None:
    log, chain = memory_log(), MemoryNetwork()
    witness = direct_witness("w", log)
    desk = Desk(witnessed(log, witness))
    attester = Attester(desk.log, [Party(chain, 0)], desk.clock)

    def down() -> None:
        raise Unreachable("down")

    def ahead() -> None:
        raise OldSizeConflict(1_000)

    witness.before = down
    desk.submit(registered(1))
    desk.step()
    published = desk.log.tiles.get(CHECKPOINT)
    witness.before = ahead
    with pytest.raises(StaleRestore, match="the witness w remembers 1000 entries"):
        attest(attester)
    assert chain.sent == []
    assert desk.log.tiles.get(CHECKPOINT) == published
    witness.before = lambda: None
    attest(attester)
    assert len(chain.sent) == 1
