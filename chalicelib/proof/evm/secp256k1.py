"""The public key that made an ECDSA signature over secp256k1 (SEC 1 §4.1.6, SEC 2 §2.4.1).

Ethereum's transactions do not name their sender: it is whoever's key the signature recovers to.
All numbers here are public, so nothing is done in constant time. Never sign with this.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from ..errors import Invalid, Malformed

P = 2**256 - 2**32 - 977
"""The prime of the field: points are (x, y) with y² = x³ + 7 modulo P."""

N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
"""The order of the group."""

_GX = 0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798
_GY = 0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8

_Point: TypeAlias = "tuple[int, int, int]"
"""Jacobian coordinates: (X, Y, Z) is the point (X/Z², Y/Z³); Z = 0 is the point at infinity."""

_INFINITY: _Point = (1, 1, 0)
_G: _Point = (_GX, _GY, 1)


class SignatureOutOfRange(Malformed):
    """r or s is not from 1 to the order, or s is not the lower of its two (EIP-2)."""


class NoSigner(Invalid):
    """No key can have made this signature."""


class RecoverableSignature(NamedTuple):
    """``parity`` is that of y of the point whose x is r: 0 or 1."""

    r: int
    s: int
    parity: int


def check_signature(signature: RecoverableSignature) -> RecoverableSignature:
    """The signature, if its numbers are in range; raises SignatureOutOfRange."""
    r, s, parity = signature
    if not (0 < r < N and 0 < s <= N // 2 and parity in (0, 1)):
        raise SignatureOutOfRange("r is from 1 below the order, s at most half of it, parity a bit")
    return signature


def recover(digest: bytes, signature: RecoverableSignature) -> bytes:
    """The public point, 04 ‖ x ‖ y, that signed a digest of 32 bytes; some 2 ms.

    Raises SignatureOutOfRange and NoSigner. An x of r + N, which one signature in 2¹²⁷ has, is
    refused as Ethereum refuses it.
    """
    r, s, parity = check_signature(signature)
    y = _lift(r, parity)
    inverse = pow(r, -1, N)
    x, y, z = _combine(-int.from_bytes(digest, "big") * inverse % N, s * inverse % N, (r, y, 1))
    if z == 0:
        raise NoSigner("the signature is of the point at infinity")
    inverse = pow(z, -1, P)
    square = inverse * inverse % P
    x, y = x * square % P, y * square * inverse % P
    return b"\x04" + x.to_bytes(32, "big") + y.to_bytes(32, "big")


def _lift(x: int, parity: int) -> int:
    """The y of the point on the curve at x < N < P."""
    square = (x * x * x + 7) % P
    y = pow(square, (P + 1) // 4, P)
    if y * y % P != square:
        raise NoSigner("r of the signature is not on the curve")
    return y if y & 1 == parity else P - y


def _combine(a: int, b: int, point: _Point) -> _Point:
    """a·G + b·point, one bit of both at a time (Shamir's trick)."""
    sums = (_INFINITY, _G, point, _add(_G, point))
    total = _INFINITY
    for bit in range(max(a.bit_length(), b.bit_length()) - 1, -1, -1):
        total = _double(total)
        total = _add(total, sums[(a >> bit & 1) + 2 * (b >> bit & 1)])
    return total


def _double(point: _Point) -> _Point:
    """dbl-2009-l, for a curve with a = 0. No point of this curve has y = 0."""
    x, y, z = point
    xx, yy = x * x % P, y * y % P
    c = yy * yy % P
    d = 2 * ((x + yy) ** 2 - xx - c) % P
    e = 3 * xx
    x = (e * e - 2 * d) % P
    return x, (e * (d - x) - 8 * c) % P, 2 * y * z % P


def _add(one: _Point, other: _Point) -> _Point:
    """add-1998-cmo-2, and the cases that it leaves out."""
    x1, y1, z1 = one
    x2, y2, z2 = other
    if z1 == 0:
        return other
    if z2 == 0:
        return one
    zz1, zz2 = z1 * z1 % P, z2 * z2 % P
    u1, s1 = x1 * zz2 % P, y1 * z2 * zz2 % P
    h, r = (x2 * zz1 - u1) % P, (y2 * z1 * zz1 - s1) % P
    if h == 0:
        return _double(one) if r == 0 else _INFINITY
    hh = h * h % P
    hhh, v = h * hh % P, u1 * hh % P
    x = (r * r - hhh - 2 * v) % P
    return x, (r * (v - x) - s1 * hhh) % P, z1 * z2 * h % P
