"""The ``.tsr`` export: a time stamp as ``openssl ts -verify`` reads it."""

from __future__ import annotations

from ..errors import CannotTell
from ..hashes import Hash
from ..receipt import RFC3161, Attestation, Receipt
from .evidence import attested_token
from .messages import format_response


class NoTimeStamp(CannotTell):
    """The receipt holds no time stamp to export."""


def export_tsr(receipt: Receipt) -> bytes:
    """A TimeStampResp around the first token of ``attested``, or of ``registered`` if that has
    none. Raises NoTimeStamp."""
    return format_response(attested_token(_first(receipt)[1]))


def stamped_hash(receipt: Receipt) -> Hash:
    """What that time stamp is over: the block hash, SHA-256(02 ‖ header). Raises NoTimeStamp."""
    return _first(receipt)[0]


def _first(receipt: Receipt) -> tuple[Hash, Attestation]:
    for inclusion in (receipt.attested, receipt.registered):
        if inclusion is not None:
            for attestation in inclusion.attestations:
                if attestation.type == RFC3161:
                    return inclusion.block.hash, attestation
    raise NoTimeStamp(
        "the receipt holds no time stamp (RFC 3161) yet: refresh it once its block has one"
    )
