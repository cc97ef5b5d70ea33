"""Media types, and what a client prefers among them (RFC 9110 §12.5.1)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..proof.entry_status import MEDIA_TYPE as STATUS_TYPE
from ..proof.erasure import MEDIA_TYPE as ERASURE_TYPE
from ..proof.export import COSE_RECEIPT_TYPE, TLOG_PROOF_TYPE
from ..proof.issuer_profile import MEDIA_TYPE as ISSUER_TYPE
from ..proof.receipt import MEDIA_TYPE as RECEIPT_TYPE
from ..proof.tlogwitness import SIZE_MEDIA_TYPE as TLOG_SIZE_TYPE

CBOR = "application/cbor"
CBOR_SEQ = "application/cbor-seq"
COSE = "application/cose"
CSV = "text/csv"
COSE_RECEIPT = COSE_RECEIPT_TYPE
CREDENTIAL = "application/vc"
DID_DOCUMENT = "application/did+json"
ENTRY_STATUS = STATUS_TYPE
ERASURE = ERASURE_TYPE
FORM = "application/x-www-form-urlencoded"
ISSUER_PROFILE = ISSUER_TYPE
JSON = "application/json"
NDJSON = "application/x-ndjson"
OCTETS = "application/octet-stream"
RECEIPT = RECEIPT_TYPE
STATUS_TOKEN = "application/statuslist+jwt"
STATEMENT = "application/scitt-statement+cose"
TEXT = "text/plain; charset=utf-8"
TLOG_PROOF = TLOG_PROOF_TYPE
TLOG_SIZE = TLOG_SIZE_TYPE

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_RANGE = re.compile(rf"({_TOKEN})/({_TOKEN})", re.ASCII)
_WEIGHT = re.compile(r"0(\.\d{0,3})?|1(\.0{0,3})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Range:
    type: str
    subtype: str
    weight: float

    def precision(self, media: str) -> int:
        """How exactly this range names ``media``: 2 the type itself, 0 ``*/*``, -1 not at all."""
        type_, _, subtype = essence(media).partition("/")
        if (self.type, self.subtype) == (type_, subtype):
            return 2
        if self.subtype == "*" and self.type in (type_, "*"):
            return int(self.type != "*")
        return -1


def essence(media: str) -> str:
    """A media type without its parameters, in lower case."""
    return media.partition(";")[0].strip().lower()


def choose(accept: str, offers: Sequence[str]) -> str | None:
    """The offer that ``accept`` (an Accept header, "" for none) weighs most; among equals the
    first; None when it wants none of them. Ranges that cannot be read are ignored."""
    ranges = [parsed for part in accept.split(",") if (parsed := _read_range(part))]
    if not accept.strip():
        return offers[0]
    weights = [_weigh(ranges, offer) for offer in offers]
    best = max(weights)
    return offers[weights.index(best)] if best > 0 else None


def _read_range(text: str) -> _Range | None:
    head, *parameters = (part.strip() for part in text.split(";"))
    match = _RANGE.fullmatch(head)
    weights = [value for value in parameters if value.lower().startswith("q=")]
    weight = weights[0][2:] if weights else "1"
    if match is None or not _WEIGHT.fullmatch(weight):
        return None
    return _Range(match[1].lower(), match[2].lower(), float(weight))


def _weigh(ranges: Sequence[_Range], offer: str) -> float:
    """The weight of the most precise range that names the offer."""
    named = [(range_.precision(offer), range_.weight) for range_ in ranges]
    precision, weight = max(named, default=(-1, 0.0))
    return weight if precision >= 0 else 0.0
