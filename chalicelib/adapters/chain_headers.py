"""Headers of public chains from a node of the verifier's own, for ``tally verify --node``."""

from __future__ import annotations

from collections.abc import Iterable

from ..notary.networks import NetworkRefused, Unreachable
from ..proof.errors import Malformed
from ..proof.members import read_hex
from ..proof.policy import ChainHeader
from .bitcoin.node import BitcoinNode
from .evm.block import fetch_header
from .evm.json import read_hash, read_number
from .evm.node import EvmNode
from .http import Http
from .jsonrpc import JsonRpc

BITCOIN = "bip122"


def fetch_headers(
    url: str, wanted: Iterable[tuple[str, int]]
) -> tuple[str, tuple[ChainHeader, ...]]:
    """The node's chain (CAIP-2), and its headers of those blocks that are wanted of it; a block
    that its chain does not have is left out.

    ``wanted`` are pairs of a CAIP-2 id, or of the namespace ``bip122`` alone, and a height. Raises
    ValueError for a URL that is none, before anything is asked, and else NetworkError.
    """
    rpc = JsonRpc(Http(url))
    chain = _chain_of(rpc)
    heights = sorted(
        height for name, height in wanted if chain == name or chain.startswith(f"{name}:")
    )
    if chain.startswith(f"{BITCOIN}:"):
        bitcoin = BitcoinNode(rpc, chain)
        found = [bitcoin.header(height) for height in heights]
    else:
        found = [_evm_header(EvmNode(rpc), height) for height in heights]
    return chain, tuple(header for header in found if header is not None)


def _evm_header(node: EvmNode, height: int) -> ChainHeader | None:
    members = node.header(height)
    if members is None:
        return None
    if read_number(members.get("number"), "block number") != height:
        raise Unreachable("the node answers with another block than was asked for")
    hash_ = read_hash(members.get("hash"), "block hash")
    return ChainHeader(height, f"0x{hash_.hex()}", fetch_header(node, hash_, members))


def _chain_of(rpc: JsonRpc) -> str:
    try:
        return f"eip155:{EvmNode(rpc).chain_id()}"
    except (NetworkRefused, Unreachable):  # no node of Ethereum; if it is none at all, that shows
        try:
            genesis = read_hex(rpc.call("getblockhash", 0), "genesis", 32).hex()
        except Malformed as error:
            raise Unreachable("the node is of no chain that is known here") from error
        return f"{BITCOIN}:{genesis[:32]}"
