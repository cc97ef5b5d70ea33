"""The raw primitives that verifying evidence cannot do without, everything else made ready before:
what the figures of ``attesting`` are compared with."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
from itertools import pairwise

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from chalicelib.proof.bitcoin.opentimestamps import parse_timestamp, walk
from chalicelib.proof.evm.header import parse_evm_header
from chalicelib.proof.evm.keccak import keccak256
from chalicelib.proof.evm.secp256k1 import recover
from chalicelib.proof.evm.transaction import parse_transaction
from chalicelib.proof.evm.trie import verify_trie_proof
from chalicelib.proof.hashes import Hash, sha256
from chalicelib.proof.members import read_base64, read_integer, read_list
from chalicelib.proof.note import cosignature_message, parse_cosignature
from chalicelib.proof.receipt import Attestation, Inclusion
from chalicelib.proof.tsp.certificate import Certificate, parse_pem
from chalicelib.proof.tsp.evidence import attested_token, parse_token
from chalicelib.proof.tsp.signature import PublicKey, load_key
from tests.proof.world import WITNESS

Floor = Callable[[], object]


def evm_floor(attestation: Attestation) -> Floor:
    """The recovery of the sender's key, and the Keccak-256 hashes of header and nodes."""
    members = attestation.members
    header = read_base64(members["header"], "header")
    nodes = [read_base64(node, "node") for node in read_list(members["nodes"], "nodes")]
    root, index = parse_evm_header(header).transactions_root, read_integer(members["index"], "")
    signed = parse_transaction(verify_trie_proof(root, index, nodes))
    digest, signature = signed.transaction.digest, signed.signature
    return _all(partial(recover, digest, signature), *_each(keccak256, [header, *nodes]))


def stamp_floor(attestation: Attestation, block_hash: Hash) -> Floor:
    """The SHA-256 hashes on the one path from the block hash to a Merkle root."""
    stamp = parse_timestamp(read_base64(attestation.members["proof"], "proof"), block_hash)
    messages = [message for message, _ in walk(stamp, block_hash)]
    hashed = [message for message, reached in pairwise(messages) if reached == sha256(message)]
    return _all(*_each(hashlib.sha256, hashed))


def token_floor(attestation: Attestation, roots: list[str]) -> Floor:
    """The signatures of the token and of its signer's certificate."""
    stamp = parse_token(attested_token(attestation))
    [leaf], signer = stamp.certificates, stamp.signed.signer
    return _all(
        _signature(load_key(leaf.spki), signer.signature, signer.signed),
        _signature(load_key(_issuer(leaf, roots).spki), leaf.signature, leaf.signed),
    )


def _issuer(leaf: Certificate, roots: list[str]) -> Certificate:
    return next(root for root in map(parse_pem, roots) if root.subject == leaf.issuer)


def _signature(key: PublicKey, signature: bytes, message: bytes) -> Floor:
    """One bare verification, by ``cryptography``."""
    if isinstance(key, rsa.RSAPublicKey):
        return partial(key.verify, signature, message, padding.PKCS1v15(), hashes.SHA256())
    assert isinstance(key, ec.EllipticCurvePublicKey)
    return partial(key.verify, signature, message, ec.ECDSA(hashes.SHA256()))


def cosignature_floor(inclusion: Inclusion) -> Floor:
    """One bare Ed25519 verification: of the last line."""
    note = inclusion.proof.checkpoint_note
    timestamp_s, signature = parse_cosignature(note.signatures[-1].signature)
    message = cosignature_message(note.text, timestamp_s)
    key = Ed25519PublicKey.from_public_bytes(WITNESS.public.x)
    return partial(key.verify, signature, message)


def _each(work: Callable[[bytes], object], messages: list[bytes]) -> list[Floor]:
    return [partial(work, message) for message in messages]


def _all(*parts: Floor) -> Floor:
    def floor() -> None:
        for part in parts:
            part()

    return floor
