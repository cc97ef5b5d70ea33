"""Time stamps by a real authority, ``openssl ts`` behind HTTP, and what it can do wrong."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from chalicelib.adapters.http import Answer, Http
from chalicelib.adapters.rfc3161 import TsaNetwork
from chalicelib.notary.networks import (
    FalseProof,
    Network,
    NetworkError,
    NetworkRefused,
    Standing,
    Unreachable,
)
from chalicelib.proof.block import Block
from chalicelib.proof.errors import CannotTell, Invalid
from chalicelib.proof.hashes import leaf_hash
from chalicelib.proof.policy import parse_policy
from chalicelib.proof.receipt import Attestation
from chalicelib.proof.text import parse_base64
from chalicelib.proof.tsp.evidence import attested_token, parse_token, verify_token
from chalicelib.proof.tsp.tsr_file import export_tsr
from infra.local_cloud import HOST, free_port
from infra.peers.tsa import Fault, KeyKind, Tsa, running_tsa

from ..proof.world import World, policy_value

BLOCK = Block("tally.test/log", 7, leaf_hash(b"previous"), 9, leaf_hash(b"root"), 1_782_898_200_000)
LATER = BLOCK._replace(height=8, previous=BLOCK.hash, size=10)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tsa]:
    with running_tsa(tmp_path_factory.mktemp("tsa")) as tsa:
        yield tsa


@pytest.fixture
def tsa(shared: Tsa) -> Iterator[Tsa]:
    shared.fault = None
    yield shared
    shared.fault = None


def network(tsa: Tsa, timeout_s: float = 20.0, *certificates: str) -> TsaNetwork:
    trusted = certificates or (tsa.certificate_pem,)
    return TsaNetwork("one", Http(tsa.url, timeout_s), trusted)


def attested(network: Network, block: Block = BLOCK) -> Attestation:
    memo = network.broadcast(block, network.prepare(block, {}))
    evidence = network.proof(block, memo)
    assert evidence is not None
    return evidence


def test_an_attempt_from_nothing_to_final(tsa: Tsa) -> None:
    one = network(tsa)
    assert (one.name, one.check, one.serial) == ("rfc3161:one", "attestation:rfc3161", False)
    before = tsa.asked
    prepared = one.prepare(BLOCK, {})
    assert tsa.asked == before, "preparing sends nothing"
    assert one.status(BLOCK, prepared, 0) == Standing("dropped", prepared)
    assert one.proof(BLOCK, prepared) is None
    assert one.bump(BLOCK, prepared) == prepared
    sent = one.broadcast(BLOCK, prepared)
    assert {name: sent[name] for name in prepared} == prepared
    assert one.status(BLOCK, sent, 0) == Standing("final", sent)
    assert one.broadcast(BLOCK, sent) == sent
    assert tsa.asked == before + 1, "a token that is there is not asked for again"


@pytest.mark.parametrize("key", ["ec", "rsa"])
def test_the_token_says_when_and_by_whom(key: KeyKind, tmp_path: Path) -> None:
    with running_tsa(tmp_path, "Clock", key) as tsa:
        before_ms = time.time_ns() // 1_000_000
        token = attested_token(attested(network(tsa)))
        after_ms = time.time_ns() // 1_000_000
        sighting = verify_token(token, BLOCK.hash, [tsa.certificate_pem])
    assert sighting.by == "CN=Clock,O=Tally test peers"
    # Its clock counts whole seconds, and it is accurate to one.
    assert sighting.latest_ms - sighting.earliest_ms == 2_000
    assert before_ms - 2_000 <= sighting.earliest_ms
    assert sighting.latest_ms <= after_ms + 1_000
    with pytest.raises(Invalid):
        verify_token(token, LATER.hash, [tsa.certificate_pem])


def test_openssl_verifies_the_export(tsa: Tsa, tmp_path: Path) -> None:
    """By the block hash, and by the bytes whose SHA-256 it is: 02 and the block's header."""
    made = World().receipt()
    block = made.registered.block
    registered = replace(made.registered, attestations=(attested(network(tsa), block),))
    (tmp_path / "receipt.tsr").write_bytes(export_tsr(replace(made, registered=registered)))
    (tmp_path / "tsa.pem").write_text(tsa.certificate_pem)
    (tmp_path / "block").write_bytes(b"\x02" + block.header)
    (tmp_path / "other").write_bytes(b"\x01" + block.header)

    def judge(*what: str) -> str:
        command = ("openssl", "ts", "-verify", *what, "-in", "receipt.tsr", "-CAfile", "tsa.pem")
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True).stdout

    assert judge("-digest", block.hash.hex()) == "Verification: OK\n"
    assert judge("-data", "block") == "Verification: OK\n"
    assert judge("-digest", LATER.hash.hex()) == "Verification: FAILED\n"
    assert judge("-data", "other") == "Verification: FAILED\n"


def test_the_authority_answers_the_request_as_it_was_stored(tsa: Tsa) -> None:
    """So openssl finds the answer to be one to this request, nonce and all."""
    one = TsaNetwork("one", Http(tsa.url), [tsa.certificate_pem], lambda: 0xFEEDFACECAFEBEEF)
    memo = one.prepare(BLOCK, {})
    assert memo["nonce"] == "feedfacecafebeef"
    token = attested_token(attested(one))
    assert parse_token(token).info.nonce == 0xFEEDFACECAFEBEEF
    request = memo["request"]
    assert isinstance(request, str)
    (tsa.state / "stored.tsq").write_bytes(parse_base64(request))
    (tsa.state / "token").write_bytes(token)
    command = ("openssl", "ts", "-verify", "-queryfile", "stored.tsq", "-token_in", "-in", "token")
    done = subprocess.run(
        (*command, "-CAfile", "ca.pem"), cwd=tsa.state, capture_output=True, text=True
    )
    assert done.stdout == "Verification: OK\n", done.stderr


def test_nonces_are_random(tsa: Tsa) -> None:
    one = network(tsa)
    assert len({str(one.prepare(BLOCK, {})["nonce"]) for _ in range(20)}) == 20


FAULTS: list[tuple[Fault, type[NetworkError], str]] = [
    ("down", Unreachable, "no answer that can be used (ProtocolError)"),
    ("slow", Unreachable, "no answer that can be used (ReadTimeoutError)"),
    ("error", Unreachable, "the authority answered with HTTP status 503"),
    ("garbage", Unreachable, "the authority's answer is no TimeStampResp: "),
    ("other-imprint", FalseProof, "the time stamp is about another hash"),
    ("replay", FalseProof, "the time stamp answers another request: its nonce differs"),
    ("refusing", NetworkRefused, "no time stamp but rejection: the algorithm is unknown"),
]


@pytest.mark.parametrize(("fault", "error", "words"), FAULTS, ids=[fault for fault, *_ in FAULTS])
def test_a_fault_of_the_authority_is_named_and_passes(
    tsa: Tsa, fault: Fault, error: type[NetworkError], words: str
) -> None:
    """Nothing false is stored, and the same request is good once the fault is mended."""
    attested(network(tsa))
    one = network(tsa, 0.5 if fault == "slow" else 20.0)
    prepared = one.prepare(BLOCK, {})
    tsa.fault = fault
    with pytest.raises(error) as failed:
        one.broadcast(BLOCK, prepared)
    assert str(failed.value).startswith(words)
    tsa.fault = None
    sent = network(tsa).broadcast(BLOCK, prepared)
    assert one.status(BLOCK, sent, 0).at == "final"


PEM = "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n"


@pytest.mark.parametrize(
    "pem", ["", "no certificate", PEM.format("AAAA"), PEM.format("====")], ids=range(4)
)
def test_a_certificate_that_cannot_be_read_is_refused_at_once(tsa: Tsa, pem: str) -> None:
    """And not when the first token comes, as a false proof."""
    with pytest.raises(ValueError, match="rfc3161:one: a certificate cannot be read: "):
        network(tsa, 20.0, tsa.certificate_pem, pem)


def test_an_authority_that_is_not_there_is_unreachable(tsa: Tsa) -> None:
    one = TsaNetwork("gone", Http(f"http://{HOST}:{free_port()}"), [tsa.certificate_pem])
    with pytest.raises(Unreachable):
        one.broadcast(BLOCK, one.prepare(BLOCK, {}))


def test_an_answer_of_another_type_is_no_answer(tsa: Tsa) -> None:
    """A page of a captive portal, say: here, the peer's own answer with its type changed."""

    class Portal(Http):
        def post(
            self, path: str = "", body: bytes = b"", headers: Mapping[str, str] | None = None
        ) -> Answer:
            answer = super().post(path, body, headers)
            return answer._replace(media="text/html")

    one = TsaNetwork("portal", Portal(tsa.url), [tsa.certificate_pem])
    with pytest.raises(Unreachable, match="is not application/timestamp-reply"):
        one.broadcast(BLOCK, one.prepare(BLOCK, {}))


def test_a_token_of_another_authority_than_configured_is_false(tsa: Tsa, tmp_path: Path) -> None:
    with running_tsa(tmp_path, "Other") as other:
        one = network(tsa, 20.0, other.certificate_pem)
        with pytest.raises(FalseProof, match="CN=tsa"):
            one.broadcast(BLOCK, one.prepare(BLOCK, {}))


def test_a_token_without_its_signers_certificate_is_not_kept(tsa: Tsa) -> None:
    """Configured with the signer itself it would verify here, and nowhere else."""
    signer = (tsa.state / "tsa.pem").read_text()

    class Terse(Http):
        def post(
            self, path: str = "", body: bytes = b"", headers: Mapping[str, str] | None = None
        ) -> Answer:
            wants = bytes.fromhex("0101ff")  # certReq, the last three bytes
            assert body.endswith(wants)
            shorter = body[:1] + bytes((body[1] - 3,)) + body[2:-3]
            return super().post(path, shorter, headers)

    one = TsaNetwork("terse", Terse(tsa.url), [signer])
    with pytest.raises(FalseProof, match="neither in the time stamp"):
        one.broadcast(BLOCK, one.prepare(BLOCK, {}))
    attested(TsaNetwork("usual", Http(tsa.url), [signer]))


def test_answers_at_the_same_time_have_serial_numbers_of_their_own(tsa: Tsa) -> None:
    one = network(tsa)
    tokens: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: tokens.append(attested_token(attested(one))))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    serials = {openssl_serial(tsa.state, token) for token in tokens}
    assert len(serials) == len(threads)


def openssl_serial(place: Path, token: bytes) -> str:
    (place / "one").write_bytes(token)
    command = ("openssl", "ts", "-reply", "-token_in", "-in", "one", "-text")
    said = subprocess.run(command, cwd=place, capture_output=True, text=True, check=True).stdout
    (line,) = [line for line in said.splitlines() if line.startswith("Serial number: ")]
    return line


def test_an_authority_keeps_its_keys_when_it_starts_again(tmp_path: Path) -> None:
    with running_tsa(tmp_path) as tsa:
        token = attested_token(attested(network(tsa)))
    with running_tsa(tmp_path) as again:
        verify_token(token, BLOCK.hash, [again.certificate_pem])
        attested(network(again))
    private = [path for path in tmp_path.iterdir() if "PRIVATE KEY" in path.read_text("latin-1")]
    assert {path.name for path in private} == {"ca.key", "tsa.key"}
    assert {path.stat().st_mode & 0o077 for path in private} == {0}


def test_the_certificate_is_one_as_a_policy_holds_it(tsa: Tsa) -> None:
    value = policy_value(tsa=[tsa.certificate_pem])
    assert parse_policy(json.dumps(value).encode()).tsa == (tsa.certificate_pem,)
    token = attested_token(attested(network(tsa)))
    with pytest.raises(CannotTell):
        verify_token(token, BLOCK.hash, ())
