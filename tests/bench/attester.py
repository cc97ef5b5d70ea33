"""What an hour of attesting costs on AWS: the attester runs each minute, and Ethereum, Bitcoin and
a time-stamp authority attest once each, on private chains that grow as fast as the real ones.

Lambda's time is that of nodes on this machine. One that answers a second later makes an invocation
that asks it a second longer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from chalicelib.api import handlers, wiring
from chalicelib.bootstrap import Service, system_clock_ms
from chalicelib.notary.sequence import drain
from chalicelib.proof.hashes import sha256
from infra.attesting import COIN_SATS, Peers
from infra.local_cloud import LocalCloud

from .fees import HOURS
from .measure import Results
from .meter import USD, price
from .samples import make_entry
from .sequencing import put_pending
from .spending import Stand, metered_stand

HOUR_MS, MINUTE_MS = 3_600_000, 60_000
EVM_BLOCKS = 5
"""In a minute."""

EVM_CONFIRMATIONS = 64
"""Two epochs."""

BITCOIN_MINUTES = 10
"""For a block."""


@dataclass(slots=True)
class Clock:
    now_ms: int

    def __call__(self) -> int:
        return self.now_ms


def measure(cloud: LocalCloud, peers: Peers, minutes: int = 60) -> Results:
    """US dollars for the second of two hours, of which the first also finds everything new, and for
    a million documents."""
    clock = Clock((system_clock_ms() // HOUR_MS + 1) * HOUR_MS)
    with metered_stand(cloud) as stand:
        stand = replace(stand, service=replace(stand.service, clock_ms=clock))
        wiring.use(stand.service)
        _configure(stand.service, peers)
        for number in range(2):
            counted = _attest_for_an_hour(stand, clock, peers, number, minutes)
    _tell(counted)
    usd = price(counted)
    return {"usd_attester_hour": usd, "usd_per_million_attester": HOURS * usd}


def _configure(service: Service, peers: Peers) -> None:
    addresses = service.addresses()
    peers.anvil.fund(addresses["eip155"])
    evm = {"type": "evm", "chain": peers.anvil.chain, "url": peers.anvil.url}
    bitcoin = {"type": "bitcoin", "chain": peers.bitcoin.chain, "url": peers.bitcoin.url}
    coin = peers.bitcoin.fund(bytes.fromhex(addresses["script"]), COIN_SATS)
    tsa = {"type": "rfc3161", "name": "tsa", "url": peers.tsa.url}
    networks = [
        {**evm, "confirmations": EVM_CONFIRMATIONS},
        {**bitcoin, "coin": coin},
        {**tsa, "certificates": [peers.tsa.certificate_pem]},
    ]
    service.registry.put_outside(json.dumps({"networks": networks}))


def _attest_for_an_hour(
    stand: Stand, clock: Clock, peers: Peers, number: int, minutes: int
) -> dict[str, float]:
    """What the attester's invocations of an hour are charged for. A block is made at its start."""
    log, began_ms = stand.service.log, clock.now_ms
    put_pending(log, sha256(b"hour %d" % number).hex(), [make_entry(number)])
    [block] = drain(log, clock)
    stand.meter.take()
    for minute in range(minutes):
        clock.now_ms = began_ms + minute * MINUTE_MS
        stand.meter.invoke(stand.memory["attester"], handlers.attest_blocks)
        peers.anvil.mine(EVM_BLOCKS)
        if minute % BITCOIN_MINUTES == 0:
            peers.bitcoin.mine()
    counted = stand.meter.take()
    states = {each.network: each.state for each in log.attempts.of_block(block.height)}
    assert len(states) == len(stand.service.outside().networks), states
    assert set(states.values()) <= {"included", "final"}, states
    clock.now_ms = began_ms + HOUR_MS
    return counted


def _tell(counted: Mapping[str, float]) -> None:
    print("  an hour of the attester:")
    for name, amount in counted.items():
        print(f"    {amount:9.2f} {name:<22} ${USD[name] * amount:.6f}")
