"""Evidence of Ethereum-like chains: false, not decidable, or a sighting."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.proof.errors import CannotTell, Invalid, ProofError
from chalicelib.proof.evm.evidence import evm_attestation, evm_calldata, verify_evm
from chalicelib.proof.hashes import Hash
from chalicelib.proof.limits import EVM_CLOCK_S, EVM_TIME_S, INTEGER
from chalicelib.proof.policy import ChainHeader
from chalicelib.proof.sighting import Sighting
from chalicelib.proof.text import parse_base64

from .vectors import load_vectors

VECTORS = {n: v for n, v in load_vectors("evm").items() if n.startswith("evidence-")}
GOOD = VECTORS["evidence-good"]
ERRORS: dict[str, type[ProofError]] = {"Invalid": Invalid, "CannotTell": CannotTell}


def verify_vector(vector: dict[str, Any]) -> Sighting:
    return verify_evm(
        vector["chain"],
        bytes.fromhex(vector["header"]),
        vector["index"],
        [bytes.fromhex(node) for node in vector["nodes"]],
        Hash.parse_hex(vector["block_hash"]),
        [
            ChainHeader(h["height"], h["hash"], bytes.fromhex(h["header"]))
            for h in vector["headers"]
        ],
    )


@pytest.mark.parametrize("name", VECTORS)
def test_evidence_vector(name: str) -> None:
    vector = VECTORS[name]
    if "error" in vector:
        with pytest.raises(ERRORS[vector["error"]]) as caught:
            verify_vector(vector)
        assert vector["says"] in str(caught.value)
    else:
        sighting = verify_vector(vector)
        assert (sighting.earliest_ms, sighting.latest_ms) == (
            vector["earliest_ms"],
            vector["latest_ms"],
        )
        assert (sighting.by, sighting.chain) == (vector["by"], vector["chain"])


def test_what_is_false_is_invalid_whatever_the_policy_trusts() -> None:
    """Internal consistency needs no trust, so a policy without headers does not hide it."""
    for name, vector in VECTORS.items():
        if vector.get("error") == "Invalid" and name != "evidence-another-chain-of-blocks":
            expected = CannotTell if name == "evidence-header-bit-flipped" else Invalid
            with pytest.raises(expected):
                verify_vector({**vector, "headers": []})


def test_the_evidence_is_carried_in_base64() -> None:
    nodes = [bytes.fromhex(node) for node in GOOD["nodes"]]
    header = bytes.fromhex(GOOD["header"])
    attestation = evm_attestation(GOOD["chain"], header, GOOD["index"], nodes)
    assert attestation.type == "evm"
    members = dict(attestation.members)
    assert parse_base64(str(members.pop("header"))) == header
    said = members.pop("nodes")
    assert isinstance(said, list)
    assert [parse_base64(str(node)) for node in said] == nodes
    assert members == {"chain": GOOD["chain"], "index": GOOD["index"]}


def test_the_calldata_is_37_bytes() -> None:
    data = evm_calldata(Hash(bytes(range(32))))
    assert data == b"TLLY\x01" + bytes(range(32))


def test_no_interval_leaves_the_integers_of_json() -> None:
    assert (EVM_TIME_S + EVM_CLOCK_S) * 1_000 <= INTEGER


def read_all(**changes: Any) -> None:
    vector = {**GOOD, **changes}
    if vector != GOOD:
        with pytest.raises(ProofError):
            verify_vector(vector)


@settings(deadline=None)
@given(st.data())
def test_no_mutation_of_the_evidence_is_evidence(data: st.DataObject) -> None:
    texts = [GOOD["header"], *GOOD["nodes"]]
    place = data.draw(st.integers(0, len(texts) - 1))
    at, cut = data.draw(st.integers(0, len(texts[place]) // 2)), data.draw(st.integers(0, 3))
    put = data.draw(st.binary(max_size=3)).hex()
    texts[place] = texts[place][: 2 * at] + put + texts[place][2 * (at + cut) :]
    read_all(header=texts[0], nodes=texts[1:])


@given(st.text(max_size=40), st.integers(0, INTEGER))
def test_no_other_chain_and_index_is_evidence(chain: str, index: int) -> None:
    read_all(chain=chain)
    read_all(chain=f"eip155:{chain}")
    read_all(index=index)


@given(st.binary(max_size=700), st.lists(st.binary(max_size=600), max_size=3))
def test_any_bytes_are_refused(header: bytes, nodes: list[bytes]) -> None:
    read_all(header=header.hex())
    read_all(nodes=[node.hex() for node in nodes])
    with suppress(ProofError):
        verify_evm("eip155:1", header, 0, nodes, Hash(bytes(32)), [])
        pytest.fail("nothing was trusted")
