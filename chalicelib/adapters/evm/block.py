"""A block of an Ethereum-like chain in the bytes that its hash is over, out of a node's JSON."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ...notary.limits import EVM_RAW_TRANSACTIONS
from ...notary.networks import FalseProof, Unreachable
from ...proof.errors import Malformed
from ...proof.evm.header import parse_evm_header
from ...proof.evm.keccak import keccak256
from ...proof.evm.rlp import Rlp, encode_rlp, format_integer
from ...proof.evm.trie import prove_transaction
from ...proof.hashes import Hash
from ...proof.jcs import JsonValue
from .json import Members, read_data, read_list, read_members, read_quantity
from .node import EvmNode

Read = Callable[[JsonValue, str], Rlp]
Fields = tuple[tuple[str, Read], ...]
"""Names of members in their order as fields, and how each is read."""


@dataclass(frozen=True, slots=True)
class BlockProof:
    """A block's header, and the nodes of its trie that lead to the transaction at ``index``."""

    header: bytes
    index: int
    nodes: tuple[bytes, ...]


def fetch_proof(node: EvmNode, block: Hash, raw: bytes) -> BlockProof:
    """The proof that a transaction is in a block, from a node that need not be trusted.

    Raises FalseProof if the header does not have the block's hash, or its transactions root is
    not that of the transactions, or ``raw`` is not among them; Unreachable if too many of them
    are of types that are not known here.
    """
    members = node.block(block)
    header = fetch_header(node, block, members)
    told = read_list(members.get("transactions"), "list of transactions")
    raws = _fetch_transactions(node, block, told)
    if raw not in raws:
        raise FalseProof("the transaction is not in the block where the node says it is")
    index = raws.index(raw)
    proof = prove_transaction(raws, index)
    try:
        root = parse_evm_header(header).transactions_root
    except Malformed as error:
        raise FalseProof(f"the block's header cannot be read: {error}") from error
    if proof.root != root:
        raise FalseProof("the block's transactions do not have the root that its header states")
    return BlockProof(header, index, proof.nodes)


def fetch_header(node: EvmNode, block: Hash, members: Members) -> bytes:
    """The header out of the node's JSON or, for fields that it names as we do not know, raw."""
    header = encode_header(members)
    if keccak256(header) != block:
        header = node.raw_header(block)
    if keccak256(header) != block:
        raise FalseProof("the block's header does not have the block's hash")
    return header


def _integer(value: JsonValue, what: str) -> Rlp:
    return format_integer(read_quantity(value, what))


def _address(value: JsonValue, what: str) -> Rlp:
    """Empty for a transaction that makes a contract."""
    return b"" if value is None else read_data(value, what)


def _access(value: JsonValue, what: str) -> Rlp:
    """EIP-2930."""
    items = [read_members(item, what) for item in read_list(value, what)]
    return [
        [
            read_data(item.get("address"), what),
            [read_data(key, what) for key in read_list(item.get("storageKeys"), what)],
        ]
        for item in items
    ]


def _hashes(value: JsonValue, what: str) -> Rlp:
    return [read_data(item, what) for item in read_list(value, what)]


def _authorizations(value: JsonValue, what: str) -> Rlp:
    """EIP-7702."""
    items = [read_members(item, what) for item in read_list(value, what)]
    return [[read(item.get(name), what) for name, read in _AUTHORIZATION] for item in items]


_AUTHORIZATION: Fields = (
    ("chainId", _integer),
    ("address", _address),
    ("nonce", _integer),
    ("yParity", _integer),
    ("r", _integer),
    ("s", _integer),
)

_HEADER: Fields = (
    ("parentHash", read_data),
    ("sha3Uncles", read_data),
    ("miner", read_data),
    ("stateRoot", read_data),
    ("transactionsRoot", read_data),
    ("receiptsRoot", read_data),
    ("logsBloom", read_data),
    ("difficulty", _integer),
    ("number", _integer),
    ("gasLimit", _integer),
    ("gasUsed", _integer),
    ("timestamp", _integer),
    ("extraData", read_data),
    ("mixHash", read_data),
    ("nonce", read_data),
    ("baseFeePerGas", _integer),
)
_LATER: Fields = (
    ("withdrawalsRoot", read_data),
    ("blobGasUsed", _integer),
    ("excessBlobGas", _integer),
    ("parentBeaconBlockRoot", read_data),
    ("requestsHash", read_data),
)
"""Fields that protocols after EIP-1559 appended, each only to those before it."""


def encode_header(members: Members) -> bytes:
    """The header that a node tells in JSON; whether it has the block's hash is not checked."""
    fields = [read(members.get(name), name) for name, read in _HEADER]
    for name, read in _LATER:
        if members.get(name) is None:
            break
        fields.append(read(members[name], name))
    return encode_rlp(fields)


_BODY: Fields = (
    ("gas", _integer),
    ("to", _address),
    ("value", _integer),
    ("input", read_data),
)
_PRICE: Fields = (("nonce", _integer), ("gasPrice", _integer))
_FEES: Fields = (
    ("chainId", _integer),
    ("nonce", _integer),
    ("maxPriorityFeePerGas", _integer),
    ("maxFeePerGas", _integer),
    *_BODY,
    ("accessList", _access),
)
_TYPES: dict[int, Fields] = {
    0: (*_PRICE, *_BODY),
    1: (("chainId", _integer), *_PRICE, *_BODY, ("accessList", _access)),
    2: _FEES,
    3: (*_FEES, ("maxFeePerBlobGas", _integer), ("blobVersionedHashes", _hashes)),
    4: (*_FEES, ("authorizationList", _authorizations)),
}
"""Fields before the signature, by type: legacy, EIP-2930, EIP-1559, EIP-4844, EIP-7702."""


def _fetch_transactions(node: EvmNode, block: Hash, told: list[JsonValue]) -> list[bytes]:
    """Their bytes, raw from the node where they are of a type that is not known here."""
    raws = [encode_transaction(read_members(each, "transaction")) for each in told]
    if raws.count(None) > EVM_RAW_TRANSACTIONS:
        raise Unreachable(f"more than {EVM_RAW_TRANSACTIONS} transactions are of unknown types")
    return [
        node.raw_transaction(block, index) if raw is None else raw for index, raw in enumerate(raws)
    ]


def encode_transaction(members: Members) -> bytes | None:
    """A transaction that a node tells in JSON, as it stands in the trie; None if its type is not
    known here. Whether it has its hash is not checked: the trie's root will tell."""
    type_ = read_quantity(members.get("type", "0x0"), "transaction type")
    if type_ not in _TYPES:
        return None
    parity = members.get("yParity", members.get("v")) if type_ else members.get("v")
    fields = [read(members.get(name), name) for name, read in _TYPES[type_]]
    fields.append(_integer(parity, "v"))
    fields += [_integer(members.get(name), name) for name in ("r", "s")]
    return (bytes((type_,)) if type_ else b"") + encode_rlp(fields)
