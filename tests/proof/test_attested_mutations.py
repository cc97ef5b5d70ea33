"""Mutations of outside evidence: what is changed never passes again.

Left out are, as formats.md says, promises of calendars and attestations of unknown kinds beside
Bitcoin's, because they prove nothing; and the bytes of a token that nobody signs, which
test_rfc3161_bytes.py looks at one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from chalicelib.proof.bitcoin.evidence import bitcoin_heights
from chalicelib.proof.bitcoin.opentimestamps import parse_timestamp
from chalicelib.proof.members import read_base64
from chalicelib.proof.receipt import Attestation, Receipt, format_receipt, parse_receipt
from chalicelib.proof.text import format_base64
from chalicelib.proof.verdict import Verdict
from chalicelib.proof.verify import verify

from . import outside
from .test_mutations import flip, mutate_bytes
from .world import AT_MS, DOCUMENT, World, policy

ROUNDS = 3_000
BLOCK = World().inclusion().block.hash
POLICY = policy(**outside.trust(BLOCK))
Mutation = Callable[[bytes, Random], bytes]


def judge(attestation: Attestation) -> Verdict:
    """Of a receipt that went through its bytes."""
    registered = World().inclusion(attestations=(attestation,))
    receipt: Receipt = replace(World().receipt(), registered=registered)
    return verify(DOCUMENT, parse_receipt(format_receipt(receipt)), POLICY, AT_MS)


def result(attestation: Attestation, check: str) -> str:
    verdict = judge(attestation)
    [found] = [each.result for each in verdict.checks if each.name == check]
    assert (verdict.outcome == "invalid") == (found == "fail")
    return found


def changed(attestation: Attestation, member: str, mutate: Mutation, random: Random) -> Attestation:
    """One of its members in base64 with other bytes."""
    members: dict[str, Any] = dict(attestation.members)
    before = read_base64(members[member], member)
    members[member] = format_base64(mutate(before, random) or b"\x00")
    return Attestation(attestation.type, members)


GOOD: Sequence[tuple[Attestation, str]] = (
    (outside.evm(BLOCK), outside.EVM_CHECK),
    (outside.bitcoin(), outside.BITCOIN_CHECK),
    (outside.tsa(BLOCK), outside.TSA_CHECK),
)


def test_what_is_changed_below_passes_as_it_is() -> None:
    assert [result(evidence, check) for evidence, check in GOOD] == ["pass"] * 3


@pytest.mark.parametrize("mutate", [flip, mutate_bytes])
def test_the_header_of_a_chain(mutate: Mutation) -> None:
    random, evidence = Random("header"), outside.evm(BLOCK)
    for _ in range(ROUNDS // 5):
        mutant = changed(evidence, "header", mutate, random)
        assert mutant == evidence or result(mutant, outside.EVM_CHECK) != "pass"


@pytest.mark.parametrize("mutate", [flip, mutate_bytes])
def test_the_nodes_of_a_trie(mutate: Mutation) -> None:
    random, evidence = Random("nodes"), outside.evm(BLOCK)
    nodes = evidence.members["nodes"]
    assert isinstance(nodes, list)
    for _ in range(ROUNDS):
        at = random.randrange(len(nodes))
        other: list[Any] = list(nodes)
        other[at] = format_base64(mutate(read_base64(nodes[at], "node"), random))
        mutant = Attestation("evm", {**evidence.members, "nodes": other})
        assert mutant == evidence or result(mutant, outside.EVM_CHECK) == "fail"


@pytest.mark.parametrize(
    "members", [{"index": 1}, {"chain": "eip155:1"}, {"chain": "solana:1"}, {"nodes": []}]
)
def test_the_other_members_of_a_chains_evidence(members: dict[str, Any]) -> None:
    mutant = Attestation("evm", {**outside.evm(BLOCK).members, **members})
    found = {each.name: each.result for each in judge(mutant).checks}
    assert "pass" not in {found[name] for name in found if name.startswith("attestation:")}


def test_a_time_stamp() -> None:
    """It passes only if it still says of Bitcoin what it said."""
    random, evidence = Random("stamp"), outside.bitcoin()
    for _ in range(ROUNDS):
        mutant = changed(evidence, "proof", mutate_bytes, random)
        if result(mutant, outside.BITCOIN_CHECK) == "pass":
            stamp = parse_timestamp(read_base64(mutant.members["proof"], "proof"), BLOCK)
            assert (BLOCK, outside.BITCOIN_HEIGHT) in bitcoin_heights(stamp, BLOCK)


def test_a_token() -> None:
    random, evidence = Random("token"), outside.tsa(BLOCK)
    for _ in range(ROUNDS):
        mutant = changed(evidence, "token", flip, random)
        assert result(mutant, outside.TSA_CHECK) != "pass"
