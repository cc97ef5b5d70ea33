"""Statements: read exactly, signed once, and the same to software that we did not write."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycose.algorithms import EdDSA, Es256
from pycose.headers import KID, Algorithm, ContentType
from pycose.keys.curves import P256, Ed25519
from pycose.keys.ec2 import EC2Key
from pycose.keys.okp import OKPKey
from pycose.messages.sign1message import Sign1Message

from chalicelib.proof.block import Link, format_link
from chalicelib.proof.cbor import CborKey, encode
from chalicelib.proof.errors import Invalid, Malformed
from chalicelib.proof.hashes import Hash, leaf_hash, sha256, sm3
from chalicelib.proof.keys import EDDSA, ES256, SigningKey, format_private_jwk, parse_jwk
from chalicelib.proof.limits import ENTRY_BYTES, INTEGER
from chalicelib.proof.payload import format_payload, read_payload
from chalicelib.proof.statement import (
    CONTENT_TYPE,
    KINDS,
    REASONS,
    STATUS_KINDS,
    IssuerNotice,
    Payload,
    Register,
    SignedStatement,
    Statement,
    StatusChange,
    StatusListNotice,
    Supersede,
    entry_id,
    parse_entry,
    parse_statement,
    sign_statement,
    verify_statement,
)

from .vectors import load_vectors

VECTORS = load_vectors("statement")
ISS = "did:web:registrar.example"
SUB = "urn:uuid:7f3f4c2e-8e1b-4b44-9d6e-0a4f0c7f0a11"
IAT = 1_763_935_200
REGISTER = Register("education/diploma", "raw", sha256(b"a"), sm3(b"b"))
KEYS = {alg: SigningKey.generate(alg) for alg in (EDDSA, ES256)}
ALGS = pytest.mark.parametrize("alg", KEYS)

HASHES = st.binary(min_size=32, max_size=32).map(Hash)
PROFILES = st.from_regex(r"[a-z0-9-]{1,20}(/[a-z0-9-]{1,20}){0,3}", fullmatch=True)
SECONDS = st.integers(0, INTEGER)
DIDS = st.from_regex(
    r"did:web:[a-z0-9]{1,9}(\.[a-z0-9]{1,9}){0,2}(:[a-z0-9]{1,9})?", fullmatch=True
)
CANONICALIZATION = st.sampled_from(["raw", "jcs"])
PAYLOADS: st.SearchStrategy[Payload] = st.one_of(
    st.builds(Register, PROFILES, CANONICALIZATION, HASHES, HASHES),
    st.builds(Supersede, PROFILES, CANONICALIZATION, HASHES, HASHES, HASHES),
    st.builds(
        StatusChange, st.sampled_from(STATUS_KINDS), HASHES, st.sampled_from(REASONS), SECONDS
    ),
    st.builds(IssuerNotice, DIDS, HASHES),
    st.builds(StatusListNotice, st.just("https://notary.example/status/1"), HASHES),
)
ENTRIES = st.builds(
    sign_statement,
    payload=PAYLOADS,
    iss=DIDS,
    sub=st.uuids(version=4).map(lambda uuid: uuid.urn),
    iat=SECONDS,
    key=st.sampled_from(list(KEYS.values())),
)


def sign(payload: Payload = REGISTER, alg: int = EDDSA) -> bytes:
    return sign_statement(payload, ISS, SUB, IAT, KEYS[alg])


def members_of(payload: Payload) -> dict[CborKey, Any]:
    """The payload's map as the design writes it, built apart from the code under test."""
    match payload:
        case Register() | Supersede():
            target: dict[CborKey, Any] = {}
            if isinstance(payload, Supersede):
                target["target"] = payload.target
            return {
                "kind": "supersede" if target else "register",
                "profile": payload.profile,
                "canonicalization": payload.canonicalization,
                "sha-256": payload.sha256,
                "sm3": payload.sm3,
                **target,
            }
        case StatusChange():
            return {
                "kind": payload.kind,
                "target": payload.target,
                "reason": payload.reason,
                "effective": payload.effective,
            }
        case IssuerNotice():
            return {"kind": "issuer", "issuer": payload.issuer, "sha-256": payload.sha256}
        case StatusListNotice():
            return {"kind": "status-list", "list": payload.list, "sha-256": payload.sha256}


class TestVectors:
    @pytest.mark.parametrize("name", [n for n, v in VECTORS.items() if "error" not in v])
    def test_reads_verifies_and_has_the_payload(self, name: str) -> None:
        vector = VECTORS[name]
        signed = parse_statement(bytes.fromhex(vector["entry"]))
        statement = verify_statement(signed, parse_jwk(vector["jwk"]))
        members = members_of(statement.payload)
        assert vector["payload"] == {
            key: value.hex() if isinstance(value, bytes) else value
            for key, value in members.items()
        }

    @pytest.mark.parametrize("name", [n for n, v in VECTORS.items() if "error" in v])
    def test_refuses_by_name(self, name: str) -> None:
        vector = VECTORS[name]
        entry = bytes.fromhex(vector["entry"])
        if "jwk" not in vector:
            with pytest.raises(Malformed) as malformed:
                parse_statement(entry)
            assert type(malformed.value).__name__ == vector["error"]
        else:
            signed = parse_statement(entry)
            with pytest.raises(Invalid) as invalid:
                verify_statement(signed, parse_jwk(vector["jwk"]))
            assert type(invalid.value).__name__ == vector["error"]

    def test_every_kind_and_reason_has_a_good_vector(self) -> None:
        payloads = [v["payload"] for v in VECTORS.values() if "payload" in v]
        assert {p["kind"] for p in payloads} == set(KINDS)
        assert {p["reason"] for p in payloads if "reason" in p} == set(REASONS)


class TestForm:
    @given(PAYLOADS)
    def test_a_payload_is_the_deterministic_encoding_of_its_map(self, payload: Payload) -> None:
        data = format_payload(payload)
        assert data == encode(members_of(payload))
        assert read_payload(data) == payload

    @ALGS
    def test_an_entry_is_a_cose_sign1_with_exactly_the_designed_header(self, alg: int) -> None:
        entry = sign(alg=alg)
        tag = cbor2.loads(entry)
        protected, unprotected, payload, signature = tag.value
        assert (tag.tag, dict(unprotected), len(signature)) == (18, {}, 64)
        assert cbor2.loads(payload) == members_of(REGISTER)
        assert cbor2.loads(protected) == {
            1: alg,
            3: CONTENT_TYPE,
            4: KEYS[alg].public.kid,
            15: {1: ISS, 2: SUB, 6: IAT},
        }

    @given(ENTRIES)
    def test_round_trip(self, entry: bytes) -> None:
        signed = parse_statement(entry)
        statement = signed.statement
        key = KEYS[statement.alg]
        assert verify_statement(signed, key.public) is statement
        again = sign_statement(statement.payload, statement.iss, statement.sub, statement.iat, key)
        assert again == entry

    def test_the_entry_id_is_the_leaf_hash(self) -> None:
        entry = sign()
        assert entry_id(entry) == leaf_hash(entry) == parse_statement(entry).entry_id

    def test_an_entry_of_4000_bytes_is_the_longest(self) -> None:
        room = ENTRY_BYTES - len(sign(Register("a", "raw", sha256(b""), sm3(b""))))
        longest = sign(Register("a" * (room - 2), "raw", sha256(b""), sm3(b"")))
        assert len(longest) == ENTRY_BYTES
        assert parse_statement(longest).entry == longest
        with pytest.raises(Malformed, match="at most 4000 bytes"):
            sign(Register("a" * (room - 1), "raw", sha256(b""), sm3(b"")))


class TestSigning:
    @pytest.mark.parametrize(
        ("payload", "error"),
        [
            (Register("Diploma", "raw", sha256(b""), sm3(b"")), "MalformedProfile"),
            (StatusChange("erase", sha256(b""), "other", 0), "UnknownKind"),
            (StatusChange("revoke", sha256(b""), "theft", 0), "UnknownReason"),
            (StatusChange("revoke", sha256(b""), "other", -1), "TimeOutOfRange"),
            (IssuerNotice("registrar.example", sha256(b"")), "MalformedDid"),
            (StatusListNotice("http://a.example/", sha256(b"")), "MalformedUrl"),
        ],
    )
    def test_refuses_to_state_what_parsing_would_refuse(self, payload: Payload, error: str) -> None:
        with pytest.raises(Malformed) as caught:
            sign(payload)
        assert type(caught.value).__name__ == error

    @pytest.mark.parametrize(
        ("iss", "sub", "iat"), [("registrar", SUB, IAT), (ISS, "urn:uuid:", IAT), (ISS, SUB, -1)]
    )
    def test_refuses_claims_that_parsing_would_refuse(self, iss: str, sub: str, iat: int) -> None:
        with pytest.raises(Malformed):
            sign_statement(REGISTER, iss, sub, iat, KEYS[EDDSA])


class TestAgainstPycose:
    @ALGS
    def test_pycose_verifies_what_we_sign(self, alg: int) -> None:
        protected, _, payload, signature = cbor2.loads(sign(alg=alg)).value
        message = Sign1Message.from_cose_obj([protected, {}, payload, signature], True)
        message.key = pycose_key(alg)
        assert message.verify_signature()
        message.payload = b"another"
        assert not message.verify_signature()

    @ALGS
    def test_we_accept_what_pycose_signs(self, alg: int) -> None:
        for iat in range(IAT, IAT + 64):  # pycose signs ES256 with high s every other time
            message = Sign1Message(
                phdr={
                    Algorithm: EdDSA if alg == EDDSA else Es256,
                    ContentType: CONTENT_TYPE,
                    KID: bytes(KEYS[alg].public.kid),
                    15: {1: ISS, 2: SUB, 6: iat},
                },
                payload=encode(members_of(REGISTER)),
                key=pycose_key(alg),
            )
            signed = parse_statement(message.encode())
            if alg == EDDSA or signed.signature[32] < 0x7F:
                break
        assert verify_statement(signed, KEYS[alg].public).payload == REGISTER


def pycose_key(alg: int) -> EC2Key | OKPKey:
    public = KEYS[alg].public
    d = urlsafe_b64decode(format_private_jwk(KEYS[alg])["d"] + "=")
    if alg == EDDSA:
        return OKPKey(crv=Ed25519, x=public.x, d=d)
    return EC2Key(crv=P256, x=public.x, y=public.y, d=d)


def parse_and_verify(entry: bytes) -> Statement:
    signed = parse_statement(entry)
    return verify_statement(signed, KEYS[signed.statement.alg].public)


class TestHostileBytes:
    @given(st.binary(max_size=300))
    def test_random_bytes_are_malformed(self, data: bytes) -> None:
        for entry in (data, b"\xd2\x84" + data):
            with pytest.raises(Malformed):
                parse_statement(entry)

    @given(ENTRIES, st.data())
    def test_a_mutated_entry_is_malformed_or_does_not_verify(
        self, entry: bytes, data: st.DataObject
    ) -> None:
        at = data.draw(st.integers(0, len(entry) - 1))
        until = data.draw(st.integers(at, len(entry)))
        inserted = data.draw(st.sampled_from([b"", entry[at:until] * 2]) | st.binary(max_size=3))
        bad = entry[:at] + inserted + entry[until:]
        if bad == entry:
            return
        with pytest.raises((Malformed, Invalid)):
            parse_and_verify(bad)

    @given(ENTRIES, st.data())
    def test_a_flipped_bit_is_malformed_or_does_not_verify(
        self, entry: bytes, data: st.DataObject
    ) -> None:
        bit = data.draw(st.integers(0, 8 * len(entry) - 1))
        bad = bytearray(entry)
        bad[bit // 8] ^= 1 << bit % 8
        with pytest.raises((Malformed, Invalid)):
            parse_and_verify(bytes(bad))


class TestEntry:
    def test_an_entry_is_a_statement_or_a_link(self) -> None:
        link = Link(1, sha256(b""), 0)
        assert parse_entry(format_link(link)) == link
        assert isinstance(parse_entry(sign()), SignedStatement)

    @given(st.binary(max_size=10))
    def test_and_nothing_else(self, data: bytes) -> None:
        for entry in (data, b"\x84" + data):
            with pytest.raises(Malformed):
                parse_entry(entry)
