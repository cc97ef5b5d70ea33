"""``tally issue``: a roster in; credentials, receipts and a reconciliation out, and who is refused
and why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chalicelib.cli.rosters import issue as command
from chalicelib.proof.credentials.data_integrity import (
    check_controller,
    read_proof,
    verify_credential,
)
from chalicelib.proof.credentials.sd_jwt_vc import verify_sd_jwt_vc
from chalicelib.proof.keys import SigningKey, format_private_jwk
from chalicelib.proof.statement import Register
from tests.cli.desk import UNIVERSITY, Desk, tally, tally_json
from tests.cli.front import Front
from tests.cli.registrar import ADA, CHEN, GRADUATES, HEADER, SION, Registrar

AT_MS = 1_900_000_000_000
BAD = ("Eve", "S9", "Bachelor of Science", "bachelor", "9/7/2025")


@pytest.fixture
def registrar(desk: Desk) -> Registrar:
    return Registrar(desk)


# --- What is issued


def test_each_row_becomes_a_credential_and_a_receipt(registrar: Registrar) -> None:
    result = registrar.issue(registrar.roster())
    assert result.exit_code == 0, result.output
    assert result.stdout == (
        f"3 rows in = 3 issued + 0 rejected; credentials in {registrar.out}/credentials, "
        f"receipts in {registrar.out}/receipts\n"
    )
    names = ["graduates-0002", "graduates-0003", "graduates-0004"]
    assert registrar.files("credentials") == [n + e for n in names for e in (".jwt", ".sd-jwt")]
    assert registrar.files("receipts") == [f"{n}.jwt.receipt.json" for n in names]


def test_an_sd_jwt_vc_is_of_the_issuer_and_its_profile(registrar: Registrar) -> None:
    registrar.issue(registrar.roster())
    sd_jwt = registrar.credential("graduates-0004.sd-jwt")
    read = verify_sd_jwt_vc(sd_jwt, registrar.key)
    assert (read.issuer, read.vct) == (UNIVERSITY, "urn:tally:profile:education/diploma")
    assert sd_jwt.jws.kid == f"{UNIVERSITY}#{registrar.key.kid.hex()}"
    claims = {name: read.verified.claims[name] for name in ("name", "student_number", "award")}
    assert claims == {
        "name": "陈𬭎",
        "student_number": "S3",
        "award": {"title": "Master of Engineering", "level": "master"},
    }


def test_what_the_profile_lets_withhold_is_in_disclosures(registrar: Registrar) -> None:
    header = (*HEADER, "Date of birth", "/award/classification", "/study/mode")
    registrar.issue(registrar.roster([(*ADA, "2003-04-17", "First", "full-time")], header))
    sd_jwt = registrar.credential("graduates-0002.sd-jwt")
    assert set(verify_sd_jwt_vc(sd_jwt, registrar.key).verified.disclosed) == {
        ("birthdate",),
        ("student_number",),
        ("award", "classification"),
        ("study",),
    }
    for withheld in ("2003-04-17", "S1", "First", "full-time"):
        assert f'"{withheld}"' not in json.dumps(sd_jwt.payload)


def test_an_open_badge_says_what_open_badges_have_a_place_for(registrar: Registrar) -> None:
    header = (*HEADER, "Date of birth", "/award/credits", "/study/started_on", "/name_latin")
    rows = [(*CHEN, "2003-04-17", "480", "2022-09-19", "Chen Hong")]
    registrar.issue(registrar.roster(rows, header), form="open-badges")
    badge = registrar.badge("graduates-0002.json")
    read = verify_credential(badge, registrar.key, AT_MS)
    check_controller(read_proof(badge), UNIVERSITY)
    assert read.issuer == UNIVERSITY
    assert read.types == ("VerifiableCredential", "AchievementCredential")
    (subject,) = read.subjects
    achievement: Any = subject["achievement"]
    identifiers: Any = subject["identifier"]
    assert (achievement["name"], achievement["achievementType"]) == (
        "Master of Engineering",
        "MasterDegree",
    )
    assert (subject["creditsEarned"], subject["activityStartDate"]) == (480, "2022-09-19T00:00:00Z")
    assert [each["identityHash"] for each in identifiers] == ["陈𬭎", "Chen Hong", "S3"]
    assert "2003-04-17" not in json.dumps(badge)


def test_both_forms_of_a_row_have_receipts(registrar: Registrar) -> None:
    assert registrar.issue(registrar.roster([ADA]), form="both").exit_code == 0
    assert registrar.files("receipts") == [
        "graduates-0002.json.receipt.json",
        "graduates-0002.jwt.receipt.json",
    ]


def test_a_profile_other_than_a_diploma(registrar: Registrar) -> None:
    header = ["/name", "/patient_number", "/diseases/0/name", "/diseases/1/name", "/vaccine/name"]
    header += ["/administered_on", "/country", "/dose/number", "/dose/of"]
    rows = [["Ada", "P1", "Measles", "Mumps", "MMR", "2025-01-02", "GB", "1", "2"]]
    profile = "healthcare/immunization"
    assert registrar.issue(registrar.roster(rows, header), profile=profile).exit_code == 0
    claims = verify_sd_jwt_vc(registrar.credential("graduates-0002.sd-jwt"), registrar.key)
    assert claims.verified.claims["diseases"] == [{"name": "Measles"}, {"name": "Mumps"}]
    assert claims.verified.claims["dose"] == {"number": 1, "of": 2}


# --- What verifies, and what leaves the machine


def test_receipts_verify_whatever_the_holder_withholds(registrar: Registrar) -> None:
    registrar.issue(registrar.roster(), form="both")
    place = registrar.out / "credentials"
    badge = registrar.verify(place / "graduates-0002.json", "graduates-0002.json.receipt.json")
    assert badge.exit_code == 0, badge.output
    presented = place / "presented.sd-jwt"
    shown = tally("credential", "present", place / "graduates-0002.sd-jwt", "--out", presented)
    assert shown.exit_code == 0, shown.output
    jwt = presented.with_name("presented.jwt")
    jwt.write_text(presented.read_text().partition("~")[0])
    for document in (place / "graduates-0002.jwt", jwt):
        checked = registrar.verify(document, "graduates-0002.jwt.receipt.json")
        assert checked.exit_code == 0, checked.output
    other = registrar.verify(place / "graduates-0003.jwt", "graduates-0002.jwt.receipt.json")
    assert other.exit_code == 1


def test_only_statements_leave_the_machine(registrar: Registrar) -> None:
    registrar.issue(registrar.roster(), form="both")
    statements = registrar.desk.registered()
    assert len(statements) == 6
    for statement in statements:
        assert isinstance(statement.statement.payload, Register)
        assert statement.statement.payload.profile == "education/diploma"
        for name, *_ in GRADUATES:
            assert name.encode() not in statement.entry


def test_what_is_kept_for_reruns_identifies_nobody(registrar: Registrar) -> None:
    registrar.issue(registrar.roster())
    listed = (registrar.out / ".tally" / "issued.jsonl").read_bytes()
    for text in (part for row in GRADUATES for part in row):
        assert json.dumps(text).encode() not in listed
    assert (registrar.out / ".tally" / "issued.key").stat().st_mode & 0o077 == 0
    assert (registrar.out / "credentials").stat().st_mode & 0o077 == 0


# --- Names of files


def test_files_are_named_by_a_column(registrar: Registrar) -> None:
    rows = [(*ADA, "Ada/../x"), (*SION, "CON"), (*CHEN, "陈.𬭎")]
    header = (*HEADER, "File")
    result = registrar.issue(registrar.roster(rows, header), "--name-column", "File")
    assert result.exit_code == 0, result.output
    assert [n for n in registrar.files("credentials") if n.endswith(".sd-jwt")] == [
        "Ada_.._x.sd-jwt",
        "CON_.sd-jwt",
        "陈.𬭎.sd-jwt",
    ]


def test_a_name_that_is_taken_gets_a_number(registrar: Registrar) -> None:
    master = ("Ada Lovelace", "s1", "Master of Science", "master", "2026-07-09")
    other = ("Ida", "S1", "Master of Laws", "master", "2026-07-09")
    roster = registrar.roster([ADA, master, other])
    registrar.issue(roster, "--name-column", "学号")
    names = [each["name"] for each in registrar.reconciliation["issued"]]
    assert names == ["S1", "s1-2", "S1-3"]


def test_a_row_without_a_name_is_named_by_its_number(registrar: Registrar) -> None:
    roster = registrar.roster([(*ADA, " . "), (*SION, "")], (*HEADER, "File"))
    facts = registrar.facts(roster, "--name-column", "File")
    assert [each["name"] for each in facts["issued"]] == ["graduates-0002", "graduates-0003"]


def test_very_long_names_are_cut(registrar: Registrar) -> None:
    roster = registrar.roster([(*ADA, "名" * 200)], (*HEADER, "File"))
    facts = registrar.facts(roster, "--name-column", "File")
    assert [each["name"] for each in facts["issued"]] == ["名" * 50]


# --- Dry run


def test_a_dry_run_tells_and_issues_nothing(registrar: Registrar, front: Front) -> None:
    result = registrar.issue(registrar.roster([ADA, BAD]), "--dry-run", form="both")
    assert result.exit_code == 1
    assert result.stdout == (
        "row 2: graduates-0002.sd-jwt, graduates-0002.json\n"
        "2 rows in: 1 would be issued, 1 rejected; nothing was issued\n"
    )
    assert result.stderr == (
        "row 3, 'Date of award' /awarded_on: must be a date that exists, written as 2025-07-31\n"
    )
    assert not registrar.out.exists()
    assert not front.seen


def test_a_dry_run_needs_no_service(registrar: Registrar) -> None:
    roster = registrar.roster([ADA])
    order = registrar.order(roster, "--dry-run")
    at = order.index("--url")
    assert tally(*order[:at], *order[at + 2 :]).exit_code == 0


def test_a_dry_run_as_json(registrar: Registrar) -> None:
    facts = registrar.facts(registrar.roster([ADA, BAD]), "--dry-run")
    assert (facts["dry_run"], facts["in"]) == (True, 2)
    assert [each["row"] for each in facts["issued"]] == [2]
    assert facts["rejected"] == [
        {
            "row": 3,
            "count": 1,
            "faults": [
                {
                    "column": "Date of award",
                    "pointer": "/awarded_on",
                    "sentence": "must be a date that exists, written as 2025-07-31",
                }
            ],
        }
    ]


def test_a_dry_run_knows_what_was_issued(registrar: Registrar) -> None:
    roster = registrar.roster([ADA])
    registrar.issue(roster)
    result = registrar.issue(roster, "--dry-run", form="both")
    assert "row 2: graduates-0002.sd-jwt (issued before), graduates-0002.json\n" in result.stdout


def test_faults_are_told_without_values_and_to_a_bound(
    registrar: Registrar, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "_FAULTS_SHOWN", 2)
    rows = [("Eve", f"S{n}", "Law", "bachelor", "9/7/2025") for n in range(5)]
    result = registrar.issue(registrar.roster(rows), "--dry-run")
    assert result.stderr.splitlines()[2:] == ["and 3 more"]
    assert "9/7" not in result.output


# --- Bad rows


def test_nothing_is_issued_while_a_row_is_wrong(registrar: Registrar, front: Front) -> None:
    result = registrar.issue(registrar.roster([ADA, BAD]))
    assert result.exit_code == 1
    assert "2 rows: nothing was issued, for 1 row cannot be" in result.stderr
    assert "row 3, 'Date of award' /awarded_on" in result.stderr
    assert registrar.files("credentials") == []
    assert not front.seen


def test_nothing_is_issued_as_json(registrar: Registrar) -> None:
    facts = registrar.facts(registrar.roster([ADA, BAD]))
    assert (facts["in"], facts["issued"], len(facts["rejected"])) == (2, [], 1)


def test_bad_rows_are_skipped_if_asked_and_named(registrar: Registrar) -> None:
    result = registrar.issue(registrar.roster([ADA, BAD, SION]), "--skip-bad")
    assert result.exit_code == 1
    assert "3 rows in = 2 issued + 1 rejected" in result.stdout
    found = registrar.reconciliation
    assert found["in"] == len(found["issued"]) + len(found["rejected"]) == 3
    assert found["issued"][1] == {
        "row": 4,
        "name": "graduates-0004",
        "before": False,
        "credentials": ["credentials/graduates-0004.sd-jwt"],
        "receipts": ["receipts/graduates-0004.jwt.receipt.json"],
    }
    assert found["rejected"][0]["row"] == 3


def test_mended_rows_join_those_that_are_issued(registrar: Registrar) -> None:
    registrar.issue(registrar.roster([BAD, ADA]), "--skip-bad")
    result = registrar.issue(registrar.roster([(*BAD[:4], "2025-07-09"), ADA]))
    assert "2 rows in = 2 issued (1 of them before) + 0 rejected" in result.stdout
    assert len(registrar.desk.registered()) == 2


@pytest.mark.parametrize("rows", [[], [BAD]])
def test_a_roster_without_a_good_row(registrar: Registrar, rows: list[tuple[str, ...]]) -> None:
    result = registrar.issue(registrar.roster(rows), "--skip-bad")
    assert result.exit_code == len(rows)
    assert f" in = 0 issued + {len(rows)} rejected" in result.stdout
    assert registrar.reconciliation["in"] == len(rows)


# --- Other years


def test_a_document_of_an_earlier_year_is_not_issued_again(registrar: Registrar) -> None:
    registrar.issue(registrar.roster([ADA, SION]))
    later = registrar.roster([(*ADA[:4], "2026-07-09"), CHEN], name="graduates-2026.csv")
    result = registrar.issue(later)
    assert result.exit_code == 1
    assert (
        "row 2: was issued before, as graduates-0002, with other claims: give --correct to "
        "supersede that one" in result.stderr
    )
    assert registrar.issue(later, "--skip-bad").exit_code == 1
    assert len(registrar.desk.registered()) == 3


def test_a_document_is_known_in_any_normalization(registrar: Registrar) -> None:
    registrar.issue(registrar.roster([("Siôn", *SION[1:])]))
    result = registrar.issue(registrar.roster([("Sio\u0302n", *SION[1:])], name="again.csv"))
    assert "1 row in = 1 issued (1 of them before) + 0 rejected" in result.stdout
    assert len(registrar.desk.registered()) == 1


def test_the_next_years_rows_have_names_of_their_own(registrar: Registrar) -> None:
    registrar.issue(registrar.roster([ADA]))
    facts = registrar.facts(registrar.roster([CHEN]))
    assert facts["issued"][0]["name"] == "graduates-0002-2"


# --- Keys and forms


def test_open_badges_need_an_ed25519_key(registrar: Registrar) -> None:
    key = registrar.desk.path / "key-p256.json"
    tally("keys", "new", "--issuer", UNIVERSITY, "--out", key, "--alg", "ES256")
    result = registrar.issue(registrar.roster(), form="both", key=key)
    assert result.exit_code == 64
    assert "Open Badges need an Ed25519 key" in result.stderr


def test_open_badges_are_of_diplomas(registrar: Registrar) -> None:
    result = registrar.issue(registrar.roster(), form="open-badges", profile="legal/contract")
    assert result.exit_code == 64
    assert "education/diploma alone" in result.stderr


def test_a_p256_key_issues_sd_jwt_vcs(registrar: Registrar) -> None:
    key = registrar.desk.path / "key-p256.json"
    made = tally_json("keys", "new", "--issuer", UNIVERSITY, "--out", key, "--alg", "ES256")
    registrar.desk.register(made["jwk"])
    assert registrar.issue(registrar.roster(), key=key).exit_code == 0
    assert registrar.credential("graduates-0002.sd-jwt").jws.alg == "ES256"


def test_what_the_service_refuses_is_named_and_not_handed_out(registrar: Registrar) -> None:
    stranger = registrar.desk.path / "key2.json"
    tally("keys", "new", "--issuer", UNIVERSITY, "--out", stranger)
    result = registrar.issue(
        registrar.roster([ADA]), key=stranger, token=registrar.desk.front.token()
    )
    assert result.exit_code == 1
    assert "row 2, graduates-0002.jwt: " in result.stderr
    assert "[unknown-key]" in result.stderr
    assert "1 row in = 0 issued + 1 rejected" in result.stdout
    assert registrar.files("credentials") == []
    (named,) = registrar.reconciliation["rejected"]
    assert (named["row"], named["problems"][0]["problem"]) == (2, "unknown-key")


def test_what_was_refused_is_made_anew_with_another_key_or_other_claims(
    registrar: Registrar,
) -> None:
    stranger = registrar.desk.path / "key2.json"
    tally("keys", "new", "--issuer", UNIVERSITY, "--out", stranger)
    roster = registrar.roster([ADA, SION])
    registrar.issue(roster, key=stranger, token=registrar.desk.front.token())
    result = registrar.issue(registrar.roster([ADA, ("Siôn", *SION[1:])]))
    assert "2 rows in = 2 issued + 0 rejected" in result.stdout, result.output
    for name in ("graduates-0002.sd-jwt", "graduates-0003.sd-jwt"):
        verify_sd_jwt_vc(registrar.credential(name), registrar.key)
    assert registrar.credential("graduates-0003.sd-jwt").payload["name"] == "Siôn"


# --- Wrong usage


def test_a_roster_that_cannot_be_read_is_named(registrar: Registrar) -> None:
    result = registrar.issue(registrar.roster([ADA], ("Name?", *HEADER[1:])))
    assert result.exit_code == 1
    assert "graduates.csv: 'Name?' (column 1) is no claim of education/diploma" in result.stderr
    assert "there is no column for /name" in result.stderr


def test_the_service_must_be_named(registrar: Registrar) -> None:
    order = registrar.order(registrar.roster())
    at = order.index("--url")
    result = tally(*order[:at], *order[at + 2 :])
    assert result.exit_code == 64
    assert "give --url" in result.stderr


def test_columns_are_mapped(registrar: Registrar) -> None:
    columns = registrar.desk.write(
        "columns.json", json.dumps({"Who": "/name", "Remarks": None}).encode()
    )
    roster = registrar.roster([(*ADA, "call back")], ("Who", *HEADER[1:], "Remarks"))
    assert registrar.issue(roster, columns=columns).exit_code == 0
    assert registrar.credential("graduates-0002.sd-jwt").payload["name"] == "Ada Lovelace"


def test_a_map_that_is_none_is_named(registrar: Registrar) -> None:
    columns = registrar.desk.write("columns.json", b'{"Who": 1}')
    result = registrar.issue(registrar.roster(), columns=columns)
    assert result.exit_code == 64
    assert "columns.json: a column is mapped to a JSON pointer" in result.stderr


@pytest.mark.parametrize("encoding", ["utf-16", "gb18030", "utf-8-sig"])
def test_rosters_in_other_encodings(registrar: Registrar, encoding: str) -> None:
    roster = registrar.roster([CHEN], ("姓名", *HEADER[1:]), encoding=encoding)
    result = registrar.issue(roster)
    assert result.exit_code == 0, result.output
    assert registrar.credential("graduates-0002.sd-jwt").payload["name"] == "陈𬭎"
    assert ("note: the roster was read as GB18030" in result.stderr) == (encoding == "gb18030")


def test_credentials_are_bound_to_the_holders_key(registrar: Registrar, tmp_path: Path) -> None:
    holder = SigningKey.generate()
    jwk = format_private_jwk(holder)
    public = {name: value for name, value in jwk.items() if name != "d"}
    registrar.issue(registrar.roster([(*ADA, json.dumps(public))], (*HEADER, "/cnf")))
    assert registrar.credential("graduates-0002.sd-jwt").payload["cnf"] == {"jwk": public}


def test_two_thousand_graduates(registrar: Registrar) -> None:
    """In = issued + rejected, each named; each issued once."""
    rows = [
        (f"Graduate {n}", f"S{n}", "Bachelor of Laws", "bachelor", "2025-07-09" if n % 200 else "-")
        for n in range(2_000)
    ]
    result = registrar.issue(registrar.roster(rows), "--skip-bad")
    assert "2000 rows in = 1990 issued + 10 rejected" in result.stdout, result.output
    found = registrar.reconciliation
    named = [each["row"] for each in (*found["issued"], *found["rejected"])]
    assert sorted(named) == list(range(2, 2_002))
    assert len(registrar.files("receipts")) == len(registrar.desk.registered()) == 1_990
