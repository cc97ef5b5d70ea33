"""Credentials in the verdict: what is shown of them, who signed it, and whose it is."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.proof.credentials.multibase import format_base64url
from chalicelib.proof.credentials.sd_jwt import format_sd_jwt
from chalicelib.proof.limits import SD_JWT_BYTES, SD_JWT_DISCLOSURES
from chalicelib.proof.payload import StatusChange
from chalicelib.proof.policy import Policy

from .credential_world import (
    CLAIMS,
    P256,
    Issued,
    checks,
    judge,
    method_of,
    receipt_of,
    the,
    with_key,
)
from .credentials_samples import (
    digest_of,
    disclosure_of,
    jws_of,
)
from .world import (
    AT_MS,
    DOCUMENT,
    ISSUER_KEY,
    REGISTERED_MS,
    STRANGER,
    World,
    policy,
    some_hash,
)

GOOD = {"credential": "credential/good", "disclosures": "disclosures/good"}


class TestWhatIsShown:
    def test_a_credential_with_all_its_claims(self) -> None:
        verdict = judge(Issued().whole, Issued().receipt)
        assert (verdict.outcome, checks(verdict)) == ("valid", GOOD)
        assert verdict.facts["claims"] == CLAIMS

    @pytest.mark.parametrize(
        ("path", "name", "value"),
        [
            (("birthdate",), "birthdate", "2001-02-28"),
            (("degree",), "degree", {"name": "MEng"}),
            (("degree", "average"), "degree", {"name": "MEng", "average": 71.5}),
            (("languages", 2), "languages", ["zh", "en"]),
        ],
    )
    def test_what_the_holder_chooses(self, path: Any, name: str, value: Any) -> None:
        verdict = judge(Issued().shown(path), Issued().receipt)
        assert (verdict.outcome, checks(verdict)) == ("valid", GOOD)
        claims = verdict.facts["claims"]
        assert isinstance(claims, dict)
        assert claims[name] == value
        assert "given_name" not in claims

    def test_nothing_that_may_be_withheld(self) -> None:
        verdict = judge(Issued().shown(), Issued().receipt)
        assert checks(verdict) == GOOD
        claims = verdict.facts["claims"]
        assert isinstance(claims, dict)
        assert claims.keys() == {"iss", "vct", "iat", "nbf", "exp", "languages"}

    def test_the_end_of_a_line_after_it(self) -> None:
        text = format_sd_jwt(Issued().whole)
        for end in ("\n", "\r\n"):
            assert judge(text + end, Issued().receipt).outcome == "valid"
            verdict = judge(text + end + end, Issued().receipt)
            assert (verdict.outcome, the(verdict, "disclosures").code) == (
                "invalid",
                "disclosures/false",
            )

    def test_another_credential_is_not_the_registered_one(self) -> None:
        other = Issued({"given_name": "Eve"}).whole
        verdict = judge(other, Issued().receipt)
        assert (verdict.outcome, the(verdict, "document").code) == ("invalid", "document/differs")
        assert checks(verdict) == {**GOOD, "credential": "credential/not-bound"}
        assert "claims" not in verdict.facts

    def test_without_the_holder_s_part_of_the_receipt(self) -> None:
        verdict = judge(Issued().whole, replace(Issued().receipt, document=None))
        assert (verdict.outcome, checks(verdict)["credential"]) == (
            "cannot tell",
            "credential/not-bound",
        )
        assert "claims" not in verdict.facts

    def test_the_issuer_s_jwt_alone_is_a_file_with_a_term(self) -> None:
        verdict = judge(Issued().whole.jws.text, Issued().receipt)
        assert (verdict.outcome, checks(verdict)) == ("valid", {})
        assert the(verdict, "expiry").code == "expiry/good"

    def test_an_sd_jwt_that_was_registered_with_its_disclosures_is_a_file(self) -> None:
        text = format_sd_jwt(Issued().whole)
        verdict = judge(text, receipt_of(text))
        assert (verdict.outcome, checks(verdict)) == ("valid", {})
        assert the(verdict, "expiry").code == "expiry/not-read"

    @pytest.mark.parametrize("document", [b"a.b.c", b"a.b~c", b"%PDF-1.7 ~~~", DOCUMENT])
    def test_other_files_have_no_such_checks(self, document: bytes) -> None:
        world = World(document=document, canonicalization="raw")
        assert checks(judge(document, world.receipt())) == {}
        assert checks(judge(document + b"~", world.receipt())) in ({}, checks_of_junk())


def checks_of_junk() -> dict[str, str]:
    return {"credential": "credential/false", "disclosures": "disclosures/false"}


class TestDisclosures:
    def judged(self, change: Any) -> tuple[str, str]:
        text = change(format_sd_jwt(Issued().whole))
        verdict = judge(text, Issued().receipt)
        assert "claims" not in verdict.facts
        assert the(verdict, "document").code == "document/good"
        return verdict.outcome, checks(verdict)["disclosures"]

    @pytest.mark.parametrize(
        "more",
        [
            disclosure_of(["c2FsdHNhbHRzYWx0c2E", "degree", "PhD"]),
            disclosure_of(["c2FsdHNhbHRzYWx0c2E", "iss", "did:web:other.example"]),
            disclosure_of(["c2FsdHNhbHRzYWx0c2E", "_sd", []]),
            "not base64url!",
            "\u00e9",
            "",
        ],
        ids=[
            "unreferenced",
            "a-protected-claim",
            "a-reserved-name",
            "no-base64",
            "no-ascii",
            "empty",
        ],
    )
    def test_what_the_issuer_did_not_write_is_false(self, more: str) -> None:
        assert self.judged(lambda text: f"{text}{more}~") == ("invalid", "disclosures/false")

    @pytest.mark.parametrize(
        "end",
        [
            disclosure_of(["c2FsdHNhbHRzYWx0c2E", "degree", "PhD"]),
            "junk",
            "\u00e9",
            " ",
            "a.b",
            "a..c",
        ],
    )
    def test_what_is_no_signature_of_the_holder_does_not_follow(self, end: str) -> None:
        assert self.judged(lambda text: text + end) == ("invalid", "disclosures/false")

    def test_a_disclosure_without_its_end(self) -> None:
        assert self.judged(lambda text: text[:-1]) == ("invalid", "disclosures/false")

    def test_a_disclosure_shown_twice(self) -> None:
        first = Issued().whole.disclosures[0].text
        assert self.judged(lambda text: f"{text}{first}~") == ("invalid", "disclosures/false")

    def test_an_altered_disclosure(self) -> None:
        def alter(text: str) -> str:
            jwt, first, *rest = text.split("~")
            return "~".join((jwt, first[:-2] + ("AA" if first[-2:] != "AA" else "BA"), *rest))

        assert self.judged(alter) == ("invalid", "disclosures/false")

    def test_more_than_is_read_could_not_be_checked(self) -> None:
        verdict = judge(format_sd_jwt(Issued().whole) + "A" * SD_JWT_BYTES + "~", Issued().receipt)
        assert (verdict.outcome, checks(verdict)["disclosures"]) == (
            "cannot tell",
            "disclosures/unknown",
        )
        assert "claims" not in verdict.facts

    def test_a_forged_claim_among_more_than_is_read_is_not_valid(self) -> None:
        forged = disclosure_of(["c2FsdHNhbHRzYWx0c2E", "degree", "PhD"])
        text = f"{format_sd_jwt(Issued().whole)}{forged}~" + "~" * SD_JWT_DISCLOSURES
        assert judge(text, Issued().receipt).outcome == "cannot tell"

    def test_digests_by_another_hash_could_not_be_checked(self) -> None:
        jwt = jws_of(
            {"alg": "EdDSA", "typ": "dc+sd-jwt"}, {**CLAIMS, "_sd_alg": "sha-512"}, ISSUER_KEY
        )
        verdict = judge(f"{jwt}~", receipt_of(jwt))
        assert checks(verdict) == {**GOOD, "disclosures": "disclosures/unknown"}
        assert verdict.outcome == "cannot tell"

    def test_what_judges_a_credential_is_not_withheld(self) -> None:
        disclosure = disclosure_of(["c2FsdHNhbHRzYWx0c2E", "exp", 1_700_000_000])
        claims = {name: CLAIMS[name] for name in CLAIMS if name != "exp"}
        payload = {**claims, "_sd": [digest_of(disclosure)]}
        jwt = jws_of({"alg": "EdDSA", "typ": "dc+sd-jwt"}, payload, ISSUER_KEY)
        verdict = judge(f"{jwt}~{disclosure}~", receipt_of(jwt))
        assert (verdict.outcome, checks(verdict)["disclosures"]) == (
            "invalid",
            "disclosures/false",
        )


class TestTheIssuersSignature:
    def code(self, issued: Issued, trusted: Policy | None = None) -> str:
        return checks(judge(issued.whole, issued.receipt, trusted))["credential"]

    def raw(self, header: Any, payload: Any = CLAIMS, key: Any = ISSUER_KEY) -> str:
        jwt = jws_of(header, payload, key)
        verdict = judge(f"{jwt}~", receipt_of(jwt))
        assert verdict.outcome in ("valid", "invalid")
        return checks(verdict)["credential"]

    def test_a_key_that_the_policy_does_not_know(self) -> None:
        other = Issued(key=STRANGER, kid=method_of(STRANGER))
        assert self.code(other) == "credential/key-unknown"

    def test_an_issuer_that_the_policy_does_not_know(self) -> None:
        verdict = judge(Issued().whole, Issued().receipt, policy(issuers=[]))
        assert (verdict.outcome, checks(verdict)["credential"]) == (
            "cannot tell",
            "credential/key-unknown",
        )

    @pytest.mark.parametrize("kid", [None, "key-1", method_of(ISSUER_KEY)])
    def test_the_issuer_s_keys_are_found_whatever_they_are_called(self, kid: str | None) -> None:
        assert self.code(Issued(kid=kid)) == "credential/good"

    def test_a_signature_that_is_not_of_the_key_that_it_names(self) -> None:
        assert self.code(Issued(key=STRANGER)) == "credential/false"

    def test_a_second_key_of_the_issuer(self) -> None:
        issued = Issued(key=P256, kid=None)
        assert self.code(issued, with_key(P256)) == "credential/good"
        assert self.code(issued) == "credential/key-unknown"

    @pytest.mark.parametrize(
        ("times", "code"),
        [
            ({"to_ms": REGISTERED_MS}, "credential/key-not-good"),
            ({"from_ms": REGISTERED_MS + 1}, "credential/key-not-good"),
            ({"compromised_ms": REGISTERED_MS}, "credential/key-stolen"),
            ({"compromised_ms": REGISTERED_MS + 1}, "credential/good"),
        ],
    )
    def test_a_key_is_judged_by_the_time_of_the_registration(
        self, times: dict[str, int], code: str
    ) -> None:
        issued = Issued(key=P256, kid=method_of(P256))
        assert self.code(issued, with_key(P256, **times)) == code

    def test_a_log_that_nobody_knows_gives_no_time(self) -> None:
        trusted = policy(tlog="quorum none\n")
        assert self.code(Issued(), trusted) == "credential/not-bound"

    def test_a_credential_of_another_issuer(self) -> None:
        other = Issued({"iss": "did:web:other.example"})
        verdict = judge(other.whole, other.receipt)
        assert (verdict.outcome, checks(verdict)["credential"]) == (
            "invalid",
            "credential/other-issuer",
        )

    def test_a_credential_of_another_profile(self) -> None:
        other = Issued({"vct": "urn:tally:profile:education/transcript"})
        assert self.code(other) == "credential/other-type"

    def test_types_of_others_are_their_own(self) -> None:
        assert self.code(Issued({"vct": "https://example.edu/diploma"})) == "credential/good"

    @pytest.mark.parametrize("name", ["iss", "vct"])
    def test_a_credential_that_does_not_say(self, name: str) -> None:
        claims = {each: CLAIMS[each] for each in CLAIMS if each != name}
        header = {"alg": "EdDSA", "typ": "dc+sd-jwt"}
        assert self.raw(header, claims) == "credential/unknown"

    @pytest.mark.parametrize(
        ("header", "code"),
        [
            ({"alg": "EdDSA", "typ": "at+jwt"}, "credential/unknown"),
            ({"alg": "EdDSA"}, "credential/unknown"),
            ({"alg": "PS384", "typ": "dc+sd-jwt"}, "credential/unknown"),
            ({"alg": "none", "typ": "dc+sd-jwt"}, "credential/false"),
            ({"alg": "HS256", "typ": "dc+sd-jwt"}, "credential/false"),
            ({"alg": "EdDSA", "typ": "dc+sd-jwt", "jwk": {}}, "credential/false"),
            (
                {"alg": "ES256", "typ": "dc+sd-jwt", "kid": method_of(ISSUER_KEY)},
                "credential/false",
            ),
            ({"alg": "ES256", "typ": "dc+sd-jwt"}, "credential/key-unknown"),
            ([], "credential/false"),
        ],
        ids=lambda value: None if isinstance(value, str) else json.dumps(value)[:40],
    )
    def test_a_header_chooses_nothing(self, header: Any, code: str) -> None:
        assert self.raw(header) == code

    def test_a_jwt_that_is_too_long_to_be_read(self) -> None:
        jwt = jws_of({"alg": "EdDSA", "typ": "dc+sd-jwt"}, b"x" * SD_JWT_BYTES, ISSUER_KEY)
        verdict = judge(f"{jwt}~", receipt_of(jwt))
        assert set(checks(verdict).values()) == {"credential/unknown", "disclosures/unknown"}


class TestExpiry:
    @pytest.mark.parametrize(
        ("claims", "code"),
        [
            ({"exp": AT_MS // 1_000 + 1}, "expiry/good"),
            ({"exp": AT_MS // 1_000}, "expiry/expired"),
            ({"exp": AT_MS / 1_000 + 0.5}, "expiry/good"),
            ({"nbf": AT_MS // 1_000}, "expiry/good"),
            ({"nbf": AT_MS // 1_000 + 1}, "expiry/not-yet"),
        ],
    )
    def test_the_jwt_s_own_times(self, claims: dict[str, Any], code: str) -> None:
        issued = Issued(claims)
        assert the(judge(issued.whole, issued.receipt), "expiry").code == code

    def test_no_end_is_unknown(self) -> None:
        issued = Issued(without=("exp",))
        assert the(judge(issued.whole, issued.receipt), "expiry").code == "expiry/none"

    @pytest.mark.parametrize("end", ["2030-01-01", True, -1])
    def test_an_end_that_cannot_be_read_is_unknown(self, end: Any) -> None:
        jwt = jws_of({"alg": "EdDSA", "typ": "dc+sd-jwt"}, {**CLAIMS, "exp": end}, ISSUER_KEY)
        assert the(judge(f"{jwt}~", receipt_of(jwt)), "expiry").code == "expiry/unknown"

    @pytest.mark.parametrize(
        ("times", "code"),
        [
            ({"exp": AT_MS // 1_000, "nbf": "soon"}, "expiry/expired"),
            ({"exp": "never", "nbf": AT_MS // 1_000 + 1}, "expiry/not-yet"),
            ({"exp": AT_MS // 1_000 + 1, "nbf": "soon"}, "expiry/unknown"),
        ],
    )
    def test_a_time_that_cannot_be_read_hides_no_other(
        self, times: dict[str, Any], code: str
    ) -> None:
        jwt = jws_of({"alg": "EdDSA", "typ": "dc+sd-jwt"}, {**CLAIMS, **times}, ISSUER_KEY)
        assert the(judge(f"{jwt}~", receipt_of(jwt)), "expiry").code == code

    def test_a_jwt_of_something_else_states_none(self) -> None:
        jwt = ".".join(map(format_base64url, (b"{}", b"[]", b"")))
        assert the(judge(jwt, receipt_of(jwt)), "expiry").code == "expiry/none"

    @pytest.mark.parametrize(
        ("begin", "code"),
        [
            ("2027-01-15T08:00:00Z", "expiry/good"),
            ("2027-01-15T08:00:01Z", "expiry/not-yet"),
            ("2027", "expiry/unknown"),
        ],
    )
    def test_the_document_s_own_beginning(self, begin: str, code: str) -> None:
        value = {"validFrom": begin, "validUntil": "2030-01-01T00:00:00Z"}
        document = json.dumps(value).encode()
        found = the(judge(document, World(document=document).receipt()), "expiry")
        assert found.code == code


def test_a_receipt_of_no_document_has_no_such_checks() -> None:
    revoked = World(payload=StatusChange("revoke", some_hash("x"), "other", 1)).receipt(
        holder=False
    )
    verdict = judge(Issued().whole, revoked)
    assert (verdict.outcome, checks(verdict)) == ("cannot tell", {})
    assert the(verdict, "document").code == "document/none"
