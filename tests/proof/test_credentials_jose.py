"""Compact JWS: two algorithms, the caller's key, one spelling; checked against PyJWT."""

from __future__ import annotations

import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.proof.credentials.jose import (
    ALGORITHMS,
    JwsTooLong,
    UnknownAlgorithm,
    parse_jws,
    parse_payload,
    sign_jws,
    verify_jws,
)
from chalicelib.proof.credentials.multibase import (
    MalformedBase58,
    MalformedBase64Url,
    MalformedMultikey,
    did_key_method,
    format_base58,
    format_base64url,
    format_multikey,
    parse_base58,
    parse_base64url,
    parse_did_key_method,
    parse_multikey,
)
from chalicelib.proof.errors import CannotTell, Invalid, Malformed, ProofError
from chalicelib.proof.keys import UnknownKeyType, WeakKey, WrongSignature, format_jwk
from chalicelib.proof.limits import JWS_BYTES, MULTIKEY_CHARACTERS

from .credentials_samples import ISSUER_KEY, P256_KEY, STRANGER_KEY
from .vectors import load_vectors

KEYS = pytest.mark.parametrize("key", [ISSUER_KEY, P256_KEY], ids=["EdDSA", "ES256"])
CLAIMS = {"iss": "did:web:registry.example.edu", "name": "歐陽"}


class TestAgainstPyJwt:
    @KEYS
    def test_pyjwt_accepts_ours(self, key: Any) -> None:
        token = sign_jws(json.dumps(CLAIMS).encode(), key, typ="JWT", kid="1")
        public = jwt.PyJWK(format_jwk(key.public)).key
        assert jwt.decode(token, public, algorithms=list(ALGORITHMS)) == CLAIMS
        assert jwt.get_unverified_header(token)["kid"] == "1"
        header, _, signature = token.split(".")
        altered = f"{header}.{format_base64url(b'{}')}.{signature}"
        with pytest.raises(jwt.InvalidSignatureError):
            jwt.decode(altered, public, algorithms=list(ALGORITHMS))

    @KEYS
    def test_we_accept_theirs(self, key: Any) -> None:
        name = {-8: "EdDSA", -7: "ES256"}[key.public.alg]
        jws = parse_jws(jwt.encode(CLAIMS, key._key, algorithm=name, headers={"kid": "1"}))
        assert (jws.alg, jws.kid, jws.typ) == (name, "1", "JWT")
        assert parse_payload(verify_jws(jws, key.public)) == CLAIMS
        with pytest.raises(Invalid):
            verify_jws(jws, STRANGER_KEY.public)

    def test_the_high_s_of_other_libraries_is_accepted(self) -> None:
        # One of two signatures has it: all of these twenty are accepted.
        for number in range(20):
            token = jwt.encode({"n": number}, P256_KEY._key, algorithm="ES256")
            assert parse_payload(verify_jws(parse_jws(token), P256_KEY.public)) == {"n": number}

    def test_an_algorithm_of_theirs_that_is_not_ours_is_left_open(self) -> None:
        token = jwt.encode(CLAIMS, ec.generate_private_key(ec.SECP384R1()), algorithm="ES384")
        with pytest.raises(UnknownAlgorithm):
            verify_jws(parse_jws(token), P256_KEY.public)


class TestBytes:
    def test_a_jws_of_more_than_the_limit_is_refused_unread(self) -> None:
        with pytest.raises(JwsTooLong):
            parse_jws("." * (JWS_BYTES + 1))

    @given(st.text())
    def test_any_text_is_a_jws_or_malformed(self, text: str) -> None:
        with pytest.raises(Malformed):
            parse_jws(text)

    @given(st.sampled_from([b'{"alg":"EdDSA"}', b'{"alg":"ES256"}', b"{}"]), st.binary())
    def test_any_signature_is_verified_by_nobody(self, header: bytes, signature: bytes) -> None:
        text = ".".join(map(format_base64url, (header, b"{}", signature)))
        for key in (ISSUER_KEY.public, P256_KEY.public):
            with pytest.raises(ProofError):
                verify_jws(parse_jws(text), key)

    @KEYS
    @given(st.data())
    def test_no_character_can_be_changed(self, key: Any, data: st.DataObject) -> None:
        jws = sign_jws(b"{}", key)
        at = data.draw(st.integers(0, len(jws) - 1))
        character = data.draw(st.sampled_from("AZaz09-_.=~"))
        if jws[at] != character:
            with pytest.raises((Malformed, Invalid, CannotTell)):
                verify_jws(parse_jws(jws[:at] + character + jws[at + 1 :]), key.public)

    @KEYS
    def test_signing_again_gives_the_same_bytes(self, key: Any) -> None:
        assert sign_jws(b"{}", key) == sign_jws(b"{}", key)
        assert json.loads(parse_base64url(sign_jws(b"{}", key).partition(".")[0])).keys() == {"alg"}


class TestMultibase:
    @given(st.binary(max_size=40))
    def test_round_trips(self, data: bytes) -> None:
        assert parse_base64url(format_base64url(data)) == data
        assert parse_base58(format_base58(data), 64) == data

    @given(st.text("12zZ0OIl é", max_size=8) | st.text("AQg-_+/= \n", max_size=8))
    def test_what_is_read_has_one_spelling(self, text: str) -> None:
        for parse, form in (
            (parse_base64url, format_base64url),
            (lambda text: parse_base58(text, 64), format_base58),
        ):
            try:
                data = parse(text)
            except (MalformedBase64Url, MalformedBase58):
                continue
            assert form(data) == text

    def test_the_alphabet_of_bitcoin(self) -> None:
        # draft-msporny-base58 §5
        assert format_base58(b"Hello World!") == "2NEpo7TZRRrLZSi2U"
        assert parse_base58("11233QC4", 64) == bytes.fromhex("0000287fb4cd")


class TestMultikey:
    def test_of_the_w3c_vector(self) -> None:
        vector = load_vectors("credentials-data-integrity")["w3c-eddsa-jcs-2022"]
        key = parse_multikey(vector["publicKeyMultibase"])
        assert format_jwk(key) == vector["jwk"]
        assert format_multikey(key) == vector["publicKeyMultibase"]
        method = vector["document"]["proof"]["verificationMethod"]
        assert did_key_method(key) == method
        assert parse_did_key_method(method) == key

    def test_a_p256_key_has_none_here(self) -> None:
        with pytest.raises(UnknownKeyType):
            format_multikey(P256_KEY.public)

    @pytest.mark.parametrize(
        ("text", "error"),
        {
            "": MalformedMultikey,
            "6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2": MalformedMultikey,
            "zDnaerDaTF5BXEavCrfRZEk316dpbLsfPDZ3WJ5hRTPFU2169": UnknownKeyType,
            "z6LSbysY2xFMRpGMhb7tFTLMpeuPRaqaWM1yECx2AtzE3KCc": UnknownKeyType,
            "z" + format_base58(b"\xed\x01" + bytes(32)): WeakKey,
            "z" + format_base58(b"\xed\x01" + bytes(31)): Malformed,
            "z0": MalformedBase58,
            "z" + "6" * (MULTIKEY_CHARACTERS + 1): MalformedBase58,
        }.items(),
    )
    def test_refuses(self, text: str, error: type[Exception]) -> None:
        with pytest.raises(error):
            parse_multikey(text)

    @pytest.mark.parametrize(
        "method",
        ["did:key:K", "did:key:K#K2", "did:web:K#K", "K#K", "did:key:K#K#K", "did:key:#"],
    )
    def test_a_did_key_names_its_key_twice(self, method: str) -> None:
        multikey = format_multikey(ISSUER_KEY.public)
        with pytest.raises(MalformedMultikey):
            parse_did_key_method(method.replace("K", multikey))


def test_the_signature_is_over_the_text_before_it() -> None:
    jws = sign_jws(b"{}", ISSUER_KEY)
    with pytest.raises(WrongSignature):
        ISSUER_KEY.public.verify(parse_jws(jws).signature, jws.encode())
