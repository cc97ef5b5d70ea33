"""The ``.ots`` file, read by the reference implementation: from a document as it is to a block."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentimestamps.core.op import OpAppend, OpPrepend, OpSHA256  # type: ignore[import-untyped]
from opentimestamps.core.serialize import (  # type: ignore[import-untyped]
    BytesDeserializationContext,
    BytesSerializationContext,
)
from opentimestamps.core.timestamp import (  # type: ignore[import-untyped]
    DetachedTimestampFile,
)

from chalicelib.proof.bitcoin.opentimestamps import (
    Timestamp,
    format_timestamp,
    lead,
    opentimestamps_attestation,
)
from chalicelib.proof.bitcoin.ots_codec import (
    BITCOIN_TAG,
    SHA256,
    HeightAttestation,
    PendingAttestation,
    TimeAttestation,
)
from chalicelib.proof.bitcoin.ots_file import OTS_MAGIC, BrokenPath, NoOtsFile, export_ots
from chalicelib.proof.hashes import Hash
from chalicelib.proof.limits import OTS_DEPTH
from chalicelib.proof.receipt import Attestation, Inclusion, Receipt

from .world import SALT, World

DOCUMENT = b"%PDF-1.7 a diploma"
RAW = World(document=DOCUMENT, canonicalization="raw")
OTHER = Attestation("some-other-type", {})


def evidence(*attestations: TimeAttestation) -> Attestation:
    return opentimestamps_attestation(format_timestamp(Timestamp(set(attestations))))


def bitcoin(height: int) -> Attestation:
    """That the block hash itself is a Merkle root: the shortest evidence there is."""
    return evidence(HeightAttestation(BITCOIN_TAG, height))


def with_attestations(inclusion: Inclusion | None, *attestations: Attestation) -> Inclusion:
    assert inclusion is not None
    return replace(inclusion, attestations=attestations)


def attested_receipt(world: World = RAW, *attestations: Attestation) -> Receipt:
    receipt = world.receipt()
    return replace(
        receipt, registered=with_attestations(receipt.registered, *attestations or (bitcoin(9),))
    )


def read(data: bytes) -> Any:
    context = BytesDeserializationContext(data)
    file = DetachedTimestampFile.deserialize(context)
    context.assert_eof()
    written = BytesSerializationContext()
    file.serialize(written)
    assert written.getbytes() == data
    return file


def operations(timestamp: Any) -> set[type]:
    found = set()
    waiting = [timestamp]
    while waiting:
        node = waiting.pop()
        found |= {type(operation) for operation in node.ops}
        waiting += node.ops.values()
    return found


def test_a_file_leads_from_the_document_to_what_attests_to_the_block() -> None:
    receipt = attested_receipt()
    file = read(export_ots(receipt))
    assert file.file_digest == sha256(DOCUMENT).digest()
    ((message, attestation),) = file.timestamp.all_attestations()
    assert (message, attestation.height) == (receipt.registered.block.hash, 9)


def test_a_file_uses_three_operations_only() -> None:
    file = read(export_ots(attested_receipt()))
    assert operations(file.timestamp) == {OpAppend, OpPrepend, OpSHA256}


def test_a_file_begins_as_the_format_says() -> None:
    data = export_ots(attested_receipt())
    assert data.startswith(OTS_MAGIC + b"\x01\x08" + sha256(DOCUMENT).digest())


@settings(deadline=None)
@given(st.integers(0, 40), st.integers(0, 40))
def test_a_file_leads_through_any_tree(before: int, after: int) -> None:
    receipt = attested_receipt(replace(RAW, before=before, after=after))
    ((message, _),) = read(export_ots(receipt)).timestamp.all_attestations()
    assert message == receipt.registered.block.hash


def test_all_evidence_of_one_block_is_in_the_file() -> None:
    calendar = "https://calendar.example"
    several = (bitcoin(9), OTHER, evidence(PendingAttestation(calendar)), bitcoin(12))
    file = read(export_ots(attested_receipt(RAW, *several)))
    said = [attestation for _, attestation in file.timestamp.all_attestations()]
    assert sorted(a.height for a in said if hasattr(a, "height")) == [9, 12]
    assert [a.uri for a in said if hasattr(a, "uri")] == [calendar]


def test_a_file_is_of_attested_if_that_has_evidence_else_of_registered() -> None:
    receipt = RAW.receipt(grown=2)
    later = replace(receipt, attested=with_attestations(receipt.attested, bitcoin(9)))
    assert later.attested is not None
    both = replace(later, registered=with_attestations(later.registered, bitcoin(8)))
    first = replace(both, attested=with_attestations(both.attested, OTHER))
    assert end_of(later) == end_of(both) == later.attested.block.hash
    assert end_of(first) == receipt.registered.block.hash


def end_of(receipt: Receipt) -> bytes:
    ((message, _),) = read(export_ots(receipt)).timestamp.all_attestations()
    end: bytes = message
    return end


def test_without_a_raw_document_or_evidence_it_is_said_what_to_do() -> None:
    blind = replace(attested_receipt(), document=None)
    jcs = attested_receipt(World())
    for receipt, words in (
        (blind, "the holder's own copy"),
        (jcs, "verify it with its receipt"),
        (RAW.receipt(), "refresh it"),
        (RAW.receipt(grown=1), "refresh it"),
        (attested_receipt(RAW, OTHER), "refresh it"),
    ):
        with pytest.raises(NoOtsFile, match=words):
            export_ots(receipt)


def test_evidence_too_deep_for_other_clients_is_not_exported() -> None:
    deep = lead([SHA256] * (OTS_DEPTH - 1), Timestamp({HeightAttestation(BITCOIN_TAG, 9)}))
    receipt = attested_receipt(RAW, opentimestamps_attestation(format_timestamp(deep)))
    with pytest.raises(NoOtsFile, match="verify it with its receipt"):
        export_ots(receipt)


def elsewhere(receipt: Receipt, **changes: Any) -> Receipt:
    return replace(receipt, registered=replace(receipt.registered, **changes))


def test_a_receipt_whose_path_is_broken_makes_no_file() -> None:
    receipt = attested_receipt()
    assert receipt.document is not None
    holder = receipt.document
    proof = receipt.registered.proof
    block = receipt.registered.block
    for broken in (
        replace(receipt, document=holder._replace(salt=SALT[::-1])),
        replace(receipt, document=holder._replace(sha256=Hash(bytes(32)))),
        elsewhere(receipt, proof=replace(proof, index=proof.index + 1)),
        elsewhere(receipt, proof=replace(proof, path=proof.path[1:])),
        elsewhere(receipt, block=block._replace(size=0)),
    ):
        with pytest.raises(BrokenPath):
            export_ots(broken)
