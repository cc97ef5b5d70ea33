"""Decimals and base64 of the text formats: one spelling for each value."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.proof.limits import TREE_SIZE
from chalicelib.proof.text import (
    MalformedBase64,
    MalformedDecimal,
    format_base64,
    parse_base64,
    parse_decimal,
)


@given(st.integers(0, TREE_SIZE))
def test_every_tree_size_has_its_decimal(number: int) -> None:
    assert parse_decimal(str(number)) == number


@pytest.mark.parametrize(
    "text",
    ["", "-1", "+5", "1_0", " 1", "1 ", "1\n", "00", "01", "0x1", "1.0", "1e3", "٣", "²", "１"],
)
def test_other_spellings_of_a_number_are_refused(text: str) -> None:
    with pytest.raises(MalformedDecimal):
        parse_decimal(text)


@pytest.mark.parametrize("text", [str(TREE_SIZE + 1), "9" * 19, "9" * 20, "1" * 5000])
def test_numbers_that_no_tree_size_reaches_are_refused(text: str) -> None:
    with pytest.raises(MalformedDecimal):
        parse_decimal(text)


@given(st.binary(max_size=100))
def test_every_value_has_its_base64(value: bytes) -> None:
    assert parse_base64(format_base64(value)) == value


@pytest.mark.parametrize(
    "text",
    ["YQ", "YQ=", "YQ===", "YR==", "YQ==\n", " YQ==", "Y Q==", "YQ==YQ==", "-_==", "=", "YÅ=="],
)
def test_other_spellings_of_base64_are_refused(text: str) -> None:
    with pytest.raises(MalformedBase64):
        parse_base64(text)


@given(st.text(max_size=30))
def test_any_text_is_read_exactly_or_refused_by_name(text: str) -> None:
    with suppress(MalformedDecimal):
        assert str(parse_decimal(text)) == text
    with suppress(MalformedBase64):
        assert format_base64(parse_base64(text)) == text
