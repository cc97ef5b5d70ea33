"""The profiles that a statement may name: what kind of document it is about."""

from __future__ import annotations

PROFILES = frozenset(
    (
        "education/diploma",
        "education/transcript",
        "generic/file",
        "healthcare/immunization",
        "healthcare/record",
        "legal/contract",
        "logistics/proof-of-delivery",
        "manufacturing/inspection-certificate",
        "trade/bill-of-lading",
    )
)
