"""OpenTimestamps proofs: exact in form, and the same to the reference implementation."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentimestamps.core import notary  # type: ignore[import-untyped]
from opentimestamps.core.op import OpAppend, OpPrepend, OpSHA256  # type: ignore[import-untyped]
from opentimestamps.core.serialize import (  # type: ignore[import-untyped]
    BytesDeserializationContext,
    BytesSerializationContext,
    RecursionLimitError,
)
from opentimestamps.core.timestamp import Timestamp as Reference  # type: ignore[import-untyped]

from chalicelib.proof.bitcoin import evidence, opentimestamps, ots_codec
from chalicelib.proof.bitcoin.opentimestamps import (
    Timestamp,
    TimestampTooDeep,
    TimestampTooLarge,
    format_timestamp,
    lead,
    merge_timestamps,
    opentimestamps_attestation,
    parse_timestamp,
    read_timestamp,
    upgrade_timestamp,
    walk,
)
from chalicelib.proof.bitcoin.ots_codec import (
    BITCOIN_TAG,
    SHA256,
    HeightAttestation,
    MalformedTimestamp,
    MessageTooLong,
    PendingAttestation,
    UnknownAttestation,
    append,
)
from chalicelib.proof.hashes import Hash
from chalicelib.proof.limits import OTS_BYTES, OTS_DEPTH, OTS_NODES
from chalicelib.proof.policy import ChainHeader

from .vectors import load_vectors

VECTORS = load_vectors("opentimestamps")
TRUSTS = [name for name in VECTORS if name.startswith("trust-")]
FORMATS = [name for name in VECTORS if not name.startswith("trust-")]
ERRORS = {**vars(opentimestamps), **vars(ots_codec)}
GENESIS = bytes.fromhex(VECTORS["genesis-block"]["proof"])
MESSAGE = Hash.fromhex(VECTORS["genesis-block"]["message"])
PENDING = PendingAttestation("https://calendar.example")
END = Timestamp({HeightAttestation(BITCOIN_TAG, 5)})


def parts_of(vector: dict[str, Any]) -> tuple[bytes, Hash]:
    return bytes.fromhex(vector["proof"]), Hash.fromhex(vector["message"])


def attested(timestamp: Timestamp, message: bytes) -> list[list[Any]]:
    """Every attestation, with its message as Bitcoin would display it."""
    found: list[list[Any]] = []
    for reached, node in walk(timestamp, message):
        for attestation in node.attestations:
            match attestation:
                case PendingAttestation(uri):
                    said: list[Any] = ["pending", uri]
                case HeightAttestation(tag, height):
                    said = ["bitcoin" if tag == BITCOIN_TAG else "other height", height]
                case UnknownAttestation(_, payload):
                    said = ["unknown", payload.hex()]
            found.append([reached[::-1].hex(), *said])
    return sorted(found)


@pytest.mark.parametrize("name", FORMATS)
def test_vector(name: str) -> None:
    vector = VECTORS[name]
    proof, message = parts_of(vector)
    if "error" in vector:
        with pytest.raises(MalformedTimestamp) as caught:
            parse_timestamp(proof, message)
        assert type(caught.value) is ERRORS[vector["error"]]
    else:
        timestamp = parse_timestamp(proof, message)
        assert attested(timestamp, message) == vector["attestations"]
        assert format_timestamp(timestamp) == proof


@pytest.mark.parametrize("name", TRUSTS)
def test_verification_vector(name: str) -> None:
    vector = VECTORS[name]
    proof, message = parts_of(vector)
    headers = [
        ChainHeader(entry["height"], entry["hash"], bytes.fromhex(entry["header"]))
        for entry in vector["headers"]
    ]
    if "error" in vector:
        with pytest.raises(getattr(evidence, vector["error"])):
            evidence.verify_opentimestamps(proof, message, vector["chain"], headers)
    else:
        sighting = evidence.verify_opentimestamps(proof, message, vector["chain"], headers)
        assert sighting.earliest_ms == vector["earliest_ms"]
        assert sighting.latest_ms == vector["latest_ms"]
        assert (sighting.by, sighting.chain) == (
            f"Bitcoin block 0 of {vector['chain']}",
            vector["chain"],
        )


# What the reference implementation reads and writes.


def reference_bytes(timestamp: Any) -> bytes:
    context = BytesSerializationContext()
    timestamp.serialize(context)
    data: bytes = context.getbytes()
    return data


def reference_read(proof: bytes, message: bytes) -> Any:
    context = BytesDeserializationContext(proof)
    timestamp = Reference.deserialize(context, message)
    context.assert_eof()
    return timestamp


URIS = st.text("abz019-._/:", max_size=20)
ATTESTATIONS = st.one_of(
    st.builds(notary.PendingAttestation, URIS),
    st.builds(notary.BitcoinBlockHeaderAttestation, st.integers(0, 1 << 40)),
    st.builds(notary.LitecoinBlockHeaderAttestation, st.integers(0, 1 << 40)),
    st.builds(
        notary.UnknownAttestation,
        st.binary(min_size=8, max_size=8).filter(lambda tag: tag != BITCOIN_TAG),
        st.binary(max_size=200),
    ),
)
OPERANDS = st.binary(min_size=1, max_size=200)
OPERATIONS = st.one_of(
    st.builds(OpAppend, OPERANDS), st.builds(OpPrepend, OPERANDS), st.builds(OpSHA256)
)


@st.composite
def reference_proofs(draw: st.DrawFn) -> Any:
    """A tree that grows from nodes drawn among those that it already has."""
    root = Reference(MESSAGE)
    nodes = [root]
    for operation in draw(st.lists(OPERATIONS, max_size=12)):
        parent = draw(st.sampled_from(nodes))
        nodes.append(parent.ops.add(operation))
    for attestation in draw(st.lists(ATTESTATIONS, min_size=1, max_size=6)):
        draw(st.sampled_from(nodes)).attestations.add(attestation)
    for node in nodes:
        if not node.ops and not node.attestations:
            node.attestations.add(notary.BitcoinBlockHeaderAttestation(draw(st.integers(0, 300))))
    return root


@given(reference_proofs())
def test_what_the_reference_writes_is_read_and_written_the_same(proof: Any) -> None:
    data = reference_bytes(proof)
    timestamp = parse_timestamp(data, MESSAGE)
    assert format_timestamp(timestamp) == data
    assert sorted(
        reached for reached, node in walk(timestamp, MESSAGE) for _ in node.attestations
    ) == (sorted(message for message, _ in proof.all_attestations()))


@pytest.mark.parametrize("name", [name for name in FORMATS if "error" not in VECTORS[name]])
def test_the_reference_reads_and_writes_the_good_vectors_the_same(name: str) -> None:
    proof, message = parts_of(VECTORS[name])
    assert reference_bytes(reference_read(proof, message)) == proof


@given(reference_proofs(), reference_proofs())
def test_proofs_merge_as_those_of_the_reference(first: Any, second: Any) -> None:
    proofs = [reference_bytes(first), reference_bytes(second)]
    first.merge(second)
    assert merge_timestamps(proofs, MESSAGE) == reference_bytes(first)
    assert merge_timestamps(proofs[::-1], MESSAGE) == reference_bytes(first)


@given(reference_proofs(), st.data())
def test_an_upgrade_is_merged_where_its_commitment_is(proof: Any, data: st.DataObject) -> None:
    before = reference_bytes(proof)
    commitment = data.draw(st.sampled_from(sorted({m for m, _ in proof.all_attestations()})))
    more = Reference(commitment)
    more.ops.add(OpSHA256()).attestations.add(notary.BitcoinBlockHeaderAttestation(7))
    upgraded = upgrade_timestamp(before, MESSAGE, commitment, reference_bytes(more))
    for message, node in list(walk_reference(proof)):
        if message == commitment:
            node.merge(more)
    assert upgraded == reference_bytes(proof)


def walk_reference(node: Any) -> Any:
    yield node.msg, node
    for child in node.ops.values():
        yield from walk_reference(child)


def test_a_receipt_holds_a_proof_in_base64() -> None:
    assert opentimestamps_attestation(b"\x08").type == "opentimestamps"
    assert opentimestamps_attestation(b"\x08").members == {"proof": "CA=="}


# In any order, where a server wrote it.


@pytest.mark.parametrize(
    "name", [n for n in FORMATS if VECTORS[n].get("error") == "NonCanonicalTimestamp"]
)
def test_another_spelling_is_read_and_written_as_the_reference_writes_it(name: str) -> None:
    proof, message = parts_of(VECTORS[name])
    canonical = format_timestamp(read_timestamp(proof, message))
    assert canonical == merge_timestamps([proof], message)
    if name != "operation-twice":  # of which the reference forgets the first
        assert canonical == reference_bytes(reference_read(proof, message))


# Limits.


def test_a_proof_is_as_deep_as_the_reference_reads_and_no_deeper() -> None:
    deepest = format_timestamp(lead([SHA256] * (OTS_DEPTH - 1), END))
    assert format_timestamp(parse_timestamp(deepest, MESSAGE)) == deepest
    assert reference_bytes(reference_read(deepest, MESSAGE)) == deepest
    with pytest.raises(TimestampTooDeep):
        format_timestamp(lead([SHA256] * OTS_DEPTH, END))
    with pytest.raises(TimestampTooDeep):
        parse_timestamp(b"\x08" + deepest, MESSAGE)
    with pytest.raises(RecursionLimitError):
        reference_read(b"\x08" + deepest, MESSAGE)


def test_an_upgrade_makes_no_proof_that_is_too_deep() -> None:
    deep = format_timestamp(lead([SHA256] * 200, Timestamp({PENDING})))
    (commitment,) = (
        reached
        for reached, node in walk(parse_timestamp(deep, MESSAGE), MESSAGE)
        if node.attestations
    )
    with pytest.raises(TimestampTooDeep):
        upgrade_timestamp(deep, MESSAGE, commitment, deep)


def test_a_proof_has_so_many_operations_over_all_its_branches_and_no_more() -> None:
    """Each is executed, and a few bytes make one: they are bounded before they are many."""

    def tree(branches: int) -> Timestamp:
        chain = {append(bytes([n])): lead([SHA256] * 127, END) for n in range(branches)}
        return Timestamp(operations=dict(chain))

    full = format_timestamp(tree(OTS_NODES // 128))
    assert parse_timestamp(full, MESSAGE) == tree(OTS_NODES // 128)
    with pytest.raises(TimestampTooLarge, match="operations"):
        format_timestamp(tree(OTS_NODES // 128 + 1))
    more = b"\xff\x08" + format_timestamp(END) + full
    with pytest.raises(TimestampTooLarge, match="operations"):
        read_timestamp(more, MESSAGE)


def test_a_proof_is_not_read_beyond_its_size() -> None:
    with pytest.raises(TimestampTooLarge):
        parse_timestamp(bytes(OTS_BYTES + 1), MESSAGE)
    many = {UnknownAttestation(bytes([n]) * 8, bytes(8_192)) for n in range(1, 9)}
    with pytest.raises(TimestampTooLarge):
        format_timestamp(Timestamp(set(many)))


def test_a_message_has_at_most_4096_bytes() -> None:
    format_timestamp(parse_timestamp(b"\x08" + format_timestamp(END), bytes(4_096)))
    with pytest.raises(MessageTooLong):
        parse_timestamp(b"\x08" + format_timestamp(END), bytes(4_097))


def test_a_proof_may_be_as_broad_as_its_size_allows() -> None:
    """Every branch starts from the longest message that there is."""
    end = format_timestamp(END)
    branches = [b"\xff\xf0\x02%b%b" % (n.to_bytes(2, "big"), end) for n in range(3_000)]
    data = b"".join([b"\xf1\xde\x1f", bytes(4_062), *branches, b"\xf1\x02aa", end])
    timestamp = parse_timestamp(data, MESSAGE)
    assert sum(len(node.attestations) for _, node in walk(timestamp, MESSAGE)) == 3_001


@given(st.binary(max_size=300))
def test_any_bytes_are_a_proof_or_refused(data: bytes) -> None:
    with suppress(MalformedTimestamp):
        assert format_timestamp(parse_timestamp(data, MESSAGE)) == data


@given(st.integers(0, len(GENESIS)), st.integers(0, 3), st.binary(max_size=3))
def test_any_mutation_of_a_proof_is_a_proof_or_refused(at: int, cut: int, put: bytes) -> None:
    data = GENESIS[:at] + put + GENESIS[at + cut :]
    with suppress(MalformedTimestamp):
        assert format_timestamp(parse_timestamp(data, MESSAGE)) == data


def test_the_path_of_the_first_block_is_what_it_says() -> None:
    ((root, node),) = [
        (reached, node)
        for reached, node in walk(parse_timestamp(GENESIS, MESSAGE), MESSAGE)
        if node.attestations
    ]
    assert MESSAGE == b"The Times 03/Jan/2009 Chancellor"
    assert root[::-1].hex() == "4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b"
    assert node.attestations == {HeightAttestation(BITCOIN_TAG, 0)}
