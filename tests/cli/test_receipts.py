"""Receipts that are held: refreshed without ever getting worse, and exported."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chalicelib.cli.receipts import merge
from chalicelib.proof.attestations import describe_evidence
from chalicelib.proof.bitcoin.opentimestamps import parse_timestamp
from chalicelib.proof.bitcoin.ots_codec import BITCOIN_TAG, HeightAttestation, PendingAttestation
from chalicelib.proof.cbor import Tag, decode
from chalicelib.proof.checkpoint import parse_checkpoint_text
from chalicelib.proof.errors import Invalid
from chalicelib.proof.hashes import leaf_hash, sha256
from chalicelib.proof.jcs import JsonValue
from chalicelib.proof.members import read_base64
from chalicelib.proof.merkle import prove_inclusion
from chalicelib.proof.note import NoteSignature, parse_note
from chalicelib.proof.payload import IssuerNotice, StatusListNotice
from chalicelib.proof.receipt import Attestation, Evidence, Inclusion, Receipt, format_receipt
from chalicelib.proof.tiles import Bundle, parse_bundle
from chalicelib.proof.tlogproof import TlogProof, parse_tlog_proof
from chalicelib.proof.tsp.messages import parse_response
from tests.cli.desk import Desk, tally, tally_json
from tests.cli.front import Canned
from tests.proof import outside
from tests.proof.world import (
    DOCUMENT,
    ISSUER,
    ISSUER_KEY,
    NOTARY,
    NOTARY_KEY,
    World,
    cosigned,
    policy_value,
    witnessed_tlog,
)

NAME = "ada.json"


@pytest.fixture
def held(desk: Desk) -> Receipt:
    desk.notarise()
    return desk.receipt(NAME)


def serve(desk: Desk, receipt: Receipt) -> None:
    """What the service answers the next time it is asked for the receipt."""
    body = format_receipt(replace(receipt, document=None))
    desk.front.answer(f"GET /v1/receipts/{receipt.statement.entry_id.hex()}", Canned(200, body))


def refresh(desk: Desk, *more: object) -> dict[str, JsonValue]:
    path = desk.receipt_path(NAME)
    [result] = tally_json("receipt", "refresh", path, "--url", desk.front.url, *more)["receipts"]
    assert result.pop("receipt") == str(path)
    return dict(result)


def attest(inclusion: Inclusion, *attestations: Attestation) -> Inclusion:
    return replace(inclusion, attestations=attestations)


def newest(desk: Desk, receipt: Receipt) -> Inclusion:
    """The same entry in the newest block."""
    log = desk.front.service.log
    row = log.chain.head()
    assert row is not None
    data = log.tiles.get(Bundle(0, row.block.size).path)
    assert data is not None
    leaves = [leaf_hash(entry) for entry in parse_bundle(data, row.block.size)]
    index = receipt.registered.proof.index
    note = parse_note(row.checkpoint)
    proof = TlogProof(index, prove_inclusion(leaves, index), note)
    return Inclusion(proof, parse_checkpoint_text(note.text), row.block, row.signature)


# --- Refresh


def test_nothing_new(desk: Desk, held: Receipt) -> None:
    before = desk.receipt_path(NAME).stat()
    assert refresh(desk) == {"gained": []}
    assert desk.receipt_path(NAME).stat() == before
    told = tally("receipt", "refresh", desk.receipt_path(NAME), "--url", desk.front.url)
    assert told.stdout == f"{desk.receipt_path(NAME)}: nothing new\n"


def test_an_attestation_is_gained_and_the_holders_part_kept(desk: Desk, held: Receipt) -> None:
    token = outside.tsa(held.registered.block.hash)
    serve(desk, replace(held, registered=attest(held.registered, token)))
    assert refresh(desk) == {"gained": ["attestation:rfc3161"]}
    got = desk.receipt(NAME)
    assert got.document == held.document
    assert got.registered.attestations == (token,)


def test_evidence_is_never_lost(desk: Desk, held: Receipt) -> None:
    block_hash = held.registered.block.hash
    token, transaction = outside.tsa(block_hash), outside.evm(block_hash)
    better = replace(held, registered=attest(held.registered, token, transaction))
    desk.receipt_path(NAME).write_bytes(format_receipt(better))
    serve(desk, replace(held, registered=attest(held.registered, transaction)))
    assert refresh(desk) == {"gained": []}
    assert desk.receipt(NAME) == better


def test_a_pending_time_stamp_is_completed_and_keeps_what_was_pending(
    desk: Desk, held: Receipt
) -> None:
    pending = replace(held, registered=attest(held.registered, outside.pending()))
    desk.receipt_path(NAME).write_bytes(format_receipt(pending))
    serve(desk, replace(held, registered=attest(held.registered, outside.bitcoin(434))))
    assert refresh(desk) == {"gained": ["attestation:opentimestamps: Bitcoin block 434"]}
    [stamp] = desk.receipt(NAME).registered.attestations
    proof = read_base64(stamp.members["proof"], "proof")
    assert parse_timestamp(proof, held.registered.block.hash).attestations == {
        HeightAttestation(BITCOIN_TAG, 434),
        PendingAttestation("https://alice.example"),
    }
    complete = desk.receipt(NAME)
    assert merge(complete, pending) == merge(pending, complete) == complete


def test_what_was_undone_in_a_chain_gives_way_to_what_is_there_now(held: Receipt) -> None:
    """Also what an earlier refresh had kept is mended by the next one."""
    block_hash = held.registered.block.hash
    undone = outside.evm(block_hash)
    now = Attestation("evm", {**undone.members, "header": "AAAA"})
    for before, after in ((undone, now), (outside.bitcoin(433), outside.bitcoin(434))):
        merged = merge(
            replace(held, registered=attest(held.registered, before)),
            replace(held, registered=attest(held.registered, after)),
        )
        assert merged.registered.attestations == (after,)


def test_what_is_complete_is_kept_beside_what_is_pending_again(held: Receipt) -> None:
    complete = replace(held, registered=attest(held.registered, outside.bitcoin(434)))
    pending = replace(held, registered=attest(held.registered, outside.pending()))
    [stamp] = merge(complete, pending).registered.attestations
    assert describe_evidence(stamp, held.registered.block.hash) == [
        "attestation:opentimestamps: Bitcoin block 434"
    ]


def test_a_time_stamp_that_cannot_be_read_is_not_kept(desk: Desk, held: Receipt) -> None:
    pending = replace(held, registered=attest(held.registered, outside.pending()))
    desk.receipt_path(NAME).write_bytes(format_receipt(pending))
    broken = Attestation("opentimestamps", {"proof": "AAAA"})
    serve(desk, replace(held, registered=attest(held.registered, broken)))
    assert "is not kept" in str(refresh(desk)["error"])
    assert desk.receipt(NAME) == pending


def test_a_later_block_attests(desk: Desk, held: Receipt) -> None:
    desk.notarise(desk.write("later.json", b"{}"))
    serve(desk, replace(held, attested=newest(desk, held)))
    gained = refresh(desk, "--policy", desk.policy)["gained"]
    assert gained == ["attested by block 2"]
    verified = tally("verify", desk.path / NAME, desk.receipt_path(NAME), "--policy", desk.policy)
    assert verified.exit_code == 0


def test_the_later_of_two_blocks_stays(desk: Desk, held: Receipt) -> None:
    desk.notarise(desk.write("later.json", b"{}"))
    second = replace(held, attested=newest(desk, held))
    desk.notarise(desk.write("latest.json", b"{}"))
    third = replace(held, attested=newest(desk, held))
    assert merge(second, third).attested == third.attested
    assert merge(third, second).attested == third.attested
    assert merge(third, held).attested == third.attested


def test_cosignatures_are_gained(desk: Desk, held: Receipt) -> None:
    proof = held.registered.proof
    line = NoteSignature("witness.example", b"abcd", bytes(72))
    note = proof.checkpoint_note._replace(signatures=(*proof.checkpoint_note.signatures, line))
    cosigned = replace(held.registered, proof=replace(proof, checkpoint_note=note))
    serve(desk, replace(held, registered=cosigned))
    assert refresh(desk) == {"gained": ["signature of witness.example"]}
    assert merge(replace(held, registered=cosigned), held).registered == cosigned


def test_newer_status_counts(desk: Desk, held: Receipt) -> None:
    desk.notarise(desk.write("later.json", b"{}"))
    old = Evidence(b"old", held.statement, held.registered)
    new = Evidence(b"new", held.statement, newest(desk, held))
    assert merge(held, replace(held, status=old)).status == old
    assert merge(replace(held, status=old), held).status == old
    assert merge(replace(held, status=old), replace(held, status=new)).status == new
    assert merge(replace(held, status=new), replace(held, status=old)).status == new


@pytest.fixture
def world(desk: Desk) -> Receipt:
    """A receipt in hand from a log with a notary and a witness, whose policy is the desk's."""
    desk.out.mkdir()
    held = World().receipt()
    desk.receipt_path(NAME).write_bytes(format_receipt(held))
    desk.policy.write_text(json.dumps(policy_value(tlog=witnessed_tlog())))
    return held


def status_list(**different: Any) -> Evidence:
    payload = StatusListNotice("https://status.example/1", sha256(DOCUMENT))
    usual = {"payload": payload, "iss": NOTARY, "issuer_key": NOTARY_KEY}
    return World(**{**usual, **different}).evidence()


def profile() -> Evidence:
    payload = IssuerNotice(ISSUER, sha256(DOCUMENT))
    return World(payload=payload, iss=NOTARY, issuer_key=NOTARY_KEY).evidence()


def test_the_notarys_evidence_is_gained(desk: Desk, world: Receipt) -> None:
    serve(desk, replace(world, status=status_list(), issuer=profile()))
    assert refresh(desk, "--policy", desk.policy) == {"gained": ["issuer", "status"]}
    assert desk.receipt(NAME) == replace(world, status=status_list(), issuer=profile())


FALSE: dict[str, Callable[[Receipt], Receipt]] = {
    "status": lambda held: replace(
        held, status=status_list(payload=StatusListNotice("https://a.example/1", sha256(b"")))
    ),
    "issuer": lambda held: replace(held, issuer=status_list()),
    "witnesses": lambda held: replace(held, registered=cosigned(held.registered, spoil=True)),
}


@pytest.mark.parametrize("trust", ["own", "service"])
@pytest.mark.parametrize("check", FALSE)
def test_false_evidence_is_not_kept(desk: Desk, world: Receipt, check: str, trust: str) -> None:
    serve(desk, FALSE[check](world))
    desk.front.answer("GET /v1/policy", Canned(200, desk.policy.read_bytes()))
    error = str(refresh(desk, *(("--policy", desk.policy) if trust == "own" else ()))["error"])
    assert "not kept: the receipt would be worse: " + check in error
    assert desk.receipt(NAME) == world


def test_false_evidence_that_is_newer_does_not_replace_good(desk: Desk, world: Receipt) -> None:
    good = replace(world, status=status_list())
    desk.receipt_path(NAME).write_bytes(format_receipt(good))
    serve(desk, replace(world, status=status_list(height=9, iss=ISSUER, issuer_key=ISSUER_KEY)))
    assert "status" in str(refresh(desk, "--policy", desk.policy)["error"])
    assert desk.receipt(NAME) == good


def test_a_quorum_is_not_lost_to_a_later_block(desk: Desk, world: Receipt) -> None:
    attested = World().inclusion(grown=2)
    good = replace(world, attested=cosigned(attested))
    desk.receipt_path(NAME).write_bytes(format_receipt(good))
    serve(desk, replace(world, attested=World().inclusion(grown=3)))
    assert "worse: witnesses" in str(refresh(desk, "--policy", desk.policy)["error"])
    assert desk.receipt(NAME) == good


def test_what_is_already_false_does_not_stop_the_rest(desk: Desk, world: Receipt) -> None:
    false = FALSE["status"](world)
    desk.receipt_path(NAME).write_bytes(format_receipt(false))
    serve(desk, replace(world, registered=cosigned(world.registered)))
    gained = refresh(desk, "--policy", desk.policy)["gained"]
    assert gained == ["signature of witness.example"]


def test_without_any_policy_nothing_is_taken(desk: Desk, held: Receipt) -> None:
    desk.front.answer("GET /v1/policy", Canned(404))
    result = tally("receipt", "refresh", desk.receipt_path(NAME), "--url", desk.front.url)
    assert (result.exit_code, "give --policy" in result.stderr) == (2, True)


def test_another_entrys_receipt_changes_nothing(desk: Desk, held: Receipt) -> None:
    other = desk.receipt("siôn.json")
    body = format_receipt(replace(other, document=None))
    desk.front.answer(f"GET /v1/receipts/{held.statement.entry_id.hex()}", Canned(200, body))
    assert "another entry" in str(refresh(desk)["error"])
    assert desk.receipt(NAME) == held


def test_another_block_is_another_history(held: Receipt, desk: Desk) -> None:
    desk.notarise(desk.write("later.json", b"{}"))
    with pytest.raises(Invalid, match="another block"):
        merge(held, replace(held, registered=newest(desk, held)))


def test_one_block_has_one_checkpoint(held: Receipt) -> None:
    proof = held.registered.proof
    note = proof.checkpoint_note._replace(text=b"another\n")
    other = replace(held.registered, proof=replace(proof, checkpoint_note=note))
    with pytest.raises(Invalid, match="another checkpoint"):
        merge(held, replace(held, registered=other))


def test_a_worse_receipt_is_not_kept(desk: Desk, held: Receipt) -> None:
    desk.notarise(desk.write("later.json", b"{}"))
    false = replace(newest(desk, held), signature=bytes(64))
    serve(desk, replace(held, attested=false))
    assert "not kept" in str(refresh(desk, "--policy", desk.policy)["error"])
    assert desk.receipt(NAME) == held


@pytest.mark.parametrize("body", [b"", b"{}", b"<html>"])
def test_an_answer_that_is_no_receipt(desk: Desk, held: Receipt, body: bytes) -> None:
    desk.front.answer(f"GET /v1/receipts/{held.statement.entry_id.hex()}", Canned(200, body))
    assert "not kept" in str(refresh(desk)["error"])
    assert desk.receipt(NAME) == held


def test_one_that_fails_does_not_stop_the_others(desk: Desk, held: Receipt) -> None:
    broken = desk.write("broken.receipt.json", b"{")
    good = desk.receipt_path(NAME)
    token = outside.tsa(held.registered.block.hash)
    serve(desk, replace(held, registered=attest(held.registered, token)))
    result = tally("receipt", "refresh", broken, good, "--url", desk.front.url)
    assert result.exit_code == 1
    assert str(broken) in result.stderr
    assert "attestation:rfc3161" in result.stdout


def test_an_entry_that_the_log_does_not_have(desk: Desk, held: Receipt) -> None:
    missing = Canned(404, json.dumps({"detail": "There is no such entry."}).encode())
    desk.front.answer(f"GET /v1/receipts/{held.statement.entry_id.hex()}", missing)
    assert refresh(desk) == {"error": "the service refused: There is no such entry."}


# --- Export


def test_export_a_tlog_proof(desk: Desk, held: Receipt) -> None:
    out = desk.path / "ada.tlog-proof"
    tally("receipt", "export", desk.receipt_path(NAME), "--format", "tlog-proof", "--out", out)
    assert parse_tlog_proof(out.read_bytes()) == held.registered.proof


def test_export_the_entry(desk: Desk, held: Receipt) -> None:
    out = desk.path / "ada.entry"
    tally("receipt", "export", desk.receipt_path(NAME), "--format", "entry", "--out", out)
    assert out.read_bytes() == held.statement.entry


@pytest.mark.parametrize("trust", ["--policy", "--url"])
def test_export_a_cose_receipt(desk: Desk, held: Receipt, trust: str) -> None:
    out = desk.path / "ada.cose"
    source = desk.policy if trust == "--policy" else desk.front.url
    options = ("--format", "cose", "--out", out, trust, source)
    assert tally("receipt", "export", desk.receipt_path(NAME), *options).exit_code == 0
    value = decode(out.read_bytes())
    assert isinstance(value, Tag)
    assert value.number == 18


def test_export_several_into_a_directory(desk: Desk, held: Receipt) -> None:
    receipts = sorted(desk.out.glob("*.receipt.json"))
    options = ("--format", "entry", "--out", desk.path)
    written = tally_json("receipt", "export", *receipts, *options)
    assert written["files"] == [
        str(desk.path / path.name.replace(".receipt.json", ".entry")) for path in receipts
    ]
    assert all(Path(path).exists() for path in written["files"])


def test_several_do_not_fit_into_one_file(desk: Desk, held: Receipt) -> None:
    receipts = sorted(desk.out.glob("*.receipt.json"))
    out = desk.path / "all.entry"
    result = tally("receipt", "export", *receipts, "--format", "entry", "--out", out)
    assert result.exit_code == 64
    assert not out.exists()


def export_cose(desk: Desk, *options: object) -> tuple[int, str]:
    out = desk.path / "ada.cose"
    arguments = ("--format", "cose", "--out", out, *options)
    result = tally("receipt", "export", desk.receipt_path(NAME), *arguments)
    assert not out.exists()
    return result.exit_code, result.stderr


def test_a_cose_receipt_needs_the_logs_key(desk: Desk, held: Receipt) -> None:
    code, told = export_cose(desk)
    assert (code, "--policy" in told) == (64, True)


def test_a_policy_that_does_not_know_the_log(desk: Desk, held: Receipt) -> None:
    policy = json.loads(desk.policy.read_text())
    desk.policy.write_text(json.dumps({**policy, "tlog": "quorum none\n"}))
    code, told = export_cose(desk, "--policy", desk.policy)
    assert (code, "does not know the log" in told) == (2, True)


def test_a_receipt_whose_block_is_not_signed(desk: Desk, held: Receipt) -> None:
    false = replace(held, registered=replace(held.registered, signature=bytes(64)))
    desk.receipt_path(NAME).write_bytes(format_receipt(false))
    code, told = export_cose(desk, "--policy", desk.policy)
    assert (code, "does not verify" in told) == (1, True)


def test_a_service_without_a_policy(desk: Desk, held: Receipt) -> None:
    desk.front.answer("GET /v1/policy", Canned(404))
    assert export_cose(desk, "--url", desk.front.url)[0] == 2
    desk.front.answer("GET /v1/policy", Canned(200, b"{}"))
    assert export_cose(desk, "--url", desk.front.url)[0] == 2
    desk.front.answer("GET /v1/policy", Canned(403))
    assert export_cose(desk, "--url", desk.front.url)[0] == 2


def test_export_a_time_stamp_response(desk: Desk, held: Receipt) -> None:
    token = outside.tsa(held.registered.block.hash)
    attested = replace(held, registered=attest(held.registered, token))
    desk.receipt_path(NAME).write_bytes(format_receipt(attested))
    out = desk.path / "ada.tsr"
    options = ("--format", "tsr", "--out", out)
    told = tally("receipt", "export", desk.receipt_path(NAME), *options).stdout
    assert f"openssl ts -verify -digest {held.registered.block.hash.hex()} -in {out}" in told
    assert parse_response(out.read_bytes()) == read_base64(token.members["token"], "token")


@pytest.mark.parametrize("form", ["ots", "tsr"])
def test_a_form_that_the_receipt_has_no_evidence_for(desk: Desk, held: Receipt, form: str) -> None:
    out = desk.path / "ada"
    options = ("--format", form, "--out", out)
    result = tally("receipt", "export", desk.receipt_path(NAME), *options)
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1
    assert not out.exists()
