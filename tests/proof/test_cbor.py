"""Deterministic CBOR (RFC 8949 §4.2.1): one encoding for each value, and nothing else is read."""

from __future__ import annotations

from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.proof import cbor
from chalicelib.proof.cbor import (
    CborValue,
    MalformedCbor,
    Tag,
    TooManyItems,
    decode,
    decode_sequence,
    encode,
)
from chalicelib.proof.errors import Malformed
from chalicelib.proof.hashes import sha256
from chalicelib.proof.limits import CBOR_DEPTH

from .vectors import load_vectors

VECTORS = load_vectors("cbor")

SCALARS = st.one_of(
    st.integers(-(2**64), 2**64 - 1), st.binary(max_size=40), st.text(max_size=40), st.none()
)
KEYS = st.one_of(st.integers(-1000, 1000), st.text(max_size=30))
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS | st.booleans(),
    lambda inner: st.one_of(
        st.lists(inner, max_size=5),
        st.dictionaries(KEYS, inner, max_size=5),
        inner.map(lambda value: Tag(18, value)),
    ),
    max_leaves=8,
)


def as_cbor2(value: Any) -> Any:
    """The same value in the types of cbor2, with map keys in our order."""
    if isinstance(value, Tag):
        return cbor2.CBORTag(value.number, as_cbor2(value.value))
    if isinstance(value, list):
        return [as_cbor2(item) for item in value]
    if isinstance(value, dict):
        return {key: as_cbor2(value[key]) for key in sorted(value, key=encode)}
    return value


def depth_of(value: Any) -> int:
    if isinstance(value, Tag):
        return 1 + depth_of(value.value)
    if isinstance(value, list | dict):
        items = value.values() if isinstance(value, dict) else value
        return 1 + max(map(depth_of, items), default=0)
    return 0


class TestVectors:
    @pytest.mark.parametrize("name", [n for n, v in VECTORS.items() if "error" not in v])
    def test_reads_and_writes_the_same_bytes(self, name: str) -> None:
        data = bytes.fromhex(VECTORS[name]["hex"])
        assert encode(decode(data)) == data

    @pytest.mark.parametrize("name", [n for n, v in VECTORS.items() if "error" in v])
    def test_refuses_by_name(self, name: str) -> None:
        with pytest.raises(MalformedCbor) as caught:
            decode(bytes.fromhex(VECTORS[name]["hex"]))
        assert type(caught.value).__name__ == VECTORS[name]["error"]

    def test_every_error_class_has_a_vector(self) -> None:
        classes = {c.__name__ for c in MalformedCbor.__subclasses__()} - {"TooManyItems"}
        assert classes == {v["error"] for v in VECTORS.values() if "error" in v}


class TestEncode:
    @given(VALUES)
    def test_decode_reads_what_encode_writes(self, value: CborValue) -> None:
        if depth_of(value) <= CBOR_DEPTH:
            back = decode(encode(value))
            assert back == value
            assert encode(back) == encode(value)

    @given(VALUES)
    def test_cbor2_writes_the_same_bytes_and_reads_them_back(self, value: Any) -> None:
        data = encode(value)
        assert cbor2.dumps(as_cbor2(value)) == data
        assert cbor2.dumps(cbor2.loads(data)) == data

    @given(st.dictionaries(KEYS, st.none()))
    def test_keys_are_in_bytewise_order_of_their_encodings(self, value: dict[Any, None]) -> None:
        decoded = decode(encode(value))
        assert isinstance(decoded, dict)
        encodings = [encode(key) for key in decoded]
        assert encodings == sorted(encodings)

    def test_keys_are_not_in_the_length_first_order_of_rfc_7049(self) -> None:
        assert encode({-1: 1, 395: 1}).hex() == "a219018b012001"
        assert cbor2.dumps({-1: 1, 395: 1}, canonical=True).hex() == "a2200119018b01"

    def test_a_hash_is_a_byte_string_and_a_tuple_an_array(self) -> None:
        assert encode((sha256(b""),)) == b"\x81\x58\x20" + sha256(b"")

    @pytest.mark.parametrize("value", [1.5, object(), {1}])
    def test_a_type_of_no_format_is_our_own_bug(self, value: Any) -> None:
        with pytest.raises(TypeError):
            encode(value)

    @pytest.mark.parametrize("value", [2**64, -(2**64) - 1])
    def test_an_integer_of_more_than_64_bits_is_our_own_bug(self, value: int) -> None:
        with pytest.raises(OverflowError):
            encode(value)


class TestHostileBytes:
    @given(st.binary(max_size=200))
    def test_random_bytes_are_refused_or_are_the_one_encoding(self, data: bytes) -> None:
        try:
            value = decode(data)
        except MalformedCbor:
            return
        assert encode(value) == data

    @given(VALUES, st.data())
    def test_mutated_encodings_are_refused_or_are_the_one_encoding(
        self, value: CborValue, data: st.DataObject
    ) -> None:
        good = encode(value)
        at = data.draw(st.integers(0, len(good)))
        until = data.draw(st.integers(at, len(good)))
        bad = good[:at] + data.draw(st.binary(max_size=3)) + good[until:]
        try:
            back = decode(bad)
        except MalformedCbor:
            return
        assert encode(back) == bad

    @pytest.mark.parametrize("head", ["81", "a100", "d2", "9f", "5f"])
    def test_a_million_levels_are_refused_without_following_them(self, head: str) -> None:
        with pytest.raises(Malformed):
            decode(bytes.fromhex(head) * 1_000_000)


class TestSequence:
    @given(st.lists(VALUES, max_size=6))
    def test_gives_the_bytes_of_each_item(self, values: list[CborValue]) -> None:
        items = [encode(value) for value in values]
        assert list(decode_sequence(b"".join(items), 6)) == items

    @pytest.mark.parametrize(
        "odd",
        [
            "9f01ff",
            "bf0102ff",
            "5f41aa41bbff",
            "9f9f01ff820102ff",
            "829f01ff02",
            "5803aabbcc",
            "f93c00",
            "fb3ff0000000000000",
            "c24101",
            "a202000100",
            "1b0000000000000001",
            "61ff",
            "f8ff",
        ],
    )
    def test_an_item_that_is_not_deterministic_is_one_item_and_the_next_goes_on(
        self, odd: str
    ) -> None:
        item = bytes.fromhex(odd)
        assert list(decode_sequence(b"\x01" + item + b"\x02", 3)) == [b"\x01", item, b"\x02"]

    @pytest.mark.parametrize("broken", ["ff", "1c", "3f", "82ff", "9f1c", "5b80", "44aabb", "8201"])
    def test_without_a_boundary_the_rest_is_one_broken_item(self, broken: str) -> None:
        rest = bytes.fromhex(broken)
        assert list(decode_sequence(b"\x01\x40" + rest, 3)) == [b"\x01", b"\x40", rest]

    @given(st.binary(max_size=200))
    def test_the_items_are_all_of_the_bytes(self, data: bytes) -> None:
        assert b"".join(decode_sequence(data, 200)) == data

    @given(st.binary(max_size=60))
    def test_cbor2_reads_the_same_boundaries(self, data: bytes) -> None:
        for item in decode_sequence(data, 60):
            try:
                decode(item)
            except MalformedCbor:
                continue
            cbor2.loads(item)

    def test_more_items_than_the_limit_are_refused(self) -> None:
        items = decode_sequence(b"\x01\x02\x03", 2)
        assert [next(items), next(items)] == [b"\x01", b"\x02"]
        with pytest.raises(TooManyItems):
            next(items)

    def test_a_million_open_containers_cost_no_recursion(self) -> None:
        data = b"\x81" * 1_000_000
        assert list(decode_sequence(data, 1)) == [data]


def test_the_only_tag_is_that_of_cose_sign1() -> None:
    assert cbor.COSE_SIGN1_TAG == 18
    assert decode(b"\xd2\x00") == Tag(18, 0)
