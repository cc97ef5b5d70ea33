"""Canonical JSON: what I-JSON forbids is refused by name; the rest has one spelling (RFC 8785)."""

from __future__ import annotations

import json
import math
import struct
from contextlib import suppress
from typing import Any

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib.proof.errors import Malformed
from chalicelib.proof.jcs import (
    IntegerTooLarge,
    JsonValue,
    LoneSurrogate,
    MalformedJson,
    canonicalize,
    format_double,
    format_jcs,
    parse_ijson,
)
from chalicelib.proof.limits import INTEGER

from .vectors import load_vectors

VECTORS = load_vectors("jcs")

DOUBLES = {
    # RFC 8785 appendix B: the bits of a double, and how it is written
    "0000000000000000": "0",
    "8000000000000000": "0",
    "0000000000000001": "5e-324",
    "8000000000000001": "-5e-324",
    "7fefffffffffffff": "1.7976931348623157e+308",
    "ffefffffffffffff": "-1.7976931348623157e+308",
    "4340000000000000": "9007199254740992",
    "c340000000000000": "-9007199254740992",
    "4430000000000000": "295147905179352830000",
    "44b52d02c7e14af5": "9.999999999999997e+22",
    "44b52d02c7e14af6": "1e+23",
    "44b52d02c7e14af7": "1.0000000000000001e+23",
    "444b1ae4d6e2ef4e": "999999999999999700000",
    "444b1ae4d6e2ef4f": "999999999999999900000",
    "444b1ae4d6e2ef50": "1e+21",
    "3eb0c6f7a0b5ed8c": "9.999999999999997e-7",
    "3eb0c6f7a0b5ed8d": "0.000001",
    "41b3de4355555553": "333333333.3333332",
    "41b3de4355555554": "333333333.33333325",
    "41b3de4355555555": "333333333.3333333",
    "41b3de4355555556": "333333333.3333334",
    "41b3de4355555557": "333333333.33333343",
    "becbf647612f3696": "-0.0000033333333333333333",
    "43143ff3c1cb0959": "1424953923781206.2",
}

TEXT = st.text(
    st.characters(
        exclude_categories=["Cs"],
        exclude_characters=[chr(p << 16 | n) for p in range(17) for n in (0xFFFE, 0xFFFF)]
        + [chr(n) for n in range(0xFDD0, 0xFDF0)],
    ),
    max_size=8,
)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
# Doubles from 2^53 to 10^21 are written as integers, and read as integers those are too large.
NUMBERS = st.integers(-INTEGER, INTEGER) | FLOATS.filter(lambda x: not INTEGER < abs(x) < 1e21)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXT, inner, max_size=5),
    max_leaves=10,
)


def data_of(vector: dict[str, Any]) -> bytes:
    return bytes.fromhex(vector["hex"]) if "hex" in vector else vector["text"].encode()


class TestVectors:
    @pytest.mark.parametrize("name", [n for n, v in VECTORS.items() if "error" not in v])
    def test_has_this_canonical_form(self, name: str) -> None:
        assert canonicalize(data_of(VECTORS[name])).decode() == VECTORS[name]["canonical"]

    @pytest.mark.parametrize("name", [n for n, v in VECTORS.items() if "error" in v])
    def test_refuses_by_name(self, name: str) -> None:
        with pytest.raises(MalformedJson) as caught:
            parse_ijson(data_of(VECTORS[name]))
        assert type(caught.value).__name__ == VECTORS[name]["error"]

    def test_every_error_class_has_a_vector(self) -> None:
        classes = {c.__name__ for c in MalformedJson.__subclasses__()}
        assert classes == {v["error"] for v in VECTORS.values() if "error" in v}


class TestNumbers:
    @pytest.mark.parametrize("bits", DOUBLES)
    def test_appendix_b(self, bits: str) -> None:
        (value,) = struct.unpack(">d", bytes.fromhex(bits))
        assert format_double(value) == DOUBLES[bits]
        assert format_jcs([value]).decode() == f"[{DOUBLES[bits]}]"

    @pytest.mark.parametrize("text", ["9007199254740992.0", "1e20", "-1e16"])
    def test_the_canonical_form_of_a_double_beyond_2_to_the_53_is_refused_as_input(
        self, text: str
    ) -> None:
        canonical = canonicalize(text.encode())
        with pytest.raises(IntegerTooLarge):
            canonicalize(canonical)

    @given(FLOATS)
    @example(1e16)
    @example(123456789012345680.0)
    @example(1e-5)
    @example(0.0001)
    def test_a_double_is_written_as_rfc8785_writes_it_and_reads_back(self, value: float) -> None:
        text = format_jcs(value)
        assert text == rfc8785.dumps(value)
        assert float(text) == value
        assert format_double(value).encode() == text

    @given(st.binary(min_size=8, max_size=8))
    def test_any_bits_of_a_double(self, bits: bytes) -> None:
        (value,) = struct.unpack(">d", bits)
        if math.isfinite(value):
            assert format_jcs({"": value}) == rfc8785.dumps({"": value})


class TestFormat:
    @given(VALUES)
    def test_is_what_rfc8785_writes_and_reads_back_the_same(self, value: JsonValue) -> None:
        data = format_jcs(value)
        assert data == rfc8785.dumps(value)
        assert parse_ijson(data) == value
        assert canonicalize(data) == data

    @given(VALUES, st.sampled_from([None, 1, "\t"]), st.booleans())
    def test_layout_order_and_escapes_do_not_matter(
        self, value: JsonValue, indent: int | str | None, ascii_only: bool
    ) -> None:
        text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
        assert canonicalize(text.encode()) == rfc8785.dumps(value)

    @pytest.mark.parametrize("astral", ["", "\U00010000"])
    def test_a_surrogate_in_a_value_of_our_own_is_refused(self, astral: str) -> None:
        with pytest.raises(LoneSurrogate):
            format_jcs({"a" + astral: "\ud800"})

    def test_tuples_are_arrays(self) -> None:
        assert format_jcs((1, ("\U00010000", ()), 1.0, {})) == '[1,["\U00010000",[]],1,{}]'.encode()


class TestHostileBytes:
    @given(st.binary(max_size=100))
    def test_random_bytes_are_malformed_or_mean_what_json_means(self, data: bytes) -> None:
        try:
            read = parse_ijson(data)
        except MalformedJson:
            return
        assert read == json.loads(data)

    @given(VALUES, st.data())
    def test_mutations_are_malformed_or_mean_what_json_means(
        self, value: JsonValue, data: st.DataObject
    ) -> None:
        good = json.dumps(value).encode()
        at = data.draw(st.integers(0, len(good)))
        until = data.draw(st.integers(at, len(good)))
        bad = good[:at] + data.draw(st.binary(max_size=3)) + good[until:]
        try:
            read = parse_ijson(bad)
        except MalformedJson:
            return
        assert read == json.loads(bad)

    @given(st.text('[]{}",:\\u0d8e1.-aN ', max_size=40))
    def test_texts_of_json_characters(self, text: str) -> None:
        try:
            read = parse_ijson(text.encode())
        except Malformed:
            return
        assert read == json.loads(text)

    @pytest.mark.parametrize(
        "text",
        [
            "1" * 1_000_000,
            "0." + "0" * 1_000_000 + "1",
            "1e" + "1" * 1_000_000,
            "[" * 1_000_000,
            '"' + '\\"' * 500_000,
            '"' + "\\" * 1_000_001,
            "[" * 200 + '"a' * 300_000,
            '[{"' + '":1,"'.join(map(str, range(50_000))) + '":1,"7":1}' + "[" * 200,
            "[" + '{"a":"e-"},' * 50_000 + "1]",
        ],
        ids=lambda text: text[:6],
    )
    def test_a_megabyte_of_it_is_read_or_refused(self, text: str) -> None:
        # Quadratic work would take minutes, following the nesting would end in RecursionError.
        with suppress(MalformedJson):
            assert canonicalize(text.encode()) == text.encode()
