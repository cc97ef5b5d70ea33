"""What tests of Ethereum-like chains share: a node of a private chain, our key with some money on
it, blocks to attest, and the way a verifier checks what comes out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import rlp  # type: ignore[import-untyped]
from cryptography.hazmat.primitives.asymmetric import ec
from eth_hash.auto import keccak
from trie import hexary

from chalicelib.adapters.evm.memo import parse_memo
from chalicelib.adapters.evm.network import EvmChain, EvmNetwork
from chalicelib.adapters.evm.wallet import Fees, address_of
from chalicelib.adapters.http import Http
from chalicelib.adapters.jsonrpc import JsonRpc
from chalicelib.adapters.secp256k1 import LocalSecp256k1
from chalicelib.notary.networks import Memo, Network
from chalicelib.proof.block import Block
from chalicelib.proof.evm.evidence import verify_evm
from chalicelib.proof.hashes import sha256
from chalicelib.proof.policy import ChainHeader
from chalicelib.proof.receipt import Attestation
from chalicelib.proof.sighting import Sighting
from chalicelib.proof.text import parse_base64
from infra.peers.ethereum import EthereumPeer

from .evm_accounts import Account

HexaryTrie: Any = hexary.HexaryTrie

GWEI = 10**9
CAP_GWEI = 100
STUCK_MS = 60_000
NOW_MS = 1_800_000_000_000


def make_block(height: int = 1, timestamp_ms: int = NOW_MS) -> Block:
    name = str(height).encode()
    return Block("tally.example/log", height, sha256(b"p" + name), 1, sha256(name), timestamp_ms)


@dataclass(frozen=True)
class World:
    """One key on one node. Each has its own, so that tests can share a node."""

    peer: EthereumPeer
    confirmations: int | None = None
    cap_gwei: int = CAP_GWEI
    secret: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256K1())
    )

    @property
    def signer(self) -> LocalSecp256k1:
        return LocalSecp256k1(self.secret)

    @property
    def address(self) -> str:
        return "0x" + address_of(self.signer).hex()

    @property
    def network(self) -> EvmNetwork:
        return self.network_at(self.peer.url)

    def network_at(self, url: str, timeout_s: float = 10.0, chain: str | None = None) -> EvmNetwork:
        config = EvmChain(
            chain=chain or self.peer.chain,
            max_fee_gwei=self.cap_gwei,
            stuck_after_ms=STUCK_MS,
            confirmations=self.confirmations,
        )
        return EvmNetwork(config, JsonRpc(Http(url, timeout_s)), self.signer)

    def funded(self) -> World:
        self.peer.fund(self.address)
        return self

    def send(self, block: Block, before: Memo | None = None) -> Memo:
        """Prepare and broadcast."""
        memo = self.network.prepare(block, before or {})
        return self.network.broadcast(block, memo)

    def send_foreign(self, nonce: int, fee: int = 2 * GWEI) -> str:
        """Another transaction of our key, which no attempt knows of; its hash."""
        signed = Account.sign_transaction(
            {
                "type": 2,
                "chainId": self.peer.chain_id,
                "nonce": nonce,
                "maxPriorityFeePerGas": GWEI,
                "maxFeePerGas": fee,
                "gas": 21_000,
                "to": self.address_bytes,
                "value": 1,
            },
            self.secret.private_numbers().private_value.to_bytes(32, "big"),
        )
        sent = self.peer.call("eth_sendRawTransaction", "0x" + signed.raw_transaction.hex())
        assert isinstance(sent, str)
        return sent

    @property
    def address_bytes(self) -> bytes:
        return address_of(self.signer)

    def nonce(self) -> int:
        """How many transactions of the key are in blocks."""
        count = self.peer.call("eth_getTransactionCount", self.address, "latest")
        assert isinstance(count, str)
        return int(count, 16)

    def spent(self) -> int:
        balance = self.peer.call("eth_getBalance", self.address, "latest")
        assert isinstance(balance, str)
        return 10**18 - int(balance, 16)


def hash_of(memo: Memo, offer: int = -1) -> str:
    return "0x" + parse_memo(memo).offers[offer].hash.hex()


def raw_of(memo: Memo, offer: int = -1) -> str:
    return "0x" + parse_memo(memo).offers[offer].raw.hex()


def place_of(memo: Memo) -> tuple[int, str]:
    included = parse_memo(memo).included
    assert included is not None
    return included.number, "0x" + included.block.hex()


def fees_of(memo: Memo) -> list[Fees]:
    return [offer.fees for offer in parse_memo(memo).offers]


def move(network: Network, block: Block, memo: Memo, now_ms: int = NOW_MS) -> Memo:
    """What the attester does after it asked where an attempt stands, in one step."""
    at, memo = network.status(block, memo, now_ms)
    match at:
        case "dropped":
            return network.broadcast(block, memo)
        case "stuck":
            return network.broadcast(block, network.bump(block, memo))
        case "void":
            return network.broadcast(block, network.prepare(block, {}))
        case _:
            return memo


def block_at(peer: EthereumPeer, at: str | int, *, full: bool = False) -> dict[str, Any]:
    by_hash = isinstance(at, str) and len(at) == 66
    method = "eth_getBlockByHash" if by_hash else "eth_getBlockByNumber"
    block = peer.call(method, hex(at) if isinstance(at, int) else at, full)
    assert isinstance(block, dict)
    return block


def parts(attestation: Attestation) -> tuple[str, bytes, int, list[bytes]]:
    members = attestation.members
    nodes = members["nodes"]
    assert isinstance(nodes, list)
    assert isinstance(members["index"], int)
    return (
        str(members["chain"]),
        parse_base64(str(members["header"])),
        members["index"],
        [parse_base64(str(node)) for node in nodes],
    )


def trusted(peer: EthereumPeer, attestation: Attestation) -> list[ChainHeader]:
    """The header of a verifier who asks a node of theirs for the block at that height: its hash is
    the node's word, its bytes are those that have that hash."""
    header = parts(attestation)[1]
    number = int.from_bytes(rlp.decode(header)[8], "big")
    said = block_at(peer, number)
    return [ChainHeader(number, said["hash"], header)]


def prove(network: Network, block: Block, memo: Memo) -> Attestation:
    """The evidence of what is in a block now."""
    standing = network.status(block, memo, NOW_MS)
    assert standing.at in ("included", "final")
    evidence = network.proof(block, standing.memo)
    assert evidence is not None
    return evidence


def verify_offline(
    attestation: Attestation, block: Block, headers: Sequence[ChainHeader]
) -> Sighting:
    chain, header, index, nodes = parts(attestation)
    return verify_evm(chain, header, index, nodes, block.hash, headers)


def check_with_others(peer: EthereumPeer, attestation: Attestation, memo: Memo) -> None:
    """The same proof with ``rlp``, ``trie`` and eth-hash, and none of our code."""
    _, header, index, nodes = parts(attestation)
    said = block_at(peer, "0x" + keccak(header).hex())
    root = rlp.decode(header)[4]
    assert "0x" + root.hex() == said["transactionsRoot"]
    found = HexaryTrie.get_from_proof(root, rlp.encode(index), [rlp.decode(n) for n in nodes])
    assert "0x" + found.hex() in {raw_of(memo, i) for i in range(len(fees_of(memo)))}
    assert said["transactions"][index] == "0x" + keccak(found).hex()
