"""``tally notarise``: documents in, receipts out, and who is refused and why."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from chalicelib.proof.document import digest_document
from chalicelib.proof.statement import Register
from tests.cli.desk import Desk, tally, tally_json
from tests.cli.front import Front


def test_documents_become_receipts_that_verify(desk: Desk) -> None:
    result = desk.notarise()
    assert result.exit_code == 0
    assert result.stdout == f"3 documents: 3 done, 0 rejected; receipts in {desk.out}\n"
    for document in desk.documents:
        receipt = desk.receipt_path(document.name)
        verified = tally("verify", document, receipt, "--policy", desk.policy)
        assert verified.exit_code == 0, verified.output


def test_json_says_what_became_of_the_documents(desk: Desk) -> None:
    facts = tally_json(*desk.order())
    assert facts == {"in": 3, "done": 3, "rejected": [], "waiting": 0, "receipts": str(desk.out)}


def test_only_statements_leave_the_machine(desk: Desk) -> None:
    desk.notarise()
    registered = {each.entry_id: each for each in desk.registered()}
    assert len(registered) == len(desk.documents)
    for signed in desk.journal():
        statement = registered[signed.statement.entry_id]
        for secret in (signed.holder.salt, signed.holder.sha256, signed.holder.sm3):
            assert secret not in statement.entry


def test_the_order_in_the_log_is_not_that_of_the_documents(desk: Desk) -> None:
    """Else the neighbours of an entry would tell whose it was, after it was erased."""
    desk.notarise()
    ids = [each.entry_id for each in desk.registered()]
    assert ids == sorted(ids)


def test_every_document_has_its_own_salt_and_lineage(desk: Desk) -> None:
    twin = desk.write("twin.json", desk.documents[0].read_bytes())
    desk.notarise(desk.documents[0], twin)
    one, other = desk.journal()
    assert one.holder.salt != other.holder.salt
    assert one.statement.statement.sub != other.statement.statement.sub


@pytest.mark.parametrize(
    ("name", "profile", "canonicalization", "expected"),
    [
        ("a.json", "education/diploma", "auto", "jcs"),
        ("a.JSON", "education/transcript", "auto", "jcs"),
        ("a.json", "education/diploma", "raw", "raw"),
        ("a.json", "healthcare/record", "auto", "raw"),
        ("a.json", "legal/contract", "auto", "raw"),
        ("a.json", "legal/contract", "jcs", "jcs"),
        ("a.pdf", "education/diploma", "auto", "raw"),
    ],
)
def test_how_a_document_is_digested(
    desk: Desk, name: str, profile: str, canonicalization: str, expected: str
) -> None:
    document = desk.write(name, b'{"b":1, "a":2}')
    desk.notarise(document, profile=profile, canonicalization=canonicalization)
    receipt = desk.receipt(name)
    assert receipt.document is not None
    assert receipt.document.canonicalization == expected
    assert receipt.document.sha256 == digest_document(document.read_bytes(), expected).sha256
    assert isinstance(receipt.statement.statement.payload, Register)
    assert receipt.statement.statement.payload.profile == profile


def test_health_records_are_never_canonicalized(desk: Desk) -> None:
    result = desk.notarise(profile="healthcare/record", canonicalization="jcs")
    assert result.exit_code == 64
    assert "raw bytes" in result.stderr


def test_doing_it_again_registers_nothing(desk: Desk, front: Front) -> None:
    desk.notarise()
    before = {path: path.read_bytes() for path in desk.out.glob("*.json")}
    front.seen.clear()
    result = desk.notarise()
    assert (result.exit_code, front.seen) == (0, {})
    assert {path: path.read_bytes() for path in desk.out.glob("*.json")} == before


def test_a_damaged_receipt_is_fetched_again(desk: Desk) -> None:
    desk.notarise()
    path = desk.receipt_path("ada.json")
    whole = path.read_bytes()
    path.write_bytes(whole[:100])
    assert desk.notarise().exit_code == 0
    assert path.read_bytes() == whole
    assert len(desk.registered()) == 3


def test_more_documents_join_those_that_are_done(desk: Desk) -> None:
    desk.notarise()
    desk.write("zoë.json", b'{"name":"Zoe"}')
    assert tally_json(*desk.order())["done"] == 4
    assert len(desk.registered()) == 4


# --- Documents that cannot be taken


def test_what_is_refused_is_named_and_the_rest_goes_on(desk: Desk) -> None:
    desk.write("twice.json", b'{"name":"A","name":"B"}')
    result = desk.notarise()
    assert result.exit_code == 1
    assert "twice.json: DuplicateKey" in result.stderr
    assert "--canonicalization raw" in result.stderr
    assert "4 documents: 3 done, 1 rejected" in result.stdout


def test_a_directory_is_named(desk: Desk) -> None:
    (desk.path / "folder").mkdir()
    facts = tally_json(*desk.order(desk.path / "folder", desk.documents[0]))
    assert facts["done"] == 1
    assert [(item["document"], item["problem"]) for item in facts["rejected"]] == [
        ("folder", "unreadable")
    ]


def test_a_missing_file_is_named(desk: Desk) -> None:
    result = desk.notarise(desk.path / "nowhere.json")
    assert result.exit_code == 1
    assert f"cannot read {desk.path / 'nowhere.json'}" in result.stderr


def test_two_files_of_one_name_are_refused_before_anything_is_sent(
    desk: Desk, front: Front
) -> None:
    other = desk.write("2025/ada.json", b"{}")
    result = desk.notarise(desk.path / "ada.json", other)
    assert result.exit_code == 64
    assert "have one name" in result.stderr
    assert not front.seen


def test_a_file_named_twice_is_one_document(desk: Desk) -> None:
    ada = desk.path / "ada.json"
    facts = tally_json(*desk.order(ada, desk.path / "x" / ".." / "ada.json", ada))
    assert (facts["in"], facts["done"]) == (1, 1)


def test_a_changed_document_is_refused_with_advice(desk: Desk) -> None:
    desk.notarise()
    before = desk.receipt_path("ada.json").read_bytes()
    desk.write("ada.json", b'{"name":"Eve"}')
    result = desk.notarise()
    assert result.exit_code == 1
    assert "ada.json" in result.stderr
    assert "another name" in result.stderr
    assert desk.receipt_path("ada.json").read_bytes() == before
    assert len(desk.registered()) == 3


def test_json_laid_out_otherwise_is_the_same_document(desk: Desk) -> None:
    desk.notarise()
    desk.write("ada.json", b'{ "name" : "Ada" }\n')
    assert desk.notarise().exit_code == 0


def test_other_options_for_a_known_document_are_refused(desk: Desk) -> None:
    desk.notarise()
    facts = tally_json(*desk.order(profile="education/transcript"))
    assert {item["problem"] for item in facts["rejected"]} == {"already-notarised"}


def test_a_receipt_that_the_journal_does_not_know_is_not_overwritten(desk: Desk) -> None:
    desk.out.mkdir()
    desk.receipt_path("ada.json").write_bytes(b"precious")
    facts = tally_json(*desk.order())
    assert [(item["document"], item["problem"]) for item in facts["rejected"]] == [
        ("ada.json", "receipt-exists")
    ]
    assert desk.receipt_path("ada.json").read_bytes() == b"precious"


def test_another_documents_receipt_is_not_overwritten(desk: Desk) -> None:
    desk.notarise()
    other = desk.receipt_path("siôn.json").read_bytes()
    desk.receipt_path("ada.json").write_bytes(other)
    facts = tally_json(*desk.order())
    assert [item["problem"] for item in facts["rejected"]] == ["receipt-exists"]
    assert desk.receipt_path("ada.json").read_bytes() == other


def test_a_name_that_leaves_no_room_for_its_receipts_is_refused(desk: Desk) -> None:
    facts = tally_json(*desk.order(desk.write("n" * 245 + ".json", b"{}")))
    assert [item["problem"] for item in facts["rejected"]] == ["name-too-long"]


def test_names_that_are_not_unicode(desk: Desk) -> None:
    name = os.fsdecode(b"caf\xe9.json")
    result = desk.notarise(desk.write(name, b"{}"))
    assert result.exit_code == 0
    assert desk.receipt_path(name).exists()


# --- What the service refuses


def test_rejected_items_are_named_and_signed_anew_once_mended(desk: Desk, front: Front) -> None:
    known = front.service.registry.issuer("did:web:university.example")
    assert known is not None
    stranger = desk.path / "key2.json"
    made = tally_json("keys", "new", "--issuer", known.id, "--out", stranger)
    token = front.token()
    facts = tally_json(*desk.order(key=stranger, token=token))
    assert {item["problem"] for item in facts["rejected"]} == {"unknown-key"}
    assert len(facts["rejected"]) == 3
    desk.register(made["jwk"])
    facts = tally_json(*desk.order(key=stranger, token=token))
    assert (facts["done"], facts["rejected"]) == (3, [])
    assert len(desk.registered()) == 3


def test_a_clock_ahead_rejects_some_and_the_rest_is_done(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert desk.notarise(desk.documents[0]).exit_code == 0
    import time

    now_s = time.time()
    monkeypatch.setattr("chalicelib.cli.main.time.time", lambda: now_s + 3_600)
    token = desk.front.token()
    facts = tally_json(*desk.order(token=token))
    assert facts["done"] == 1
    assert {item["problem"] for item in facts["rejected"]} == {"issued-in-future"}
    monkeypatch.undo()
    monkeypatch.setenv("TALLY_CONFIG", os.devnull)
    assert tally_json(*desk.order())["done"] == 3


def test_rejections_beyond_those_listed_are_counted(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chalicelib.notary.jobs.REJECTED_LISTED", 1)
    stranger = desk.path / "key2.json"
    tally("keys", "new", "--issuer", "did:web:university.example", "--out", stranger)
    facts = tally_json(*desk.order(key=stranger, token=desk.front.token()))
    assert sorted(item["problem"] for item in facts["rejected"]) == [
        "rejected",
        "rejected",
        "unknown-key",
    ]


def test_a_receipt_that_does_not_verify_is_not_kept(desk: Desk, tmp_path: Path) -> None:
    policy = json.loads(desk.policy.read_text())
    policy["tlog"] = policy["tlog"].replace("tally.test", "other.test")
    elsewhere = tmp_path / "policy.json"
    elsewhere.write_text(json.dumps(policy))
    result = desk.notarise(policy=elsewhere)
    assert result.exit_code in (2, 64)
    assert not list(desk.out.glob("*.receipt.json"))


# --- Big submissions


def test_a_big_submission_is_uploaded(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chalicelib.cli.submit.BULK_ITEMS", 2)
    assert desk.notarise().exit_code == 0
    assert desk.front.seen["POST /entries"] == 0
    assert len(desk.registered()) == 3


def test_more_than_one_upload_holds_goes_in_several(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chalicelib.cli.prepare.UPLOAD_ITEMS", 2)
    assert desk.notarise().exit_code == 0
    assert desk.front.seen["POST /entries"] == 2
    assert len(desk.registered()) == 3


def test_receipts_come_by_the_page(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("cli.submit", "api.jobs"):
        monkeypatch.setattr(f"chalicelib.{module}.RECEIPTS_PAGE", 2)
    for number in range(5):
        desk.write(f"n{number}.json", b"{}")
    assert tally_json(*desk.order())["done"] == 8


def test_a_service_with_smaller_pages_is_followed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chalicelib.api.jobs.RECEIPTS_PAGE", 1)
    assert tally_json(*desk.order())["done"] == 3
