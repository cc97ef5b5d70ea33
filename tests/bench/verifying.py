"""Verifying receipts, beside the bare Ed25519 verifications that it cannot do without."""

from __future__ import annotations

from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from chalicelib.proof.block import block_to_be_signed
from chalicelib.proof.heads import Heads
from chalicelib.proof.receipt import Receipt, parse_receipt
from chalicelib.proof.verify import verify
from tests.proof.world import AT_MS, ISSUER_KEY, LOG, policy

from .measure import Results, Work, median_us
from .samples import Samples, fetch_samples

POLICY = policy()

Signature = tuple[Callable[[bytes, bytes], None], bytes, bytes]
"""The bound ``verify`` of a loaded key of ``cryptography``, a signature and its message."""


def measure(
    receipts: int = 8_000, log_size: int = 1_000_000, each: int = 100, rounds: int = 75
) -> Results:
    """Per receipt, in microseconds of CPU."""
    return one_by_one(each, log_size, rounds) | many(receipts, log_size, max(1, rounds // 15))


def one_by_one(receipts: int, log_size: int, rounds: int) -> Results:
    """From bytes to verdict, nothing kept between receipts but the parsed policy."""
    samples = fetch_samples(receipts, log_size)
    signatures = [_signatures(parse_receipt(data)) for data in samples.files]
    return median_us(
        rounds,
        {
            "verify_us": Work(receipts, lambda: _verify_all(samples, None)),
            "verify_signatures_us": Work(receipts, lambda: _check_all(*signatures)),
        },
    )


def many(receipts: int, log_size: int, rounds: int) -> Results:
    """The same of receipts under one checkpoint, which share what was found about it."""
    samples = fetch_samples(receipts, log_size)
    statements = [_signatures(parse_receipt(data))[2:] for data in samples.files[:100]]
    return median_us(
        rounds,
        {
            "verify_many_us": Work(receipts, lambda: _verify_all(samples, Heads(POLICY))),
            "ed25519_verify_us": Work(len(statements), lambda: _check_all(*statements)),
        },
    )


def receipt_size(log_size: int = 1_000_000) -> Results:
    """The bytes of a receipt file with the holder's part and no attestation."""
    return {"receipt_bytes_1m": len(fetch_samples(1, log_size).files[0])}


def _verify_all(samples: Samples, heads: Heads | None) -> None:
    for document, data in zip(samples.documents, samples.files, strict=True):
        verdict = verify(document, parse_receipt(data), POLICY, AT_MS, heads)
        assert verdict.outcome == "valid", verdict


def _signatures(receipt: Receipt) -> tuple[Signature, Signature, Signature]:
    """Those of the checkpoint, of the block and of the statement."""
    log = Ed25519PublicKey.from_public_bytes(LOG.public.x).verify
    issuer = Ed25519PublicKey.from_public_bytes(ISSUER_KEY.public.x).verify
    registered, statement = receipt.registered, receipt.statement
    note = registered.proof.checkpoint_note
    return (
        (log, note.signatures[0].signature, note.text),
        (log, registered.signature, block_to_be_signed(registered.block, LOG.public.kid)),
        (issuer, statement.signature, statement.to_be_signed),
    )


def _check_all(*receipts: tuple[Signature, ...]) -> None:
    for signatures in receipts:
        for check, signature, message in signatures:
            check(signature, message)
