"""Token status lists: which bits are whose, and never more memory than a list may have."""

from __future__ import annotations

import tracemalloc
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.proof.credentials.jose import parse_jws
from chalicelib.proof.credentials.multibase import format_base64url
from chalicelib.proof.credentials.status_list import (
    IndexOutOfRange,
    MalformedStatusEntry,
    MalformedStatusList,
    StatusListTooLong,
    UnknownStatusType,
    WrongStatusList,
    make_bits,
)
from chalicelib.proof.credentials.token_status_list import (
    BITS,
    INVALID,
    SUSPENDED,
    VALID,
    StatusListExpired,
    StatusReference,
    TokenStatusList,
    decode_lst,
    encode_lst,
    format_reference,
    read_reference,
    set_status,
    sign_token_status_list,
    status_bits,
    status_value,
    token_status,
    verify_token_status_list,
)
from chalicelib.proof.limits import STATUS_ENTRIES_LEAST, STATUS_LIST_BYTES

from .credentials_samples import ISSUER_KEY, METHOD
from .credentials_token_list_vectors import ONE_BIT, TWO_BITS, URI

IAT = 1_800_000_000
ENTRIES = STATUS_ENTRIES_LEAST
REFERENCE = StatusReference(7, URI)
INDICES = st.integers(0, ENTRIES - 1)
VALUES = st.sampled_from([VALID, INVALID, SUSPENDED, 3])


def statuses_of(values: dict[int, int]) -> bytes:
    statuses = bytearray(ENTRIES * BITS // 8)
    for index, value in values.items():
        set_status(statuses, index, value)
    return bytes(statuses)


def signed(values: dict[int, int]) -> TokenStatusList:
    text = sign_token_status_list(
        URI, statuses_of(values), ISSUER_KEY, kid=METHOD, iat=IAT, exp=IAT + 300, ttl=60
    )
    return verify_token_status_list(parse_jws(text), ISSUER_KEY.public)


class TestStatuses:
    def test_the_examples_of_the_specification(self) -> None:
        one, two = decode_lst(ONE_BIT), decode_lst(TWO_BITS)
        assert [status_value(one, 1, at) for at in range(16)] == [
            *(1, 0, 0, 1, 1, 1, 0, 1),
            *(1, 1, 0, 0, 0, 1, 0, 1),
        ]
        assert [status_value(two, 2, at) for at in range(12)] == [
            1,
            2,
            0,
            3,
            0,
            1,
            0,
            1,
            1,
            2,
            3,
            3,
        ]

    @pytest.mark.parametrize("bits", [4, 8])
    def test_larger_statuses(self, bits: int) -> None:
        found = [status_value(b"\x21\x43", bits, at) for at in range(16 // bits)]
        assert found == ([1, 2, 3, 4] if bits == 4 else [0x21, 0x43])

    @pytest.mark.parametrize(("bits", "count"), [(1, 16), (2, 8), (4, 4), (8, 2)])
    def test_beyond_the_list_nothing_can_be_told(self, bits: int, count: int) -> None:
        for index in (-1, count, 2**63):
            with pytest.raises(IndexOutOfRange):
                status_value(b"\xff\xff", bits, index)

    @given(st.dictionaries(INDICES, VALUES, max_size=40))
    def test_what_was_set_is_there_and_nothing_else(self, values: dict[int, int]) -> None:
        statuses = statuses_of(values)
        near = {at + step for at in values for step in (-1, 0, 1)} & set(range(ENTRIES))
        for at in near:
            assert status_value(statuses, BITS, at) == values.get(at, VALID)
        assert decode_lst(encode_lst(statuses)) == statuses

    @given(st.dictionaries(INDICES, VALUES, max_size=40))
    def test_the_bitstrings_of_both_purposes_follow(self, values: dict[int, int]) -> None:
        statuses = statuses_of(values)
        for value in (INVALID, SUSPENDED):
            having = [at for at, found in values.items() if found == value]
            assert status_bits(statuses, value) == make_bits(ENTRIES, having)

    def test_a_status_may_change_again(self) -> None:
        statuses = bytearray(1)
        for value in (SUSPENDED, VALID, 3, INVALID):
            set_status(statuses, 2, value)
            assert statuses == bytes([value << 4])


class TestCompression:
    @pytest.mark.parametrize("level", [0, 1, 9])
    def test_any_compression_is_read(self, level: int) -> None:
        statuses = statuses_of({5: INVALID})
        assert decode_lst(format_base64url(zlib.compress(statuses, level))) == statuses

    def test_the_longest_list_is_read_and_none_longer(self) -> None:
        assert decode_lst(encode_lst(bytes(STATUS_LIST_BYTES))) == bytes(STATUS_LIST_BYTES)
        with pytest.raises(StatusListTooLong):
            decode_lst(encode_lst(bytes(STATUS_LIST_BYTES + 1)))

    @pytest.mark.parametrize("cut", [None, 16_000])
    def test_a_bomb_takes_no_more_memory_than_a_list(self, cut: int | None) -> None:
        maker = zlib.compressobj(9)
        packed = b"".join(maker.compress(bytes(1 << 20)) for _ in range(256)) + maker.flush()
        text = format_base64url(packed[:cut])
        tracemalloc.start()
        try:
            with pytest.raises(StatusListTooLong):
                decode_lst(text)
            assert tracemalloc.get_traced_memory()[1] < 4 * STATUS_LIST_BYTES
        finally:
            tracemalloc.stop()

    @given(st.binary(max_size=60))
    def test_any_bytes_are_refused_by_a_named_error(self, data: bytes) -> None:
        for packed in (data, b"\x78\xda" + data):
            with pytest.raises(MalformedStatusList):
                decode_lst(format_base64url(packed))


class TestToken:
    def test_a_list_is_signed_and_read(self) -> None:
        found = signed({7: SUSPENDED})
        assert found == TokenStatusList(URI, IAT, IAT + 300, 60, 2, statuses_of({7: SUSPENDED}))
        assert token_status(REFERENCE, found, IAT * 1000) == SUSPENDED
        assert token_status(StatusReference(8, URI), found, IAT * 1000) == VALID

    def test_another_list_tells_nothing(self) -> None:
        with pytest.raises(WrongStatusList):
            token_status(StatusReference(7, URI + "-1"), signed({}), IAT * 1000)

    def test_an_old_list_tells_nothing(self) -> None:
        found = signed({})
        assert token_status(REFERENCE, found, (IAT + 300) * 1000 - 1) == VALID
        with pytest.raises(StatusListExpired):
            token_status(REFERENCE, found, (IAT + 300) * 1000)
        assert token_status(REFERENCE, found._replace(exp=None), IAT * 9_000) == VALID

    def test_nothing_is_told_beyond_the_list(self) -> None:
        with pytest.raises(IndexOutOfRange):
            token_status(StatusReference(ENTRIES, URI), signed({}), IAT * 1000)


class TestReference:
    def test_what_is_written_is_read(self) -> None:
        assert read_reference(format_reference(REFERENCE)) == REFERENCE

    def test_other_mechanisms_beside_it_are_ignored(self) -> None:
        both: Any = {**format_reference(REFERENCE), "identifier_list": {}}
        assert read_reference(both) == REFERENCE

    @pytest.mark.parametrize(
        "status",
        [
            None,
            "https://a",
            [],
            {"status_list": URI},
            {"status_list": {"uri": URI}},
            {"status_list": {"idx": 7}},
            {"status_list": {"idx": "7", "uri": URI}},
            {"status_list": {"idx": 7.0, "uri": URI}},
            {"status_list": {"idx": True, "uri": URI}},
            {"status_list": {"idx": -1, "uri": URI}},
            {"status_list": {"idx": 2**53, "uri": URI}},
            {"status_list": {"idx": 7, "uri": 7}},
            {"status_list": {"idx": 7, "uri": "lists/3"}},
            {"status_list": {"idx": 7, "uri": "https://a/" + "x" * 2_048}},
        ],
    )
    def test_another_one_is_malformed(self, status: Any) -> None:
        with pytest.raises(MalformedStatusEntry):
            read_reference(status)

    def test_another_mechanism_alone_is_unknown(self) -> None:
        with pytest.raises(UnknownStatusType):
            read_reference({"identifier_list": {"id": "7", "uri": URI}})
