"""Open Badges and other VC 2.0 documents in the verdict: the issuer's own proof."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.proof.credentials.data_integrity import sign_document
from chalicelib.proof.jcs import format_jcs
from chalicelib.proof.policy import Policy

from .credential_world import (
    P256,
    badge,
    badge_until,
    checks,
    judge,
    method_of,
    signed_badge,
    with_key,
)
from .credentials_samples import (
    CREATED,
)
from .world import (
    AT_MS,
    ISSUER,
    ISSUER_KEY,
    STRANGER,
    World,
)


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
