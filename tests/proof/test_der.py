"""DER: each value has one encoding, and nothing is read that is not there."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.x509 import ObjectIdentifier, UnrecognizedExtension
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.proof.tsp.der import (
    BIT_STRING,
    BOOLEAN,
    GENERALIZED_TIME,
    INTEGER,
    NULL,
    OCTET_STRING,
    OID,
    SEQUENCE,
    SET,
    UTC_TIME,
    DerReader,
    IndefiniteLength,
    MalformedDer,
    NotShortest,
    TooLong,
    TrailingBytes,
    Truncated,
    UnexpectedElement,
    UnsortedSet,
    encode,
    encode_integer,
    encode_oid,
    read_content,
    read_der,
    read_oid,
    read_sequence_of,
    read_set_of,
)
from chalicelib.proof.tsp.der_time import (
    DerTime,
    MalformedDerTime,
    take_certificate_time,
    take_generalized_time,
)

SIGNED_DATA = bytes.fromhex("06092a864886f70d010702")


@pytest.mark.parametrize(
    ("value", "encoding"),
    [
        (0, "020100"),
        (127, "02017f"),
        (128, "02020080"),
        (256, "02020100"),
        (-1, "0201ff"),
        (-128, "020180"),
        (-129, "0202ff7f"),
        (1 << 64, "0209010000000000000000"),
    ],
)
def test_integers_of_x690(value: int, encoding: str) -> None:
    assert encode_integer(value).hex() == encoding
    assert DerReader(bytes.fromhex(encoding)).take_integer() == value


@pytest.mark.parametrize(
    ("encoding", "error"),
    [
        ("0200", MalformedDer),
        ("02020000", NotShortest),
        ("0202007f", NotShortest),
        ("0202ffff", NotShortest),
        ("0202ff80", NotShortest),
        ("0241" + "01" * 65, TooLong),
        ("0201", Truncated),
        ("02", Truncated),
        ("", Truncated),
        ("028101" + "05", NotShortest),
        ("0282008001", NotShortest),
        ("02800100", IndefiniteLength),
        ("0284ffffffff", Truncated),
        ("02ff", Truncated),
        ("040105", UnexpectedElement),
        ("220105", UnexpectedElement),
    ],
)
def test_other_bytes_are_no_integer(encoding: str, error: type[MalformedDer]) -> None:
    with pytest.raises(error):
        DerReader(bytes.fromhex(encoding)).take_integer()


@given(st.integers(-(1 << 500), 1 << 500))
def test_integers_are_read_as_written(value: int) -> None:
    assert DerReader(encode_integer(value)).take_integer() == value


def test_object_identifiers_of_x690() -> None:
    assert encode_oid("1.2.840.113549.1.7.2") == SIGNED_DATA
    assert read_oid(SIGNED_DATA) == "1.2.840.113549.1.7.2"
    assert read_oid(bytes.fromhex("0603883703")) == "2.999.3"
    assert read_oid(bytes.fromhex("0601" + "00")) == "0.0"


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", Truncated),
        (b"\x2a\x86", Truncated),
        (b"\x2a\x80\x01", NotShortest),
        (b"\x80\x2a", NotShortest),
        (b"\x2a" * 65, TooLong),
    ],
)
def test_other_bytes_are_no_object_identifier(content: bytes, error: type[MalformedDer]) -> None:
    with pytest.raises(error):
        read_oid(encode(OID, content))


ARCS = st.lists(st.integers(0, 1 << 60), max_size=5)
OIDS = st.one_of(
    st.builds(lambda a, b, c: [a, b, *c], st.integers(0, 1), st.integers(0, 39), ARCS),
    st.builds(lambda b, c: [2, b, *c], st.integers(0, 1 << 40), ARCS),
).map(lambda arcs: ".".join(map(str, arcs)))


@given(OIDS)
def test_object_identifiers_are_read_as_written(dotted: str) -> None:
    assert read_oid(encode_oid(dotted)) == dotted


@given(OIDS)
def test_object_identifiers_are_written_as_cryptography_writes_them(dotted: str) -> None:
    with suppress(ValueError):  # it has arcs of 32 bits
        extension = UnrecognizedExtension(ObjectIdentifier(dotted), b"")
        assert read_oid(encode_oid(extension.oid.dotted_string)) == dotted


def test_a_boolean_that_is_there_is_true() -> None:
    assert DerReader(encode(BOOLEAN, b"\xff")).take_true()
    assert not DerReader(encode(NULL)).take_true()
    for content in (b"\x00", b"\x01", b"", b"\xff\xff"):
        with pytest.raises(MalformedDer):
            DerReader(encode(BOOLEAN, content)).take_true()


@pytest.mark.parametrize(
    ("content", "bits"),
    [
        (b"\x00", set()),
        (b"\x07\x80", {0}),
        (b"\x02\x04", {5}),
        (b"\x01\x06", {5, 6}),
        (b"\x00\x00", set()),
        (b"\x06\x00\x40", {9}),
    ],
)
def test_named_bits(content: bytes, bits: set[int]) -> None:
    assert DerReader(encode(BIT_STRING, content)).take_bits() == bits


@pytest.mark.parametrize("content", [b"", b"\x01", b"\x08\x80", b"\xff\x80", b"\x03\x04"])
def test_other_bytes_are_no_named_bits(content: bytes) -> None:
    with pytest.raises(MalformedDer):
        DerReader(encode(BIT_STRING, content)).take_bits()


def test_named_bits_are_few() -> None:
    with pytest.raises(TooLong):
        DerReader(encode(BIT_STRING, b"\x00" + b"\x01" * 65)).take_bits()


def test_bits_that_are_whole_bytes() -> None:
    assert DerReader(encode(BIT_STRING, b"\x00key")).take_octets_of_bits() == b"key"
    for content in (b"", b"\x04\xf0"):
        with pytest.raises(MalformedDer):
            DerReader(encode(BIT_STRING, content)).take_octets_of_bits()


def test_sets_are_in_order_and_sequences_are_as_they_are() -> None:
    one, two = encode_integer(1), encode_integer(2)
    assert read_set_of(read_der(encode(SET, one, two), SET)) == [one, two]
    assert read_set_of(read_der(encode(SET, one, one), SET)) == [one, one]
    with pytest.raises(UnsortedSet):
        read_set_of(read_der(encode(SET, two, one), SET))
    assert read_sequence_of(read_der(encode(SEQUENCE, two, one))) == [two, one]
    with pytest.raises(UnexpectedElement):
        read_sequence_of(read_der(encode(SEQUENCE, two)), OCTET_STRING)


def test_one_element_is_all_of_the_bytes() -> None:
    assert read_content(encode(OCTET_STRING, b"x"), OCTET_STRING) == b"x"
    with pytest.raises(TrailingBytes):
        read_content(encode(OCTET_STRING, b"x") + b"\x00", OCTET_STRING)
    with pytest.raises(Truncated):
        read_content(b"", OCTET_STRING)


def test_high_tags_are_refused() -> None:
    for data in (b"\x1f\x1f\x00", b"\xbf\x81\x00\x00"):
        with pytest.raises(MalformedDer):
            DerReader(data).take_whole()


@given(st.integers(0, 255), st.binary(max_size=70_000))
def test_elements_are_read_as_written(tag: int, content: bytes) -> None:
    assert read_content(encode(tag, content), tag) == content


@given(st.binary(max_size=40))
def test_what_is_read_has_one_encoding(data: bytes) -> None:
    with suppress(MalformedDer):
        for element in read_sequence_of(DerReader(data)):
            tag = element[0]
            assert encode(tag, read_content(element, tag)) == element


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def time_of(text: bytes) -> DerTime:
    return take_generalized_time(DerReader(encode(GENERALIZED_TIME, text)))


@given(st.datetimes(timezones=st.just(UTC)))
def test_times_are_read_to_the_microsecond(moment: datetime) -> None:
    fraction = f".{moment.microsecond:06}".rstrip("0").rstrip(".")
    text = f"{moment.year:04}{moment:%m%d%H%M%S}{fraction}Z"
    expected = (moment - EPOCH) // timedelta(microseconds=1)
    assert time_of(text.encode()) == (expected, expected)


def test_a_time_finer_than_a_microsecond_lies_between_two() -> None:
    assert time_of(b"19700101000001.0000005Z") == (1_000_000, 1_000_001)
    assert time_of(b"19700101000001.000000000000000001Z") == (1_000_000, 1_000_001)
    assert time_of(b"19691231235959.0000005Z") == (-1_000_000, -999_999)


@pytest.mark.parametrize(
    ("text", "year"), [(b"500101000000Z", 1950), (b"991231235959Z", 1999), (b"490101000000Z", 2049)]
)
def test_a_utc_time_is_from_1950_to_2049(text: bytes, year: int) -> None:
    us = take_certificate_time(DerReader(encode(UTC_TIME, text)))
    assert (EPOCH + timedelta(microseconds=us)).year == year


def test_a_certificate_may_have_a_generalized_time() -> None:
    reader = DerReader(encode(GENERALIZED_TIME, b"20500101000000Z"))
    assert (EPOCH + timedelta(microseconds=take_certificate_time(reader))).year == 2050


@pytest.mark.parametrize("text", [b"5001010000Z", b"500101000000", b"500101000000+0000", b""])
def test_other_bytes_are_no_utc_time(text: bytes) -> None:
    with pytest.raises(MalformedDerTime):
        take_certificate_time(DerReader(encode(UTC_TIME, text)))


def test_an_integer_is_no_time() -> None:
    for take in (take_certificate_time, take_generalized_time):
        with pytest.raises(UnexpectedElement):
            take(DerReader(encode(INTEGER, b"\x01")))
