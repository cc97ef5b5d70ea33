"""What the demo leaves keeps its promises, seen with other eyes than its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import cbor2
import pytest
from cryptography.exceptions import InvalidSignature

from tests.e2e import stranger
from tests.e2e.clients import merkle_root, ots_in_javascript, ots_verify, serving_headers
from tests.e2e.conftest import BUNDLES, DIPLOMAS, ROOT, Left

BIN = Path(sys.executable).parent
COSE_SIGN1 = b"\xd2\x84"
"""How a statement begins: CBOR tag 18, and an array of 4."""


@pytest.fixture(scope="session")
def log_key(left: Left) -> stranger.LogKey:
    return stranger.read_vkey((left.out / "log.vkey").read_text("utf-8"))


@pytest.fixture(scope="session")
def head(left: Left, log_key: stranger.LogKey) -> tuple[int, bytes]:
    """Size and root of the copied log."""
    note = (left.out / "log" / "checkpoint").read_text("utf-8")
    return stranger.verify_checkpoint(note, log_key)


def entry_of(left: Left, name: str) -> bytes:
    return (left.out / "entries" / f"{name}.entry").read_bytes()


def judge(left: Left, document: Path, receipt: Path) -> tuple[int, dict[str, str]]:
    """Exit code of tally-verify, and the result of each check."""
    command = (BIN / "tally-verify", document, receipt, "--policy", left.policy, "--json")
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    checks = json.loads(done.stdout)["checks"]
    return done.returncode, {each["check"]: each["result"] for each in checks}


EVM = "eip155:31337"
BITCOIN = "bip122:0f9188f13cb7b2c71f2a335e3a4fc328"
OUTSIDE = {f"attestation:evm:{EVM}", f"attestation:opentimestamps:{BITCOIN}", "attestation:rfc3161"}


def diploma(left: Left) -> str:
    return left.names[0]


def bundle(left: Left) -> str:
    return left.names[-1]


# --- What is there


def test_every_document_has_its_receipt_and_exports_and_nothing_else_is_there(left: Left) -> None:
    assert len(left.names) == DIPLOMAS + BUNDLES
    assert sorted(os.listdir(left.out)) == [
        "credentials",
        "documents",
        "entries",
        "headers",
        "log",
        "log.vkey",
        "policy.json",
        "receipts",
        "status",
        "tsa.pem",
    ]
    forms = ("receipt.json", "tlog-proof", "cose", "tsr")
    receipts = {f"{name}.{form}" for name in left.names for form in forms}
    receipts |= {f"{name}.ots" for name in left.bundles}
    assert set(os.listdir(left.out / "receipts")) == receipts
    assert set(os.listdir(left.out / "entries")) == {f"{name}.entry" for name in left.names}


def test_neither_private_keys_nor_journals_stay(left: Left) -> None:
    assert os.listdir(left.out.parent) == ["out"]
    for path in left.out.rglob("*.json"):
        assert b'"d":' not in path.read_bytes()


def test_the_two_issuers_sign_with_different_algorithms(left: Left) -> None:
    known = json.loads(left.policy.read_bytes())["issuers"]
    issuers = [issuer for issuer in known if not issuer.get("notary")]
    curves = {issuer["id"]: [key["jwk"]["crv"] for key in issuer["keys"]] for issuer in issuers}
    assert curves == {
        "did:web:registry.cambrian.example": ["Ed25519"],
        "did:web:records.tawe.example": ["P-256"],
    }
    assert issuers[0]["names"].keys() == issuers[1]["names"].keys() == {"en", "zh"}


def test_bundles_are_fhir_as_the_generator_wrote_them(left: Left, tmp_path: Path) -> None:
    generate = (BIN / "carebundle", "generate", "--profile", "type2_diabetes", "--seed", "42")
    command = (*generate, "--count", str(BUNDLES), "--out", tmp_path)
    subprocess.run(command, check=True, capture_output=True)
    for path in tmp_path.iterdir():
        assert left.document(path.name).read_bytes() == path.read_bytes()
        assert json.loads(path.read_bytes())["resourceType"] == "Bundle"


# --- Our own verifier


def test_each_receipt_verifies(left: Left) -> None:
    for name in left.names:
        code, checks = judge(left, left.document(name), left.receipt(name))
        assert code == 0, name
        required = ("document", "inclusion", "log", "block", "issuer")
        assert {checks[check] for check in (*required, *OUTSIDE)} == {"pass"}


def test_json_credentials_may_be_laid_out_anew_and_records_may_not(
    left: Left, tmp_path: Path
) -> None:
    for name, code in ((diploma(left), 0), (bundle(left), 1)):
        copy = tmp_path / name
        copy.write_text(json.dumps(json.loads(left.document(name).read_bytes())), "utf-8")
        assert judge(left, copy, left.receipt(name))[0] == code


def test_a_document_with_one_letter_changed_fails(left: Left, tmp_path: Path) -> None:
    for name in (diploma(left), bundle(left)):
        copy = tmp_path / name
        text = left.document(name).read_text("utf-8")
        copy.write_text(re.sub(r'"(name|family)": "(.)', r'"\1": "X', text, count=1), "utf-8")
        assert copy.read_text("utf-8") != text
        code, checks = judge(left, copy, left.receipt(name))
        assert (code, checks["document"], checks["inclusion"]) == (1, "fail", "pass")


def test_a_receipt_moved_to_another_document_fails(left: Left) -> None:
    for name, other in zip(left.names, [*left.names[1:], left.names[0]], strict=True):
        code, checks = judge(left, left.document(other), left.receipt(name))
        assert (code, checks["document"]) == (1, "fail")


def test_a_holders_part_moved_to_another_receipt_fails(left: Left, tmp_path: Path) -> None:
    """The document is then the receipt's own, but not what the issuer signed."""
    mine, other = left.names[:2]
    receipt: dict[str, Any] = json.loads(left.receipt(other).read_bytes())
    receipt["document"] = json.loads(left.receipt(mine).read_bytes())["document"]
    moved = tmp_path / "moved.receipt.json"
    text = json.dumps(receipt, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    moved.write_text(text + "\n", "utf-8")
    code, checks = judge(left, left.document(mine), moved)
    assert (code, checks["document"]) == (1, "fail")


# --- Outside parties


def with_policy(left: Left, tmp_path: Path, **members: Any) -> tuple[int, dict[str, str]]:
    """The judgement on a diploma under the demo's policy with other members."""
    changed = json.loads(left.policy.read_bytes()) | members
    policy = tmp_path / "policy.json"
    policy.write_text(json.dumps(changed), "utf-8")
    name = diploma(left)
    command = (BIN / "tally-verify", left.document(name), left.receipt(name), "--policy", policy)
    done = subprocess.run([*map(str, command), "--json"], capture_output=True, text=True)
    checks = json.loads(done.stdout)["checks"]
    return done.returncode, {each["check"]: each["result"] for each in checks}


def test_the_policy_holds_the_headers_and_the_certificate_that_lie_beside_it(left: Left) -> None:
    policy = json.loads(left.policy.read_bytes())
    for chain in (EVM, BITCOIN):
        file = left.out / "headers" / f"{chain.replace(':', '_')}.json"
        assert json.loads(file.read_bytes()) == policy["chains"][chain]
    assert policy["tsa"] == [(left.out / "tsa.pem").read_text("utf-8")]


def test_a_policy_may_require_every_attestation(left: Left, tmp_path: Path) -> None:
    code, checks = with_policy(left, tmp_path, require=["document", *sorted(OUTSIDE)])
    assert (code, {checks[check] for check in OUTSIDE}) == (0, {"pass"})


@pytest.mark.parametrize("lacking", [{"chains": {}}, {"tsa": []}])
def test_one_that_requires_them_and_lacks_the_evidence_cannot_tell(
    left: Left, tmp_path: Path, lacking: dict[str, Any]
) -> None:
    code, checks = with_policy(left, tmp_path, require=sorted(OUTSIDE), **lacking)
    assert code == 2
    assert {checks[check] for check in ("document", "inclusion", "log", "block")} == {"pass"}
    found = {checks[check] for check in OUTSIDE}
    assert found == {"pass", "unknown"}


def test_opentimestamps_clients_accept_a_record_as_it_is(left: Left, tmp_path: Path) -> None:
    """The node is gone with the demo; what stands in for it serves the headers that are left."""
    header = json.loads((left.out / "headers" / f"{BITCOIN.replace(':', '_')}.json").read_bytes())
    with serving_headers(header) as node:
        for name in left.bundles:
            copy = tmp_path / name
            copy.write_bytes(left.document(name).read_bytes())
            ots = shutil.copy(left.out / "receipts" / f"{name}.ots", tmp_path)
            done = ots_verify(Path(ots), node)
            assert "Success! Bitcoin block" in done.stderr, done.stderr
            copy.write_bytes(copy.read_bytes() + b" ")
            assert "does not match" in ots_verify(Path(ots), node).stderr
            [found] = ots_in_javascript(Path(ots))["found"]
            assert found == [merkle_root(header[0]["header"]), header[0]["height"]]


def test_openssl_accepts_the_time_stamp_of_each_receipt(left: Left) -> None:
    for name in left.names:
        receipt = json.loads(left.receipt(name).read_bytes())
        digest = stranger.block_hash(receipt.get("attested", receipt["registered"]))
        for imprint, code in ((digest, 0), (bytes(32), 1)):
            command: list[str | Path] = ["openssl", "ts", "-verify", "-digest", imprint.hex()]
            command += ["-in", left.out / "receipts" / f"{name}.tsr"]
            command += ["-CAfile", left.out / "tsa.pem"]
            assert subprocess.run(command, capture_output=True).returncode == code


# --- A stranger's verifier


def test_the_entry_holds_the_commitment_of_the_document(left: Left) -> None:
    """A bundle's raw bytes, so that no canonicalisation is needed to follow it by hand."""
    name = bundle(left)
    holder = json.loads(left.receipt(name).read_bytes())["document"]
    digest = stranger.sha256(left.document(name).read_bytes())
    assert holder["sha-256"] == digest.hex()
    commitment = stranger.sha256(bytes.fromhex(holder["salt"]) + digest)
    payload = cbor2.loads(cbor2.loads(entry_of(left, name)).value[2])
    assert payload["sha-256"] == commitment
    assert payload["profile"] == "healthcare/record"


def test_tlog_proofs_verify_with_hashlib_and_one_key(left: Left, log_key: stranger.LogKey) -> None:
    indices = set()
    for name in left.names:
        proof = (left.out / "receipts" / f"{name}.tlog-proof").read_text("utf-8")
        index, _, _ = stranger.verify_tlog_proof(proof, entry_of(left, name), log_key)
        indices.add(index)
    assert len(indices) == len(left.names)


def test_cose_receipts_verify_with_cbor2_and_one_key(left: Left, log_key: stranger.LogKey) -> None:
    for name in left.names:
        data = (left.out / "receipts" / f"{name}.cose").read_bytes()
        proof = (left.out / "receipts" / f"{name}.tlog-proof").read_text("utf-8")
        entry = entry_of(left, name)
        found = stranger.verify_cose_receipt(data, entry, log_key)
        assert found == stranger.verify_tlog_proof(proof, entry, log_key)


def test_the_strangers_verifier_refuses_another_entry(left: Left, log_key: stranger.LogKey) -> None:
    mine, other = left.names[:2]
    proof = (left.out / "receipts" / f"{mine}.tlog-proof").read_text("utf-8")
    with pytest.raises(AssertionError):
        stranger.verify_tlog_proof(proof, entry_of(left, other), log_key)
    data = (left.out / "receipts" / f"{mine}.cose").read_bytes()
    with pytest.raises(InvalidSignature):
        stranger.verify_cose_receipt(data, entry_of(left, other), log_key)


def test_the_root_follows_from_the_tiles_and_from_the_entries(
    left: Left, head: tuple[int, bytes]
) -> None:
    size, root = head
    leaves = stranger.read_leaves(left.out / "log", size)
    entries = stranger.read_entries(left.out / "log", size)
    assert stranger.root_of(leaves) == root
    assert [stranger.leaf(entry) for entry in entries] == leaves


def test_the_log_holds_each_statement_once_and_links_besides(
    left: Left, head: tuple[int, bytes]
) -> None:
    entries = stranger.read_entries(left.out / "log", head[0])
    mine = {entry_of(left, name) for name in left.names}
    assert len(mine) == len(left.names)
    assert sorted(entry for entry in entries if entry in mine) == sorted(mine)
    links = [cbor2.loads(entry) for entry in entries if not entry.startswith(COSE_SIGN1)]
    assert [link[:2] for link in links] == [
        ["tally-block/v1", height] for height in range(1, len(links) + 1)
    ]


# --- What was said, and what runs on


def test_the_demo_says_what_it_did(left: Left) -> None:
    total = DIPLOMAS + BUNDLES
    assert f"{total} of {total} are valid (exit 0)" in left.printed
    assert left.printed.count("is invalid (exit 1): document: ") == 2
    assert "Python refuses every socket" in left.printed
    assert re.search(rf"did:web:registry\.cambrian\.example +{DIPLOMAS} +{DIPLOMAS} ", left.printed)
    assert re.search(rf"did:web:records\.tawe\.example +{BUNDLES} +{BUNDLES} ", left.printed)


def test_the_command_that_it_ends_with_works(left: Left) -> None:
    command = left.printed.splitlines()[-1].split()
    done = subprocess.run([BIN / Path(command[0]).name, *command[1:]], capture_output=True)
    assert command[0] == ".venv/bin/tally-verify"
    assert done.returncode == 0


def port_in(printed: str) -> int:
    match = re.search(r"http://127\.0\.0\.1:([0-9]+)/", printed)
    assert match is not None
    return int(match[1])


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_the_local_cloud_is_stopped(left: Left) -> None:
    assert not answers(port_in(left.printed))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_the_local_cloud_is_stopped_when_the_demo_is(number: int, tmp_path: Path) -> None:
    demo = subprocess.Popen(
        [sys.executable, "-m", "infra.demo", "--out", str(tmp_path / "out")],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),  # whatever started the tests
    )
    assert demo.stdout is not None
    port = port_in(demo.stdout.readline() + demo.stdout.readline())
    assert answers(port)
    demo.send_signal(number)
    _, stderr = demo.communicate(timeout=60)
    assert demo.returncode == 130
    assert stderr == "The demo was interrupted.\n"
    assert not answers(port)
