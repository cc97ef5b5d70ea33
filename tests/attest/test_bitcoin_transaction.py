"""Our Bitcoin transactions, as python-bitcoinlib reads, hashes and addresses them."""

from __future__ import annotations

from typing import Any

import pytest
from bitcoin.core import CTransaction, CTxInWitness, b2lx, lx  # type: ignore[import-untyped]
from bitcoin.core.script import (  # type: ignore[import-untyped]
    OP_CHECKSIG,
    OP_DUP,
    OP_EQUALVERIFY,
    OP_HASH160,
    SIGHASH_ALL,
    SIGVERSION_WITNESS_V0,
    CScript,
    SignatureHash,
)
from bitcoin.wallet import P2WPKHBitcoinAddress  # type: ignore[import-untyped]
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.adapters.bitcoin.transaction import (
    CHANGE,
    STRIPPED_BYTES,
    VBYTES,
    Outpoint,
    Payment,
    compress,
    format_outpoint,
    hash160,
    p2wpkh_script,
    parse_outpoint,
    payment_digest,
    segwit_address,
    sign_payment,
    strip_witness,
    txid_of,
)
from chalicelib.adapters.secp256k1 import ORDER
from chalicelib.proof.errors import Malformed
from chalicelib.proof.hashes import Hash, sha256

from .bitcoin_peers import signer_of

HASHES = st.binary(min_size=32, max_size=32).map(Hash)
SATS = st.integers(0, 21_000_000 * 100_000_000)
PAYMENTS = st.builds(
    Payment,
    st.builds(Outpoint, HASHES.map(Hash.hex), st.integers(0, (1 << 32) - 1)),
    SATS,
    HASHES,
    SATS,
)
NAMES = st.sampled_from("abcdefgh")


def reference_digest(transaction: Any, payment: Payment, public: bytes) -> bytes:
    script = CScript([OP_DUP, OP_HASH160, hash160(public), OP_EQUALVERIFY, OP_CHECKSIG])
    digest: bytes = SignatureHash(
        script, transaction, 0, SIGHASH_ALL, payment.sats, SIGVERSION_WITNESS_V0
    )
    return digest


@settings(deadline=None, max_examples=1_000)
@given(PAYMENTS, NAMES)
def test_what_is_signed_is_what_the_reference_hashes(payment: Payment, name: str) -> None:
    signer = signer_of(name)
    public = compress(signer.public)
    raw = sign_payment(payment, signer)
    transaction = CTransaction.deserialize(raw)
    digest = reference_digest(transaction, payment, public)
    assert payment_digest(payment, public) == digest
    signature, held = CTxInWitness.deserialize(raw[STRIPPED_BYTES - 2 : -4]).scriptWitness.stack
    assert held == public
    assert signature[-1] == SIGHASH_ALL
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256K1(), public)
    key.verify(signature[:-1], digest, ec.ECDSA(Prehashed(hashes.SHA256())))
    assert decode_dss_signature(signature[:-1])[1] <= ORDER // 2


@settings(deadline=None)
@given(PAYMENTS, NAMES)
def test_a_transaction_is_read_as_it_was_meant(payment: Payment, name: str) -> None:
    signer = signer_of(name)
    raw = sign_payment(payment, signer)
    transaction = CTransaction.deserialize(raw)
    assert transaction.serialize() == raw
    (spent,) = transaction.vin
    assert (b2lx(spent.prevout.hash), spent.prevout.n) == payment.coin
    assert spent.nSequence < 0xFFFFFFFE  # replaceable: BIP 125
    assert (transaction.nVersion, transaction.nLockTime) == (2, 0)
    kept, change = transaction.vout
    assert (kept.nValue, kept.scriptPubKey) == (0, b"\x6a\x20" + payment.commitment)
    assert transaction.vout[CHANGE] == change
    assert (change.nValue, change.scriptPubKey) == (
        payment.change_sats,
        p2wpkh_script(signer.public),
    )


@settings(deadline=None)
@given(PAYMENTS, NAMES)
def test_its_id_leaves_the_witness_out_and_its_size_is_always_the_same(
    payment: Payment, name: str
) -> None:
    raw = sign_payment(payment, signer_of(name))
    transaction = CTransaction.deserialize(raw)
    stripped = transaction.serialize({"include_witness": False})
    assert strip_witness(raw) == stripped
    assert len(stripped) == STRIPPED_BYTES != 64
    assert txid_of(raw) == b2lx(transaction.GetTxid())
    assert transaction.calc_weight() <= 4 * VBYTES


@pytest.mark.parametrize(
    ("prefix", "script", "address"),
    [
        (
            "bc",
            "0014751e76e8199196d454941c45d1b3a323f1433bd6",
            "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
        ),
        (
            "tb",
            "00201863143c14c5166804bd19203356da136c985678cd4d27a1b8c6329604903262",
            "tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3q0sl5k7",
        ),
    ],
)
def test_an_address_is_that_of_bip_173(prefix: str, script: str, address: str) -> None:
    assert segwit_address(prefix, bytes.fromhex(script)) == address


@given(NAMES)
def test_an_address_is_that_of_the_reference(name: str) -> None:
    script = p2wpkh_script(signer_of(name).public)
    reference = P2WPKHBitcoinAddress.from_scriptPubKey(CScript(script))
    assert segwit_address("bc", script) == str(reference)


@given(NAMES)
def test_a_point_is_compressed_by_the_parity_of_y(name: str) -> None:
    public = signer_of(name).public
    compressed = compress(public)
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256K1(), compressed)
    numbers = key.public_numbers()
    assert public == b"\x04" + numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")
    assert compress(compressed) == compressed


def test_an_outpoint_is_written_as_people_do() -> None:
    text = f"{sha256(b'a transaction').hex()}:4294967295"
    outpoint = parse_outpoint(text)
    assert format_outpoint(outpoint) == text
    assert lx(outpoint.txid) == bytes.fromhex(outpoint.txid)[::-1]


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        "00" * 32,
        f"{'00' * 32}:",
        f"{'00' * 31}:0",
        f"{'0A' * 32}:0",
        f"{'00' * 32}:01",
        f"{'00' * 32}:-1",
        f"{'00' * 32}:4294967296",
        f"{'00' * 32}:0:0",
        f"{'00' * 32} :0",
    ],
)
def test_other_outpoints_are_refused(text: str) -> None:
    with pytest.raises(Malformed):
        parse_outpoint(text)
