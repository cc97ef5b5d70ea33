"""Times in DER: GeneralizedTime (X.690 §11.7) and UTCTime (§11.8), in microseconds since 1970."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from .der import GENERALIZED_TIME, UTC_TIME, DerReader, MalformedDer

_GENERALIZED = re.compile(rb"(\d{14})(?:\.(\d{0,17}[1-9]))?Z")
_UTC = re.compile(rb"\d{12}Z")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND_US = 1_000_000


class MalformedDerTime(MalformedDer):
    """Not a time as DER writes it, or a time that does not exist."""


class DerTime(NamedTuple):
    """A time that may be finer than a microsecond: it lies between these two."""

    earliest_us: int
    latest_us: int


def take_generalized_time(reader: DerReader) -> DerTime:
    """YYYYMMDDhhmmss, a fraction of at most 18 digits without trailing zeros, and Z."""
    match = _GENERALIZED.fullmatch(reader.take(GENERALIZED_TIME))
    if match is None:
        raise MalformedDerTime("a GeneralizedTime is written like 20260701093000.5Z")
    whole_us = _microseconds(match[1])
    fraction = match[2] or b"0"
    numerator, denominator = int(fraction) * _SECOND_US, 10 ** len(fraction)
    return DerTime(whole_us + numerator // denominator, whole_us - -numerator // denominator)


def take_certificate_time(reader: DerReader) -> int:
    """The Time of a certificate's validity (RFC 5280 §4.1.2.5): UTCTime from 1950 to 2049."""
    if reader.at(GENERALIZED_TIME):
        return take_generalized_time(reader).earliest_us
    text = reader.take(UTC_TIME)
    if not _UTC.fullmatch(text):
        raise MalformedDerTime("a UTCTime is written like 260701093000Z")
    century = b"19" if text[:2] >= b"50" else b"20"
    return _microseconds(century + text[:-1])


def _microseconds(digits: bytes) -> int:
    fields = [int(digits[:4]), *(int(digits[at : at + 2]) for at in range(4, 14, 2))]
    year, month, day, hour, minute, second = fields
    try:
        moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError as error:
        raise MalformedDerTime(f"there is no such time as {digits.decode()}") from error
    return (moment - _EPOCH) // timedelta(microseconds=1)
