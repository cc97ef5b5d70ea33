"""What outside evidence adds to a receipt, to its verification, to the bill and to the functions'
zip. The evidence is real (see ``evidence``); fees are at the rates of ``fees``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from chalicelib.proof.attestations import check_attestations
from chalicelib.proof.heads import check_witnesses
from chalicelib.proof.policy import DEFAULT_REQUIRE, Policy
from chalicelib.proof.receipt import Attestation, Inclusion, Receipt, format_receipt, parse_receipt
from chalicelib.proof.verify import verify
from infra.local_cloud import LocalCloud
from tests.proof.world import AT_MS, cosigned, policy, witnessed_tlog

from . import attester, fees, growth
from .evidence import Proofs, attest, running_parties
from .floors import Floor, cosignature_floor, evm_floor, stamp_floor, token_floor
from .measure import Results, Work, median_us
from .samples import fetch_samples


def measure(
    cloud: LocalCloud,
    log_size: int = 1_000_000,
    each: int = 20,
    rounds: int = 25,
    minutes: int = 60,
) -> Results:
    """Bytes, microseconds of CPU and US dollars, of evidence for a receipt in a log of this size;
    and megabytes of the zip."""
    samples = fetch_samples(1, log_size)
    receipt = parse_receipt(samples.files[0])
    with TemporaryDirectory() as state, running_parties(Path(state)) as parties:
        proofs = attest(parties, receipt.registered.block)
        spent = attester.measure(cloud, parties.peers, minutes)
    bench = Bench(samples.documents[0], receipt, proofs, _policy(proofs))
    return {
        **sizes(bench),
        **times(bench, each, rounds),
        "attestation_evm_gas": proofs.gas,
        "attestation_bitcoin_vbytes": proofs.vbytes,
        **fees.measure(proofs.gas, proofs.vbytes),
        **spent,
        **growth.measure(),
    }


def _policy(proofs: Proofs) -> Policy:
    """One that requires all of the evidence, and a witness's cosignature."""
    return policy(
        tlog=witnessed_tlog(),
        chains=dict(proofs.chains),
        tsa=proofs.tsa,
        require=[*DEFAULT_REQUIRE, "witnesses", *proofs.checks],
    )


@dataclass(frozen=True, slots=True)
class Bench:
    """A document, its receipt without outside evidence, the evidence, and who believes it."""

    document: bytes
    receipt: Receipt
    proofs: Proofs
    policy: Policy

    def attested(self, *attestations: Attestation) -> Inclusion:
        return replace(self.receipt.registered, attestations=attestations)

    def written(self, inclusion: Inclusion) -> bytes:
        """The receipt's file."""
        return format_receipt(replace(self.receipt, registered=inclusion))

    def verify_all(self, data: bytes) -> None:
        """A file with all of the evidence is valid under the policy, which requires all of it."""
        verdict = verify(self.document, parse_receipt(data), self.policy, AT_MS)
        assert verdict.outcome == "valid", verdict


def sizes(bench: Bench) -> Results:
    """Bytes that one piece of evidence adds to a receipt's file."""
    bare = len(bench.written(bench.attested()))
    found = {
        f"attestation_{kind}_bytes": len(bench.written(bench.attested(attestation))) - bare
        for kind, attestation in bench.proofs.attestations.items()
    }
    return {**found, "cosignature_bytes": len(bench.written(cosigned(bench.attested()))) - bare}


def times(bench: Bench, each: int, rounds: int) -> Results:
    """Microseconds of CPU from the evidence in a receipt that has been read to the check of it, and
    of the primitives without which that cannot be done."""
    works: dict[str, Work] = {}
    for kind, attestation in bench.proofs.attestations.items():
        check = _checking(bench.attested(attestation), bench.policy)
        works[f"attestation_{kind}_us"] = _repeated(each, check)
        works[f"attestation_{kind}_floor_us"] = _repeated(each, _floor(bench, attestation))
    inclusion = cosigned(bench.attested())
    works["cosignature_us"] = _repeated(each, lambda: check_witnesses(inclusion, bench.policy))
    works["cosignature_floor_us"] = _repeated(each, cosignature_floor(inclusion))
    whole = bench.written(cosigned(bench.attested(*bench.proofs.attestations.values())))
    works["verify_attested_us"] = _repeated(each, lambda: bench.verify_all(whole))
    return median_us(rounds, works)


def _floor(bench: Bench, attestation: Attestation) -> Floor:
    match attestation.type:
        case "evm":
            return evm_floor(attestation)
        case "opentimestamps":
            return stamp_floor(attestation, bench.receipt.registered.block.hash)
        case _:
            return token_floor(attestation, bench.proofs.tsa)


def _checking(inclusion: Inclusion, trusted: Policy) -> Callable[[], None]:
    def check() -> None:
        [found] = check_attestations([inclusion], trusted, {})
        assert found.check.result == "pass", found

    return check


def _repeated(count: int, work: Callable[[], object]) -> Work:
    def run() -> None:
        for _ in range(count):
            work()

    return Work(count, run)
