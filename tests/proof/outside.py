"""Outside evidence for any block hash, made in memory: a chain of Ethereum's kind with one
transaction, a Bitcoin block that nobody mined, a token of a time-stamp authority. What a policy
trusts of them makes them true."""

from __future__ import annotations

from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from chalicelib.adapters.evm.wallet import sign_transaction
from chalicelib.adapters.secp256k1 import LocalSecp256k1
from chalicelib.proof.bitcoin.evidence import display, double_sha256
from chalicelib.proof.bitcoin.opentimestamps import (
    Timestamp,
    format_timestamp,
    opentimestamps_attestation,
)
from chalicelib.proof.bitcoin.ots_codec import (
    BITCOIN_TAG,
    HeightAttestation,
    PendingAttestation,
    TimeAttestation,
)
from chalicelib.proof.evm.evidence import evm_attestation, evm_calldata
from chalicelib.proof.evm.keccak import keccak256
from chalicelib.proof.evm.rlp import encode_rlp, format_integer
from chalicelib.proof.evm.transaction import Transaction, address
from chalicelib.proof.evm.trie import prove_transaction
from chalicelib.proof.hashes import Hash
from chalicelib.proof.receipt import Attestation
from chalicelib.proof.tsp.der import NULL, OCTET_STRING, SEQUENCE, encode
from chalicelib.proof.tsp.evidence import rfc3161_attestation

from .rfc3161_tokens import DIGESTS, ROOT, Info, Token, algorithm

CHAIN = "eip155:31337"
BITCOIN = "bip122:0f9188f13cb7b2c71f2a335e3a4fc328"
OTHER_BITCOIN = "bip122:000000000019d6689c085ae165831e93"
SEEN_S = 1_790_000_600
EVM_HEIGHT, BITCOIN_HEIGHT = 19, 434
TSA_PEM = ROOT.pem

EVM_CHECK = f"attestation:evm:{CHAIN}"
BITCOIN_CHECK = f"attestation:opentimestamps:{BITCOIN}"
TSA_CHECK = "attestation:rfc3161"


@cache
def _signer() -> LocalSecp256k1:
    """A test vector, not a secret."""
    return LocalSecp256k1(ec.derive_private_key(31_337, ec.SECP256K1()))


@cache
def _evm(block_hash: Hash) -> tuple[bytes, tuple[bytes, ...]]:
    """A header, and the nodes to its one transaction."""
    sender = address(_signer().public)
    unsigned = Transaction(31_337, 0, 1, 10**9, 30_000, sender, 0, evm_calldata(block_hash))
    proof = prove_transaction([sign_transaction(_signer(), unsigned).raw], 0)
    fields: list[Any] = [bytes(32), bytes(32), bytes(20), bytes(32), proof.root, bytes(32)]
    fields += [bytes(256), b"", format_integer(EVM_HEIGHT), b"\x01", b"\x01"]
    fields += [format_integer(SEEN_S), b"", bytes(32), bytes(8), b"\x01"]
    return encode_rlp(fields), proof.nodes


def evm(block_hash: Hash) -> Attestation:
    header, nodes = _evm(block_hash)
    return evm_attestation(CHAIN, header, 0, nodes)


def evm_header(block_hash: Hash) -> dict[str, Any]:
    """What a policy that trusts that chain holds."""
    header, _ = _evm(block_hash)
    return {
        "height": EVM_HEIGHT,
        "hash": f"0x{keccak256(header).hex()}",
        "header": header.hex(),
    }


def stamp(*attestations: TimeAttestation) -> Attestation:
    return opentimestamps_attestation(format_timestamp(Timestamp(set(attestations))))


def bitcoin(height: int = BITCOIN_HEIGHT) -> Attestation:
    """The block hash is itself the Merkle root."""
    return stamp(HeightAttestation(BITCOIN_TAG, height))


def pending(uri: str = "https://alice.example") -> Attestation:
    return stamp(PendingAttestation(uri))


def bitcoin_header(root: Hash, height: int = BITCOIN_HEIGHT) -> dict[str, Any]:
    data = bytes(36) + root + SEEN_S.to_bytes(4, "little") + bytes(8)
    return {"height": height, "hash": display(double_sha256(data)), "header": data.hex()}


def tsa(block_hash: Hash) -> Attestation:
    digest = algorithm(DIGESTS["sha256"], encode(NULL))
    imprint = encode(SEQUENCE, digest, encode(OCTET_STRING, block_hash))
    return rfc3161_attestation(Token(info=Info(imprint=imprint).der).der)


def trust(block_hash: Hash) -> dict[str, Any]:
    """The members of a policy that trusts all three."""
    chains = {CHAIN: [evm_header(block_hash)], BITCOIN: [bitcoin_header(block_hash)]}
    return {"chains": chains, "tsa": [TSA_PEM]}
