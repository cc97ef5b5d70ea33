"""What the client does for one document: digests, salt, commitments, statement, signature."""

from __future__ import annotations

from functools import partial

from chalicelib.cli.keyfile import IssuerSigner
from chalicelib.cli.prepare import Order, sign
from chalicelib.proof.document import Canonicalization, digest_document
from chalicelib.proof.receipt import HolderPart
from tests.proof.world import ISSUER, ISSUER_KEY, REGISTERED_MS

from .measure import Results, Work, median_us
from .samples import make_document

SIGNER = IssuerSigner(ISSUER, ISSUER_KEY)


def measure(documents: int = 100, rounds: int = 25) -> Results:
    """Per 2 KB document, in microseconds of CPU, without reading the file."""
    made = [make_document(number) for number in range(documents)]
    return median_us(
        rounds,
        {
            "client_raw_us": Work(documents, partial(_prepare, made, "raw")),
            "client_jcs_us": Work(documents, partial(_prepare, made, "jcs")),
        },
    )


def _prepare(documents: list[bytes], canonicalization: Canonicalization) -> None:
    order = Order(SIGNER, "education/diploma", canonicalization, REGISTERED_MS // 1000)
    for document in documents:
        digests = digest_document(document, canonicalization)
        sign("document", HolderPart(canonicalization, b"", digests.sha256, digests.sm3), order)
