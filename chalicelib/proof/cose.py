"""What statements and blocks have in common as COSE_Sign1 (RFC 9052)."""

from __future__ import annotations

from .cbor import encode

_START = b"\x84" + encode("Signature1")
_NO_EXTERNAL_AAD = encode(b"")


def to_be_signed(protected: bytes, payload: bytes) -> bytes:
    """The Sig_structure of a COSE_Sign1 without external data (RFC 9052 §4.4).

    Both are given as the encoded byte strings that stand in the COSE_Sign1.
    """
    return _START + protected + _NO_EXTERNAL_AAD + payload
