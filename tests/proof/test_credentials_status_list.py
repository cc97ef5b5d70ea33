"""Bitstring status lists: which bit is whose, and never more memory than a list may have."""

from __future__ import annotations

import tracemalloc
import zlib
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.proof.credentials.data_integrity import sign_credential, verify_credential
from chalicelib.proof.credentials.multibase import format_base64url, parse_base64url
from chalicelib.proof.credentials.status_list import (
    IndexOutOfRange,
    MalformedEncodedList,
    MalformedStatusEntry,
    MalformedStatusList,
    NotStatusList,
    StatusEntry,
    StatusListTooLong,
    UnknownStatusType,
    WrongStatusList,
    decode_list,
    encode_list,
    entry_status,
    format_status_entry,
    make_bits,
    read_status_entry,
    read_status_list,
    status_at,
)
from chalicelib.proof.credentials.vcdm import read_credential
from chalicelib.proof.keys import WrongSignature
from chalicelib.proof.limits import CREDENTIAL_BYTES, STATUS_ENTRIES_LEAST, STATUS_LIST_BYTES

from .credentials_samples import (
    AT_MS,
    CREATED,
    ISSUER_KEY,
    METHOD,
    STATUS_LIST,
    credential,
    status_list,
)

ENTRY = StatusEntry("revocation", 94_567, STATUS_LIST)


class TestBits:
    def test_index_0_is_the_left_most_bit(self) -> None:
        bits = make_bits(STATUS_ENTRIES_LEAST, [0, 9, STATUS_ENTRIES_LEAST - 1])
        assert bits[:2] == b"\x80\x40"
        assert bits[-1] == 1
        assert len(bits) == 16_384

    @given(st.sets(st.integers(0, STATUS_ENTRIES_LEAST - 1), max_size=50))
    def test_exactly_those_are_set(self, indices: set[int]) -> None:
        bits = make_bits(STATUS_ENTRIES_LEAST, indices)
        near = {at + step for at in indices for step in (-1, 0, 1)} & set(range(len(bits) * 8))
        assert {at for at in near if status_at(bits, at)} == indices
        assert decode_list(encode_list(bits)) == bits

    @pytest.mark.parametrize("index", [-1, STATUS_ENTRIES_LEAST, 2**63])
    def test_beyond_the_list_nothing_can_be_told(self, index: int) -> None:
        bits = make_bits(STATUS_ENTRIES_LEAST, [])
        with pytest.raises(IndexOutOfRange):
            status_at(bits, index)
        with pytest.raises(ValueError, match="an index is from 0"):
            make_bits(STATUS_ENTRIES_LEAST, [index])

    @pytest.mark.parametrize(
        "entries",
        [0, STATUS_ENTRIES_LEAST - 8, STATUS_ENTRIES_LEAST + 1, STATUS_LIST_BYTES * 8 + 8],
    )
    def test_a_list_has_its_sizes(self, entries: int) -> None:
        with pytest.raises(ValueError, match="a list has"):
            make_bits(entries, [])


class TestEncoding:
    def test_the_same_list_has_the_same_bytes_without_a_time_in_them(self) -> None:
        bits = make_bits(STATUS_ENTRIES_LEAST, [1])
        packed = parse_base64url(encode_list(bits)[1:])
        assert encode_list(bits) == encode_list(bytes(bits))
        assert packed[:10] == bytes.fromhex("1f8b08000000000002ff")
        assert packed[-4:] == len(bits).to_bytes(4, "little")

    def test_the_longest_list_is_read(self) -> None:
        bits = make_bits(STATUS_LIST_BYTES * 8, range(0, STATUS_LIST_BYTES * 8, 997))
        assert decode_list(encode_list(bits)) == bits

    @pytest.mark.parametrize("level", [0, 1, 9])
    def test_any_compression_of_one_member_is_read(self, level: int) -> None:
        bits = make_bits(STATUS_ENTRIES_LEAST, [5])
        maker = zlib.compressobj(level, wbits=31)
        packed = maker.compress(bits) + maker.flush()
        assert decode_list("u" + format_base64url(packed)) == bits

    def test_a_bomb_takes_no_more_memory_than_a_list(self) -> None:
        maker = zlib.compressobj(9, wbits=31)
        packed = b"".join(maker.compress(bytes(1 << 20)) for _ in range(256)) + maker.flush()
        text = "u" + format_base64url(packed)
        tracemalloc.start()
        try:
            with pytest.raises(StatusListTooLong):
                decode_list(text)
            assert tracemalloc.get_traced_memory()[1] < 4 * STATUS_LIST_BYTES
        finally:
            tracemalloc.stop()

    def test_a_text_of_more_than_the_limit_is_refused_unread(self) -> None:
        with pytest.raises(MalformedEncodedList):
            decode_list("u" * (CREDENTIAL_BYTES + 1))

    @given(st.binary(max_size=60))
    def test_any_bytes_are_refused_by_a_named_error(self, data: bytes) -> None:
        for packed in (data, bytes.fromhex("1f8b0800000000000203") + data):
            with pytest.raises(MalformedStatusList):
                decode_list("u" + format_base64url(packed))


class TestCredential:
    def test_a_list_is_issued_signed_and_read(self) -> None:
        made = sign_credential(status_list(94_567), ISSUER_KEY, METHOD, created=CREATED)
        read = read_status_list(verify_credential(made, ISSUER_KEY.public, AT_MS))
        assert (read.id, read.purposes) == (STATUS_LIST, ("revocation",))
        assert entry_status(ENTRY, read)
        assert not entry_status(replace(ENTRY, index=94_568), read)

    def test_no_bit_can_be_cleared(self) -> None:
        made = sign_credential(status_list(94_567), ISSUER_KEY, METHOD, created=CREATED)
        subject: Any = status_list()["credentialSubject"]
        with pytest.raises(WrongSignature):
            verify_credential({**made, "credentialSubject": subject}, ISSUER_KEY.public, AT_MS)

    def test_a_list_of_lists_is_none(self) -> None:
        value = status_list()
        value["credentialSubject"] = [value["credentialSubject"]] * 2
        with pytest.raises(NotStatusList):
            read_status_list(read_credential(value))

    def test_another_list_or_purpose_tells_nothing(self) -> None:
        read = read_status_list(read_credential(status_list(94_567)))
        for entry in (
            replace(ENTRY, list_id=STATUS_LIST + "0"),
            replace(ENTRY, purpose="suspension"),
        ):
            with pytest.raises(WrongStatusList):
                entry_status(entry, read)
        with pytest.raises(IndexOutOfRange):
            entry_status(replace(ENTRY, index=STATUS_ENTRIES_LEAST), read)


class TestEntry:
    def test_round_trip(self) -> None:
        assert read_status_entry(credential()["credentialStatus"]) == ENTRY
        assert format_status_entry(ENTRY) == credential()["credentialStatus"]

    def test_a_type_in_a_list_and_a_size_of_one(self) -> None:
        value: dict[str, Any] = {**format_status_entry(ENTRY), "type": ["BitstringStatusListEntry"]}
        assert read_status_entry({**value, "statusSize": 1}) == ENTRY

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("statusListIndex", 94_567),
            ("statusListIndex", "094567"),
            ("statusListIndex", "+1"),
            ("statusListIndex", "1_0"),
            ("statusListIndex", "٣"),
            ("statusListIndex", "-1"),
            ("statusListIndex", "9" * 5_000),
            ("statusListIndex", ""),
            ("statusPurpose", None),
            ("statusPurpose", ["revocation"]),
            ("statusListCredential", "/status/3"),
            ("statusListCredential", None),
        ],
    )
    def test_refuses(self, name: str, value: Any) -> None:
        with pytest.raises(MalformedStatusEntry):
            read_status_entry({**format_status_entry(ENTRY), name: value})

    def test_an_entry_is_an_object(self) -> None:
        with pytest.raises(MalformedStatusEntry):
            read_status_entry("94567")

    @pytest.mark.parametrize(
        ("name", "value"),
        [("type", "StatusList2021Entry"), ("type", None), ("statusSize", 2), ("statusSize", "1")],
    )
    def test_another_kind_of_status_is_left_open(self, name: str, value: Any) -> None:
        with pytest.raises(UnknownStatusType):
            read_status_entry({**format_status_entry(ENTRY), name: value})
