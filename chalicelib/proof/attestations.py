"""The checks of outside evidence: for each party, what all the evidence of a receipt says.

A check is named for what attests: ``attestation:evm:<CAIP-2 id>``, ``attestation:rfc3161``, and for
a time stamp ``attestation:opentimestamps:<CAIP-2 id>`` of each Bitcoin chain that the policy speaks
of, because the evidence itself does not say which chain its heights are of.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from .bitcoin.evidence import bitcoin_heights, verify_opentimestamps
from .bitcoin.opentimestamps import parse_timestamp
from .codes import OUTCOMES
from .errors import CannotTell, Invalid, Malformed
from .evm.evidence import verify_evm
from .evm.header import parse_evm_header
from .hashes import Hash
from .jcs import JsonValue
from .members import read_base64, read_integer, read_list, read_text
from .policy import Policy
from .receipt import EVM, OPENTIMESTAMPS, Attestation, Inclusion
from .sighting import Sighting
from .times import format_time
from .tsp.evidence import verify_token
from .verdict import Check

PREFIX = "attestation"
BITCOIN = "bip122"
BITCOIN_MAINNET = "bip122:000000000019d6689c085ae165831e93"
"""The chain whose heights a time stamp means where nothing else is said (CAIP-4)."""


class Found(NamedTuple):
    """A check of outside evidence, with what was seen if it passed."""

    check: Check
    sighting: Sighting | None


Seen = dict[tuple[str, Hash, str], Sighting | Invalid | CannotTell]
"""What was found about evidence: receipts of one block share it. The keys are check, block hash and
the evidence's members."""


def check_attestations(inclusions: Sequence[Inclusion], policy: Policy, seen: Seen) -> list[Found]:
    """A check for each party that the receipt holds evidence of. ``seen`` is added to."""
    evidence: dict[str, list[tuple[Attestation, Hash]]] = {}
    for inclusion in inclusions:
        for attestation in inclusion.attestations:
            for name in check_names(attestation, policy):
                evidence.setdefault(name, []).append((attestation, inclusion.block.hash))
    return [
        _check(name, [_look(name, *each, policy, seen) for each in found])
        for name, found in evidence.items()
    ]


def check_names(attestation: Attestation, policy: Policy) -> list[str]:
    """The checks that this evidence serves."""
    match attestation.type:
        case "evm":
            return [f"{PREFIX}:{EVM}:{read_text(attestation.members['chain'], 'chain')}"]
        case "opentimestamps":
            return [f"{PREFIX}:{OPENTIMESTAMPS}:{chain}" for chain in _bitcoin_chains(policy)]
        case other:
            return [f"{PREFIX}:{other}"]


def _bitcoin_chains(policy: Policy) -> list[str]:
    """The Bitcoin chains that the policy has headers of or requires evidence of."""
    required = [name.split(":", 2)[2] for name in policy.require if name.count(":") > 2]
    chains = dict.fromkeys([*policy.chains, *required])
    return [chain for chain in chains if chain.startswith(f"{BITCOIN}:")] or [BITCOIN_MAINNET]


def _look(
    name: str, attestation: Attestation, block_hash: Hash, policy: Policy, seen: Seen
) -> Sighting | Invalid | CannotTell:
    key = (name, block_hash, str(attestation.members))
    if key not in seen:
        try:
            seen[key] = _verify(name, attestation, block_hash, policy)
        except (Invalid, CannotTell) as error:
            seen[key] = error
    return seen[key]


def _check(name: str, looks: Sequence[Sighting | Invalid | CannotTell]) -> Found:
    """False evidence fails whatever else there is; else one that holds is enough."""
    false = [str(each) for each in looks if isinstance(each, Invalid)]
    sightings = [each for each in looks if isinstance(each, Sighting)]
    if false:
        return Found(Check(name, "fail", false[0], OUTCOMES[PREFIX].false), None)
    if not sightings:
        told = "; ".join(dict.fromkeys(map(str, looks)))
        return Found(Check(name, "unknown", told, OUTCOMES[PREFIX].unknown), None)
    first = min(sightings, key=lambda sighting: sighting.latest_ms)
    return Found(Check(name, "pass", _describe(first), OUTCOMES[PREFIX].good), first)


def _verify(name: str, attestation: Attestation, block_hash: Hash, policy: Policy) -> Sighting:
    members = attestation.members
    match attestation.type:
        case "evm":
            chain = read_text(members["chain"], "chain")
            return verify_evm(
                chain,
                read_base64(members["header"], "header"),
                read_integer(members["index"], "index"),
                [read_base64(node, "node") for node in read_list(members["nodes"], "nodes")],
                block_hash,
                policy.chains.get(chain, ()),
            )
        case "opentimestamps":
            chain = name.removeprefix(f"{PREFIX}:{OPENTIMESTAMPS}:")
            return _verify_stamp(read_base64(members["proof"], "proof"), block_hash, chain, policy)
        case "rfc3161":
            return verify_token(read_base64(members["token"], "token"), block_hash, policy.tsa)
        case other:
            raise CannotTell(f"this version cannot check evidence of the type {other}")


def _verify_stamp(proof: bytes, block_hash: Hash, chain: str, policy: Policy) -> Sighting:
    """A time stamp names heights and no chain: what holds in one chain is not false in another."""
    try:
        return verify_opentimestamps(proof, block_hash, chain, policy.chains.get(chain, ()))
    except Invalid:
        for other in _bitcoin_chains(policy):
            if _holds_in(proof, block_hash, other, policy):
                raise CannotTell(f"this time stamp is of the chain {other}") from None
        raise


def _holds_in(proof: bytes, block_hash: Hash, chain: str, policy: Policy) -> bool:
    try:
        verify_opentimestamps(proof, block_hash, chain, policy.chains.get(chain, ()))
    except (Invalid, CannotTell):
        return False
    return True


def _describe(sighting: Sighting) -> str:
    earliest, latest = (format_time(at_ms) for at_ms in (sighting.earliest_ms, sighting.latest_ms))
    return f"{sighting.by} saw the block's hash, between {earliest} and {latest} by that clock"


def write_sightings(found: Iterable[Found]) -> list[JsonValue]:
    """For people and programs: when outside parties saw the block's hash, as an interval each."""
    return [
        {
            "check": each.check.name,
            "by": each.sighting.by,
            "earliest_ms": each.sighting.earliest_ms,
            "latest_ms": each.sighting.latest_ms,
        }
        for each in found
        if each.sighting is not None
    ]


def wanted_headers(inclusions: Iterable[Inclusion]) -> set[tuple[str, int]]:
    """The blocks of public chains whose headers decide about the evidence, as pairs of a CAIP-2 id
    (of an OpenTimestamps proof the namespace alone) and a height. Unreadable evidence wants none.
    """
    return {
        wanted
        for inclusion in inclusions
        for attestation in inclusion.attestations
        for wanted in _wanted(attestation, inclusion.block.hash)
    }


def _wanted(attestation: Attestation, block_hash: Hash) -> list[tuple[str, int]]:
    members = attestation.members
    try:
        match attestation.type:
            case "evm":
                header = parse_evm_header(read_base64(members["header"], "header"))
                return [(read_text(members["chain"], "chain"), header.number)]
            case "opentimestamps":
                stamp = parse_timestamp(read_base64(members["proof"], "proof"), block_hash)
                return [(BITCOIN, height) for _, height in bitcoin_heights(stamp, block_hash)]
            case _:
                return []
    except Malformed:
        return []


def describe_evidence(attestation: Attestation, block_hash: Hash) -> list[str]:
    """What a piece of evidence is, in words for whoever gains it."""
    name = f"{PREFIX}:{attestation.type}"
    match attestation.type:
        case "evm":
            return [f"{name}:{read_text(attestation.members['chain'], 'chain')}"]
        case "opentimestamps":
            proof = read_base64(attestation.members["proof"], "proof")
            try:
                stamp = parse_timestamp(proof, block_hash)
            except Malformed:
                return [name]
            blocks = {height for _, height in bitcoin_heights(stamp, block_hash)}
            if blocks:
                return [f"{name}: Bitcoin block {height}" for height in sorted(blocks)]
            return [f"{name}: pending"]
        case _:
            return [name]
