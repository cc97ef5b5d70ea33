"""Exports, read back by software that we did not write."""

from __future__ import annotations

import cbor2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from chalicelib.proof.export import export_cose, export_tlog_proof
from chalicelib.proof.hashes import Hash, leaf_hash
from chalicelib.proof.merkle import verify_inclusion
from chalicelib.proof.tlogproof import parse_tlog_proof

from .world import LOG, ORIGIN, World


def test_the_tlog_proof_is_the_one_in_the_receipt() -> None:
    receipt = World().receipt()
    assert parse_tlog_proof(export_tlog_proof(receipt)) == receipt.registered.proof


def test_the_cose_receipt_verifies_by_rfc_9942_alone() -> None:
    world = World()
    tagged = cbor2.loads(export_cose(world.receipt(), LOG.public.kid))
    protected, unprotected, payload, signature = tagged.value
    assert (tagged.tag, payload) == (18, None)
    size, index, path = cbor2.loads(unprotected[396][-1][0])
    root = world.inclusion().block.root
    hashes = [Hash(node) for node in path]
    verify_inclusion(leaf_hash(world.entry), index, size, hashes, root)
    signed = cbor2.dumps(["Signature1", protected, b"", bytes(root)])
    Ed25519PublicKey.from_public_bytes(LOG.public.x).verify(signature, signed)
    block_hash = world.inclusion().block.hash.hex()
    assert cbor2.loads(protected) == {
        1: -8,
        4: LOG.public.kid,
        15: {1: ORIGIN, 2: f"urn:tally:block:{block_hash}"},
        395: 1,
    }


def test_exports_are_of_the_better_attested_block() -> None:
    receipt = World().receipt(grown=2)
    assert receipt.attested is not None
    assert parse_tlog_proof(export_tlog_proof(receipt)) == receipt.attested.proof
    tagged = cbor2.loads(export_cose(receipt, LOG.public.kid))
    assert tagged.value[3] == receipt.attested.signature
