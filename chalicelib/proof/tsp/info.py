"""What a time stamp says: TSTInfo (RFC 3161 §2.4.2)."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import Malformed
from ..limits import TSA_ACCURACY_MS, TSA_ACCURACY_S
from .certificate import read_extension
from .cms import Algorithm, take_algorithm
from .der import (
    CONSTRUCTED,
    INTEGER,
    OCTET_STRING,
    PRIMITIVE,
    SEQUENCE,
    DerReader,
    encode,
    read_der,
    read_sequence_of,
)
from .der_time import DerTime, take_generalized_time

_VERSION = 1
_MOST_PARTS = 999


class MalformedTstInfo(Malformed):
    """Not a TSTInfo of version 1."""


@dataclass(frozen=True, slots=True)
class TstInfo:
    """``imprint`` is the hash that was stamped, ``accuracy_us`` is None when none is stated,
    ``critical`` tells whether it has extensions that a verifier has to understand."""

    policy: str
    algorithm: Algorithm
    imprint: bytes
    time: DerTime
    accuracy_us: int | None
    nonce: int | None
    critical: bool

    @property
    def interval_ms(self) -> tuple[int, int]:
        """The times between which it was made, rounded outwards, in POSIX milliseconds."""
        either_us = TSA_ACCURACY_MS * 1_000 if self.accuracy_us is None else self.accuracy_us
        earliest_us = self.time.earliest_us - either_us
        latest_us = self.time.latest_us + either_us
        return earliest_us // 1_000, -(-latest_us // 1_000)


def parse_tst_info(data: bytes) -> TstInfo:
    """Read a TSTInfo; raises MalformedTstInfo or MalformedDer."""
    reader = read_der(data)
    if reader.take_integer() != _VERSION:
        raise MalformedTstInfo(f"a TSTInfo has version {_VERSION}")
    policy = reader.take_oid()
    imprint = reader.enter()
    algorithm, digest = take_algorithm(imprint), imprint.take(OCTET_STRING)
    imprint.finish()
    reader.take_integer()
    time = take_generalized_time(reader)
    accuracy_us = _read_accuracy(reader.enter()) if reader.at(SEQUENCE) else None
    reader.take_true()
    nonce = reader.take_integer() if reader.at(INTEGER) else None
    if reader.at(CONSTRUCTED):
        reader.take_whole()
    critical = _read_critical(reader)
    reader.finish()
    return TstInfo(policy, algorithm, digest, time, accuracy_us, nonce, critical)


def _read_accuracy(reader: DerReader) -> int:
    """Seconds, milliseconds and microseconds, all optional."""
    seconds = reader.take_integer() if reader.at(INTEGER) else 0
    if seconds < 0:
        raise MalformedTstInfo(f"an accuracy is from 0 to {TSA_ACCURACY_S} seconds")
    millis, micros = _read_parts(reader, PRIMITIVE), _read_parts(reader, PRIMITIVE + 1)
    reader.finish()
    accuracy_us = seconds * 1_000_000 + millis * 1_000 + micros
    if accuracy_us > TSA_ACCURACY_S * 1_000_000:
        raise MalformedTstInfo(f"an accuracy is from 0 to {TSA_ACCURACY_S} seconds")
    return accuracy_us


def _read_parts(reader: DerReader, tag: int) -> int:
    if not reader.at(tag):
        return 0
    parts = DerReader(encode(INTEGER, reader.take(tag))).take_integer()
    if not 1 <= parts <= _MOST_PARTS:
        raise MalformedTstInfo("milliseconds and microseconds of an accuracy are from 1 to 999")
    return parts


def _read_critical(reader: DerReader) -> bool:
    if not reader.at(CONSTRUCTED + 1):
        return False
    items = read_sequence_of(DerReader(reader.take(CONSTRUCTED + 1)))
    extensions = [read_extension(item)[1] for item in items]
    return any(extension.critical for extension in extensions)
