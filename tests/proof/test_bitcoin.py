"""Bitcoin's headers and Merkle trees, and when a proof shows that Bitcoin saw a hash."""

from __future__ import annotations

from typing import Any

import pytest
from bitcoin.core import (  # type: ignore[import-untyped]
    CBlock,
    CoreMainParams,
    CScript,
    CTransaction,
    CTxIn,
    CTxOut,
    b2lx,
)
from hypothesis import given
from hypothesis import strategies as st
from opentimestamps.bitcoin import make_timestamp_from_block  # type: ignore[import-untyped]

from chalicelib.proof.bitcoin.evidence import (
    FalseBitcoinProof,
    MalformedBitcoinHeader,
    NoBitcoinEvidence,
    bitcoin_heights,
    display,
    double_sha256,
    parse_bitcoin_header,
    prove_in_bitcoin,
    undisplay,
    verify_opentimestamps,
)
from chalicelib.proof.bitcoin.opentimestamps import Timestamp, format_timestamp, parse_timestamp
from chalicelib.proof.bitcoin.ots_codec import BITCOIN_TAG, HeightAttestation, PendingAttestation
from chalicelib.proof.hashes import Hash, MalformedHash, sha256
from chalicelib.proof.limits import BITCOIN_CLOCK_S
from chalicelib.proof.policy import ChainHeader

from .test_opentimestamps import reference_bytes

CHAIN = "bip122:000000000019d6689c085ae165831e93"
GENESIS = CoreMainParams.GENESIS_BLOCK
MESSAGE = sha256(b"a block of the log")


def header_of(root: bytes, time_s: int = 1_800_000_000, height: int = 9) -> ChainHeader:
    """A header that nobody mined: that a policy trusts it is all that counts here."""
    data = bytes(36) + root + time_s.to_bytes(4, "little") + bytes(8)
    return ChainHeader(height, display(double_sha256(data)), data)


def claim(*heights: int) -> bytes:
    """A proof that the message itself is the Merkle root at these heights."""
    return format_timestamp(Timestamp({HeightAttestation(BITCOIN_TAG, h) for h in heights}))


def test_the_first_header_is_read_as_bitcoin_displays_it() -> None:
    header = parse_bitcoin_header(GENESIS.get_header().serialize())
    assert header.hash == "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f"
    assert display(header.root) == b2lx(GENESIS.hashMerkleRoot)
    assert header.time_s == 1_231_006_505


@pytest.mark.parametrize("size", [0, 79, 81])
def test_a_header_has_80_bytes(size: int) -> None:
    with pytest.raises(MalformedBitcoinHeader):
        parse_bitcoin_header(bytes(size))


def test_a_hash_is_displayed_reversed() -> None:
    assert undisplay(display(MESSAGE)) == MESSAGE
    assert display(MESSAGE) == MESSAGE[::-1].hex()
    with pytest.raises(MalformedHash):
        undisplay(display(MESSAGE).upper())


def block_with(transactions: int, at: int, message: bytes) -> tuple[Any, bytes]:
    """A block of python-bitcoinlib with so many transactions, one of which holds the message."""
    made = []
    for n in range(transactions):
        kept = message if n == at else bytes([n]) * 32
        outputs = [CTxOut(0, CScript(b"\x6a\x20" + kept)), CTxOut(n, CScript(b"\x51"))]
        made.append(CTransaction([CTxIn()], outputs, 0, 2))
    return CBlock(vtx=made), made[at].serialize()


@given(st.integers(1, 70), st.data())
def test_a_proof_is_the_one_that_python_opentimestamps_makes_of_the_block(
    transactions: int, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, transactions - 1))
    block, transaction = block_with(transactions, at, MESSAGE)
    txids = [Hash(tx.GetTxid()) for tx in block.vtx]
    proof = prove_in_bitcoin(MESSAGE, transaction, txids, 9)
    assert proof == reference_bytes(make_timestamp_from_block(MESSAGE, block, 9))
    assert bitcoin_heights(parse_timestamp(proof, MESSAGE), MESSAGE) == [
        (block.calc_merkle_root(), 9)
    ]


def test_a_proof_holds_for_the_block_whose_root_it_leads_to() -> None:
    block, transaction = block_with(5, 4, MESSAGE)
    txids = [Hash(tx.GetTxid()) for tx in block.vtx]
    proof = prove_in_bitcoin(MESSAGE, transaction, txids, 9)
    root = block.calc_merkle_root()
    assert verify_opentimestamps(proof, MESSAGE, CHAIN, [header_of(root)]).chain == CHAIN
    with pytest.raises(FalseBitcoinProof, match="Merkle root of block 9"):
        verify_opentimestamps(proof, MESSAGE, CHAIN, [header_of(MESSAGE)])
    with pytest.raises(FalseBitcoinProof):
        verify_opentimestamps(proof, sha256(b"another"), CHAIN, [header_of(root)])


def test_a_time_is_as_wide_as_bitcoins_clock_is_loose() -> None:
    sighting = verify_opentimestamps(claim(9), MESSAGE, CHAIN, [header_of(MESSAGE)])
    assert sighting.earliest_ms == (1_800_000_000 - BITCOIN_CLOCK_S) * 1000
    assert sighting.latest_ms == (1_800_000_000 + BITCOIN_CLOCK_S) * 1000


@pytest.mark.parametrize("time_s", [0, 1, (1 << 32) - 1])
def test_a_strange_time_is_reported_and_never_refused(time_s: int) -> None:
    sighting = verify_opentimestamps(claim(9), MESSAGE, CHAIN, [header_of(MESSAGE, time_s)])
    assert sighting.earliest_ms == max(0, time_s - BITCOIN_CLOCK_S) * 1000
    assert sighting.latest_ms == (time_s + BITCOIN_CLOCK_S) * 1000


def test_of_several_blocks_the_earliest_tells_the_time() -> None:
    headers = [header_of(MESSAGE, 900_000, 7), header_of(MESSAGE, 800_000, 8)]
    sighting = verify_opentimestamps(claim(7, 8), MESSAGE, CHAIN, headers)
    assert sighting.by == f"Bitcoin block 8 of {CHAIN}"


def test_a_false_attestation_is_false_beside_a_true_one() -> None:
    headers = [header_of(MESSAGE, height=7), header_of(bytes(32), height=8)]
    with pytest.raises(FalseBitcoinProof, match="block 8"):
        verify_opentimestamps(claim(7, 8), MESSAGE, CHAIN, headers)


def test_a_message_that_is_no_hash_is_no_merkle_root() -> None:
    proof = b"\xf0\x01a" + claim(9)
    with pytest.raises(FalseBitcoinProof):
        verify_opentimestamps(proof, MESSAGE, CHAIN, [header_of(MESSAGE)])


def missing(proof: bytes, *headers: ChainHeader) -> str:
    with pytest.raises(NoBitcoinEvidence) as caught:
        verify_opentimestamps(proof, MESSAGE, CHAIN, headers)
    return str(caught.value)


def test_what_is_missing_is_said() -> None:
    calendars = {PendingAttestation(f"https://{name}.example") for name in "abcde"}
    pending = format_timestamp(Timestamp(set(calendars)))
    assert missing(pending) == (
        "the proof is pending at https://a.example, https://b.example, https://c.example and 2 more"
    )
    assert missing(claim(7)) == f"no header of {CHAIN} is trusted at height 7"
    assert missing(claim(7, 8), header_of(MESSAGE)).endswith("at height 7, 8")
    unknown = bytes.fromhex("00010203040506070800")
    assert missing(unknown) == "the proof holds no attestation that can be checked"


def test_a_header_that_has_not_its_stated_hash_is_not_trusted() -> None:
    good = header_of(MESSAGE)
    bad = ChainHeader(9, "00" * 32, good.header)
    assert missing(claim(9), bad) == (
        f"the policy's header of block 9 of {CHAIN} has not the hash stated there"
    )
    assert verify_opentimestamps(claim(9), MESSAGE, CHAIN, [bad, good])


def test_a_node_of_the_tree_shown_as_a_transaction_shows_only_what_is_true() -> None:
    """The 64 bytes of two hashes may pass for a transaction. A path through them is still a path:
    what it starts from is older than the block."""
    left, right = Hash(MESSAGE), sha256(b"another transaction")
    root = double_sha256(left + right)
    proof = b"\xf0\x20" + right + b"\x08\x08" + claim(9)
    assert verify_opentimestamps(proof, left, CHAIN, [header_of(root)])
