"""Places: every number has its own, and every sub its number, for the issuer's secret alone."""

from __future__ import annotations

from itertools import pairwise
from uuid import RFC_4122, UUID

from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib.notary.status.places import (
    NUMBER_BITS,
    PAGE_PLACES,
    PLACES,
    Place,
    decode_sub,
    encode_sub,
    permute,
    place_of,
)
from chalicelib.proof.limits import STATUS_ENTRIES_LEAST
from chalicelib.proof.payload import Register
from chalicelib.proof.statement import parse_statement, sign_statement
from tests.fakes import key_named
from tests.notary.desk import UNIVERSITY, registered

SECRET, OTHER = bytes(range(32)), bytes(32)
NUMBERS = st.integers(0, PLACES - 1)
SECRETS = st.binary(min_size=32, max_size=32)


def test_a_page_is_permuted() -> None:
    positions = {permute(SECRET, 7, within) for within in range(PAGE_PLACES)}
    assert positions == set(range(STATUS_ENTRIES_LEAST))


def test_places_look_random() -> None:
    """Neighbours are nowhere near each other, and pages and secrets have nothing in common."""
    first = [permute(SECRET, 0, within) for within in range(2_000)]
    near = sum(abs(a - b) < 1_000 for a, b in pairwise(first))
    assert near < 100, "about 30 by chance"
    for other in (
        [permute(SECRET, 1, within) for within in range(2_000)],
        [permute(OTHER, 0, within) for within in range(2_000)],
    ):
        assert sum(a == b for a, b in zip(first, other, strict=True)) < 10


@given(SECRETS, NUMBERS)
@example(SECRET, 0)
@example(SECRET, PLACES - 1)
@example(SECRET, PAGE_PLACES - 1)
@example(SECRET, PAGE_PLACES)
def test_a_sub_tells_its_number_and_so_its_place(secret: bytes, number: int) -> None:
    assert decode_sub(secret, encode_sub(secret, number)) == number
    place = place_of(secret, number)
    assert place == Place(number // PAGE_PLACES, permute(secret, place.page, number % PAGE_PLACES))


@given(SECRETS, NUMBERS)
def test_a_sub_is_a_random_uuid_of_a_statement(secret: bytes, number: int) -> None:
    sub = encode_sub(secret, number)
    uuid = UUID(sub)
    assert (uuid.version, uuid.variant, uuid.urn) == (4, RFC_4122, sub)


def test_statements_take_it() -> None:
    payload = parse_statement(registered(1)).statement.payload
    assert isinstance(payload, Register)
    sub = encode_sub(SECRET, 41)
    entry = sign_statement(payload, UNIVERSITY, sub, 1_790_000_000, key_named(UNIVERSITY))
    assert decode_sub(SECRET, parse_statement(entry).statement.sub) == 41


FIXED = {*range(48, 52), 64, 65}
"""The bits of version and variant, from the left."""


@given(SECRETS, NUMBERS)
def test_any_altered_bit_makes_it_nobodys(secret: bytes, number: int) -> None:
    value = UUID(encode_sub(secret, number)).int
    for bit in set(range(128)) - FIXED:
        assert decode_sub(secret, UUID(int=value ^ 1 << 127 - bit).urn) is None


@given(SECRETS, SECRETS, NUMBERS)
def test_it_says_nothing_to_another_issuer(secret: bytes, other: bytes, number: int) -> None:
    if secret != other:
        assert decode_sub(other, encode_sub(secret, number)) is None


@given(st.uuids(version=4))
def test_a_random_uuid_has_no_place(uuid: UUID) -> None:
    assert decode_sub(SECRET, uuid.urn) is None


def test_neighbours_subs_have_nothing_in_common() -> None:
    subs = [UUID(encode_sub(SECRET, number)).int for number in range(200)]
    differences = [(a ^ b).bit_count() for a, b in pairwise(subs)]
    assert min(differences) > 30, "61 of 122 by chance"
    assert len({sub & (1 << NUMBER_BITS) - 1 for sub in subs}) == 200
