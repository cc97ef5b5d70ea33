"""Credentials in the verdict: what is shown of them, who signed it, and whose it is."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.proof.credentials.data_integrity import sign_document
from chalicelib.proof.credentials.multibase import format_base64url
from chalicelib.proof.credentials.sd_jwt import SdJwt, format_sd_jwt
from chalicelib.proof.jcs import format_jcs
from chalicelib.proof.keys import ES256, format_jwk
from chalicelib.proof.limits import SD_JWT_BYTES
from chalicelib.proof.payload import StatusChange
from chalicelib.proof.policy import Policy

from .credential_world import (
    ASKED,
    BOUND,
    CLAIMS,
    Issued,
    badge,
    badge_until,
    bound,
    checks,
    judge,
    method_of,
    receipt_of,
    signed_badge,
    the,
)
from .credentials_samples import (
    CREATED,
    HOLDER_KEY,
    STRANGER_KEY,
    digest_of,
    disclosure_of,
    jws_of,
    key_of,
)
from .world import (
    AT_MS,
    DOCUMENT,
    ISSUER,
    ISSUER_KEY,
    REGISTERED_MS,
    STRANGER,
    World,
    policy,
    policy_value,
    some_hash,
)

GOOD = {"credential": "credential/good", "disclosures": "disclosures/good"}
P256 = key_of("the issuer's other key", ES256)


def with_key(key: Any = ISSUER_KEY, **times: int) -> Policy:
    """The world's policy with another key of the issuer, good in other times."""
    issuers = policy_value()["issuers"]
    listed = {"kid": key.public.kid.hex(), "jwk": format_jwk(key.public), "from_ms": 0, **times}
    others = [each for each in issuers[0]["keys"] if each["kid"] != listed["kid"]]
    issuers[0]["keys"] = [*others, listed]
    return policy(issuers=issuers)


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
            "valid",
            "disclosures/unknown",
        )
        assert "claims" not in verdict.facts

    def test_digests_by_another_hash_could_not_be_checked(self) -> None:
        jwt = jws_of(
            {"alg": "EdDSA", "typ": "dc+sd-jwt"}, {**CLAIMS, "_sd_alg": "sha-512"}, ISSUER_KEY
        )
        verdict = judge(f"{jwt}~", receipt_of(jwt))
        assert checks(verdict) == {**GOOD, "disclosures": "disclosures/unknown"}

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


class TestTheHolder:
    issued = Issued(BOUND)

    def code(self, shown: SdJwt | str, **more: Any) -> tuple[str, str | None]:
        verdict = judge(shown, self.issued.receipt, **more)
        return verdict.outcome, checks(verdict).get("holder")

    def test_a_credential_without_a_holder_s_key_says_nothing_unasked(self) -> None:
        assert "holder" not in checks(judge(Issued().whole, Issued().receipt))

    @pytest.mark.parametrize("bind", [False, True])
    def test_unasked_nobody_can_tell(self, bind: bool) -> None:
        shown = self.issued.shown(("degree",))
        found = self.code(bound(shown) if bind else shown)
        assert found == ("valid", "holder/not-asked")

    def test_what_was_asked_for_is_shown(self) -> None:
        shown = bound(self.issued.shown(("degree",)))
        assert self.code(shown, asked=ASKED) == ("valid", "holder/good")

    def test_what_was_asked_for_is_missing(self) -> None:
        assert self.code(self.issued.whole, asked=ASKED) == ("invalid", "holder/not-shown")

    @pytest.mark.parametrize("bind", [False, True])
    def test_a_credential_that_is_nobody_s(self, bind: bool) -> None:
        shown = bound(Issued().whole) if bind else Issued().whole
        verdict = judge(shown, Issued().receipt, asked=ASKED)
        assert (verdict.outcome, checks(verdict)["holder"]) == ("invalid", "holder/not-shown")

    @pytest.mark.parametrize(
        ("different", "code"),
        [
            ({"audience": "https://thief.example"}, "holder/false"),
            ({"nonce": "of yesterday"}, "holder/false"),
            ({"key": STRANGER_KEY}, "holder/false"),
            ({"iat": AT_MS // 1_000 - 601}, "holder/stale"),
            ({"iat": AT_MS // 1_000 + 61}, "holder/stale"),
        ],
    )
    def test_a_proof_for_somebody_else_or_another_time(
        self, different: dict[str, Any], code: str
    ) -> None:
        shown = bound(self.issued.whole, **different)
        assert self.code(shown, asked=ASKED) == ("invalid", code)

    def test_a_proof_moved_to_other_disclosures(self) -> None:
        binding = bound(self.issued.whole).key_binding
        moved = self.issued.shown(("degree",))._replace(key_binding=binding)
        assert self.code(moved, asked=ASKED) == ("invalid", "holder/false")

    def test_junk_where_the_proof_should_be(self) -> None:
        text = format_sd_jwt(self.issued.whole) + "junk"
        assert self.code(text, asked=ASKED) == ("invalid", "holder/false")

    def test_disclosures_that_cannot_be_read_leave_the_proof_unread(self) -> None:
        text = format_sd_jwt(self.issued.whole) + "~a.b.c"
        assert self.code(text, asked=ASKED) == ("invalid", "holder/unknown")

    def test_a_holder_who_is_known_by_something_else_than_a_key(self) -> None:
        issued = Issued({"cnf": {"kid": "did:example:ffion#1"}})
        verdict = judge(bound(issued.whole), issued.receipt, asked=ASKED)
        assert (verdict.outcome, checks(verdict)["holder"]) == ("cannot tell", "holder/unknown")

    def test_a_document_that_is_no_credential_has_no_holder(self) -> None:
        verdict = judge(DOCUMENT, World().receipt(), asked=ASKED)
        assert verdict.outcome == "cannot tell"
        assert (the(verdict, "holder").result, the(verdict, "holder").code) == (
            "unknown",
            "evidence/missing",
        )

    def test_a_policy_may_require_it(self) -> None:
        trusted = policy(require=["document", "holder", "credential", "disclosures"])
        assert self.code(self.issued.whole, trusted=trusted)[0] == "cannot tell"
        shown = bound(self.issued.whole)
        assert self.code(shown, trusted=trusted, asked=ASKED)[0] == "valid"

    def test_the_holder_s_key_is_not_the_issuer_s(self) -> None:
        assert HOLDER_KEY.public != ISSUER_KEY.public


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


class TestOpenBadges:
    def judged(self, document: bytes, trusted: Policy | None = None, **more: Any) -> Any:
        verdict = judge(document, World(document=document).receipt(), trusted, **more)
        assert "claims" not in verdict.facts
        found = checks(verdict)
        assert found.keys() == {"credential"}
        return verdict.outcome, found["credential"]

    def test_the_issuer_s_proof(self) -> None:
        assert self.judged(signed_badge()) == ("valid", "credential/good")

    def test_whatever_its_key_is_called(self) -> None:
        assert self.judged(signed_badge(method=f"{ISSUER}#key-1")) == ("valid", "credential/good")

    def test_a_type_alone(self) -> None:
        document = signed_badge(type="VerifiableCredential")
        assert self.judged(document) == ("valid", "credential/good")

    def test_a_key_that_the_policy_does_not_know(self) -> None:
        assert self.judged(signed_badge(STRANGER)) == ("valid", "credential/key-unknown")

    def test_keys_of_another_kind_are_passed_over(self) -> None:
        trusted = with_key(P256)
        document = signed_badge(STRANGER, f"{ISSUER}#key-1")
        assert self.judged(document, trusted) == ("valid", "credential/key-unknown")

    def test_a_key_of_another_kind_cannot_have_signed(self) -> None:
        document = signed_badge(method=method_of(P256))
        assert self.judged(document, with_key(P256)) == ("invalid", "credential/false")

    def test_a_proof_that_is_false(self) -> None:
        value = json.loads(signed_badge())
        value["credentialSubject"]["achievement"]["name"] = "PhD"
        assert self.judged(format_jcs(value)) == ("invalid", "credential/false")

    def test_a_proof_that_is_none(self) -> None:
        value = json.loads(signed_badge())
        value["proof"]["proofValue"] = "z"
        assert self.judged(format_jcs(value)) == ("invalid", "credential/false")

    def test_a_proof_for_another_purpose(self) -> None:
        signed = sign_document(
            badge(), ISSUER_KEY, method_of(ISSUER_KEY), "authentication", created=CREATED
        )
        assert self.judged(format_jcs(signed)) == ("invalid", "credential/false")

    def test_a_proof_that_has_expired(self) -> None:
        document = badge_until("2027-01-15T08:00:00Z")
        assert self.judged(document) == ("invalid", "credential/expired")
        assert self.judged(document, at_ms=AT_MS - 1) == ("valid", "credential/good")

    def test_a_badge_of_another_issuer(self) -> None:
        other = {"id": "did:web:other.example", "type": ["Profile"]}
        assert self.judged(signed_badge(issuer=other)) == ("invalid", "credential/other-issuer")

    def test_a_key_that_is_named_as_another_s(self) -> None:
        document = signed_badge(method="did:web:other.example#key-1")
        assert self.judged(document) == ("invalid", "credential/other-issuer")

    def test_a_badge_without_a_proof(self) -> None:
        assert self.judged(format_jcs(badge())) == ("valid", "credential/unsigned")

    @pytest.mark.parametrize(
        "different",
        [
            {"proof": []},
            {"proof": {"type": "DataIntegrityProof", "cryptosuite": "ecdsa-rdfc-2019"}},
            {"@context": ["https://www.w3.org/ns/credentials/v2", "https://example.org/new"]},
            {"@context": "https://www.w3.org/ns/credentials/v2"},
            {"issuer": "Cambrian University"},
            {"credentialSubject": {"@type": "Person"}},
        ],
        ids=["no-proofs", "another-suite", "new-words", "no-list", "no-id", "a-keyword"],
    )
    def test_what_this_version_cannot_read_could_not_be_checked(
        self, different: dict[str, Any]
    ) -> None:
        document = format_jcs({**json.loads(signed_badge()), **different})
        assert self.judged(document) == ("valid", "credential/unknown")

    @pytest.mark.parametrize(
        "value",
        [
            {},
            {"@context": []},
            {"@context": ["https://www.w3.org/2018/credentials/v1"]},
            {"type": ["Other"]},
        ],
    )
    def test_other_documents_have_no_such_check(self, value: dict[str, Any]) -> None:
        document = format_jcs({**badge(), **value} if value else value)
        assert checks(judge(document, World(document=document).receipt())) == {}


def test_a_receipt_of_no_document_has_no_such_checks() -> None:
    revoked = World(payload=StatusChange("revoke", some_hash("x"), "other", 1)).receipt(
        holder=False
    )
    verdict = judge(Issued().whole, revoked)
    assert (verdict.outcome, checks(verdict)) == ("cannot tell", {})
    assert the(verdict, "document").code == "document/none"
