"""Real evidence about one block, from anvil, bcoin and ``openssl ts``, in blocks as full as those
of public chains."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chalicelib.adapters.bitcoin.memo import read_memo
from chalicelib.adapters.bitcoin.transaction import strip_witness
from chalicelib.adapters.evm.memo import parse_memo
from chalicelib.adapters.evm.network import EvmChain, EvmNetwork
from chalicelib.adapters.evm.wallet import GWEI, address_of
from chalicelib.adapters.http import Http
from chalicelib.adapters.jsonrpc import JsonRpc
from chalicelib.adapters.rfc3161 import TsaNetwork
from chalicelib.notary.networks import Network
from chalicelib.proof.bitcoin.evidence import (
    bitcoin_heights,
    display,
    double_sha256,
    prove_in_bitcoin,
)
from chalicelib.proof.bitcoin.opentimestamps import opentimestamps_attestation, parse_timestamp
from chalicelib.proof.block import Block
from chalicelib.proof.evm.header import parse_evm_header
from chalicelib.proof.evm.transaction import format_address
from chalicelib.proof.hashes import sha256
from chalicelib.proof.members import read_base64
from chalicelib.proof.receipt import Attestation
from infra.attesting import Peers, running_peers
from infra.peers.anvil import Anvil
from infra.peers.bitcoin import BitcoinPeer
from infra.peers.tsa import Tsa, running_tsa
from tests.attest.bitcoin_peers import mined, signer_of, wallet

EVM_TRANSACTIONS, BITCOIN_TRANSACTIONS = 200, 2_000
"""In a block, ours among them."""

_FEES = 2 * GWEI, 20 * GWEI
_NONCE = 1 << 62
_SEEN_S = 1_790_000_600


@dataclass(frozen=True, slots=True)
class Parties:
    """The outside parties, and an authority more whose keys are RSA."""

    peers: Peers
    rsa: Tsa


@dataclass(frozen=True, slots=True)
class Proofs:
    """``attestations`` by kind, and the members of a policy that finds them true. Our transactions
    took so much ``gas`` of Ethereum's, and so many ``vbytes`` of Bitcoin's block."""

    attestations: Mapping[str, Attestation]
    chains: Mapping[str, list[dict[str, Any]]]
    tsa: list[str]
    gas: int
    vbytes: int

    @property
    def checks(self) -> list[str]:
        """Those of the verifier that the evidence serves."""
        kinds = {"eip155": "evm", "bip122": "opentimestamps"}
        named = [f"attestation:{kinds[chain[:6]]}:{chain}" for chain in self.chains]
        return [*named, "attestation:rfc3161"]


@contextmanager
def running_parties(state: Path) -> Iterator[Parties]:
    with running_peers(state) as peers, running_tsa(state / "rsa", "RSA", "rsa") as rsa:
        yield Parties(peers, rsa)


def attest(parties: Parties, block: Block) -> Proofs:
    """Have each of them attest to the block."""
    peers = parties.peers
    evm, evm_header, gas = _by_ethereum(peers.anvil, block)
    stamp, bitcoin_header, vbytes = _by_bitcoin(peers.bitcoin, block)
    return Proofs(
        {
            "evm": evm,
            "opentimestamps": stamp,
            "rfc3161": _by_authority(peers.tsa, block),
            "rfc3161_rsa": _by_authority(parties.rsa, block),
        },
        {peers.anvil.chain: [evm_header], peers.bitcoin.chain: [bitcoin_header]},
        [peers.tsa.certificate_pem, parties.rsa.certificate_pem],
        gas,
        vbytes,
    )


def _by_ethereum(peer: Anvil, block: Block) -> tuple[Attestation, dict[str, Any], int]:
    """The evidence, its header, and the gas of the transaction. Others of the node's own accounts
    fill the block."""
    signer = signer_of("bench")
    peer.fund(format_address(address_of(signer)))
    chain = EvmChain(peer.chain, max_fee_gwei=200, stuck_after_ms=600_000)
    network = EvmNetwork(chain, JsonRpc(Http(peer.url)), signer)
    crowd = peer.call("eth_accounts")
    assert isinstance(crowd, list)
    for number in range(EVM_TRANSACTIONS - 1):
        fee = hex(_FEES[number % 2])  # ours stands in the middle
        other = {"from": crowd[number % 2], "to": crowd[2], "maxPriorityFeePerGas": "0x0"}
        peer.call("eth_sendTransaction", {**other, "maxFeePerGas": fee})
    memo = network.broadcast(block, network.prepare(block, {}))
    peer.mine()
    memo = network.status(block, memo, 0).memo
    evidence = network.proof(block, memo)
    assert evidence is not None
    told = peer.call("eth_getTransactionReceipt", f"0x{parse_memo(memo).newest.hash.hex()}")
    assert isinstance(told, dict)
    data = read_base64(evidence.members["header"], "header")
    header = parse_evm_header(data)
    trusted = {"height": header.number, "hash": f"0x{header.hash.hex()}", "header": data.hex()}
    return evidence, trusted, int(str(told["gasUsed"]), 16)


def _by_bitcoin(peer: BitcoinPeer, block: Block) -> tuple[Attestation, dict[str, Any], int]:
    """The evidence, its header, and the virtual bytes of the transaction. The node took the
    transaction; the block that holds it beside 1,999 others is invented."""
    send = read_memo(mined(peer, wallet(peer, "bench"), block)).newest
    stripped = strip_witness(send.raw)
    ids = [sha256(b"transaction %d" % number) for number in range(BITCOIN_TRANSACTIONS)]
    ids[BITCOIN_TRANSACTIONS // 3] = double_sha256(stripped)
    proof = prove_in_bitcoin(block.hash, stripped, ids, peer.height)
    [(root, height)] = bitcoin_heights(parse_timestamp(proof, block.hash), block.hash)
    decoded = peer.call("decoderawtransaction", send.raw.hex())
    return opentimestamps_attestation(proof), _header(root, height), int(decoded["vsize"])


def _header(root: bytes, height: int) -> dict[str, Any]:
    data = bytes(36) + root + _SEEN_S.to_bytes(4, "little") + bytes(8)
    return {"height": height, "hash": display(double_sha256(data)), "header": data.hex()}


def _by_authority(tsa: Tsa, block: Block) -> Attestation:
    certificates = (tsa.certificate_pem,)
    network: Network = TsaNetwork("bench", Http(tsa.url), certificates, lambda: _NONCE)
    evidence = network.proof(block, network.broadcast(block, network.prepare(block, {})))
    assert evidence is not None
    return evidence
