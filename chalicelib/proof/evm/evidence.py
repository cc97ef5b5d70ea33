"""Attestations by Ethereum and chains like it: a transaction that carries the block hash.

The evidence is a block's header, the transaction's index in it, and the nodes of the trie that
lead from one to the other. Everything else (chain id, sender, the block hash itself) is derived
from the signed transaction. Trust comes from the policy alone: its headers of that chain.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import CannotTell, Invalid, Malformed
from ..hashes import Hash
from ..limits import EVM_CLOCK_S
from ..policy import ChainHeader
from ..receipt import EVM, Attestation
from ..sighting import Sighting
from ..text import format_base64
from .header import EvmHeader, parse_evm_header
from .transaction import format_address, parse_transaction
from .trie import verify_trie_proof

TAG = b"TLLY\x01"
"""How our calldata begins: who, and version 1."""

NAMESPACE = "eip155:"
"""The namespace of CAIP-2 whose references are chain ids."""


def evm_calldata(block_hash: Hash) -> bytes:
    """What the transaction carries: 37 bytes."""
    return TAG + block_hash


def evm_attestation(chain: str, header: bytes, index: int, nodes: Sequence[bytes]) -> Attestation:
    """The evidence as receipts carry it."""
    return Attestation(
        EVM,
        {
            "chain": chain,
            "header": format_base64(header),
            "index": index,
            "nodes": [format_base64(node) for node in nodes],
        },
    )


def verify_evm(
    chain: str,
    header: bytes,
    index: int,
    nodes: Sequence[bytes],
    block_hash: Hash,
    headers: Sequence[ChainHeader],
) -> Sighting:
    """When the chain (a CAIP-2 id) saw the block hash, as far as ``headers`` are to be trusted.

    1. The nodes lead from the header's transactions root to a transaction of type 2 at ``index``.
    2. Its chain id is the chain's, its calldata is the block hash's, its signature is a key's.
    3. The header is the one that the policy trusts at its height.

    Raises Invalid when that is false, CannotTell when the policy does not say, or when the chain is
    of another kind.
    """
    if not chain.startswith(NAMESPACE):
        raise CannotTell(f"this version cannot check evidence of {chain}")
    try:
        block = parse_evm_header(header)
        raw = verify_trie_proof(block.transactions_root, index, nodes)
        sender = _read_message(chain, raw, block_hash)
    except Malformed as error:
        raise Invalid(f"the evidence of {chain} cannot be read: {error}") from error
    _check_trusted(chain, block, headers)
    return Sighting(
        earliest_ms=block.timestamp_s * 1_000,
        latest_ms=(block.timestamp_s + EVM_CLOCK_S) * 1_000,
        by=f"block {block.number} of {chain}, in a transaction of {format_address(sender)}",
        chain=chain,
    )


def _read_message(chain: str, raw: bytes, block_hash: Hash) -> bytes:
    """The sender of a transaction on this chain that carries the block hash."""
    signed = parse_transaction(raw)
    if chain != f"{NAMESPACE}{signed.transaction.chain_id}":
        raise Invalid(f"the transaction is not for {chain}")
    if signed.transaction.data != evm_calldata(block_hash):
        raise Invalid("the transaction does not carry this block's hash")
    return signed.sender()


def _check_trusted(chain: str, block: EvmHeader, headers: Sequence[ChainHeader]) -> None:
    trusted = [entry for entry in headers if entry.height == block.number]
    if not trusted:
        raise CannotTell(f"the policy has no header of {chain} at height {block.number}")
    hashes = {_trusted_hash(chain, entry) for entry in trusted}
    if block.hash not in hashes:
        raise Invalid(f"the block is not in the chain {chain} that the policy trusts")


def _trusted_hash(chain: str, entry: ChainHeader) -> Hash:
    """The hash of a header that the policy states; raises CannotTell if it contradicts itself."""
    what = f"the policy's header of {chain} at height {entry.height}"
    try:
        header = parse_evm_header(entry.header)
    except Malformed as error:
        raise CannotTell(f"{what} cannot be read: {error}") from error
    if header.number != entry.height or header.hash.hex() != entry.hash.removeprefix("0x"):
        raise CannotTell(f"{what} is of another height or hash than is stated")
    return header.hash
