"""Requests to time-stamp authorities and their responses (RFC 3161 §2.4)."""

from __future__ import annotations

from ..errors import CannotTell, Malformed
from ..hashes import Hash
from .der import (
    BIT_STRING,
    BOOLEAN,
    OCTET_STRING,
    SEQUENCE,
    TRUE,
    encode,
    encode_integer,
    encode_oid,
    read_der,
)
from .signature import NULL_PARAMETERS, SHA256_OID

REQUEST_TYPE = "application/timestamp-query"
RESPONSE_TYPE = "application/timestamp-reply"
"""RFC 3161 §3.4; the second is also the type of a ``.tsr`` file."""

_VERSION = 1
_GRANTED, _GRANTED_WITH_MODS = 0, 1
_STATUSES = {
    2: "rejection",
    3: "waiting",
    4: "a warning that a revocation is near",
    5: "a notice of a revocation",
}
_FAILURES = {
    0: "the algorithm is unknown or not supported",
    2: "the transaction is not permitted or supported",
    5: "the data is in the wrong format",
    14: "the time source is not available",
    15: "the policy is not supported",
    16: "the extension is not supported",
    17: "the additional information is not understood or not available",
    25: "a system failure",
}
"""PKIFailureInfo (RFC 3161 §2.4.2)."""


class MalformedResponse(Malformed):
    """Not a TimeStampResp."""


class TimeStampRefused(CannotTell):
    """The authority answered that it makes no time stamp, and why."""


def format_request(imprint: Hash, nonce: int, *, want_certificate: bool = True) -> bytes:
    """A TimeStampReq (RFC 3161 §2.4.1) for a hash that was made with SHA-256."""
    algorithm = encode(SEQUENCE, encode_oid(SHA256_OID), NULL_PARAMETERS)
    return encode(
        SEQUENCE,
        encode_integer(_VERSION),
        encode(SEQUENCE, algorithm, encode(OCTET_STRING, imprint)),
        encode_integer(nonce),
        # FALSE is the default, and left out.
        encode(BOOLEAN, TRUE) if want_certificate else b"",
    )


def parse_response(data: bytes) -> bytes:
    """The TimeStampToken in a TimeStampResp that grants it (RFC 3161 §2.4.2), not yet verified;
    raises Malformed or TimeStampRefused."""
    reader = read_der(data)
    status = reader.enter()
    number = status.take_integer()
    if status.at(SEQUENCE):
        # Free text of the authority's: nothing that should be shown or logged.
        status.take(SEQUENCE)
    failures = status.take_bits() if status.at(BIT_STRING) else frozenset()
    status.finish()
    token = b"" if reader.done else reader.take_whole(SEQUENCE)
    reader.finish()
    if number not in (_GRANTED, _GRANTED_WITH_MODS):
        raise TimeStampRefused(_refusal(number, failures))
    if not token:
        raise MalformedResponse("a time stamp was granted, but is not there")
    return token


def _refusal(number: int, failures: frozenset[int]) -> str:
    status = _STATUSES.get(number, "an unknown status")
    reasons = [_FAILURES.get(bit, f"failure {bit}") for bit in sorted(failures)]
    return f"no time stamp but {status}: {', '.join(reasons) or 'no reason is given'}"


def format_response(token: bytes) -> bytes:
    """A TimeStampResp that grants the token: what a ``.tsr`` file holds."""
    return encode(SEQUENCE, encode(SEQUENCE, encode_integer(_GRANTED)), token)
