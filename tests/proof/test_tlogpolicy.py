"""The policy text of C2SP tlog-policy: its grammar, its refusals, and what a quorum is."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.proof.errors import Malformed
from chalicelib.proof.keys import ed25519_key
from chalicelib.proof.limits import TLOG_POLICY_NAMES
from chalicelib.proof.note import (
    MalformedKeyName,
    MalformedVerifierKey,
    format_vkey,
    parse_vkey,
)
from chalicelib.proof.text import MalformedBase64, MalformedDecimal, format_base64
from chalicelib.proof.tlogpolicy import (
    DuplicateKey,
    DuplicateName,
    MalformedTlogPolicy,
    TlogPolicy,
    UnknownName,
    parse_tlog_policy,
)

from .vectors import load_vectors

VECTORS = load_vectors("tlog-policy")
GOOD = [name for name, vector in VECTORS.items() if "error" not in vector]
BAD = [name for name, vector in VECTORS.items() if "error" in vector]
ERRORS = {
    error.__name__: error
    for error in (
        DuplicateKey,
        DuplicateName,
        MalformedBase64,
        MalformedDecimal,
        MalformedKeyName,
        MalformedTlogPolicy,
        MalformedVerifierKey,
        UnknownName,
    )
}
EXAMPLE: str = VECTORS["groups-in-groups"]["policy"]


@pytest.mark.parametrize("name", GOOD)
def test_good_vector(name: str) -> None:
    vector = VECTORS[name]
    policy = parse_tlog_policy(vector["policy"])
    assert {origin: len(keys) for origin, keys in policy.logs.items()} == vector["logs"]
    assert list(policy.witnesses) == vector["witnesses"]
    assert [names for names in vector["met"] if not policy.quorum_met(set(names))] == []
    assert [names for names in vector["not_met"] if policy.quorum_met(set(names))] == []


@pytest.mark.parametrize("name", BAD)
def test_bad_vector(name: str) -> None:
    with pytest.raises(Malformed) as caught:
        parse_tlog_policy(VECTORS[name]["policy"])
    assert type(caught.value) is ERRORS[VECTORS[name]["error"]]


def test_a_refusal_names_the_line() -> None:
    with pytest.raises(UnknownName, match="line 3 of the policy: Z is not defined above"):
        parse_tlog_policy("# one\n\nquorum Z\n")


def test_the_keys_are_those_of_the_lines() -> None:
    policy = parse_tlog_policy(EXAMPLE)
    for keys in (*policy.logs.values(), tuple(policy.witnesses.values())):
        for key in keys:
            assert format_vkey(key) in EXAMPLE
            assert key.loaded == ed25519_key(key.public)
    assert policy.quorum == "X-and-Y"


def test_the_urls_of_witnesses_are_kept_for_logs_that_ask_them() -> None:
    policy = parse_tlog_policy(VECTORS["urls"]["policy"])
    assert policy.urls == {"X1": "https://witness.example/符"}
    assert parse_tlog_policy(EXAMPLE).urls == {}


def many_logs(count: int) -> str:
    """Logs with keys of a type unknown here, so that no key need be made."""
    keys = (format_base64(b"\x02" + number.to_bytes(4, "big")) for number in range(count))
    return "".join(f"log log.example/{i}+00000000+{key}\n" for i, key in enumerate(keys))


def test_a_policy_defines_at_most_a_thousand_names() -> None:
    policy = parse_tlog_policy(many_logs(TLOG_POLICY_NAMES) + "quorum none\n")
    assert len(policy.logs) == TLOG_POLICY_NAMES
    with pytest.raises(MalformedTlogPolicy):
        parse_tlog_policy(many_logs(TLOG_POLICY_NAMES + 1) + "quorum none\n")


def test_groups_within_groups_count_once_each() -> None:
    witnesses = parse_tlog_policy(EXAMPLE).witnesses
    lines = "".join(f"witness {name} {format_vkey(key)}\n" for name, key in witnesses.items())
    chain = "group 1 all X1\n" + "".join(f"group {n} all {n - 1}\n" for n in range(2, 500))
    policy = parse_tlog_policy(lines + chain + "quorum 499\n")
    assert policy.quorum_met({"X1"})
    assert not policy.quorum_met({"X2", "499"})


def test_quorum_is_decided_by_the_policys_names_not_the_keys_names() -> None:
    policy = parse_tlog_policy(VECTORS["quorum-of-one-witness"]["policy"])
    assert parse_vkey(format_vkey(policy.witnesses["X1"])).name == "witness.example/x1"
    assert not policy.quorum_met({"witness.example/x1"})


def read(text: str) -> None:
    with suppress(Malformed):
        policy = parse_tlog_policy(text)
        assert isinstance(policy, TlogPolicy)
        assert policy.quorum_met(set(policy.witnesses))


@given(st.integers(0, len(EXAMPLE)), st.integers(0, 12), st.text(max_size=3))
def test_any_mutation_is_a_policy_that_can_be_met_or_refused(at: int, cut: int, put: str) -> None:
    read(EXAMPLE[:at] + put + EXAMPLE[at + cut :])


LINES = [*EXAMPLE.splitlines(), "quorum none", "quorum X1", "group G any Y1", "#", "log", ""]


@given(st.lists(st.sampled_from(LINES) | st.text(max_size=20), max_size=20))
def test_any_lines_are_a_policy_that_can_be_met_or_refused(lines: list[str]) -> None:
    read("".join(f"{line}\n" for line in lines))
