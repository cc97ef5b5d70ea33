"""Exports of a receipt in the standard forms that strangers' tools read.

They are made of ``attested`` if present, else of ``registered``.
"""

from __future__ import annotations

from .block import block_protected
from .cbor import Tag, encode
from .hashes import Hash
from .receipt import Inclusion, Receipt
from .tlogproof import format_tlog_proof

COSE_RECEIPT_TYPE = "application/scitt-receipt+cose"
TLOG_PROOF_TYPE = "text/vnd.c2sp.tlog-proof"

_VDP = 396
_INCLUSION = -1
_COSE_SIGN1 = 18


def best_inclusion(receipt: Receipt) -> Inclusion:
    return receipt.registered if receipt.attested is None else receipt.attested


def export_tlog_proof(receipt: Receipt) -> bytes:
    """A C2SP tlog-proof@v1 file."""
    return format_tlog_proof(best_inclusion(receipt).proof)


def export_cose(receipt: Receipt, log_kid: Hash) -> bytes:
    """A bare COSE receipt of inclusion (RFC 9942 §5.2): tag 18, the root detached.

    ``log_kid`` is the thumbprint of the log's key (RFC 9679), which the receipt does not hold."""
    inclusion = best_inclusion(receipt)
    block = inclusion.block
    path: list[bytes] = list(inclusion.proof.path)
    proof = encode([block.size, inclusion.proof.index, path])
    return encode(
        Tag(
            _COSE_SIGN1,
            [
                block_protected(block.origin, block.hash, log_kid),
                {_VDP: {_INCLUSION: [proof]}},
                None,
                inclusion.signature,
            ],
        )
    )
