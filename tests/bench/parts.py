"""The parts of the benchmark, the figures that each gives, and the budgets that they have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

from infra.deploy import Deployment
from infra.local_cloud import LocalCloud, deploy_locally, running

from . import (
    attesting,
    client,
    cold,
    deployed,
    issuing,
    memory,
    sequencing,
    spending,
    verifying,
)
from .measure import Results


@dataclass
class Place:
    """A local cloud and the service deployed to it, started for the first part that needs them."""

    stack: ExitStack = field(default_factory=ExitStack)

    @cached_property
    def cloud(self) -> LocalCloud:
        directory = self.stack.enter_context(TemporaryDirectory())
        return self.stack.enter_context(running(Path(directory)))

    @cached_property
    def deployment(self) -> Deployment:
        return deploy_locally(self.cloud)


PARTS: dict[str, Callable[[Place], Results]] = {
    # First, in a process that has done nothing else, as a verifier's.
    "verifying": lambda _: verifying.measure(),
    "sequencing": lambda _: sequencing.measure(),
    "client": lambda _: client.measure(),
    "issuing": lambda _: issuing.measure(),
    "size": lambda _: verifying.receipt_size(),
    "cold": lambda _: cold.measure(),
    "attesting": lambda place: attesting.measure(place.cloud),
    "memory": lambda place: memory.measure(place.cloud),
    "spending": lambda place: spending.measure(place.cloud),
    "single": lambda place: deployed.single(place.deployment),
    "bulk": lambda place: deployed.bulk(place.deployment),
    "roster": lambda place: deployed.roster(place.deployment),
}

FIGURES = {
    "sequence_us_per_entry": "sequencing 10,000 entries of 400 bytes, CPU µs each",
    "hash_floor_us": "  the two hashes of an entry",
    "verify_us": "a receipt from bytes to verdict, every signature, CPU µs",
    "verify_signatures_us": "  its three bare Ed25519 verifications",
    "verify_many_us": "each of 8,000 receipts under one checkpoint, CPU µs",
    "ed25519_verify_us": "  one bare Ed25519 verification",
    "client_raw_us": "digests, salt, statement, signature of 2 KB as raw bytes, CPU µs",
    "client_jcs_us": "  the same as canonical JSON",
    "issue_sd_jwt_ms": "an SD-JWT VC, ten claims of which may be withheld, CPU ms",
    "issue_sd_jwt_npm_ms": "  by npm @sd-jwt/sd-jwt-vc",
    "issue_badge_ms": "an Open Badge with its eddsa-jcs-2022 proof, CPU ms",
    "issue_badge_npm_ms": "  by npm @digitalbazaar/vc",
    "issue_registered_ms": "an SD-JWT VC with the statement that registers it, CPU ms",
    "verify_sd_jwt_ms": "verifying that SD-JWT VC, CPU ms",
    "verify_sd_jwt_npm_ms": "  by npm @sd-jwt/sd-jwt-vc",
    "verify_badge_ms": "verifying that Open Badge, CPU ms",
    "verify_badge_npm_ms": "  by npm @digitalbazaar/vc",
    "verify_status_us": "a receipt with profile and a list of 250 changes to verdict, CPU µs",
    "receipt_bytes_1m": "bytes of a receipt in a log of a million entries",
    "cold_init_s": "a Lambda's cold initialisation under awslambdaric, s",
    "bare_init_s": "  of a handler that does nothing",
    "attestation_evm_bytes": "bytes that an attestation by Ethereum adds to a receipt",
    "attestation_evm_us": "verifying it, CPU µs",
    "attestation_evm_floor_us": "  its bare recovery of a key and Keccak hashes",
    "attestation_opentimestamps_bytes": "bytes of an OpenTimestamps proof, to Bitcoin",
    "attestation_opentimestamps_us": "verifying it, CPU µs",
    "attestation_opentimestamps_floor_us": "  its bare SHA-256 hashes",
    "attestation_rfc3161_bytes": "bytes of a time stamp by P-256",
    "attestation_rfc3161_us": "verifying it, CPU µs",
    "attestation_rfc3161_floor_us": "  its two bare ECDSA verifications",
    "attestation_rfc3161_rsa_bytes": "bytes of a time stamp by RSA of 2,048 bits",
    "attestation_rfc3161_rsa_us": "verifying it, CPU µs",
    "attestation_rfc3161_rsa_floor_us": "  its two bare RSA verifications",
    "cosignature_bytes": "bytes of a witness's cosignature",
    "cosignature_us": "verifying it, CPU µs",
    "cosignature_floor_us": "  one bare Ed25519 verification",
    "verify_attested_us": "a receipt with all of these, bytes to verdict, CPU µs",
    "attestation_evm_gas": "gas of the transaction to ourselves",
    "attestation_bitcoin_vbytes": "virtual bytes of the Bitcoin transaction",
    "usd_per_attestation_evm": "US$ of fees, at the assumed rates of Ethereum",
    "usd_per_attestation_rollup": "  of a rollup",
    "usd_per_attestation_bitcoin": "  of Bitcoin",
    "usd_per_million_evm": "the same a million documents in a month, attested every hour",
    "usd_per_million_rollup": "  a rollup",
    "usd_per_million_bitcoin": "  Bitcoin",
    "usd_attester_hour": "US$ of an hour of the attester on AWS, three networks",
    "usd_per_million_attester": "  a million documents in a month",
    "zip_growth_mb": "what attesting adds to the functions' zip, unpacked, MB",
    "sequencer_peak_mb": "the sequencer's peak memory at 100,000 entries, MB",
    "usd_per_million_single": "US$ a million documents, a request each, until integrated",
    "usd_per_million_bulk": "US$ a million documents, bulks of 1,000, with their receipts",
    "receipt_p50_s": "a single request from submission to receipt, median s",
    "receipt_p99_s": "  99th percentile, s",
    "bulk_8000_s": "8,000 files to 8,000 receipts with one command, s",
    "issue_8000_s": "8,000 rows to 8,000 SD-JWT VCs and receipts with one command, s",
}
"""Every name in ``results.json``, in the order of the table."""

BUDGETS: dict[str, Callable[[Mapping[str, float]], float]] = {
    "sequence_us_per_entry": lambda _: 12,
    "verify_us": lambda found: 1.35 * found["verify_signatures_us"],
    "verify_many_us": lambda found: 2 * found["ed25519_verify_us"],
    "cold_init_s": lambda found: 9 * found["bare_init_s"],
    "zip_growth_mb": lambda _: 3,
    "sequencer_peak_mb": lambda _: 400,
    "usd_per_million_single": lambda _: 7,
    "usd_per_million_bulk": lambda _: 0.20,
    "receipt_p50_s": lambda _: 2,
    "receipt_p99_s": lambda _: 5,
    "bulk_8000_s": lambda _: 20,
    "issue_8000_s": lambda _: 180,
}


def format_table(found: Mapping[str, float]) -> str:
    """One line for each figure that was found, with its budget if it has one."""
    lines = []
    width = max(map(len, found)) + 2
    for name, what in FIGURES.items():
        if name not in found:
            continue
        line = f"{name:<{width}}{_show(found[name]):>10}  {what}"
        if name in BUDGETS:
            budget = BUDGETS[name](found)
            state = "within" if found[name] <= budget else "OVER"
            line += f": {state} {budget:.4g}"
        lines.append(line)
    return "\n".join(lines)


def _show(value: float) -> str:
    """Four digits that count, or whole numbers with as many as they have."""
    return f"{value:,.0f}" if value >= 1_000 else f"{value:.4g}"
