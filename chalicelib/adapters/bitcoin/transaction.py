"""The one Bitcoin transaction that Tally makes: a coin of its own, to a hash and back to itself.

One P2WPKH input (BIP 141), signed by BIP 143; output 0 is an OP_RETURN of 32 bytes, output 1 the
change to the same key. Without its witness such a transaction always has ``STRIPPED_BYTES``, so it
is never taken for a node of a Merkle tree, which has 64.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from ...proof.bitcoin.evidence import display, double_sha256, undisplay
from ...proof.hashes import Hash
from ...proof.text import MalformedDecimal, parse_decimal
from ..secp256k1 import ChainSigner

CHANGE = 1
"""The index of the output that comes back to us."""

STRIPPED_BYTES = 125
VBYTES = 153
"""The virtual size (BIP 141): 4 × 125 bytes and a witness of at most 110, by 4, rounded up."""

DUST_SATS = 294
"""Nodes do not relay a smaller P2WPKH output: 98 bytes at 3 satoshis."""

_VERSION = (2).to_bytes(4, "little")
_SEGWIT = b"\x00\x01"
_SEQUENCE = (0xFFFFFFFD).to_bytes(4, "little")  # replaceable (BIP 125)
_LOCKTIME = bytes(4)
_ALL = 1
_VOUT = (1 << 32) - 1
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATORS = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)


class Outpoint(NamedTuple):
    """An output: the id of its transaction as Bitcoin displays it, and its index there."""

    txid: str
    vout: int


def parse_outpoint(text: str) -> Outpoint:
    """Read ``<txid>:<index>``; raises Malformed."""
    txid, _, vout = text.partition(":")
    outpoint = Outpoint(display(undisplay(txid)), parse_decimal(vout))
    if outpoint.vout > _VOUT:
        raise MalformedDecimal("an output's index is below 2^32")
    return outpoint


def format_outpoint(outpoint: Outpoint) -> str:
    return f"{outpoint.txid}:{outpoint.vout}"


@dataclass(frozen=True, slots=True)
class Payment:
    """What is signed: the coin and its worth, the 32 bytes to keep, the change."""

    coin: Outpoint
    sats: int
    commitment: Hash
    change_sats: int


def sign_payment(payment: Payment, signer: ChainSigner) -> bytes:
    """The transaction with its witness, ready to be sent."""
    public = compress(signer.public)
    signature = signer.sign(payment_digest(payment, public))
    r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
    witness = b"\x02" + _sized(encode_dss_signature(r, s) + bytes([_ALL])) + _sized(public)
    body = _inputs(payment) + _outputs(payment, public)
    return _VERSION + _SEGWIT + body + witness + _LOCKTIME


def strip_witness(raw: bytes) -> bytes:
    """A transaction of ours as its id and a block's Merkle tree know it."""
    body = raw[len(_VERSION + _SEGWIT) :][: STRIPPED_BYTES - len(_VERSION + _LOCKTIME)]
    return raw[: len(_VERSION)] + body + raw[-len(_LOCKTIME) :]


def txid_of(raw: bytes) -> str:
    return display(double_sha256(strip_witness(raw)))


def payment_digest(payment: Payment, public: bytes) -> Hash:
    """What the key signs: BIP 143, version 0, SIGHASH_ALL. ``public`` is compressed."""
    script_code = b"\x76\xa9\x14" + hash160(public) + b"\x88\xac"
    return double_sha256(
        b"".join(
            (
                _VERSION,
                double_sha256(_outpoint(payment.coin)),
                double_sha256(_SEQUENCE),
                _outpoint(payment.coin),
                _sized(script_code),
                payment.sats.to_bytes(8, "little"),
                _SEQUENCE,
                double_sha256(_outputs(payment, public)[1:]),
                _LOCKTIME,
                _ALL.to_bytes(4, "little"),
            )
        )
    )


def p2wpkh_script(public: bytes) -> bytes:
    """What locks a coin to a key (BIP 141): version 0 and the HASH160 of the compressed point."""
    return b"\x00\x14" + hash160(compress(public))


def segwit_address(prefix: str, script: bytes) -> str:
    """The address of a script of version 0 (BIP 173); ``prefix`` is ``bc``, ``tb`` or ``bcrt``."""
    version, program = script[0], script[2:]
    bits = "".join(f"{byte:08b}" for byte in program)
    bits += "0" * (-len(bits) % 5)
    values = [version, *(int(bits[at : at + 5], 2) for at in range(0, len(bits), 5))]
    expanded = [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix]
    checksum = _polymod([*expanded, *values, 0, 0, 0, 0, 0, 0]) ^ 1
    values += [checksum >> 5 * (5 - at) & 31 for at in range(6)]
    return f"{prefix}1" + "".join(_BECH32[value] for value in values)


def _polymod(values: Iterable[int]) -> int:
    """The checksum of BIP 173."""
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_GENERATORS):
            check ^= generator if top >> bit & 1 else 0
    return check


def compress(public: bytes) -> bytes:
    """A point in 33 bytes: 02 or 03 by the parity of y, and x (SEC 1 §2.3.3)."""
    return public if len(public) == 33 else bytes([2 + (public[64] & 1)]) + public[1:33]


def hash160(data: bytes) -> bytes:
    digest = hashlib.new("ripemd160", hashlib.sha256(data).digest(), usedforsecurity=False)
    return digest.digest()


def _outpoint(outpoint: Outpoint) -> bytes:
    return undisplay(outpoint.txid) + outpoint.vout.to_bytes(4, "little")


def _inputs(payment: Payment) -> bytes:
    return b"\x01" + _outpoint(payment.coin) + _sized(b"") + _SEQUENCE


def _outputs(payment: Payment, public: bytes) -> bytes:
    kept = bytes(8) + _sized(b"\x6a" + _sized(payment.commitment))
    return (
        b"\x02" + kept + payment.change_sats.to_bytes(8, "little") + _sized(p2wpkh_script(public))
    )


def _sized(data: bytes) -> bytes:
    """With its length before it, below 253 in everything that is written here."""
    return bytes([len(data)]) + data
