"""Keys: Ed25519 and P-256, read exactly, named by thumbprint, with one signature for a message."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from dataclasses import replace
from hashlib import sha256
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.proof.errors import Malformed
from chalicelib.proof.keys import (
    EDDSA,
    ES256,
    MalformedKey,
    SigningKey,
    UnknownKeyType,
    WrongSignature,
    cose_key,
    ed25519_key,
    format_jwk,
    format_private_jwk,
    p256_key,
    parse_jwk,
    parse_private_jwk,
    parse_spki,
    raw_signature,
)

from .vectors import load_vectors

VECTORS = load_vectors("keys")
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
ALGS = pytest.mark.parametrize("alg", [EDDSA, ES256])
SPKI = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.sampled_from(["kty", "crv", "x", "y", "d"]),
            inner | st.sampled_from(["OKP", "EC", "P-256", "Ed25519", "A" * 43, "_" * 43]),
        )
    ),
    max_leaves=6,
)


class TestJwk:
    @pytest.mark.parametrize("name", [n for n, v in VECTORS.items() if "kid" in v])
    def test_reads_the_key_and_its_thumbprint(self, name: str) -> None:
        key = parse_jwk(VECTORS[name]["jwk"])
        assert key.kid.hex() == VECTORS[name]["kid"]
        assert format_jwk(key) == VECTORS[name]["jwk"]

    @pytest.mark.parametrize("name", [n for n, v in VECTORS.items() if "error" in v])
    def test_refuses_by_name(self, name: str) -> None:
        with pytest.raises(MalformedKey) as caught:
            parse_jwk(VECTORS[name]["jwk"])
        assert type(caught.value).__name__ == VECTORS[name]["error"]

    @ALGS
    def test_a_member_name_that_is_no_string_is_refused(self, alg: int) -> None:
        with pytest.raises(MalformedKey):
            parse_jwk(dict[object, str](format_jwk(SigningKey.generate(alg).public)) | {1: "a"})

    @given(JSON)
    def test_any_json_is_a_key_or_malformed(self, value: Any) -> None:
        for parse in (parse_jwk, parse_private_jwk):
            try:
                parse(value)
            except MalformedKey:
                continue

    @ALGS
    def test_equal_keys_are_equal_and_hide_nothing_private(self, alg: int) -> None:
        key = SigningKey.generate(alg)
        assert parse_jwk(format_jwk(key.public)) == key.public
        assert format_private_jwk(key)["d"] not in repr(key)


class TestRawKeys:
    @pytest.mark.parametrize("size", [0, 31, 33])
    def test_an_ed25519_key_of_another_size_is_refused(self, size: int) -> None:
        with pytest.raises(MalformedKey):
            ed25519_key(bytes(size))

    @pytest.mark.parametrize(("x", "y"), [(31, 32), (32, 33)])
    def test_p256_coordinates_of_another_size_are_refused(self, x: int, y: int) -> None:
        with pytest.raises(MalformedKey):
            p256_key(bytes(x), bytes(y))

    def test_the_library_takes_a_forgery_under_a_small_order_key_so_we_refuse_the_key(self) -> None:
        identity = b"\x01" + bytes(31)
        Ed25519PublicKey.from_public_bytes(identity).verify(identity + bytes(32), b"any message")
        with pytest.raises(MalformedKey):
            ed25519_key(identity)

    @pytest.mark.parametrize("name", ["ed25519-order-8", "ed25519-order-8-negated"])
    def test_the_points_of_order_8_double_to_the_points_with_y_0(self, name: str) -> None:
        prime = 2**255 - 19
        d = -121665 * pow(121666, -1, prime)
        y = int.from_bytes(urlsafe_b64decode(VECTORS[name]["jwk"]["x"] + "="), "little")
        assert (d * y**4 + 2 * y**2 - 1) % prime == 0

    def test_nothing_verifies_under_a_point_off_the_curve(self) -> None:
        key = ed25519_key(b"\x02" + bytes(31))
        with pytest.raises(WrongSignature):
            key.verify(bytes(64), b"")


class TestSpki:
    @ALGS
    def test_reads_what_key_services_return(self, alg: int) -> None:
        key = SigningKey.generate(alg)
        assert parse_spki(key._key.public_key().public_bytes(*SPKI)) == key.public

    @pytest.mark.parametrize(
        "private",
        [ec.generate_private_key(ec.SECP256K1()), x25519.X25519PrivateKey.generate()],
        ids=["secp256k1", "x25519"],
    )
    def test_refuses_another_kind_of_key(self, private: Any) -> None:
        with pytest.raises(UnknownKeyType):
            parse_spki(private.public_key().public_bytes(*SPKI))

    @given(st.binary(max_size=100))
    def test_refuses_other_bytes(self, data: bytes) -> None:
        with pytest.raises(MalformedKey):
            parse_spki(data)


class TestCoseKey:
    @ALGS
    def test_the_thumbprint_covers_the_required_members_alone(self, alg: int) -> None:
        key = SigningKey.generate(alg).public
        members = cose_key(key)
        assert members.pop(2) == key.kid
        assert members.pop(3) == alg
        in_order = dict(sorted(members.items(), key=lambda member: cbor2.dumps(member[0])))
        assert sha256(cbor2.dumps(in_order)).digest() == key.kid


class TestSignatures:
    @ALGS
    @given(message=st.binary(max_size=100))
    def test_a_signature_verifies_and_is_the_same_every_time(
        self, alg: int, message: bytes
    ) -> None:
        key = SigningKey.generate(alg)
        signature = key.sign(message)
        key.public.verify(signature, message)
        assert key.sign(message) == signature

    @ALGS
    @given(data=st.data())
    def test_any_flipped_bit_is_refused(self, alg: int, data: st.DataObject) -> None:
        key = SigningKey.generate(alg)
        signature = bytearray(key.sign(b"message"))
        bit = data.draw(st.integers(0, 511))
        signature[bit // 8] ^= 1 << bit % 8
        with pytest.raises(WrongSignature):
            key.public.verify(bytes(signature), b"message")

    @ALGS
    @pytest.mark.parametrize("size", [0, 63, 65])
    def test_a_signature_has_64_bytes(self, alg: int, size: int) -> None:
        with pytest.raises(WrongSignature):
            SigningKey.generate(alg).public.verify(bytes(size), b"")

    @ALGS
    def test_zeros_and_ones_are_no_signature(self, alg: int) -> None:
        for signature in (bytes(64), b"\xff" * 64, bytes(63) + b"\x01"):
            with pytest.raises(WrongSignature):
                SigningKey.generate(alg).public.verify(signature, b"")

    def test_the_high_s_that_ecdsa_would_take_is_refused(self) -> None:
        key = SigningKey.generate(ES256)
        low = key.sign(b"message")
        r, s = int.from_bytes(low[:32], "big"), int.from_bytes(low[32:], "big")
        assert isinstance(key._key, ec.EllipticCurvePrivateKey)
        high = P256_ORDER - s
        der = encode_dss_signature(r, high)
        key._key.public_key().verify(der, b"message", ec.ECDSA(SHA256()))
        with pytest.raises(WrongSignature, match="malleable"):
            key.public.verify(low[:32] + high.to_bytes(32, "big"), b"message")
        assert raw_signature(der) == low

    def test_another_key_refuses(self) -> None:
        with pytest.raises(WrongSignature):
            SigningKey.generate().public.verify(SigningKey.generate().sign(b"m"), b"m")


class TestPrivateJwk:
    @ALGS
    def test_round_trip(self, alg: int) -> None:
        key = SigningKey.generate(alg)
        back = parse_private_jwk(format_private_jwk(key))
        assert back.public == key.public
        back.public.verify(back.sign(b"m"), b"m")

    @ALGS
    def test_d_of_another_key_is_refused(self, alg: int) -> None:
        jwk = format_private_jwk(SigningKey.generate(alg))
        other = format_private_jwk(SigningKey.generate(alg))
        with pytest.raises(MalformedKey, match="private half"):
            parse_private_jwk({**jwk, "d": other["d"]})

    @pytest.mark.parametrize("d", ["A" * 43, "_" * 42 + "8"], ids=["zero", "above-the-order"])
    def test_d_outside_the_order_is_refused(self, d: str) -> None:
        with pytest.raises(MalformedKey, match="P-256"):
            parse_private_jwk({**format_private_jwk(SigningKey.generate(ES256)), "d": d})

    def test_a_public_jwk_is_refused(self) -> None:
        with pytest.raises(MalformedKey):
            parse_private_jwk(format_jwk(SigningKey.generate().public))

    def test_only_two_algorithms_are_generated(self) -> None:
        with pytest.raises(UnknownKeyType):
            SigningKey.generate(-35)


def test_errors_are_malformed_and_the_kid_is_part_of_equality() -> None:
    assert issubclass(MalformedKey, Malformed)
    key = SigningKey.generate().public
    assert replace(key, kid=SigningKey.generate().public.kid) != key
