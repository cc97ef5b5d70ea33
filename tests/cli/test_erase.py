"""``tally erase``: what connects people with entries is destroyed, and all else stays as it was."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from chalicelib.cli.journal import Rejection, open_journal
from chalicelib.cli.main import main
from chalicelib.cli.rosters.issued import open_issued
from chalicelib.proof.erasure import SignedErasure, check_erased, parse_erasure, verify_erasure
from chalicelib.proof.policy import parse_policy
from chalicelib.proof.receipt import Receipt, format_receipt, parse_receipt
from tests.cli.desk import UNIVERSITY, Desk, tally, tally_json
from tests.cli.front import problem
from tests.cli.registrar import ADA, CHEN, GRADUATES, SION, Registrar

ENDINGS = (".jwt", ".json")


@pytest.fixture
def registrar(desk: Desk) -> Registrar:
    """One who has issued to all graduates, in both forms."""
    registrar = Registrar(desk)
    assert registrar.issue(registrar.roster(), form="both").exit_code == 0
    return registrar


def erase(desk: Desk, out: Path, *arguments: object, key: Path | None = None) -> Any:
    return tally("erase", "--out", out, "--key", key or desk.key, "--yes", *arguments)


def read_files(path: Path) -> dict[str, bytes]:
    found = (each for each in path.rglob("*") if each.is_file())
    return {str(each.relative_to(path)): each.read_bytes() for each in found}


def entry_ids(out: Path) -> dict[str, str]:
    """Entry ids by the names of documents, as receipts have them."""
    return {
        path.name.removesuffix(".receipt.json"): parse_receipt(
            path.read_bytes()
        ).statement.entry_id.hex()
        for path in out.glob("*.receipt.json")
    }


def erased(desk: Desk, out: Path) -> dict[str, SignedErasure]:
    """Erasure receipts by entry id, each verified under the desk's policy, and the receipts
    beside them."""
    policy = parse_policy(desk.policy.read_bytes())
    found = {}
    for path in (out / "erased").glob("*.erasure.json"):
        signed = parse_erasure(path.read_bytes())
        issuer = verify_erasure(signed, policy)
        bare = bare_receipt(out, path.name.partition(".")[0])
        check_erased(signed.erasure, bare.statement, issuer)
        found[path.name.partition(".")[0]] = signed
    return found


def bare_receipt(out: Path, entry: str) -> Receipt:
    return parse_receipt((out / "erased" / f"{entry}.receipt.json").read_bytes())


class TestIssued:
    def test_everything_that_connects_her_with_an_entry_is_gone(self, registrar: Registrar) -> None:
        desk, out = registrar.desk, registrar.out
        ids = entry_ids(out / "receipts")
        before = read_files(out)
        holders = [
            parse_receipt(before[f"receipts/graduates-0002{each}.receipt.json"]).document
            for each in ENDINGS
        ]
        with open_issued(out) as issued:
            gone = [each for each in issued.all() if each.name == "graduates-0002"]
        result = erase(desk, out, "graduates-0002")
        assert result.exit_code == 0, result.output
        assert "graduates-0002" not in result.output
        after = read_files(out)
        assert not [name for name in after if "graduates-0002" in name]
        traces = [b"Ada Lovelace", b"graduates-0002"]
        for holder in holders:
            assert holder is not None
            traces += [each.hex().encode() for each in (holder.salt, holder.sha256, holder.sm3)]
        for each in gone:
            digests = (each.seed, each.document, each.claims, each.sha256)
            traces += [digest.hex().encode() for digest in digests]
        assert len(traces) == 2 + 2 * 3 + 2 * 4
        assert all(any(trace in data for data in before.values()) for trace in traces)
        assert not [t for t in traces for data in after.values() if t in data]
        mine = {ids[f"graduates-0002{each}"] for each in ENDINGS}
        assert erased(desk, out).keys() == mine

    def test_what_was_destroyed_is_said(self, registrar: Registrar) -> None:
        erase(registrar.desk, registrar.out, "graduates-0002")
        for signed in erased(registrar.desk, registrar.out).values():
            assert signed.erasure.iss == UNIVERSITY
            assert signed.erasure.destroyed == (
                "credential-files",
                "journal-lines",
                "receipt-salts",
                "seeds",
            )

    def test_the_others_stay_as_they_were(self, registrar: Registrar) -> None:
        before = read_files(registrar.out)
        erase(registrar.desk, registrar.out, "graduates-0002")
        after = read_files(registrar.out)
        mine = {name for name in before if "graduates-0002" in name}
        changed = {name for name in before.keys() - mine if after.get(name) != before[name]}
        journal = "receipts/.tally/journal.jsonl"
        assert changed == {journal, ".tally/issued.jsonl", "reconciliation.json"}
        result = registrar.verify(
            registrar.out / "credentials" / "graduates-0003.jwt", "graduates-0003.jwt.receipt.json"
        )
        assert result.exit_code == 0

    @pytest.mark.parametrize(
        "name",
        [
            "graduates-0002.sd-jwt",
            "graduates-0002.jwt",
            "graduates-0002.json",
            "graduates-0002.jwt.receipt.json",
            "somewhere/else/graduates-0002.json.receipt.json",
        ],
    )
    def test_by_the_name_of_any_of_its_files(self, registrar: Registrar, name: str) -> None:
        assert erase(registrar.desk, registrar.out, name).exit_code == 0
        assert not list(registrar.out.rglob("*graduates-0002*"))
        assert len(erased(registrar.desk, registrar.out)) == 2

    @pytest.mark.parametrize("name", ["graduates-0002", "graduates-0002.superseded-1.jwt"])
    def test_with_what_was_corrected(self, registrar: Registrar, name: str) -> None:
        """Versions that were superseded and put aside go with it."""
        for title in ("Bachelor", "Master"):
            corrected = registrar.roster([(f"Ada {title}", *ADA[1:])])
            assert registrar.issue(corrected, "--correct", form="both").exit_code == 0
        (registrar.out / "receipts" / "graduates-0002.superseded-1.jwt.ots").write_bytes(b"Ada")
        ids = entry_ids(registrar.out / "receipts")
        mine = {each for document, each in ids.items() if document.startswith("graduates-0002")}
        assert len(mine) == 2 * 3
        before = read_files(registrar.out)
        assert len([name for name in before if "superseded" in name]) == 2 * 3 + 2 * 2 + 1
        assert erase(registrar.desk, registrar.out, name).exit_code == 0
        after = read_files(registrar.out)
        assert not [n for n, d in after.items() if "graduates-0002" in n or b"Ada " in d]
        found = erased(registrar.desk, registrar.out)
        assert found.keys() == mine
        every = ("credential-files", "journal-lines", "receipt-salts", "seeds")
        assert {each.erasure.destroyed for each in found.values()} == {every}
        assert registrar.issue(registrar.roster(), "--skip-bad", form="both").exit_code == 1

    def test_by_entry(self, registrar: Registrar) -> None:
        """An entry is of a document, and the document goes as a whole."""
        entry = entry_ids(registrar.out / "receipts")["graduates-0003.json"]
        assert erase(registrar.desk, registrar.out, "--entry", entry).exit_code == 0
        assert not list(registrar.out.rglob("*graduates-0003*"))
        again = erase(registrar.desk, registrar.out, "--entry", entry)
        assert again.exit_code == 0
        assert f"{entry}.erasure.json" in again.output

    @pytest.mark.parametrize(
        ("column", "value"),
        [("/student_number", "S2"), ("学号", " S2 "), ("Full name", "Sio\u0302n Lly\u0302r")],
    )
    def test_by_claim(self, registrar: Registrar, column: str, value: str) -> None:
        assert erase(registrar.desk, registrar.out, "--claim", column, value).exit_code == 0
        left = {path.name for path in (registrar.out / "credentials").iterdir()}
        assert left == {f"graduates-000{n}{e}" for n in (2, 4) for e in (".sd-jwt", *ENDINGS)}

    def test_by_several_claims_at_once(self, registrar: Registrar) -> None:
        both = ("--claim", "/award/level", "bachelor", "--claim", "/award/title", SION[2])
        assert erase(registrar.desk, registrar.out, *both).exit_code == 0
        assert not list(registrar.out.rglob("*graduates-0003*"))
        assert list((registrar.out / "credentials").glob("graduates-0002*"))

    @pytest.mark.parametrize(
        "claim",
        [
            ("/student_number", "S9"),
            ("/student_number", ""),
            ("Shoe size", "S2"),
            ("/award", "S2"),
            ("/name/first", "S2"),
            ("", "S2"),
        ],
    )
    def test_by_a_claim_that_nobody_has(self, registrar: Registrar, claim: tuple[str, str]) -> None:
        before = read_files(registrar.out)
        result = erase(registrar.desk, registrar.out, "--claim", *claim)
        assert result.exit_code == 64
        assert "there is no such document" in result.output
        assert read_files(registrar.out) == before

    def test_a_badge_alone_by_its_own_pointers(self, desk: Desk) -> None:
        registrar = Registrar(desk)
        registrar.issue(registrar.roster([ADA, CHEN]), form="open-badges")
        claim = ("--claim", "/credentialSubject/identifier/1/identityHash", "S3")
        assert erase(desk, registrar.out, *claim).exit_code == 0
        assert registrar.files("credentials") == ["graduates-0002.json"]

    def test_credentials_that_are_not_there_are_told(self, registrar: Registrar) -> None:
        for path in (registrar.out / "credentials").glob("graduates-0003*"):
            path.unlink()
        (registrar.out / "credentials" / "graduates-0004.sd-jwt").write_bytes(b"\xff")
        (registrar.out / "credentials" / "graduates-0004.json").write_bytes(b"{")
        found = erase(registrar.desk, registrar.out, "--claim", "/student_number", "S1")
        assert found.exit_code == 0
        assert "note: 2 credentials are not in" in found.stderr
        assert "such as graduates-0003" in found.stderr

    def test_a_row_that_was_erased_is_not_issued_again(self, registrar: Registrar) -> None:
        erase(registrar.desk, registrar.out, "graduates-0002")
        known = len(registrar.desk.registered())
        result = registrar.issue(registrar.roster(), form="both")
        assert result.exit_code == 1
        assert "row 2: may be one that was erased" in result.stderr
        assert "--again 2" in result.stderr
        facts = registrar.facts(registrar.roster(), "--skip-bad", form="both")
        assert [each["row"] for each in facts["rejected"]] == [2]
        assert [each["row"] for each in facts["issued"]] == [3, 4]
        assert len(registrar.desk.registered()) == known
        assert not list(registrar.out.rglob("*graduates-0002*"))

    @pytest.mark.parametrize(
        "rows",
        [
            pytest.param(GRADUATES[::-1], id="in another order"),
            pytest.param([ADA], id="alone"),
            pytest.param([SION, ADA], id="after another"),
        ],
    )
    def test_nor_wherever_it_stands(self, registrar: Registrar, rows: Any) -> None:
        erase(registrar.desk, registrar.out, "graduates-0002")
        known = len(registrar.desk.registered())
        assert registrar.issue(registrar.roster(rows), "--skip-bad").exit_code == 1
        assert len(registrar.desk.registered()) == known

    def test_nor_under_another_name_of_the_roster(self, registrar: Registrar) -> None:
        """As long as it shares a row with what is known."""
        erase(registrar.desk, registrar.out, "graduates-0002")
        copy = registrar.roster(name="graduates (1).csv")
        assert registrar.issue(copy, "--skip-bad", "--dry-run").exit_code == 1

    def test_nor_when_all_of_a_roster_was_erased(self, registrar: Registrar) -> None:
        erase(registrar.desk, registrar.out, *(f"graduates-000{n}" for n in (2, 3, 4)))
        assert len(registrar.facts(registrar.roster(), "--skip-bad")["rejected"]) == 3

    def test_unless_it_is_said_so(self, registrar: Registrar) -> None:
        erase(registrar.desk, registrar.out, "graduates-0002", "graduates-0003")
        flags = ("--again", 2, "--skip-bad")
        facts = registrar.facts(registrar.roster(), *flags, form="both")
        assert [each["row"] for each in facts["issued"]] == [2, 4]
        assert [each["row"] for each in facts["rejected"]] == [3]
        assert registrar.facts(registrar.roster([ADA]), form="both")["issued"][0]["before"]

    def test_a_new_year_is_issued_as_ever(self, registrar: Registrar) -> None:
        erase(registrar.desk, registrar.out, "graduates-0002")
        new = registrar.roster([("Eve", "S7", *ADA[2:])], name="graduates-2026.csv")
        assert len(registrar.facts(new)["issued"]) == 1

    def test_a_name_that_is_free_again_is_of_another_document(self, registrar: Registrar) -> None:
        erase(registrar.desk, registrar.out, "graduates-0002")
        ids = set(erased(registrar.desk, registrar.out))
        new = [("Eve", "S7", *ADA[2:])]
        assert registrar.issue(registrar.roster(new, name="new.csv"), form="both").exit_code == 0
        erase(registrar.desk, registrar.out, "new-0002")
        assert len(erased(registrar.desk, registrar.out).keys() - ids) == 2

    def test_the_reconciliation_keeps_the_row_alone(self, registrar: Registrar) -> None:
        erase(registrar.desk, registrar.out, "graduates-0003")
        issued = registrar.reconciliation["issued"]
        assert issued[1] == {"row": 3, "erased": True}
        assert [each["row"] for each in issued] == [2, 3, 4]

    @pytest.mark.parametrize("damage", [b"{", b"[]", b'{"issued":1}', b'{"issued":[1]}'])
    def test_a_reconciliation_that_cannot_be_read_goes(
        self, registrar: Registrar, damage: bytes
    ) -> None:
        (registrar.out / "reconciliation.json").write_bytes(damage)
        assert erase(registrar.desk, registrar.out, "graduates-0003").exit_code == 0
        assert not (registrar.out / "reconciliation.json").exists()

    def test_what_a_power_cut_left_goes_too(self, registrar: Registrar) -> None:
        left = [
            registrar.out / "credentials" / ".graduates-0002.sd-jwt.77.tmp",
            registrar.out / ".tally" / "made" / "graduates-0002.jwt",
            registrar.out / "receipts" / ".tally" / "receipt.tmp",
            registrar.out / "receipts" / "graduates-0002.jwt.ots",
        ]
        for path in left:
            path.write_bytes(b"Ada Lovelace")
        erase(registrar.desk, registrar.out, "graduates-0002")
        assert not [path for path in left if path.exists()]

    def test_a_document_that_was_made_and_never_registered(self, registrar: Registrar) -> None:
        """There is no entry, and so nothing to say; all the same it goes."""
        desk = registrar.desk
        desk.front.answer("POST /entries", *[_refusal()] * 4)
        new = registrar.roster([("Eve", "S7", *ADA[2:])], name="new.csv")
        assert registrar.issue(new).exit_code == 2
        (registrar.out / "receipts" / ".tally" / "journal.jsonl").unlink()
        assert erase(desk, registrar.out, "new-0002").exit_code == 0
        assert not [n for n, data in read_files(registrar.out).items() if "new-0002" in n]
        assert not (registrar.out / "erased").exists() or not erased(desk, registrar.out)


def _refusal() -> Any:
    return problem(403, "forbidden", "Not today.")


class TestNotarised:
    def test_a_document_and_its_receipt(self, desk: Desk) -> None:
        desk.notarise()
        ids = entry_ids(desk.out)
        whole = desk.receipt("ada.json")
        assert erase(desk, desk.out, "ada.json").exit_code == 0
        assert erased(desk, desk.out).keys() == {ids["ada.json"]}
        assert whole.document is not None
        bare = bare_receipt(desk.out, ids["ada.json"])
        assert format_receipt(bare) == format_receipt(_without_holder(whole))
        left = read_files(desk.out)
        assert not [n for n, data in left.items() if "ada.json" in n or b"ada.json" in data]

    def test_the_batch_stays_the_same_submission(self, desk: Desk) -> None:
        """The receipts of the others are fetched again from the very job they came in."""
        desk.notarise()
        known = len(desk.registered())
        erase(desk, desk.out, "ada.json")
        desk.receipt_path("siôn.json").unlink()
        desk.front.seen.clear()
        files = [path for path in desk.documents if path.name != "ada.json"]
        assert desk.notarise(*files).exit_code == 0
        assert desk.receipt("siôn.json").document is not None
        assert (len(desk.registered()), desk.front.seen["POST /entries"]) == (known, 1)
        assert not desk.receipt_path("ada.json").exists()

    def test_it_is_not_registered_again(self, desk: Desk) -> None:
        desk.notarise()
        known = len(desk.registered())
        erase(desk, desk.out, "ada.json")
        for files in ((), (desk.path / "ada.json",)):
            result = desk.notarise(*files)
            assert result.exit_code == 1
            assert "ada.json: documents were erased from this --out" in result.stderr
        assert len(desk.registered()) == known

    def test_unless_it_is_said_so(self, desk: Desk) -> None:
        desk.notarise()
        erase(desk, desk.out, "ada.json")
        assert tally(*desk.order(), "--again").exit_code == 0
        assert len(desk.registered()) == 3 + 1
        assert len(entry_ids(desk.out)) == 3
        assert len(erased(desk, desk.out)) == 1

    def test_where_it_stood_is_not_kept(self, desk: Desk) -> None:
        """Of several that were erased nobody sees which was which."""
        desk.notarise()
        erase(desk, desk.out, "siôn.json")
        erase(desk, desk.out, "ada.json")
        with open_journal(desk.out) as journal:
            names = [each.name for each in journal.signed]
            ids = [each.statement.entry_id for each in journal.signed]
        assert names == ["王小明.json", "", ""]
        assert ids[1:] == sorted(ids[1:])

    def test_every_statement_that_was_ever_signed_for_it(self, desk: Desk) -> None:
        desk.front.answer("POST /entries", _refusal())
        paths = [desk.path / "ada.json"]
        assert desk.notarise(*paths).exit_code == 2
        with open_journal(desk.out) as journal:
            journal.reject({0: Rejection("test", "test")})
        assert desk.notarise(*paths).exit_code == 0
        assert erase(desk, desk.out, "ada.json").exit_code == 0
        files = read_files(desk.out)
        assert len([name for name in files if name.endswith(".erasure.json")]) == 2

    def test_without_a_journal_the_receipt_is_enough(self, desk: Desk) -> None:
        desk.notarise()
        (desk.out / ".tally" / "journal.jsonl").unlink()
        entry = entry_ids(desk.out)["ada.json"]
        assert erase(desk, desk.out, "--entry", entry).exit_code == 0
        assert erased(desk, desk.out)[entry].erasure.destroyed == ("receipt-salts",)

    def test_a_receipt_that_was_without_salt_is_no_erasure(self, desk: Desk) -> None:
        desk.notarise()
        (desk.out / ".tally" / "journal.jsonl").unlink()
        bare = format_receipt(_without_holder(desk.receipt("ada.json")))
        desk.receipt_path("ada.json").write_bytes(bare)
        assert erase(desk, desk.out, "ada.json").exit_code == 0
        assert erased(desk, desk.out) == {}
        assert not desk.receipt_path("ada.json").exists()

    def test_a_damaged_receipt_goes(self, desk: Desk) -> None:
        desk.notarise()
        desk.receipt_path("ada.json").write_bytes(b"{}")
        assert erase(desk, desk.out, "ada.json").exit_code == 0
        assert not desk.receipt_path("ada.json").exists()
        assert len(list((desk.out / "erased").iterdir())) == 1

    def test_it_can_still_be_revoked(self, desk: Desk) -> None:
        desk.notarise()
        entry = entry_ids(desk.out)["ada.json"]
        erase(desk, desk.out, "ada.json")
        bare = desk.out / "erased" / f"{entry}.receipt.json"
        done = tally(
            "revoke", bare, "--reason", "other", "--key", desk.key, "--url", desk.front.url
        )
        assert done.exit_code == 0, done.output


def _without_holder(receipt: Receipt) -> Receipt:
    return replace(receipt, document=None)


class TestRefusals:
    """Nothing is destroyed by a command that is not as it should be."""

    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            ((), "say which documents"),
            (("eve.json",), "eve.json: there is no such document"),
            (("ada.json", "eve.json"), "eve.json: there is no such document"),
            (("--entry", "00"), "--entry is 32 bytes in hex"),
            (("--entry", "ab" * 32), "there is no such document"),
            (("ada.json", "--json"), "give --yes"),
        ],
    )
    def test_what_is_misused(self, desk: Desk, arguments: tuple[str, ...], says: str) -> None:
        desk.notarise()
        before = read_files(desk.out)
        yes = () if "--json" in arguments else ("--yes",)
        result = tally("erase", "--out", desk.out, "--key", desk.key, *yes, *arguments)
        assert result.exit_code == 64
        assert says in result.output
        assert read_files(desk.out) == before

    def test_a_directory_that_is_none(self, desk: Desk) -> None:
        result = erase(desk, desk.path / "nowhere", "ada.json")
        assert result.exit_code == 64
        assert "is not a directory with receipts" in result.output

    def test_who_does_not_say_yes(self, desk: Desk) -> None:
        desk.notarise()
        before = read_files(desk.out)
        result = tally("erase", "--out", desk.out, "--key", desk.key, "ada.json")
        assert result.exit_code != 0
        assert "Erase this, of 1 entry" in result.output
        assert read_files(desk.out) == before

    def test_the_key_of_another_issuer(self, desk: Desk) -> None:
        desk.notarise()
        before = read_files(desk.out)
        other = desk.path / "key-other.json"
        tally("keys", "new", "--issuer", "did:web:other.example", "--out", other)
        result = erase(desk, desk.out, "ada.json", key=other)
        assert result.exit_code == 64
        assert "give the key of its issuer" in result.output
        assert read_files(desk.out) == before

    def test_a_change_that_was_not_sent(self, desk: Desk) -> None:
        desk.notarise()
        left = desk.receipt_path("ada.json").with_name("ada.json.receipt.json.revoke")
        left.write_bytes(b"")
        result = erase(desk, desk.out, "ada.json")
        assert result.exit_code == 64
        assert "run tally revoke again" in result.output
        assert desk.receipt_path("ada.json").exists()

    def test_two_commands_at_once(self, desk: Desk) -> None:
        desk.notarise()
        with open_journal(desk.out):
            assert erase(desk, desk.out, "ada.json").exit_code == 2
        assert desk.receipt_path("ada.json").exists()


def test_json(desk: Desk) -> None:
    desk.notarise()
    entry = entry_ids(desk.out)["ada.json"]
    facts = tally_json("erase", "--out", desk.out, "--key", desk.key, "--yes", "ada.json")
    file = desk.out / "erased" / f"{entry}.erasure.json"
    assert facts == {"erased": [entry], "receipts": [str(file)]}


@pytest.mark.parametrize("answer", ["y", "n"])
def test_asked_and_answered(desk: Desk, answer: str) -> None:
    desk.notarise()
    arguments = ["erase", "--out", str(desk.out), "--key", str(desk.key), "ada.json"]
    result = CliRunner().invoke(main, arguments, input=f"{answer}\n")
    assert result.exit_code == (0 if answer == "y" else 2), result.output
    assert desk.receipt_path("ada.json").exists() == (answer == "n")


def test_the_log_says_no_more_than_before(desk: Desk) -> None:
    """Audit, root and every other receipt are as they were."""
    desk.notarise()
    log = desk.front.service.log
    head = log.chain.head()
    others = {name: desk.receipt_path(name).read_bytes() for name in ("siôn.json", "王小明.json")}
    erase(desk, desk.out, "ada.json")
    after = log.chain.head()
    assert head is not None
    assert after is not None
    assert after.block == head.block
    audit = tally("audit", desk.front.url, "--policy", desk.policy)
    assert audit.exit_code == 0, audit.output
    for name, data in others.items():
        assert desk.receipt_path(name).read_bytes() == data
        verdict = tally(
            "verify", desk.path / name, desk.receipt_path(name), "--policy", desk.policy
        )
        assert verdict.exit_code == 0


def test_the_document_and_what_is_left_of_its_receipt_prove_nothing(desk: Desk) -> None:
    desk.notarise()
    entry = entry_ids(desk.out)["ada.json"]
    erase(desk, desk.out, "ada.json")
    bare = desk.out / "erased" / f"{entry}.receipt.json"
    verdict = tally_json("verify", desk.path / "ada.json", bare, "--policy", desk.policy)
    assert verdict["verdict"] == "cannot tell"
    results = {each["check"]: each["result"] for each in verdict["checks"]}
    assert (results["document"], results["inclusion"], results["issuer"]) == (
        "unknown",
        "pass",
        "pass",
    )
