"""The attester on real nodes: a block goes from planned to final, through reorganisations, crashes
and rivals, and is paid for once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Barrier
from typing import Any

import pytest

from chalicelib.adapters.http import Http
from chalicelib.adapters.rfc3161 import TsaNetwork
from chalicelib.notary.attest import Attester, Party, attest
from chalicelib.notary.networks import Attempt, Memo
from chalicelib.proof.attestations import check_attestations
from chalicelib.proof.block import Block
from chalicelib.proof.policy import ChainHeader
from chalicelib.proof.receipt import Receipt
from infra.peers.anvil import Anvil, running_anvil
from infra.peers.bitcoin import BitcoinPeer
from infra.peers.tsa import Tsa, running_tsa

from ..notary.desk import Desk, registered
from ..proof.world import policy
from .bitcoin_peers import join, reorganise, wait_for, wallet
from .evm_world import World, trusted

pytest_plugins = ("tests.attest.bitcoin_fixtures",)

HOUR_MS = 3_600_000


@pytest.fixture(scope="module")
def anvil(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Anvil]:
    with running_anvil(tmp_path_factory.mktemp("anvil")) as peer:
        yield peer


@pytest.fixture(scope="module")
def tsa(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tsa]:
    with running_tsa(tmp_path_factory.mktemp("tsa")) as peer:
        yield peer


@dataclass
class Scene:
    """A log with one block to attest, in two chains and by an authority."""

    anvil: Anvil
    bitcoin: BitcoinPeer
    tsa: Tsa
    name: str
    desk: Desk = field(default_factory=Desk)

    def __post_init__(self) -> None:
        self.evm = World(self.anvil).funded()
        self.direct = wallet(self.bitcoin, self.name)
        authority = TsaNetwork("first", Http(self.tsa.url), [self.tsa.certificate_pem])
        networks: list[Any] = [self.evm.network, self.direct, authority]
        self.parties = [Party(each, HOUR_MS) for each in networks]
        self.desk.submit(registered(1))
        self.desk.step()

    def run(self) -> list[Attempt]:
        """The attester, when everything that waits is due again."""
        self.desk.clock.tick(HOUR_MS)
        return attest(Attester(self.desk.log, self.parties, self.desk.clock))

    def states(self) -> list[str]:
        found = self.desk.log.attempts.of_block(1)
        return [each.state for each in sorted(found, key=lambda each: each.network)]

    def send(self) -> None:
        """The first run; bcoin looks at a transaction after it has answered."""
        self.run()
        wait_for(lambda: bool(self.bitcoin.call("getrawmempool")))

    def memo(self, network: str) -> Memo:
        attempt = self.desk.log.attempts.get(network, 1)
        assert attempt is not None
        return attempt.memo

    def mine(self, blocks: int = 1) -> None:
        self.anvil.mine(blocks)
        self.bitcoin.mine(blocks)

    def receipt(self) -> Receipt:
        return self.desk.receipt(registered(1))

    def block(self) -> Block:
        return self.receipt().registered.block

    def judge(self) -> set[str]:
        """The results of all checks of evidence, by headers from the nodes as they are now."""
        inclusion = self.receipt().registered
        [evidence] = [each for each in inclusion.attestations if each.type == "evm"]
        headers = {
            self.anvil.chain: [write(each) for each in trusted(self.anvil, evidence)],
            self.bitcoin.chain: [self.bitcoin_header(at) for at in range(1, self.bitcoin.height)],
        }
        trust = policy(chains=headers, tsa=[self.tsa.certificate_pem])
        found = check_attestations([inclusion], trust, {})
        assert len(found) == 3
        return {each.check.result for each in found}

    def bitcoin_header(self, height: int) -> dict[str, Any]:
        hash_ = self.bitcoin.call("getblockhash", height)
        return write(ChainHeader(height, hash_, self.bitcoin.block(hash_)[:80]))


def write(header: ChainHeader) -> dict[str, Any]:
    return {"height": header.height, "hash": header.hash, "header": header.header.hex()}


@pytest.fixture
def scene(anvil: Anvil, bitcoin: BitcoinPeer, tsa: Tsa, request: pytest.FixtureRequest) -> Scene:
    return Scene(anvil, bitcoin, tsa, request.node.name)


def test_a_block_becomes_fully_attested(scene: Scene) -> None:
    scene.send()
    assert scene.states() == ["sent", "sent", "final"]
    scene.mine()
    scene.run()
    assert scene.states() == ["included", "included", "final"]
    assert [each.type for each in scene.receipt().registered.attestations] == ["rfc3161"]
    scene.mine(5)
    scene.run()
    assert scene.states() == ["final", "final", "final"]
    assert scene.desk.log.attempts.newest_full() == 1
    assert scene.judge() == {"pass"}


def test_a_reorg_of_both_chains_is_proved_anew(scene: Scene, rival: BitcoinPeer) -> None:
    join(scene.bitcoin, rival)
    scene.send()
    scene.mine()
    scene.run()
    before = [dict(scene.memo(name)) for name in (scene.bitcoin.chain, scene.anvil.chain)]
    assert scene.states()[:2] == ["included", "included"]
    scene.anvil.reorg(1)
    reorganise(scene.bitcoin, rival)
    scene.run()
    assert scene.states()[:2] == ["sent", "sent"]
    scene.run()
    scene.mine(6)
    scene.run()
    assert scene.states() == ["final", "final", "final"]
    after = [dict(scene.memo(name)) for name in (scene.bitcoin.chain, scene.anvil.chain)]
    assert before != after
    assert scene.judge() == {"pass"}
    assert scene.evm.nonce() == 1


def test_several_attesters_at_once_pay_once(scene: Scene) -> None:
    """All at the same moment, on their own connections."""
    start = Barrier(4)

    def run() -> None:
        start.wait()
        attest(Attester(scene.desk.log, scene.parties, scene.desk.clock))

    for _ in range(6):
        scene.desk.clock.tick(HOUR_MS)
        with ThreadPoolExecutor(4) as pool:
            for done in [pool.submit(run) for _ in range(4)]:
                done.result()
        scene.mine(3)
    assert scene.states() == ["final", "final", "final"]
    assert scene.evm.nonce() == 1
    assert scene.judge() == {"pass"}


@pytest.mark.parametrize("write", range(6))
def test_an_attester_that_dies_at_any_write_loses_nothing_and_pays_once(
    scene: Scene, write: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The write happened, and nobody was told."""
    attempts: Any = scene.desk.log.attempts
    put, seen = attempts.put, []

    def die_once(attempt: Attempt) -> Attempt:
        seen.append(attempt)
        stored: Attempt = put(attempt)
        if len(seen) - 1 == write:
            raise Died
        return stored

    monkeypatch.setattr(attempts, "put", die_once)
    for _ in range(8):
        try:
            scene.run()
        except Died:
            scene.run()
        scene.mine(2)
    assert len(seen) > write
    assert scene.states() == ["final", "final", "final"]
    assert scene.evm.nonce() == 1
    assert scene.judge() == {"pass"}


class Died(BaseException):
    """The attester died here."""


def test_the_next_block_spends_what_the_one_before_left(scene: Scene) -> None:
    scene.send()
    scene.mine(6)
    scene.run()
    scene.desk.submit(registered(2))
    scene.desk.step()
    scene.run()
    wait_for(lambda: bool(scene.bitcoin.call("getrawmempool")))
    scene.mine(6)
    scene.run()
    assert [each.state for each in scene.desk.log.attempts.of_block(2)] == ["final"] * 3
    assert scene.evm.nonce() == 2
