"""X.509 certificates, read as ``cryptography`` reads them, and their subjects' names."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.proof.errors import Malformed
from chalicelib.proof.text import MalformedBase64
from chalicelib.proof.tsp.certificate import (
    BasicConstraints,
    Certificate,
    MalformedCertificate,
    basic_constraints,
    extended_key_usage,
    key_usage,
    parse_certificate,
    parse_pem,
)
from chalicelib.proof.tsp.der import (
    CONSTRUCTED,
    NULL,
    PRIMITIVE,
    SEQUENCE,
    SET,
    UTF8_STRING,
    MalformedDer,
    TooLong,
    encode,
    encode_integer,
    encode_oid,
    read_der,
    read_sequence_of,
)
from chalicelib.proof.tsp.name import format_name
from chalicelib.proof.tsp.path import NotIssued, verify_issued

from .rfc3161_tokens import (
    ECDSA,
    ROOT,
    TIME_STAMPING,
    TSA,
    USAGES,
    Party,
    algorithm,
    authority,
    certify,
    ed25519_key,
    signer,
    usage,
)

AT_US = 1_782_898_200_000_000
PLAIN = certify("Plain")
LIMITED = authority("Limited", ROOT, path_length=3)


def us(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000


@pytest.mark.parametrize("party", [ROOT, TSA, PLAIN, LIMITED, signer("Ed", key=ed25519_key("Ed"))])
def test_a_certificate_is_read_as_cryptography_reads_it(party: Party) -> None:
    ours, theirs = parse_certificate(party.der), party.certificate
    assert ours.der == party.der
    assert ours.signed == theirs.tbs_certificate_bytes
    assert ours.serial == theirs.serial_number
    assert ours.issuer == theirs.issuer.public_bytes()
    assert ours.subject == theirs.subject.public_bytes()
    assert ours.name == theirs.subject.rfc4514_string()
    assert ours.not_before_us == us(theirs.not_valid_before_utc)
    assert ours.not_after_us == us(theirs.not_valid_after_utc)
    assert ours.signature == theirs.signature
    assert ours.algorithm.oid == theirs.signature_algorithm_oid.dotted_string
    spki = theirs.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert ours.spki == spki
    critical = {e.oid.dotted_string: e.critical for e in theirs.extensions}
    assert {oid: extension.critical for oid, extension in ours.extensions.items()} == critical
    assert parse_pem(party.pem) == ours


def test_the_extensions_that_decide() -> None:
    root, tsa, plain = map(parse_certificate, (ROOT.der, TSA.der, PLAIN.der))
    assert basic_constraints(root) == BasicConstraints(ca=True, path_length=None)
    assert basic_constraints(plain) == BasicConstraints(ca=False, path_length=None)
    limited = parse_certificate(LIMITED.der)
    assert basic_constraints(limited) == BasicConstraints(ca=True, path_length=3)
    assert [key_usage(c) for c in (root, tsa, plain)] == [frozenset({5}), frozenset({0}), None]
    assert [extended_key_usage(c) for c in (root, tsa, plain)] == [None, [TIME_STAMPING], None]


@given(st.sets(st.sampled_from(range(7)), min_size=1))
def test_key_usage_is_numbered_as_in_rfc_5280(bits: set[int]) -> None:
    party = certify("Used", extensions=[(usage(*(USAGES[bit] for bit in bits)), True)])
    assert key_usage(parse_certificate(party.der)) == frozenset(bits)


def test_both_ends_of_validity_are_included() -> None:
    certificate = parse_certificate(TSA.der)
    first, last = us(datetime(2020, 1, 1, tzinfo=UTC)), us(datetime(2040, 1, 1, tzinfo=UTC))
    times = (first - 1, first, last, last + 1)
    assert [certificate.valid_at(at_us) for at_us in times] == [False, True, True, False]


@pytest.mark.parametrize(
    "text",
    [
        "",
        TSA.pem.replace("\n", "\r\n"),
        TSA.pem + TSA.pem,
        "x" + TSA.pem,
        TSA.pem + "\n",
        TSA.pem.replace("CERTIFICATE", "TRUSTED CERTIFICATE"),
        "-----BEGIN CERTIFICATE-----\n\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nMB=\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\n\ud800\n-----END CERTIFICATE-----\n",
    ],
)
def test_other_text_is_no_certificate(text: str) -> None:
    with pytest.raises((MalformedCertificate, MalformedBase64, MalformedDer)):
        parse_pem(text)


def body_of(party: Party) -> list[bytes]:
    return read_sequence_of(read_der(parse_certificate(party.der).signed))


def certificate_of(*body: bytes, sign_with: bytes | None = None) -> bytes:
    signed = encode(SEQUENCE, *body)
    return encode(SEQUENCE, signed, sign_with or body[2], encode(0x03, b"\x00signature"))


VERSION, SERIAL, ALGORITHM, ISSUER, VALIDITY, SUBJECT, SPKI, EXTENSIONS = body_of(TSA)


def test_a_certificate_of_version_1_has_no_extensions() -> None:
    plain = (SERIAL, ALGORITHM, ISSUER, VALIDITY, SUBJECT, SPKI)
    first = parse_certificate(certificate_of(SERIAL, ALGORITHM, *plain[2:], sign_with=ALGORITHM))
    assert first.extensions == {}
    with pytest.raises(MalformedDer):
        parse_certificate(certificate_of(*plain, EXTENSIONS, sign_with=ALGORITHM))


def test_unique_identifiers_are_stepped_over() -> None:
    ids = (encode(PRIMITIVE + 1, b"\x00i"), encode(PRIMITIVE + 2, b"\x00s"))
    body = (VERSION, SERIAL, ALGORITHM, ISSUER, VALIDITY, SUBJECT, SPKI)
    usual = parse_certificate(certificate_of(*body, EXTENSIONS))
    assert parse_certificate(certificate_of(*body, *ids, EXTENSIONS)).extensions == usual.extensions
    assert parse_certificate(certificate_of(*body, ids[1])).extensions == {}


@pytest.mark.parametrize("version", [0, 1, 3])
def test_a_version_that_is_written_is_3(version: int) -> None:
    body = [VERSION, SERIAL, ALGORITHM, ISSUER, VALIDITY, SUBJECT, SPKI, EXTENSIONS]
    body[0] = encode(CONSTRUCTED, encode_integer(version))
    with pytest.raises(MalformedCertificate):
        parse_certificate(certificate_of(*body))


def test_a_certificate_names_one_algorithm() -> None:
    body = [VERSION, SERIAL, ALGORITHM, ISSUER, VALIDITY, SUBJECT, SPKI, EXTENSIONS]
    with pytest.raises(MalformedCertificate):
        parse_certificate(certificate_of(*body, sign_with=algorithm(ECDSA["sha384"])))


def test_an_extension_is_there_once() -> None:
    items = read_sequence_of(read_der(read_der(EXTENSIONS, CONSTRUCTED + 3).take_whole()))
    twice = encode(CONSTRUCTED + 3, encode(SEQUENCE, *items, items[0]))
    body = [VERSION, SERIAL, ALGORITHM, ISSUER, VALIDITY, SUBJECT, SPKI, twice]
    with pytest.raises(MalformedCertificate):
        parse_certificate(certificate_of(*body))


@given(st.binary(max_size=200))
def test_any_bytes_are_a_certificate_or_malformed(data: bytes) -> None:
    for text in (data, encode(SEQUENCE, data), certificate_of(VERSION, SERIAL, data)):
        with suppress(Malformed):
            parse_certificate(text)


@given(st.integers(0, len(TSA.der) - 1), st.integers(1, 255))
def test_any_changed_byte_leaves_a_certificate_or_malformed(at: int, change: int) -> None:
    data = TSA.der[:at] + bytes((TSA.der[at] ^ change,)) + TSA.der[at + 1 :]
    with suppress(Malformed):
        certificate = parse_certificate(data)
        assert certificate.der == data
        for read in (basic_constraints, key_usage, extended_key_usage):
            with suppress(Malformed):
                read(certificate)


def issued(certificate: Party, issuer: Party, below: int = 0) -> Certificate:
    ours = parse_certificate(certificate.der)
    return verify_issued(ours, parse_certificate(issuer.der), below, AT_US)


def test_one_certificate_issued_another() -> None:
    assert issued(TSA, ROOT).der == ROOT.der
    for subject, issuer in ((TSA, authority("Other")), (TSA, TSA), (ROOT, TSA)):
        with pytest.raises(NotIssued):
            issued(subject, issuer)
    limited = authority("Root", path_length=1)
    for below in (0, 1):
        assert issued(TSA, limited, below).der == limited.der
    with pytest.raises(NotIssued):
        issued(TSA, limited, 2)


ATTRIBUTES = st.builds(
    x509.NameAttribute,
    st.sampled_from(
        [
            NameOID.COMMON_NAME,
            NameOID.LOCALITY_NAME,
            NameOID.STATE_OR_PROVINCE_NAME,
            NameOID.ORGANIZATION_NAME,
            NameOID.ORGANIZATIONAL_UNIT_NAME,
            NameOID.STREET_ADDRESS,
            NameOID.DOMAIN_COMPONENT,
            NameOID.USER_ID,
        ]
    ),
    st.text(
        st.characters(min_codepoint=0x20, max_codepoint=0xFFFF, categories=["L", "N", "P", "S"])
        | st.just(" "),
        min_size=1,
        max_size=20,
    ),
    st.sampled_from([_ASN1Type.UTF8String, _ASN1Type.BMPString]),
)


@given(st.lists(ATTRIBUTES, max_size=4))
def test_names_are_written_as_by_cryptography(attributes: list[x509.NameAttribute[str]]) -> None:
    name = x509.Name(attributes)
    assert format_name(name.public_bytes()) == name.rfc4514_string()


def name_of(oid: str, value: bytes) -> bytes:
    part = encode(SEQUENCE, encode_oid(oid), value)
    return encode(SEQUENCE, encode(SET, part))


def test_a_name_is_one_line_of_what_prints() -> None:
    text = encode(UTF8_STRING, "a\nb\u202e".encode())
    assert format_name(name_of("2.5.4.3", text)) == "CN=a\\0ab\\e2\\80\\ae"
    assert format_name(name_of("2.5.4.3", encode(UTF8_STRING, b" "))) == "CN=\\ "
    assert format_name(name_of("2.5.4.3", encode(UTF8_STRING, b"#x "))) == "CN=\\#x\\ "
    assert format_name(encode(SEQUENCE)) == ""


def test_a_name_shows_in_hex_what_has_no_name_or_is_no_text() -> None:
    text = encode(UTF8_STRING, b"x")
    assert format_name(name_of("1.3.6.1.4.1.32473.1", text)) == "1.3.6.1.4.1.32473.1=#0c0178"
    assert format_name(name_of("2.5.4.3", encode(NULL))) == "CN=#0500"


def test_a_name_has_several_parts_together() -> None:
    parts = (
        encode(SEQUENCE, encode_oid("2.5.4.3"), encode(UTF8_STRING, b"a")),
        encode(SEQUENCE, encode_oid("2.5.4.10"), encode(UTF8_STRING, b"b")),
    )
    assert format_name(encode(SEQUENCE, encode(SET, *parts))) == "CN=a+O=b"


def test_a_name_is_text_in_its_encoding_and_not_long() -> None:
    with pytest.raises(MalformedDer):
        format_name(name_of("2.5.4.3", encode(UTF8_STRING, b"\xff")))
    with pytest.raises(TooLong):
        format_name(name_of("2.5.4.3", encode(UTF8_STRING, b"x" * 2_000)))
