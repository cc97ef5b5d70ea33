"""The demo's outside parties: real nodes of private chains, and a real time-stamp authority.

Nothing here is simulated but the world around: anvil and bcoin run chains that nobody else has, so
what they attest proves nothing to anybody else, and costs nothing.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from chalicelib.parties import headers_from
from chalicelib.proof.attestations import wanted_headers
from chalicelib.proof.receipt import parse_receipt

from .deploy import Deployment
from .peers.anvil import Anvil, running_anvil
from .peers.bitcoin import BitcoinPeer, running_bitcoin
from .peers.tsa import Tsa, running_tsa
from .stages import DemoError, call, call_json

CONFIRMATIONS = 6
FINAL_S = 60.0
COIN_SATS = 1_000_000
TIMEOUT_S = 40.0
TICK = {
    **dict.fromkeys(("account", "id", "region", "time"), ""),
    "version": "0",
    "detail": {},
    "detail-type": "Scheduled Event",
    "resources": [],
    "source": "aws.events",
}
"""What the schedule hands to its function."""


@dataclass(frozen=True, slots=True)
class Peers:
    """The running parties."""

    anvil: Anvil
    bitcoin: BitcoinPeer
    tsa: Tsa

    @property
    def checks(self) -> tuple[str, str, str]:
        """The checks of the verifier that their evidence serves."""
        return (
            f"attestation:evm:{self.anvil.chain}",
            f"attestation:opentimestamps:{self.bitcoin.chain}",
            "attestation:rfc3161",
        )


@contextlib.contextmanager
def running_peers(state: Path) -> Iterator[Peers]:
    with (
        running_anvil(state / "anvil") as anvil,
        running_bitcoin(state / "bitcoin") as bitcoin,
        running_tsa(state / "tsa", "First TSA of the demo") as tsa,
    ):
        bitcoin.open_faucet()
        yield Peers(anvil, bitcoin, tsa)


def configure(peers: Peers, operator: Mapping[str, str], work: Path) -> None:
    """Fund the service's addresses, and tell it whom to ask."""
    address = call_json(("tally", "operator", "outside", "address"), operator, work)
    peers.anvil.fund(address["eip155"])
    coin = peers.bitcoin.fund(bytes.fromhex(address["script"]), COIN_SATS)
    networks = [
        {"type": "evm", "chain": peers.anvil.chain, "url": peers.anvil.url},
        {
            "type": "bitcoin",
            "chain": peers.bitcoin.chain,
            "url": peers.bitcoin.url,
            "coin": coin,
            "confirmations": CONFIRMATIONS,
        },
        {
            "type": "rfc3161",
            "name": "first",
            "url": peers.tsa.url,
            "certificates": [peers.tsa.certificate_pem],
        },
    ]
    config = work / "outside.json"
    config.write_text(json.dumps({"networks": networks}), "utf-8")
    call(("tally", "operator", "outside", "set", config), operator, work)


def attest_until_final(peers: Peers, deployment: Deployment, height: int) -> list[dict[str, Any]]:
    """Wake the attester, as its schedule does, and let the chains grow, until all that is said
    about the block is final; raises DemoError if that takes too long."""
    deadline = time.monotonic() + FINAL_S
    while True:
        wake(deployment, "attester")
        told: list[dict[str, Any]] = read_block(deployment.url, height)["attestations"]
        if len(told) == len(peers.checks) and all(each["state"] == "final" for each in told):
            return told
        if time.monotonic() > deadline:
            raise DemoError(f"block {height} is not attested after {FINAL_S:.0f} s: {told}")
        peers.anvil.mine()
        peers.bitcoin.mine()


def wake(deployment: Deployment, function: str) -> None:
    """Call a scheduled function as its schedule does; raises DemoError when it fails."""
    functions = deployment.session.client("lambda", endpoint_url=deployment.endpoint_url)
    name, tick = f"{deployment.stack}-{function}", json.dumps(TICK).encode()
    answer = functions.invoke(FunctionName=name, Payload=tick)
    if answer.get("FunctionError"):
        raise DemoError(f"{name} failed: {answer['Payload'].read().decode()}")


def newest_height(url: str) -> int:
    """The height of the newest block."""
    answer = httpx.get(f"{url}/v1/blocks", timeout=TIMEOUT_S)
    answer.raise_for_status()
    return int(answer.json()["blocks"][-1]["height"])


def read_block(url: str, height: int) -> dict[str, Any]:
    answer = httpx.get(f"{url}/v1/blocks/{height}", timeout=TIMEOUT_S)
    answer.raise_for_status()
    block: dict[str, Any] = answer.json()
    return block


def trust_headers(peers: Peers, receipt: Path, out: Path) -> None:
    """Write ``headers/`` and ``tsa.pem``, and put both into the policy: what a verifier with nodes
    of their own would trust."""
    held = parse_receipt(receipt.read_bytes())
    inclusions = [each for each in (held.registered, held.attested) if each is not None]
    wanted = wanted_headers(inclusions)
    policy = json.loads((out / "policy.json").read_text("utf-8"))
    for url in (peers.anvil.url, peers.bitcoin.url):
        chain, headers = headers_from(url, wanted)
        trusted = [
            {"height": each.height, "hash": each.hash, "header": each.header.hex()}
            for each in headers
        ]
        policy["chains"][chain] = trusted
        name = f"{chain.replace(':', '_')}.json"
        (out / "headers" / name).write_text(json.dumps(trusted, indent=1) + "\n", "utf-8")
    policy["tsa"] = [peers.tsa.certificate_pem]
    (out / "policy.json").write_text(json.dumps(policy, indent=1) + "\n", "utf-8")
    (out / "tsa.pem").write_text(peers.tsa.certificate_pem, "utf-8")
