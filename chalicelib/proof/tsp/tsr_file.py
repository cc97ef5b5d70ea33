"""The ``.tsr`` export: a time stamp as ``openssl ts -verify`` reads it."""

from __future__ import annotations

from ..errors import CannotTell
from ..receipt import RFC3161, Receipt
from .evidence import attested_token
from .messages import format_response


class NoTimeStamp(CannotTell):
    """The receipt holds no time stamp to export."""


def export_tsr(receipt: Receipt) -> bytes:
    """A TimeStampResp around the first token of ``attested``, or of ``registered`` if that has
    none. It is over the block hash, SHA-256(02 ‖ header). Raises NoTimeStamp."""
    for inclusion in (receipt.attested, receipt.registered):
        for attestation in inclusion.attestations if inclusion is not None else ():
            if attestation.type == RFC3161:
                return format_response(attested_token(attestation))
    raise NoTimeStamp(
        "the receipt holds no time stamp (RFC 3161) yet: refresh it once its block has one"
    )
