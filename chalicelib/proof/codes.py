"""The outcomes of checks, each a stable code ``<check>/<outcome>``. texts.py says them in words.

Programs may branch on codes; more of them may come, and none changes its meaning or its result.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

Code: TypeAlias = Literal[
    "document/good",
    "document/differs",
    "document/receipt-differs",
    "document/receipt-incomplete",
    "document/not-given",
    "document/none",
    "inclusion/good",
    "inclusion/false",
    "inclusion/two-histories",
    "log/good",
    "log/false",
    "log/unknown",
    "block/good",
    "block/false",
    "block/unknown",
    "witnesses/good",
    "witnesses/false",
    "witnesses/too-few",
    "witnesses/not-asked",
    "attestation/good",
    "attestation/false",
    "attestation/unknown",
    "issuer/good",
    "issuer/accredited",
    "issuer/unaccredited",
    "issuer/profile-unknown",
    "issuer/false",
    "issuer/key-not-good",
    "issuer/key-stolen",
    "issuer/profile-false",
    "issuer/not-active",
    "issuer/not-accredited",
    "issuer/unknown",
    "issuer/key-unknown",
    "issuer/time-unknown",
    "credential/good",
    "credential/false",
    "credential/expired",
    "credential/other-issuer",
    "credential/other-type",
    "credential/key-not-good",
    "credential/key-stolen",
    "credential/unsigned",
    "credential/key-unknown",
    "credential/not-bound",
    "credential/unknown",
    "disclosures/good",
    "disclosures/false",
    "disclosures/unknown",
    "holder/good",
    "holder/false",
    "holder/stale",
    "holder/not-shown",
    "holder/not-asked",
    "holder/unknown",
    "status/good",
    "status/changed-later",
    "status/revoked",
    "status/superseded",
    "status/suspended",
    "status/false",
    "status/stale",
    "status/none",
    "status/unknown",
    "status/too-early",
    "expiry/good",
    "expiry/expired",
    "expiry/not-yet",
    "expiry/none",
    "expiry/not-read",
    "expiry/not-bound",
    "expiry/unknown",
    "expiry/too-early",
    "time/at-before-registration",
    "receipt/unreadable",
    "evidence/missing",
]


class Text(NamedTuple):
    """One sentence or a few, in each language."""

    en: str
    zh: str


class Outcomes(NamedTuple):
    """What a check's results are where nothing says more."""

    good: Code
    false: Code
    unknown: Code


OUTCOMES: dict[str, Outcomes] = {
    "document": Outcomes("document/good", "document/differs", "document/not-given"),
    # To say whether an entry is in a tree needs nothing but the receipt.
    "inclusion": Outcomes("inclusion/good", "inclusion/false", "evidence/missing"),
    "log": Outcomes("log/good", "log/false", "log/unknown"),
    "block": Outcomes("block/good", "block/false", "block/unknown"),
    "witnesses": Outcomes("witnesses/good", "witnesses/false", "witnesses/too-few"),
    "attestation": Outcomes("attestation/good", "attestation/false", "attestation/unknown"),
    "issuer": Outcomes("issuer/good", "issuer/false", "issuer/unknown"),
    "credential": Outcomes("credential/good", "credential/false", "credential/unknown"),
    "disclosures": Outcomes("disclosures/good", "disclosures/false", "disclosures/unknown"),
    "holder": Outcomes("holder/good", "holder/false", "holder/unknown"),
    "status": Outcomes("status/good", "status/false", "status/unknown"),
    "expiry": Outcomes("expiry/good", "expiry/expired", "expiry/unknown"),
}
