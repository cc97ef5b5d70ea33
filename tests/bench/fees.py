"""What a transaction costs, at assumed rates. They are assumptions, not measurements: fees and
prices move by the hour, and every figure here moves with them in proportion."""

from __future__ import annotations

from .measure import Results

MAINNET_GWEI = 10
"""Per gas on Ethereum's main chain, base fee and tip."""

ROLLUP_GWEI = 0.01
"""Per gas on a rollup of Ethereum's; what it charges for posting to the main chain is not in it."""

SATS_PER_VBYTE = 10
"""On Bitcoin's main chain."""

USD_PER_ETHER = 3_000
USD_PER_BITCOIN = 100_000

HOURS = 730
"""In a month, in which the deployment is taken to register a million documents. Chains are paid by
the hour, whatever is registered meanwhile: half as many documents cost twice as much each."""

GWEI_PER_ETHER = 10**9
SATS_PER_BITCOIN = 10**8


def measure(gas: int, vbytes: int) -> Results:
    """US dollars of fees, for one attestation and, at one an hour, for a million documents."""
    per_gas = USD_PER_ETHER / GWEI_PER_ETHER
    each = {
        "evm": gas * MAINNET_GWEI * per_gas,
        "rollup": gas * ROLLUP_GWEI * per_gas,
        "bitcoin": vbytes * SATS_PER_VBYTE * USD_PER_BITCOIN / SATS_PER_BITCOIN,
    }
    found = {f"usd_per_attestation_{chain}": usd for chain, usd in each.items()}
    return found | {f"usd_per_million_{chain}": HOURS * usd for chain, usd in each.items()}
