"""From outside evidence to checks: false evidence fails, one that holds is enough, and what cannot
be checked is unknown."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.proof.attestations import (
    BITCOIN_MAINNET,
    Found,
    Seen,
    check_attestations,
    check_names,
    describe_evidence,
    wanted_headers,
    write_sightings,
)
from chalicelib.proof.hashes import Hash
from chalicelib.proof.policy import Policy
from chalicelib.proof.receipt import Attestation, Inclusion

from . import outside
from .outside import BITCOIN, BITCOIN_CHECK, CHAIN, EVM_CHECK, OTHER_BITCOIN, TSA_CHECK
from .world import World, policy, some_hash

BLOCK = World().inclusion().block.hash
LATER = World().inclusion(grown=3).block.hash
BROKEN = Attestation("opentimestamps", {"proof": "AAAA"})


def holding(*attestations: Attestation) -> Inclusion:
    return World().inclusion(attestations=attestations)


def later(*attestations: Attestation) -> Inclusion:
    return World().inclusion(grown=3, attestations=attestations)


def trusting(block_hash: Hash = BLOCK, **different: Any) -> Policy:
    return policy(**{**outside.trust(block_hash), **different})


def checked(trust: Policy, *inclusions: Inclusion) -> dict[str, str]:
    return {
        each.check.name: each.check.result for each in check_attestations(inclusions, trust, {})
    }


def the_one(trust: Policy, *inclusions: Inclusion) -> Found:
    [found] = check_attestations(inclusions, trust, {})
    return found


ALL = (outside.evm(BLOCK), outside.bitcoin(), outside.tsa(BLOCK))


def test_a_receipt_without_evidence_has_no_such_checks() -> None:
    assert checked(trusting(), holding()) == {}


def test_each_party_has_a_check_of_its_own() -> None:
    assert checked(trusting(), holding(*ALL)) == {
        EVM_CHECK: "pass",
        BITCOIN_CHECK: "pass",
        TSA_CHECK: "pass",
    }


def test_what_the_policy_does_not_trust_is_unknown() -> None:
    assert checked(policy(), holding(*ALL)) == {
        EVM_CHECK: "unknown",
        f"attestation:opentimestamps:{BITCOIN_MAINNET}": "unknown",
        TSA_CHECK: "unknown",
    }


@pytest.mark.parametrize("evidence", [outside.evm(LATER), outside.tsa(LATER)])
def test_evidence_of_another_block_is_false(evidence: Attestation) -> None:
    assert the_one(trusting(), holding(evidence)).check.result == "fail"


def test_a_time_stamp_of_another_root_is_false() -> None:
    headers = {BITCOIN: [outside.bitcoin_header(some_hash("another root"))]}
    assert the_one(policy(chains=headers), holding(outside.bitcoin())).check.result == "fail"


def test_unreadable_evidence_is_false() -> None:
    assert the_one(trusting(), holding(BROKEN)).check.result == "fail"


def test_one_that_holds_is_enough() -> None:
    found = the_one(trusting(), holding(outside.pending()), later(outside.pending()))
    assert found.check.result == "unknown"
    found = the_one(trusting(), holding(outside.bitcoin()), later(outside.pending()))
    assert found.check.result == "pass"


def test_false_evidence_fails_beside_any_that_holds() -> None:
    for order in ((outside.bitcoin(), BROKEN), (BROKEN, outside.bitcoin())):
        assert the_one(trusting(), holding(*order)).check.result == "fail"


def test_doubts_are_told_once_each() -> None:
    bob = outside.pending("https://bob.example")
    found = the_one(trusting(), holding(outside.pending(), outside.pending(), bob))
    assert found.check.detail.count("alice.example") == 1
    assert found.check.detail.count("bob.example") == 1


def test_the_earliest_sighting_counts() -> None:
    headers = [
        outside.bitcoin_header(BLOCK),
        {**outside.bitcoin_header(LATER, 999), "height": 999},
    ]
    both = (holding(outside.bitcoin()), later(outside.bitcoin(999)))
    found = the_one(policy(chains={BITCOIN: headers}), *both)
    assert found.sighting is not None
    assert f"block {outside.BITCOIN_HEIGHT}" in found.sighting.by
    assert "between 2026-" in found.check.detail


class TestBitcoinChains:
    """A time stamp names heights, and no chain."""

    def test_it_is_checked_for_each_chain_that_the_policy_speaks_of(self) -> None:
        required = f"attestation:opentimestamps:{OTHER_BITCOIN}"
        trust = trusting(require=[required, TSA_CHECK, "document"])
        names = check_names(outside.bitcoin(), trust)
        assert names == [BITCOIN_CHECK, required]
        assert checked(trust, holding(outside.bitcoin())) == {
            BITCOIN_CHECK: "pass",
            required: "unknown",
        }

    def test_what_holds_in_one_chain_is_not_false_in_another(self) -> None:
        chains = {
            BITCOIN: [outside.bitcoin_header(BLOCK)],
            OTHER_BITCOIN: [outside.bitcoin_header(some_hash("another root"))],
        }
        assert checked(policy(chains=chains), holding(outside.bitcoin())) == {
            BITCOIN_CHECK: "pass",
            f"attestation:opentimestamps:{OTHER_BITCOIN}": "unknown",
        }

    def test_what_holds_in_none_is_false_in_each(self) -> None:
        header = outside.bitcoin_header(some_hash("another root"))
        chains = {BITCOIN: [header], OTHER_BITCOIN: [header]}
        found = checked(policy(chains=chains), holding(outside.bitcoin()))
        assert set(found.values()) == {"fail"}


def test_blocks_share_what_was_found_about_them() -> None:
    seen: Seen = {}
    trust = trusting()
    first = check_attestations([holding(*ALL)], trust, seen)
    known = dict(seen)
    assert len(known) == len(ALL)
    assert check_attestations([holding(*ALL)], trust, seen) == first
    assert seen == known
    check_attestations([holding(outside.tsa(LATER))], trust, seen)
    assert len(seen) == len(known) + 1


def test_sightings_are_intervals() -> None:
    found = check_attestations([holding(*ALL), later(outside.pending())], trusting(), {})
    written = write_sightings(found)
    assert [each["check"] for each in written if isinstance(each, dict)] == [
        EVM_CHECK,
        BITCOIN_CHECK,
        TSA_CHECK,
    ]
    for each in written:
        assert isinstance(each, dict)
        earliest, latest = each["earliest_ms"], each["latest_ms"]
        assert isinstance(earliest, int)
        assert isinstance(latest, int)
        assert earliest < latest


def test_the_headers_that_decide_are_known_beforehand() -> None:
    broken = Attestation("evm", {"chain": CHAIN, "header": "AAAA", "index": 0, "nodes": []})
    inclusions = [holding(*ALL, outside.pending(), BROKEN, broken), later(outside.bitcoin(999))]
    assert wanted_headers(inclusions) == {
        (CHAIN, outside.EVM_HEIGHT),
        ("bip122", outside.BITCOIN_HEIGHT),
        ("bip122", 999),
    }


def test_evidence_is_described_in_words() -> None:
    described = [describe_evidence(each, BLOCK) for each in (*ALL, outside.pending(), BROKEN)]
    assert described == [
        [EVM_CHECK],
        [f"attestation:opentimestamps: Bitcoin block {outside.BITCOIN_HEIGHT}"],
        [TSA_CHECK],
        ["attestation:opentimestamps: pending"],
        ["attestation:opentimestamps"],
    ]
