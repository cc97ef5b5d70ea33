"""Requests, responses and ``.tsr`` files, read and written by openssl, too."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.proof.errors import Malformed
from chalicelib.proof.members import MalformedMember
from chalicelib.proof.receipt import Attestation, Receipt, format_receipt, parse_receipt
from chalicelib.proof.tsp.der import (
    BIT_STRING,
    NULL,
    SEQUENCE,
    UTF8_STRING,
    Truncated,
    encode,
    encode_integer,
)
from chalicelib.proof.tsp.evidence import attested_token, rfc3161_attestation
from chalicelib.proof.tsp.messages import (
    MalformedResponse,
    TimeStampRefused,
    format_request,
    format_response,
    parse_response,
)
from chalicelib.proof.tsp.tsr_file import NoTimeStamp, export_tsr

from .rfc3161_tokens import BLOCK, Info, Token
from .world import World

TOKEN = Token().der
OTHER = Token(info=Info(serial=encode_integer(43)).der).der


def openssl(place: Path, *command: str) -> str:
    done = subprocess.run(
        ("openssl", *command), cwd=place, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("want", [True, False])
def test_a_request_is_the_one_that_openssl_makes(tmp_path: Path, want: bool) -> None:
    certificate = ("-cert",) if want else ()
    digest = ("-sha256", "-digest", BLOCK.hash.hex())
    openssl(tmp_path, "ts", "-query", *digest, "-no_nonce", *certificate, "-out", "query")
    theirs = (tmp_path / "query").read_bytes()
    ours = format_request(BLOCK.hash, 7, want_certificate=want)
    assert ours[2:].replace(encode_integer(7), b"", 1) == theirs[2:]


def test_openssl_reads_the_nonce_of_a_request(tmp_path: Path) -> None:
    nonce = (1 << 64) - 1
    (tmp_path / "query").write_bytes(format_request(BLOCK.hash, nonce))
    said = openssl(tmp_path, "ts", "-query", "-in", "query", "-text")
    assert f"Nonce: 0x{nonce:X}\n" in said
    assert "Certificate required: yes\n" in said


def test_a_granted_response_holds_its_token(tmp_path: Path) -> None:
    response = format_response(TOKEN)
    assert parse_response(response) == TOKEN
    (tmp_path / "reply").write_bytes(response)
    openssl(tmp_path, "ts", "-reply", "-in", "reply", "-token_out", "-out", "token")
    assert (tmp_path / "token").read_bytes() == TOKEN


def response(status: int, *rest: bytes, token: bytes = b"") -> bytes:
    return encode(SEQUENCE, encode(SEQUENCE, encode_integer(status), *rest), token)


WORDS = encode(SEQUENCE, encode(UTF8_STRING, b"<b>secret</b>"))


def test_a_response_may_grant_with_modifications_and_words() -> None:
    assert parse_response(response(1, WORDS, token=TOKEN)) == TOKEN


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        (response(2), "no time stamp but rejection: no reason is given"),
        (response(2, WORDS), "no time stamp but rejection: no reason is given"),
        (response(2, WORDS, token=TOKEN), "no time stamp but rejection: no reason is given"),
        (
            response(2, encode(BIT_STRING, b"\x07\x80")),
            "no time stamp but rejection: the algorithm is unknown or not supported",
        ),
        (
            response(2, WORDS, encode(BIT_STRING, b"\x01\x00\x02")),
            "no time stamp but rejection: the time source is not available",
        ),
        (
            response(2, encode(BIT_STRING, b"\x02\x44\x00\x00\x04")),
            "no time stamp but rejection: failure 1, the data is in the wrong format, failure 29",
        ),
        (response(3), "no time stamp but waiting: no reason is given"),
        (response(6), "no time stamp but an unknown status: no reason is given"),
        (response(-1), "no time stamp but an unknown status: no reason is given"),
    ],
)
def test_a_refusal_says_why_in_our_words(refusal: bytes, words: str) -> None:
    with pytest.raises(TimeStampRefused) as refused:
        parse_response(refusal)
    assert str(refused.value) == words


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", Truncated),
        (response(0), MalformedResponse),
        (response(0, token=encode(NULL)), Malformed),
        (response(0, token=TOKEN) + b"\x00", Malformed),
        (response(0, encode(NULL), token=TOKEN), Malformed),
        (response(0, token=TOKEN + TOKEN), Malformed),
        (b"<html>", Malformed),
    ],
)
def test_other_bytes_are_no_response(data: bytes, error: type[Malformed]) -> None:
    with pytest.raises(error):
        parse_response(data)


@given(st.binary(max_size=60))
def test_any_bytes_are_a_response_or_refused(data: bytes) -> None:
    for text in (data, encode(SEQUENCE, data), encode(SEQUENCE, encode(SEQUENCE, data))):
        with suppress(Malformed, TimeStampRefused):
            parse_response(text)


def receipt(
    registered: tuple[Attestation, ...] = (), attested: tuple[Attestation, ...] | None = None
) -> Receipt:
    made = World().receipt(grown=2)
    assert made.attested is not None
    later = replace(made.attested, attestations=attested or ())
    first = replace(made.registered, attestations=registered)
    return replace(made, registered=first, attested=None if attested is None else later)


PIGEON = Attestation("carrier-pigeon", {})
OURS, THEIRS = rfc3161_attestation(TOKEN), rfc3161_attestation(OTHER)


@pytest.mark.parametrize(
    "made",
    [
        receipt((OURS,)),
        receipt((PIGEON, OURS, THEIRS)),
        receipt((OURS,), (PIGEON,)),
        receipt((THEIRS,), (OURS, THEIRS)),
    ],
)
def test_a_tsr_is_of_the_first_time_stamp_of_the_better_attested_block(made: Receipt) -> None:
    assert export_tsr(made) == format_response(TOKEN)


@pytest.mark.parametrize("made", [receipt(), receipt((PIGEON,)), receipt((PIGEON,), ())])
def test_without_a_time_stamp_there_is_no_tsr(made: Receipt) -> None:
    with pytest.raises(NoTimeStamp, match="refresh it"):
        export_tsr(made)


def test_a_token_is_kept_in_a_receipt_as_it_is() -> None:
    read = parse_receipt(format_receipt(receipt((OURS,))))
    assert attested_token(read.registered.attestations[0]) == TOKEN
    for members in ({}, {"token": "MA"}, {"token": 1}):
        with pytest.raises(MalformedMember):
            attested_token(Attestation("rfc3161", members))
