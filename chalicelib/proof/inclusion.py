"""Whether an entry is in the blocks of its receipt, and they are of one history (RFC 6962 §2)."""

from __future__ import annotations

from .block import GENESIS, Block
from .errors import Invalid
from .merkle import inclusion_ranges, verify_inclusion
from .receipt import Inclusion, Receipt
from .statement import SignedStatement


def check_inclusion(receipt: Receipt) -> str:
    first, later = receipt.registered, receipt.attested
    include(receipt.statement, first)
    if later is not None:
        include(receipt.statement, later)
        if (later.proof.index, later.block.origin) != (first.proof.index, first.block.origin):
            raise Invalid("attested is about another entry than registered")
        if later.block.height <= first.block.height or later.block.size <= first.block.size:
            raise Invalid("attested is not a later block than registered")
        if later.block.timestamp_ms < first.block.timestamp_ms:
            raise Invalid("attested is earlier than registered")
        _follow(first.block, later.block)
        _agree(first, later)
    return f"entry {first.proof.index} is in the tree of {first.block.size} entries"


def include(statement: SignedStatement, inclusion: Inclusion) -> None:
    proof, checkpoint = inclusion.proof, inclusion.checkpoint
    _stand(inclusion.block, proof.index)
    verify_inclusion(statement.entry_id, proof.index, checkpoint.size, proof.path, checkpoint.root)


def _stand(block: Block, index: int) -> None:
    """Each block begins with its link: so none is empty, and no statement comes first."""
    if not 1 <= block.height < block.size or index == 0:
        raise Invalid("no log has such a block: each begins with a link, the first at height 1")
    if block.height == 1 and block.previous != GENESIS(block.origin).hash:
        raise Invalid("the first block does not continue the empty log")


def _follow(first: Block, later: Block) -> None:
    """What of the hash chain two of its blocks show."""
    if later.height == first.height + 1 and later.previous != first.hash:
        raise Invalid(
            "registered and attested are of two histories: the hash chain contradicts",
            "inclusion/two-histories",
        )
    if later.size - first.size < later.height - first.height:
        raise Invalid("attested holds too few entries: every block begins with its link")


def _agree(first: Inclusion, later: Inclusion) -> None:
    """Subtrees that both paths name are the same in a log that only appends."""
    index = first.proof.index
    nodes = dict(zip(inclusion_ranges(index, first.block.size), first.proof.path, strict=True))
    ranges = inclusion_ranges(index, later.block.size)
    for subtree, node in zip(ranges, later.proof.path, strict=True):
        if nodes.get(subtree, node) != node:
            raise Invalid(
                "registered and attested are of two histories: their trees contradict",
                "inclusion/two-histories",
            )
