"""``tally issue --correct``: what was issued with other claims is superseded, and both are kept."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.cli.keyfile import read_key
from chalicelib.proof.credentials.sd_jwt_vc import verify_sd_jwt_vc
from chalicelib.proof.payload import Register, Supersede
from chalicelib.proof.receipt import Receipt, parse_receipt
from chalicelib.proof.statement import SignedStatement
from tests.cli.desk import UNIVERSITY, Desk, tally, tally_json
from tests.cli.front import Front
from tests.cli.registrar import ADA, CHEN, SION, Registrar

WRONG = ("Ada Lovlace", *ADA[1:])
TYPO = ("Ada Lovelase", *ADA[1:])
NAME, OLD, OLDER = "graduates-0002", "graduates-0002.superseded-1", "graduates-0002.superseded-2"


@pytest.fixture
def registrar(desk: Desk) -> Registrar:
    return Registrar(desk)


def receipt(registrar: Registrar, name: str) -> Receipt:
    return parse_receipt((registrar.out / "receipts" / f"{name}.receipt.json").read_bytes())


def name_in(registrar: Registrar, name: str) -> Any:
    return registrar.credential(f"{name}.sd-jwt").payload["name"]


def chain(statements: list[SignedStatement]) -> list[SignedStatement]:
    """The statements in order of the log, each of which supersedes the one before."""
    first, *rest = statements
    assert isinstance(first.statement.payload, Register)
    for before, statement in zip(statements, rest, strict=False):
        payload = statement.statement.payload
        assert isinstance(payload, Supersede)
        assert payload.target == before.entry_id
        assert statement.statement.sub == first.statement.sub
    return statements


# --- What becomes of the old and of the new


def test_a_row_with_other_claims_supersedes_what_was_issued(registrar: Registrar) -> None:
    registrar.issue(registrar.roster([WRONG, SION]))
    result = registrar.issue(registrar.roster([ADA, SION]), "--correct")
    assert result.exit_code == 0, result.output
    assert (
        "2 rows in = 2 issued (1 of them before, 1 of them in place of older ones) + 0 rejected"
        in result.stdout
    )
    *first, right = registrar.desk.registered()
    (wrong,) = (each for each in first if each.statement.sub == right.statement.sub)
    chain([wrong, right])
    assert name_in(registrar, NAME) == "Ada Lovelace"
    assert name_in(registrar, OLD) == "Ada Lovlace"
    assert receipt(registrar, f"{NAME}.jwt").statement == right
    assert receipt(registrar, f"{OLD}.jwt").statement == wrong
    for name in (NAME, OLD):
        document = registrar.out / "credentials" / f"{name}.jwt"
        assert registrar.verify(document, f"{name}.jwt.receipt.json").exit_code == 0


def test_the_reconciliation_names_old_and_new(registrar: Registrar) -> None:
    registrar.issue(registrar.roster([WRONG, SION]), form="both")
    registrar.issue(registrar.roster([ADA, SION]), "--correct", form="both")
    ada, sion = registrar.reconciliation["issued"]
    assert "supersedes" not in sion
    assert ada["credentials"] == [f"credentials/{NAME}.sd-jwt", f"credentials/{NAME}.json"]
    assert ada["supersedes"] == [
        {
            "credential": f"credentials/{OLD}.{ending}",
            "receipt": f"receipts/{OLD}.{document}.receipt.json",
            "entry_id": receipt(registrar, f"{OLD}.{document}").statement.entry_id.hex(),
            "by": receipt(registrar, f"{NAME}.{document}").statement.entry_id.hex(),
        }
        for ending, document in (("sd-jwt", "jwt"), ("json", "json"))
    ]
    assert (registrar.out / ada["supersedes"][1]["credential"]).exists()


def test_a_new_credential_has_the_place_of_the_old_in_the_lists_of_its_generation(
    registrar: Registrar, front: Front
) -> None:
    for row in (WRONG, TYPO, ADA):
        registrar.issue(registrar.roster([row]), "--correct", form="both")
    assert front.allotted.asked == [2]
    jwt, badge = front.allotted.entries
    places = [
        registrar.credential(f"{name}.sd-jwt").payload["status"] for name in (OLD, OLDER, NAME)
    ]
    assert places == [
        {"status_list": {"idx": jwt["index"], "uri": jwt["list"] + generation}}
        for generation in ("", "-1", "-2")
    ]
    assert [each["id"] for each in registrar.badge(f"{NAME}.json")["credentialStatus"]] == [
        f"{badge['list']}-2/{purpose}#{badge['index']}" for purpose in ("revocation", "suspension")
    ]


def test_what_has_no_place_gets_none_when_it_is_corrected(
    registrar: Registrar, front: Front
) -> None:
    registrar.issue(registrar.roster([WRONG]), "--no-status")
    assert registrar.issue(registrar.roster([ADA]), "--correct").exit_code == 0
    chain(registrar.desk.registered())
    assert "status" not in registrar.credential(f"{NAME}.sd-jwt").payload
    assert front.allotted.asked == []


def test_a_correction_without_status(registrar: Registrar) -> None:
    registrar.issue(registrar.roster([WRONG]))
    registrar.issue(registrar.roster([ADA]), "--correct", "--no-status")
    assert "status" in registrar.credential(f"{OLD}.sd-jwt").payload
    assert "status" not in registrar.credential(f"{NAME}.sd-jwt").payload


def test_every_older_one_is_kept(registrar: Registrar) -> None:
    for row in (WRONG, TYPO, ADA):
        assert registrar.issue(registrar.roster([row]), "--correct").exit_code == 0
    assert [name_in(registrar, each) for each in (OLD, OLDER, NAME)] == [
        "Ada Lovlace",
        "Ada Lovelase",
        "Ada Lovelace",
    ]
    first, second, third = chain(registrar.desk.registered())
    assert receipt(registrar, f"{OLD}.jwt").statement == first
    assert receipt(registrar, f"{OLDER}.jwt").statement == second
    assert receipt(registrar, f"{NAME}.jwt").statement == third


def test_claims_may_be_corrected_back(registrar: Registrar) -> None:
    for row in (ADA, WRONG, ADA):
        registrar.issue(registrar.roster([row]), "--correct")
    assert name_in(registrar, NAME) == "Ada Lovelace"
    chain(registrar.desk.registered())


def test_a_correction_by_another_key(registrar: Registrar) -> None:
    registrar.issue(registrar.roster([WRONG]))
    key = registrar.desk.path / "key2.json"
    registrar.desk.register(tally_json("keys", "new", "--issuer", UNIVERSITY, "--out", key)["jwk"])
    assert registrar.issue(registrar.roster([ADA]), "--correct", key=key).exit_code == 0
    verify_sd_jwt_vc(registrar.credential(f"{NAME}.sd-jwt"), read_key(key).key.public)
    verify_sd_jwt_vc(registrar.credential(f"{OLD}.sd-jwt"), registrar.key)


# --- What is refused


def test_both_forms_are_corrected_together(registrar: Registrar) -> None:
    registrar.issue(registrar.roster([WRONG]), form="both")
    result = registrar.issue(registrar.roster([ADA]), "--correct")
    assert result.exit_code == 1
    assert (
        f"row 2: was issued before, as {NAME}, with other claims in a form that is not asked for: "
        "give --form both to correct all" in result.stderr
    )
    assert len(registrar.desk.registered()) == 2
    assert registrar.issue(registrar.roster([ADA]), "--correct", form="both").exit_code == 0
    assert len(registrar.desk.registered()) == 4


def test_a_form_may_join_when_another_is_corrected(registrar: Registrar, front: Front) -> None:
    registrar.issue(registrar.roster([WRONG]))
    assert registrar.issue(registrar.roster([ADA]), "--correct", form="both").exit_code == 0
    old, *others = registrar.desk.registered()
    chain([old, *(each for each in others if each.statement.sub == old.statement.sub)])
    assert len({each.statement.sub for each in others} - {old.statement.sub}) == 1
    assert front.allotted.asked == [1, 1]


def test_without_being_asked_nothing_is_corrected(registrar: Registrar) -> None:
    registrar.issue(registrar.roster([WRONG]))
    result = registrar.issue(registrar.roster([ADA]))
    assert result.exit_code == 1
    assert (
        f"row 2: was issued before, as {NAME}, with other claims: give --correct to supersede "
        "that one" in result.stderr
    )
    assert len(registrar.desk.registered()) == 1


def test_a_dry_run_says_what_would_be_superseded(registrar: Registrar, front: Front) -> None:
    registrar.issue(registrar.roster([WRONG, SION]))
    front.seen.clear()
    order = (registrar.roster([ADA, SION, CHEN]), "--correct", "--dry-run")
    result = registrar.issue(*order)
    assert result.stdout == (
        f"row 2: {NAME}.sd-jwt (would supersede the one issued before)\n"
        "row 3: graduates-0003.sd-jwt (issued before)\n"
        "row 4: graduates-0004.sd-jwt\n"
        "3 rows in: 3 would be issued (1 of them before, 1 of them in place of older ones), "
        "0 rejected; nothing was issued\n"
    )
    (superseded,) = registrar.facts(*order)["issued"][0]["supersedes"]
    assert superseded == {
        "credential": f"credentials/{OLD}.sd-jwt",
        "receipt": f"receipts/{OLD}.jwt.receipt.json",
        "entry_id": receipt(registrar, f"{NAME}.jwt").statement.entry_id.hex(),
    }
    assert not front.seen
    assert registrar.files("credentials")[0] == f"{NAME}.jwt"


def revoke(registrar: Registrar, name: str = NAME) -> None:
    path = registrar.out / "receipts" / f"{name}.jwt.receipt.json"
    flags = ("--reason", "issued-in-error", "--key", registrar.desk.key)
    assert tally("revoke", path, *flags, "--url", registrar.desk.front.url).exit_code == 0


def test_what_was_revoked_cannot_be_superseded(registrar: Registrar) -> None:
    registrar.issue(registrar.roster([WRONG, SION]))
    revoke(registrar)
    before = registrar.bytes_of("credentials") | registrar.bytes_of("receipts")
    for _ in range(2):
        result = registrar.issue(registrar.roster([ADA, SION]), "--correct")
        assert result.exit_code == 1
        assert "2 rows in = 1 issued (1 of them before) + 1 rejected" in result.stdout
        (named,) = registrar.reconciliation["rejected"]
        assert (named["row"], named["problems"][0]["problem"]) == (2, "impossible-change")
        assert "the target is revoked by" in named["problems"][0]["detail"]
    assert before == registrar.bytes_of("credentials") | registrar.bytes_of("receipts")
    assert len(registrar.desk.registered()) == 3


def test_the_old_roster_is_issued_before_though_a_correction_was_refused(
    registrar: Registrar, front: Front
) -> None:
    registrar.issue(registrar.roster([WRONG]))
    revoke(registrar)
    registrar.issue(registrar.roster([ADA]), "--correct")
    front.seen.clear()
    result = registrar.issue(registrar.roster([WRONG]))
    assert "1 row in = 1 issued (1 of them before) + 0 rejected" in result.stdout
    assert not front.seen
    assert name_in(registrar, NAME) == "Ada Lovlace"
