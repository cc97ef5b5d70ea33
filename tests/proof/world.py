"""A small world to verify in: a log, a notary, an issuer, a witness, all from fixed seeds."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from chalicelib.proof.block import Block, block_to_be_signed
from chalicelib.proof.checkpoint import Checkpoint, format_checkpoint_text
from chalicelib.proof.document import Canonicalization, Digests, commit, digest_document
from chalicelib.proof.hashes import Hash, leaf_hash
from chalicelib.proof.keys import SigningKey, format_jwk, parse_private_jwk
from chalicelib.proof.merkle import prove_inclusion, root_of
from chalicelib.proof.note import (
    Cosignature,
    Note,
    NoteSignature,
    VerifierKey,
    cosignature_message,
    cosignature_vkey,
    ed25519_vkey,
    format_cosignature,
    format_vkey,
)
from chalicelib.proof.payload import Payload, Register
from chalicelib.proof.policy import Policy, parse_policy
from chalicelib.proof.receipt import Attestation, Evidence, HolderPart, Inclusion, Receipt
from chalicelib.proof.statement import parse_statement, sign_statement
from chalicelib.proof.tlogproof import TlogProof

ORIGIN = "tally.test/log"
ISSUER = "did:web:cambrian.example"
NOTARY = "did:web:notary.example"
SUB = "urn:uuid:0f1e2d3c-4b5a-4678-9a0b-1c2d3e4f5a6b"
SALT = bytes(range(32))
REGISTERED_MS = 1_790_000_000_000
AT_MS = 1_800_000_000_000
DOCUMENT = '{"name":"Siân 𠮷","validUntil":"2030-01-01T00:00:00Z"}'.encode()


def key_of(seed: int) -> SigningKey:
    """A test key: its private part is a repeated byte, so nobody can mistake it for a real one."""
    from base64 import urlsafe_b64encode

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
    text = [
        urlsafe_b64encode(raw).rstrip(b"=").decode()
        for raw in (private.public_key().public_bytes_raw(), private.private_bytes_raw())
    ]
    return parse_private_jwk({"kty": "OKP", "crv": "Ed25519", "x": text[0], "d": text[1]})


LOG, ISSUER_KEY, NOTARY_KEY, WITNESS, STRANGER = (key_of(seed) for seed in range(1, 6))


def raw_public(key: SigningKey) -> bytes:
    return key.public.x


def log_vkey() -> VerifierKey:
    return ed25519_vkey(ORIGIN, raw_public(LOG))


def witness_vkey() -> VerifierKey:
    return cosignature_vkey("witness.example", raw_public(WITNESS))


@dataclass(frozen=True)
class World:
    """``size`` entries before ours, in one block; change what a test is about."""

    document: bytes = DOCUMENT
    canonicalization: Canonicalization = "jcs"
    issuer_key: SigningKey = ISSUER_KEY
    payload: Payload | None = None
    iss: str = ISSUER
    height: int = 7
    timestamp_ms: int = REGISTERED_MS
    before: int = 5
    after: int = 3
    seed: bytes = b"other"

    @cached_property
    def digests(self) -> Digests:
        return digest_document(self.document, self.canonicalization)

    @cached_property
    def entry(self) -> bytes:
        sha, sm3 = commit(SALT, self.digests)
        payload = self.payload or Register("education/diploma", self.canonicalization, sha, sm3)
        return sign_statement(payload, self.iss, SUB, self.timestamp_ms // 1000, self.issuer_key)

    def inclusion(self, *, grown: int = 0, attestations: tuple[Attestation, ...] = ()) -> Inclusion:
        """The entry's place in its block, or in the block ``grown`` blocks later."""
        leaves = [leaf_hash(b"%b %d" % (self.seed, i)) for i in range(self.before)]
        leaves.append(leaf_hash(self.entry))
        leaves += [leaf_hash(b"later %d" % i) for i in range(self.after + grown)]
        block = Block(
            origin=ORIGIN,
            height=self.height + grown,
            previous=leaf_hash(b"previous"),
            size=len(leaves),
            root=root_of(leaves),
            timestamp_ms=self.timestamp_ms + grown * 1000,
        )
        checkpoint = Checkpoint(ORIGIN, block.size, block.root)
        text = format_checkpoint_text(checkpoint)
        line = NoteSignature(ORIGIN, log_vkey().key_id, LOG.sign(text))
        proof = TlogProof(self.before, prove_inclusion(leaves, self.before), Note(text, (line,)))
        signature = LOG.sign(block_to_be_signed(block, LOG.public.kid))
        return Inclusion(proof, checkpoint, block, signature, attestations)

    def receipt(self, *, grown: int = 0, holder: bool = True) -> Receipt:
        digests = self.digests
        part = HolderPart(digests.canonicalization, SALT, digests.sha256, digests.sm3)
        return Receipt(
            statement=parse_statement(self.entry),
            registered=self.inclusion(),
            document=part if holder else None,
            attested=self.inclusion(grown=grown) if grown else None,
        )

    def evidence(self) -> Evidence:
        """This world's document as a public document of the notary, with its statement."""
        return Evidence(self.document, parse_statement(self.entry), self.inclusion())


def cosigned(
    inclusion: Inclusion,
    *,
    key: SigningKey = WITNESS,
    name: str = "witness.example",
    spoil: bool = False,
) -> Inclusion:
    """The inclusion with a witness's line under its checkpoint."""
    note = inclusion.proof.checkpoint_note
    signature = key.sign(cosignature_message(note.text, 1_790_000_100))
    if spoil:
        signature = bytes([signature[0] ^ 1]) + signature[1:]
    vkey = cosignature_vkey(name, raw_public(key))
    line = NoteSignature(
        vkey.name, vkey.key_id, format_cosignature(Cosignature(1_790_000_100, signature))
    )
    note = note._replace(signatures=(*note.signatures, line))
    return replace(inclusion, proof=replace(inclusion.proof, checkpoint_note=note))


def policy_value(**changes: Any) -> dict[str, Any]:
    def issuer(id_: str, key: SigningKey, **more: Any) -> dict[str, Any]:
        jwk = format_jwk(key.public)
        return {
            "id": id_,
            "names": {"en": f"The {id_}", "zh": "寒武纪大学"},
            "keys": [{"kid": key.public.kid.hex(), "jwk": jwk, "from_ms": 1_700_000_000_000}],
            **more,
        }

    return {
        "v": 1,
        "tlog": f"log {format_vkey(log_vkey())}\nquorum none\n",
        "issuers": [issuer(ISSUER, ISSUER_KEY), issuer(NOTARY, NOTARY_KEY, notary=True)],
        "chains": {},
        "tsa": [],
        **changes,
    }


def policy(**changes: Any) -> Policy:
    return parse_policy(json.dumps(policy_value(**changes)).encode())


def witnessed_tlog() -> str:
    log, witness = format_vkey(log_vkey()), format_vkey(witness_vkey())
    return f"log {log}\nwitness W {witness}\nquorum W\n"


def some_hash(text: str) -> Hash:
    return leaf_hash(text.encode())
