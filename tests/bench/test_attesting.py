"""What is measured of attesting is what the figures name: real evidence in full blocks, fees at the
stated rates, and the files that attesting adds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chalicelib.adapters.bitcoin.transaction import VBYTES
from chalicelib.adapters.evm.wallet import gas_of
from chalicelib.proof.bitcoin.opentimestamps import parse_timestamp, walk
from chalicelib.proof.block import Block
from chalicelib.proof.evm.evidence import evm_calldata
from chalicelib.proof.hashes import sha256
from chalicelib.proof.members import read_base64, read_integer, read_list
from tests.bench import evidence, fees, growth

BLOCK = Block("tally.test/log", 7, sha256(b"previous"), 9, sha256(b"root"), 1_790_000_000_000)


@pytest.fixture(scope="module")
def proofs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[evidence.Proofs]:
    with evidence.running_parties(tmp_path_factory.mktemp("parties")) as parties:
        yield evidence.attest(parties, BLOCK)


def test_the_transaction_stands_amid_a_block_of_ethereum(proofs: evidence.Proofs) -> None:
    members = proofs.attestations["evm"].members
    assert 64 <= read_integer(members["index"], "index") <= 127
    assert len(read_list(members["nodes"], "nodes")) == 3, "two branches and the leaf"
    assert proofs.gas == gas_of(evm_calldata(BLOCK.hash))


def test_the_path_in_a_block_of_bitcoin_has_11_hashes(proofs: evidence.Proofs) -> None:
    proof = read_base64(proofs.attestations["opentimestamps"].members["proof"], "proof")
    messages = [message for message, _ in walk(parse_timestamp(proof, BLOCK.hash), BLOCK.hash)]
    assert sum(len(message) == 2 * 32 for message in messages) == 11
    assert proofs.vbytes == VBYTES


def test_fees_follow_from_the_rates() -> None:
    found = fees.measure(gas=21_000, vbytes=200)
    assert found["usd_per_attestation_evm"] == pytest.approx(0.63)
    assert found["usd_per_attestation_rollup"] == pytest.approx(0.00063)
    assert found["usd_per_attestation_bitcoin"] == pytest.approx(2.00)
    assert found["usd_per_million_evm"] == pytest.approx(730 * 0.63)


def zipped(*more: str) -> dict[str, int]:
    """A file of one byte for each module that serves attesting alone, and other files."""
    ours = [f"chalicelib/{pattern.replace('*', 'any')}.py" for pattern in growth.MODULES]
    return dict.fromkeys([*ours, *more], 1)


def test_growth_is_our_modules_their_bytecode_and_new_packages() -> None:
    added = {
        "chalicelib/proof/evm/__pycache__/rlp.cpython-312.pyc",
        "web3/main.py",
        "__pycache__/lonely.cpython-312.pyc",
    }
    other = {
        "app.py",
        "__pycache__/six.cpython-312.pyc",
        "_cffi_backend.cpython-312-aarch64-linux-gnu.so",
        "chalicelib/proof/merkle.py",
        "cryptography/x509/__init__.py",
    }
    assert growth.added(zipped(*added, *other)).keys() == zipped(*added).keys()


def test_a_module_that_moved_is_noticed() -> None:
    sizes = zipped()
    del sizes["chalicelib/notary/attest.py"]
    with pytest.raises(AssertionError, match="notary/attest"):
        growth.added(sizes)
