"""What tests do with a regtest node: wallets, attempts as far as they come, reorganisations."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric import ec

from chalicelib.adapters.bitcoin.memo import read_memo
from chalicelib.adapters.bitcoin.network import BitcoinNetwork
from chalicelib.adapters.bitcoin.node import BitcoinNode
from chalicelib.adapters.bitcoin.transaction import p2wpkh_script
from chalicelib.adapters.http import Http
from chalicelib.adapters.jsonrpc import JsonRpc
from chalicelib.adapters.secp256k1 import LocalSecp256k1
from chalicelib.notary.networks import Memo, Network
from chalicelib.proof.bitcoin.evidence import bitcoin_heights, verify_opentimestamps
from chalicelib.proof.bitcoin.opentimestamps import parse_timestamp
from chalicelib.proof.block import Block
from chalicelib.proof.hashes import sha256
from chalicelib.proof.members import read_base64
from chalicelib.proof.sighting import Sighting
from infra.peers.bitcoin import REGTEST, BitcoinPeer

COIN_SATS = 1_000_000
STUCK_MS = 60_000


def signer_of(name: str) -> LocalSecp256k1:
    """A test key: derived from its name, so nobody can mistake it for a real one."""
    secret = int.from_bytes(hashlib.sha256(f"test vector: {name}".encode()).digest(), "big")
    return LocalSecp256k1(ec.derive_private_key(secret % (1 << 255), ec.SECP256K1()))


def script_of(name: str) -> bytes:
    return p2wpkh_script(signer_of(name).public)


def node_at(url: str, chain: str = REGTEST, timeout_s: float = 10.0) -> BitcoinNode:
    return BitcoinNode(JsonRpc(Http(url, timeout_s)), chain)


def wallet(peer: BitcoinPeer, name: str, sats: int = COIN_SATS) -> BitcoinNetwork:
    """A network with one confirmed coin for the key of this name."""
    return network(peer.url, name, peer.fund(script_of(name), sats))


def network(
    url: str,
    name: str,
    coin: str,
    *,
    chain: str = REGTEST,
    timeout_s: float = 10.0,
    confirmations: int = 3,
    fee_floor: int = 2,
    fee_cap: int = 40,
) -> BitcoinNetwork:
    return BitcoinNetwork(
        node_at(url, chain, timeout_s),
        signer_of(name),
        coin,
        fee_floor=fee_floor,
        fee_cap=fee_cap,
        confirmations=confirmations,
        stuck_after_ms=STUCK_MS,
    )


def block_of(name: str, height: int = 1) -> Block:
    """Some block of a log."""
    return Block(
        "tally.test/log", height, sha256(b"before"), 5, sha256(name.encode()), 1_790_000_000_000
    )


def send(peer: BitcoinPeer, network: BitcoinNetwork, block: Block, memo: Memo) -> Memo:
    """Hand it over, and wait until the node has it: bcoin looks at it after it has answered."""
    memo = network.broadcast(block, memo)
    wait_for(lambda: peer.waits(newest(memo)))
    return memo


def sent(
    peer: BitcoinPeer, network: BitcoinNetwork, block: Block, before: Memo | None = None
) -> Memo:
    """Prepared and handed over."""
    return send(peer, network, block, network.prepare(block, before or {}))


def mined(
    peer: BitcoinPeer, network: BitcoinNetwork, block: Block, before: Memo | None = None
) -> Memo:
    """Prepared, handed over and included."""
    memo = sent(peer, network, block, before)
    peer.mine()
    standing = network.status(block, memo, 0)
    assert standing.at == "included"
    return standing.memo


def newest(memo: Memo) -> str:
    """The id of the newest transaction that was signed."""
    return read_memo(memo).newest.txid


def included(memo: Memo) -> str:
    """The id of the transaction that was found in the chain."""
    found = read_memo(memo).included
    assert found is not None
    return found[0]


def wait_for(ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not ready():
        assert time.monotonic() < deadline, "what was waited for did not come"
        time.sleep(0.01)


def join(peer: BitcoinPeer, rival: BitcoinPeer) -> None:
    """Bring the rival to the same block as the node."""
    while rival.height >= peer.height and not rival.has(peer, peer.height):
        peer.mine()
    rival.copy_from(peer)
    assert rival.height == peer.height


def reorganise(peer: BitcoinPeer, rival: BitcoinPeer) -> None:
    """The rival's chain becomes the longer one; what that undoes waits again."""
    peer.pay([])  # bcoin keeps nothing that is undone while nothing waits
    rival.mine(peer.height - rival.height + 1)
    peer.copy_from(rival)
    assert peer.height == rival.height
    assert peer.has(rival, rival.height)


def proof_of(network: Network, block: Block, memo: Memo) -> bytes:
    evidence = network.proof(block, memo)
    assert evidence is not None
    assert evidence.type == "opentimestamps"
    return read_base64(evidence.members["proof"], "proof")


def saw(peer: BitcoinPeer, proof: bytes, block: Block) -> Sighting:
    """What a verifier finds who trusts the chain as it is now."""
    node = node_at(peer.url)
    claims = bitcoin_heights(parse_timestamp(proof, block.hash), block.hash)
    headers = [node.header(height) for _, height in claims]
    known = [header for header in headers if header is not None]
    return verify_opentimestamps(proof, block.hash, REGTEST, known)
