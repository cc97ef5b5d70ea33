"""``tally credential``: a holder looks at her credential, and shows of it what she chooses."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from chalicelib.proof.credentials.disclosure import make_disclosure
from chalicelib.proof.credentials.key_binding import verify_key_binding
from chalicelib.proof.credentials.sd_jwt import parse_sd_jwt
from chalicelib.proof.credentials.sd_jwt_vc import verify_sd_jwt_vc
from chalicelib.proof.keys import SigningKey, format_private_jwk
from tests.cli.desk import Desk, tally, tally_json
from tests.cli.registrar import ADA, HEADER, Registrar

AUDIENCE, NONCE = "https://employer.example", "n-0S6"


@pytest.fixture
def registrar(desk: Desk) -> Registrar:
    return Registrar(desk)


@pytest.fixture
def holder(tmp_path: Path) -> SigningKey:
    """A holder's key, in holder.json."""
    key = SigningKey.generate()
    (tmp_path / "holder.json").write_text(json.dumps(format_private_jwk(key)))
    return key


@pytest.fixture
def credential(registrar: Registrar) -> Path:
    """A diploma with a date of birth, bound to nobody's key."""
    registrar.issue(registrar.roster([(*ADA, "1815-12-10")], (*HEADER, "Date of birth")))
    return registrar.out / "credentials" / "graduates-0002.sd-jwt"


@pytest.fixture
def bound(registrar: Registrar, holder: SigningKey) -> Path:
    """The same, bound to the holder's key."""
    jwk = {name: value for name, value in format_private_jwk(holder).items() if name != "d"}
    header = (*HEADER, "Date of birth", "/cnf")
    registrar.issue(registrar.roster([(*ADA, "1815-12-10", json.dumps(jwk))], header))
    return registrar.out / "credentials" / "graduates-0002.sd-jwt"


def test_a_holder_sees_what_it_says_and_what_may_be_withheld(credential: Path) -> None:
    result = tally("credential", "show", credential)
    assert result.exit_code == 0
    assert '"name": "Ada Lovelace"' in result.stdout
    assert "may be withheld: /birthdate, /student_number\n" in result.stdout
    facts = tally_json("credential", "show", credential)
    assert facts["claims"]["birthdate"] == "1815-12-10"
    assert facts["disclosures"] == ["/birthdate", "/student_number"]


def test_nothing_is_disclosed_unless_it_is_chosen(credential: Path, registrar: Registrar) -> None:
    facts = tally_json("credential", "present", credential)
    assert facts["disclosed"] == []
    shown = verify_sd_jwt_vc(parse_sd_jwt(facts["presentation"]), registrar.key).verified.claims
    assert "birthdate" not in shown
    assert shown["name"] == "Ada Lovelace"


def test_the_chosen_claims_are_disclosed(credential: Path, registrar: Registrar) -> None:
    result = tally("credential", "present", credential, "--disclose", "/birthdate")
    shown = verify_sd_jwt_vc(parse_sd_jwt(result.stdout.strip()), registrar.key).verified
    assert shown.claims["birthdate"] == "1815-12-10"
    assert shown.disclosed == (("birthdate",),)


def test_a_presentation_is_written(credential: Path, tmp_path: Path) -> None:
    out = tmp_path / "presentation.sd-jwt"
    result = tally("credential", "present", credential, "--out", out)
    assert result.stdout == f"{out}\n"
    assert tally_json("credential", "show", out)["disclosures"] == []
    assert tally("credential", "show", out).stdout.endswith("may be withheld: nothing\n")


def test_what_is_no_disclosure_is_named(credential: Path) -> None:
    result = tally("credential", "present", credential, "--disclose", "/name")
    assert result.exit_code == 64
    assert "there are /birthdate, /student_number" in result.stderr


def test_where_there_are_no_disclosures(credential: Path, tmp_path: Path) -> None:
    out = tmp_path / "p.sd-jwt"
    tally("credential", "present", credential, "--out", out)
    result = tally("credential", "present", out, "--disclose", "/birthdate")
    assert result.stderr.endswith("there are none\n")


# --- Holder binding


def test_a_presentation_is_signed_with_the_holders_key(
    bound: Path, holder: SigningKey, registrar: Registrar, tmp_path: Path
) -> None:
    key = ("--key", tmp_path / "holder.json", "--audience", AUDIENCE, "--nonce", NONCE)
    text = tally("credential", "present", bound, *key).stdout.strip()
    verified = verify_sd_jwt_vc(parse_sd_jwt(text), registrar.key).verified
    at_ms = int(time.time() * 1000)
    assert verify_key_binding(verified, AUDIENCE, NONCE, at_ms) == holder.public


def test_another_key_is_refused(bound: Path, registrar: Registrar) -> None:
    key = ("--key", registrar.desk.key, "--audience", AUDIENCE, "--nonce", NONCE)
    result = tally("credential", "present", bound, *key)
    assert result.exit_code == 1
    assert "is bound to another key" in result.stderr


def test_a_credential_that_is_bound_to_nobody(credential: Path, registrar: Registrar) -> None:
    key = ("--key", registrar.desk.key, "--audience", AUDIENCE, "--nonce", NONCE)
    result = tally("credential", "present", credential, *key)
    assert result.exit_code == 1
    assert "did not bind the credential to a key" in result.stderr


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (("--key", "k.json", "--audience", AUDIENCE), "--audience and --nonce"),
        (("--nonce", NONCE), "need --key"),
        (("--key", "public", "--audience", "a", "--nonce", "b"), "is not a private key"),
    ],
)
def test_how_binding_is_asked_for(
    credential: Path, registrar: Registrar, flags: tuple[str, ...], told: str
) -> None:
    public = registrar.desk.key.with_name("key.public.json")
    given = [public if flag == "public" else flag for flag in flags]
    result = tally("credential", "present", credential, *given)
    assert result.exit_code == 64
    assert told in result.stderr


# --- What is no credential


@pytest.mark.parametrize("data", [b"", b"a~", b"\xff~", b"{}"])
def test_what_is_no_sd_jwt_is_named(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.sd-jwt"
    path.write_bytes(data)
    result = tally("credential", "show", path)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"tally: {path}: ")


def test_a_disclosure_of_another_credential_is_refused(credential: Path, tmp_path: Path) -> None:
    jwt = credential.read_text().partition("~")[0]
    forged = make_disclosure(bytes(16), "birthdate", "1990-01-01").text
    mixed = tmp_path / "mixed.sd-jwt"
    mixed.write_text(f"{jwt}~{forged}~")
    for command in ("show", "present"):
        result = tally("credential", command, mixed)
        assert result.exit_code == 1
        assert "the issuer signed no digest" in result.stderr


class TestVerified:
    """What a holder shows, as an employer verifies it with the receipt of the issuer's JWT."""

    def verify(self, registrar: Registrar, shown: Path, *more: object) -> Any:
        receipt = registrar.out / "receipts" / "graduates-0002.jwt.receipt.json"
        policy = ("--policy", registrar.desk.policy)
        done = tally("verify", shown, receipt, *policy, *more, "--json")
        return done.exit_code, json.loads(done.stdout)

    def codes(self, verdict: Any) -> set[str]:
        wanted = ("credential", "disclosures", "holder")
        return {each["code"] for each in verdict["checks"] if each["check"] in wanted}

    def test_what_was_issued_and_chosen(
        self, registrar: Registrar, bound: Path, tmp_path: Path
    ) -> None:
        asked = ("--audience", AUDIENCE, "--nonce", NONCE)
        signed = ("--key", tmp_path / "holder.json", *asked)
        shown = tmp_path / "shown.sd-jwt"
        chosen = ("--disclose", "/birthdate", "--out", shown)
        assert tally("credential", "present", bound, *chosen, *signed).exit_code == 0
        code, verdict = self.verify(registrar, shown, *asked)
        assert (code, self.codes(verdict)) == (
            0,
            {"credential/good", "disclosures/good", "holder/good"},
        )
        assert verdict["claims"]["birthdate"] == "1815-12-10"
        assert "student_number" not in verdict["claims"]
        assert verdict["issuer"]["names"]["zh"] == "大学"
        assert self.verify(registrar, shown)[1]["verdict"] == "valid"
        assert self.verify(registrar, bound, *asked)[0] == 1

    def test_claims_of_another_credential_are_false(
        self, registrar: Registrar, credential: Path, tmp_path: Path
    ) -> None:
        whole = credential.read_text()
        more = make_disclosure(bytes(16), "award", {"title": "Doctor of Philosophy"})
        (tmp_path / "forged").write_text(f"{whole}{more.text}~")
        code, verdict = self.verify(registrar, tmp_path / "forged")
        assert (code, self.codes(verdict)) == (1, {"credential/good", "disclosures/false"})
        assert "claims" not in verdict

    def test_an_open_badge(self, registrar: Registrar) -> None:
        registrar.issue(registrar.roster([ADA]), form="open-badges")
        badge = registrar.out / "credentials" / "graduates-0002.json"
        receipt = registrar.out / "receipts" / "graduates-0002.json.receipt.json"
        done = tally("verify", badge, receipt, "--policy", registrar.desk.policy, "--json")
        verdict = json.loads(done.stdout)
        assert (done.exit_code, self.codes(verdict)) == (0, {"credential/good"})
