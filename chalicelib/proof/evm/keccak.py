"""Keccak-256 as Ethereum uses it: the sponge of FIPS 202 with a rate of 136 bytes, and the padding
of the Keccak submission (01 … 80) where SHA3-256 has 06 … 80. No library of ours has it."""

from __future__ import annotations

from struct import Struct

from ..hashes import Hash

RATE = 136
"""Bytes absorbed by one permutation."""

_M = (1 << 64) - 1
_LANES = Struct("<17Q")
_DIGEST = Struct("<4Q")


def keccak256(data: bytes) -> Hash:
    """The hash of ``data``; some 0.15 ms for each 136 bytes."""
    missing = RATE - len(data) % RATE
    padding = b"\x81" if missing == 1 else b"\x01" + bytes(missing - 2) + b"\x80"
    state = [0] * 25
    for lanes in _LANES.iter_unpack(data + padding):
        for place, lane in enumerate(lanes):
            state[place] ^= lane
        state = _permute(state)
    return bytes.__new__(Hash, _DIGEST.pack(*state[:4]))


def _round_constants() -> tuple[int, ...]:
    """The constants of ι: bits of a linear feedback shift register (FIPS 202 §3.2.5)."""
    constants, register = [], 1
    for _ in range(24):
        constant = 0
        for j in range(7):
            constant |= (register & 1) << ((1 << j) - 1)
            register = (register << 1) ^ (0x171 if register & 0x80 else 0)
        constants.append(constant)
    return tuple(constants)


_ROUNDS = _round_constants()


def _permute(state: list[int]) -> list[int]:
    """Keccak-f[1600] (FIPS 202 §3.3) of 25 lanes, lane (x, y) at x + 5y.

    Written out in local variables, because that is several times as fast as loops over the
    state. A lane's name holds its place in rows: b, g, k, m, s for y, and a, e, i, o, u for x.
    """
    ba, be, bi, bo, bu, ga, ge, gi, go, gu, ka, ke, ki, ko, ku = state[:15]
    ma, me, mi, mo, mu, sa, se, si, so, su = state[15:]
    for constant in _ROUNDS:
        # θ: the parities of columns
        a = ba ^ ga ^ ka ^ ma ^ sa
        e = be ^ ge ^ ke ^ me ^ se
        i = bi ^ gi ^ ki ^ mi ^ si
        o = bo ^ go ^ ko ^ mo ^ so
        u = bu ^ gu ^ ku ^ mu ^ su
        ta = u ^ (e << 1 & _M | e >> 63)
        te = a ^ (i << 1 & _M | i >> 63)
        ti = e ^ (o << 1 & _M | o >> 63)
        to = i ^ (u << 1 & _M | u >> 63)
        tu = o ^ (a << 1 & _M | a >> 63)
        # θ, ρ and π make the lanes of one new row; χ and ι combine them
        a = ba ^ ta
        x = ge ^ te
        e = x << 44 & _M | x >> 20
        x = ki ^ ti
        i = x << 43 & _M | x >> 21
        x = mo ^ to
        o = x << 21 & _M | x >> 43
        x = su ^ tu
        u = x << 14 & _M | x >> 50
        na, ne, ni, no, nu = (
            a ^ (~e & i) ^ constant,
            e ^ (~i & o),
            i ^ (~o & u),
            o ^ (~u & a),
            u ^ (~a & e),
        )
        x = bo ^ to
        a = x << 28 & _M | x >> 36
        x = gu ^ tu
        e = x << 20 & _M | x >> 44
        x = ka ^ ta
        i = x << 3 & _M | x >> 61
        x = me ^ te
        o = x << 45 & _M | x >> 19
        x = si ^ ti
        u = x << 61 & _M | x >> 3
        pa, pe, pi, po, pu = a ^ (~e & i), e ^ (~i & o), i ^ (~o & u), o ^ (~u & a), u ^ (~a & e)
        x = be ^ te
        a = x << 1 & _M | x >> 63
        x = gi ^ ti
        e = x << 6 & _M | x >> 58
        x = ko ^ to
        i = x << 25 & _M | x >> 39
        x = mu ^ tu
        o = x << 8 & _M | x >> 56
        x = sa ^ ta
        u = x << 18 & _M | x >> 46
        qa, qe, qi, qo, qu = a ^ (~e & i), e ^ (~i & o), i ^ (~o & u), o ^ (~u & a), u ^ (~a & e)
        x = bu ^ tu
        a = x << 27 & _M | x >> 37
        x = ga ^ ta
        e = x << 36 & _M | x >> 28
        x = ke ^ te
        i = x << 10 & _M | x >> 54
        x = mi ^ ti
        o = x << 15 & _M | x >> 49
        x = so ^ to
        u = x << 56 & _M | x >> 8
        ra, re, ri, ro, ru = a ^ (~e & i), e ^ (~i & o), i ^ (~o & u), o ^ (~u & a), u ^ (~a & e)
        x = bi ^ ti
        a = x << 62 & _M | x >> 2
        x = go ^ to
        e = x << 55 & _M | x >> 9
        x = ku ^ tu
        i = x << 39 & _M | x >> 25
        x = ma ^ ta
        o = x << 41 & _M | x >> 23
        x = se ^ te
        u = x << 2 & _M | x >> 62
        sa, se, si, so, su = a ^ (~e & i), e ^ (~i & o), i ^ (~o & u), o ^ (~u & a), u ^ (~a & e)
        ba, be, bi, bo, bu = na, ne, ni, no, nu
        ga, ge, gi, go, gu = pa, pe, pi, po, pu
        ka, ke, ki, ko, ku = qa, qe, qi, qo, qu
        ma, me, mi, mo, mu = ra, re, ri, ro, ru
    return [
        ba, be, bi, bo, bu, ga, ge, gi, go, gu, ka, ke, ki, ko, ku,
        ma, me, mi, mo, mu, sa, se, si, so, su,
    ]  # fmt: skip
